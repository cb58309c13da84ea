#pragma once

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// Lets a cancellation stop the forward statement that runs just now, and nothing else: a request
// that reached the server late would otherwise hit a record or a statement of the rollback.
// Therefore a session that was interrupted is not used again for either.
//
// A server that hangs does not stop, and neither answers nor closes. So when the forward session is
// still in use `limit` after the cancellation, its connection is cut; what took effect is then
// found out as after any lost connection.
//
// Thread-safe. Shared by the attempt and by the context's OnCancel callback, which may outlive it.
class InterruptGate {
 public:
  // `clock` must outlive it.
  InterruptGate(Clock& clock, absl::Duration limit) : clock_(clock), limit_(limit) {}

  // While it lives, `session` may be cut; it must outlive the watch. One at a time.
  class Watch {
   public:
    Watch(InterruptGate& gate, MigrationSession& session) : gate_(gate) {
      MutexLock lock(&gate_.watch_mutex_);
      gate_.watched_ = &session;
      gate_.ArmLocked();
    }
    ~Watch() {
      MutexLock lock(&gate_.watch_mutex_);
      gate_.watched_ = nullptr;
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    InterruptGate& gate_;
  };

  // From any thread.
  void Cancel() {
    {
      MutexLock lock(&watch_mutex_);
      cancelled_for_watch_ = true;
      ArmLocked();
    }
    MutexLock lock(&mutex_);
    cancelled_ = true;
    InterruptLocked();
  }

  // Around one forward statement on `session`, which must live until End.
  void Begin(MigrationSession& session) {
    MutexLock lock(&mutex_);
    session_ = &session;
    interrupted_ = false;
    if (cancelled_) InterruptLocked();
  }

  // True if the server was asked to stop the statement, whether it did or not.
  bool End() {
    MutexLock lock(&mutex_);
    session_ = nullptr;
    return interrupted_;
  }

 private:
  void InterruptLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (session_ == nullptr || interrupted_) return;
    interrupted_ = true;
    session_->Interrupt();
  }

  // The time counts from when there is both a cancellation and something to cut.
  void ArmLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(watch_mutex_) {
    if (!cancelled_for_watch_ || watched_ == nullptr || timer_ != nullptr) return;
    timer_ = clock_.After(limit_, [this] {
      MutexLock lock(&watch_mutex_);
      if (watched_ != nullptr) watched_->Break();
    });
  }

  Clock& clock_;
  const absl::Duration limit_;

  Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  MigrationSession* session_ ABSL_GUARDED_BY(mutex_) = nullptr;

  // Apart from mutex_, which is held while Interrupt waits for the server.
  Mutex watch_mutex_;
  bool cancelled_for_watch_ ABSL_GUARDED_BY(watch_mutex_) = false;
  MigrationSession* watched_ ABSL_GUARDED_BY(watch_mutex_) = nullptr;
  // Last, so that it goes first: its end waits for a callback that runs.
  std::unique_ptr<Clock::Timer> timer_ ABSL_GUARDED_BY(watch_mutex_);
};

}  // namespace dbfleet::agent
