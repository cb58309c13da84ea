#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "common/concurrency/mutex.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// Names of the health observations (requirement W1), the same for each engine.
inline constexpr char kResponseTime[] = "response_time_seconds";
inline constexpr char kConnectionsUsed[] = "connections_used_ratio";
inline constexpr char kCacheHitRatio[] = "cache_hit_ratio";
inline constexpr char kLongestTransaction[] = "longest_transaction_seconds";
inline constexpr char kBlockedSessions[] = "blocked_sessions";
inline constexpr char kReplicationLink[] = "replication_link_up";
inline constexpr char kReplicationLag[] = "replication_lag_seconds";
inline constexpr char kDiskUsed[] = "disk_used_ratio";
inline constexpr char kDeadlocks[] = "deadlocks_since_last_check";
inline constexpr char kPersistence[] = "persistence_ok";

// When an observation stops being OK. One table holds them all, with their sources (health.cc).
struct Threshold {
  enum class Bad { kAbove, kBelow };
  absl::string_view name;
  work::v1::Engine engine;  // ENGINE_UNSPECIFIED: all that have no line of their own.
  absl::string_view unit;   // "seconds", "ratio" or "count".
  absl::string_view text;   // What people call it.
  Bad bad = Bad::kAbove;
  std::optional<double> warn;
  std::optional<double> critical;
};

absl::Span<const Threshold> Thresholds();

// One measured point. Without a value it could not be measured and is UNKNOWN for `problem`. What
// does not apply (replication lag of a primary, a cache nobody reads) is not measured at all.
struct Measurement {
  std::string name;
  std::optional<double> value;
  std::string problem;
};

// Turns measurements into observations, status and reasons. Pure. The status is the worst
// observation in the order OK, WARN, UNKNOWN, CRITICAL: what is unknown may be critical. Without
// any measurement it is UNKNOWN.
work::v1::InstanceHealth EvaluateHealth(work::v1::Engine engine, absl::string_view instance,
                                        const std::vector<Measurement>& measurements);

// Health of an instance that a probe could not get into. CRITICAL when the server does not answer,
// UNKNOWN when it is there but did not let us in, or when we lack an account.
work::v1::InstanceHealth UnusableHealth(absl::string_view instance, const absl::Status& problem);

// hits / (hits + misses), or nothing when too few accesses make the ratio meaningless.
std::optional<double> CacheHitRatio(double hits, double misses);

// How full the disk under `path` is, as an unprivileged user sees it.
Measurement MeasureDisk(const std::string& path);

// Remembers counters between checks. Thread-safe.
class CounterDeltas {
 public:
  // What the counter grew by since the last call; the whole value after a restart of the server.
  // Nothing at the first call.
  std::optional<double> Delta(const std::string& name, double value);

 private:
  Mutex mutex_;
  std::map<std::string, double> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::agent
