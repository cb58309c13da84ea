#include "controller/store/sqlite/schema.h"

#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/status.h"

namespace dbfleet::controller::sqlite {
namespace {

absl::Status RunSteps(Connection& connection, int64_t from, absl::Span<const SchemaStep> steps) {
  for (const SchemaStep& step : steps) {
    if (step.version <= from) continue;
    RETURN_IF_ERROR(Annotate(connection.Execute(step.sql),
                             absl::StrCat("upgrade of the store to schema ", step.version)));
    if (step.then != nullptr) RETURN_IF_ERROR(step.then(connection));
  }
  const std::string marks = absl::StrCat("PRAGMA application_id = ", kApplicationId,
                                         "; PRAGMA user_version = ", steps.back().version);
  return connection.Execute(marks.c_str());
}

}  // namespace

absl::Status CheckIsStore(Connection& connection) {
  ASSIGN_OR_RETURN(const int64_t id, connection.QueryInt("PRAGMA application_id"));
  if (id == kApplicationId) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t tables, connection.QueryInt("SELECT count(*) FROM sqlite_schema"));
  if (id == 0 && tables == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NOT_A_STORE",
               "the file is a SQLite database, but not a dbfleet store; name another path");
}

absl::Status UpgradeSchema(Connection& connection, absl::Span<const SchemaStep> steps) {
  ASSIGN_OR_RETURN(const int64_t version, connection.QueryInt("PRAGMA user_version"));
  const int newest = steps.back().version;
  if (version > newest) {
    return Error(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW",
                 absl::StrCat("the store has schema ", version,
                              ", this program knows schemas up to ", newest,
                              "; install the newer controller again, or restore a store of "
                              "this version"));
  }
  if (version == newest) return absl::OkStatus();
  RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE"));
  absl::Status status = RunSteps(connection, version, steps);
  if (status.ok()) status = DBFLEET_FAILPOINT_STATUS("store.upgrade.before", "");
  if (status.ok()) status = connection.Execute("COMMIT");
  if (status.ok()) status = DBFLEET_FAILPOINT_STATUS("store.upgrade.after", "");
  if (!status.ok() && connection.in_transaction()) {
    if (const absl::Status undo = connection.Execute("ROLLBACK"); !undo.ok()) {
      return Annotate(status, undo.message());
    }
  }
  return status;
}

}  // namespace dbfleet::controller::sqlite
