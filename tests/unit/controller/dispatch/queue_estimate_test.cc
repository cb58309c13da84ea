// What a queued job is expected to take, and where that comes from.
#include <gtest/gtest.h>

#include "tests/unit/controller/dispatch/queue_fixture.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kM = absl::Minutes(1);

TEST(RolloutTimeTest, TargetsFollowOneAnotherAsTheRolloutLetsThem) {
  const std::vector<absl::Duration> targets = {10 * kM, 20 * kM, 30 * kM, 40 * kM};
  EXPECT_EQ(RolloutTime(targets, {{4}, 1}), 100 * kM) << "one after the other";
  EXPECT_EQ(RolloutTime(targets, {{4}, 2}), 60 * kM) << "10+30 beside 20+40";
  EXPECT_EQ(RolloutTime(targets, {{4}, 9}), 40 * kM) << "all at once";
  EXPECT_EQ(RolloutTime(targets, {{1, 3}, 2}), 70 * kM) << "10, then 20+40 beside 30";
  EXPECT_EQ(RolloutTime(targets, {{1, 3}, 2, 5 * kM}), 75 * kM) << "with a pause between";
  EXPECT_EQ(RolloutTime({}, {{}, 1}), absl::ZeroDuration());
}

class QueueEstimateTest : public QueueFixture {
 protected:
  QueueEstimateTest() { Declare({Once("later", absl::Hours(2), absl::Hours(24))}); }

  // One that begins at once.
  void TakeBackup(const std::string& instance, absl::Duration time,
                  std::vector<std::string> databases = {}, bool succeeds = true) {
    Must(jobs_.SubmitBackup({"users/ada", ""}, instance, databases, false, ""));
    const agent::v1::Offer offer = Begun();
    clock_.JumpWallClock(time);
    agent_.Finish(offer, succeeds ? agent::v1::OUTCOME_SUCCEEDED : agent::v1::OUTCOME_FAILED,
                  succeeds ? ResultOf(offer) : work::v1::TaskResult(), succeeds ? "" : "OTHER");
  }
  QueuePlace Queued(const std::string& instance, std::vector<std::string> databases = {},
                    bool verify = false) {
    Declare({Once("later", absl::Hours(2), absl::Hours(24))});
    return Must(jobs_.SubmitBackup({"users/ada", ""}, instance, databases, verify, "",
                                   {"later", {}, {}}))
        .queue;
  }
};

TEST_F(QueueEstimateTest, WithoutAnyRunItIsAssumed) {
  const QueuePlace place = Queued("users-db");
  EXPECT_EQ(place.source, EstimateSource::kAssumed);
  EXPECT_EQ(place.estimate, kAssumedWork);
  EXPECT_EQ(place.priority, kDefaultPriority);
  EXPECT_EQ(Queued("users-db", {}, true).estimate, 2 * kAssumedWork) << "backup and verification";
}

TEST_F(QueueEstimateTest, ItIsTheLongestOfTheLastThreeThatSucceeded) {
  for (const int minutes : {50, 5, 12, 7}) TakeBackup("users-db", minutes * kM);
  TakeBackup("users-db", 90 * kM, {}, false);
  TakeBackup("orders-db", 80 * kM);
  TakeBackup("users-db", 70 * kM, {"shop"});
  const QueuePlace place = Queued("users-db");
  EXPECT_EQ(place.source, EstimateSource::kLearned);
  EXPECT_EQ(place.runs, 3);
  EXPECT_EQ(place.estimate, 12 * kM) << "50 is too long ago, 90 failed, 80 is another instance, 70 "
                                        "are other databases";
  EXPECT_EQ(Queued("users-db", {"shop"}).estimate, 70 * kM);
  EXPECT_EQ(Queued("users-db", {"shop"}).runs, 1);
}

TEST_F(QueueEstimateTest, WhatIsDeclaredCounts) {
  TakeBackup("users-db", 50 * kM);
  Declare({Once("later", absl::Hours(2), absl::Hours(24))});
  const QueuePlace place = Backup("users-db", For("later", 10, 3 * kM)).queue;
  EXPECT_EQ(place.source, EstimateSource::kDeclared);
  EXPECT_EQ(place.estimate, 3 * kM);
}

TEST_F(QueueEstimateTest, AChangeLearnsFromTheSameContentsInItsDirection) {
  ChangeRequest request = MakeChange();
  for (const char* name : {"orders-db", "users-db"}) AddVerifiedBackup(name);
  request.instances = {"orders-db"};
  const Job done = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  WindowFixture::Run(Unanswered(), MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, done.id, JobOf(done.id).digest, "fine"));
  ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kNone; });
  Pass(absl::Seconds(10));
  while (IsOffered()) {
    const agent::v1::Offer offer = Begun();
    const bool plan = offer.purpose() == agent::v1::PURPOSE_PLAN;
    clock_.JumpWallClock(25 * kM);
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, plan ? MakePlan() : MakeMigrated());
    if (plan) Must(jobs_.Approve({"users/bob", ""}, done.id, JobOf(done.id).digest, "fine"));
  }
  ASSERT_EQ(StateOf(done.id), "succeeded");
  Declare({Once("later", absl::Hours(2), absl::Hours(24))});
  request.instances = {"users-db", "orders-db"};
  request.queue.window = "later";
  const QueuePlace place = Must(jobs_.SubmitChange({"users/ada", ""}, request)).queue;
  EXPECT_EQ(place.source, EstimateSource::kLearned);
  EXPECT_EQ(place.estimate, 50 * kM) << "each of both as long as the one that was measured";
  RollbackRequest back;
  back.job_id = done.id;
  back.queue.window = "later";
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, back));
  EXPECT_EQ(rollback.queue.source, EstimateSource::kAssumed) << "nobody has taken it back yet";
  EXPECT_EQ(rollback.queue.window, "later");
}

}  // namespace
}  // namespace dbfleet::controller
