#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"

namespace dbfleet {

// An executor without threads: the test runs what was added, when it wants it. Thread-safe.
class InlineExecutor : public Executor {
 public:
  [[nodiscard]] bool Add(std::function<void()> fn) override {
    MutexLock lock(&mutex_);
    if (shut_down_) return false;
    queue_.push_back(std::move(fn));
    return true;
  }

  void Shutdown() override {
    RunAll();
    MutexLock lock(&mutex_);
    shut_down_ = true;
  }

  // Runs everything, also what that adds.
  void RunAll() {
    for (;;) {
      std::function<void()> fn;
      {
        MutexLock lock(&mutex_);
        if (queue_.empty()) return;
        fn = std::move(queue_.front());
        queue_.pop_front();
      }
      fn();
    }
  }

 private:
  Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dbfleet
