#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Tables without a primary key, and which they could have.
namespace dbfleet::sql {
namespace {

const ColumnFacts* FindColumn(const TableState& table, absl::string_view name) {
  for (const ColumnFacts& column : table.columns) {
    if (absl::EqualsIgnoreCase(column.name, name)) return &column;
  }
  return nullptr;
}

// A column of the table that is a key already, or bears the name of one.
std::string Candidate(const WholeLook& look, const TableState& table) {
  for (const ColumnFacts& column : table.columns) {
    if (column.auto_increment || (look.target.mysql_family() && column.type == "serial")) {
      return column.name;
    }
  }
  const ColumnFacts* id = FindColumn(table, "id");
  if (id != nullptr) return id->name;
  const LiveTable* live =
      table.is_made() ? nullptr : FindLive(look.target, look.snapshot, table.name);
  const LiveColumn* known = live == nullptr ? nullptr : live->Column("id");
  return known == nullptr ? "" : known->name;
}

// A server's key of a partitioned table has the columns by which it is partitioned in it.
// PostgreSQL has none for one that is partitioned by an expression.
bool ByExpression(const TableState& table) {
  return std::any_of(table.partition_key.begin(), table.partition_key.end(),
                     [](const std::string& column) { return column.empty(); });
}

std::string Advice(const WholeLook& look, const TableState& table) {
  const std::string alter =
      absl::StrCat("write ALTER TABLE ", SqlName(look.target, table.name), " ADD ");
  const bool mysql = look.target.mysql_family();
  const std::string key = Candidate(look, table);
  std::vector<std::string> parts;
  for (const std::string& column : table.partition_key) {
    if (!absl::EqualsIgnoreCase(column, key.empty() ? "id" : key)) parts.push_back(column);
  }
  if (ByExpression(table)) {
    return "a table that is partitioned by an expression can have none: add one to each partition, "
           "or partition by columns";
  }
  const std::string type = mysql ? "id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT"
                                 : "id bigint GENERATED ALWAYS AS IDENTITY";
  const std::string more = parts.empty() ? "" : absl::StrCat(", ", SqlNames(look.target, parts));
  if (!key.empty()) {
    return absl::StrCat(alter, "PRIMARY KEY (", SqlName(look.target, key), more,
                        "), if its values differ, or over columns whose values do");
  }
  // What it has is not known where its columns came from elsewhere.
  const bool all_known = table.is_made() && !table.copied;
  if (!all_known) {
    return absl::StrCat(
        alter, "PRIMARY KEY over columns whose values differ; or, if it has no column id, ",
        "ADD COLUMN ", type, " PRIMARY KEY");
  }
  return more.empty() ? absl::StrCat(alter, "COLUMN ", type, " PRIMARY KEY")
                      : absl::StrCat(alter, "COLUMN ", type, ", ADD PRIMARY KEY (id", more, ")");
}

}  // namespace

void CheckTablesAtEnd(const WholeLook& look) {
  for (const TableState& table : look.script.tables()) {
    const bool without = table.is_made() ? !table.primary_key && !table.temporary &&
                                               !table.foreign && (!table.copied || table.from_rows)
                                         : table.key_dropped_by >= 0;
    if (!without) continue;
    look.reporter.Report(LintId::kNoPrimaryKey,
                         table.is_made() ? table.created_by : table.key_dropped_by, table.name,
                         absl::StrCat("table ", SqlName(look.target, table.name),
                                      " has no PRIMARY KEY: it replicates slowly and cannot be "
                                      "worked on in key ranges"),
                         Advice(look, table));
  }
}

}  // namespace dbfleet::sql
