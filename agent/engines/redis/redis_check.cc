#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "agent/engine/account.h"
#include "agent/engines/redis/redis_probe.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

using Info = std::map<std::string, std::string>;

// An idle primary says something only this often (repl-ping-replica-period's default), so silence
// up to here is no lag.
constexpr double kReplicationPingSeconds = 10;

std::string Text(const Info& info, const std::string& name) {
  const auto it = info.find(name);
  return it == info.end() ? "" : it->second;
}

std::optional<double> Number(const Info& info, const std::string& name) {
  double value = 0;
  if (!absl::SimpleAtod(Text(info, name), &value)) return std::nullopt;
  return value;
}

Measurement MeasureConnections(RedisConnection& connection, const Info& info) {
  const auto used = Number(info, "connected_clients");
  auto limit = Number(info, "maxclients");
  if (!limit.has_value()) {  // INFO tells it from version 6.2 on.
    const auto text = RedisConfig(connection, "maxclients");
    if (!text.ok()) return {kConnectionsUsed, std::nullopt, std::string(text.status().message())};
    double value = 0;
    if (absl::SimpleAtod(*text, &value)) limit = value;
  }
  if (!used.has_value() || limit.value_or(0) <= 0) {
    return {kConnectionsUsed, std::nullopt, "the server does not tell it"};
  }
  return {kConnectionsUsed, *used / *limit, ""};
}

Measurement MeasurePersistence(const Info& info) {
  std::string problem;
  if (Text(info, "rdb_last_bgsave_status") == "err") problem = "the last snapshot failed";
  if (Text(info, "aof_last_write_status") == "err") {
    problem = "the last write to the append-only file failed";
  }
  return {kPersistence, problem.empty() ? 1.0 : 0.0, problem};
}

void MeasureReplication(const Info& info, std::vector<Measurement>* measurements) {
  if (Text(info, "role") != "slave") return;
  const bool up = Text(info, "master_link_status") == "up";
  measurements->push_back({kReplicationLink, up ? 1.0 : 0.0,
                           up ? ""
                              : absl::StrCat("no link to ", Text(info, "master_host"), ":",
                                             Text(info, "master_port"))});
  const auto silent = Number(info, "master_last_io_seconds_ago");
  if (up && silent.has_value()) {
    measurements->push_back(
        {kReplicationLag, std::max(0.0, *silent - kReplicationPingSeconds), ""});
  } else {
    measurements->push_back({kReplicationLag, std::nullopt, "the link is down"});
  }
}

}  // namespace

std::map<std::string, std::string> ParseRedisInfo(absl::string_view text) {
  Info info;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    const size_t colon = line.find(':');
    if (line.empty() || line[0] == '#' || colon == absl::string_view::npos) continue;
    info.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return info;
}

std::map<std::string, std::string> ParseRedisFields(absl::string_view text) {
  Info fields;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const size_t equals = part.find('=');
    if (equals == absl::string_view::npos) continue;
    fields.emplace(part.substr(0, equals), part.substr(equals + 1));
  }
  return fields;
}

absl::StatusOr<std::string> RedisConfig(RedisConnection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(const RedisReply reply, connection.Command({"CONFIG", "GET", name}));
  if (reply.elements.size() < 2) {
    return Error(absl::StatusCode::kNotFound, "NO_SETTING",
                 absl::StrCat("the server has no setting ", name));
  }
  return reply.elements[1].text;
}

work::v1::InstanceHealth CheckRedis(const InstanceSpec& spec, absl::Duration deadline, Clock& clock,
                                    CounterDeltas& deltas) {
  const absl::Duration start = clock.Monotonic();
  RedisConnection::Options options;
  options.deadline = deadline;
  const auto connection = RedisConnection::Open(spec, options);
  if (!connection.ok()) return UnusableHealth(spec.name, connection.status());
  const auto ping = (*connection)->Command({"PING"});
  if (!ping.ok()) return UnusableHealth(spec.name, ping.status());
  const absl::Duration response = clock.Monotonic() - start;
  const auto reply = (*connection)->Command({"INFO"});
  if (!reply.ok()) return UnusableHealth(spec.name, reply.status());
  const Info info = ParseRedisInfo(reply->text);

  std::vector<Measurement> measurements = {
      {kResponseTime, absl::ToDoubleSeconds(response), ""},
      MeasureConnections(**connection, info),
      MeasurePersistence(info),
  };
  const double hits = Number(info, "keyspace_hits").value_or(0);
  const double misses = Number(info, "keyspace_misses").value_or(0);
  // Since the last check; since the server's start when there was none.
  if (const auto ratio = CacheHitRatio(deltas.Delta("hits", hits).value_or(hits),
                                       deltas.Delta("misses", misses).value_or(misses))) {
    measurements.push_back({kCacheHitRatio, ratio, ""});
  }
  MeasureReplication(info, &measurements);
  if (IsLocal(spec.endpoint)) {
    const auto folder = RedisConfig(**connection, "dir");
    measurements.push_back(
        folder.ok() ? MeasureDisk(*folder)
                    : Measurement{kDiskUsed, std::nullopt, std::string(folder.status().message())});
  }
  work::v1::InstanceHealth health = EvaluateHealth(spec.engine, spec.name, measurements);
  health.set_reachable(true);
  health.set_server_version(Text(info, "redis_version"));
  health.set_role(Text(info, "role") == "slave" ? work::v1::INSTANCE_ROLE_REPLICA
                                                : work::v1::INSTANCE_ROLE_PRIMARY);
  *health.mutable_response_time() = ToProto(response);
  return health;
}

}  // namespace dbfleet::agent
