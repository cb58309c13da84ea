#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/aggregate/fleet_snapshot.h"
#include "controller/aggregate/live_state.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Serves the fleet's metrics and Prometheus' service discovery. The store is asked in the
// background, every `refresh`, so that a scrape answers at once whatever the store does; the age of
// what it said is a metric of its own.
//
// Thread-safe. Call Start once. Nothing is owned; the destructor waits for a running refresh.
class Aggregator {
 public:
  struct Options {
    absl::Duration refresh = absl::Seconds(10);
    std::string address;  // host:port under which Prometheus reaches the HTTP listener.
  };
  Aggregator(Store* store, const LiveState* live, Executor* executor, Clock* clock,
             Options options);
  ~Aggregator();

  // The first refresh begins at once.
  void Start();

  // Asks the store now, on the caller's thread.
  absl::Status Refresh();

  // All of these: UNAVAILABLE (NOT_READY) until the store has answered for the first time.
  absl::StatusOr<std::string> FleetMetrics() const;
  absl::StatusOr<std::string> ServiceDiscovery() const;
  bool ready() const;

  // The body of /instances/{id}/metrics; the errors of LiveState::Metrics.
  absl::StatusOr<std::string> InstanceMetrics(const std::string& instance_id) const;

 private:
  absl::StatusOr<std::shared_ptr<const FleetSnapshot>> Snapshot() const;
  void Arm(absl::Duration delay);
  void OnTimer();

  Store* const store_;
  const LiveState* const live_;
  Executor* const executor_;
  Clock* const clock_;
  const Options options_;

  Mutex refresh_mutex_;  // Held through a refresh.
  FleetSnapshotter snapshotter_ ABSL_GUARDED_BY(refresh_mutex_);

  mutable Mutex mutex_;
  CondVar idle_;
  std::shared_ptr<const FleetSnapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;  // Refreshes handed to the executor.
  std::unique_ptr<Clock::Timer> timer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
