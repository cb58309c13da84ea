#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/actions/migrate/deed.h"
#include "agent/actions/migrate/effect.h"
#include "agent/actions/migrate/history.h"
#include "common/sql/sql.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// One statement of a migration file.
struct PlannedStatement {
  int index = 0;  // In the plan's forward or rollback list.
  std::string version;
  std::string text;
  std::string shown;   // To people: without passwords.
  std::string sha256;  // Of the text, so that a recovery can tell the files are the same.
  std::string file;
  int line = 0;
  sql::Verdict verdict;
  Effect effect = Effect::kOpaque;
  Deed deed;
  bool neutral = false;  // Leaves nothing that would have to be undone: settings, reads.
  // After it succeeded, the same schema fingerprint as before means that it did nothing.
  bool tells = false;
  // It can succeed without having made all that it names, and nothing shows that: its undoing could
  // remove what was there before.
  bool unproven = false;
  std::vector<work::v1::Finding> findings;  // Forward statements only.

  std::string Where() const;  // "0007_x.up.sql:3".
};

// What a job does to one version, and how that is undone.
struct VersionUnit {
  HistoryRow after;   // The version's row once the unit is done...
  HistoryRow before;  // ...and once it is undone. `attempt` is not set.
  std::vector<PlannedStatement> forward;
  std::vector<PlannedStatement> backward;
  bool forward_atomic = false;  // One transaction with the history row (PostgreSQL).
  bool backward_atomic = false;
  // Each statement of `forward` is undone by one of `backward`, told by verb and object (PairUndo),
  // so that after a failure half-way exactly what took effect is undone.
  bool mirrored = false;
  std::string irreversible_reason;  // Not empty: `backward` is empty.

  const std::string& version() const { return after.version; }
};

// A whole job on one target, as the files and the history tell it.
struct MigrationModel {
  work::v1::MigrateDirection direction = work::v1::MIGRATE_DIRECTION_UNSPECIFIED;
  std::vector<VersionUnit> units;  // In execution order.
  std::vector<std::string> irreversible;
  std::vector<std::string> warnings;
  // Of MigrateSpec.unsettled_versions, those for which the history has nothing to do.
  std::vector<std::string> unsettled;
};

struct ModelInput {
  const work::v1::MigrateSpec* spec = nullptr;
  std::string database;
  sql::Dialect dialect = sql::Dialect::kMySql;
  // As the server calls it; "": not known. Its modes stay unknown: a file may change them.
  std::string server_version;
  bool transactional_ddl = false;
  // MySQL/MariaDB: every table of the database is transactional.
  bool atomic_data = false;
  // The target's history as it was before the attempt.
  std::vector<HistoryRow> history;
  std::function<absl::StatusOr<std::string>(const work::v1::ContentRef&)> content;
};

// Errors before anything is read from a target: INVALID_ARGUMENT with reason BAD_MIGRATION (missing
// database or direction, versions not ascending or twice, an account id missing...).
absl::Status ValidateSpec(const work::v1::MigrateSpec& spec);

// Chooses the versions, cuts and checks their files. Pure but for `content`. Errors:
// FAILED_PRECONDITION with reason CHECKSUM_MISMATCH, OUT_OF_ORDER, VERSION_NOT_APPLIED,
// VERSION_UNKNOWN or IRREVERSIBLE; INVALID_ARGUMENT with reason BAD_SQL, FORBIDDEN_STATEMENT or
// EMPTY_MIGRATION and file:line; errors of `content`.
absl::StatusOr<MigrationModel> BuildModel(const ModelInput& input);

// Numerically, whatever the leading zeros: <0, 0, >0.
int CompareVersions(absl::string_view a, absl::string_view b);

// `history` as it was before `attempt` did anything, which it tells from who wrote each row last.
std::vector<HistoryRow> HistoryBefore(std::vector<HistoryRow> history, absl::string_view attempt,
                                      work::v1::MigrateDirection direction);

}  // namespace dbfleet::agent
