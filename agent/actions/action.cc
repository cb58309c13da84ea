#include "agent/actions/action.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {
constexpr char kSeenFenceUrl[] = "dbfleet/seen_fence";
}  // namespace

ActionResult ActionResult::Succeeded(work::v1::TaskResult result) {
  ActionResult action;
  action.outcome = v1::OUTCOME_SUCCEEDED;
  action.result = std::move(result);
  return action;
}

ActionResult ActionResult::FromStatus(const absl::Status& status) {
  ActionResult action;
  switch (status.code()) {
    case absl::StatusCode::kCancelled:
      action.outcome = v1::OUTCOME_CANCELLED;
      break;
    case absl::StatusCode::kDeadlineExceeded:
      action.outcome = v1::OUTCOME_TIMED_OUT;
      break;
    case absl::StatusCode::kUnknown:
    // Success has a result; who ends up here with OK has lost track of what happened.
    case absl::StatusCode::kOk:
      action.outcome = v1::OUTCOME_INTERRUPTED;
      break;
    default:
      action.outcome = v1::OUTCOME_FAILED;
  }
  action.error_reason = ReasonOf(status);
  if (action.error_reason.empty()) action.error_reason = absl::StatusCodeToString(status.code());
  action.error_message =
      status.ok() ? "the action ended without a result" : std::string(status.message());
  action.seen_fence = SeenFence(status);
  return action;
}

bool ForbidsBegin(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "START_TOO_LATE" || reason == "BACKUP_GONE";
}

absl::Status StaleFence(uint64_t fence, uint64_t seen) {
  absl::Status status = Error(
      absl::StatusCode::kFailedPrecondition, "STALE_FENCE",
      absl::StrCat("this attempt has the fence ", fence, ", but one with ", seen,
                   " has worked on the database already. If no other attempt ran meanwhile, this "
                   "server is known under a second instance name: let it have one only"));
  status.SetPayload(kSeenFenceUrl, absl::Cord(absl::StrCat(seen)));
  return status;
}

uint64_t SeenFence(const absl::Status& status) {
  uint64_t seen = 0;
  const auto payload = status.GetPayload(kSeenFenceUrl);
  return payload.has_value() && absl::SimpleAtoi(std::string(*payload), &seen) ? seen : 0;
}

absl::StatusOr<work::v1::Plan> Action::Plan(ActionContext& context, const work::v1::JobSpec& spec) {
  return Error(absl::StatusCode::kUnimplemented, "NOT_PLANNED",
               absl::StrCat("the action ", name(), " has no plan; it is executed directly"));
}

ActionResult Action::Recover(ActionContext& context, const work::v1::JobSpec& spec,
                             absl::string_view checkpoint) {
  return ActionResult::FromStatus(
      Error(absl::StatusCode::kUnknown, "AGENT_RESTARTED",
            absl::StrCat("the agent ended while the action ", name(),
                         " was running; what took effect is not known")));
}

}  // namespace dbfleet::agent
