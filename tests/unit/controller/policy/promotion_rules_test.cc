// The rule "promotion": what has to have happened to the same change before.
#include <gtest/gtest.h>

#include "absl/strings/match.h"

#include "controller/policy/policy.h"

namespace dbfleet::controller {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

PolicyInput Input(bool rehearsal = false) {
  PolicyInput input;
  input.policy.destructive_consent = false;
  input.policy.promotion = {"qa", absl::Hours(10), rehearsal};
  input.now = kNow;
  input.job.kind = JobKind::kMigrate;
  input.job.state = JobState::kReady;
  input.job.environment = "production";
  input.job.content_digest = "c0ffee";
  input.targets.push_back({"a", "a", "x", std::nullopt, 1, nullptr});
  input.promotion = {"J1", kNow - absl::Hours(1), true, {"0001", "0002"}};
  input.versions = {"0001", "0002"};
  return input;
}

// "" or why it is not promoted.
std::string Why(const PolicyInput& input) {
  const PolicyDecision decision = Evaluate(input);
  if (decision.allowed()) return "";
  EXPECT_EQ(decision.blockers.size(), 1u);
  EXPECT_EQ(decision.blockers[0].rule, "promotion");
  return decision.blockers[0].message;
}

TEST(PromotionRules, WhatSucceededInTheEarlierEnvironmentMayFollow) {
  EXPECT_EQ(Why(Input()), "");
  EXPECT_EQ(Why(Input(true)), "");
  PolicyInput input = Input();
  input.promotion.end_time = kNow - absl::Hours(10);
  EXPECT_EQ(Why(input), "") << "the last moment counts";
}

TEST(PromotionRules, EachThingThatIsMissingIsNamedWithWhatToDo) {
  PolicyInput input = Input();
  input.promotion = {};
  EXPECT_EQ(Why(input),
            "a change in production has to have succeeded in qa within 10h: no change with the "
            "same files was applied there; submit it there first");
  input = Input();
  input.promotion.applied = false;
  EXPECT_TRUE(absl::StrContains(Why(input), "jobs/J1 of 2027-01-15T07:00:00+00:00 took it back"))
      << Why(input);
  input = Input();
  input.promotion.end_time = kNow - absl::Hours(10) - absl::Seconds(1);
  EXPECT_TRUE(absl::StrContains(Why(input), "is too long ago")) << Why(input);
  input = Input(true);
  input.promotion.rehearsed = {"0002"};
  EXPECT_TRUE(absl::StrContains(Why(input), "no change there, within that time, applied 0001"))
      << Why(input);
  input.promotion.newest = {{"0001", {"J1", true}}};
  EXPECT_TRUE(absl::StrContains(Why(input), ", for 0001, was no rehearsal")) << Why(input);
  input.promotion.newest = {{"0001", {"J0", true}}};
  EXPECT_TRUE(absl::StrContains(Why(input),
                                "jobs/J0, for 0001, was no rehearsal: roll it back "
                                "there (dbfleet change rollback J0)"))
      << Why(input);
  input.promotion.newest = {{"0001", {"J0", false}}};
  EXPECT_TRUE(absl::StrContains(Why(input), "jobs/J0 took back 0001 there; apply it there again"))
      << Why(input);
  input.promotion.rehearsed = {};
  input.promotion.newest = {{"0001", {"J1", true}}, {"0002", {"J1", true}}};
  EXPECT_TRUE(absl::StrContains(Why(input), "dbfleet change rollback J1")) << Why(input);
  EXPECT_TRUE(absl::StrContains(Why(input), "with its rollback rehearsed,")) << Why(input);
  input = Input();
  input.job.content_digest = "";
  EXPECT_TRUE(absl::StrContains(Why(input), "submit it again")) << Why(input);
}

TEST(PromotionRules, ItIsRefusedWhenItIsPlannedAndWaitsWhenItsTimeRunsOutLater) {
  PolicyInput input = Input();
  input.promotion = {};
  EXPECT_FALSE(Evaluate(input).refused());
  input.job.state = JobState::kPlanning;
  EXPECT_TRUE(Evaluate(input).refused());
}

TEST(PromotionRules, RollbacksOtherWorkAndEnvironmentsWithoutTheDemandNeedNone) {
  PolicyInput input = Input();
  input.promotion = {};
  input.job.rollback_of = "J0";
  EXPECT_EQ(Why(input), "");
  input.job.rollback_of = "";
  input.job.kind = JobKind::kCheck;
  EXPECT_EQ(Why(input), "");
  input.job.kind = JobKind::kMigrate;
  input.policy.promotion.from = "";
  EXPECT_EQ(Why(input), "");
}

std::vector<PastChange> Past(const std::string& newest_first) {
  std::vector<PastChange> past;
  for (size_t i = 0; i < newest_first.size(); ++i) {
    past.push_back({std::string(1, static_cast<char>('a' + i)),
                    kNow - absl::Hours(1 + static_cast<int64_t>(i)),
                    newest_first[i] == 'u',
                    {"1"}});
  }
  return past;
}

TEST(PromotionRules, ARehearsalIsAppliedTakenBackAndAppliedAgain) {
  const struct {
    const char* newest_first;  // u: applied, d: taken back.
    bool applied, rehearsed;
  } kCases[] = {
      {"u", true, false},     {"d", false, false},  {"ud", true, false},   {"du", false, false},
      {"udu", true, true},    {"uudu", true, true}, {"uddu", true, true},  {"ududu", true, true},
      {"dudu", false, false}, {"uu", true, false},  {"uuuu", true, false},
  };
  for (const auto& c : kCases) {
    const auto record = PromotionOf(Past(c.newest_first), kNow, absl::Hours(100));
    EXPECT_EQ(record.job, "a");
    EXPECT_EQ(record.applied, c.applied) << c.newest_first;
    EXPECT_EQ(record.rehearsed.count("1") == 1, c.rehearsed) << c.newest_first;
  }
  EXPECT_EQ(PromotionOf({}, kNow, absl::Hours(100)).job, "");
  EXPECT_TRUE(PromotionOf(Past("udu"), kNow, absl::Hours(2)).rehearsed.empty())
      << "its first part is too long ago";
}

// What was there already when the rehearsal began was not rehearsed.
TEST(PromotionRules, EachVersionIsRehearsedForItself) {
  const auto at = [](int hours) { return kNow - absl::Hours(hours); };
  const auto record = PromotionOf({{"e", at(1), true, {"2", "3"}},
                                   {"d", at(2), false, {"2", "3"}},
                                   {"c", at(3), true, {"3"}},
                                   {"b", at(4), true, {"2"}},
                                   {"a", at(5), true, {"1"}}},
                                  kNow, absl::Hours(100));
  EXPECT_EQ(record.rehearsed, (std::set<std::string>{"2", "3"}));
}

TEST(PromotionRules, TheDemandIsPartOfThePolicysDigest) {
  EnvironmentPolicy policy;
  const std::string none = PolicyDigest("production", policy);
  policy.promotion.within = absl::Hours(1);
  EXPECT_EQ(PolicyDigest("production", policy), none) << "it demands nothing";
  policy.promotion.from = "qa";
  const std::string some = PolicyDigest("production", policy);
  EXPECT_NE(some, none);
  policy.promotion.rehearsal = true;
  EXPECT_NE(PolicyDigest("production", policy), some);
}

}  // namespace
}  // namespace dbfleet::controller
