#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "agent/engine/health.h"
#include "agent/engines/redis/redis_connection.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// The "name:value" lines of INFO. Pure.
std::map<std::string, std::string> ParseRedisInfo(absl::string_view text);

// The "name=value,name=value" of a line of INFO. Pure.
std::map<std::string, std::string> ParseRedisFields(absl::string_view text);

// CONFIG GET of one parameter; NOT_FOUND if this version has none of that name.
absl::StatusOr<std::string> RedisConfig(RedisConnection& connection, const std::string& name);

// What requirement W1 asks about an instance. `deltas` remembers counters from check to check.
work::v1::InstanceHealth CheckRedis(const InstanceSpec& spec, absl::Duration deadline, Clock& clock,
                                    CounterDeltas& deltas);

// Samples under redis_exporter's names.
std::vector<Sample> CollectRedisMetrics(const InstanceSpec& spec, absl::Duration deadline,
                                        Clock& clock);
// The same out of INFO's text alone. Pure.
std::vector<Sample> RedisSamples(absl::string_view info);

// The accounts' ACL SETUSER lines, for redis-cli.
std::string RedisGrants(const InstanceSpec& spec);

}  // namespace dbfleet::agent
