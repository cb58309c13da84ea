#include "controller/rules/debounce.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

absl::Time At(int seconds) { return absl::FromUnixSeconds(1'800'000'000 + seconds); }

// The seconds at which counting comes to a proposal.
std::vector<int> Fired(const Threshold& threshold, const std::vector<int>& events) {
  std::vector<int> fired;
  std::string hits;
  for (const int at : events) {
    if (CountHit(threshold, At(at), &hits)) fired.push_back(at);
  }
  return fired;
}

TEST(Debounce, SoManyEventsWithinATimeMakeAProposal) {
  struct Case {
    const char* name;
    int count;
    int within;
    std::vector<int> events;
    std::vector<int> fired;
  };
  const Case kCases[] = {
      {"each, where one is enough", 1, 10, {0, 1, 2}, {0, 1, 2}},
      {"the third of three", 3, 10, {0, 4, 9}, {9}},
      {"an event as long ago as the time counts no more", 3, 10, {0, 4, 10}, {}},
      {"the first is forgotten, the others count on", 3, 10, {0, 4, 10, 13}, {13}},
      {"then counting begins again", 2, 10, {0, 1, 2, 3}, {1, 3}},
      {"several at one moment", 3, 1, {5, 5, 5}, {5}},
      {"a clock that was set back a little", 2, 10, {100, 95}, {95}},
      {"a clock that was set back by more than the time", 2, 10, {100, 50, 55}, {55}},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(Fired({c.count, absl::Seconds(c.within)}, c.events), c.fired) << c.name;
  }
}

TEST(Debounce, WhatIsKeptStaysSmallAndNeverMakesTooMany) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const Threshold threshold{static_cast<int>(random() % 10 + 1),
                              absl::Seconds(static_cast<int>(random() % 60 + 1))};
    std::string hits;
    std::vector<int> since;  // Events since counting began.
    int at = 0;
    for (int i = 0; i < 200; ++i) {
      at += static_cast<int>(random() % 20) - (random() % 10 == 0 ? 30 : 0);
      since.push_back(at);
      const bool fired = CountHit(threshold, At(at), &hits);
      // By the definition: so many of them lie within the time around this one.
      int near = 0;
      std::vector<int> left;
      for (const int other : since) {
        if (absl::AbsDuration(At(at) - At(other)) >= threshold.within) continue;
        ++near;
        left.push_back(other);
      }
      ASSERT_EQ(fired, near >= threshold.count) << "round " << round << " event " << i;
      since = fired ? std::vector<int>() : left;
      ASSERT_LT(hits.size(), static_cast<size_t>(threshold.count) * 18);
    }
  }
}

TEST(Debounce, EachLimitHoldsOnItsOwn) {
  const RuleLimits limits{absl::Hours(1), 5, 2};
  const absl::Time now = At(0);
  EXPECT_EQ(HeldBack(limits, {}, now), Held::kNo);
  EXPECT_EQ(HeldBack(limits, {1, absl::InfinitePast(), 0}, now), Held::kNo);
  EXPECT_EQ(HeldBack(limits, {2, absl::InfinitePast(), 0}, now), Held::kMaxOpen);
  EXPECT_EQ(HeldBack(limits, {0, now - absl::Minutes(59), 0}, now), Held::kCooldown);
  EXPECT_EQ(HeldBack(limits, {0, now - absl::Hours(1), 0}, now), Held::kNo);
  EXPECT_EQ(HeldBack(limits, {0, absl::InfinitePast(), 4}, now), Held::kNo);
  EXPECT_EQ(HeldBack(limits, {0, absl::InfinitePast(), 5}, now), Held::kMaxPerDay);
}

TEST(Debounce, AClockThatWasSetBackMakesNoCooldownLonger) {
  const RuleLimits limits{absl::Hours(1), 5, 1};
  const absl::Time now = At(0);
  EXPECT_EQ(HeldBack(limits, {0, now + absl::Minutes(30), 0}, now), Held::kCooldown);
  EXPECT_EQ(HeldBack(limits, {0, now + absl::Hours(24), 0}, now), Held::kNo);
}

TEST(Debounce, HitsThatNobodyWroteAreLeftOut) {
  std::string hits = "x,,12a";
  EXPECT_FALSE(CountHit({2, absl::Seconds(10)}, At(0), &hits));
  EXPECT_TRUE(CountHit({2, absl::Seconds(10)}, At(1), &hits));
}

}  // namespace
}  // namespace dbfleet::controller
