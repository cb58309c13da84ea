#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/concurrency/mutex.h"

namespace dbfleet::controller {

// What a transaction changed, to be told after its commit. By ids.
struct JobChanges {
  std::set<std::string> jobs;
  // Attempts that were made, to be offered to the agent.
  struct Queued {
    std::string attempt_id;
    std::string agent_id;
  };
  std::vector<Queued> queued;
  // Where what waits may have become possible: there may be something to offer or to grant now.
  std::set<std::string> instances;
  // Attempts that were taken back or given up, or that shall stop: their agents are to be told.
  std::set<std::string> attempts;
  // Windows in whose queues there is room, or the order is another one.
  std::set<std::string> queues;
};

// Tells listeners that a job changed, after the change was committed. A hint, not the truth:
// whoever is told reads the job again. Thread-safe. Listeners must not block and must not call back
// into the hub; a subscription ends when its handle dies, after which the listener is not called
// any more.
class JobHub {
 public:
  using Listener = std::function<void(const JobChanges& changes)>;

  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    friend class JobHub;
    struct State;
    explicit Subscription(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
  };

  // `job_id` "" listens to all jobs. The hub must outlive the subscription.
  std::unique_ptr<Subscription> Subscribe(absl::string_view job_id, Listener listener);

  void Notify(const JobChanges& changes);

 private:
  Mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Subscription::State>> listeners_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace dbfleet::controller
