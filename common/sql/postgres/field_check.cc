#include "common/sql/postgres/field_check.h"

#include <algorithm>
#include <iterator>

#include "common/sql/postgres/functions.h"

namespace dbfleet::sql::pg {
namespace {

// Source: the OUT columns (pg_proc.proargnames) of what IsReadOnlyFunction knows. To add one: a
// built-in function gives rows with it, and no function of that name has an effect.
// clang-format off
constexpr absl::string_view kResultColumns[] = {
    "abbrev", "active", "active_pid", "alias", "application_name", "attrs", "backend_start",
    "backend_type", "backend_xid", "backend_xmin", "backup_end_lsn", "backup_start_lsn", "baredesc",
    "barelabel", "blocks_per_segment", "bytes_per_wal_segment", "cache_size", "catalog_version_no",
    "catalog_xmin", "catcode", "catdesc", "checkpoint_lsn", "checkpoint_time", "classid",
    "client_addr", "client_hostname", "client_port", "comment", "confirmed_flush_lsn",
    "cycle_option", "data_page_checksum_version", "data_type", "database", "database_block_size",
    "datid", "datoid", "default_version", "description", "dictionaries", "dictionary",
    "end_of_backup_record_required", "fastpath", "file_name", "file_offset", "fkcols", "fktable",
    "float8_pass_by_value", "flush_lag", "flush_lsn", "full_page_writes", "granted", "grantee",
    "grantor", "gss_auth", "gss_enc", "gss_princ", "identity", "increment", "is_array", "is_dst",
    "is_grantable", "is_opt", "isleaf", "key", "large_object_chunk_size", "leader_pid", "level",
    "lexeme", "lexemes", "locktype", "max_data_alignment", "max_identifier_length",
    "max_index_columns", "max_toast_chunk_size", "maximum_value", "min_recovery_end_lsn",
    "min_recovery_end_timeline", "minimum_value", "mode", "n", "name", "newest_commit_ts_xid",
    "next_multi_offset", "next_multixact_id", "next_oid", "next_xid", "object_args", "object_names",
    "objid", "objsubid", "oldest_active_xid", "oldest_commit_ts_xid", "oldest_multi_dbid",
    "oldest_multi_xid", "oldest_xid", "oldest_xid_dbid", "ordinality", "page", "parentrelid",
    "path", "pg_control_last_modified", "pg_control_version", "pid", "pkcols", "pktable", "plugin",
    "positions", "prev_timeline_id", "privilege_type", "qual", "query", "query_id", "query_start",
    "redo_lsn", "redo_wal_file", "relation", "relid", "relocatable", "replay_lag", "replay_lsn",
    "reply_time", "requires", "restart_lsn", "rm_builtin", "rm_id", "rm_name", "roident",
    "safe_wal_size", "schema", "sent_lsn", "slot_name", "slot_type", "source", "ssl",
    "ssl_client_dn", "ssl_client_serial", "ssl_issuer_dn", "sslbits", "sslcipher", "sslversion",
    "start_value", "state", "state_change", "superuser", "sync_priority", "sync_state",
    "system_identifier", "target", "temporary", "timeline_id", "timestamp", "token", "tokid",
    "transactionid", "trusted", "tuple", "two_phase", "type", "usesysid", "utc_offset", "value",
    "version", "virtualtransaction", "virtualxid", "wait_event", "wait_event_type", "waitstart",
    "wal_block_size", "wal_status", "weights", "word", "write_lag", "write_lsn", "x", "xact_start",
    "xid", "xmin"};
// clang-format on
static_assert(std::is_sorted(std::begin(kResultColumns), std::end(kResultColumns)));

bool IsKnownField(const Version& version, absl::string_view name) {
  if (std::binary_search(std::begin(kResultColumns), std::end(kResultColumns), name)) return true;
  // These two are looked at by their arguments, which cannot be seen here.
  return name != "current_setting" && name != "format" && IsReadOnlyFunction(name, version);
}

bool Names(Node list, absl::string_view name) {
  for (Node item : list) {
    if ((item.Is("ColumnDef") ? item["colname"] : item).text() == name) return true;
  }
  return false;
}

// Whether `qualifier` may be the row of `function`, which stands in FROM, and `name` none of the
// columns that the query gives it.
bool MayCall(Node function, absl::string_view qualifier, absl::string_view name) {
  if (const Node alias = function["alias"]) {
    if (alias["aliasname"].text() != qualifier || name == qualifier) return false;
    return !Names(alias["colnames"], name) && !Names(function["coldeflist"], name);
  }
  // Without an alias its row and its column have the function's name; what is written in a form of
  // its own (COALESCE, CAST) has one that only the server knows.
  const Node call = function["functions"].first()["items"].first();
  if (!call.Is("FuncCall")) return true;
  return call["funcname"].last().text() == qualifier && name != qualifier;
}

}  // namespace

std::string CalledAsField(const Version& version, Node root, Node node) {
  if (node.Is("A_Indirection")) {
    for (Node part : node["indirection"]) {
      if (part.Is("String") && !IsKnownField(version, part.text())) return std::string(part.text());
    }
    return "";
  }
  const Node fields = node["fields"];
  if (fields.count() != 2 || !fields.last().Is("String")) return "";
  const absl::string_view name = fields.last().text();
  if (IsKnownField(version, name)) return "";
  for (const Slot* at = root.subtree_begin(); at != root.subtree_end(); ++at) {
    if (!at->tagged || !Node(at).Is("RangeFunction")) continue;
    if (MayCall(Node(at), fields.first().text(), name)) return std::string(name);
  }
  return "";
}

}  // namespace dbfleet::sql::pg
