#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/engine/engine.h"
#include "common/sql/sql.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// dbfleet's two tables in each target database; SqlMigrations::HistoryDdl creates them.
//
// dbfleet_schema_history: one row per version, its present state.
//   version         as the file's name spells it; primary key
//   name, checksum  of the file; checksum is the SHA-256 of the up part
//   state           'applied' or 'rolled_back' (taken out again, or undone after a failure)
//   job, attempt, fence   who brought it into this state
//   changed_at      UTC, by the agent's clock
//   execution_ms    time that its statements took
//
// dbfleet_step_log: one row per statement that an attempt began, and one (step_index -1) per
// attempt.
//   attempt, is_rollback, step_index   unique, so that the server itself refuses a second execution
//   job, fence, version, sql_sha256
//   state           'began' (the attempt's row); 'intent' before and 'done', 'failed', 'exists',
//                   'unsure' or 'skipped' after a statement; a statement in a transaction has only
//                   its last state, written in that transaction
//   tries           executions, more than one only after a lock time-out
//   fingerprint     of the schema before the statement (attempt's row: before the attempt)
//   rows_affected, duration_ms, started_at, ended_at
//   error           of an intent: which index a CREATE or DROP INDEX CONCURRENTLY is about
namespace step_state {
inline constexpr absl::string_view kBegan = "began";
inline constexpr absl::string_view kIntent = "intent";
inline constexpr absl::string_view kDone = "done";
inline constexpr absl::string_view kFailed = "failed";  // Took no effect.
inline constexpr absl::string_view kExists =
    "exists";  // Took none, or changed nothing: what it makes was there before. Never undone.
inline constexpr absl::string_view kUnsure = "unsure";    // Failed, and may have stopped half-way.
inline constexpr absl::string_view kSkipped = "skipped";  // Rollback: there was nothing to undo.
}  // namespace step_state

inline constexpr absl::string_view kApplied = "applied";
inline constexpr absl::string_view kRolledBack = "rolled_back";
inline constexpr int kAttemptRow = -1;

struct HistoryRow {
  std::string version;
  std::string name;
  std::string checksum;
  std::string state;
  std::string attempt;
  int64_t execution_ms = 0;
};

struct StepRow {
  int index = 0;
  bool rollback = false;
  std::string version;
  std::string state;
  std::string sql_sha256;
  std::string fingerprint;
  int64_t rows_affected = -1;
  int64_t duration_ms = 0;
  std::string error;
};

// Who writes.
struct AttemptId {
  std::string job;
  std::string attempt;
  uint64_t fence = 0;
};

// The tables' content, through a session that the caller holds. Every call is one statement (two
// for PutVersion), in the caller's transaction if there is one. Stateless but for its constants, so
// thread-safe; errors are the session's.
class TargetHistory {
 public:
  // `clock` must outlive it.
  TargetHistory(sql::Dialect dialect, absl::string_view database, AttemptId id, const Clock& clock);

  const AttemptId& id() const { return id_; }

  absl::StatusOr<std::vector<HistoryRow>> ReadVersions(MigrationSession& session) const;
  // This attempt's rows, its own row among them.
  absl::StatusOr<std::vector<StepRow>> ReadSteps(MigrationSession& session) const;
  // 0 if nothing was ever recorded.
  absl::StatusOr<uint64_t> HighestFence(MigrationSession& session) const;

  // A new row; ALREADY_EXISTS or another error of the server if the step has one.
  absl::Status InsertStep(MigrationSession& session, const StepRow& row) const;
  // Changes state, error, rows and duration of a step that has a row.
  absl::Status UpdateStep(MigrationSession& session, const StepRow& row) const;
  // The same step again after a lock time-out: its row becomes an intent once more.
  absl::Status RenewIntent(MigrationSession& session, const StepRow& row) const;
  // Replaces the version's row. To be called in a transaction.
  absl::Status PutVersion(MigrationSession& session, const HistoryRow& row) const;

 private:
  std::string Now(const MigrationSession& session) const;
  std::string StepKey(const MigrationSession& session, const StepRow& row) const;

  const AttemptId id_;
  const Clock& clock_;
  std::string versions_table_;
  std::string steps_table_;
};

}  // namespace dbfleet::agent
