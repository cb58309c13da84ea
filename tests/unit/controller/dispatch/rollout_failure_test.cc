// What becomes of a rollout whose targets fail, or that a person or its time stops.
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
#include "tests/unit/controller/dispatch/rollout_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

// Somebody else may have given that approval; of the rollback nobody else has ever said yes.
TEST_F(RolloutLifeTest, AnApprovalThatWasTakenFromTheChangeIsTakenFromItsRollbackToo) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kRollback;
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakePlan());
  ApiToken token;
  token.id = "T1";
  token.user_id = "bob";
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertToken(&token); }).ok());
  Must(jobs_.Approve({"users/bob", "", "T1"}, job.id, JobOf(job.id).digest, "looks right"));
  EndWave({"db-0"});
  EndChecks({"db-0"});
  const std::vector<agent::v1::Offer> offers = NewOffers();
  ASSERT_EQ(offers.size(), 2u);
  for (const agent::v1::Offer& offer : offers) {
    agent_.Accept(offer);
    agent_.Start(offer);
  }
  token.revoked = true;
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.UpdateToken(&token); }).ok());
  for (size_t i = 0; i < offers.size(); ++i) Finish(offers[i], i == 0);
  ASSERT_EQ(RollbacksOf(job.id).size(), 1u);
  const std::string rollback = RollbacksOf(job.id)[0].id;
  for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakePlan());
  EXPECT_EQ(StateOf(rollback), "awaiting_approval");
  EXPECT_THAT(NewOffers(), IsEmpty());
  // It is not lost: whoever may says so.
  Must(jobs_.Approve({"users/cy", ""}, rollback, JobOf(rollback).digest, "take it back"));
  EXPECT_EQ(StateOf(rollback), "ready");
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
  EndChecks({"db-0"});
  const std::vector<agent::v1::Offer> running = BegunWave();
  Must(jobs_.Cancel({"users/ada", ""}, job, "enough"));
  for (const agent::v1::Offer& offer : running) {
    agent_.Finish(offer, agent::v1::OUTCOME_CANCELLED, TakenBack(), "CANCELLED");
  }
  EXPECT_EQ(CountOf(job, TaskState::kRolledBack), 2);
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(JobOf(job).error_reason, "CANCELLED");
  EXPECT_EQ(JobOf(job).error_message, "cancelled by users/ada: enough");
  EXPECT_THAT(RollbacksOf(job), IsEmpty());
}

// What its time cut short on a target, which its agent took back, is no failure.
TEST_F(RolloutLifeTest, WhatExpiresWhileTargetsRunIsNotRolledBack) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kRollback;
  request.expire_after = absl::Hours(2);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  const std::vector<agent::v1::Offer> running = BegunWave();
  EXPECT_EQ(agent_.NotAfter(running[0]), JobOf(job).expire_time);
  // One agent's clock is ahead: for the controller the time is not over.
  clock_.Advance(JobOf(job).expire_time - clock_.Now() - absl::Seconds(20));
  agent_.Finish(running[0], agent::v1::OUTCOME_FAILED, TakenBack(), "NOT_AFTER_PASSED");
  EXPECT_EQ(StateOf(job), "rolling");
  Pass(absl::Seconds(30));
  agent_.Finish(running[1], agent::v1::OUTCOME_FAILED, TakenBack(), "NOT_AFTER_PASSED");
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_EQ(CountOf(job, TaskState::kRolledBack), 2);
  EXPECT_EQ(CountOf(job, TaskState::kSucceeded), 1);
  EXPECT_THAT(RollbacksOf(job), IsEmpty());
}

// What could not be taken back on one target is no reason to take back the others when nobody
// expects it any more.
TEST_F(RolloutLifeTest, NothingIsRolledBackByItselfOnceItsTimeIsOver) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kRollback;
  request.expire_after = absl::Hours(2);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  const std::vector<agent::v1::Offer> running = BegunWave();
  clock_.Advance(JobOf(job).expire_time - clock_.Now());
  for (const agent::v1::Offer& offer : running) {
    work::v1::TaskResult result;
    result.mutable_migrate()->add_remaining_versions("1");
    agent_.Finish(offer, agent::v1::OUTCOME_FAILED, result, "ROLLBACK_INCOMPLETE");
  }
  EXPECT_EQ(StateOf(job), "partial");
  EXPECT_THAT(RollbacksOf(job), IsEmpty());
  EXPECT_THAT(Detail("change.rollback_refused", "why"), HasSubstr("its time is over"));
}

TEST_F(RolloutLifeTest, WhatItsTimeCutShortSpendsNoBudget) {
  ChangeRequest request = MakeRollout();
  request.rollout.on_failure = OnFailure::kPause;
  request.expire_after = absl::Hours(2);
  const std::string job = Begun(request);
  EndWave({"db-0"});
  EndChecks({"db-0"});
  const std::vector<agent::v1::Offer> running = BegunWave();
  clock_.Advance(JobOf(job).expire_time - clock_.Now() - absl::Seconds(20));
  agent_.Finish(running[0], agent::v1::OUTCOME_FAILED, TakenBack(), "NOT_AFTER_PASSED");
  EXPECT_EQ(StateOf(job), "rolling");
  agent_.Finish(running[1], agent::v1::OUTCOME_FAILED, TakenBack(), "DATABASE_ERROR");
  EXPECT_EQ(WhyPaused(job), kFailureBudget);
  EXPECT_THAT(JobOf(job).error_message, HasSubstr("1 target has failed"));
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
