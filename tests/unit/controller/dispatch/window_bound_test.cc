// An agent is the first to see that the window has closed in which it works, by whose end its job
// is cancelled: it is cancelled then, and nothing has failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;

class WindowBoundTest : public WindowFixture {
 protected:
  // Of two targets one is whole, and one runs; the window closes in an hour.
  std::string OneDoneAndOneRuns(OnFailure on_failure) {
    Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
    ChangeRequest request = MakeChange();
    request.instances = {"orders-db", "users-db"};
    request.max_parallel = 1;
    request.rollout.on_failure = on_failure;
    const Job job = ApprovedOf(request);
    agent_.Finish(Begun(), agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
    running_ = Begun();
    EXPECT_EQ(agent_.NotAfter(running_), closes_);
    job_looks_.Stop();  // Nobody else looks at the time.
    return job.id;
  }
  void CutShortAt(absl::Time time, bool rolled_back = true) {
    clock_.JumpWallClock(time - clock_.Now());
    work::v1::TaskResult result;
    result.mutable_migrate()->set_rolled_back(rolled_back);
    if (!rolled_back) result.mutable_migrate()->add_remaining_versions("1");
    agent_.Finish(running_, agent::v1::OUTCOME_FAILED, result,
                  rolled_back ? "NOT_AFTER_PASSED" : "ROLLBACK_INCOMPLETE");
  }
  int Rollbacks() {
    int found = 0;
    const auto page = ReadFrom(store_, [](ReadTx& tx) {
                        return tx.ListJobs({}, {1000, ""});
                      }).value();
    for (const Job& job : page.items) found += job.rollback_of.empty() ? 0 : 1;
    return found;
  }

  const absl::Time closes_ = clock_.Now() + absl::Hours(1);
  agent::v1::Offer running_;
};

TEST_F(WindowBoundTest, WhatItsCloseCutShortIsCancelledAndNotRolledBackEverywhere) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kRollback);
  CutShortAt(closes_);
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(JobOf(job).error_reason, "WINDOW_CLOSED");
  EXPECT_EQ(JobOf(job).error_message, "the window tonight has closed");
  EXPECT_TRUE(Audited("job.cancel"));
  EXPECT_EQ(Rollbacks(), 0);
}

TEST_F(WindowBoundTest, AnAgentWhoseClockIsAheadMakesItNoFailureEither) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kRollback);
  CutShortAt(closes_ - absl::Seconds(25));
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_THAT(JobOf(job).error_message, HasSubstr("for agents/db1 the window tonight has closed"));
  EXPECT_EQ(Rollbacks(), 0);
}

TEST_F(WindowBoundTest, ItDoesNotPauseForItsFailureBudget) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kPause);
  CutShortAt(closes_);
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(JobOf(job).error_reason, "WINDOW_CLOSED");
}

// A person looks at what could not be taken back; the others stay as they are until somebody asks.
TEST_F(WindowBoundTest, WhatCouldNotBeTakenBackIsSaidAndTheOthersStay) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kRollback);
  CutShortAt(closes_ - absl::Seconds(25), /*rolled_back=*/false);
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(JobOf(job).error_reason, "ROLLBACK_INCOMPLETE");
  EXPECT_EQ(Detail("job.cancel", "reason").substr(0, 14), "for agents/db1");
  EXPECT_EQ(Rollbacks(), 0);
}

TEST_F(WindowBoundTest, ARealFailureIsOneStill) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kRollback);
  work::v1::TaskResult result;
  result.mutable_migrate()->set_rolled_back(true);
  agent_.Finish(running_, agent::v1::OUTCOME_FAILED, result, "DATABASE_ERROR");
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(Rollbacks(), 1);
}

// Of what is whole wherever it was done the rollback is a change as any other: it waits for a
// window of its own.
TEST_F(WindowBoundTest, TheRollbackThatAPersonAsksForWaitsForAWindow) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kStop);
  CutShortAt(closes_);
  RollbackRequest ask;
  ask.job_id = job;
  ask.approve_destructive = true;
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, ask));
  Run(Unanswered(), MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, rollback.id, JobOf(rollback.id).digest, "back"));
  EXPECT_THAT(WhyOf(rollback.id), HasSubstr("no maintenance window is open"));
  EXPECT_FALSE(IsOffered());
}

// A window that carries work ends what it carries, whatever else is open, or needed.
TEST_F(WindowBoundTest, WhatIsQueuedEndsWithTheWindowThatCarriesIt) {
  ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kNone; });
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel),
           Once("all-day", absl::ZeroDuration(), absl::Hours(20), Overrun::kCancel)});
  ChangeRequest request = MakeChange();
  request.queue = {"tonight", 50, absl::Minutes(10)};
  const Job job = ApprovedOf(request);
  const agent::v1::Offer offer = Begun();
  EXPECT_EQ(agent_.NotAfter(offer), closes_);
  Pass(absl::Seconds(10));
  EXPECT_EQ(agent_.NotAfter(offer), closes_);
  EXPECT_FALSE(Audited("attempt.bound"));
}

// What runs keeps the end that it was given: to know none is no reason to go on for longer.
TEST_F(WindowBoundTest, WindowsThatCannotBeReadMoveNoEnd) {
  OneDoneAndOneRuns(OnFailure::kStop);
  windows_ = Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT", "a window is unreadable");
  job_looks_.Start();
  Pass(absl::Seconds(10));
  EXPECT_EQ(agent_.NotAfter(running_), closes_);
  EXPECT_FALSE(Audited("attempt.bound"));
}

TEST_F(WindowBoundTest, APolicyThatWantsNoWindowAnyMoreMovesNoEndOfWhatWasApprovedBefore) {
  OneDoneAndOneRuns(OnFailure::kStop);
  ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kNone; });
  job_looks_.Start();
  Pass(absl::Seconds(10));
  EXPECT_EQ(agent_.NotAfter(running_), closes_);
}

// A stream breaks, and what was said on it with it.
TEST_F(WindowBoundTest, WhatMovedWhileItsAgentWasAwayIsToldWhenItIsBack) {
  OneDoneAndOneRuns(OnFailure::kStop);
  agent_.Disconnect();
  DeclaredWindow longer = Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel);
  longer.window.times.once = Span{closes_ - absl::Hours(1), closes_ + absl::Hours(1)};
  Declare({longer});
  clock_.JumpWallClock(absl::Minutes(1));
  jobs_.Tick();
  executor_.RunAll();
  agent::v1::AttemptState state;
  state.set_attempt_id(running_.attempt_id());
  state.set_fence(running_.fence());
  state.set_phase(agent::v1::ATTEMPT_PHASE_RUNNING);
  agent_.Connect({state});
  EXPECT_EQ(agent_.NotAfter(running_), closes_ + absl::Hours(1));
}

}  // namespace
}  // namespace dbfleet::controller
