#include "controller/domain/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;

std::vector<int> Sizes(const std::vector<std::string>& waves, int targets) {
  return WaveSizes(waves, targets).value();
}

TEST(RolloutTest, WithoutWavesAllTargetsAreOne) { EXPECT_THAT(Sizes({}, 7), ElementsAre(7)); }

TEST(RolloutTest, NumbersAreTargetsAndTheLastOneRepeats) {
  EXPECT_THAT(Sizes({"1", "3"}, 9), ElementsAre(1, 3, 3, 2));
  EXPECT_THAT(Sizes({"2"}, 4), ElementsAre(2, 2));
}

TEST(RolloutTest, SharesAreOfAllTargetsAndRoundedUp) {
  EXPECT_THAT(Sizes({"1", "10%", "50%"}, 25), ElementsAre(1, 3, 13, 8));
  EXPECT_THAT(Sizes({"1%"}, 3), ElementsAre(1, 1, 1));
  EXPECT_THAT(Sizes({"1", "100%"}, 10'000), ElementsAre(1, 9'999));
}

TEST(RolloutTest, AWaveIsNeverLargerThanWhatIsLeft) {
  EXPECT_THAT(Sizes({"5", "10"}, 3), ElementsAre(3));
}

TEST(RolloutTest, EveryTargetIsInOneWave) {
  for (int targets = 1; targets <= 500; ++targets) {
    for (const std::vector<std::string>& waves :
         {std::vector<std::string>{"1", "7%"}, {"33%"}, {"4", "2", "100%"}}) {
      const std::vector<int> sizes = Sizes(waves, targets);
      ASSERT_EQ(std::accumulate(sizes.begin(), sizes.end(), 0), targets);
      for (const int size : sizes) ASSERT_GT(size, 0);
    }
  }
}

TEST(RolloutTest, WhatIsNoSizeIsRefusedWithAHint) {
  for (const char* wave : {"", "0", "0%", "101%", "-1", "1.5", " 1", "1 %", "%", "ten", "1%%",
                           "99999999999999999999"}) {
    const absl::Status status = WaveSizes({"1", wave}, 10).status();
    EXPECT_EQ(ReasonOf(status), "BAD_WAVES") << wave;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("25%"));
  }
}

TEST(RolloutTest, ThereAreAtMostAThousandWaves) {
  EXPECT_EQ(Sizes({"1"}, kMostWaves).size(), static_cast<size_t>(kMostWaves));
  EXPECT_EQ(ReasonOf(WaveSizes({"1"}, kMostWaves + 1).status()), "BAD_WAVES");
}

TEST(RolloutTest, ABudgetIsNeverMoreThanItSays) {
  EXPECT_EQ(FailuresTolerated("", 100).value(), 0);
  EXPECT_EQ(FailuresTolerated("0", 100).value(), 0);
  EXPECT_EQ(FailuresTolerated("3", 100).value(), 3);
  EXPECT_EQ(FailuresTolerated("5%", 100).value(), 5);
  EXPECT_EQ(FailuresTolerated("5%", 19).value(), 0);
  EXPECT_EQ(FailuresTolerated("100%", 7).value(), 7);
  EXPECT_EQ(FailuresTolerated("50", 7).value(), 7);
  for (const char* bad : {"-1", "many", "101%", "1.5%", "2 "}) {
    EXPECT_EQ(ReasonOf(FailuresTolerated(bad, 10).status()), "BAD_FAILURE_BUDGET") << bad;
  }
}

TEST(RolloutTest, TheBudgetIsSpentByOneFailureMoreThanItAndThoseForgiven) {
  Rollout rollout;
  RolloutProgress progress;
  EXPECT_FALSE(BudgetSpent(rollout, progress, 0));
  EXPECT_TRUE(BudgetSpent(rollout, progress, 1));
  rollout.failures_tolerated = 2;
  EXPECT_FALSE(BudgetSpent(rollout, progress, 2));
  EXPECT_TRUE(BudgetSpent(rollout, progress, 3));
  progress.forgiven = 3;
  EXPECT_FALSE(BudgetSpent(rollout, progress, 5));
  EXPECT_TRUE(BudgetSpent(rollout, progress, 6));
}

TEST(RolloutTest, TheTextSaysAllThatIsApprovedAndThatOfAPlainOneIsAsEver) {
  Rollout rollout;
  EXPECT_EQ(RolloutText(rollout, 4), "max_parallel=4");
  std::vector<std::string> texts = {RolloutText(rollout, 4)};
  const auto differs = [&] {
    const std::string text = RolloutText(rollout, 4);
    EXPECT_THAT(texts, ::testing::Not(::testing::Contains(text)));
    texts.push_back(text);
  };
  rollout.waves = {"1", "50%"};
  differs();
  rollout.pause_between = absl::Minutes(5);
  differs();
  rollout.failures_tolerated = 1;
  differs();
  rollout.on_failure = OnFailure::kRollback;
  differs();
  rollout.health_check = false;
  differs();
}

}  // namespace
}  // namespace dbfleet::controller
