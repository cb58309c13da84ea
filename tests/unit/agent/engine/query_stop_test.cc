#include "agent/engine/query_stop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using ::testing::HasSubstr;

void Rest(absl::Duration duration) {
  absl::Notification never;
  never.WaitForNotificationWithTimeout(duration);
}

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
  EXPECT_EQ(ReasonOf(scope.MayBegin()), "CANCELLED");
}

// The first request came before the statement, and ended nothing.
TEST(QueryStopTest, TheServerIsAskedAgainUntilTheQueryIsOver) {
  QueryStop stop(absl::Milliseconds(1));
  std::atomic<int> asked{0};
  std::atomic<int> of_another{0};
  {
    const QueryStop::Scope scope(&stop, [&] { ++asked; });
    stop.Stop();
    while (asked < 3) std::this_thread::yield();
  }
  const int at_its_end = asked;
  const QueryStop::Scope next(&stop, [&] { ++of_another; });
  Rest(absl::Milliseconds(20));
  EXPECT_EQ(asked, at_its_end);
  EXPECT_EQ(of_another, 0);
}

TEST(QueryStopTest, AServerThatDoesNotHeedIsNotAskedForEver) {
  QueryStop stop(absl::Milliseconds(1));
  std::atomic<int> asked{0};
  const QueryStop::Scope scope(&stop, [&] { ++asked; });
  stop.Stop();
  stop.Stop();  // Asks no second time.
  while (asked < QueryStop::kTries) std::this_thread::yield();
  Rest(absl::Milliseconds(50));
  EXPECT_EQ(asked, QueryStop::kTries);
}

// All cancellations of an agent come from one thread: a server that hangs must not hold it.
TEST(QueryStopTest, StopDoesNotWaitForAServerThatHangs) {
  QueryStop stop;
  absl::Notification hangs;
  absl::Notification answers;
  std::atomic<bool> returned{false};
  std::thread watchdog([&] {
    hangs.WaitForNotification();
    for (int i = 0; i < 1000 && !returned; ++i) Rest(absl::Milliseconds(10));
    EXPECT_TRUE(returned) << "Stop waits for the server";
    answers.Notify();
  });
  const QueryStop::Scope scope(&stop, [&] {
    if (!hangs.HasBeenNotified()) hangs.Notify();
    answers.WaitForNotification();
  });
  stop.Stop();
  EXPECT_TRUE(stop.stopped());
  returned = true;
  watchdog.join();
}

// It uses the query's connection, which goes right after the Scope.
TEST(QueryStopTest, TheQueryDoesNotEndBeforeARequestThatIsUnderWay) {
  QueryStop stop;
  absl::Notification asking;
  std::atomic<bool> asked{false};
  {
    const QueryStop::Scope scope(&stop, [&] {
      asking.Notify();
      Rest(absl::Milliseconds(50));
      asked = true;
    });
    stop.Stop();
    asking.WaitForNotification();
  }
  EXPECT_TRUE(asked);
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

// An end on the server that nobody saw is not reported.
TEST(QueryStopTest, SaysOfTheStatementsEndWhatIsKnown) {
  QueryStop stop(absl::Milliseconds(1));
  const QueryStop::Scope scope(&stop, [] {});
  stop.Stop();
  const auto words = [&](const absl::Status& outcome) {
    const absl::Status status = scope.Outcome(outcome);
    EXPECT_EQ(ReasonOf(status), "CANCELLED");
    return std::string(status.message());
  };
  EXPECT_THAT(words(Error(absl::StatusCode::kCancelled, "INTERRUPTED", "error 1317")),
              HasSubstr("ended on the server"));
  EXPECT_THAT(words(absl::OkStatus()), HasSubstr("ended on the server")) << "it has answered";
  EXPECT_THAT(words(Error(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE", "lost")),
              HasSubstr("is not known"));
  EXPECT_THAT(words(Error(absl::StatusCode::kInvalidArgument, "BAD_SQL", "no such column")),
              HasSubstr("ended with: no such column"));
  const absl::Status timeout =
      Error(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT", "10s");
  EXPECT_EQ(scope.Outcome(timeout), timeout) << "the request ended nothing";
}

}  // namespace
}  // namespace dbfleet::agent
