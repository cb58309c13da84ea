#include "tests/truth/postgres_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"

namespace dbfleet::truth {
namespace {

// A query for the content of each table outside of the catalogs, and of each sequence. Of the
// catalogs those suffice that are written in place: every other change of one takes a transaction
// number.
constexpr char kTables[] =
    "SELECT format('SELECT %L, count(*), md5(string_agg(md5(t::text), '''' ORDER BY "
    "md5(t::text))) FROM (SELECT * FROM %I.%I) t', c.oid::regclass::text, n.nspname, c.relname) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind IN ('r', 'm', "
    "'S') AND relpersistence <> 't' AND (n.nspname NOT IN ('pg_catalog', 'pg_toast', "
    "'information_schema') OR c.relname IN ('pg_class', 'pg_database', 'pg_largeobject', "
    "'pg_db_role_setting', 'pg_authid', 'pg_sequence', 'pg_statistic')) ORDER BY 1";

struct Question {
  const char* about;
  const char* query;
};
constexpr Question kOfServer[] = {
    {"transaction numbers", "SELECT pg_snapshot_xmax(pg_current_snapshot())"},
    {"global settings",
     "SELECT name, reset_val, boot_val FROM pg_settings WHERE name NOT IN ('in_hot_standby') "
     "ORDER BY 1"},
    {"configuration files", "SELECT * FROM pg_file_settings ORDER BY 1, 2"},
    {"replication slots", "SELECT slot_name, slot_type, restart_lsn FROM pg_replication_slots"},
    {"prepared transactions", "SELECT gid FROM pg_prepared_xacts"},
    {"temporary tables",
     "SELECT oid::regclass FROM pg_class WHERE relpersistence = 't' ORDER BY 1"},
    {"statistics", "SELECT datname, stats_reset FROM pg_stat_database ORDER BY 1"},
    {"sessions", "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"},
};
constexpr Question kOfSession[] = {
    {"session settings",
     "SELECT name, setting FROM pg_settings WHERE name NOT IN ('transaction_read_only') ORDER BY "
     "1"},
    {"role", "SELECT current_user, session_user, current_schemas(true)"},
    {"prepared statements", "SELECT name FROM pg_prepared_statements ORDER BY 1"},
    {"cursors", "SELECT name FROM pg_cursors WHERE name <> '' ORDER BY 1"},
    {"channels", "SELECT pg_listening_channels()"},
};

absl::Status Ask(PostgresSession& session, absl::string_view query, std::string* text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> rows, session.Query(query));
  absl::StrAppend(text, absl::StrJoin(rows, "\n"), "\n");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<State> StateOf(mini::MiniServer& server, PostgresSession& monitor,
                              PostgresSession& session) {
  State state;
  state["transaction"] = session.idle() ? "none" : "open";
  RETURN_IF_ERROR(Ask(monitor,
                      absl::StrCat("SELECT locktype, mode, relation, classid, objid FROM pg_locks "
                                   "WHERE locktype <> 'virtualxid' AND pid = ",
                                   session.pid(), " ORDER BY 1, 2, 3"),
                      &state["locks"]));
  for (const Question& question : kOfServer) {
    RETURN_IF_ERROR(Ask(monitor, question.query, &state[question.about]));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, monitor.Query(kTables));
  for (size_t i = 0; i < tables.size(); i += 40) {
    const auto begin = tables.begin() + static_cast<ptrdiff_t>(i);
    const auto end = tables.begin() + static_cast<ptrdiff_t>(std::min(i + 40, tables.size()));
    RETURN_IF_ERROR(Ask(monitor, absl::StrJoin(begin, end, " UNION ALL "), &state["data"]));
  }
  if (session.idle()) {
    for (const Question& question : kOfSession) {
      RETURN_IF_ERROR(Ask(session, question.query, &state[question.about]));
    }
  }
  state["files"] = ListFiles(server.folder(), ".conf .signal .auto .txt",
                             "pg_wal pg_stat_tmp pgsql_tmp pg_internal.init postgres.log pg_stat");
  return state;
}

}  // namespace dbfleet::truth
