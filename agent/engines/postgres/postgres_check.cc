#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "agent/engine/account.h"
#include "agent/engines/postgres/postgres_probe.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

using Row = PostgresConnection::TextRow;

constexpr char kConnections[] =
    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
    "current_setting('max_connections')::int - "
    "current_setting('superuser_reserved_connections')::int, current_setting('server_version'), "
    // The row is absent, not forbidden, for those who may not see it.
    "(SELECT setting FROM pg_settings WHERE name = 'data_directory')";
constexpr char kCounters[] =
    "SELECT sum(blks_hit), sum(blks_read), sum(deadlocks) FROM pg_stat_database";
constexpr char kTransactions[] =
    "SELECT COALESCE(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) "
    "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
// pg_locks tells since when a session waits from version 14 on.
constexpr char kBlocked[] =
    "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND "
    "waitstart < clock_timestamp() - interval '1 second'";
constexpr char kBlockedOld[] =
    "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE NOT l.granted AND a.state_change < clock_timestamp() - interval '1 second'";
constexpr char kReplication[] =
    "SELECT pg_is_in_recovery(), "
    "COALESCE((SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'), '?') <> '', "
    "EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'), "
    "pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn(), "
    "greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()))";

std::optional<double> Number(const std::optional<std::string>& text) {
  double value = 0;
  if (!text.has_value() || !absl::SimpleAtod(*text, &value)) return std::nullopt;
  return value;
}

bool IsGone(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

class PostgresCheck {
 public:
  PostgresCheck(const InstanceSpec& spec, PostgresConnection& connection, CounterDeltas& deltas)
      : spec_(spec), connection_(connection), deltas_(deltas) {}

  // Only the loss of the server is an error; what else fails becomes an unknown measurement.
  absl::Status Measure() {
    RETURN_IF_ERROR(MeasureConnections());
    RETURN_IF_ERROR(MeasureCounters());
    RETURN_IF_ERROR(MeasureOne(kLongestTransaction, kTransactions));
    RETURN_IF_ERROR(MeasureOne(kBlockedSessions,
                               connection_.server_version() >= 140000 ? kBlocked : kBlockedOld));
    return MeasureReplication();
  }

  std::vector<Measurement> TakeMeasurements() { return std::move(measurements_); }
  work::v1::InstanceRole role() const { return role_; }
  const std::string& version() const { return version_; }

 private:
  void Unknown(const char* name, const absl::Status& status) {
    measurements_.push_back({name, std::nullopt, std::string(status.message())});
  }

  absl::Status MeasureOne(const char* name, const char* query) {
    const auto rows = connection_.Query(query);
    if (IsGone(rows.status())) return rows.status();
    if (!rows.ok()) {
      Unknown(name, rows.status());
    } else {
      measurements_.push_back({name, Number((*rows)[0][0]), ""});
    }
    return absl::OkStatus();
  }

  absl::Status MeasureConnections() {
    const auto rows = connection_.Query(kConnections);
    if (IsGone(rows.status())) return rows.status();
    if (!rows.ok()) {
      Unknown(kConnectionsUsed, rows.status());
      return absl::OkStatus();
    }
    const Row& row = (*rows)[0];
    const auto used = Number(row[0]);
    const auto limit = Number(row[1]);
    measurements_.push_back(
        {kConnectionsUsed,
         used && limit.value_or(0) > 0 ? std::optional(*used / *limit) : std::nullopt, ""});
    version_ = row[2].value_or("");
    if (IsLocal(spec_.endpoint)) {
      if (row[3].has_value()) {
        measurements_.push_back(MeasureDisk(*row[3]));
      } else {
        measurements_.push_back(
            {kDiskUsed, std::nullopt, "the account may not see data_directory; grant pg_monitor"});
      }
    }
    return absl::OkStatus();
  }

  absl::Status MeasureCounters() {
    const auto rows = connection_.Query(kCounters);
    if (IsGone(rows.status())) return rows.status();
    if (!rows.ok()) {
      Unknown(kCacheHitRatio, rows.status());
      return absl::OkStatus();
    }
    const double hit = Number((*rows)[0][0]).value_or(0);
    const double read = Number((*rows)[0][1]).value_or(0);
    // Since the last check; since the statistics' start when there was none.
    if (const auto ratio = CacheHitRatio(deltas_.Delta("blks_hit", hit).value_or(hit),
                                         deltas_.Delta("blks_read", read).value_or(read))) {
      measurements_.push_back({kCacheHitRatio, ratio, ""});
    }
    if (const auto fresh = deltas_.Delta("deadlocks", Number((*rows)[0][2]).value_or(0))) {
      measurements_.push_back({kDeadlocks, fresh, ""});
    }
    return absl::OkStatus();
  }

  absl::Status MeasureReplication() {
    const auto replication = ReadPostgresReplication(connection_);
    if (IsGone(replication.status())) return replication.status();
    if (!replication.ok()) {
      Unknown(kReplicationLink, replication.status());
      return absl::OkStatus();
    }
    role_ =
        replication->is_replica ? work::v1::INSTANCE_ROLE_REPLICA : work::v1::INSTANCE_ROLE_PRIMARY;
    if (!replication->is_replica) return absl::OkStatus();
    if (replication->streams) {
      measurements_.push_back({kReplicationLink, replication->link_up ? 1.0 : 0.0,
                               replication->link_up ? "" : "no WAL receiver is streaming"});
    }
    if (replication->streams && !replication->link_up) {
      measurements_.push_back({kReplicationLag, std::nullopt, "the link is down"});
    } else {
      measurements_.push_back({kReplicationLag, replication->lag_seconds,
                               replication->lag_seconds ? "" : "nothing has been replayed yet"});
    }
    return absl::OkStatus();
  }

  const InstanceSpec& spec_;
  PostgresConnection& connection_;
  CounterDeltas& deltas_;
  std::vector<Measurement> measurements_;
  std::string version_;
  work::v1::InstanceRole role_ = work::v1::INSTANCE_ROLE_UNSPECIFIED;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresConnection>> OpenPostgresProbe(const InstanceSpec& spec,
                                                                      absl::Duration deadline) {
  PostgresConnection::Options options;
  // libpq's connect time-out starts again for each address: keep room for the rest.
  options.connect_timeout = std::max(absl::Seconds(2), absl::Floor(deadline / 2, absl::Seconds(1)));
  options.deadline = std::max(deadline, absl::Seconds(2));
  options.statement_timeout = options.deadline;
  options.read_only = true;
  return PostgresConnection::Open(spec, options);
}

absl::StatusOr<PostgresReplication> ReadPostgresReplication(PostgresConnection& connection) {
  ASSIGN_OR_RETURN(const auto rows, connection.Query(kReplication));
  const Row& row = rows[0];
  PostgresReplication replication;
  replication.is_replica = row[0] == "t";
  if (!replication.is_replica) return replication;
  replication.streams = row[1] == "t";
  replication.link_up = row[2] == "t";
  // All that was received has been replayed: no lag, but only as long as something can be received.
  const bool caught_up = row[3] == "t" && replication.link_up;
  replication.lag_seconds = caught_up ? std::optional(0.0) : Number(row[4]);
  return replication;
}

work::v1::InstanceHealth CheckPostgres(const InstanceSpec& spec, absl::Duration deadline,
                                       Clock& clock, CounterDeltas& deltas) {
  const absl::Duration start = clock.Monotonic();
  const auto connection = OpenPostgresProbe(spec, deadline);
  if (!connection.ok()) return UnusableHealth(spec.name, connection.status());
  const auto ping = (*connection)->Query("SELECT 1");
  if (!ping.ok()) return UnusableHealth(spec.name, ping.status());
  const absl::Duration response = clock.Monotonic() - start;

  PostgresCheck check(spec, **connection, deltas);
  const absl::Status gone = check.Measure();
  if (!gone.ok()) return UnusableHealth(spec.name, gone);
  std::vector<Measurement> measurements = check.TakeMeasurements();
  measurements.insert(measurements.begin(), {kResponseTime, absl::ToDoubleSeconds(response), ""});
  work::v1::InstanceHealth health = EvaluateHealth(spec.engine, spec.name, measurements);
  health.set_reachable(true);
  health.set_server_version(check.version());
  health.set_role(check.role());
  *health.mutable_response_time() = ToProto(response);
  return health;
}

}  // namespace dbfleet::agent
