#include <errno.h>
#include <pthread.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>
#include <utility>

#include "absl/time/clock.h"

#include "common/base/failpoint.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"

namespace dbfleet {
namespace {

// Without a timer no lease and no time-out would ever end; a process in that state must not go on.
void CheckTimer(bool ok, const char* what) {
  if (!ok) {
    std::fprintf(stderr, "fatal: %s: %s\n", what, std::strerror(errno));
    std::abort();
  }
}

absl::Duration BootTime() {
  timespec now;
  CheckTimer(clock_gettime(CLOCK_BOOTTIME, &now) == 0, "clock_gettime(CLOCK_BOOTTIME)");
  return absl::DurationFromTimespec(now);
}

// The timers of one clock and the thread that runs them. The thread sleeps on a timerfd, because a
// condition variable's deadline is on the wall clock and would be late when that is set back.
// Thread-safe. Handles share ownership, so that they may die after the clock.
class TimerQueue {
 public:
  TimerQueue() : fd_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC)) {
    CheckTimer(fd_ >= 0, "timerfd_create");
  }
  ~TimerQueue() { close(fd_); }
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  using Key = std::pair<absl::Duration, uint64_t>;  // When, and a number to tell equals apart.

  Key Add(absl::Duration delay, std::function<void()> fn) {
    MutexLock lock(&mutex_);
    const Key key(BootTime() + delay, ++last_id_);
    if (stopping_) return key;
    queue_.emplace(key, std::move(fn));
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
    if (queue_.begin()->first == key) Arm();
    return key;
  }

  void Cancel(const Key& key) {
    // Declared first: what `fn` captured may itself cancel timers when it dies, outside the lock.
    std::function<void()> cancelled;
    MutexLock lock(&mutex_);
    if (auto it = queue_.find(key); it != queue_.end()) {
      cancelled = std::move(it->second);
      queue_.erase(it);
      return;
    }
    if (std::this_thread::get_id() == thread_id_) return;
    while (running_id_ == key.second) finished_.Wait(&mutex_);
  }

  void Stop() {
    std::map<Key, std::function<void()>> dropped;
    std::thread thread;
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      dropped.swap(queue_);
      thread.swap(thread_);
      SetTimer(absl::Nanoseconds(1));
    }
    if (thread.joinable()) thread.join();
  }

 private:
  void Run() {
    pthread_setname_np(pthread_self(), "timer");
    {
      MutexLock lock(&mutex_);
      thread_id_ = std::this_thread::get_id();
    }
    while (RunNextDue() || WaitUntilArmed()) {
    }
  }

  // False if nothing is due.
  bool RunNextDue() {
    std::function<void()> fn;
    {
      MutexLock lock(&mutex_);
      if (stopping_ || queue_.empty() || queue_.begin()->first.first > BootTime()) return false;
      running_id_ = queue_.begin()->first.second;
      fn = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
    }
    fn();
    // What it captured must be gone before a waiting Cancel returns.
    fn = nullptr;
    MutexLock lock(&mutex_);
    running_id_ = 0;
    finished_.SignalAll();
    return true;
  }

  // False if the queue has been stopped.
  bool WaitUntilArmed() {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return false;
      Arm();
    }
    uint64_t expirations = 0;
    const ssize_t n = read(fd_, &expirations, sizeof expirations);
    CheckTimer(n == sizeof expirations || errno == EINTR, "read(timerfd)");
    return true;
  }

  void Arm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    SetTimer(queue_.empty() ? absl::ZeroDuration() : queue_.begin()->first.first);
  }

  // An absolute time; zero disarms.
  void SetTimer(absl::Duration when) {
    itimerspec spec = {};
    // Beyond a century, timespec and the kernel's arithmetic are no longer ours to trust.
    spec.it_value = absl::ToTimespec(std::min(when, BootTime() + absl::Hours(24 * 365 * 100)));
    CheckTimer(timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr) == 0, "timerfd_settime");
  }

  const int fd_;
  Mutex mutex_;
  CondVar finished_;
  std::map<Key, std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t running_id_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
  std::thread::id thread_id_ ABSL_GUARDED_BY(mutex_);
};

class SystemTimer : public Clock::Timer {
 public:
  SystemTimer(std::shared_ptr<TimerQueue> queue, TimerQueue::Key key)
      : queue_(std::move(queue)), key_(key) {}
  ~SystemTimer() override { queue_->Cancel(key_); }

 private:
  const std::shared_ptr<TimerQueue> queue_;
  const TimerQueue::Key key_;
};

class SystemClock : public Clock {
 public:
  ~SystemClock() override { queue_->Stop(); }

  absl::Time Now() const override {
    return absl::Now() + absl::Seconds(failpoint::ClockOffsetSeconds());
  }
  absl::Duration Monotonic() const override { return BootTime(); }

  std::unique_ptr<Timer> After(absl::Duration delay, std::function<void()> fn) override {
    return std::make_unique<SystemTimer>(
        queue_, queue_->Add(std::max(delay, absl::ZeroDuration()), std::move(fn)));
  }

 private:
  const std::shared_ptr<TimerQueue> queue_ = std::make_shared<TimerQueue>();
};

}  // namespace

std::unique_ptr<Clock> MakeSystemClock() { return std::make_unique<SystemClock>(); }

}  // namespace dbfleet
