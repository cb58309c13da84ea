#include "common/time/clock.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "common/concurrency/mutex.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet {
namespace {

// A flag that threads wait for with a deadline.
class Event {
 public:
  void Set() {
    MutexLock lock(&mutex_);
    set_ = true;
    changed_.SignalAll();
  }
  bool Wait() {
    MutexLock lock(&mutex_);
    while (!set_) {
      if (changed_.WaitWithTimeout(&mutex_, absl::Seconds(20))) return set_;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool set_ = false;
};

TEST(SystemClockTest, MonotonicNeverGoesBack) {
  auto clock = MakeSystemClock();
  const absl::Duration first = clock->Monotonic();
  EXPECT_GT(first, absl::ZeroDuration());
  EXPECT_GE(clock->Monotonic(), first);
}

TEST(SystemClockTest, TimersFireInOrderOfTimeNotOfCreation) {
  auto clock = MakeSystemClock();
  std::vector<int> order;
  Event done;
  auto later = clock->After(absl::Milliseconds(40), [&] {
    order.push_back(2);
    done.Set();
  });
  auto sooner = clock->After(absl::Milliseconds(5), [&] { order.push_back(1); });
  ASSERT_TRUE(done.Wait());
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(SystemClockTest, ACancelledTimerDoesNotFire) {
  auto clock = MakeSystemClock();
  std::atomic<bool> fired{false};
  Event done;
  auto cancelled = clock->After(absl::Milliseconds(1), [] {});
  cancelled = clock->After(absl::Hours(1), [&] { fired = true; });
  auto witness = clock->After(absl::Milliseconds(5), [&] { done.Set(); });
  cancelled.reset();
  ASSERT_TRUE(done.Wait());
  EXPECT_FALSE(fired);
}

TEST(SystemClockTest, CancellingWaitsForTheRunningFunction) {
  auto clock = MakeSystemClock();
  Event started, release;
  std::atomic<bool> finished{false};
  auto timer = clock->After(absl::ZeroDuration(), [&] {
    started.Set();
    release.Wait();
    finished = true;
  });
  ASSERT_TRUE(started.Wait());
  std::thread releaser([&] { release.Set(); });
  timer.reset();
  EXPECT_TRUE(finished);
  releaser.join();
}

TEST(SystemClockTest, AFunctionMayCancelItsOwnTimer) {
  auto clock = MakeSystemClock();
  Event ready, done;
  std::unique_ptr<Clock::Timer> timer;
  timer = clock->After(absl::ZeroDuration(), [&] {
    ready.Wait();
    timer.reset();
    done.Set();
  });
  ready.Set();
  EXPECT_TRUE(done.Wait());
}

TEST(SystemClockTest, CapturedObjectsAreGoneOnceTheTimerIsCancelled) {
  auto clock = MakeSystemClock();
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = object;
  Event started;
  auto timer = clock->After(absl::ZeroDuration(), [object, &started] { started.Set(); });
  object.reset();
  ASSERT_TRUE(started.Wait());
  timer.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(SystemClockTest, AHandleMayOutliveItsClock) {
  auto clock = MakeSystemClock();
  std::atomic<bool> fired{false};
  auto timer = clock->After(absl::Hours(1), [&] { fired = true; });
  clock.reset();
  timer.reset();
  EXPECT_FALSE(fired);
}

TEST(SystemClockTest, ADelayWithoutEndIsTaken) {
  auto clock = MakeSystemClock();
  Event done;
  auto never = clock->After(absl::InfiniteDuration(), [] { FAIL(); });
  auto soon = clock->After(absl::Milliseconds(1), [&] { done.Set(); });
  EXPECT_TRUE(done.Wait());
}

TEST(FakeClockTest, AdvanceFiresEachTimerAtItsOwnTime) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  std::vector<absl::Duration> fired;
  auto note = [&] { fired.push_back(clock.Now() - start); };
  auto b = clock.After(absl::Seconds(5), note);
  auto a = clock.After(absl::Seconds(2), note);
  auto c = clock.After(absl::Seconds(9), note);
  clock.Advance(absl::Seconds(6));
  EXPECT_EQ(fired, (std::vector<absl::Duration>{absl::Seconds(2), absl::Seconds(5)}));
  EXPECT_EQ(clock.Now(), start + absl::Seconds(6));
  EXPECT_EQ(clock.pending_timers(), 1);
}

TEST(FakeClockTest, ATimerMadeByATimerFiresInTheSameAdvance) {
  FakeClock clock;
  int fired = 0;
  std::unique_ptr<Clock::Timer> timer;
  std::function<void()> again = [&] {
    if (++fired < 3) timer = clock.After(absl::Seconds(1), again);
  };
  timer = clock.After(absl::Seconds(1), again);
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(fired, 3);
}

TEST(FakeClockTest, ZeroDelayFiresOnTheNextAdvance) {
  FakeClock clock;
  int fired = 0;
  auto timer = clock.After(absl::ZeroDuration(), [&] { ++fired; });
  EXPECT_EQ(fired, 0);
  clock.Advance(absl::ZeroDuration());
  EXPECT_EQ(fired, 1);
}

TEST(FakeClockTest, CancelledTimersStaySilent) {
  FakeClock clock;
  int fired = 0;
  auto timer = clock.After(absl::Seconds(1), [&] { ++fired; });
  timer.reset();
  clock.Advance(absl::Seconds(2));
  EXPECT_EQ(fired, 0);
  EXPECT_EQ(clock.pending_timers(), 0);
}

TEST(FakeClockTest, AWallClockJumpMovesNoTimer) {
  FakeClock clock;
  int fired = 0;
  const absl::Duration monotonic = clock.Monotonic();
  auto timer = clock.After(absl::Seconds(1), [&] { ++fired; });
  const absl::Time before = clock.Now();
  clock.JumpWallClock(-absl::Hours(2));
  EXPECT_EQ(clock.Now(), before - absl::Hours(2));
  EXPECT_EQ(clock.Monotonic(), monotonic);
  clock.Advance(absl::Seconds(1));
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace dbfleet
