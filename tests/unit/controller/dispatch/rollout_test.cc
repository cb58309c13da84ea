// Changes that go over their targets in waves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kTargets = 6;

class RolloutLifeTest : public FleetFixture {
 protected:
  RolloutLifeTest() {
    agent_.instance_name = "db-0";
    for (int i = 1; i < kTargets; ++i) agent_.more_instances.push_back(absl::StrCat("db-", i));
    agent_.Connect();
    for (int i = 0; i < kTargets; ++i) AddVerifiedBackup(absl::StrCat("db-", i));
  }

  static ChangeRequest MakeRollout() {
    ChangeRequest request = MakeChange();
    request.instances.clear();
    for (int i = 0; i < kTargets; ++i) request.instances.push_back(absl::StrCat("db-", i));
    request.max_parallel = kTargets;
    request.rollout.waves = {"1", "2", "3"};
    return request;
  }

  // Planned and approved: its first wave has been offered.
  std::string Begun(const ChangeRequest& request) {
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakePlan());
    Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "looks right"));
    return job.id;
  }

  // Its approvals count no more when its second wave is to begin.
  std::string LapsedAfterItsFirstWave() {
    ChangeRequest request = MakeRollout();
    request.rollout.pause_between = absl::Hours(30);  // Approvals count for 24h.
    request.rollout.health_check = false;
    request.expire_after = absl::Hours(24 * 7);
    const std::string job = Begun(request);
    EndWave({"db-0"});
    clock_.Advance(absl::Hours(30));
    for (int i = 0; i < kTargets; ++i) AddVerifiedBackup(absl::StrCat("db-", i));
    Pass(absl::Seconds(10));
    for (const agent::v1::Offer& offer : NewOffers()) agent_.Accept(offer);
    return job;
  }

  std::vector<agent::v1::Offer> NewOffers() {
    std::vector<agent::v1::Offer> offers = agent_.Offers();
    offers.erase(offers.begin(), offers.begin() + static_cast<int>(seen_));
    seen_ += offers.size();
    return offers;
  }
  void End(const agent::v1::Offer& offer, const work::v1::TaskResult& result,
           agent::v1::Outcome outcome = agent::v1::OUTCOME_SUCCEEDED) {
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, outcome, result,
                  outcome == agent::v1::OUTCOME_SUCCEEDED ? "" : "DATABASE_ERROR");
  }
  static work::v1::TaskResult Health(work::v1::HealthStatus status, const std::string& why = "") {
    work::v1::TaskResult result;
    result.mutable_check()->mutable_health()->set_status(status);
    if (!why.empty()) result.mutable_check()->mutable_health()->add_reasons(why);
    return result;
  }
  static std::set<std::string> InstancesOf(const std::vector<agent::v1::Offer>& offers) {
    std::set<std::string> names;
    for (const agent::v1::Offer& offer : offers) names.insert(offer.instance());
    return names;
  }
  // Ends what is offered now, which must be changes of these; those in `fail` fail, last of all.
  void EndWave(const std::set<std::string>& instances, const std::set<std::string>& fail = {}) {
    const std::vector<agent::v1::Offer> offers = NewOffers();
    EXPECT_EQ(InstancesOf(offers), instances);
    for (const agent::v1::Offer& offer : offers) {
      ASSERT_TRUE(offer.spec().has_migrate());
      agent_.Accept(offer);
      agent_.Start(offer);
    }
    for (const bool fails : {false, true}) {
      for (const agent::v1::Offer& offer : offers) {
        if (fails != (fail.count(offer.instance()) > 0)) continue;
        Finish(offer, fails);
      }
    }
  }
  void Finish(const agent::v1::Offer& offer, bool fails) {
    agent_.Finish(offer, fails ? agent::v1::OUTCOME_FAILED : agent::v1::OUTCOME_SUCCEEDED,
                  fails ? work::v1::TaskResult() : MakeMigrated(), fails ? "DATABASE_ERROR" : "");
  }
  // The same for the checks between two waves.
  void EndChecks(const std::set<std::string>& instances,
                 const work::v1::TaskResult& result = Health(work::v1::HEALTH_STATUS_OK)) {
    const std::vector<agent::v1::Offer> offers = NewOffers();
    EXPECT_EQ(InstancesOf(offers), instances);
    for (const agent::v1::Offer& offer : offers) {
      ASSERT_TRUE(offer.spec().has_check());
      End(offer, result);
    }
  }
  std::map<std::string, TaskState> TaskStates(const std::string& job_id) {
    std::map<std::string, TaskState> states;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job_id));
                      for (const Task& task : tasks) states[task.instance_id] = task.state;
                      return absl::OkStatus();
                    })
                    .ok());
    return states;
  }
  int CountOf(const std::string& job_id, TaskState state) {
    int count = 0;
    for (const auto& [instance, its] : TaskStates(job_id)) count += its == state ? 1 : 0;
    return count;
  }
  std::string WhyPaused(const std::string& job_id) {
    EXPECT_EQ(StateOf(job_id), "paused");
    return JobOf(job_id).error_reason;
  }
  std::vector<Job> RollbacksOf(const std::string& job_id) {
    std::vector<Job> found;
    const auto page = ReadFrom(store_, [](ReadTx& tx) {
                        return tx.ListJobs({}, {1000, ""});
                      }).value();
    for (const Job& job : page.items) {
      if (job.rollback_of == job_id) found.push_back(job);
    }
    return found;
  }

  size_t seen_ = 0;
};

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

TEST_F(RolloutLifeTest, OnFailurePauseLeavesTheRestForAPersonWhoAcceptsWhatFailed) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kPause;
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  EndWave({"db-1", "db-2"}, {"db-1"});
  EXPECT_EQ(WhyPaused(job), kFailureBudget);
  EXPECT_EQ(CountOf(job, TaskState::kPending), 3);
  Pass(absl::Hours(1));
  EXPECT_EQ(WhyPaused(job), kFailureBudget);
  Must(jobs_.Resume({"users/ada", ""}, job));
  EndChecks({"db-2"});
  EndWave({"db-3", "db-4", "db-5"}, {"db-3"});
  EXPECT_EQ(StateOf(job), "partial") << "nothing was left to pause for";
}

TEST_F(RolloutLifeTest, OnFailurePauseHoldsTheRestWhileNobodyKnowsWhatTookEffect) {
  ChangeRequest request = MakeRollout();
  request.rollout.waves = {"2", "4"};
  request.rollout.on_failure = OnFailure::kPause;
  const std::string job = Begun(request);
  const auto offers = NewOffers();
  ASSERT_EQ(offers.size(), 2u);
  for (const agent::v1::Offer& offer : offers) {
    agent_.Accept(offer);
    agent_.Start(offer);
  }
  agent_.Finish(offers[0], agent::v1::OUTCOME_INTERRUPTED, {}, "AGENT_RESTARTED");
  Finish(offers[1], false);
  EXPECT_EQ(WhyPaused(job), "NEEDS_PERSON");
  EXPECT_EQ(CountOf(job, TaskState::kPending), 4);
  Must(jobs_.Resolve({"users/ada", ""}, job, "", Resolution::kApplied, "I looked"));
  EndChecks({"db-0", "db-1"});
  EXPECT_EQ(NewOffers().size(), 4u);
}

// Who paused it meanwhile decides when it goes on, not who resolves the target.
TEST_F(RolloutLifeTest, APauseHoldsTheJobThoughTheTargetThatNeededAPersonIsResolved) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kPause;
  const std::string job = Begun(request);
  const auto offers = NewOffers();
  ASSERT_EQ(offers.size(), 1u);
  agent_.Accept(offers[0]);
  agent_.Start(offers[0]);
  agent_.Finish(offers[0], agent::v1::OUTCOME_INTERRUPTED, {}, "AGENT_RESTARTED");
  ASSERT_EQ(WhyPaused(job), "NEEDS_PERSON");
  Must(jobs_.Pause({"users/ada", ""}, job, "the morning shift decides"));
  EXPECT_EQ(WhyPaused(job), "PAUSED");
  Must(jobs_.Resolve({"users/ada", ""}, job, "", Resolution::kApplied, "I looked"));
  EXPECT_EQ(WhyPaused(job), "PAUSED");
  EXPECT_EQ(NewOffers().size(), 0u);
  Must(jobs_.Resume({"users/ada", ""}, job));
  EndChecks({"db-0"});
  EXPECT_NE(NewOffers().size(), 0u);
}

TEST_F(RolloutLifeTest, OnFailureRollbackTakesBackWhatWasAppliedByAChangeOfItsOwn) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kRollback;
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  EndWave({"db-1", "db-2"}, {"db-2"});
  EXPECT_EQ(StateOf(job), "partial");
  ASSERT_EQ(RollbacksOf(job).size(), 1u);
  const std::string rollback = RollbacksOf(job)[0].id;
  EXPECT_EQ(RollbacksOf(job)[0].requester, "users/ada");
  for (const agent::v1::Offer& offer : NewOffers()) {
    EXPECT_EQ(offer.purpose(), agent::v1::PURPOSE_PLAN);
    EXPECT_EQ(offer.spec().migrate().direction(), work::v1::MIGRATE_DIRECTION_DOWN);
    End(offer, MakePlan());
  }
  // Whoever approved the one has approved the other: nobody is waited for.
  EXPECT_EQ(StateOf(rollback), "ready");
  EXPECT_THAT(TaskStates(rollback), ElementsAre(std::pair("db-0", TaskState::kPending),
                                                std::pair("db-1", TaskState::kPending)));
  for (int i = 0; i < kTargets; ++i) {
    for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakeMigrated());
  }
  EXPECT_EQ(StateOf(rollback), "succeeded");
  EXPECT_THAT(RollbacksOf(rollback), IsEmpty());
}

TEST_F(RolloutLifeTest, ARollbackThatAPersonAsksForNeedsItsOwnApproval) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kStop;
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  EndWave({"db-1", "db-2"}, {"db-2"});
  RollbackRequest ask;
  ask.job_id = job;
  ask.approve_destructive = true;
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, ask));
  for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakePlan());
  EXPECT_EQ(StateOf(rollback.id), "awaiting_approval");
}

TEST_F(RolloutLifeTest, WhatAPersonCancelsIsNotRolledBack) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kRollback;
  const std::string job = Begun(request);
  EndWave({"db-0"});
  Must(jobs_.Cancel({"users/ada", ""}, job, "enough"));
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(JobOf(job).error_reason, "CANCELLED");
  EXPECT_EQ(JobOf(job).error_message, "cancelled by users/ada: enough");
  EXPECT_THAT(RollbacksOf(job), IsEmpty());
}

TEST_F(RolloutLifeTest, ItExpiresBetweenWaves) {
  ChangeRequest request = MakeRollout();
  request.rollout.pause_between = absl::Hours(30 * 24);
  request.expire_after = absl::Hours(24);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  clock_.Advance(absl::Hours(24));
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(JobOf(job).error_reason, "EXPIRED");
}

TEST_F(RolloutLifeTest, WhatIsNotWellDoesNotOutliveItsTime) {
  ChangeRequest request = MakeRollout();
  request.expire_after = absl::Hours(24);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"}, Health(work::v1::HEALTH_STATUS_CRITICAL, "full"));
  EXPECT_EQ(WhyPaused(job), kWaveUnwell);
  clock_.Advance(absl::Hours(24));
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(JobOf(job).error_reason, "EXPIRED");
  EXPECT_EQ(CountOf(job, TaskState::kSkipped), 5);
}

TEST_F(RolloutLifeTest, WhatHasFailedTooOftenDoesNotOutliveItsTime) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kPause;
  request.expire_after = absl::Hours(24);
  const std::string job = Begun(request);
  EndWave({"db-0"}, {"db-0"});
  EXPECT_EQ(WhyPaused(job), kFailureBudget);
  const size_t records = store_.Audit().size();
  Pass(absl::Hours(1));
  EXPECT_EQ(store_.Audit().size(), records) << "it is told once";
  clock_.Advance(absl::Hours(24));
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job), "failed");
  EXPECT_EQ(CountOf(job, TaskState::kSkipped), 5);
}

TEST_F(RolloutLifeTest, ApprovalsThatLapsedBetweenWavesAreGivenAnewAndItGoesOn) {
  const std::string job = LapsedAfterItsFirstWave();
  EXPECT_EQ(WhyPaused(job), kBlockedByPolicy);
  EXPECT_THAT(JobOf(job).error_message, HasSubstr("approved until"));
  Pass(absl::Hours(1));
  EXPECT_EQ(WhyPaused(job), kBlockedByPolicy);
  Must(jobs_.Approve({"users/cy", ""}, job, JobOf(job).digest, "still right"));
  EXPECT_EQ(StateOf(job), "rolling");
  EndWave({"db-1", "db-2"});
}

TEST_F(RolloutLifeTest, APersonsPauseOutlastsTheApprovalThatItWaitedFor) {
  const std::string job = LapsedAfterItsFirstWave();
  ASSERT_EQ(WhyPaused(job), kBlockedByPolicy);
  const size_t records = store_.Audit().size();
  Must(jobs_.Pause({"users/ada", ""}, job, "let me look"));
  EXPECT_EQ(store_.Audit().size(), records + 1);
  Must(jobs_.Pause({"users/ada", ""}, job, "let me look"));
  EXPECT_EQ(store_.Audit().size(), records + 1) << "a retry";
  Must(jobs_.Approve({"users/cy", ""}, job, JobOf(job).digest, "still right"));
  Pass(absl::Minutes(5));
  EXPECT_EQ(WhyPaused(job), "PAUSED");
  EXPECT_THAT(JobOf(job).error_message, HasSubstr("paused by users/ada: let me look"));
  EXPECT_THAT(NewOffers(), IsEmpty());
  Must(jobs_.Resume({"users/ada", ""}, job));
  EndWave({"db-1", "db-2"});
}

// Who looks into it must not lose the rest of the change to its end of time meanwhile.
TEST_F(RolloutLifeTest, APersonsPauseOutlastsTheTimeOfWhatIsNotWell) {
  ChangeRequest request = MakeRollout();
  request.expire_after = absl::Hours(24);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"}, Health(work::v1::HEALTH_STATUS_CRITICAL, "full"));
  ASSERT_EQ(WhyPaused(job), kWaveUnwell);
  Must(jobs_.Pause({"users/ada", ""}, job, ""));
  clock_.Advance(absl::Hours(24));
  Pass(absl::Seconds(10));
  EXPECT_EQ(WhyPaused(job), "PAUSED");
  EXPECT_EQ(CountOf(job, TaskState::kSkipped), 0);
}

// Nor are the failures accepted unseen that it was paused for before.
TEST_F(RolloutLifeTest, APersonsPauseOfASpentBudgetAcceptsNoFailure) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kPause;
  const std::string job = Begun(request);
  EndWave({"db-0"}, {"db-0"});
  ASSERT_EQ(WhyPaused(job), kFailureBudget);
  Must(jobs_.Pause({"users/ada", ""}, job, ""));
  EXPECT_EQ(WhyPaused(job), "PAUSED");
  Must(jobs_.Resume({"users/ada", ""}, job));
  EXPECT_EQ(WhyPaused(job), kFailureBudget);
  Must(jobs_.Resume({"users/ada", ""}, job));
  EXPECT_EQ(StateOf(job), "rolling");
}

TEST_F(RolloutLifeTest, AnAutomaticRollbackCanBeCancelled) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kRollback;
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  EndWave({"db-1", "db-2"}, {"db-2"});
  ASSERT_EQ(RollbacksOf(job).size(), 1u);
  const std::string planned = RollbacksOf(job)[0].id;
  for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakePlan());
  EXPECT_EQ(StateOf(planned), "ready");
  NewOffers();
  Must(jobs_.Cancel({"users/ada", ""}, planned, "I repair it by hand"));
  EXPECT_EQ(StateOf(planned), "cancelled");
  Pass(absl::Hours(1));
  EXPECT_EQ(RollbacksOf(job).size(), 1u) << "nor is there another";
  EXPECT_THAT(NewOffers(), IsEmpty());
}

TEST_F(RolloutLifeTest, TheRolloutIsPartOfWhatIsApproved) {
  std::set<std::string> digests;
  ChangeRequest request = MakeRollout();
  for (const char* last_wave : {"3", "2", "50%"}) {
    request.rollout.waves.back() = last_wave;
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakePlan());
    EXPECT_EQ(StateOf(job.id), "awaiting_approval");
    digests.insert(JobOf(job.id).digest);
  }
  EXPECT_EQ(digests.size(), 3u);
}

TEST_F(RolloutLifeTest, BadRolloutsAreRefused) {
  ChangeRequest request = MakeRollout();
  request.rollout.waves = {"0"};
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange({"users/ada", ""}, request).status()), "BAD_WAVES");
  request = MakeRollout();
  request.failure_budget = "some";
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange({"users/ada", ""}, request).status()),
            "BAD_FAILURE_BUDGET");
  request = MakeRollout();
  request.rollout.pause_between = -absl::Seconds(1);
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange({"users/ada", ""}, request).status()), "BAD_PAUSE");
}

// Whatever happens to its targets, a rollout never has more waves under way than one, never lets
// more fail than it tolerates before it reacts, and always ends or waits for a person.
TEST_F(RolloutLifeTest, AnyCourseKeepsTheOrderOfTheWaves) {
  std::mt19937 random(11);
  const auto any = [&](int n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 15; ++round) {
    ChangeRequest request = MakeRollout();
    request.rollout.waves = {absl::StrCat(1 + any(3)), absl::StrCat(1 + any(100), "%")};
    request.failure_budget = absl::StrCat(any(3));
    request.rollout.on_failure = static_cast<OnFailure>(any(2));
    request.rollout.health_check = any(2) == 0;
    request.max_parallel = 1 + any(kTargets);
    NewOffers();
    const std::string job = Begun(request);
    std::vector<agent::v1::Offer> open;
    for (int step = 0; step < 200 && !IsTerminal(JobOf(job).state); ++step) {
      for (const agent::v1::Offer& offer : NewOffers()) open.push_back(offer);
      ASSERT_TRUE(store_
                      .Read([&](ReadTx& tx) -> absl::Status {
                        ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job));
                        int lowest_open = 1000, highest_begun = 0;
                        for (const Task& task : tasks) {
                          if (!IsTerminal(task.state)) {
                            lowest_open = std::min(lowest_open, task.stage);
                          }
                          if (task.state == TaskState::kActive) {
                            highest_begun = std::max(highest_begun, task.stage);
                          }
                        }
                        EXPECT_GE(lowest_open, highest_begun);
                        return absl::OkStatus();
                      })
                      .ok());
      if (open.empty()) {
        if (StateOf(job) == "paused" && JobOf(job).error_reason != kBetweenWaves) {
          Must(any(3) == 0 ? jobs_.Cancel({"users/ada", ""}, job, "no")
                           : jobs_.Resume({"users/ada", ""}, job));
        }
        Pass(absl::Seconds(2));
        continue;
      }
      const int which = any(static_cast<int>(open.size()));
      const agent::v1::Offer offer = open[which];
      open.erase(open.begin() + which);
      const bool over =
          IsTerminal(ReadFrom(store_, [&](ReadTx& tx) { return tx.GetAttempt(offer.attempt_id()); })
                         .value()
                         .state);
      if (over) continue;  // It was withdrawn.
      if (offer.spec().has_check()) {
        End(offer,
            Health(any(5) == 0 ? work::v1::HEALTH_STATUS_CRITICAL : work::v1::HEALTH_STATUS_OK));
      } else if (any(5) == 0) {
        End(offer, {}, agent::v1::OUTCOME_FAILED);
      } else {
        End(offer, MakeMigrated());
      }
    }
    ASSERT_TRUE(IsTerminal(JobOf(job).state))
        << round << " " << StateOf(job) << " " << JobOf(job).error_message;
    if (CountOf(job, TaskState::kSucceeded) == kTargets) {
      EXPECT_EQ(StateOf(job), "succeeded");
    } else {
      EXPECT_NE(StateOf(job), "succeeded");
    }
  }
}

}  // namespace
}  // namespace dbfleet::controller
