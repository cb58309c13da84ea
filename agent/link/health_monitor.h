#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/engine.h"
#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// Checks every instance by itself on an interval, each on a pool and with a deadline, so that one
// hung server delays no other's check. A check that does not come back in time is reported as
// UNKNOWN. Thread-safe; engines must outlive it.
class HealthMonitor {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(60);
    absl::Duration deadline = absl::Seconds(10);
  };
  HealthMonitor(Options options, Clock& clock, std::vector<Engine*> engines);
  ~HealthMonitor();

  // `on_change` is called from the pool when an instance's status, reasons, reachability, role or
  // version is another than before. Call once.
  void Start(std::function<void()> on_change);
  void Stop();

  // The latest result of each instance; one that was not checked yet is absent.
  v1::HealthReport Latest();

 private:
  struct Watched {
    Engine* engine = nullptr;
    work::v1::InstanceHealth latest;
    bool known = false;
    bool busy = false;
    absl::Duration busy_since;
  };
  void Round();
  void CheckOne(const std::string& name, Engine* engine);
  bool Store(const std::string& name, work::v1::InstanceHealth health);
  std::vector<std::string> MarkOverdue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Clock& clock_;
  const std::unique_ptr<Executor> pool_;
  std::function<void()> on_change_;  // Constant after Start.

  Mutex mutex_;
  std::map<std::string, Watched> watched_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Clock::Timer> timer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::agent
