#include "controller/cli/exit_code.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "common/base/status.h"

namespace dbfleet::cli {
namespace {

using api::v1::Job;

Job Ended(Job::State state, const std::string& reason = "") {
  Job job;
  job.set_state(state);
  job.set_error_reason(reason);
  return job;
}

TEST(ExitCodeTest, EveryEndOfAJobHasItsCode) {
  EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_SUCCEEDED)), 0);
  for (const auto state : {Job::STATE_FAILED, Job::STATE_PARTIAL, Job::STATE_ROLLED_BACK,
                           Job::STATE_CANCELLED, Job::STATE_EXPIRED}) {
    EXPECT_EQ(ExitCodeOf(Ended(state)), 1) << state;
  }
  EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_REFUSED)), 5);
  EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_REJECTED)), 5);
  EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_AWAITING_APPROVAL)), 8);
}

TEST(ExitCodeTest, AJobThatAnAgentsLocalPolicyRefusedIsRefused) {
  for (const char* reason : {"ACTION_FORBIDDEN", "INSPECTION_NOT_SAFE", "FORBIDDEN_STATEMENT"}) {
    EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_FAILED, reason)), 5) << reason;
  }
  EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_FAILED, "DIGEST_MISMATCH")), 6);
  EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_FAILED, "ROLLBACK_INCOMPLETE")), 1);
  // Some targets did change: no refusal of the whole.
  EXPECT_EQ(ExitCodeOf(Ended(Job::STATE_PARTIAL, "ACTION_FORBIDDEN")), 1);
}

TEST(ExitCodeTest, AReasonThatOnlySomeTargetsHaveIsNotTheJobs) {
  const auto code = [](const std::vector<std::string>& reasons) {
    Job job = Ended(Job::STATE_FAILED, reasons[0]);
    job.add_tasks();  // Skipped, without an error.
    for (const std::string& reason : reasons) job.add_tasks()->set_error_reason(reason);
    return ExitCodeOf(job);
  };
  EXPECT_EQ(code({"ACTION_FORBIDDEN", "FORBIDDEN_STATEMENT"}), 5);
  EXPECT_EQ(code({"DIGEST_MISMATCH", "DIGEST_MISMATCH"}), 6);
  EXPECT_EQ(code({"ACTION_FORBIDDEN", "ROLLBACK_INCOMPLETE"}), 1);
  EXPECT_EQ(code({"DIGEST_MISMATCH", "OUTCOME_UNKNOWN"}), 1);
  EXPECT_EQ(code({"DIGEST_MISMATCH", "ACTION_FORBIDDEN"}), 1);
}

TEST(ExitCodeTest, EveryErrorOfTheControllerAndOfThisHostHasItsCode) {
  using absl::StatusCode;
  struct Case {
    StatusCode code;
    const char* reason;
    int wanted;
  };
  for (const Case& c : {Case{StatusCode::kInvalidArgument, "BAD_SQL", 2},
                        {StatusCode::kInvalidArgument, "AMBIGUOUS_ID", 2},
                        {StatusCode::kInvalidArgument, "NO_DATABASE_DUMP", 2},
                        {StatusCode::kInvalidArgument, "FILE_TOO_LARGE", 2},
                        {StatusCode::kResourceExhausted, "FILE_TOO_LARGE", 2},
                        {StatusCode::kNotFound, "NO_SUCH_WINDOW", 2},
                        {StatusCode::kInvalidArgument, "BAD_TOKEN", 4},
                        {StatusCode::kUnauthenticated, "TOKEN_EXPIRED", 4},
                        {StatusCode::kUnauthenticated, "NOT_LOGGED_IN", 4},
                        {StatusCode::kPermissionDenied, "ROLE_MISSING", 4},
                        {StatusCode::kPermissionDenied, "SELF_APPROVAL", 4},
                        {StatusCode::kPermissionDenied, "ACTION_FORBIDDEN", 5},
                        {StatusCode::kFailedPrecondition, "REFUSED_BY_POLICY", 5},
                        {StatusCode::kInvalidArgument, "INSPECTION_NOT_SAFE", 5},
                        {StatusCode::kAborted, "DIGEST_CHANGED", 6},
                        {StatusCode::kFailedPrecondition, "BAD_STATE", 6},
                        {StatusCode::kAlreadyExists, "USER_EXISTS", 6},
                        {StatusCode::kUnavailable, "SHUTTING_DOWN", 7},
                        {StatusCode::kDeadlineExceeded, "", 7},
                        {StatusCode::kDeadlineExceeded, "WAIT_TIMED_OUT", 9},
                        {StatusCode::kNotFound, "NOT_FOUND", 1},
                        {StatusCode::kResourceExhausted, "STORE_OVERLOADED", 1},
                        {StatusCode::kInternal, "STORE_ERROR", 1},
                        {StatusCode::kPermissionDenied, "FILE_PERMISSION", 1},
                        {StatusCode::kFailedPrecondition, "SECRET_FILE_MODE", 1},
                        {StatusCode::kFailedPrecondition, "NO_CONTEXT_FILE", 1},
                        {StatusCode::kInvalidArgument, "BAD_CONTEXT_FILE", 1}}) {
    EXPECT_EQ(ExitCodeOf(Error(c.code, c.reason, "m")), c.wanted) << c.reason;
  }
}

}  // namespace
}  // namespace dbfleet::cli
