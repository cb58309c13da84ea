// A person pauses a rollout while some of its targets run and others are held back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/rollout_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::IsEmpty;

class RolloutPauseTest : public RolloutLifeTest {
 protected:
  void Pause(const std::string& job) { Must(jobs_.Pause({"users/ada", ""}, job, "wait")); }
  void Resume(const std::string& job) { Must(jobs_.Resume({"users/ada", ""}, job)); }
  agent::v1::Offer Begin(const agent::v1::Offer& offer) {
    agent_.Accept(offer);
    agent_.Start(offer);
    return offer;
  }
  // Nothing begins, and nothing is offered, however long it takes.
  void ExpectHeld(const std::string& job) {
    const int grants = agent_.Grants();
    Pass(absl::Minutes(3));
    EXPECT_EQ(WhyPaused(job), kPausedByPerson);
    EXPECT_THAT(NewOffers(), IsEmpty());
    EXPECT_EQ(agent_.Grants(), grants);
  }
  // The second wave of two, of which one runs and the other was offered when it was paused.
  std::string PausedInItsSecondWave(agent::v1::Offer* runs, agent::v1::Offer* held,
                                    OnFailure on_failure = OnFailure::kStop) {
    ChangeRequest request = MakeRollout();
    request.rollout.on_failure = on_failure;
    const std::string job = Begun(request);
    EndWave({"db-0"});
    EndChecks({"db-0"});
    const std::vector<agent::v1::Offer> offers = NewOffers();
    EXPECT_EQ(InstancesOf(offers), (std::set<std::string>{"db-1", "db-2"}));
    *runs = Begin(offers.at(0));
    *held = offers.at(1);
    Pause(job);
    return job;
  }
};

TEST_F(RolloutPauseTest, WhatWasOfferedIsHeldAndWhatRunsGoesOn) {
  agent::v1::Offer runs, held;
  const std::string job = PausedInItsSecondWave(&runs, &held);
  agent_.Accept(held);  // Too late: it was taken back.
  ExpectHeld(job);
  EXPECT_EQ(TaskStates(job)[runs.instance()], TaskState::kActive);
  Finish(runs, false);
  ExpectHeld(job);
  EXPECT_EQ(TaskStates(job)[runs.instance()], TaskState::kSucceeded);
  EXPECT_EQ(TaskStates(job)[held.instance()], TaskState::kPending);
  Resume(job);
  EndWave({held.instance()});
  EndChecks({"db-1", "db-2"});
  EndWave({"db-3", "db-4", "db-5"});
  EXPECT_EQ(StateOf(job), "succeeded");
}

TEST_F(RolloutPauseTest, ResumedWhileATargetRunsTheWaveGoesOnBesideIt) {
  agent::v1::Offer runs, held;
  const std::string job = PausedInItsSecondWave(&runs, &held);
  ExpectHeld(job);
  Resume(job);
  const std::vector<agent::v1::Offer> offers = NewOffers();
  EXPECT_EQ(InstancesOf(offers), (std::set<std::string>{held.instance()}))
      << "neither the one that runs nor the next wave";
  Finish(runs, false);
  EXPECT_THAT(NewOffers(), IsEmpty()) << "the wave has not ended";
  End(offers.at(0), MakeMigrated());
  EndChecks({"db-1", "db-2"});
}

TEST_F(RolloutPauseTest, TheLastTargetOfAWaveThatEndsMeanwhileBeginsNoOther) {
  const std::string job = Begun(MakeRollout());
  const agent::v1::Offer first = Begin(NewOffers().at(0));
  Pause(job);
  Finish(first, false);
  ExpectHeld(job);
  EXPECT_EQ(CountOf(job, TaskState::kPending), 5);
  Resume(job);
  EndChecks({"db-0"});
  EndWave({"db-1", "db-2"});
}

TEST_F(RolloutPauseTest, AFailureMeanwhileIsWeighedWhenItGoesOn) {
  for (const OnFailure on_failure : {OnFailure::kStop, OnFailure::kPause, OnFailure::kRollback}) {
    agent::v1::Offer runs, held;
    const std::string job = PausedInItsSecondWave(&runs, &held, on_failure);
    Finish(runs, true);
    ExpectHeld(job);
    EXPECT_EQ(CountOf(job, TaskState::kPending), 4);
    EXPECT_THAT(RollbacksOf(job), IsEmpty());
    Resume(job);
    Pass(absl::Seconds(2));
    if (on_failure == OnFailure::kPause) {
      EXPECT_EQ(WhyPaused(job), kFailureBudget) << "whoever paused it has accepted no failure";
      Must(jobs_.Cancel({"users/ada", ""}, job, "enough"));
    } else {
      EXPECT_EQ(CountOf(job, TaskState::kSkipped), 4);
      EXPECT_EQ(RollbacksOf(job).size(), on_failure == OnFailure::kRollback ? 1u : 0u);
      for (const Job& rollback : RollbacksOf(job)) {
        Must(jobs_.Cancel({"users/ada", ""}, rollback.id, "not now"));
      }
    }
    EXPECT_EQ(StateOf(job), "partial");
    for (const agent::v1::Offer& offer : NewOffers()) {
      EXPECT_EQ(offer.purpose(), agent::v1::PURPOSE_PLAN) << "of the rollback";
    }
  }
}

TEST_F(RolloutPauseTest, WhatNeverBeganMeanwhileIsHeldLikeTheOthers) {
  agent::v1::Offer runs, held;
  const std::string job = PausedInItsSecondWave(&runs, &held);
  agent_.Finish(runs, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  ExpectHeld(job);
  EXPECT_EQ(CountOf(job, TaskState::kPending), 5);
  Resume(job);
  EndWave({"db-1", "db-2"});
}

TEST_F(RolloutPauseTest, TheChecksOfAWaveMayEndMeanwhile) {
  const std::string job = Begun(MakeRollout());
  EndWave({"db-0"});
  const std::vector<agent::v1::Offer> checks = NewOffers();
  ASSERT_EQ(InstancesOf(checks), (std::set<std::string>{"db-0"}));
  Pause(job);
  End(checks[0], Health(work::v1::HEALTH_STATUS_CRITICAL, "full"));
  ExpectHeld(job);
  Resume(job);
  Pass(absl::Seconds(10));
  EXPECT_EQ(WhyPaused(job), kWaveUnwell) << "the pause was for something else";
  EXPECT_THAT(NewOffers(), IsEmpty());
}

TEST_F(RolloutPauseTest, WhatIsHeldIsCancelledAndWhatRunsIsToldToStop) {
  agent::v1::Offer runs, held;
  const std::string job = PausedInItsSecondWave(&runs, &held);
  Must(jobs_.Cancel({"users/ada", ""}, job, "enough"));
  EXPECT_EQ(StateOf(job), "cancelling");
  EXPECT_EQ(CountOf(job, TaskState::kCancelled), 4);
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kCancel).size(), 1u);
  agent_.Finish(runs, agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_THAT(NewOffers(), IsEmpty());
}

// However often it is paused and resumed, and whatever the agent does meanwhile.
TEST_F(RolloutPauseTest, NothingBeginsInAPauseAndEverythingBeginsAfterIt) {
  std::mt19937 random(5);
  const auto any = [&](int n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 20; ++round) {
    ChangeRequest request = MakeRollout();
    request.rollout.waves = {absl::StrCat(1 + any(3)), absl::StrCat(1 + any(3)), "100%"};
    request.rollout.health_check = any(2) == 0;
    request.max_parallel = 1 + any(kTargets);
    NewOffers();
    const std::string job = Begun(request);
    std::vector<agent::v1::Offer> open, begun;
    const auto state_of = [&](const agent::v1::Offer& offer) {
      return ReadFrom(store_, [&](ReadTx& tx) { return tx.GetAttempt(offer.attempt_id()); })
          .value()
          .state;
    };
    bool paused = false;
    for (int step = 0; step < 400 && !IsTerminal(JobOf(job).state); ++step) {
      for (const agent::v1::Offer& offer : NewOffers()) open.push_back(offer);
      const int choice = any(8);
      if (choice == 0 && !paused) {
        Pause(job);
        paused = JobOf(job).error_reason == kPausedByPerson;
      } else if (choice == 1 && paused) {
        Resume(job);
        paused = false;
      } else if (choice < 5 && !open.empty()) {
        const agent::v1::Offer offer = open.back();
        open.pop_back();
        const bool is_check = offer.spec().has_check();
        if (state_of(offer) != AttemptState::kOffered) continue;
        agent_.Accept(offer);
        const bool granted = state_of(offer) == AttemptState::kGranted;
        EXPECT_TRUE(!granted || !paused || is_check) << offer.instance();
        if (granted) begun.push_back(Begin(offer));
      } else if (!begun.empty()) {
        const agent::v1::Offer offer = begun.back();
        begun.pop_back();
        agent_.Finish(
            offer, agent::v1::OUTCOME_SUCCEEDED,
            offer.spec().has_check() ? Health(work::v1::HEALTH_STATUS_OK) : MakeMigrated());
      }
      Pass(absl::Seconds(1));
    }
    EXPECT_EQ(StateOf(job), "succeeded") << round << " " << JobOf(job).error_message;
  }
}

}  // namespace
}  // namespace dbfleet::controller
