// A server that hangs must not hold up the agent's other instances.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "agent/runner/instance_queue.h"
#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

using Ids = std::vector<std::string>;

class HangingInstanceTest : public RunnerFixture {
 protected:
  HangingInstanceTest() {
    const auto hang = [this](ActionContext& context, const work::v1::JobSpec&) {
      if (context.engine().spec().name == "orders") hung_.Pass();
      return ScriptedAction::Done();
    };
    inspect_.run = hang;
    backup_.run = hang;
    MakeRunner();
  }
  ~HangingInstanceTest() override { hung_.Open(); }

  // More inspections of "orders" than there are workers; those that may run hang.
  void Hang() {
    for (int i = 1; i <= kInspections; ++i) {
      OfferAndGrant(Offer(absl::StrCat("hangs-", i), i, "inspect"));
    }
    ASSERT_TRUE(Await([&] { return hung_.waiting() == kOfOne; }));
  }

  static constexpr int kInspections = 6;
  static constexpr int kOfOne = 2;  // Half of the workers.
  Gate hung_;
};

TEST_F(HangingInstanceTest, AnotherInstanceIsInspectedAndBackedUpMeanwhile) {
  Hang();
  OfferAndGrant(Offer("other", 10, "inspect", "payments"));
  EXPECT_EQ(OutcomeOf("other").outcome(), v1::OUTCOME_SUCCEEDED);
  // Also beside an exclusive job that hangs on the same server.
  OfferAndGrant(Offer("exclusive", 11, "backup"));
  ASSERT_TRUE(Await([&] { return hung_.waiting() == kOfOne + 1; }));
  OfferAndGrant(Offer("backup", 12, "backup", "payments"));
  EXPECT_EQ(OutcomeOf("backup").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(hung_.waiting(), kOfOne + 1);
}

TEST_F(HangingInstanceTest, AnInspectionAndABackupThatHangLeaveAWorkerToTheOthers) {
  workers_ = 2;
  MakeRunner();
  OfferAndGrant(Offer("hangs", 1, "inspect"));
  ASSERT_TRUE(Await([&] { return hung_.waiting() == 1; }));
  OfferAndGrant(Offer("waits", 2, "backup"));
  OfferAndGrant(Offer("other", 3, "inspect", "payments"));
  EXPECT_EQ(OutcomeOf("other").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(hung_.waiting(), 1);
  hung_.Open();
  EXPECT_EQ(OutcomeOf("waits").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(HangingInstanceTest, WhatWaitsForTheServerRunsOnceItAnswers) {
  Hang();
  hung_.Open();
  for (int i = 1; i <= kInspections; ++i) {
    EXPECT_EQ(OutcomeOf(absl::StrCat("hangs-", i)).outcome(), v1::OUTCOME_SUCCEEDED) << i;
  }
}

TEST_F(HangingInstanceTest, WhatWaitsForTheServerCanBeCancelled) {
  Hang();
  const std::string last = absl::StrCat("hangs-", kInspections);
  runner_->HandleCancel(last, "nobody needs it");
  EXPECT_EQ(OutcomeOf(last).outcome(), v1::OUTCOME_CANCELLED);
  EXPECT_EQ(hung_.waiting(), kOfOne);
}

TEST(InstanceQueueTest, TheLastWorkerIsForAnInstanceThatHasNoneRunning) {
  InstanceQueue queue(2, 4, 5);
  for (const char* id : {"a1", "a2", "b1", "b2"}) queue.Add(id, id[0] == 'a' ? "a" : "b", false);
  queue.Add("b-alone", "b", true);
  EXPECT_EQ(queue.TakeRunnable(), (Ids{"a1", "a2", "b1"}));
  queue.Add("c1", "c", true);
  queue.Add("c2", "c", false);
  EXPECT_EQ(queue.TakeRunnable(), Ids{"c1"}) << "past those that came before";
  queue.Add("d-recovers", "d", true, /*takes_worker=*/false);
  EXPECT_EQ(queue.TakeRunnable(), Ids{"d-recovers"}) << "it has workers of its own";
  queue.Done("a2");
  EXPECT_EQ(queue.TakeRunnable(), Ids());
  queue.Done("a1");
  EXPECT_EQ(queue.TakeRunnable(), Ids{"b2"});
  queue.Done("c1");
  EXPECT_EQ(queue.TakeRunnable(), (Ids{"b-alone", "c2"})) << "of c nothing runs any more";
}

TEST(InstanceQueueTest, WhereAllInstancesHaveOneRunningNoWorkerIsKept) {
  InstanceQueue queue(2, 4, 2);
  for (const char* id : {"a1", "a2", "b1", "b2"}) queue.Add(id, id[0] == 'a' ? "a" : "b", false);
  EXPECT_EQ(queue.TakeRunnable(), (Ids{"a1", "a2", "b1", "b2"}));
}

TEST(InstanceQueueTest, AnInstanceHasSoManyAndItsPlacesAreFreedByThoseThatHaveThem) {
  InstanceQueue queue(2, 10, 2);
  for (const char* id : {"a1", "a2", "a3", "a4"}) queue.Add(id, "a", false);
  queue.Add("b1", "b", false);
  queue.Add("a-alone", "a", true);
  EXPECT_EQ(queue.TakeRunnable(), (Ids{"a1", "a2", "b1", "a-alone"}));
  EXPECT_TRUE(queue.TakeWaiting("a3"));
  queue.Done("a3");  // It had no place.
  EXPECT_EQ(queue.TakeRunnable(), Ids());
  queue.Done("a1");
  EXPECT_EQ(queue.TakeRunnable(), Ids{"a4"});
}

}  // namespace
}  // namespace dbfleet::agent
