#include "common/concurrency/executor.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "common/concurrency/backoff.h"
#include "common/concurrency/mutex.h"

namespace dbfleet {
namespace {

// Counts down to zero; waiting has a deadline.
class Latch {
 public:
  explicit Latch(int count) : count_(count) {}
  void CountDown() {
    MutexLock lock(&mutex_);
    if (--count_ <= 0) changed_.SignalAll();
  }
  bool Wait() {
    MutexLock lock(&mutex_);
    while (count_ > 0) {
      if (changed_.WaitWithTimeout(&mutex_, absl::Seconds(20))) return count_ <= 0;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_;
};

TEST(SerialExecutorTest, RunsInOrderOnOneThread) {
  auto executor = MakeSerialExecutor("serial");
  std::vector<int> order;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(executor->Add([&, i] {
      order.push_back(i);
      threads.insert(std::this_thread::get_id());
    }));
  }
  executor->Shutdown();
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(threads.size(), 1u);
}

TEST(ExecutorTest, ShutdownRunsWhatWasAcceptedAndDropsTheRest) {
  auto executor = MakeThreadPool("pool", 3);
  std::atomic<int> ran{0};
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(executor->Add([&] { ++ran; }));
  executor->Shutdown();
  EXPECT_EQ(ran, 50);
  EXPECT_FALSE(executor->Add([&] { ++ran; }));
  executor->Shutdown();
  EXPECT_EQ(ran, 50);
}

TEST(ExecutorTest, AFullQueueRefuses) {
  auto executor = MakeSerialExecutor("full", 1);
  Latch started(1), release(1);
  ASSERT_TRUE(executor->Add([&] {
    started.CountDown();
    release.Wait();
  }));
  ASSERT_TRUE(started.Wait());
  EXPECT_TRUE(executor->Add([] {}));
  EXPECT_FALSE(executor->Add([] {}));
  release.CountDown();
}

TEST(ThreadPoolTest, WorkThatWaitsForEachOtherGetsAThreadEach) {
  auto executor = MakeThreadPool("pool", 4);
  Latch all(4);
  std::atomic<int> met{0};
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(executor->Add([&] {
      all.CountDown();
      if (all.Wait()) ++met;
    }));
  }
  executor->Shutdown();
  EXPECT_EQ(met, 4);
}

int ThreadsOfThisProcess() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<int>(std::distance(tasks, {}));
}

TEST(ThreadPoolTest, NoThreadIsStartedBeforeThereIsWorkForIt) {
  const int before = ThreadsOfThisProcess();
  auto executor = MakeThreadPool("pool", 8);
  EXPECT_EQ(ThreadsOfThisProcess(), before);
  Latch release(1), started(1);
  ASSERT_TRUE(executor->Add([&] {
    started.CountDown();
    release.Wait();
  }));
  ASSERT_TRUE(started.Wait());
  EXPECT_EQ(ThreadsOfThisProcess(), before + 1);
  release.CountDown();
}

TEST(ThreadPoolTest, CapturedObjectsDieWithTheirFunction) {
  auto executor = MakeThreadPool("pool", 1);
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = object;
  Latch second(1);
  ASSERT_TRUE(executor->Add([object] {}));
  object.reset();
  ASSERT_TRUE(executor->Add([&] { second.CountDown(); }));
  ASSERT_TRUE(second.Wait());
  EXPECT_TRUE(watch.expired());
}

double AlmostOne() { return 0.999; }
double Zero() { return 0; }

TEST(BackoffTest, DoublesUpToTheMaximumAndResets) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(10), AlmostOne);
  const absl::Duration first = backoff.Next();
  EXPECT_EQ(first, absl::Seconds(1) * 0.999);
  EXPECT_EQ(backoff.Next(), absl::Seconds(2) * 0.999);
  EXPECT_EQ(backoff.Next(), absl::Seconds(4) * 0.999);
  EXPECT_EQ(backoff.Next(), absl::Seconds(8) * 0.999);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(backoff.Next(), absl::Seconds(10) * 0.999);
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), first);
}

TEST(BackoffTest, JitterReachesDownToZero) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(10), Zero);
  EXPECT_EQ(backoff.Next(), absl::ZeroDuration());
}

TEST(UniformRandomTest, StaysInTheHalfOpenUnitInterval) {
  double sum = 0;
  for (int i = 0; i < 1000; ++i) {
    const double x = UniformRandom();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    sum += x;
  }
  EXPECT_NEAR(sum / 1000, 0.5, 0.1);
}

}  // namespace
}  // namespace dbfleet
