#include "agent/engine/query_stop.h"

#include <utility>

#include "common/base/status.h"

namespace dbfleet::agent {

void QueryStop::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  for (int n = 0; n < kTries && interrupt_ != nullptr; ++n) {
    // Not under the lock: asking the server may take long, and stopped() is to answer.
    const std::function<void()> interrupt = interrupt_;
    interrupting_ = true;
    mutex_.Unlock();
    interrupt();
    mutex_.Lock();
    interrupting_ = false;
    ended_.SignalAll();
    if (interrupt_ != nullptr) ended_.WaitWithTimeout(&mutex_, kAgain);
  }
}

bool QueryStop::stopped() const {
  MutexLock lock(&mutex_);
  return stopped_;
}

QueryStop::Scope::Scope(QueryStop* stop, std::function<void()> interrupt) : stop_(stop) {
  if (stop_ == nullptr) return;
  MutexLock lock(&stop_->mutex_);
  stop_->interrupt_ = std::move(interrupt);
}

QueryStop::Scope::~Scope() {
  if (stop_ == nullptr) return;
  MutexLock lock(&stop_->mutex_);
  stop_->interrupt_ = nullptr;
  stop_->ended_.SignalAll();
  while (stop_->interrupting_) stop_->ended_.Wait(&stop_->mutex_);
}

absl::Status QueryStop::Scope::Outcome(const absl::Status& outcome) const {
  if (stop_ == nullptr || !stop_->stopped()) return outcome;
  return Error(absl::StatusCode::kCancelled, "CANCELLED",
               "the job was cancelled, and its statement ended on the server");
}

}  // namespace dbfleet::agent
