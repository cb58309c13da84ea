#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "agent/engines/postgres/postgres_probe.h"
#include "common/base/status.h"

// The names and types are postgres_exporter's (0.11, Debian 12, and those that later versions
// added), so that dashboards made for it work. The exporter has several hundred pg_settings_*
// series; here are those that published dashboards and alert rules refer to.
namespace dbfleet::agent {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;
using NamedRow = PostgresConnection::NamedRow;

constexpr char kSettings[] =
    "SELECT name, setting, COALESCE(unit, ''), vartype FROM pg_settings WHERE name IN ("
    "'autovacuum','autovacuum_analyze_scale_factor','autovacuum_analyze_threshold',"
    "'autovacuum_freeze_max_age','autovacuum_max_workers','autovacuum_multixact_freeze_max_age',"
    "'autovacuum_naptime','autovacuum_vacuum_cost_delay','autovacuum_vacuum_cost_limit',"
    "'autovacuum_vacuum_scale_factor','autovacuum_vacuum_threshold','autovacuum_work_mem',"
    "'block_size','checkpoint_timeout','default_statistics_target','effective_cache_size',"
    "'effective_io_concurrency','fsync','log_duration','log_lock_waits',"
    "'log_min_duration_statement','logging_collector','maintenance_work_mem','max_connections',"
    "'max_locks_per_transaction','max_parallel_workers','max_parallel_workers_per_gather',"
    "'max_wal_senders','max_wal_size','max_worker_processes','min_wal_size','random_page_cost',"
    "'seq_page_cost','shared_buffers','superuser_reserved_connections','wal_buffers',"
    "'wal_segment_size','work_mem') ORDER BY name";
constexpr char kDatabases[] =
    "SELECT datid, datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit, "
    "tup_returned, tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts, temp_files, "
    "temp_bytes, deadlocks FROM pg_stat_database WHERE datname IS NOT NULL ORDER BY datname";
// Every combination is there, with 0, so that an alert on a rise has something to rise from.
constexpr char kActivity[] =
    "SELECT d.datname, s.state, count(a.pid), "
    "COALESCE(max(extract(epoch FROM clock_timestamp() - a.xact_start)), 0) "
    "FROM pg_database d CROSS JOIN (VALUES ('active'), ('idle'), ('idle in transaction'), "
    "('idle in transaction (aborted)'), ('fastpath function call'), ('disabled')) s(state) "
    "LEFT JOIN pg_stat_activity a ON a.datname = d.datname AND a.state = s.state "
    "WHERE NOT d.datistemplate GROUP BY 1, 2 ORDER BY 1, 2";
constexpr char kLocks[] =
    "SELECT d.datname, m.mode, count(l.pid) FROM pg_database d CROSS JOIN (VALUES "
    "('AccessShareLock'), ('RowShareLock'), ('RowExclusiveLock'), ('ShareUpdateExclusiveLock'), "
    "('ShareLock'), ('ShareRowExclusiveLock'), ('ExclusiveLock'), ('AccessExclusiveLock'), "
    "('SIReadLock')) m(mode) LEFT JOIN pg_locks l ON l.database = d.oid AND l.mode = m.mode "
    "WHERE NOT d.datistemplate GROUP BY 1, 2 ORDER BY 1, 2";
constexpr char kServer[] =
    "SELECT version(), current_setting('server_version'), "
    "extract(epoch FROM pg_postmaster_start_time())";
constexpr char kSlots[] =
    "SELECT slot_name, COALESCE(database, ''), CASE WHEN active THEN 1 ELSE 0 END "
    "FROM pg_replication_slots ORDER BY 1";
// Of the database that the account connects to; the largest ones, since series cost memory.
constexpr char kTables[] =
    "SELECT current_database(), schemaname, relname, n_live_tup, n_dead_tup, n_tup_upd, n_tup_del, "
    "n_tup_hot_upd, COALESCE(extract(epoch FROM last_autovacuum), 0) AS last_autovacuum, "
    "COALESCE(extract(epoch FROM last_autoanalyze), 0) AS last_autoanalyze "
    "FROM pg_stat_user_tables ORDER BY n_live_tup + n_dead_tup DESC LIMIT 50";
constexpr char kSizes[] =
    "SELECT datname, pg_database_size(oid) FROM pg_database WHERE datallowconn ORDER BY 1";

std::optional<double> Number(const std::optional<std::string>& text) {
  double value = 0;
  if (!text.has_value() || !absl::SimpleAtod(*text, &value)) return std::nullopt;
  return value;
}

class PostgresMetrics {
 public:
  PostgresMetrics(const InstanceSpec& spec, PostgresConnection* connection)
      : server_(spec.endpoint.Describe()), connection_(connection) {}

  void Add(std::string name, std::string help, double value, Labels labels = {},
           bool counter = false, bool untyped = false) {
    labels.emplace_back("server", server_);
    samples_.push_back(
        {std::move(name), std::move(help), counter, std::move(labels), value, untyped});
  }

  void CollectAll() {
    CollectServer();
    CollectSettings();
    CollectDatabases();
    CollectActivityAndLocks();
    CollectWriter();
    CollectReplication();
    CollectTables();
    CollectSizes();
  }

  bool failed() const { return failed_; }
  std::vector<Sample> Take() { return std::move(samples_); }

 private:
  std::vector<NamedRow> Query(const char* statement) {
    auto rows = connection_->QueryNamed(statement);
    failed_ = failed_ || !rows.ok();
    return rows.ok() ? *std::move(rows) : std::vector<NamedRow>();
  }

  void CollectServer() {
    for (const NamedRow& row : Query(kServer)) {
      Add("pg_static", "Version string as reported by postgres", 1,
          {{"short_version", row[1].second.value_or("")}, {"version", row[0].second.value_or("")}},
          false, /*untyped=*/true);
      Add("pg_postmaster_start_time_seconds", "Time at which postmaster started",
          Number(row[2].second).value_or(0));
    }
  }

  void CollectSettings() {
    for (const NamedRow& row : Query(kSettings)) {
      const auto setting = NormaliseSetting(row[1].second.value_or(""), row[2].second.value_or(""),
                                            row[3].second.value_or(""));
      if (!setting.has_value()) continue;
      Add(absl::StrCat("pg_settings_", row[0].second.value_or(""), setting->suffix),
          "Server Parameter", setting->value);
    }
  }

  void CollectDatabases() {
    const std::vector<NamedRow> rows = Query(kDatabases);
    if (rows.empty()) return;
    for (size_t column = 2; column < rows[0].size(); ++column) {
      for (const NamedRow& row : rows) {
        const std::string& name = row[column].first;
        const auto value = Number(row[column].second);
        if (!value.has_value()) continue;
        Add(absl::StrCat("pg_stat_database_", name), "From pg_stat_database", *value,
            {{"datid", row[0].second.value_or("")}, {"datname", row[1].second.value_or("")}},
            /*counter=*/name != "numbackends");
      }
    }
  }

  void CollectActivityAndLocks() {
    const std::vector<NamedRow> rows = Query(kActivity);
    for (const size_t column : {2, 3}) {
      for (const NamedRow& row : rows) {
        Add(column == 2 ? "pg_stat_activity_count" : "pg_stat_activity_max_tx_duration",
            column == 2 ? "number of connections in this state"
                        : "max duration in seconds any active transaction has been running",
            Number(row[column].second).value_or(0),
            {{"datname", row[0].second.value_or("")}, {"state", row[1].second.value_or("")}});
      }
    }
    for (const NamedRow& row : Query(kLocks)) {
      std::string mode = row[1].second.value_or("");
      for (char& c : mode) c = absl::ascii_tolower(c);
      Add("pg_locks_count", "Number of locks", Number(row[2].second).value_or(0),
          {{"datname", row[0].second.value_or("")}, {"mode", mode}});
    }
  }

  void AddColumns(const char* query, const char* prefix,
                  const std::vector<std::pair<const char*, const char*>>& columns) {
    for (const NamedRow& row : Query(query)) {
      for (const auto& [from, to] : columns) {
        for (const auto& [name, value] : row) {
          if (name != from || !Number(value).has_value()) continue;
          Add(absl::StrCat(prefix, to), "From the server's statistics of background writing",
              *Number(value), {}, /*counter=*/true);
        }
      }
    }
  }

  void CollectWriter() {
    constexpr char kPrefix[] = "pg_stat_bgwriter_";
    AddColumns("SELECT * FROM pg_stat_bgwriter", kPrefix,
               {{"checkpoints_timed", "checkpoints_timed_total"},
                {"checkpoints_req", "checkpoints_req_total"},
                {"checkpoint_write_time", "checkpoint_write_time_total"},
                {"checkpoint_sync_time", "checkpoint_sync_time_total"},
                {"buffers_checkpoint", "buffers_checkpoint_total"},
                {"buffers_clean", "buffers_clean_total"},
                {"buffers_backend", "buffers_backend_total"},
                {"buffers_backend_fsync", "buffers_backend_fsync_total"},
                {"buffers_alloc", "buffers_alloc_total"}});
    if (connection_->server_version() < 170000) return;
    // Version 17 moved these to a view of their own; the names that dashboards know stay.
    AddColumns("SELECT * FROM pg_stat_checkpointer", kPrefix,
               {{"num_timed", "checkpoints_timed_total"},
                {"num_requested", "checkpoints_req_total"},
                {"write_time", "checkpoint_write_time_total"},
                {"sync_time", "checkpoint_sync_time_total"},
                {"buffers_written", "buffers_checkpoint_total"}});
  }

  void CollectReplication() {
    const auto replication = ReadPostgresReplication(*connection_);
    failed_ = failed_ || !replication.ok();
    if (replication.ok()) {
      const bool replica = replication->is_replica;
      Add("pg_replication_is_replica", "Indicates if the server is a replica", replica ? 1 : 0);
      // A replica that never replayed anything has no lag to tell, and must not look like lag 0.
      const auto lag = replica ? replication->lag_seconds : std::optional(0.0);
      for (const char* name : {"pg_replication_lag", "pg_replication_lag_seconds"}) {
        if (lag.has_value()) Add(name, "Replication lag behind master in seconds", *lag);
      }
      if (replica && replication->streams) {
        Add("dbfleet_replication_link_up", "Whether the replica receives from its primary.",
            replication->link_up ? 1 : 0);
      }
    }
    for (const NamedRow& row : Query(kSlots)) {
      Add("pg_replication_slots_active", "Flag indicating if the slot is active",
          Number(row[2].second).value_or(0),
          {{"database", row[1].second.value_or("")}, {"slot_name", row[0].second.value_or("")}});
    }
  }

  void CollectTables() {
    const std::vector<NamedRow> rows = Query(kTables);
    if (rows.empty()) return;
    for (size_t column = 3; column < rows[0].size(); ++column) {
      const std::string& name = rows[0][column].first;
      const bool counter = name.rfind("n_tup", 0) == 0;
      for (const NamedRow& row : rows) {
        Add(absl::StrCat("pg_stat_user_tables_", name), "From pg_stat_user_tables",
            Number(row[column].second).value_or(0),
            {{"datname", row[0].second.value_or("")},
             {"schemaname", row[1].second.value_or("")},
             {"relname", row[2].second.value_or("")}},
            counter);
      }
    }
  }

  void CollectSizes() {
    for (const NamedRow& row : Query(kSizes)) {
      Add("pg_database_size_bytes", "Disk space used by the database",
          Number(row[1].second).value_or(0), {{"datname", row[0].second.value_or("")}});
    }
  }

  const std::string server_;
  PostgresConnection* const connection_;
  std::vector<Sample> samples_;
  bool failed_ = false;
};

}  // namespace

std::optional<PostgresSetting> NormaliseSetting(const std::string& setting, const std::string& unit,
                                                const std::string& type) {
  if (type == "bool") return PostgresSetting{"", setting == "on" ? 1.0 : 0.0};
  double value = 0;
  if ((type != "integer" && type != "real") || !absl::SimpleAtod(setting, &value)) {
    return std::nullopt;
  }
  struct Unit {
    const char* name;
    const char* suffix;
    double factor;
  };
  constexpr Unit kUnits[] = {
      {"B", "_bytes", 1},           {"kB", "_bytes", 1024},    {"MB", "_bytes", 1 << 20},
      {"8kB", "_bytes", 8192},      {"16kB", "_bytes", 16384}, {"32kB", "_bytes", 32768},
      {"16MB", "_bytes", 16 << 20}, {"ms", "_seconds", 0.001}, {"s", "_seconds", 1},
      {"min", "_seconds", 60},
  };
  for (const Unit& candidate : kUnits) {
    if (unit != candidate.name) continue;
    // -1 stands for "by another setting" or "off" and has no unit.
    return PostgresSetting{candidate.suffix, value > 0 ? value * candidate.factor : value};
  }
  return PostgresSetting{"", value};
}

std::vector<Sample> CollectPostgresMetrics(const InstanceSpec& spec, absl::Duration deadline,
                                           Clock& clock) {
  const absl::Duration start = clock.Monotonic();
  const auto connection = OpenPostgresProbe(spec, deadline);
  const bool up = connection.ok() && (*connection)->Query("SELECT 1").ok();
  PostgresMetrics metrics(spec, up ? connection->get() : nullptr);
  if (up) metrics.CollectAll();
  std::vector<Sample> samples = metrics.Take();
  const auto own = [&samples](const char* name, const char* help, double value) {
    samples.push_back({name, help, /*counter=*/false, {}, value});
  };
  own("pg_up", "Whether the last scrape of metrics from PostgreSQL was able to connect.",
      up ? 1 : 0);
  own("pg_exporter_last_scrape_error",
      "Whether the last scrape resulted in an error (1), or not (0).",
      up && !metrics.failed() ? 0 : 1);
  own("pg_exporter_last_scrape_duration_seconds", "Duration of the last scrape.",
      absl::ToDoubleSeconds(clock.Monotonic() - start));
  return samples;
}

}  // namespace dbfleet::agent
