// A database that has been worked on under another instance name, and so under a higher fence.
#include <gtest/gtest.h>

#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

class StaleFenceTest : public FleetFixture {
 protected:
  StaleFenceTest() { agent_.Connect(); }

  // Granted, and refused by the agent because the target has seen `seen`.
  void Refuse(const agent::v1::Offer& offer, uint64_t seen) {
    agent_.Accept(offer);
    agent_.Start(offer);
    agent::v1::Event event = agent_.NewEvent(offer);
    event.mutable_finished()->set_outcome(agent::v1::OUTCOME_FAILED);
    event.mutable_finished()->set_error_reason("STALE_FENCE");
    event.mutable_finished()->set_seen_fence(seen);
    event.mutable_finished()->mutable_result()->mutable_migrate();
    agent_.SayEvent(event);
  }
};

TEST_F(StaleFenceTest, TheNextAttemptHasAFenceAboveTheOneSeenAndSucceeds) {
  std::string job_id;
  const agent::v1::Offer first = OfferedChange(&job_id);
  const uint64_t seen = first.fence() + 40;
  Refuse(first, seen);
  const agent::v1::Offer second = agent_.Offers().back();
  ASSERT_NE(second.attempt_id(), first.attempt_id());
  EXPECT_EQ(second.fence(), seen + 1);
  EXPECT_TRUE(Audited("instance.fence.raise"));
  agent_.Accept(second);
  agent_.Start(second);
  agent_.Finish(second, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

TEST_F(StaleFenceTest, AFenceOfAnotherControllersEpochIsNotTakenOver) {
  std::string job_id;
  agent::v1::Offer offer = OfferedChange(&job_id);
  const uint64_t before = offer.fence();
  for (int i = 0; i < 20 && StateOf(job_id) != "failed"; ++i) {
    offer = agent_.Offers().back();
    Refuse(offer, uint64_t{1} << 62);
  }
  EXPECT_EQ(StateOf(job_id), "failed");
  EXPECT_EQ(JobOf(job_id).error_reason, "STALE_FENCE");
  EXPECT_LT(offer.fence(), before + 20);
  EXPECT_FALSE(Audited("instance.fence.raise"));
}

TEST(RaiseFenceTest, GoesUpOnlyAndOnlyInItsEpoch) {
  Instance instance;
  instance.last_fence = MakeFence(3, 7);
  EXPECT_FALSE(RaiseFence(3, MakeFence(3, 7), &instance));
  EXPECT_FALSE(RaiseFence(3, MakeFence(2, 9), &instance));
  EXPECT_FALSE(RaiseFence(3, MakeFence(4, 9), &instance));
  EXPECT_EQ(instance.last_fence, MakeFence(3, 7));
  EXPECT_TRUE(RaiseFence(3, MakeFence(3, 9), &instance));
  EXPECT_EQ(instance.last_fence, MakeFence(3, 9));
}

}  // namespace
}  // namespace dbfleet::controller
