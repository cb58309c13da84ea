#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

#include "common/sql/postgres/functions.h"

namespace dbfleet::sql::pg {
namespace {

struct Effect {
  absl::string_view name;
  absl::string_view what;
};

constexpr absl::string_view kRunsSql = "runs SQL that it gets as text, or reads tables by name";
constexpr absl::string_view kOtherServer = "runs SQL on another server";
constexpr absl::string_view kLargeObject = "reads or changes a large object";
constexpr absl::string_view kFiles = "reads the server's files";
constexpr absl::string_view kWaits = "waits";
constexpr absl::string_view kLocks = "takes or gives up a lock that stays";
constexpr absl::string_view kSessions = "ends what other sessions do";
constexpr absl::string_view kServer = "changes the server's state";
constexpr absl::string_view kSlots = "changes a replication slot or origin";
constexpr absl::string_view kStatistics = "throws statistics away";
constexpr absl::string_view kSession = "changes the session";
constexpr absl::string_view kSequence = "advances a sequence, which no rollback takes back";
constexpr absl::string_view kIndex = "writes to an index";
constexpr absl::string_view kHuge = "can make a value of 1 GB with one short call";
constexpr absl::string_view kTransaction = "uses up a transaction id";
constexpr absl::string_view kAnyType = "converts to whatever type it is given";
constexpr absl::string_view kSettings = "shows settings, which may hold passwords";

// Only to say why: a function that is neither here nor among the read-only ones is destructive too.
// Source: pg_proc of PostgreSQL 13 to 17 and the contrib modules. A row says what the function
// does.
constexpr Effect kEffects[] = {
    {"array_fill", kHuge},
    {"brin_desummarize_range", kIndex},
    {"brin_summarize_new_values", kIndex},
    {"brin_summarize_range", kIndex},
    {"crosstab", kRunsSql},
    {"cursor_to_xml", kRunsSql},
    {"cursor_to_xmlschema", kRunsSql},
    {"database_to_xml", kRunsSql},
    {"database_to_xml_and_xmlschema", kRunsSql},
    {"database_to_xmlschema", kRunsSql},
    {"gin_clean_pending_list", kIndex},
    {"json_populate_record", kAnyType},
    {"json_populate_recordset", kAnyType},
    {"jsonb_populate_record", kAnyType},
    {"jsonb_populate_recordset", kAnyType},
    {"loread", kLargeObject},
    {"lowrite", kLargeObject},
    {"lpad", kHuge},
    {"nextval", kSequence},
    {"pg_backup_start", kServer},
    {"pg_backup_stop", kServer},
    {"pg_cancel_backend", kSessions},
    {"pg_copy_logical_replication_slot", kSlots},
    {"pg_copy_physical_replication_slot", kSlots},
    {"pg_create_logical_replication_slot", kSlots},
    {"pg_create_physical_replication_slot", kSlots},
    {"pg_create_restore_point", kServer},
    {"pg_current_xact_id", kTransaction},
    {"pg_drop_replication_slot", kSlots},
    {"pg_export_snapshot", kSession},
    {"pg_hba_file_rules", kSettings},
    {"pg_import_system_collations", kServer},
    {"pg_input_error_info", kAnyType},
    {"pg_input_is_valid", kAnyType},
    {"pg_jit_available", kSession},
    {"pg_log_backend_memory_contexts", kServer},
    {"pg_log_standby_snapshot", kServer},
    {"pg_logical_emit_message", kServer},
    {"pg_notify", "sends a notification to other sessions"},
    {"pg_promote", kServer},
    {"pg_read_binary_file", kFiles},
    {"pg_read_file", kFiles},
    {"pg_reload_conf", kServer},
    {"pg_replication_slot_advance", kSlots},
    {"pg_rotate_logfile", kServer},
    {"pg_show_all_file_settings", kSettings},
    {"pg_show_all_settings", kSettings},
    {"pg_sleep", kWaits},
    {"pg_sleep_for", kWaits},
    {"pg_sleep_until", kWaits},
    {"pg_start_backup", kServer},
    {"pg_stat_clear_snapshot", kSession},
    {"pg_stat_file", kFiles},
    {"pg_stat_force_next_flush", kSession},
    {"pg_stat_statements_reset", kStatistics},
    {"pg_stop_backup", kServer},
    {"pg_switch_wal", kServer},
    {"pg_sync_replication_slots", kSlots},
    {"pg_terminate_backend", kSessions},
    {"pg_wal_replay_pause", kServer},
    {"pg_wal_replay_resume", kServer},
    {"query_to_xml", kRunsSql},
    {"query_to_xml_and_xmlschema", kRunsSql},
    {"query_to_xmlschema", kRunsSql},
    {"repeat", kHuge},
    {"rpad", kHuge},
    {"schema_to_xml", kRunsSql},
    {"schema_to_xml_and_xmlschema", kRunsSql},
    {"schema_to_xmlschema", kRunsSql},
    {"set_config", kSession},
    {"setseed", kSession},
    {"setval", kSequence},
    {"table_to_xml", kRunsSql},
    {"table_to_xml_and_xmlschema", kRunsSql},
    {"table_to_xmlschema", kRunsSql},
    {"ts_rewrite", kRunsSql},
    {"ts_stat", kRunsSql},
    {"txid_current", kTransaction},
    {"xpath_table", kRunsSql},
};

// Families of functions that do alike.
constexpr Effect kPrefixes[] = {
    {"binary_upgrade_", kServer},
    {"dblink", kOtherServer},
    {"lo_", kLargeObject},
    {"pg_advisory_", kLocks},
    {"pg_file_", kFiles},
    {"pg_logical_slot_", kSlots},
    {"pg_ls_", kFiles},
    {"pg_replication_origin_", kSlots},
    {"pg_stat_reset", kStatistics},
    {"pg_try_advisory_", kLocks},
    {"postgres_fdw_", kOtherServer},
};

constexpr bool Sorted(const Effect& a, const Effect& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kEffects), std::end(kEffects), Sorted));

}  // namespace

absl::string_view EffectOfFunction(absl::string_view name) {
  const Effect* found =
      std::lower_bound(std::begin(kEffects), std::end(kEffects), Effect{name, ""}, Sorted);
  if (found != std::end(kEffects) && found->name == name) return found->what;
  for (const Effect& prefix : kPrefixes) {
    if (absl::StartsWith(name, prefix.name)) return prefix.what;
  }
  return "";
}

}  // namespace dbfleet::sql::pg
