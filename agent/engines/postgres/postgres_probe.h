#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "agent/engine/health.h"
#include "agent/engines/postgres/postgres_connection.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// A read-only connection with the inspection account that is cut at the deadline.
absl::StatusOr<std::unique_ptr<PostgresConnection>> OpenPostgresProbe(const InstanceSpec& spec,
                                                                      absl::Duration deadline);

// How a standby follows its primary.
struct PostgresReplication {
  bool is_replica = false;
  bool streams = false;  // Configured to stream (else it replays archived segments only).
  bool link_up = false;
  std::optional<double> lag_seconds;  // Never 0 for want of a link.
};
absl::StatusOr<PostgresReplication> ReadPostgresReplication(PostgresConnection& connection);

// What requirement W1 asks about an instance. `deltas` remembers counters from check to check.
work::v1::InstanceHealth CheckPostgres(const InstanceSpec& spec, absl::Duration deadline,
                                       Clock& clock, CounterDeltas& deltas);

// Samples under postgres_exporter's names.
std::vector<Sample> CollectPostgresMetrics(const InstanceSpec& spec, absl::Duration deadline,
                                           Clock& clock);

// A setting in the exporter's units: its name's ending ("_bytes", "_seconds" or "") and its value.
// Nothing for settings that are no numbers.
struct PostgresSetting {
  std::string suffix;
  double value = 0;
};
std::optional<PostgresSetting> NormaliseSetting(const std::string& setting, const std::string& unit,
                                                const std::string& type);

// The accounts' CREATE ROLE and GRANT statements, for psql.
std::string PostgresGrants(const InstanceSpec& spec);

}  // namespace dbfleet::agent
