#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

#include "common/sql/postgres/functions.h"

namespace dbfleet::sql::pg {
namespace {

// See MayRunUnknownCode.
enum class Runs { kItself, kUnknown };
constexpr Runs kItself = Runs::kItself;
constexpr Runs kUnknown = Runs::kUnknown;

struct Effect {
  absl::string_view name;
  absl::string_view what;
  Runs runs;
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
// does, and whether it may run code that is not known (functions.h): SQL, an output plugin of
// logical decoding, what it writes into a file of the server; or came with a later version or an
// extension.
constexpr Effect kEffects[] = {
    {"array_fill", kHuge, kItself},
    {"brin_desummarize_range", kIndex, kItself},
    {"brin_summarize_new_values", kIndex, kItself},
    {"brin_summarize_range", kIndex, kItself},
    {"crosstab", kRunsSql, kUnknown},
    {"cursor_to_xml", kRunsSql, kUnknown},
    {"cursor_to_xmlschema", kRunsSql, kUnknown},
    {"database_to_xml", kRunsSql, kUnknown},
    {"database_to_xml_and_xmlschema", kRunsSql, kUnknown},
    {"database_to_xmlschema", kRunsSql, kUnknown},
    {"gin_clean_pending_list", kIndex, kItself},
    {"json_populate_record", kAnyType, kUnknown},
    {"json_populate_recordset", kAnyType, kUnknown},
    {"jsonb_populate_record", kAnyType, kUnknown},
    {"jsonb_populate_recordset", kAnyType, kUnknown},
    {"lo_close", kLargeObject, kItself},
    {"lo_creat", kLargeObject, kItself},
    {"lo_create", kLargeObject, kItself},
    {"lo_export", kLargeObject, kUnknown},
    {"lo_from_bytea", kLargeObject, kItself},
    {"lo_get", kLargeObject, kItself},
    {"lo_import", kLargeObject, kItself},
    {"lo_lseek", kLargeObject, kItself},
    {"lo_lseek64", kLargeObject, kItself},
    {"lo_open", kLargeObject, kItself},
    {"lo_put", kLargeObject, kItself},
    {"lo_tell", kLargeObject, kItself},
    {"lo_tell64", kLargeObject, kItself},
    {"lo_truncate", kLargeObject, kItself},
    {"lo_truncate64", kLargeObject, kItself},
    {"lo_unlink", kLargeObject, kItself},
    {"loread", kLargeObject, kItself},
    {"lowrite", kLargeObject, kItself},
    {"lpad", kHuge, kItself},
    {"nextval", kSequence, kItself},
    {"pg_advisory_lock", kLocks, kItself},
    {"pg_advisory_lock_shared", kLocks, kItself},
    {"pg_advisory_unlock", kLocks, kItself},
    {"pg_advisory_unlock_all", kLocks, kItself},
    {"pg_advisory_unlock_shared", kLocks, kItself},
    {"pg_advisory_xact_lock", kLocks, kItself},
    {"pg_advisory_xact_lock_shared", kLocks, kItself},
    {"pg_backup_start", kServer, kUnknown},
    {"pg_backup_stop", kServer, kUnknown},
    {"pg_cancel_backend", kSessions, kItself},
    {"pg_copy_logical_replication_slot", kSlots, kUnknown},
    {"pg_copy_physical_replication_slot", kSlots, kItself},
    {"pg_create_logical_replication_slot", kSlots, kUnknown},
    {"pg_create_physical_replication_slot", kSlots, kItself},
    {"pg_create_restore_point", kServer, kItself},
    {"pg_current_xact_id", kTransaction, kItself},
    {"pg_drop_replication_slot", kSlots, kItself},
    {"pg_export_snapshot", kSession, kItself},
    {"pg_hba_file_rules", kSettings, kItself},
    {"pg_import_system_collations", kServer, kItself},
    {"pg_input_error_info", kAnyType, kUnknown},
    {"pg_input_is_valid", kAnyType, kUnknown},
    {"pg_jit_available", kSession, kItself},
    {"pg_log_backend_memory_contexts", kServer, kUnknown},
    {"pg_log_standby_snapshot", kServer, kUnknown},
    {"pg_logical_emit_message", kServer, kItself},
    {"pg_ls_archive_statusdir", kFiles, kItself},
    {"pg_ls_dir", kFiles, kItself},
    {"pg_ls_logdir", kFiles, kItself},
    {"pg_ls_tmpdir", kFiles, kItself},
    {"pg_ls_waldir", kFiles, kItself},
    {"pg_notify", "sends a notification to other sessions", kItself},
    {"pg_promote", kServer, kItself},
    {"pg_read_binary_file", kFiles, kItself},
    {"pg_read_file", kFiles, kItself},
    {"pg_reload_conf", kServer, kItself},
    {"pg_replication_origin_advance", kSlots, kItself},
    {"pg_replication_origin_create", kSlots, kItself},
    {"pg_replication_origin_drop", kSlots, kItself},
    {"pg_replication_origin_oid", kSlots, kItself},
    {"pg_replication_origin_progress", kSlots, kItself},
    {"pg_replication_origin_session_is_setup", kSlots, kItself},
    {"pg_replication_origin_session_progress", kSlots, kItself},
    {"pg_replication_origin_session_reset", kSlots, kItself},
    {"pg_replication_origin_session_setup", kSlots, kItself},
    {"pg_replication_origin_xact_reset", kSlots, kItself},
    {"pg_replication_origin_xact_setup", kSlots, kItself},
    {"pg_replication_slot_advance", kSlots, kUnknown},
    {"pg_rotate_logfile", kServer, kItself},
    {"pg_show_all_file_settings", kSettings, kItself},
    {"pg_show_all_settings", kSettings, kItself},
    {"pg_sleep", kWaits, kItself},
    {"pg_sleep_for", kWaits, kItself},
    {"pg_sleep_until", kWaits, kItself},
    {"pg_start_backup", kServer, kUnknown},
    {"pg_stat_clear_snapshot", kSession, kItself},
    {"pg_stat_file", kFiles, kItself},
    {"pg_stat_force_next_flush", kSession, kUnknown},
    {"pg_stat_reset", kStatistics, kItself},
    {"pg_stat_reset_shared", kStatistics, kItself},
    {"pg_stat_reset_single_function_counters", kStatistics, kItself},
    {"pg_stat_reset_single_table_counters", kStatistics, kItself},
    {"pg_stat_reset_slru", kStatistics, kItself},
    {"pg_stat_statements_reset", kStatistics, kUnknown},
    {"pg_stop_backup", kServer, kUnknown},
    {"pg_switch_wal", kServer, kItself},
    {"pg_sync_replication_slots", kSlots, kUnknown},
    {"pg_terminate_backend", kSessions, kItself},
    {"pg_try_advisory_lock", kLocks, kItself},
    {"pg_try_advisory_lock_shared", kLocks, kItself},
    {"pg_try_advisory_xact_lock", kLocks, kItself},
    {"pg_try_advisory_xact_lock_shared", kLocks, kItself},
    {"pg_wal_replay_pause", kServer, kItself},
    {"pg_wal_replay_resume", kServer, kItself},
    {"query_to_xml", kRunsSql, kUnknown},
    {"query_to_xml_and_xmlschema", kRunsSql, kUnknown},
    {"query_to_xmlschema", kRunsSql, kUnknown},
    {"repeat", kHuge, kItself},
    {"rpad", kHuge, kItself},
    {"schema_to_xml", kRunsSql, kUnknown},
    {"schema_to_xml_and_xmlschema", kRunsSql, kUnknown},
    {"schema_to_xmlschema", kRunsSql, kUnknown},
    {"set_config", kSession, kItself},
    {"setseed", kSession, kItself},
    {"setval", kSequence, kItself},
    {"table_to_xml", kRunsSql, kUnknown},
    {"table_to_xml_and_xmlschema", kRunsSql, kUnknown},
    {"table_to_xmlschema", kRunsSql, kUnknown},
    {"ts_rewrite", kRunsSql, kUnknown},
    {"ts_stat", kRunsSql, kUnknown},
    {"txid_current", kTransaction, kItself},
    {"xpath_table", kRunsSql, kUnknown},
};

// Families of functions that do alike. A name that begins so may be a user's: those of the server
// itself that run nothing else stand above.
constexpr Effect kPrefixes[] = {
    {"binary_upgrade_", kServer, kUnknown},
    {"dblink", kOtherServer, kUnknown},
    {"lo_", kLargeObject, kUnknown},
    {"pg_advisory_", kLocks, kUnknown},
    {"pg_file_", kFiles, kUnknown},
    {"pg_logical_slot_", kSlots, kUnknown},
    {"pg_ls_", kFiles, kUnknown},
    {"pg_replication_origin_", kSlots, kUnknown},
    {"pg_stat_reset", kStatistics, kUnknown},
    {"pg_try_advisory_", kLocks, kUnknown},
    {"postgres_fdw_", kOtherServer, kUnknown},
};

constexpr bool Sorted(const Effect& a, const Effect& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kEffects), std::end(kEffects), Sorted));

// Null for one that is in neither list.
const Effect* Find(absl::string_view name) {
  const Effect* found = std::lower_bound(std::begin(kEffects), std::end(kEffects),
                                         Effect{name, "", kUnknown}, Sorted);
  if (found != std::end(kEffects) && found->name == name) return found;
  const Effect* prefix =
      std::find_if(std::begin(kPrefixes), std::end(kPrefixes),
                   [&](const Effect& one) { return absl::StartsWith(name, one.name); });
  return prefix == std::end(kPrefixes) ? nullptr : prefix;
}

}  // namespace

absl::string_view EffectOfFunction(absl::string_view name) {
  const Effect* row = Find(name);
  return row == nullptr ? "" : row->what;
}

bool MayRunUnknownCode(absl::string_view name) {
  const Effect* row = Find(name);
  return row == nullptr || row->runs == Runs::kUnknown;
}

std::vector<absl::string_view> FunctionsWithEffects() {
  std::vector<absl::string_view> names;
  for (const Effect& row : kEffects) names.push_back(row.name);
  for (const Effect& row : kPrefixes) names.push_back(row.name);
  return names;
}

}  // namespace dbfleet::sql::pg
