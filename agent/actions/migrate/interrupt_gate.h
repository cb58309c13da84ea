#pragma once

#include "absl/base/thread_annotations.h"

#include "agent/engine/engine.h"
#include "common/concurrency/mutex.h"

namespace dbfleet::agent {

// Lets a cancellation stop the forward statement that runs just now, and nothing else: a request
// that reached the server late would otherwise hit a record or a statement of the rollback.
// Therefore a session that was interrupted is not used again for either. Thread-safe. Shared by the
// attempt and by the context's OnCancel callback, which may outlive it.
class InterruptGate {
 public:
  // From any thread.
  void Cancel() {
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

  Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  MigrationSession* session_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace dbfleet::agent
