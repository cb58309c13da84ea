#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/problems.h"
#include "common/config/yaml.h"
#include "common/lint_config/lint_config.h"
#include "dbfleet/config/v1/schema_snapshot.pb.h"

namespace dbfleet {
namespace {

// A fleet's database may have tens of thousands of tables.
constexpr int kMaxNodes = 3'000'000;

template <typename List>
std::vector<std::string> Strings(const List& from) {
  return {from.begin(), from.end()};
}

sql::LiveTable ToTable(const config::v1::SnapshotTable& from) {
  sql::LiveTable table;
  table.name = {from.schema(), from.name()};
  if (from.has_rows()) table.rows = from.rows();
  if (from.has_bytes()) table.bytes = from.bytes();
  table.next_number = from.next_number();
  table.replica_identity = absl::AsciiStrToLower(from.replica_identity());
  table.published = from.published();
  if (from.has_partitioned()) table.partitioned = from.partitioned();
  for (const auto& column : from.columns()) {
    table.columns.push_back({column.name(), column.type(), column.nullable(),
                             column.auto_increment(),
                             absl::EqualsIgnoreCase(column.generated(), "virtual")});
  }
  for (const auto& index : from.indexes()) {
    table.indexes.push_back({index.name(), Strings(index.columns()),
                             index.unique() || index.primary(), index.primary(),
                             index.invisible()});
  }
  for (const auto& index : from.other_indexes()) {
    table.other_indexes.push_back({.name = index.name(), .columns = Strings(index.columns())});
  }
  for (const auto& key : from.foreign_keys()) {
    sql::ForeignKeyFacts facts;
    facts.name = key.name();
    facts.columns = Strings(key.columns());
    facts.parent = {key.parent_schema(), key.parent()};
    facts.parent_columns = Strings(key.parent_columns());
    table.foreign_keys.push_back(std::move(facts));
  }
  return table;
}

// "" if nothing is wrong.
std::string ProblemOf(const config::v1::SnapshotTable& table) {
  static constexpr absl::string_view kIdentities[] = {"", "default", "index", "full", "nothing"};
  if (table.name().empty()) return "has no name";
  if (table.rows() < 0 || table.bytes() < 0 || table.next_number() < 0) {
    return "rows, bytes and next_number are not below 0";
  }
  if (std::find(std::begin(kIdentities), std::end(kIdentities), table.replica_identity()) ==
      std::end(kIdentities)) {
    return "replica_identity is one of default, index, full, nothing";
  }
  for (const auto& column : table.columns()) {
    if (column.name().empty() || column.type().empty()) return "a column wants a name and a type";
    const std::string generated = absl::AsciiStrToLower(column.generated());
    if (!generated.empty() && generated != "virtual" && generated != "stored") {
      return absl::StrCat("column ", column.name(), ": generated is virtual or stored");
    }
  }
  for (const auto& index : table.indexes()) {
    if (index.columns().empty()) return absl::StrCat("index ", index.name(), " has no columns");
  }
  return "";
}

std::string Named(const sql::LiveTable& table) {
  return table.name.schema.empty() ? table.name.name
                                   : absl::StrCat(table.name.schema, ".", table.name.name);
}

}  // namespace

absl::StatusOr<sql::SchemaSnapshot> ReadSchemaSnapshot(absl::string_view source,
                                                       absl::string_view text) {
  // What is left where the command that was to write it failed: nothing is no schema.
  if (absl::StripAsciiWhitespace(text).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(source,
                     ": the snapshot is empty, as where the command that was to write it "
                     "failed; make it again (docs/reference/schema-snapshot.md)"));
  }
  config::v1::SchemaSnapshot file;
  RETURN_IF_ERROR(config::ParseYaml(source, text, &file, nullptr, kMaxNodes));
  sql::SchemaSnapshot snapshot;
  snapshot.complete = file.complete();
  snapshot.applied_versions = Strings(file.applied_versions());
  std::set<std::pair<std::string, std::string>> names;
  for (int i = 0; i < file.tables_size(); ++i) {
    if (const std::string problem = ProblemOf(file.tables(i)); !problem.empty()) {
      config::Problems problems(source, text);
      problems.Add(absl::StrCat("tables[", i, "]"), problem);
      return problems.ToStatus();
    }
    sql::LiveTable table = ToTable(file.tables(i));
    if (!names.emplace(table.name.schema, table.name.name).second) {
      config::Problems problems(source, text);
      problems.Add(absl::StrCat("tables[", i, "]"),
                   absl::StrCat("there is a table ",
                                SanitizeForDisplay(Truncate(Named(table), 140)), " above already"));
      return problems.ToStatus();
    }
    snapshot.Add(std::move(table));
  }
  return snapshot;
}

}  // namespace dbfleet
