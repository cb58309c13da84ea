#include "agent/actions/migrate/result.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using dbfleet::agent::v1::OUTCOME_CANCELLED;
using dbfleet::agent::v1::OUTCOME_FAILED;
using dbfleet::agent::v1::OUTCOME_INTERRUPTED;
using dbfleet::agent::v1::OUTCOME_TIMED_OUT;

std::string ReasonOr(const absl::Status& status, absl::string_view otherwise) {
  const std::string reason = ReasonOf(status);
  return reason.empty() ? std::string(otherwise) : reason;
}

void SetClean(const Settlement& settlement, const absl::Status& cause, const absl::Status& stopped,
              bool lost, ActionResult* result) {
  result->result.mutable_migrate()->set_rolled_back(settlement.began);
  if (absl::IsCancelled(stopped)) {
    result->outcome = OUTCOME_CANCELLED;
    result->error_reason = ReasonOr(stopped, "CANCELLED");
  } else if (ForbidsBegin(stopped)) {
    // Before the first step: nothing was executed, so that nothing was taken back.
    result->result.mutable_migrate()->set_rolled_back(false);
    result->outcome = OUTCOME_FAILED;
    result->error_reason = ReasonOf(stopped);
  } else if (absl::IsDeadlineExceeded(stopped)) {
    result->outcome = OUTCOME_TIMED_OUT;
    result->error_reason = ReasonOr(stopped, "DEADLINE_PASSED");
  } else {
    result->outcome = OUTCOME_FAILED;
    if (lost && settlement.kind == Settlement::Kind::kUntouched) {
      result->error_reason = "INTERRUPTED_BEFORE_EFFECT";
    } else {
      // What never began was not taken back either.
      result->error_reason =
          settlement.began ? "MIGRATION_ROLLED_BACK" : ReasonOr(cause, "MIGRATION_FAILED");
    }
  }
}

}  // namespace

ActionResult RefusedResult(const absl::Status& status) {
  ActionResult result;
  result.outcome = OUTCOME_FAILED;
  result.error_reason = ReasonOr(status, "MIGRATION_FAILED");
  result.error_message = absl::StrCat(status.message(), "; nothing was changed");
  result.seen_fence = SeenFence(status);
  result.result.mutable_migrate();
  return result;
}

ActionResult UnsettledResult(const MigrationModel& model) {
  ActionResult result = RefusedResult(Error(
      absl::StatusCode::kFailedPrecondition, "VERSION_NOT_SETTLED",
      absl::StrCat("the change that this takes back left version ",
                   absl::StrJoin(model.unsettled, ", "),
                   " half-way: compare its error with what is there, and repair it by hand")));
  for (const std::string& version : model.unsettled) {
    result.result.mutable_migrate()->add_remaining_versions(version);
  }
  return result;
}

ActionResult AppliedResult(const MigrationModel& model) {
  work::v1::TaskResult result;
  work::v1::MigrateResult* migrate = result.mutable_migrate();
  for (const VersionUnit& unit : model.units) {
    if (model.direction == work::v1::MIGRATE_DIRECTION_UP) {
      migrate->add_applied_versions(unit.version());
    } else {
      migrate->add_rolled_back_versions(unit.version());
    }
  }
  return ActionResult::Succeeded(result);
}

ActionResult SettledResult(const MigrationModel& model, const Settlement& settlement,
                           const absl::Status& cause, const absl::Status& stopped, bool lost) {
  if (settlement.kind == Settlement::Kind::kAllApplied) return AppliedResult(model);
  ActionResult result;
  work::v1::MigrateResult* migrate = result.result.mutable_migrate();
  const bool up = model.direction == work::v1::MIGRATE_DIRECTION_UP;
  for (const std::string& version : settlement.undone) {
    if (up) migrate->add_rolled_back_versions(version);
  }
  for (const std::string& version : settlement.remaining) migrate->add_remaining_versions(version);
  result.error_message = absl::StrCat(cause.message(), "; ", settlement.detail);
  switch (settlement.kind) {
    case Settlement::Kind::kIncomplete:
      result.outcome = OUTCOME_FAILED;
      result.error_reason = "ROLLBACK_INCOMPLETE";
      if (!settlement.remaining.empty()) {
        absl::StrAppend(&result.error_message,
                        up ? "; still there, at least in part: version "
                           : "; taken out, at least in part: version ",
                        absl::StrJoin(settlement.remaining, ", "));
      }
      break;
    case Settlement::Kind::kUntouched:
    case Settlement::Kind::kRolledBack:
      SetClean(settlement, cause, stopped, lost, &result);
      break;
    default:
      result.outcome = OUTCOME_INTERRUPTED;
      result.error_reason = "OUTCOME_UNKNOWN";
      absl::StrAppend(&result.error_message,
                      "; look at dbfleet_step_log and dbfleet_schema_history in the target, then "
                      "say how the job is to be resolved");
  }
  return result;
}

}  // namespace dbfleet::agent
