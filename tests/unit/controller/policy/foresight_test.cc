#include "controller/policy/foresight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15T08:00:00Z

// Destructive, with one approval, and a window from `opens` on.
PolicyInput Input(absl::Duration opens, absl::Duration approved_for) {
  PolicyInput input;
  input.policy = {1, absl::ZeroDuration(), absl::Hours(24), false, WindowFor::kAll};
  input.now = kNow;
  input.job.id = "J";
  input.job.kind = JobKind::kMigrate;
  input.job.state = JobState::kReady;
  input.job.requester = "users/ada";
  input.job.safety = SafetyClass::kDestructive;
  input.job.digest = "d";
  if (approved_for > absl::ZeroDuration()) {
    input.job.approvals.push_back(
        {"users/bob", true, "d", "", kNow, kNow + approved_for, {{"instances/a", 1}}});
  }
  Window window;
  window.name = "w";
  window.times.once = Span{kNow + opens, kNow + opens + absl::Hours(2)};
  input.targets.push_back({"instances/a", "a", "", std::nullopt, 1,
                           std::make_shared<const std::vector<Window>>(1, window)});
  return input;
}

std::vector<std::string> Told(const PolicyInput& input) {
  const PolicyDecision decision = Evaluate(input);
  if (!WaitsForKnownTime(decision, input.now)) return {};
  PolicyInput later = input;
  later.now = decision.opens;
  std::vector<std::string> told;
  for (const PolicyBlocker& blocker : Foresee(input.job, decision, Evaluate(later), input.now)) {
    EXPECT_FALSE(blocker.final);
    told.push_back(blocker.rule + ": " + blocker.message);
  }
  return told;
}

TEST(Foresight, AnApprovalThatLastsUntilTheOpeningIsNotSpokenOf) {
  EXPECT_THAT(Told(Input(absl::Hours(10), absl::Hours(24))), IsEmpty());
  EXPECT_THAT(Told(Input(-absl::Hours(1), absl::Hours(1))), IsEmpty()) << "the window is open";
}

TEST(Foresight, OneThatExpiresBeforeIsToldWithWhenToAskAnew) {
  EXPECT_THAT(
      Told(Input(absl::Hours(30), absl::Hours(24))),
      ElementsAre(
          AllOf(HasSubstr("the approval of users/bob at 2027-01-16T08:00:00+00:00 expires, before "
                          "the next opening at 2027-01-16T14:00:00+00:00"),
                HasSubstr("ask for a new one after 2027-01-15T14:00:00+00:00 (dbfleet change "
                          "approve J --digest d --reason REASON)"))));
}

// At its very end an approval does not count any more.
TEST(Foresight, OneThatExpiresWithTheOpeningDoesNotLast) {
  EXPECT_EQ(Told(Input(absl::Hours(10), absl::Hours(10))).size(), 1u);
  EXPECT_THAT(Told(Input(absl::Hours(10), absl::Hours(10) + absl::Seconds(1))), IsEmpty());
}

TEST(Foresight, WhoeverIsToApproveIsToldNotToDoSoTooEarly) {
  EXPECT_THAT(Told(Input(absl::Hours(30), absl::ZeroDuration())),
              ElementsAre(AllOf(HasSubstr("given now expires at 2027-01-16T08:00:00+00:00"),
                                HasSubstr("approve it after 2027-01-15T14:00:00+00:00"))));
  EXPECT_THAT(Told(Input(absl::Hours(10), absl::ZeroDuration())), IsEmpty());
}

TEST(Foresight, AWaiverThatEndsBeforeIsTold) {
  PolicyInput input = Input(absl::Hours(3), absl::ZeroDuration());
  input.waiver = Waiver{{"approvals"}, "d", "users/ada", kNow, kNow + absl::Hours(1)};
  EXPECT_THAT(Told(input), ElementsAre(HasSubstr("that approvals are waived ends before")));
}

TEST(Foresight, AChangeThatExpiresBeforeNeedsNoNewApproval) {
  PolicyInput input = Input(absl::Hours(30), absl::Hours(24));
  input.job.expire_time = kNow + absl::Hours(29);
  EXPECT_THAT(Told(input),
              ElementsAre(AllOf(HasSubstr("expiry: it expires at 2027-01-16T13:00:00+00:00"),
                                HasSubstr("submit it again with a later expiry"))));
}

TEST(Foresight, APromotionThatWillBeTooOldIsTold) {
  PolicyInput input = Input(absl::Hours(10), absl::Hours(24));
  input.policy.promotion = {"qa", absl::Hours(48), false};
  input.job.content_digest = "c";
  input.promotion = {"Q", kNow - absl::Hours(40), true, {}};
  EXPECT_THAT(Told(input), ElementsAre(AllOf(HasSubstr("promotion: at the next opening"),
                                             HasSubstr("is too long ago"))));
  input.promotion.end_time = kNow - absl::Hours(30);
  EXPECT_THAT(Told(input), IsEmpty());
}

}  // namespace
}  // namespace dbfleet::controller
