#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "agent/engines/mysql/mysql_probe.h"

// The names and types are mysqld_exporter's (0.14, Debian 12), so that dashboards made for it work.
// Of its some 700 series these are the ones that published dashboards and alert rules refer to.
namespace dbfleet::agent {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

// SHOW GLOBAL STATUS, exported as mysql_global_status_<name> without a type, as the exporter does.
const char* const kStatus[] = {
    "aborted_clients",
    "aborted_connects",
    "binlog_cache_disk_use",
    "bytes_received",
    "bytes_sent",
    "connections",
    "created_tmp_disk_tables",
    "created_tmp_files",
    "created_tmp_tables",
    "innodb_data_fsyncs",
    "innodb_data_reads",
    "innodb_data_writes",
    "innodb_deadlocks",
    "innodb_buffer_pool_read_requests",
    "innodb_buffer_pool_reads",
    "innodb_log_waits",
    "innodb_mem_adaptive_hash",
    "innodb_mem_dictionary",
    "innodb_num_open_files",
    "innodb_page_size",
    "innodb_row_lock_current_waits",
    "innodb_row_lock_time",
    "innodb_row_lock_waits",
    "key_read_requests",
    "key_reads",
    "max_used_connections",
    "open_files",
    "open_table_definitions",
    "open_tables",
    "opened_files",
    "opened_table_definitions",
    "opened_tables",
    "prepared_stmt_count",
    "qcache_free_memory",
    "qcache_hits",
    "qcache_inserts",
    "qcache_lowmem_prunes",
    "qcache_not_cached",
    "qcache_queries_in_cache",
    "queries",
    "questions",
    "select_full_join",
    "select_full_range_join",
    "select_range",
    "select_range_check",
    "select_scan",
    "slow_queries",
    "sort_merge_passes",
    "sort_range",
    "sort_rows",
    "sort_scan",
    "table_locks_immediate",
    "table_locks_waited",
    "table_open_cache_hits",
    "table_open_cache_misses",
    "table_open_cache_overflows",
    "threads_cached",
    "threads_connected",
    "threads_created",
    "threads_running",
    "uptime",
    "wsrep_cluster_size",
    "wsrep_cluster_status",
    "wsrep_local_recv_queue",
    "wsrep_local_state",
    "wsrep_ready",
};

// SHOW GLOBAL VARIABLES, exported as mysql_global_variables_<name>.
const char* const kVariables[] = {
    "binlog_cache_size",
    "innodb_buffer_pool_size",
    "innodb_force_recovery",
    "innodb_log_buffer_size",
    "innodb_log_file_size",
    "key_buffer_size",
    "long_query_time",
    "max_connections",
    "max_prepared_stmt_count",
    "open_files_limit",
    "query_cache_size",
    "read_only",
    "super_read_only",
    "sync_binlog",
    "innodb_flush_log_at_trx_commit",
    "table_definition_cache",
    "table_open_cache",
    "thread_cache_size",
    "wsrep_desync",
};

// Status names that become one family with a label.
struct Group {
  const char* prefix;
  const char* family;
  const char* label;
  const char* help;
  bool counter;
};
const Group kGroups[] = {
    {"com_", "mysql_global_status_commands_total", "command",
     "Total number of executed MySQL commands.", true},
    {"handler_", "mysql_global_status_handlers_total", "handler",
     "Total number of executed MySQL handlers.", true},
    {"connection_errors_", "mysql_global_status_connection_errors_total", "error",
     "Total number of MySQL connection errors.", true},
    {"innodb_rows_", "mysql_global_status_innodb_row_ops_total", "operation",
     "Total number of MySQL InnoDB row operations.", true},
};

// The exporter's reading of values that are no numbers.
std::optional<double> Number(const std::string& text) {
  double value = 0;
  if (absl::SimpleAtod(text, &value)) return value;
  const std::string word = absl::AsciiStrToLower(text);
  if (word == "yes" || word == "on" || word == "primary") return 1;
  if (word == "no" || word == "off" || word == "non-primary" || word == "disconnected") return 0;
  // Of a replica that is still trying; the exporter counts it as not running.
  if (word == "connecting" || word == "preparing") return 0;
  return std::nullopt;
}

class MysqlMetrics {
 public:
  void Add(std::string name, std::string help, double value, Labels labels = {},
           bool counter = false, bool untyped = false) {
    samples_.push_back(
        {std::move(name), std::move(help), counter, std::move(labels), value, untyped});
  }

  void AddStatus(const MysqlProbe::Values& status) {
    for (const char* name : kStatus) {
      const auto value = Find(status, name);
      if (value.has_value()) {
        Add(absl::StrCat("mysql_global_status_", name), "Generic metric from SHOW GLOBAL STATUS.",
            *value, {}, false, /*untyped=*/true);
      }
    }
    for (const Group& group : kGroups) AddGroup(status, group);
    AddBufferPool(status);
  }

  void AddVariables(const MysqlProbe::Values& variables) {
    for (const char* name : kVariables) {
      const auto value = Find(variables, name);
      if (value.has_value()) {
        Add(absl::StrCat("mysql_global_variables_", name),
            "Generic gauge metric from SHOW GLOBAL VARIABLES.", *value);
      }
    }
    const auto text = [&variables](const char* name) {
      const auto it = variables.find(name);
      return it == variables.end() ? std::string() : it->second;
    };
    Add("mysql_version_info", "MySQL version and distribution.", 1,
        {{"innodb_version", text("innodb_version")},
         {"version", text("version")},
         {"version_comment", text("version_comment")}});
  }

  void AddReplication(const std::vector<MysqlProbe::Channel>& channels) {
    for (const char* field : {"seconds_behind_master", "slave_io_running", "slave_sql_running",
                              "sql_delay", "master_server_id", "last_errno", "last_io_errno",
                              "last_sql_errno", "read_master_log_pos", "exec_master_log_pos"}) {
      for (const MysqlProbe::Channel& channel : channels) {
        const auto at = [&channel](const char* name) {
          const auto it = channel.find(name);
          return it == channel.end() ? std::string() : it->second.value_or("");
        };
        // NULL (a broken link) is absent here, never 0; slave_io_running tells that it is broken.
        const auto value = Number(at(field));
        if (!value.has_value()) continue;
        Add(absl::StrCat("mysql_slave_status_", field), "Generic metric from SHOW SLAVE STATUS.",
            *value,
            {{"channel_name", at("channel_name")},
             {"connection_name", at("connection_name")},
             {"master_host", at("master_host")},
             {"master_uuid", at("master_uuid")}},
            false, /*untyped=*/true);
      }
    }
  }

  void AddThreads(const std::vector<MysqlConnection::NamedRow>& rows) {
    for (const char* family : {"mysql_info_schema_processlist_threads",
                               // The name before mysqld_exporter 0.14, which old dashboards use.
                               "mysql_info_schema_threads"}) {
      const bool old = absl::string_view(family) == "mysql_info_schema_threads";
      for (const MysqlConnection::NamedRow& row : rows) {
        const double threads = Number(row[2].second.value_or("")).value_or(0);
        Labels labels = {{"command", Word(row[0].second)}, {"state", Word(row[1].second)}};
        if (old) labels.erase(labels.begin());
        if (!old || !MergeOld(labels, threads)) {
          Add(family, "The number of threads split by current state.", threads, std::move(labels));
        }
      }
    }
  }

  std::vector<Sample> Take() { return std::move(samples_); }

 private:
  static std::optional<double> Find(const MysqlProbe::Values& values, const char* name) {
    const auto it = values.find(name);
    return it == values.end() ? std::nullopt : Number(it->second);
  }

  // "Waiting for table lock" -> "waiting_for_table_lock", as the exporter spells states.
  static std::string Word(const std::optional<std::string>& text) {
    std::string word = absl::AsciiStrToLower(text.value_or(""));
    for (char& c : word) {
      if (!absl::ascii_isalnum(c)) c = '_';
    }
    return word.empty() ? "unknown" : word;
  }

  // Without the command label several rows fall together.
  bool MergeOld(const Labels& labels, double threads) {
    for (Sample& sample : samples_) {
      if (sample.name != "mysql_info_schema_threads" || sample.labels != labels) continue;
      sample.value += threads;
      return true;
    }
    return false;
  }

  void AddGroup(const MysqlProbe::Values& status, const Group& group) {
    for (auto it = status.lower_bound(group.prefix);
         it != status.end() && absl::StartsWith(it->first, group.prefix); ++it) {
      const auto value = Number(it->second);
      if (!value.has_value()) continue;
      Add(group.family, group.help, *value,
          {{group.label, it->first.substr(absl::string_view(group.prefix).size())}}, group.counter);
    }
  }

  void AddBufferPool(const MysqlProbe::Values& status) {
    for (const char* state : {"data", "free", "misc", "old"}) {
      const auto pages = Find(status, absl::StrCat("innodb_buffer_pool_pages_", state).c_str());
      if (!pages.has_value()) continue;
      Add("mysql_global_status_buffer_pool_pages", "Innodb buffer pool pages by state.", *pages,
          {{"state", state}});
    }
    if (const auto dirty = Find(status, "innodb_buffer_pool_pages_dirty")) {
      Add("mysql_global_status_buffer_pool_dirty_pages", "Innodb buffer pool dirty pages.", *dirty);
    }
    for (const char* operation : {"flushed", "lru_flushed", "made_not_young", "made_young"}) {
      const auto pages = Find(status, absl::StrCat("innodb_buffer_pool_pages_", operation).c_str());
      if (!pages.has_value()) continue;
      Add("mysql_global_status_buffer_pool_page_changes_total",
          "Innodb buffer pool page state changes.", *pages, {{"operation", operation}},
          /*counter=*/true);
    }
  }

  std::vector<Sample> samples_;
};

constexpr char kThreads[] =
    "SELECT COALESCE(command, ''), COALESCE(state, ''), COUNT(*) FROM "
    "information_schema.processlist WHERE id <> CONNECTION_ID() GROUP BY 1, 2";
constexpr char kHistory[] =
    "SELECT count FROM information_schema.innodb_metrics WHERE name = 'trx_rseg_history_len'";

void CollectFrom(MysqlProbe& probe, MysqlMetrics& metrics) {
  if (const auto status = probe.Status(); status.ok()) metrics.AddStatus(*status);
  if (const auto variables = probe.Variables(); variables.ok()) metrics.AddVariables(*variables);
  if (const auto channels = probe.ReplicationChannels(); channels.ok()) {
    metrics.AddReplication(*channels);
  }
  if (const auto threads = probe.Query(kThreads); threads.ok()) metrics.AddThreads(*threads);
  const auto history = probe.Query(kHistory);
  if (history.ok() && !history->empty()) {
    if (const auto length = Number((*history)[0][0].second.value_or(""))) {
      metrics.Add("mysql_info_schema_innodb_metrics_transaction_trx_rseg_history_len",
                  "Length of the TRX_RSEG_HISTORY list", *length);
    }
  }
}

}  // namespace

std::vector<Sample> CollectMysqlMetrics(const InstanceSpec& spec, absl::Duration deadline,
                                        Clock& clock) {
  MysqlMetrics metrics;
  const auto probe = MysqlProbe::Open(spec, deadline, clock);
  const bool up = probe.ok() && (*probe)->Query("SELECT 1").ok();
  metrics.Add("mysql_up", "Whether the MySQL server is up.", up ? 1 : 0);
  if (up) CollectFrom(**probe, metrics);
  return metrics.Take();
}

}  // namespace dbfleet::agent
