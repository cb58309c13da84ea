#include "controller/jobs/job_hub.h"

#include <utility>
#include <vector>

namespace dbfleet::controller {

struct JobHub::Subscription::State {
  JobHub* hub = nullptr;
  uint64_t key = 0;
  std::string job_id;
  Mutex mutex;  // Held while the listener runs, so that ending the subscription waits for it.
  Listener listener ABSL_GUARDED_BY(mutex);
};

JobHub::Subscription::~Subscription() {
  {
    MutexLock lock(&state_->hub->mutex_);
    state_->hub->listeners_.erase(state_->key);
  }
  MutexLock lock(&state_->mutex);
  state_->listener = nullptr;
}

std::unique_ptr<JobHub::Subscription> JobHub::Subscribe(absl::string_view job_id,
                                                        Listener listener) {
  auto state = std::make_shared<Subscription::State>();
  state->hub = this;
  state->job_id = std::string(job_id);
  {
    MutexLock lock(&state->mutex);
    state->listener = std::move(listener);
  }
  MutexLock lock(&mutex_);
  state->key = next_++;
  listeners_[state->key] = state;
  return std::unique_ptr<Subscription>(new Subscription(std::move(state)));
}

void JobHub::Notify(const JobChanges& changes) {
  std::vector<std::shared_ptr<Subscription::State>> called;
  {
    MutexLock lock(&mutex_);
    for (const auto& [key, state] : listeners_) {
      if (state->job_id.empty() || changes.jobs.count(state->job_id) > 0) called.push_back(state);
    }
  }
  for (const auto& state : called) {
    MutexLock lock(&state->mutex);
    if (state->listener) state->listener(changes);
  }
}

}  // namespace dbfleet::controller
