#include <filesystem>

#include "common/base/files.h"
#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

class RunnerRecoveryTest : public RunnerFixture {
 protected:
  // The journal as an earlier life has left it.
  void LeaveBehind(const v1::Offer& offer, v1::AttemptPhase phase) {
    ASSERT_TRUE(journal_->Accept(offer, clock_.Monotonic(), boot_id_).ok());
    if (phase >= v1::ATTEMPT_PHASE_GRANTED) {
      ASSERT_TRUE(journal_->Grant(MakeGrant(offer)).ok());
    }
    if (phase >= v1::ATTEMPT_PHASE_RUNNING) {
      ASSERT_TRUE(journal_->Start(offer.attempt_id()).ok());
    }
  }
  // The runner begins; the recovery of a backup stands at the gate.
  void StartWithHeldRecovery(Gate& gate) {
    backup_.recover = [&gate](ActionContext&, const work::v1::JobSpec&) {
      gate.Pass();
      return ScriptedAction::Done();
    };
    MakeRunner();
    ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  }
};

TEST_F(RunnerRecoveryTest, ARunningAttemptIsRecoveredNeverRunAgain) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_RUNNING);
  ASSERT_TRUE(journal_->Checkpoint("a1", "child 7").ok());
  OpenJournal();
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(backup_.recoveries, 1);
  EXPECT_EQ(backup_.runs, 0);
  EXPECT_EQ(backup_.last_checkpoint, "child 7");
  runner_->HandleGrant(MakeGrant(Offer("a1", 1)));
  EXPECT_EQ(CountEvents("a1", v1::Event::kFinished), 1);
}

TEST_F(RunnerRecoveryTest, NothingElseTouchesTheInstanceUntilRecoveryIsOver) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_RUNNING);
  LeaveBehind(Offer("a2", 2), v1::ATTEMPT_PHASE_GRANTED);
  Gate gate;
  ASSERT_NO_FATAL_FAILURE(StartWithHeldRecovery(gate));
  EXPECT_EQ(PhaseOf("a2"), v1::ATTEMPT_PHASE_GRANTED);
  EXPECT_EQ(backup_.runs, 0);
  gate.Open();
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(backup_.runs, 1);
}

TEST_F(RunnerRecoveryTest, ACancelledRecoveryStillWaitsForItsInstance) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_RUNNING);
  LeaveBehind(Offer("a2", 2, "inspect"), v1::ATTEMPT_PHASE_RUNNING);
  Gate gate;
  ASSERT_NO_FATAL_FAILURE(StartWithHeldRecovery(gate));
  runner_->HandleCancel("a2", "a person");
  EXPECT_EQ(runner_->running(), 1);
  EXPECT_EQ(inspect_.recoveries, 0);
  gate.Open();
  OutcomeOf("a2");
  EXPECT_EQ(inspect_.recoveries, 1);
}

TEST_F(RunnerRecoveryTest, ARecoveryThatHangsLeavesTheWorkersToOthers) {
  workers_ = 1;
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_RUNNING);
  Gate gate;
  ASSERT_NO_FATAL_FAILURE(StartWithHeldRecovery(gate));
  OfferAndGrant(Offer("p1", 1, "backup", "payments"));
  EXPECT_EQ(OutcomeOf("p1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_RUNNING);
  gate.Open();
  OutcomeOf("a1");
}

TEST_F(RunnerRecoveryTest, ARecoveryThatHasNotBegunIsLeftToTheNextLife) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_RUNNING);
  LeaveBehind(Offer("a2", 2, "inspect"), v1::ATTEMPT_PHASE_RUNNING);
  Gate gate;
  ASSERT_NO_FATAL_FAILURE(StartWithHeldRecovery(gate));
  auto helper = MakeThreadPool("drain", 1);
  std::atomic<bool> drained{false};
  ASSERT_TRUE(helper->Add([&] {
    runner_->Drain(absl::Seconds(30));
    drained = true;
  }));
  ASSERT_TRUE(Await([&] { return clock_.pending_timers() == 2; }));
  gate.Open();
  EXPECT_TRUE(Await([&] { return drained.load(); }));
  EXPECT_EQ(PhaseOf("a2"), v1::ATTEMPT_PHASE_RUNNING);
  EXPECT_EQ(inspect_.recoveries, 0);
}

TEST_F(RunnerRecoveryTest, AGrantedAttemptStartsOnceWhileItsLeaseLasts) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_GRANTED);
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(backup_.runs, 1);
  EXPECT_EQ(backup_.recoveries, 0);
}

TEST_F(RunnerRecoveryTest, AGrantedAttemptWithoutALeaseWaitsForTheGrantToComeAgain) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_GRANTED);
  clock_.Advance(absl::Seconds(61));
  MakeRunner();
  OfferAndGrant(Offer("p1", 1, "backup", "payments"));
  OutcomeOf("p1");
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_GRANTED);
  runner_->HandleGrant(MakeGrant(Offer("a1", 1)));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(backup_.runs, 2);
}

TEST_F(RunnerRecoveryTest, AfterAHostRestartStartWithinCountsAsPassed) {
  v1::Offer offer = Offer("a1", 1);
  offer.mutable_start_within()->set_seconds(3600);
  LeaveBehind(offer, v1::ATTEMPT_PHASE_GRANTED);
  boot_id_ = "boot-2";
  MakeRunner();
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_GRANTED);
  runner_->HandleGrant(MakeGrant(offer));
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "START_TOO_LATE");
  EXPECT_EQ(backup_.runs, 0);
}

TEST_F(RunnerRecoveryTest, AnAcceptedAttemptWaitsForItsGrant) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_ACCEPTED);
  MakeRunner();
  EXPECT_EQ(backup_.runs, 0);
  runner_->HandleGrant(MakeGrant(Offer("a1", 1)));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(RunnerRecoveryTest, ACancelledGrantedAttemptEndsCancelled) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_GRANTED);
  ASSERT_TRUE(journal_->RequestCancel("a1").ok());
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_CANCELLED);
  EXPECT_EQ(backup_.runs, 0);
}

TEST_F(RunnerRecoveryTest, AnInterruptedPlanHasFailedAndLeftNothing) {
  v1::Offer offer = Offer("a1", 1, "migrate");
  offer.set_purpose(v1::PURPOSE_PLAN);
  LeaveBehind(offer, v1::ATTEMPT_PHASE_RUNNING);
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(migrate_.recoveries, 0) << "a migration's recovery would look for effects";
}

TEST_F(RunnerRecoveryTest, ARunningAttemptOfARemovedInstanceIsInterrupted) {
  LeaveBehind(Offer("a1", 1, "backup", "gone"), v1::ATTEMPT_PHASE_RUNNING);
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_INTERRUPTED);
}

TEST_F(RunnerRecoveryTest, AnUnstartedAttemptOfARemovedInstanceHasFailed) {
  LeaveBehind(Offer("a1", 1, "backup", "gone"), v1::ATTEMPT_PHASE_GRANTED);
  LeaveBehind(Offer("a2", 2, "backup", "gone"), v1::ATTEMPT_PHASE_ACCEPTED);
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "INSTANCE_UNKNOWN");
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(PhaseOf("a2"), v1::ATTEMPT_PHASE_ACCEPTED);
  runner_->HandleGrant(MakeGrant(Offer("a2", 2, "backup", "gone")));
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_FAILED);
}

TEST_F(RunnerRecoveryTest, ScratchFoldersStayOnlyForWhatIsRecovered) {
  LeaveBehind(Offer("a1", 1), v1::ATTEMPT_PHASE_RUNNING);
  const std::string scratch = folder_.path() + "/scratch/";
  ASSERT_TRUE(MakeDirectories(scratch + "a1", 0700).ok());
  ASSERT_TRUE(MakeDirectories(scratch + "old", 0700).ok());
  bool seen = false;
  backup_.recover = [&](ActionContext& context, const work::v1::JobSpec&) {
    seen = std::filesystem::exists(scratch + "a1");
    return ScriptedAction::Done();
  };
  MakeRunner();
  OutcomeOf("a1");
  EXPECT_TRUE(seen);
  EXPECT_FALSE(std::filesystem::exists(scratch + "old"));
  EXPECT_TRUE(Await([&] { return !std::filesystem::exists(scratch + "a1"); }));
}

TEST_F(RunnerRecoveryTest, WhatAnEarlierLifeWasGrantedIsGrantedAnewWhereRulesHaveASay) {
  const v1::Offer offer = Offer("a1", 1);
  v1::Grant grant = MakeGrant(offer);
  grant.mutable_begin_within()->set_seconds(5);
  ASSERT_TRUE(journal_->Accept(offer, clock_.Monotonic(), boot_id_).ok());
  ASSERT_TRUE(journal_->Grant(grant).ok());
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "START_TOO_LATE");
  EXPECT_EQ(backup_.runs, 0);
}

}  // namespace
}  // namespace dbfleet::agent
