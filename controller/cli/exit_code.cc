#include "controller/cli/exit_code.h"

#include <algorithm>
#include <string>

#include "absl/strings/string_view.h"

#include "common/base/status.h"

namespace dbfleet::cli {
namespace {

using api::v1::Job;

template <size_t N>
bool OneOf(const std::string& reason, const absl::string_view (&set)[N]) {
  return std::find(std::begin(set), std::end(set), reason) != std::end(set);
}

// Errors of files on this host use the codes that the controller uses for authorisation and state.
constexpr absl::string_view kLocalReasons[] = {
    "FILE_NOT_FOUND", "FILE_PERMISSION", "FILE_EXISTS",      "NOT_A_FILE",     "SECRET_FILE_MODE",
    "IO_ERROR",       "DISK_FULL",       "BAD_CONTEXT_FILE", "NO_CONTEXT_FILE"};
// What was handed in is wrong, whatever the code.
constexpr absl::string_view kInputReasons[] = {"FILE_TOO_LARGE", "NO_SUCH_WINDOW"};
// A refusal, whichever of the controller's policy, an agent's local one and the built-in rules
// about statements it comes from, as an error or as what ended a job.
constexpr absl::string_view kPolicyReasons[] = {"ACTION_FORBIDDEN",    "BLOCKED_BY_POLICY",
                                                "FORBIDDEN_STATEMENT", "INSPECTION_NOT_SAFE",
                                                "REFUSED_BY_POLICY",   "REJECTED"};
// The target is no longer what was planned and approved.
constexpr absl::string_view kStaleReasons[] = {"DIGEST_CHANGED", "DIGEST_MISMATCH"};
constexpr absl::string_view kTokenReasons[] = {"BAD_TOKEN"};
// Ours, and not the controller's, which would have been out of reach.
constexpr absl::string_view kWaitReasons[] = {"WAIT_TIMED_OUT"};

int CodeOfFailure(const std::string& reason) {
  if (OneOf(reason, kPolicyReasons)) return kExitRefused;
  if (OneOf(reason, kStaleReasons)) return kExitConflict;
  return kExitFailed;
}

// The job's own reason is that of one of its targets. What is said of the whole must hold for each
// that failed.
int CodeOfFailure(const Job& job) {
  const int code = CodeOfFailure(job.error_reason());
  for (const api::v1::Task& task : job.tasks()) {
    if (task.error_reason().empty() && task.error_message().empty()) continue;
    if (CodeOfFailure(task.error_reason()) != code) return kExitFailed;
  }
  return code;
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  if (status.ok()) return kExitOk;
  if (OneOf(reason, kLocalReasons)) return kExitFailed;
  if (OneOf(reason, kInputReasons)) return kExitUsage;
  if (OneOf(reason, kPolicyReasons)) return kExitRefused;
  if (OneOf(reason, kStaleReasons)) return kExitConflict;
  if (OneOf(reason, kTokenReasons)) return kExitNotAuthorised;
  if (OneOf(reason, kWaitReasons)) return kExitWaitTimedOut;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kExitNotAuthorised;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return kExitConflict;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    default:
      return kExitFailed;
  }
}

bool IsTerminal(Job::State state) {
  switch (state) {
    case Job::STATE_SUCCEEDED:
    case Job::STATE_PARTIAL:
    case Job::STATE_FAILED:
    case Job::STATE_ROLLED_BACK:
    case Job::STATE_CANCELLED:
    case Job::STATE_REFUSED:
    case Job::STATE_REJECTED:
    case Job::STATE_EXPIRED:
      return true;
    default:
      return false;
  }
}

int ExitCodeOf(const Job& job) {
  switch (job.state()) {
    case Job::STATE_SUCCEEDED:
      return kExitOk;
    case Job::STATE_REFUSED:
    case Job::STATE_REJECTED:
      return kExitRefused;
    case Job::STATE_FAILED:
      return CodeOfFailure(job);
    default:
      return IsTerminal(job.state()) ? kExitFailed : kExitPending;
  }
}

}  // namespace dbfleet::cli
