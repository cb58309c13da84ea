#include "common/concurrency/ticker.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "gtest/gtest.h"

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/inline_executor.h"

namespace dbfleet {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(5);

// Something that one thread says once and another waits for.
class Signal {
 public:
  void Set() {
    MutexLock lock(&mutex_);
    set_ = true;
    changed_.SignalAll();
  }
  // False if it is not set in time.
  bool Wait(absl::Duration limit = absl::Seconds(20)) {
    MutexLock lock(&mutex_);
    while (!set_) {
      if (changed_.WaitWithTimeout(&mutex_, limit)) return set_;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

class TickerTest : public ::testing::Test {
 protected:
  void Pass(absl::Duration duration) {
    clock_.Advance(duration);
    executor_.RunAll();
  }

  FakeClock clock_;
  InlineExecutor executor_;
  int ticks_ = 0;
  Ticker ticker_{kInterval, clock_, executor_, [this] { ++ticks_; }};
};

TEST_F(TickerTest, TicksAtTheStartAndThenAfterEachInterval) {
  Pass(kInterval);
  EXPECT_EQ(ticks_, 0) << "it was not started";
  ticker_.Start();
  executor_.RunAll();
  EXPECT_EQ(ticks_, 1);
  Pass(kInterval - absl::Nanoseconds(1));
  EXPECT_EQ(ticks_, 1);
  Pass(absl::Nanoseconds(1));
  EXPECT_EQ(ticks_, 2);
  for (int i = 0; i < 3; ++i) Pass(kInterval);
  EXPECT_EQ(ticks_, 5);
}

TEST_F(TickerTest, WakeTicksAtOnceAndHoweverOftenItIsCalledOnce) {
  ticker_.Start();
  executor_.RunAll();
  ticker_.Wake();
  ticker_.Wake();
  clock_.Advance(kInterval);  // The interval's own, too.
  executor_.RunAll();
  EXPECT_EQ(ticks_, 2);
  Pass(kInterval);
  EXPECT_EQ(ticks_, 3);
}

TEST_F(TickerTest, WhatTheExecutorWasGivenIsNotDoneAfterStop) {
  ticker_.Start();
  executor_.RunAll();
  ticker_.Wake();
  ticker_.Stop();
  ticker_.Stop();
  Pass(kInterval * 3);
  ticker_.Wake();
  executor_.RunAll();
  EXPECT_EQ(ticks_, 1);
  EXPECT_EQ(clock_.pending_timers(), 0);
}

TEST_F(TickerTest, ATickThatWakesIsFollowedByOneMore) {
  int ticks = 0;
  std::optional<Ticker> ticker;
  ticker.emplace(kInterval, clock_, executor_, [&] {
    if (++ticks < 4) ticker->Wake();
  });
  ticker->Wake();
  executor_.RunAll();
  EXPECT_EQ(ticks, 4);
}

TEST_F(TickerTest, ATickMayStopItself) {
  int ticks = 0;
  std::optional<Ticker> ticker;
  ticker.emplace(kInterval, clock_, executor_, [&] {
    ++ticks;
    ticker->Wake();
    ticker->Stop();
  });
  ticker->Start();
  executor_.RunAll();
  Pass(kInterval);
  EXPECT_EQ(ticks, 1);
}

// What a failing tick did not do the next one does.
TEST_F(TickerTest, ATickThatFailsIsTriedAgainAfterTheInterval) {
  int tries = 0, done = 0;
  Ticker ticker(kInterval, clock_, executor_, [&] {
    if (++tries <= 2) return;  // As one does that could not read the store.
    ++done;
  });
  ticker.Start();
  executor_.RunAll();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(done, 0);
    Pass(kInterval);
  }
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(done, 1);
}

class FullExecutor : public InlineExecutor {
 public:
  bool Add(std::function<void()> fn) override {
    return !full && InlineExecutor::Add(std::move(fn));
  }
  bool full = false;
};

TEST_F(TickerTest, ATickThatTheExecutorRefusesIsTriedAgainAfterTheInterval) {
  FullExecutor executor;
  int ticks = 0;
  Ticker ticker(kInterval, clock_, executor, [&] { ++ticks; });
  executor.full = true;
  ticker.Start();
  clock_.Advance(kInterval);
  executor.RunAll();
  EXPECT_EQ(ticks, 0);
  executor.full = false;
  clock_.Advance(kInterval);
  executor.RunAll();
  EXPECT_EQ(ticks, 1);
  executor.full = true;
  ticker.Wake();
  executor.full = false;
  ticker.Wake();
  executor.RunAll();
  EXPECT_EQ(ticks, 2) << "the one that was refused is not waited for";
}

TEST_F(TickerTest, WhatTheExecutorStillHoldsMayOutliveTheTicker) {
  auto ticks = std::make_unique<int>(0);
  auto ticker = std::make_unique<Ticker>(kInterval, clock_, executor_, [&] { ++*ticks; });
  ticker->Start();
  ticker.reset();
  ticks.reset();
  Pass(kInterval * 2);
  EXPECT_EQ(clock_.pending_timers(), 0);
}

TEST(TickerThreadTest, WakeWhileItTicksTicksOnceMore) {
  FakeClock clock;
  const auto executor = MakeSerialExecutor("ticks");
  Signal begun, go_on, twice;
  std::atomic<int> ticks{0};
  Ticker ticker(kInterval, clock, *executor, [&] {
    if (++ticks == 1) {
      begun.Set();
      EXPECT_TRUE(go_on.Wait());
    } else {
      twice.Set();
    }
  });
  ticker.Start();
  ASSERT_TRUE(begun.Wait());
  for (int i = 0; i < 3; ++i) ticker.Wake();
  go_on.Set();
  EXPECT_TRUE(twice.Wait());
  executor->Shutdown();
  EXPECT_EQ(ticks, 2);
}

TEST(TickerThreadTest, StopWaitsForTheTickThatRunsAndNoOtherBegins) {
  FakeClock clock;
  const auto executor = MakeSerialExecutor("ticks");
  Signal begun, go_on, stopped;
  std::atomic<int> ticks{0};
  std::atomic<bool> ended{false};
  Ticker ticker(kInterval, clock, *executor, [&] {
    ++ticks;
    begun.Set();
    EXPECT_TRUE(go_on.Wait());
    ended = true;
  });
  ticker.Start();
  ASSERT_TRUE(begun.Wait());
  ticker.Wake();
  std::thread stopper([&] {
    ticker.Stop();
    EXPECT_TRUE(ended);
    stopped.Set();
  });
  EXPECT_FALSE(stopped.Wait(absl::Milliseconds(50)));
  go_on.Set();
  EXPECT_TRUE(stopped.Wait());
  stopper.join();
  clock.Advance(kInterval);
  executor->Shutdown();
  EXPECT_EQ(ticks, 1);
}

TEST(TickerThreadTest, NeverTicksTwiceAtATimeAlsoOnSeveralThreads) {
  FakeClock clock;
  const auto pool = MakeThreadPool("ticks", 4);
  Signal begun, go_on, twice;
  std::atomic<int> ticks{0};
  Ticker ticker(kInterval, clock, *pool, [&] {
    if (++ticks > 1) return twice.Set();
    begun.Set();
    EXPECT_TRUE(go_on.Wait());
  });
  ticker.Wake();
  ASSERT_TRUE(begun.Wait());
  ticker.Wake();
  EXPECT_FALSE(twice.Wait(absl::Milliseconds(100))) << "another thread was free for it";
  go_on.Set();
  EXPECT_TRUE(twice.Wait());
  for (int i = 0; i < 2000; ++i) ticker.Wake();
  pool->Shutdown();
}

// The owner's other members die after the ticker, on whatever thread and whenever that is.
TEST(TickerThreadTest, ItsOwnerMayDieAtAnyTime) {
  const auto clock = MakeSystemClock();
  const auto executor = MakeSerialExecutor("ticks");
  struct Owner {
    Owner(Clock& clock, Executor& executor)
        : ticker(absl::Microseconds(20), clock, executor, [this] { *value += 1; }) {}
    std::unique_ptr<int> value = std::make_unique<int>(0);
    Ticker ticker;
  };
  for (int i = 0; i < 300; ++i) {
    Owner owner(*clock, *executor);
    owner.ticker.Start();
    for (int spin = 0; spin < i % 50; ++spin) owner.ticker.Wake();
  }
  executor->Shutdown();
}

}  // namespace
}  // namespace dbfleet
