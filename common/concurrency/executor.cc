#include "common/concurrency/executor.h"

#include <pthread.h>

#include <algorithm>
#include <deque>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/concurrency/mutex.h"

namespace dbfleet {
namespace {

// One queue and up to `max_threads` threads. A thread is started when there is more work than idle
// threads; once started it stays until Shutdown, because work comes in bursts. An only thread takes
// all that waits at once: under load it would otherwise meet those who add at each function.
class PooledExecutor : public Executor {
 public:
  PooledExecutor(absl::string_view name, int max_threads, size_t max_queue)
      : name_(name.substr(0, kMaxThreadName)),
        max_threads_(static_cast<size_t>(std::max(max_threads, 1))),
        max_queue_(max_queue) {}

  ~PooledExecutor() override { Shutdown(); }

  bool Add(std::function<void()> fn) override {
    MutexLock lock(&mutex_);
    if (stopping_ || queue_.size() >= max_queue_) return false;
    if (queue_.size() >= idle_ && threads_.size() < max_threads_ && !StartThread()) return false;
    queue_.push_back(std::move(fn));
    wake_.Signal();
    return true;
  }

  void Shutdown() override {
    std::vector<std::thread> threads;
    {
      MutexLock lock(&mutex_);
      if (stopping_) {
        while (!joined_) joined_changed_.Wait(&mutex_);
        return;
      }
      stopping_ = true;
      wake_.SignalAll();
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
    MutexLock lock(&mutex_);
    joined_ = true;
    joined_changed_.SignalAll();
  }

 private:
  static constexpr size_t kMaxThreadName = 15;  // The kernel's limit.

  // False only if there is no thread at all to do the work.
  bool StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    try {
      threads_.emplace_back([this] { Run(); });
    } catch (const std::system_error&) {
      return !threads_.empty();
    }
    return true;
  }

  void Run() {
    pthread_setname_np(pthread_self(), name_.c_str());
    std::deque<std::function<void()>> taken;
    while (Take(&taken)) {
      for (std::function<void()>& fn : taken) {
        fn();
        fn = nullptr;  // What it captured dies now, not when the next function comes.
      }
      taken.clear();
    }
  }

  bool Take(std::deque<std::function<void()>>* taken) {
    MutexLock lock(&mutex_);
    ++idle_;
    while (queue_.empty() && !stopping_) wake_.Wait(&mutex_);
    --idle_;
    if (queue_.empty()) return false;
    if (max_threads_ == 1) {
      taken->swap(queue_);
    } else {
      taken->push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return true;
  }

  const std::string name_;
  const size_t max_threads_;
  const size_t max_queue_;
  Mutex mutex_;
  CondVar wake_;
  CondVar joined_changed_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool joined_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<Executor> MakeSerialExecutor(absl::string_view name, size_t max_queue) {
  return std::make_unique<PooledExecutor>(name, 1, max_queue);
}

std::unique_ptr<Executor> MakeThreadPool(absl::string_view name, int threads, size_t max_queue) {
  return std::make_unique<PooledExecutor>(name, threads, max_queue);
}

}  // namespace dbfleet
