// Which columns a condition looks rows up by: facts for rules, never for the class.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"

#include "common/sql/postgres/facts.h"

namespace dbfleet::sql::pg {
namespace {

constexpr size_t kEnough = 50;

// <>, NOT IN, NOT LIKE, NOT BETWEEN, IS DISTINCT FROM: no index looks that up.
bool IsNegated(Node comparison) {
  const absl::string_view kind = comparison["kind"].text();
  const absl::string_view symbol = comparison["name"].last().text();
  return kind == "AEXPR_DISTINCT" || absl::StartsWith(kind, "AEXPR_NOT_BETWEEN") ||
         absl::StartsWith(symbol, "!") || symbol == "<>";
}

// What gives a value and compares nothing. All others may be an index's: =, ~~, @>, &&, @@...
bool Computes(Node expression) {
  static constexpr absl::string_view kSymbols[] = {"+",  "-",  "*",   "/",  "%",
                                                   "||", "->", "->>", "#>", "#>>"};
  return expression["kind"].text() == "AEXPR_OP" &&
         std::find(std::begin(kSymbols), std::end(kSymbols), expression["name"].last().text()) !=
             std::end(kSymbols);
}

// WHERE active AND ...
bool StandsAlone(Node column) {
  return column.key() == "whereClause" || column.parent().parent().Is("BoolExpr");
}

std::vector<std::string> SoughtBy(Node condition) {
  std::vector<std::string> columns;
  const auto add = [&](Node side) {
    for (std::string& column : ComparedColumns(side)) {
      if (columns.size() < kEnough) columns.push_back(std::move(column));
    }
  };
  for (const Slot* at = condition.subtree_begin(); at != condition.subtree_end();) {
    const Node node(at++);
    if (!node.tagged()) continue;
    const bool negated = (node.Is("BoolExpr") && node["boolop"].text() == "NOT_EXPR") ||
                         (node.Is("A_Expr") && IsNegated(node));
    if (negated) {
      at = node.subtree_end();
    } else if (node.Is("ColumnRef")) {
      if (StandsAlone(node)) add(node);
    } else if (node.Is("A_Expr") && !Computes(node)) {
      add(node["lexpr"]);
      add(node["rexpr"]);
    } else if (node.Is("NullTest") || node.Is("BooleanTest")) {
      add(node["arg"]);
    } else if (node.Is("SubLink")) {
      add(node["testexpr"]);
    }
  }
  return columns;
}

}  // namespace

std::vector<std::string> ComparedColumns(Node side) {
  std::vector<std::string> columns;
  const auto add = [&](Node node) {
    if (node.Is("ColumnRef") && columns.size() < kEnough) {
      columns.emplace_back(node["fields"].last().text());
    }
  };
  add(side);
  if (!side.Is("RowExpr")) return columns;
  for (Node part : side["args"]) add(part);
  return columns;
}

std::vector<std::vector<std::string>> SoughtColumns(Node where) {
  std::vector<std::vector<std::string>> arms;
  if (where["boolop"].text() != "OR_EXPR") return {SoughtBy(where)};
  for (Node part : where["args"]) arms.push_back(SoughtBy(part));
  return arms;
}

}  // namespace dbfleet::sql::pg
