#include "tests/truth/mysql_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "common/base/status.h"

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
// The server's own tables that hold accounts, routines, events, statistics.
constexpr char kOwnTables[] =
    "mysql.global_priv, mysql.db, mysql.tables_priv, mysql.columns_priv, mysql.procs_priv, "
    "mysql.roles_mapping, mysql.proxies_priv, mysql.proc, mysql.event, mysql.func, mysql.plugin, "
    "mysql.servers, mysql.table_stats, mysql.column_stats, mysql.index_stats, "
    "mysql.gtid_slave_pos, mysql.time_zone_name";
// Of one database ($): asked for one by one, the server need not open the others' tables.
constexpr char kTables[] =
    "SELECT CONCAT('`', REPLACE(table_schema, '`', '``'), '`.`', REPLACE(table_name, '`', '``'), "
    "'`') FROM information_schema.tables WHERE table_schema = $ AND table_type IN ('BASE TABLE', "
    "'SEQUENCE', 'SYSTEM VERSIONED') AND table_name NOT IN (SELECT table_name FROM "
    "information_schema.columns WHERE table_schema = $ AND extra LIKE '%VIRTUAL%') ORDER BY 1";
// CHECKSUM TABLE answers by chance where a column is virtual: of those, the stored columns.
constexpr char kWithVirtual[] =
    "SELECT CONCAT('SELECT COUNT(*), SUM(CRC32(CONCAT_WS(\\'|\\'', GROUP_CONCAT(IF(extra LIKE "
    "'%VIRTUAL%', '', CONCAT(', HEX(`', REPLACE(column_name, '`', '``'), '`)')) SEPARATOR ''), "
    "'))) FROM `', REPLACE(table_schema, '`', '``'), '`.`', REPLACE(table_name, '`', '``'), '`') "
    "FROM information_schema.columns c WHERE table_schema = $ AND table_name IN (SELECT "
    "table_name FROM information_schema.tables WHERE table_schema = $ AND table_type = 'BASE "
    "TABLE') GROUP BY table_name HAVING SUM(extra LIKE '%VIRTUAL%') > 0 ORDER BY table_name";

// In an order in which t1 and T1, which are two tables, do not change places as they do in the
// server's.
absl::StatusOr<std::vector<std::string>> Sorted(MysqlSession& session, absl::string_view query) {
  ASSIGN_OR_RETURN(std::vector<std::string> rows, session.Query(query));
  std::sort(rows.begin(), rows.end());
  return rows;
}

absl::Status Ask(MysqlSession& session, absl::string_view query, std::string* text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> rows, session.Query(query));
  *text = absl::StrJoin(rows, "\n");
  return absl::OkStatus();
}

absl::Status AskForData(MysqlSession& monitor, std::string* data) {
  std::string tables = kOwnTables;
  std::vector<std::string> sums;
  ASSIGN_OR_RETURN(const std::vector<std::string> databases,
                   Sorted(monitor,
                          "SELECT QUOTE(schema_name) FROM information_schema.schemata WHERE "
                          "schema_name NOT IN ('mysql', 'sys', 'information_schema', "
                          "'performance_schema') ORDER BY 1"));
  for (const std::string& database : databases) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     Sorted(monitor, absl::StrReplaceAll(kTables, {{"$", database}})));
    for (const std::string& name : names) absl::StrAppend(&tables, ", ", name);
    ASSIGN_OR_RETURN(const std::vector<std::string> more,
                     Sorted(monitor, absl::StrReplaceAll(kWithVirtual, {{"$", database}})));
    sums.insert(sums.end(), more.begin(), more.end());
  }
  RETURN_IF_ERROR(Ask(monitor, absl::StrCat("CHECKSUM TABLE ", tables), data));
  for (const std::string& sum : sums) {
    std::string text;
    RETURN_IF_ERROR(Ask(monitor, sum, &text));
    absl::StrAppend(data, "\n", sum, ": ", text);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<State> StateOf(mini::MiniServer& server, MysqlSession& monitor,
                              MysqlSession& session) {
  State state;
  RETURN_IF_ERROR(Ask(monitor, "SHOW MASTER STATUS", &state["binary log"]));
  RETURN_IF_ERROR(Ask(monitor, kGlobalVariables, &state["global variables"]));
  RETURN_IF_ERROR(AskForData(monitor, &state["data"]));
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

}  // namespace dbfleet::truth
