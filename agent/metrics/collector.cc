#include "agent/metrics/collector.h"

#include <utility>

namespace dbfleet::agent {

MetricsCollector::MetricsCollector(Options options, Clock& clock, Executor& executor,
                                   std::map<std::string, Engine*> engines, OnBatch on_batch)
    : options_(options), clock_(clock), executor_(executor), on_batch_(std::move(on_batch)) {
  MutexLock lock(&mutex_);
  for (const auto& [name, engine] : engines) slots_[name].engine = engine;
}

MetricsCollector::~MetricsCollector() {
  std::unique_ptr<Clock::Timer> timer;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    timer = std::move(timer_);
  }
  timer.reset();  // Waits for a running Tick, which needs the mutex.
  MutexLock lock(&mutex_);
  while (running_ > 0) idle_.Wait(&mutex_);
}

void MetricsCollector::Start() { Tick(); }

void MetricsCollector::Tick() {
  std::unique_ptr<Clock::Timer>
      old;  // Destroyed without the mutex: that may wait for its callback.
  MutexLock lock(&mutex_);
  if (stopping_) return;
  for (auto& [name, slot] : slots_) {
    if (slot.running) continue;
    // A full executor means that this turn is skipped; the next one comes soon.
    slot.running =
        executor_.Add([this, name = name, engine = slot.engine] { Collect(name, *engine); });
    if (slot.running) ++running_;
  }
  old = std::exchange(timer_, clock_.After(options_.interval, [this] { Tick(); }));
}

void MetricsCollector::Collect(const std::string& instance, Engine& engine) {
  const absl::Duration start = clock_.Monotonic();
  std::vector<Sample> samples = engine.CollectMetrics(options_.deadline);
  const absl::Duration end = clock_.Monotonic();
  samples.push_back({"dbfleet_collect_duration_seconds",
                     "How long the agent took to collect this instance's metrics.",
                     /*counter=*/false,
                     {},
                     absl::ToDoubleSeconds(end - start)});
  v1::MetricsBatch batch = MakeBatch(instance, clock_.Now(), samples);
  bool wanted = false;
  {
    MutexLock lock(&mutex_);
    wanted = !stopping_;
    Slot& slot = slots_[instance];
    slot.batch = batch;
    slot.has_batch = true;
    slot.collected = end;
  }
  if (wanted && on_batch_) on_batch_(std::move(batch));
  MutexLock lock(&mutex_);
  slots_[instance].running = false;
  --running_;
  idle_.SignalAll();
}

bool MetricsCollector::IsFresh(const Slot& slot) const {
  return slot.has_batch && clock_.Monotonic() - slot.collected <= 3 * options_.interval;
}

std::vector<v1::MetricsBatch> MetricsCollector::Latest() const {
  std::vector<v1::MetricsBatch> batches;
  MutexLock lock(&mutex_);
  for (const auto& [name, slot] : slots_) {
    if (IsFresh(slot)) batches.push_back(slot.batch);
  }
  return batches;
}

std::string MetricsCollector::Expose() const { return ExposeBatches(Latest()); }

}  // namespace dbfleet::agent
