#include "agent/engine/query_stop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

TEST(QueryStopTest, AQueryThatNobodyStopsIsAsItEnded) {
  QueryStop stop;
  const QueryStop::Scope scope(&stop, [] { FAIL(); });
  EXPECT_TRUE(scope.Outcome(absl::OkStatus()).ok());
  EXPECT_EQ(scope.Outcome(absl::InternalError("x")), absl::InternalError("x"));
  const QueryStop::Scope unstoppable(nullptr, nullptr);
  EXPECT_TRUE(unstoppable.Outcome(absl::OkStatus()).ok());
}

TEST(QueryStopTest, WhatWasStoppedBeforeItBeganDoesNotBegin) {
  QueryStop stop;
  stop.Stop();
  const QueryStop::Scope scope(&stop, [] { FAIL(); });
  EXPECT_EQ(ReasonOf(scope.Outcome(absl::OkStatus())), "CANCELLED");
}

// The first request came before the statement, and ended nothing.
TEST(QueryStopTest, TheServerIsAskedAgainUntilTheQueryIsOver) {
  QueryStop stop;
  std::atomic<int> asked{0};
  std::atomic<bool> begun{false};
  std::thread runner([&] {
    const QueryStop::Scope scope(&stop, [&] { ++asked; });
    begun = true;
    while (asked < 2) std::this_thread::yield();
    EXPECT_EQ(ReasonOf(scope.Outcome(absl::OkStatus())), "CANCELLED");
  });
  while (!begun) std::this_thread::yield();
  stop.Stop();
  runner.join();
  EXPECT_EQ(asked, 2);
}

TEST(QueryStopTest, ItEndsNoOtherQueryThanItsOwn) {
  QueryStop stop;
  int asked = 0;
  {
    const QueryStop::Scope scope(&stop, [&] { ++asked; });
  }
  stop.Stop();
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace dbfleet::agent
