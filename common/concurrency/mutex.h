#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

// ThreadSanitizer cannot see into Debian's Abseil, which is built without it, and would report
// every correct use as a race. These wrappers tell it about each acquire and release. Code uses
// them instead of absl::Mutex; tests/lint refuses the raw one elsewhere.
#if defined(__SANITIZE_THREAD__)
#define DBFLEET_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DBFLEET_TSAN 1
#endif
#endif

#ifdef DBFLEET_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace dbfleet {

// Marks a handover of data through code that ThreadSanitizer cannot see (gRPC, Abseil): the giver
// calls TsanRelease before, the taker TsanAcquire after, with the same address.
inline void TsanRelease([[maybe_unused]] void* address) {
#ifdef DBFLEET_TSAN
  __tsan_release(address);
#endif
}
inline void TsanAcquire([[maybe_unused]] void* address) {
#ifdef DBFLEET_TSAN
  __tsan_acquire(address);
#endif
}

// Debian's Abseil looks for cycles of locks at each lock, in optimised programs too; ours are found
// by the tests, which keep that. To be called first by main programs.
inline void StopLookingForDeadlocks() {
#ifdef NDEBUG
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
}

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    mutex_.Lock();
    TsanAcquire(this);
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    TsanRelease(this);
    mutex_.Unlock();
  }
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() { mutex_.AssertHeld(); }

 private:
  friend class CondVar;
  absl::Mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

class CondVar {
 public:
  // Both are called with `mutex` held and return with it held; wake-ups may be spurious.
  void Wait(Mutex* mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    TsanRelease(mutex);
    cv_.Wait(&mutex->mutex_);
    TsanAcquire(mutex);
  }
  // True if the time ran out.
  bool WaitWithTimeout(Mutex* mutex, absl::Duration timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    TsanRelease(mutex);
    const bool timed_out = cv_.WaitWithTimeout(&mutex->mutex_, timeout);
    TsanAcquire(mutex);
    return timed_out;
  }
  void Signal() { cv_.Signal(); }
  void SignalAll() { cv_.SignalAll(); }

 private:
  absl::CondVar cv_;
};

}  // namespace dbfleet
