#include "common/plan/estimate.h"

#include <limits>

#include "gtest/gtest.h"

namespace dbfleet {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(EstimateGrownTest, GrownIsMoreThanTwice) {
  EXPECT_FALSE(EstimateGrown(10, 5));
  EXPECT_FALSE(EstimateGrown(10, 20));
  EXPECT_TRUE(EstimateGrown(10, 21));
}

TEST(EstimateGrownTest, AnythingIsMoreThanNothing) {
  EXPECT_FALSE(EstimateGrown(0, 0));
  EXPECT_TRUE(EstimateGrown(0, 1));
}

TEST(EstimateGrownTest, WhatIsNotKnownHasNotGrown) {
  EXPECT_FALSE(EstimateGrown(-1, 1000));
  EXPECT_FALSE(EstimateGrown(10, -1));
}

TEST(EstimateGrownTest, LargeNumbersDoNotOverflow) {
  EXPECT_FALSE(EstimateGrown(kMax, kMax));
  EXPECT_FALSE(EstimateGrown(kMax / 2 + 1, kMax));
  EXPECT_TRUE(EstimateGrown(kMax / 2 - 1, kMax));
}

}  // namespace
}  // namespace dbfleet
