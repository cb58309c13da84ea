#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// Collects every instance's samples on an interval. Each instance has its own slot on `executor`
// and its own deadline, so that a hung server delays nobody; one that is still being collected when
// its turn comes again is passed over. Thread-safe.
//
// Call Start once. The destructor stops the timer and waits for running collections. The engines,
// the executor and the clock must outlive it; give the executor as many threads as there are
// instances. `on_batch` is called on the executor's threads and must not block.
class MetricsCollector {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(15);
    absl::Duration deadline = absl::Seconds(10);
  };
  using OnBatch = std::function<void(v1::MetricsBatch)>;

  MetricsCollector(Options options, Clock& clock, Executor& executor,
                   std::map<std::string, Engine*> engines, OnBatch on_batch);
  ~MetricsCollector();
  MetricsCollector(const MetricsCollector&) = delete;
  MetricsCollector& operator=(const MetricsCollector&) = delete;

  // Collects at once and then on the interval.
  void Start();

  // The latest samples of all instances in the text format, each with the label "instance". Those
  // of an instance whose collection is three intervals late are left out: stale is not current.
  std::string Expose() const;

  // The latest batches, for a new stream to begin with; stale ones are left out.
  std::vector<v1::MetricsBatch> Latest() const;

 private:
  struct Slot {
    Engine* engine = nullptr;
    bool running = false;
    absl::Duration collected;  // On the monotonic clock.
    bool has_batch = false;
    v1::MetricsBatch batch;
  };

  void Tick();
  void Collect(const std::string& instance, Engine& engine);
  bool IsFresh(const Slot& slot) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Clock& clock_;
  Executor& executor_;
  const OnBatch on_batch_;

  mutable Mutex mutex_;
  CondVar idle_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Slot> slots_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Clock::Timer> timer_ ABSL_GUARDED_BY(mutex_);
};

// Samples as families, each family's samples together, in the order of their first samples. Names
// that Prometheus would refuse, and a sample that repeats another's labels, are left out. Pure.
v1::MetricsBatch MakeBatch(const std::string& instance, absl::Time time,
                           const std::vector<Sample>& samples);

// Batches of several instances as one text, each sample with the label "instance". Pure.
std::string ExposeBatches(const std::vector<v1::MetricsBatch>& batches);

}  // namespace dbfleet::agent
