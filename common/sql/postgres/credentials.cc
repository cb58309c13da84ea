#include "common/sql/postgres/credentials.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/postgres/functions.h"
#include "common/sql/postgres/symbols.h"

namespace dbfleet::sql::pg {
namespace {

struct Place {
  absl::string_view name;
  absl::string_view holds;
};

// Relations of pg_catalog and information_schema. To add one: a reader of it may see a password, a
// hash of one, or samples of columns that hold some.
constexpr Place kRelations[] = {
    {"_pg_user_mappings", "passwords of foreign servers"},
    {"pg_authid", "password hashes; pg_roles tells the rest"},
    {"pg_db_role_setting", "settings of roles and databases, which may hold passwords"},
    {"pg_file_settings", "settings with passwords; use SHOW with a setting's name"},
    {"pg_hba_file_rules", "passwords of authentication servers"},
    {"pg_shadow", "password hashes; pg_user tells the rest"},
    {"pg_statistic", "samples of all columns, password hashes among them"},
    {"pg_statistic_ext_data", "samples of columns, password hashes among them"},
    {"pg_stats", "samples of all columns, password hashes among them"},
    {"pg_stats_ext", "samples of columns, password hashes among them"},
    {"pg_stats_ext_exprs", "samples of columns, password hashes among them"},
    {"pg_subscription", "connection strings with passwords; use pg_stat_subscription"},
    {"pg_user_mapping", "passwords of foreign servers"},
    {"pg_user_mappings", "passwords of foreign servers"},
    {"user_mapping_options", "passwords of foreign servers"},
};

// Of commands and connection strings.
constexpr absl::string_view kSettings[] = {"archive_cleanup_command", "archive_command",
                                           "primary_conninfo",        "recovery_end_command",
                                           "restore_command",         "ssl_passphrase_command"};

bool IsSecretSetting(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return std::find(std::begin(kSettings), std::end(kSettings), lower) != std::end(kSettings);
}

std::string Objection(absl::string_view name, absl::string_view holds) {
  return absl::StrCat("reads ", name, ", which holds ", holds);
}

std::string OfRelation(absl::string_view name) {
  if (absl::StartsWith(name, "pg_toast")) {
    return Objection(SanitizeForDisplay(Truncate(name, 64)),
                     "large values of any table, without its rights");
  }
  for (const Place& place : kRelations) {
    if (place.name == name) return Objection(place.name, place.holds);
  }
  return "";
}

// "s.row_to_json" is row_to_json(s). Built-in functions that take any row: most are in the list of
// those that only read. Conversions are there too (oid), but not of rows.
bool MayBeCallOnRow(absl::string_view name) {
  constexpr Version kAnyVersion{1000, 0, 0};
  return (IsReadOnlyFunction(name, kAnyVersion) && !IsBuiltInType(name)) ||
         absl::StartsWith(name, "json") || absl::StartsWith(name, "record_");
}

// LIKE without backslashes.
bool IsLike(absl::string_view text, absl::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    return IsLike(text, pattern.substr(1)) || (!text.empty() && IsLike(text.substr(1), pattern));
  }
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) &&
         IsLike(text.substr(1), pattern.substr(1));
}

// Whether the pattern leaves all such settings out. Of a pattern in several parts that is too much
// to ask.
bool LeavesSecretsOut(absl::string_view pattern) {
  constexpr size_t kLongest = 64;
  constexpr ptrdiff_t kMostParts = 3;
  if (pattern.size() > kLongest || absl::StrContains(pattern, "\\") ||
      std::count(pattern.begin(), pattern.end(), '%') > kMostParts) {
    return false;
  }
  const std::string lower = absl::AsciiStrToLower(pattern);
  return std::none_of(std::begin(kSettings), std::end(kSettings),
                      [&](absl::string_view name) { return IsLike(name, lower); });
}

// name = 'a', name IN ('a', 'b'), name LIKE 'a%' of settings that hold no secret.
bool NamesHarmlessSettings(Node condition, absl::string_view view) {
  const Node fields = condition["lexpr"]["fields"];
  const bool of_view =
      fields.count() == 1 || (fields.count() == 2 && fields.first().text() == view);
  if (!condition.Is("A_Expr") || !condition["lexpr"].Is("ColumnRef") || !of_view ||
      fields.last().text() != "name" || condition["name"].count() != 1) {
    return false;
  }
  const absl::string_view kind = condition["kind"].text();
  const absl::string_view sign = condition["name"].first().text();
  const auto is_harmless = [](Node value) {
    return value.Is("A_Const") && value["sval"] && !IsSecretSetting(value["sval"]["sval"].text());
  };
  const Node value = condition["rexpr"];
  if (kind == "AEXPR_OP" && sign == "=") return is_harmless(value);
  if (kind == "AEXPR_LIKE" && sign == "~~") {
    return value.Is("A_Const") && value["sval"] && LeavesSecretsOut(value["sval"]["sval"].text());
  }
  if (kind != "AEXPR_IN" || sign != "=") return false;
  const Node list = value.Is("List") ? value["items"] : value;
  for (Node one : list) {
    if (!is_harmless(one)) return false;
  }
  return list.is_list();
}

// A query that reads the view and nothing else, with a condition on the settings' names that leaves
// out those with secrets.
bool AsksForHarmlessSettings(Node view) {
  const Node from = view.parent();
  const Node query = from.parent();
  if (from.key() != "fromClause" || !query.Is("SelectStmt") || view["alias"]["colnames"]) {
    return false;
  }
  // Not by their number: that would read a long list for each that stands in it.
  int relations = 0;
  for (Node one : from) {
    static_cast<void>(one);
    if (++relations > 1) return false;
  }
  const absl::string_view name =
      view["alias"] ? view["alias"]["aliasname"].text() : view["relname"].text();
  const Node where = query["whereClause"];
  if (!where.Is("BoolExpr")) return NamesHarmlessSettings(where, name);
  if (where["boolop"].text() != "AND_EXPR") return false;
  for (Node condition : where["args"]) {
    if (NamesHarmlessSettings(condition, name)) return true;
  }
  return false;
}

// Most statements are kept there without their constants, but CREATE ROLE ... PASSWORD is not. What
// names neither the column nor the whole row, by itself or as a part of a join's, does not show it.
// `names`: by which the view goes in the statement; `columns`: which of its columns show secrets.
std::string OfColumns(Node statement, const std::set<absl::string_view>& names,
                      std::initializer_list<absl::string_view> columns, const char* objection) {
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (!at->tagged) continue;
    const Node node(at);
    const bool shows_rows = node.Is("A_Star") ||
                            (node.Is("RangeVar") && node["alias"]["colnames"]) ||
                            (node.Is("JoinExpr") && (node["alias"] || node["isNatural"].flag()));
    if (shows_rows) return objection;
    if (!node.Is("ColumnRef")) continue;
    const absl::string_view last = node["fields"].last().text();
    const bool secret = std::find(columns.begin(), columns.end(), last) != columns.end();
    if (secret || names.count(last) > 0) return objection;
    if (node["fields"].count() > 1 && MayBeCallOnRow(last)) return objection;
  }
  return "";
}

// current_setting('name') can be looked at here; whatever computes a name cannot.
std::string OfCall(Node call) {
  if (call["funcname"].last().text() != "current_setting") return "";
  const Node argument = call["args"].first();
  const absl::string_view name = argument["sval"].text();
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.';
  });
  if (plain && argument.Is("A_Const") && !IsSecretSetting(name)) return "";
  return "current_setting() may show primary_conninfo, which may hold a password; give it the "
         "plain name of another setting";
}

// Of pg_roles and pg_user: what ALTER ROLE ... SET set.
std::string OfColumn(absl::string_view name) {
  if (name != "rolconfig" && name != "useconfig") return "";
  return Objection(name, "settings of roles, which may hold passwords");
}

std::string OfShow(Node show) {
  const absl::string_view name = show["name"].text();
  if (absl::EqualsIgnoreCase(name, "all")) {
    return "SHOW ALL shows primary_conninfo, which may hold a password; name a setting";
  }
  if (!IsSecretSetting(name)) return "";
  return absl::StrCat("shows ", absl::AsciiStrToLower(name), ", which may hold a password");
}

}  // namespace

std::string CredentialObjection(Node statement) {
  std::set<absl::string_view> statements;
  std::set<absl::string_view> settings;
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (!at->tagged) continue;
    const Node node(at);
    std::string objection;
    if (node.Is("RangeVar")) {
      objection = OfRelation(node["relname"].text());
      const Node alias = node["alias"];
      const absl::string_view name = node["relname"].text();
      const absl::string_view called = alias ? alias["aliasname"].text() : name;
      if (name == "pg_stat_statements") statements.insert(called);
      if (name == "pg_settings" && !AsksForHarmlessSettings(node)) settings.insert(called);
    } else if (node.Is("FuncCall")) {
      objection = OfCall(node);
    } else if (node.Is("ColumnRef")) {
      objection = OfColumn(node["fields"].last().text());
    } else if (node.Is("VariableShowStmt")) {
      objection = OfShow(node);
    }
    if (!objection.empty()) return objection;
  }
  if (!settings.empty()) {
    std::string objection =
        OfColumns(statement, settings, {"setting", "reset_val"},
                  "reads pg_settings, which holds passwords in primary_conninfo; name the settings "
                  "(WHERE name IN ('work_mem')), or leave out setting and reset_val");
    if (!objection.empty()) return objection;
  }
  if (statements.empty()) return "";
  return OfColumns(statement, statements, {"query"},
                   "pg_stat_statements.query keeps some statements as they were written, with "
                   "passwords in them; name the columns that you want, and leave that one out");
}

}  // namespace dbfleet::sql::pg
