// Changes that go over their targets in waves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/rollout_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(RolloutLifeTest, EachWaveBeginsWhenTheOneBeforeHasEndedAndItsTargetsAreWell) {
  const std::string job = Begun(MakeRollout());
  EndWave({"db-0"});
  EXPECT_EQ(WhyPaused(job), kBetweenWaves);
  EndChecks({"db-0"});
  EXPECT_EQ(StateOf(job), "rolling");
  EndWave({"db-1", "db-2"});
  EndChecks({"db-1", "db-2"}, Health(work::v1::HEALTH_STATUS_WARN, "slow"));
  EndWave({"db-3", "db-4", "db-5"});
  EXPECT_EQ(StateOf(job), "succeeded");
  EXPECT_THAT(NewOffers(), IsEmpty()) << "after the last wave nothing waits for a check";
  EXPECT_TRUE(Audited("job.wave_end"));
}

TEST_F(RolloutLifeTest, ThePauseIsKeptBeforeTheCheckAndSaysWhenItEnds) {
  ChangeRequest request = MakeRollout();
  request.rollout.pause_between = absl::Minutes(10);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EXPECT_THAT(JobOf(job).error_message, HasSubstr("wave 1 of 3 has ended (1 target, 0 failed)"));
  EXPECT_THAT(JobOf(job).error_message, HasSubstr("the next begins at "));
  Pass(absl::Minutes(9));
  EXPECT_THAT(NewOffers(), IsEmpty());
  EXPECT_EQ(WhyPaused(job), kBetweenWaves);
  Pass(absl::Minutes(1) + absl::Seconds(10));
  EndChecks({"db-0"});
  EXPECT_EQ(InstancesOf(NewOffers()), (std::set<std::string>{"db-1", "db-2"}));
}

TEST_F(RolloutLifeTest, APersonNeedNotWaitForTheEndOfThePause) {
  ChangeRequest request = MakeRollout();
  request.rollout.pause_between = absl::Hours(10);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  Must(jobs_.Resume({"users/ada", ""}, job));
  EndWave({"db-1", "db-2"});
  EXPECT_EQ(WhyPaused(job), kBetweenWaves) << "that was for one wave alone";
}

TEST_F(RolloutLifeTest, APersonsPauseBetweenWavesOutlastsThePause) {
  ChangeRequest request = MakeRollout();
  request.rollout.pause_between = absl::Minutes(1);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  Must(jobs_.Pause({"users/ada", ""}, job, "let me look"));
  Pass(absl::Minutes(5));
  EXPECT_EQ(WhyPaused(job), "PAUSED");
  EXPECT_THAT(NewOffers(), IsEmpty());
  Must(jobs_.Resume({"users/ada", ""}, job));
  EndChecks({"db-0"});
  EXPECT_EQ(InstancesOf(NewOffers()), (std::set<std::string>{"db-1", "db-2"}));
}

TEST_F(RolloutLifeTest, WithoutHealthCheckTheNextWaveBeginsAtOnce) {
  ChangeRequest request = MakeRollout();
  request.rollout.health_check = false;
  Begun(request);
  EndWave({"db-0"});
  EndWave({"db-1", "db-2"});
}

TEST_F(RolloutLifeTest, ATargetThatIsNotWellPausesUntilAPersonDecides) {
  const std::string job = Begun(MakeRollout());
  EndWave({"db-0"});
  EndChecks({"db-0"}, Health(work::v1::HEALTH_STATUS_CRITICAL, "no connections left"));
  EXPECT_EQ(WhyPaused(job), kWaveUnwell);
  EXPECT_THAT(JobOf(job).error_message,
              HasSubstr("instances/db-0 (no connections left); look there"));
  Pass(absl::Hours(2));
  EXPECT_EQ(WhyPaused(job), kWaveUnwell);
  EXPECT_THAT(NewOffers(), IsEmpty());
  Must(jobs_.Resume({"users/ada", ""}, job));
  EXPECT_EQ(InstancesOf(NewOffers()), (std::set<std::string>{"db-1", "db-2"}));
}

TEST_F(RolloutLifeTest, HealthThatNobodyKnowsIsNotWell) {
  const std::string job = Begun(MakeRollout());
  EndWave({"db-0"});
  EndChecks({"db-0"}, {});
  EXPECT_EQ(WhyPaused(job), kWaveUnwell);
}

TEST_F(RolloutLifeTest, ATargetThatDoesNotAnswerIsNotWell) {
  const std::string job = Begun(MakeRollout());
  EndWave({"db-0"});
  agent_.Disconnect();
  Pass(absl::Minutes(11));
  EXPECT_EQ(WhyPaused(job), kWaveUnwell);
}

TEST_F(RolloutLifeTest, AFailureBeyondTheBudgetEndsItAndTheRestIsSkipped) {
  const std::string job = Begun(MakeRollout());
  EndWave({"db-0"}, {"db-0"});
  EXPECT_EQ(StateOf(job), "failed");
  EXPECT_EQ(CountOf(job, TaskState::kSkipped), 5);
  EXPECT_THAT(RollbacksOf(job), IsEmpty());
}

TEST_F(RolloutLifeTest, WithinTheBudgetItGoesOnAndIsPartial) {
  ChangeRequest request = MakeRollout();
  request.failure_budget = "20%";  // One of six.
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  EndWave({"db-1", "db-2"}, {"db-2"});
  EXPECT_THAT(JobOf(job).error_message, HasSubstr("(2 targets, 1 failed)"));
  EndChecks({"db-1"});
  EndWave({"db-3", "db-4", "db-5"});
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_THAT(
      JobOf(job).error_message,
      HasSubstr("1 of 6 targets failed, which its failure budget let pass (1), but which is "
                "no success"));
  EXPECT_EQ(CountOf(job, TaskState::kSucceeded), 5);
}

TEST_F(RolloutLifeTest, TheSecondFailureSpendsABudgetOfOne) {
  ChangeRequest request = MakeRollout();
  request.failure_budget = "1";
  const std::string job = Begun(request);
  EndWave({"db-0"}, {"db-0"});
  EndWave({"db-1", "db-2"}, {"db-1"});  // Nothing was changed yet that could be checked.
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(CountOf(job, TaskState::kSkipped), 3);
}

// By what was asked, a pipeline is warned of a first wave that holds all targets.
TEST_F(RolloutLifeTest, WhatIsOnlyValidatedHasItsRollout) {
  ChangeRequest request = MakeRollout();
  request.validate_only = true;
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  EXPECT_EQ(job.id, "");
  EXPECT_FALSE(job.rollout.waves.empty());
  EXPECT_EQ(job.rollout.waves, request.rollout.waves);
}

}  // namespace
}  // namespace dbfleet::controller
