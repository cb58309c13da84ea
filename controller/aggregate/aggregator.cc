#include "controller/aggregate/aggregator.h"

#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/aggregate/fleet_metrics.h"

namespace dbfleet::controller {

Aggregator::Aggregator(Store* store, const LiveState* live, Executor* executor, Clock* clock,
                       Options options)
    : store_(store),
      live_(live),
      executor_(executor),
      clock_(clock),
      options_(std::move(options)) {}

Aggregator::~Aggregator() {
  std::unique_ptr<Clock::Timer> timer;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    timer = std::move(timer_);
  }
  timer.reset();
  MutexLock lock(&mutex_);
  while (running_ > 0) idle_.Wait(&mutex_);
}

void Aggregator::Start() { OnTimer(); }

void Aggregator::Arm(absl::Duration delay) {
  // A timer waits for its running function when it dies, so the old one dies after the lock.
  std::unique_ptr<Clock::Timer> timer;
  MutexLock lock(&mutex_);
  if (stopping_) return;
  timer = clock_->After(delay, [this] { OnTimer(); });
  timer.swap(timer_);
}

void Aggregator::OnTimer() {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    ++running_;
  }
  const bool accepted = executor_->Add([this] {
    if (const absl::Status status = Refresh(); !status.ok()) {
      log::Warn("cannot read the fleet's state for metrics",
                {{"error", std::string(status.message())}});
    }
    Arm(options_.refresh);
    MutexLock lock(&mutex_);
    --running_;
    idle_.SignalAll();
  });
  if (accepted) return;
  Arm(options_.refresh);
  MutexLock lock(&mutex_);
  --running_;
  idle_.SignalAll();
}

absl::Status Aggregator::Refresh() {
  MutexLock refresh(&refresh_mutex_);
  FleetSnapshotter next = snapshotter_;
  auto snapshot = std::make_shared<FleetSnapshot>();
  RETURN_IF_ERROR(
      store_->Read([&](ReadTx& tx) { return next.Take(tx, clock_->Now(), snapshot.get()); }));
  snapshotter_ = std::move(next);
  MutexLock lock(&mutex_);
  snapshot_ = std::move(snapshot);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const FleetSnapshot>> Aggregator::Snapshot() const {
  MutexLock lock(&mutex_);
  if (snapshot_ == nullptr) {
    return Error(absl::StatusCode::kUnavailable, "NOT_READY",
                 "the controller has not read its store yet; try again in a moment");
  }
  return snapshot_;
}

bool Aggregator::ready() const { return Snapshot().ok(); }

absl::StatusOr<std::string> Aggregator::FleetMetrics() const {
  ASSIGN_OR_RETURN(const auto snapshot, Snapshot());
  return RenderFleetMetrics({snapshot, live_->Instances(), live_->Agents(), clock_->Now()});
}

absl::StatusOr<std::string> Aggregator::ServiceDiscovery() const {
  ASSIGN_OR_RETURN(const auto snapshot, Snapshot());
  return RenderServiceDiscovery(*snapshot, options_.address);
}

absl::StatusOr<std::string> Aggregator::InstanceMetrics(const std::string& instance_id) const {
  return live_->Metrics(instance_id);
}

}  // namespace dbfleet::controller
