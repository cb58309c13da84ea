#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "agent/engine/account.h"
#include "agent/engines/mysql/mysql_probe.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr char kTransactions[] =
    "SELECT COALESCE(MAX(TIMESTAMPDIFF(SECOND, trx_started, NOW())), 0) AS longest, "
    "COALESCE(SUM(trx_state = 'LOCK WAIT' AND trx_wait_started < NOW() - INTERVAL 1 SECOND), 0) "
    "AS waiting FROM information_schema.innodb_trx";
// Waits for metadata locks, which InnoDB does not see: an ALTER behind a long transaction, and
// everything behind that ALTER.
constexpr char kMetadataWaits[] =
    "SELECT COUNT(*) FROM information_schema.processlist "
    "WHERE state LIKE 'Waiting for % lock' AND time > 1";
constexpr char kDeadlockCounter[] =
    "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'";

std::optional<double> Number(const std::optional<std::string>& text) {
  double value = 0;
  if (!text.has_value() || !absl::SimpleAtod(*text, &value)) return std::nullopt;
  return value;
}

std::optional<double> Number(const MysqlProbe::Values& values, const std::string& name) {
  const auto it = values.find(name);
  return it == values.end() ? std::nullopt : Number(it->second);
}

// The server went away or hangs: nothing more can be said.
bool IsGone(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

Measurement Unknown(const char* name, const absl::Status& status) {
  return {name, std::nullopt, std::string(status.message())};
}

class MysqlCheck {
 public:
  MysqlCheck(const InstanceSpec& spec, MysqlProbe& probe, CounterDeltas& deltas)
      : spec_(spec), probe_(probe), deltas_(deltas) {}

  // Only the loss of the server is an error; what else fails becomes an unknown measurement.
  absl::Status Measure() {
    RETURN_IF_ERROR(MeasureCounters());
    RETURN_IF_ERROR(MeasureTransactions());
    return MeasureReplication();
  }

  std::vector<Measurement> TakeMeasurements() { return std::move(measurements_); }
  work::v1::InstanceRole role() const { return role_; }

 private:
  absl::Status MeasureCounters() {
    const auto status = probe_.Status();
    const auto variables = probe_.Variables();
    for (const absl::Status& problem : {status.status(), variables.status()}) {
      if (IsGone(problem)) return problem;
      if (!problem.ok()) {
        measurements_.push_back(Unknown(kConnectionsUsed, problem));
        return absl::OkStatus();
      }
    }
    const auto used = Number(*status, "threads_connected");
    const auto limit = Number(*variables, "max_connections");
    if (used.has_value() && limit.value_or(0) > 0) {
      measurements_.push_back({kConnectionsUsed, *used / *limit, ""});
    } else {
      measurements_.push_back({kConnectionsUsed, std::nullopt, "the server does not tell it"});
    }
    MeasureCache(Number(*status, "innodb_buffer_pool_read_requests"),
                 Number(*status, "innodb_buffer_pool_reads"));
    if (const auto folder = variables->find("datadir");
        folder != variables->end() && IsLocal(spec_.endpoint)) {
      measurements_.push_back(MeasureDisk(folder->second));
    }
    return MeasureDeadlocks(Number(*status, "innodb_deadlocks"));
  }

  void MeasureCache(std::optional<double> requests, std::optional<double> reads) {
    if (!requests.has_value() || !reads.has_value()) return;
    // Since the last check; since the server's start when there was none.
    const double asked = deltas_.Delta("cache_requests", *requests).value_or(*requests);
    const double missed = deltas_.Delta("cache_reads", *reads).value_or(*reads);
    if (const auto ratio = CacheHitRatio(std::max(0.0, asked - missed), missed)) {
      measurements_.push_back({kCacheHitRatio, ratio, ""});
    }
  }

  absl::Status MeasureDeadlocks(std::optional<double> total) {
    if (!total.has_value()) {  // MySQL keeps the counter elsewhere.
      const auto rows = probe_.Query(kDeadlockCounter);
      if (IsGone(rows.status())) return rows.status();
      if (rows.ok() && !rows->empty()) total = Number((*rows)[0][0].second);
    }
    if (!total.has_value()) return absl::OkStatus();
    if (const auto fresh = deltas_.Delta("deadlocks", *total)) {
      measurements_.push_back({kDeadlocks, fresh, ""});
    }
    return absl::OkStatus();
  }

  absl::Status MeasureTransactions() {
    const auto transactions = probe_.Query(kTransactions);
    const auto waits = probe_.Query(kMetadataWaits);
    for (const absl::Status& problem : {transactions.status(), waits.status()}) {
      if (IsGone(problem)) return problem;
      if (problem.ok()) continue;
      measurements_.push_back(Unknown(kLongestTransaction, problem));
      measurements_.push_back(Unknown(kBlockedSessions, problem));
      return absl::OkStatus();
    }
    measurements_.push_back({kLongestTransaction, Number((*transactions)[0][0].second), ""});
    const auto rows = Number((*transactions)[0][1].second);
    const auto metadata = Number((*waits)[0][0].second);
    measurements_.push_back(
        {kBlockedSessions, rows && metadata ? std::optional(*rows + *metadata) : std::nullopt, ""});
    return absl::OkStatus();
  }

  absl::Status MeasureReplication() {
    const auto channels = probe_.ReplicationChannels();
    if (IsGone(channels.status())) return channels.status();
    if (!channels.ok()) {
      measurements_.push_back(Unknown(kReplicationLink, channels.status()));
      return absl::OkStatus();
    }
    role_ = channels->empty() ? work::v1::INSTANCE_ROLE_PRIMARY : work::v1::INSTANCE_ROLE_REPLICA;
    bool up = true;
    std::optional<double> lag;
    std::string problem;
    for (const MysqlProbe::Channel& channel : *channels) {
      const auto at = [&channel](const char* name) {
        const auto it = channel.find(name);
        return it == channel.end() ? std::optional<std::string>() : it->second;
      };
      if (at("slave_io_running") != "Yes" || at("slave_sql_running") != "Yes") {
        up = false;
        // Their texts may repeat row data; the numbers say enough to look at the server.
        absl::StrAppend(&problem, "receiving: ", at("slave_io_running").value_or("?"), " (error ",
                        at("last_io_errno").value_or("?"),
                        "), applying: ", at("slave_sql_running").value_or("?"), " (error ",
                        at("last_sql_errno").value_or("?"), ")");
      }
      const auto behind = Number(at("seconds_behind_master"));
      if (!behind.has_value()) continue;
      // A replica that lags on purpose is behind by what exceeds that.
      lag = std::max(lag.value_or(0), *behind - Number(at("sql_delay")).value_or(0));
    }
    if (channels->empty()) return absl::OkStatus();
    measurements_.push_back({kReplicationLink, up ? 1.0 : 0.0, problem});
    measurements_.push_back(
        {kReplicationLag, up ? lag : std::nullopt, "the server does not tell it"});
    if (measurements_.back().value.has_value()) measurements_.back().problem.clear();
    return absl::OkStatus();
  }

  const InstanceSpec& spec_;
  MysqlProbe& probe_;
  CounterDeltas& deltas_;
  std::vector<Measurement> measurements_;
  work::v1::InstanceRole role_ = work::v1::INSTANCE_ROLE_UNSPECIFIED;
};

}  // namespace

work::v1::InstanceHealth CheckMysql(const InstanceSpec& spec, absl::Duration deadline, Clock& clock,
                                    CounterDeltas& deltas) {
  const absl::Duration start = clock.Monotonic();
  const auto probe = MysqlProbe::Open(spec, deadline, clock);
  if (!probe.ok()) return UnusableHealth(spec.name, probe.status());
  const auto ping = (*probe)->Query("SELECT 1");
  if (!ping.ok()) return UnusableHealth(spec.name, ping.status());
  const absl::Duration response = clock.Monotonic() - start;

  MysqlCheck check(spec, **probe, deltas);
  const absl::Status gone = check.Measure();
  if (!gone.ok()) return UnusableHealth(spec.name, gone);
  std::vector<Measurement> measurements = check.TakeMeasurements();
  measurements.insert(measurements.begin(), {kResponseTime, absl::ToDoubleSeconds(response), ""});
  work::v1::InstanceHealth health = EvaluateHealth(spec.engine, spec.name, measurements);
  health.set_reachable(true);
  health.set_server_version((*probe)->version());
  health.set_role(check.role());
  *health.mutable_response_time() = ToProto(response);
  return health;
}

}  // namespace dbfleet::agent
