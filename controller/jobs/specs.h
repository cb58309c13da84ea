#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/sql.h"
#include "controller/domain/types.h"
#include "controller/store/store.h"
#include "dbfleet/work/v1/work.pb.h"

// Opening and closing the blobs in which specifications, plans and results lie in the store.
namespace dbfleet::controller {

// DATA_LOSS (BAD_BLOB) if the stored bytes do not parse.
absl::StatusOr<work::v1::JobSpec> ParseSpec(const Job& job);
absl::StatusOr<work::v1::JobSpec> ParseSpec(const Job& job, const Task& task);
absl::StatusOr<work::v1::Plan> ParsePlan(const Task& task);
absl::StatusOr<work::v1::TaskResult> ParseResult(const Task& task);

// The SHA-256 of the manifest that the backup's own result reported; "" before there is a result.
absl::StatusOr<std::string> ManifestOf(const Backup& backup);

// The specification as an agent gets it: the files' contents inline as long as they are at most 1
// MiB together; beyond that the agent fetches them by their hashes. A verification names the
// manifest of the very backup that is known here.
absl::StatusOr<work::v1::JobSpec> SpecForAgent(ReadTx& tx, work::v1::JobSpec spec);
inline constexpr int64_t kMaxInlineBytes = 1 << 20;

// Hex SHA-256 over the engines ("mysql", "postgres") and the migrations' versions, names and files:
// two changes with the same one are the same change, wherever and in which direction they are
// applied.
std::string ContentDigest(const std::set<std::string>& engines, const work::v1::MigrateSpec& spec);

// Does the specification name a file with this hash?
bool SpecNamesContent(const work::v1::JobSpec& spec, absl::string_view sha256);

// The dialect of an instance's server; the worst of the family when the version is not known yet.
sql::Dialect DialectOf(const Instance& instance);

// Only an executing migration changes anything that a second run would change again.
bool SafeToRerun(JobKind kind, Purpose purpose);

// A list of databases makes sense where the engine keeps them apart. INVALID_ARGUMENT
// (NO_DATABASE_DUMP) for Redis, whose dump is always the whole instance.
absl::Status CheckDatabasesFit(const Instance& instance, const std::vector<std::string>& databases);

// Work that must have the instance for itself.
bool IsExclusive(JobKind kind, Purpose purpose);

}  // namespace dbfleet::controller
