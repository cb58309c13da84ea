#include "tests/truth/mysql_state.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "tests/truth/files.h"

namespace dbfleet::truth {
namespace {

// What moves by itself, or by looking.
constexpr char kSessionVariables[] =
    "SELECT variable_name, variable_value FROM information_schema.session_variables WHERE "
    "variable_name NOT IN ('TIMESTAMP', 'WARNING_COUNT', 'ERROR_COUNT', 'LAST_INSERT_ID', "
    "'IDENTITY', 'RAND_SEED1', 'RAND_SEED2', 'PSEUDO_THREAD_ID', 'LAST_GTID', 'INSERT_ID', "
    "'GTID_BINLOG_POS', 'GTID_CURRENT_POS', 'GTID_BINLOG_STATE') ORDER BY 1";
constexpr char kGlobalVariables[] =
    "SELECT variable_name, variable_value FROM information_schema.global_variables WHERE "
    "variable_name NOT IN ('GTID_BINLOG_POS', 'GTID_CURRENT_POS', 'GTID_BINLOG_STATE') ORDER BY 1";
// The users' tables, and the server's own that hold accounts, routines, events, statistics.
constexpr char kTables[] =
    "SELECT CONCAT('`', REPLACE(table_schema, '`', '``'), '`.`', REPLACE(table_name, '`', '``'), "
    "'`') FROM information_schema.tables WHERE table_type IN ('BASE TABLE', 'SEQUENCE', "
    "'SYSTEM VERSIONED') AND table_schema NOT IN ('information_schema', 'performance_schema', "
    "'sys') AND table_name NOT IN ('general_log', 'slow_log', 'innodb_index_stats', "
    "'innodb_table_stats') ORDER BY 1";

absl::Status Ask(MysqlSession& session, absl::string_view query, std::string* text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> rows, session.Query(query));
  *text = absl::StrJoin(rows, "\n");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<State> StateOf(mini::MiniServer& server, MysqlSession& monitor,
                              MysqlSession& session) {
  State state;
  RETURN_IF_ERROR(Ask(monitor, "SHOW MASTER STATUS", &state["binary log"]));
  RETURN_IF_ERROR(Ask(monitor, kGlobalVariables, &state["global variables"]));
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, monitor.Query(kTables));
  if (!tables.empty()) {
    RETURN_IF_ERROR(
        Ask(monitor, absl::StrCat("CHECKSUM TABLE ", absl::StrJoin(tables, ", ")), &state["data"]));
  }
  // Locks, of tables and by name; then what InnoDB still holds.
  RETURN_IF_ERROR(Ask(monitor,
                      absl::StrCat("SELECT lock_mode, lock_type, table_schema, table_name FROM "
                                   "information_schema.metadata_lock_info WHERE thread_id = ",
                                   session.id(), " ORDER BY 1, 2, 3, 4"),
                      &state["locks"]));
  RETURN_IF_ERROR(Ask(monitor,
                      absl::StrCat("SELECT trx_state FROM information_schema.innodb_trx WHERE "
                                   "trx_mysql_thread_id = ",
                                   session.id()),
                      &state["transactions"]));
  RETURN_IF_ERROR(Ask(session, kSessionVariables, &state["session variables"]));
  RETURN_IF_ERROR(Ask(session, "SELECT * FROM information_schema.user_variables ORDER BY 1",
                      &state["user variables"]));
  state["files"] = ListFiles(server.folder(), ".frm .par .opt .TRG .TRN .cnf .txt");
  return state;
}

std::string Difference(const State& before, const State& after) {
  std::string difference;
  for (const auto& [about, text] : after) {
    const auto was = before.find(about);
    const std::string old = was == before.end() ? "" : was->second;
    if (old == text) continue;
    absl::StrAppend(&difference, difference.empty() ? "" : "; ", about, ": ",
                    FirstDifference(old, text));
  }
  return difference;
}

}  // namespace dbfleet::truth
