#include "common/sql/postgres/conditions.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dbfleet::sql::pg {
namespace {

// What an expression that makes a text begins with: the constant on the left of || and in front of
// concat's other arguments. Steps: a chain of || is as deep as it is long.
Node LeftMost(Node text) {
  constexpr int kMostSteps = 100;
  for (int step = 0; step < kMostSteps; ++step) {
    if (text.Is("TypeCast") || text.Is("CollateClause")) {
      text = text["arg"];
    } else if (text.Is("A_Expr") && text["name"].last().text() == "||") {
      text = text["lexpr"];
    } else if (text.Is("FuncCall") && text["funcname"].last().text() == "concat") {
      text = text["args"].first();
    } else {
      break;
    }
  }
  return text;
}

bool BeginsWithPercent(Node pattern) {
  return absl::StartsWith(LeftMost(pattern)["sval"].text(), "%");
}

// ARRAY['%x', $1], '{%x,"%y"}'
bool AnyBeginsWithPercent(Node patterns) {
  const Node list = LeftMost(patterns);
  if (list.Is("A_ArrayExpr")) {
    for (Node element : list["elements"]) {
      if (BeginsWithPercent(element)) return true;
    }
    return false;
  }
  absl::string_view text = list["sval"].text();
  if (!absl::ConsumePrefix(&text, "{")) return false;
  for (absl::string_view element : absl::StrSplit(text, ',')) {
    absl::ConsumePrefix(&element, "\"");
    if (absl::StartsWith(element, "%")) return true;
  }
  return false;
}

bool IsOneValue(Node node) { return node.Is("ParamRef") || (node.Is("A_Const") && !IsNull(node)); }

}  // namespace

bool IsNull(Node node) { return node.Is("A_Const") && node["isnull"].flag(); }

bool SearchesInside(Node expression) {
  const absl::string_view symbol = expression["name"].last().text();
  if (symbol != "~~" && symbol != "~~*" && symbol != "!~~" && symbol != "!~~*") return false;
  const absl::string_view kind = expression["kind"].text();
  const Node pattern = expression["rexpr"];
  if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL") return AnyBeginsWithPercent(pattern);
  return BeginsWithPercent(pattern);
}

bool IsNotInWithNull(Node expression) {
  if (expression["kind"].text() != "AEXPR_IN" || expression["name"].last().text() != "<>") {
    return false;
  }
  for (Node element : expression["rexpr"]["items"]) {
    if (IsNull(element)) return true;
  }
  return false;
}

std::vector<std::string> PinnedColumns(Node where) {
  std::vector<std::string> columns;
  const auto take = [&](Node part) {
    if (!part.Is("A_Expr") || part["kind"].text() != "AEXPR_OP" ||
        part["name"].last().text() != "=") {
      return;
    }
    for (const auto& [side, other] :
         {std::pair{part["lexpr"], part["rexpr"]}, std::pair{part["rexpr"], part["lexpr"]}}) {
      if (side.Is("ColumnRef") && IsOneValue(other)) {
        columns.emplace_back(side["fields"].last().text());
      }
    }
  };
  if (where.Is("BoolExpr") && where["boolop"].text() == "AND_EXPR") {
    for (Node part : where["args"]) take(part);
  } else {
    take(where);
  }
  return columns;
}

}  // namespace dbfleet::sql::pg
