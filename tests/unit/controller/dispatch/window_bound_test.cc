// An agent is the first to see that the window has closed in which it works, by whose end its job
// is cancelled: it is cancelled then, and nothing has failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/audit/recovery.h"
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
  void Look() {
    for (int i = 0; i < 2; ++i) {
      clock_.JumpWallClock(absl::Seconds(30));
      jobs_.Tick();
      executor_.RunAll();
    }
  }
  agent::v1::AttemptState Running(absl::Time bound) const {
    agent::v1::AttemptState state;
    state.set_attempt_id(running_.attempt_id());
    state.set_task_id(running_.task_id());
    state.set_fence(running_.fence());
    state.set_phase(agent::v1::ATTEMPT_PHASE_RUNNING);
    *state.mutable_not_after() = ToProto(bound);
    return state;
  }
  // The window, from when it was declared first.
  void DeclareUntil(absl::Time end, const std::vector<DeclaredWindow>& others = {}) {
    DeclaredWindow window = Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel);
    window.window.times.once = Span{closes_ - absl::Hours(1), end};
    std::vector<DeclaredWindow> all = {window};
    all.insert(all.end(), others.begin(), others.end());
    Declare(all);
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

// The agent, whose history does not tell, must not take it for taken back.
TEST_F(WindowBoundTest, TheRollbackSaysWhichVersionsWereLeftHalfWay) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kStop);
  work::v1::TaskResult result;
  result.mutable_migrate()->add_remaining_versions("1");
  agent_.Finish(running_, agent::v1::OUTCOME_FAILED, result, "ROLLBACK_INCOMPLETE");
  RollbackRequest ask;
  ask.job_id = job;
  ask.approve_destructive = true;
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, ask));
  work::v1::JobSpec spec;
  ASSERT_TRUE(spec.ParseFromString(rollback.spec_blob));
  EXPECT_THAT(spec.migrate().unsettled_versions(), ::testing::ElementsAre("1"));
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
  Look();
  EXPECT_EQ(agent_.NotAfter(running_), closes_);
  EXPECT_FALSE(Audited("attempt.bound"));
}

TEST_F(WindowBoundTest, APolicyThatWantsNoWindowAnyMoreMovesNoEndOfWhatWasApprovedBefore) {
  OneDoneAndOneRuns(OnFailure::kStop);
  ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kNone; });
  Look();
  EXPECT_EQ(agent_.NotAfter(running_), closes_);
}

// A stream breaks, and what was said on it with it.
TEST_F(WindowBoundTest, WhatMovedWhileItsAgentWasAwayIsToldWhenItIsBack) {
  OneDoneAndOneRuns(OnFailure::kStop);
  agent_.Disconnect();
  DeclaredWindow longer = Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel);
  longer.window.times.once = Span{closes_ - absl::Hours(1), closes_ + absl::Hours(1)};
  Declare({longer});
  Look();
  agent_.Connect({Running(closes_)});
  EXPECT_EQ(agent_.NotAfter(running_), closes_ + absl::Hours(1));
}

// The guide says so: a freeze lets go on what runs, until the end of the window that carries it.
TEST_F(WindowBoundTest, UnderAFreezeTheEndMovesToo) {
  OneDoneAndOneRuns(OnFailure::kStop);
  const DeclaredWindow freeze = Freeze("hold", absl::ZeroDuration(), absl::Hours(5));
  DeclareUntil(closes_ + absl::Hours(2), {freeze});
  Look();
  EXPECT_EQ(agent_.NotAfter(running_), closes_ + absl::Hours(2));
  DeclareUntil(closes_ - absl::Minutes(50), {freeze});
  Look();
  EXPECT_EQ(agent_.NotAfter(running_), closes_ - absl::Minutes(50));
}

// Between the window's extension and the next look.
TEST_F(WindowBoundTest, AFailureBehindAnEndThatWasExtendedIsOne) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kRollback);
  DeclareUntil(closes_ + absl::Hours(2));
  clock_.JumpWallClock(absl::Minutes(60) + absl::Seconds(1));
  work::v1::TaskResult result;
  result.mutable_migrate()->set_rolled_back(true);
  agent_.Finish(running_, agent::v1::OUTCOME_FAILED, result, "STATEMENT_FAILED");
  EXPECT_EQ(Rollbacks(), 1);
  EXPECT_NE(JobOf(job).error_reason, "WINDOW_CLOSED");
}

// The store is restored from a copy, whose windows are those of another time.
class RestoredBoundTest : public WindowBoundTest {
 protected:
  void Restore(absl::Time told) {
    agent_.Disconnect();
    store_.AddStart(400, 0);
    agent_.highest_epoch = 500;
    agent_.Connect({Running(told)});
    EXPECT_TRUE(ReadFrom(store_, InRecovery).value());
  }
  // Of what runs, which the agent has and is told nothing else of.
  absl::Time Bound(const std::string& job) {
    EXPECT_EQ(agent_.NotAfter(running_), FromProto(running_.not_after()));
    for (const Attempt& attempt : AttemptsOf(job)) {
      if (attempt.id == running_.attempt_id()) return attempt.not_after;
    }
    return absl::InfinitePast();
  }
  // The second target's grant was in the lost life.
  std::string OneDoneAndOneOffered() {
    Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
    ChangeRequest request = MakeChange();
    request.instances = {"orders-db", "users-db"};
    request.max_parallel = 1;
    const Job job = ApprovedOf(request);
    agent_.Finish(Begun(), agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
    running_ = Unanswered();
    job_looks_.Stop();
    return job.id;
  }
};

TEST_F(RestoredBoundTest, AWindowThatWasEndedSoonerInTheLostLifeEndsWhatTheStoreCallsGranted) {
  const std::string job = OneDoneAndOneRuns(OnFailure::kStop);
  Restore(closes_ - absl::Minutes(40));
  Look();
  EXPECT_EQ(Bound(job), closes_ - absl::Minutes(40));
}

TEST_F(RestoredBoundTest, AWindowThatWasEndedSoonerInTheLostLifeEndsWhatWasGrantedThere) {
  const std::string job = OneDoneAndOneOffered();
  Restore(closes_ - absl::Minutes(40));
  EXPECT_TRUE(Audited("attempt.reclaim"));
  Look();
  EXPECT_EQ(Bound(job), closes_ - absl::Minutes(40));
}

TEST_F(RestoredBoundTest, WhatWasExtendedInTheLostLifeIsNotCancelledInRecoveryBeforeItsOwnEnd) {
  const std::string job = OneDoneAndOneOffered();
  clock_.JumpWallClock(absl::Minutes(70));
  const absl::Time end = clock_.Now() + absl::Hours(2);
  Restore(end);
  Look();
  EXPECT_EQ(StateOf(job), "rolling");
  EXPECT_EQ(Bound(job), end);
  EXPECT_TRUE(agent_.Sent(agent::v1::ControllerMsg::kCancel).empty());
  clock_.JumpWallClock(absl::Hours(2));
  Look();
  EXPECT_EQ(StateOf(job), "cancelling");
}

TEST_F(RestoredBoundTest, WhatIsPausedIsNotCancelledInRecovery) {
  const std::string job = OneDoneAndOneOffered();
  Must(jobs_.Pause({"users/ada", ""}, job, "lunch"));
  agent_.Disconnect();
  store_.AddStart(400, 0);
  agent_.highest_epoch = 500;
  agent_.Connect();
  EXPECT_TRUE(ReadFrom(store_, InRecovery).value());
  clock_.JumpWallClock(absl::Minutes(70));
  Look();
  EXPECT_EQ(StateOf(job), "paused");
}

}  // namespace
}  // namespace dbfleet::controller
