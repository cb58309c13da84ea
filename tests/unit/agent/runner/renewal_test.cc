// What the controller moves under work that runs.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

class RenewalTest : public RunnerFixture {
 protected:
  RenewalTest() { MakeRunner(); }
};

// Its window was extended under it, or ended sooner; the job's own end is the Offer's and stays.
TEST_F(RenewalTest, ARenewalMovesTheTimeUntilWhichStepsMayStart) {
  const auto in = [&](int seconds) {
    google::protobuf::Timestamp time;
    time.set_seconds(absl::ToUnixSeconds(clock_.Now()) + seconds);
    return time;
  };
  v1::LeaseRenewal renewal;
  renewal.add_attempt_ids("a1");
  renewal.mutable_lease()->set_seconds(3600);
  std::vector<std::string> reasons;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    const auto ask = [&] { reasons.push_back(ReasonOf(context.MayGoOn())); };
    clock_.Advance(absl::Seconds(5));
    runner_->HandleLeaseRenewal(renewal);  // It says nothing of the time.
    *renewal.mutable_not_after() = in(60);
    runner_->HandleLeaseRenewal(renewal);
    clock_.Advance(absl::Seconds(30));
    ask();  // Behind the Grant's.
    *renewal.mutable_not_after() = in(5);
    runner_->HandleLeaseRenewal(renewal);
    clock_.Advance(absl::Seconds(5));
    ask();
    *renewal.mutable_not_after() = in(3600);
    runner_->HandleLeaseRenewal(renewal);
    ask();
    clock_.Advance(absl::Seconds(100));
    ask();  // Behind the Offer's.
    return ScriptedAction::Done();
  };
  v1::Offer offer = Offer("a1", 1);
  *offer.mutable_not_after() = in(120);
  v1::Grant grant = MakeGrant(offer);
  grant.mutable_lease()->set_seconds(3600);
  *grant.mutable_not_after() = in(10);
  OfferAndGrant(offer, grant);
  OutcomeOf("a1");
  EXPECT_EQ(reasons, std::vector<std::string>({"", "NOT_AFTER_PASSED", "", "NOT_AFTER_PASSED"}));
}

}  // namespace
}  // namespace dbfleet::agent
