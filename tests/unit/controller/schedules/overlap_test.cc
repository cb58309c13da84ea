#include "controller/schedules/overlap.h"

#include <gtest/gtest.h>

namespace dbfleet::controller {
namespace {

BeginStep New(Overlap overlap, int running, int waiting) {
  return DecideNew(overlap, {running, waiting}).step;
}
BeginStep Waiting(Overlap overlap, int running, bool missed = false) {
  return DecideWaiting(overlap, {running, 0}, missed).step;
}

TEST(OverlapTest, WithNothingUnderWayEveryOneBegins) {
  for (const Overlap overlap :
       {Overlap::kSkip, Overlap::kQueueOne, Overlap::kAllow, Overlap::kCancelRunning}) {
    EXPECT_EQ(New(overlap, 0, 0), BeginStep::kBegin);
    EXPECT_EQ(Waiting(overlap, 0), BeginStep::kBegin);
    EXPECT_EQ(Waiting(overlap, 0, true), BeginStep::kBegin);
  }
}

TEST(OverlapTest, BesideARunningOneThePolicyDecides) {
  EXPECT_EQ(New(Overlap::kSkip, 1, 0), BeginStep::kSkip);
  EXPECT_EQ(New(Overlap::kQueueOne, 1, 0), BeginStep::kWait);
  EXPECT_EQ(New(Overlap::kQueueOne, 1, 1), BeginStep::kSkip);
  EXPECT_EQ(New(Overlap::kQueueOne, 0, 1), BeginStep::kSkip) << "the other has its turn first";
  EXPECT_EQ(New(Overlap::kAllow, kMostRunning - 1, 0), BeginStep::kBegin);
  EXPECT_EQ(New(Overlap::kAllow, kMostRunning, 0), BeginStep::kSkip);
  EXPECT_EQ(New(Overlap::kCancelRunning, 1, 0), BeginStep::kBeginAndCancel);
}

TEST(OverlapTest, WhatIsMadeUpForStandsBackForWhatRuns) {
  EXPECT_EQ(Waiting(Overlap::kSkip, 1, true), BeginStep::kWait);
  EXPECT_EQ(Waiting(Overlap::kQueueOne, 1, true), BeginStep::kWait);
  EXPECT_EQ(Waiting(Overlap::kCancelRunning, 1, true), BeginStep::kWait);
  EXPECT_EQ(Waiting(Overlap::kCancelRunning, 1, false), BeginStep::kBeginAndCancel);
  EXPECT_EQ(Waiting(Overlap::kAllow, 1, true), BeginStep::kBegin);
}

TEST(OverlapTest, ASkipSaysWhy) {
  EXPECT_EQ(DecideNew(Overlap::kSkip, {1, 0}).reason, "OVERLAP");
  EXPECT_EQ(DecideNew(Overlap::kQueueOne, {1, 1}).reason, "QUEUE_FULL");
  EXPECT_EQ(DecideNew(Overlap::kAllow, {kMostRunning, 0}).reason, "TOO_MANY_RUNNING");
}

}  // namespace
}  // namespace dbfleet::controller
