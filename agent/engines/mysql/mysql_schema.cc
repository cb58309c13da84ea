#include "agent/engines/mysql/mysql_schema.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/engine/schema_hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

struct Part {
  const char* name;
  // "$own" becomes dbfleet's own tables, "$seen" the columns on indexes that only some servers
  // have.
  const char* query;
};

// Only what a definition says: no counters, sizes, times or statistics.
constexpr Part kParts[] = {
    {"tables",
     "SELECT table_name, table_type, engine, table_collation, create_options, "
     "IF(table_type = 'VIEW', '', table_comment) FROM information_schema.tables "
     "WHERE table_schema = DATABASE() AND table_name NOT IN $own"},
    {"columns",
     "SELECT table_name, ordinal_position, column_name, column_default, is_nullable, column_type, "
     "collation_name, extra, column_comment, generation_expression "
     "FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name NOT IN $own"},
    {"indexes",
     "SELECT table_name, index_name, seq_in_index, column_name, collation, sub_part, non_unique, "
     "index_type, index_comment$seen FROM information_schema.statistics "
     "WHERE table_schema = DATABASE() AND table_name NOT IN $own"},
    {"keys",
     "SELECT table_name, constraint_name, column_name, ordinal_position, referenced_table_schema, "
     "referenced_table_name, referenced_column_name FROM information_schema.key_column_usage "
     "WHERE table_schema = DATABASE() AND table_name NOT IN $own"},
    {"foreign_keys",
     "SELECT table_name, constraint_name, match_option, update_rule, delete_rule "
     "FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()"},
    {"views",
     "SELECT table_name, view_definition, check_option, security_type, definer "
     "FROM information_schema.views WHERE table_schema = DATABASE()"},
    {"routines",
     "SELECT routine_name, routine_type, dtd_identifier, routine_definition, is_deterministic, "
     "sql_data_access, security_type, sql_mode, routine_comment, definer "
     "FROM information_schema.routines WHERE routine_schema = DATABASE()"},
    {"parameters",
     "SELECT specific_name, routine_type, ordinal_position, parameter_mode, parameter_name, "
     "dtd_identifier FROM information_schema.parameters WHERE specific_schema = DATABASE()"},
    {"triggers",
     "SELECT trigger_name, event_manipulation, event_object_table, action_order, "
     "action_statement, action_timing, sql_mode, definer FROM information_schema.triggers "
     "WHERE trigger_schema = DATABASE()"},
    {"events",
     "SELECT event_name, event_definition, event_type, execute_at, interval_value, "
     "interval_field, starts, ends, status, on_completion FROM information_schema.events "
     "WHERE event_schema = DATABASE()"},
    {"partitions",
     "SELECT table_name, partition_name, subpartition_name, partition_ordinal_position, "
     "partition_method, partition_expression, partition_description "
     "FROM information_schema.partitions WHERE table_schema = DATABASE() "
     "AND partition_name IS NOT NULL"}};

// MariaDB's names of checks are unique per table only, and MySQL has no column for the table.
constexpr Part kMariaDbChecks = {
    "checks",
    "SELECT table_name, constraint_name, check_clause FROM information_schema.check_constraints "
    "WHERE constraint_schema = DATABASE()"};
constexpr Part kMysqlChecks = {
    "checks",
    "SELECT constraint_name, check_clause FROM information_schema.check_constraints "
    "WHERE constraint_schema = DATABASE()"};

// Whether the optimizer uses an index (MariaDB: ignored, MySQL: is_visible), and what is indexed
// where that is no column (MySQL: expression).
absl::StatusOr<std::string> IndexColumnsOf(MigrationSession& session) {
  std::string columns;
  for (const char* name : {"ignored", "is_visible", "expression"}) {
    ASSIGN_OR_RETURN(const auto rows,
                     session.Query(absl::StrCat(
                         "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = "
                         "'information_schema' AND LOWER(table_name) = 'statistics' AND "
                         "LOWER(column_name) = ",
                         session.Quote(name))));
    if (rows.size() == 1 && rows[0].size() == 1 && rows[0][0] != "0") {
      absl::StrAppend(&columns, ", ", name);
    }
  }
  return columns;
}

absl::Status AddPart(MigrationSession& session, const Part& part, const std::string& seen,
                     SchemaHash* hash) {
  return hash->Add(session, part.name,
                   absl::StrReplaceAll(part.query, {{"$seen", seen},
                                                    {"$own",
                                                     "('dbfleet_schema_history', "
                                                     "'dbfleet_step_log')"}}));
}

// "`shop`.`orders`" -> {"shop", "orders"}; without a schema, {"", "orders"}.
std::pair<std::string, std::string> SchemaAndTable(absl::string_view written) {
  std::string parts[2];
  int part = 0;
  bool quoted = false;
  for (const char c : written) {
    if (c == '`') {
      quoted = !quoted;
    } else if (c == '.' && !quoted && part == 0) {
      part = 1;
    } else {
      parts[part] += c;
    }
  }
  if (part == 0) return {"", parts[0]};
  return {parts[0], parts[1]};
}

int64_t NumberOr(const std::optional<std::string>& text, int64_t otherwise) {
  int64_t number = 0;
  return text.has_value() && absl::SimpleAtoi(*text, &number) ? number : otherwise;
}

}  // namespace

absl::StatusOr<std::string> MysqlSchemaFingerprint(MigrationSession& session, bool mariadb) {
  SchemaHash hash;
  ASSIGN_OR_RETURN(const std::string seen, IndexColumnsOf(session));
  for (const Part& part : kParts) RETURN_IF_ERROR(AddPart(session, part, seen, &hash));
  RETURN_IF_ERROR(AddPart(session, mariadb ? kMariaDbChecks : kMysqlChecks, seen, &hash));
  return hash.Hex();
}

absl::StatusOr<std::vector<work::v1::TableEstimate>> EstimateMysqlTables(
    MigrationSession& session, const std::vector<std::string>& tables) {
  std::vector<work::v1::TableEstimate> result;
  for (const std::string& table : tables) {
    work::v1::TableEstimate& estimate = result.emplace_back();
    estimate.set_table(table);
    estimate.set_rows(-1);
    estimate.set_bytes(-1);
    const auto [schema, name] = SchemaAndTable(table);
    ASSIGN_OR_RETURN(
        const auto rows,
        session.Query(absl::StrCat(
            "SELECT table_rows, data_length + index_length FROM information_schema.tables "
            "WHERE table_type LIKE '%BASE TABLE' AND table_schema = ",
            schema.empty() ? std::string("DATABASE()") : session.Quote(schema),
            " AND table_name = ", session.Quote(name))));
    if (rows.size() != 1 || rows[0].size() != 2) continue;
    estimate.set_rows(NumberOr(rows[0][0], -1));
    estimate.set_bytes(NumberOr(rows[0][1], -1));
  }
  return result;
}

}  // namespace dbfleet::agent
