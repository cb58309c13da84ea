#include "agent/link/health_monitor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr int kMaxThreads = 3;

bool SameInSubstance(const work::v1::InstanceHealth& a, const work::v1::InstanceHealth& b) {
  return a.status() == b.status() && a.reachable() == b.reachable() && a.role() == b.role() &&
         a.server_version() == b.server_version() &&
         std::equal(a.reasons().begin(), a.reasons().end(), b.reasons().begin(), b.reasons().end());
}

}  // namespace

HealthMonitor::HealthMonitor(Options options, Clock& clock, std::vector<Engine*> engines)
    : options_(options),
      clock_(clock),
      pool_(MakeThreadPool("health",
                           std::clamp<int>(static_cast<int>(engines.size()), 1, kMaxThreads))) {
  MutexLock lock(&mutex_);
  for (Engine* engine : engines) watched_[engine->spec().name].engine = engine;
}

HealthMonitor::~HealthMonitor() { Stop(); }

void HealthMonitor::Start(std::function<void()> on_change) {
  on_change_ = std::move(on_change);
  Round();
}

void HealthMonitor::Stop() {
  std::unique_ptr<Clock::Timer> timer;
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    timer = std::move(timer_);
  }
  timer.reset();
  pool_->Shutdown();
}

void HealthMonitor::Round() {
  std::vector<std::pair<std::string, Engine*>> due;
  std::unique_ptr<Clock::Timer> former;
  bool overdue = false;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    overdue = !MarkOverdue().empty();
    for (auto& [name, watched] : watched_) {
      if (watched.busy) continue;
      watched.busy = true;
      watched.busy_since = clock_.Monotonic();
      due.emplace_back(name, watched.engine);
    }
    former = std::exchange(timer_, clock_.After(options_.interval, [this] { Round(); }));
  }
  if (overdue) {
    (void)pool_->Add([this] { on_change_(); });
  }
  for (const auto& [name, engine] : due) {
    (void)pool_->Add([this, name = name, engine = engine] { CheckOne(name, engine); });
  }
}

std::vector<std::string> HealthMonitor::MarkOverdue() {
  std::vector<std::string> overdue;
  const absl::Duration limit = std::max(options_.deadline * 2, options_.interval);
  for (auto& [name, watched] : watched_) {
    if (!watched.busy || clock_.Monotonic() - watched.busy_since < limit) continue;
    work::v1::InstanceHealth health;
    health.set_instance(name);
    health.set_status(work::v1::HEALTH_STATUS_UNKNOWN);
    health.add_reasons("the health check does not come back");
    if (watched.known && SameInSubstance(watched.latest, health)) continue;
    *health.mutable_observe_time() = ToProto(clock_.Now());
    watched.latest = std::move(health);
    watched.known = true;
    overdue.push_back(name);
  }
  return overdue;
}

void HealthMonitor::CheckOne(const std::string& name, Engine* engine) {
  work::v1::InstanceHealth health = engine->Check(options_.deadline);
  health.set_instance(name);
  if (!health.has_observe_time()) *health.mutable_observe_time() = ToProto(clock_.Now());
  if (Store(name, std::move(health))) on_change_();
}

bool HealthMonitor::Store(const std::string& name, work::v1::InstanceHealth health) {
  MutexLock lock(&mutex_);
  Watched& watched = watched_[name];
  watched.busy = false;
  const bool changed = !watched.known || !SameInSubstance(watched.latest, health);
  watched.latest = std::move(health);
  watched.known = true;
  return changed && !stopped_;
}

v1::HealthReport HealthMonitor::Latest() {
  MutexLock lock(&mutex_);
  v1::HealthReport report;
  for (const auto& [name, watched] : watched_) {
    if (watched.known) *report.add_instances() = watched.latest;
  }
  return report;
}

}  // namespace dbfleet::agent
