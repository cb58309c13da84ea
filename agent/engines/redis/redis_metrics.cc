#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "agent/engines/redis/redis_probe.h"

// The names and types are redis_exporter's (1.45, Debian 12), so that dashboards made for it work.
namespace dbfleet::agent {
namespace {

using Info = std::map<std::string, std::string>;
using Labels = std::vector<std::pair<std::string, std::string>>;

struct Field {
  const char* info;
  const char* metric;
  bool counter;
};
const Field kFields[] = {
    {"uptime_in_seconds", "redis_uptime_in_seconds", false},
    {"connected_clients", "redis_connected_clients", false},
    {"blocked_clients", "redis_blocked_clients", false},
    {"maxclients", "redis_config_maxclients", false},
    {"used_memory", "redis_memory_used_bytes", false},
    {"used_memory_rss", "redis_memory_used_rss_bytes", false},
    {"used_memory_peak", "redis_memory_used_peak_bytes", false},
    {"used_memory_lua", "redis_memory_used_lua_bytes", false},
    {"used_memory_overhead", "redis_memory_used_overhead_bytes", false},
    {"used_memory_startup", "redis_memory_used_startup_bytes", false},
    {"used_memory_dataset", "redis_memory_used_dataset_bytes", false},
    {"maxmemory", "redis_memory_max_bytes", false},
    {"maxmemory", "redis_config_maxmemory", false},
    {"total_system_memory", "redis_total_system_memory_bytes", false},
    {"mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", false},
    // The mixin's dashboard asks for this spelling.
    {"mem_fragmentation_ratio", "redis_memory_fragmentation_ratio", false},
    {"mem_fragmentation_bytes", "redis_mem_fragmentation_bytes", false},
    {"active_defrag_running", "redis_active_defrag_running", false},
    {"lazyfree_pending_objects", "redis_lazyfree_pending_objects", false},
    {"loading", "redis_loading_dump_file", false},
    {"rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", false},
    {"rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", false},
    {"rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", false},
    {"rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", false},
    {"rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec", false},
    {"rdb_current_bgsave_time_sec", "redis_rdb_current_bgsave_duration_sec", false},
    {"rdb_last_cow_size", "redis_rdb_last_cow_size_bytes", false},
    {"aof_enabled", "redis_aof_enabled", false},
    {"aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", false},
    {"aof_last_rewrite_time_sec", "redis_aof_last_rewrite_duration_sec", false},
    {"aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", false},
    {"aof_last_write_status", "redis_aof_last_write_status", false},
    {"aof_current_size", "redis_aof_current_size_bytes", false},
    {"aof_base_size", "redis_aof_base_size_bytes", false},
    {"connected_slaves", "redis_connected_slaves", false},
    {"master_repl_offset", "redis_master_repl_offset", false},
    {"second_repl_offset", "redis_second_repl_offset", false},
    {"repl_backlog_active", "redis_repl_backlog_is_active", false},
    {"repl_backlog_size", "redis_replication_backlog_bytes", false},
    {"repl_backlog_first_byte_offset", "redis_repl_backlog_first_byte_offset", false},
    {"repl_backlog_histlen", "redis_repl_backlog_history_bytes", false},
    {"sync_full", "redis_replica_resyncs_full", false},
    {"sync_partial_ok", "redis_replica_partial_resync_accepted", false},
    {"sync_partial_err", "redis_replica_partial_resync_denied", false},
    {"pubsub_channels", "redis_pubsub_channels", false},
    {"pubsub_patterns", "redis_pubsub_patterns", false},
    {"total_connections_received", "redis_connections_received_total", true},
    {"total_commands_processed", "redis_commands_processed_total", true},
    {"rejected_connections", "redis_rejected_connections_total", true},
    {"total_net_input_bytes", "redis_net_input_bytes_total", true},
    {"total_net_output_bytes", "redis_net_output_bytes_total", true},
    {"expired_keys", "redis_expired_keys_total", true},
    {"evicted_keys", "redis_evicted_keys_total", true},
    {"keyspace_hits", "redis_keyspace_hits_total", true},
    {"keyspace_misses", "redis_keyspace_misses_total", true},
    {"used_cpu_sys", "redis_cpu_sys_seconds_total", true},
    {"used_cpu_user", "redis_cpu_user_seconds_total", true},
    {"total_reads_processed", "redis_total_reads_processed", true},
    {"total_writes_processed", "redis_total_writes_processed", true},
    {"total_error_replies", "redis_total_error_replies", true},
};

std::string Text(const Info& info, const std::string& name) {
  const auto it = info.find(name);
  return it == info.end() ? "" : it->second;
}

std::optional<double> Number(const std::string& text) {
  double value = 0;
  if (absl::SimpleAtod(text, &value)) return value;
  if (text == "ok") return 1;
  if (text == "err" || text == "fail") return 0;
  return std::nullopt;
}

class RedisMetrics {
 public:
  explicit RedisMetrics(const Info& info) : info_(info) {}

  std::vector<Sample> Collect() {
    for (const Field& field : kFields) {
      if (const auto value = Number(Text(info_, field.info))) {
        Add(field.metric, absl::StrCat(field.info, " of INFO"), *value, {}, field.counter);
      }
    }
    AddInstance();
    AddKeyspace();
    AddCommands();
    AddLatencies();
    AddReplication();
    return std::move(samples_);
  }

 private:
  void Add(std::string name, std::string help, double value, Labels labels = {},
           bool counter = false, bool untyped = false) {
    samples_.push_back(
        {std::move(name), std::move(help), counter, std::move(labels), value, untyped});
  }

  void AddInstance() {
    Labels labels;
    for (const char* name : {"maxmemory_policy", "os", "process_id", "redis_build_id", "redis_mode",
                             "redis_version", "role", "run_id", "tcp_port"}) {
      labels.emplace_back(name, Text(info_, name));
    }
    Add("redis_instance_info", "Information about the Redis instance", 1, std::move(labels));
  }

  // Calls `fn(name, fields)` for each "prefix<name>:field=value,..." line.
  template <typename Fn>
  void ForEach(absl::string_view prefix, Fn fn) {
    for (auto it = info_.lower_bound(std::string(prefix));
         it != info_.end() && absl::StartsWith(it->first, prefix); ++it) {
      fn(it->first.substr(prefix.size()), ParseRedisFields(it->second));
    }
  }

  // One family per field of such lines.
  void AddFields(absl::string_view prefix, const char* label, const char* field, const char* metric,
                 const char* help, double factor, bool counter) {
    ForEach(prefix, [&](const std::string& name, const Info& fields) {
      const auto value = Number(Text(fields, field));
      if (value.has_value()) Add(metric, help, *value * factor, {{label, name}}, counter);
    });
  }

  void AddKeyspace() {
    constexpr std::pair<const char*, const char*> kFamilies[] = {
        {"keys", "redis_db_keys"}, {"expires", "redis_db_keys_expiring"}};
    for (const auto& [field, metric] : kFamilies) {
      // INFO leaves empty databases out; the first one is always there.
      if (info_.find("db0") == info_.end()) Add(metric, "Keys by database", 0, {{"db", "db0"}});
      ForEach("db",
              [&, field = field, metric = metric](const std::string& name, const Info& fields) {
                int number = 0;
                if (!absl::SimpleAtoi(name, &number)) return;
                const auto value = Number(Text(fields, field));
                if (value.has_value())
                  Add(metric, "Keys by database", *value, {{"db", "db" + name}});
              });
    }
  }

  void AddCommands() {
    AddFields("cmdstat_", "cmd", "calls", "redis_commands_total",
              "Total number of calls per command", 1, true);
    AddFields("cmdstat_", "cmd", "usec", "redis_commands_duration_seconds_total",
              "Total amount of time in seconds spent per command", 1e-6, true);
    AddFields("cmdstat_", "cmd", "rejected_calls", "redis_commands_rejected_calls_total",
              "Total number of errors prior command execution per command", 1, true);
    AddFields("cmdstat_", "cmd", "failed_calls", "redis_commands_failed_calls_total",
              "Total number of errors within command execution per command", 1, true);
  }

  void AddLatencies() {
    ForEach("latency_percentiles_usec_", [&](const std::string& command, const Info& fields) {
      for (const auto& [name, value] : fields) {  // "p99.9"
        double quantile = 0;
        const auto usec = Number(value);
        if (!usec.has_value() || !absl::SimpleAtod(absl::StripPrefix(name, "p"), &quantile))
          continue;
        Add("redis_latency_percentiles_usec",
            "A summary of latency percentile distribution per command", *usec,
            {{"cmd", command}, {"quantile", absl::StrCat(quantile / 100)}}, false,
            /*untyped=*/true);
      }
    });
  }

  void AddReplication() {
    for (const char* metric :
         {"redis_connected_slave_offset_bytes", "redis_connected_slave_lag_seconds"}) {
      const bool offset = absl::EndsWith(metric, "bytes");
      ForEach("slave", [&](const std::string& number, const Info& fields) {
        const auto value = Number(Text(fields, offset ? "offset" : "lag"));
        // Lines such as "slave_read_only" begin alike and have no fields.
        if (!value.has_value() || fields.find("ip") == fields.end()) return;
        Add(metric, offset ? "Offset of connected slave" : "Lag of connected slave", *value,
            {{"slave_ip", Text(fields, "ip")},
             {"slave_port", Text(fields, "port")},
             {"slave_state", Text(fields, "state")}});
      });
    }
    if (Text(info_, "role") != "slave") return;
    const Labels primary = {{"master_host", Text(info_, "master_host")},
                            {"master_port", Text(info_, "master_port")}};
    Add("redis_master_link_up", "Master link status on Redis slave",
        Text(info_, "master_link_status") == "up" ? 1 : 0, primary);
    const auto silent = Number(Text(info_, "master_last_io_seconds_ago"));
    // -1 while the link is down: no number of seconds.
    if (silent.has_value() && *silent >= 0) {
      Add("redis_master_last_io_seconds_ago", "Master last io seconds ago", *silent, primary);
    }
    if (const auto syncing = Number(Text(info_, "master_sync_in_progress"))) {
      Add("redis_master_sync_in_progress", "Master sync in progress", *syncing, primary);
    }
    if (const auto offset = Number(Text(info_, "slave_repl_offset"))) {
      Add("redis_slave_repl_offset", "Slave replication offset", *offset, primary);
    }
  }

  const Info& info_;
  std::vector<Sample> samples_;
};

}  // namespace

std::vector<Sample> RedisSamples(absl::string_view info) {
  const Info parsed = ParseRedisInfo(info);
  return RedisMetrics(parsed).Collect();
}

std::vector<Sample> CollectRedisMetrics(const InstanceSpec& spec, absl::Duration deadline,
                                        Clock& clock) {
  RedisConnection::Options options;
  options.deadline = deadline;
  std::vector<Sample> samples;
  const auto connection = RedisConnection::Open(spec, options);
  bool up = connection.ok();
  if (up) {
    const auto info = (*connection)->Command({"INFO", "all"});
    up = info.ok();
    if (up) samples = RedisSamples(info->text);
  }
  samples.push_back(
      {"redis_up", "Information about the Redis instance", /*counter=*/false, {}, up ? 1.0 : 0.0});
  return samples;
}

}  // namespace dbfleet::agent
