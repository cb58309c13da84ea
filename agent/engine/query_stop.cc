#include "agent/engine/query_stop.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {

void QueryStop::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  // There is no query, or somebody asks already.
  if (interrupt_ == nullptr || asker_ != nullptr) return;
  asker_ = MakeThreadPool("query-stop", 1);
  if (!asker_->Add([this] { Ask(); })) {
    log::Warn("no thread to ask a server to end a statement: it goes on until its time limit");
  }
}

void QueryStop::Ask() {
  MutexLock lock(&mutex_);
  for (int n = 0; n < kTries && interrupt_ != nullptr; ++n) {
    // Not under the lock: asking the server may take long, and the others must not wait for it.
    const std::function<void()> interrupt = interrupt_;
    mutex_.Unlock();
    interrupt();
    mutex_.Lock();
    if (interrupt_ != nullptr) ended_.WaitWithTimeout(&mutex_, again_);
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
  std::unique_ptr<Executor> asker;
  {
    MutexLock lock(&stop_->mutex_);
    // From here on nobody begins to ask.
    stop_->interrupt_ = nullptr;
    asker = std::move(stop_->asker_);
    stop_->ended_.SignalAll();
  }
  asker.reset();  // Waits for the call that is under way.
}

absl::Status QueryStop::Scope::MayBegin() const {
  if (stop_ == nullptr || !stop_->stopped()) return absl::OkStatus();
  return Error(absl::StatusCode::kCancelled, "CANCELLED",
               "the job was cancelled before its statement began");
}

absl::Status QueryStop::Scope::Outcome(const absl::Status& outcome) const {
  if (stop_ == nullptr || !stop_->stopped()) return outcome;
  if (ReasonOf(outcome) == "DATABASE_TIMEOUT") return outcome;
  const auto cancelled = [](absl::string_view what) {
    return Error(absl::StatusCode::kCancelled, "CANCELLED",
                 absl::StrCat("the job was cancelled, ", what));
  };
  // An answer of the server, whichever, is the statement's end there.
  if (outcome.ok() || absl::IsCancelled(outcome)) {
    return cancelled("and its statement ended on the server");
  }
  if (absl::IsUnavailable(outcome)) {
    return cancelled(
        "and its connection is gone: whether the statement ended on the server is not known; at "
        "most its time limit ends it there");
  }
  return cancelled(absl::StrCat("and its statement ended with: ", outcome.message()));
}

}  // namespace dbfleet::agent
