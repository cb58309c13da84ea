#include "agent/engine/health.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using work::v1::HealthStatus;

constexpr auto kAny = work::v1::ENGINE_UNSPECIFIED;
constexpr auto kAbove = Threshold::Bad::kAbove;
constexpr auto kBelow = Threshold::Bad::kBelow;

// Below this a ratio says more about the last few queries than about the cache.
constexpr double kMinCacheAccesses = 1000;

const Threshold kThresholds[] = {
    // Requirement W1: warn above 0.5 s.
    {kResponseTime, kAny, "seconds", "response time", kAbove, 0.5, std::nullopt},
    // Requirement W1: warn above 80 %. Above 95 % the next burst is refused.
    {kConnectionsUsed, kAny, "ratio", "connections used", kAbove, 0.80, 0.95},
    // Requirement W1: target 95 %, Redis 80 %. A cold cache is slow, not broken: never critical.
    {kCacheHitRatio, work::v1::ENGINE_REDIS, "ratio", "cache hit ratio", kBelow, 0.80,
     std::nullopt},
    {kCacheHitRatio, kAny, "ratio", "cache hit ratio", kBelow, 0.95, std::nullopt},
    // Requirement W1 gives no number. Five minutes hold back purge and vacuum noticeably; an hour
    // is
    // the default of PostgreSQL's own advice for idle transactions in most operators' handbooks.
    {kLongestTransaction, kAny, "seconds", "longest transaction", kAbove, 300.0, 3600.0},
    // Requirement W1 (locks, blocking trees). Counts sessions that waited for longer than 1 s, the
    // default of PostgreSQL's deadlock_timeout, after which log_lock_waits reports them too.
    {kBlockedSessions, kAny, "count", "blocked sessions", kAbove, 0.0, 10.0},
    // Architecture §6: a broken link never reads as lag 0 or absent, so it is an observation.
    {kReplicationLink, kAny, "count", "replication link", kBelow, std::nullopt, 1.0},
    // Requirement W1: target below 1 s. Above 30 s a failover loses what people notice.
    {kReplicationLag, kAny, "seconds", "replication lag", kAbove, 1.0, 30.0},
    // Requirement W1 gives no number; node_exporter's mixin is critical below 5 % free space.
    {kDiskUsed, kAny, "ratio", "disk of the data folder used", kAbove, 0.85, 0.95},
    // Requirement W1 (deadlocks). awesome-prometheus-alerts warns above 5 in a minute, which is the
    // default interval of checks.
    {kDeadlocks, kAny, "count", "deadlocks since the last check", kAbove, 5.0, std::nullopt},
    // Redis refuses writes after a failed snapshot (stop-writes-on-bgsave-error).
    {kPersistence, work::v1::ENGINE_REDIS, "count", "last snapshot succeeded", kBelow, std::nullopt,
     1.0},
};

const Threshold* Find(work::v1::Engine engine, absl::string_view name) {
  const Threshold* general = nullptr;
  for (const Threshold& threshold : kThresholds) {
    if (threshold.name != name) continue;
    if (threshold.engine == engine) return &threshold;
    if (threshold.engine == kAny) general = &threshold;
  }
  return general;
}

std::string Format(const Threshold& threshold, double value) {
  if (threshold.unit == "ratio") return absl::StrFormat("%.1f %%", value * 100);
  if (threshold.unit == "seconds") return absl::StrFormat("%.3g s", value);
  return absl::StrFormat("%.6g", value);
}

bool Passes(const Threshold& threshold, double value, const std::optional<double>& limit) {
  if (!limit.has_value()) return false;
  return threshold.bad == kAbove ? value > *limit : value < *limit;
}

int Rank(HealthStatus status) {
  switch (status) {
    case work::v1::HEALTH_STATUS_OK:
      return 0;
    case work::v1::HEALTH_STATUS_WARN:
      return 1;
    case work::v1::HEALTH_STATUS_UNKNOWN:
      return 2;
    case work::v1::HEALTH_STATUS_CRITICAL:
      return 3;
    default:
      return 2;
  }
}

work::v1::HealthObservation Observe(work::v1::Engine engine, const Measurement& measurement) {
  work::v1::HealthObservation observation;
  observation.set_name(measurement.name);
  const Threshold* threshold = Find(engine, measurement.name);
  if (threshold != nullptr) observation.set_unit(std::string(threshold->unit));
  const std::string text = threshold ? std::string(threshold->text) : measurement.name;
  if (!measurement.value.has_value() || std::isnan(*measurement.value)) {
    observation.set_status(work::v1::HEALTH_STATUS_UNKNOWN);
    observation.set_reason(absl::StrCat(
        text, " could not be measured",
        measurement.problem.empty() ? std::string() : absl::StrCat(": ", measurement.problem)));
    return observation;
  }
  const double value = *measurement.value;
  observation.set_value(value);
  observation.set_status(work::v1::HEALTH_STATUS_OK);
  if (threshold == nullptr) return observation;
  const bool critical = Passes(*threshold, value, threshold->critical);
  if (!critical && !Passes(*threshold, value, threshold->warn)) return observation;
  observation.set_status(critical ? work::v1::HEALTH_STATUS_CRITICAL
                                  : work::v1::HEALTH_STATUS_WARN);
  observation.set_reason(absl::StrCat(
      text, ": ", Format(*threshold, value), " (", critical ? "critical" : "warning",
      threshold->bad == kAbove ? " above " : " below ",
      Format(*threshold, critical ? *threshold->critical : *threshold->warn), ")",
      measurement.problem.empty() ? std::string() : absl::StrCat("; ", measurement.problem)));
  return observation;
}

}  // namespace

absl::Span<const Threshold> Thresholds() { return kThresholds; }

work::v1::InstanceHealth EvaluateHealth(work::v1::Engine engine, absl::string_view instance,
                                        const std::vector<Measurement>& measurements) {
  work::v1::InstanceHealth health;
  health.set_instance(std::string(instance));
  health.set_status(measurements.empty() ? work::v1::HEALTH_STATUS_UNKNOWN
                                         : work::v1::HEALTH_STATUS_OK);
  if (measurements.empty()) health.add_reasons("nothing could be measured");
  for (const Measurement& measurement : measurements) {
    work::v1::HealthObservation observation = Observe(engine, measurement);
    if (Rank(observation.status()) > Rank(health.status())) health.set_status(observation.status());
    if (!observation.reason().empty()) health.add_reasons(observation.reason());
    *health.add_observations() = std::move(observation);
  }
  return health;
}

work::v1::InstanceHealth UnusableHealth(absl::string_view instance, const absl::Status& problem) {
  work::v1::InstanceHealth health;
  health.set_instance(std::string(instance));
  health.add_reasons(std::string(problem.message()));
  const bool silent = problem.code() == absl::StatusCode::kUnavailable ||
                      problem.code() == absl::StatusCode::kDeadlineExceeded;
  health.set_status(silent ? work::v1::HEALTH_STATUS_CRITICAL : work::v1::HEALTH_STATUS_UNKNOWN);
  // A server that refuses a password is reachable.
  health.set_reachable(problem.code() == absl::StatusCode::kUnauthenticated);
  return health;
}

std::optional<double> CacheHitRatio(double hits, double misses) {
  const double accesses = hits + misses;
  if (accesses < kMinCacheAccesses) return std::nullopt;
  return hits / accesses;
}

Measurement MeasureDisk(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) {
    return {kDiskUsed, std::nullopt, absl::StrCat(path, ": ", strerror(errno))};
  }
  // As df: what is left to unprivileged processes counts, root's reserve does not.
  const double used = static_cast<double>(info.f_blocks - info.f_bfree);
  const double total = used + static_cast<double>(info.f_bavail);
  if (total <= 0) return {kDiskUsed, std::nullopt, absl::StrCat(path, " has no size")};
  return {kDiskUsed, used / total, ""};
}

std::optional<double> CounterDeltas::Delta(const std::string& name, double value) {
  MutexLock lock(&mutex_);
  const auto [it, first] = last_.try_emplace(name, value);
  const double before = std::exchange(it->second, value);
  if (first) return std::nullopt;
  return value < before ? value : value - before;
}

}  // namespace dbfleet::agent
