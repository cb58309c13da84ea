#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/source.h"

// What a CHECK demands, and the bounds of partitions, as far as one can be held against the other.
namespace dbfleet::sql::pg {
namespace {

// 'x', 5, -5, DATE 'x', 'x'::date. None of anything else.
std::optional<std::string> ConstantIn(Node node) {
  if (node.Is("TypeCast")) {
    node = node["arg"];
    if (!node["sval"]) return std::nullopt;
  }
  std::string sign;
  if (node.Is("A_Expr") && node["name"].count() == 1 && node["name"].first().text() == "-" &&
      !node["lexpr"]) {
    sign = "-";
    node = node["rexpr"];
  }
  if (!node.Is("A_Const") || node["isnull"].flag()) return std::nullopt;
  if (node["sval"]) {
    if (!sign.empty()) return std::nullopt;
    return std::string(node["sval"].text());
  }
  const absl::string_view number =
      node["fval"] ? node["fval"]["fval"].text() : node["ival"]["ival"].text();
  if (number.empty()) return std::nullopt;
  return absl::StrCat(sign, number);
}

std::string ColumnIn(Node node) {
  const Node fields = node["fields"];
  if (!node.Is("ColumnRef") || fields.count() != 1 || !fields.first().Is("String")) return "";
  return std::string(fields.first().text());
}

bool AddConstants(Node list, std::vector<std::string>* values) {
  const Node items = list.Is("List") ? list["items"] : list;
  for (Node item : items) {
    std::optional<std::string> value = ConstantIn(item);
    if (!value.has_value()) return false;
    values->push_back(*std::move(value));
  }
  return !values->empty();
}

void AddComparison(Node expression, std::vector<CheckTerm>* terms) {
  if (expression["name"].count() != 1) return;
  const absl::string_view kind = expression["kind"].text();
  const absl::string_view name = expression["name"].first().text();
  CheckTerm term = {CheckTerm::kIn, ColumnIn(expression["lexpr"]), {}};
  const Node right = expression["rexpr"];
  if (term.column.empty()) return;
  if (kind == "AEXPR_IN") {
    if (name != "=" || !AddConstants(right, &term.values)) return;
  } else if (kind == "AEXPR_OP_ANY") {
    if (name != "=" || !right.Is("A_ArrayExpr") || !AddConstants(right["elements"], &term.values)) {
      return;
    }
  } else if (kind == "AEXPR_OP") {
    std::optional<std::string> value = ConstantIn(right);
    if (!value.has_value() || (name != "=" && name != ">=" && name != "<")) return;
    if (name == ">=") term.kind = CheckTerm::kAtLeast;
    if (name == "<") term.kind = CheckTerm::kBelow;
    term.values.push_back(*std::move(value));
  } else {
    return;
  }
  terms->push_back(std::move(term));
}

}  // namespace

std::vector<CheckTerm> TermsOf(Node check) {
  std::vector<CheckTerm> terms;
  std::vector<Node> open = {check};
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    if (node.Is("BoolExpr") && node["boolop"].text() == "AND_EXPR") {
      for (Node part : node["args"]) open.push_back(part);
    } else if (node.Is("NullTest") && node["nulltesttype"].text() == "IS_NOT_NULL") {
      const std::string column = ColumnIn(node["arg"]);
      if (!column.empty()) terms.push_back({CheckTerm::kNotNull, column, {}});
    } else if (node.Is("A_Expr")) {
      AddComparison(node, &terms);
    }
  }
  return terms;
}

std::vector<std::string> ColumnsOfCheck(Node check) {
  constexpr size_t kMost = 64;
  std::vector<std::string> columns;
  for (const Slot* at = check.subtree_begin(); at != check.subtree_end(); ++at) {
    if (!at->tagged || columns.size() >= kMost) continue;
    std::string column = ColumnIn(Node(at));
    if (column.empty() || std::find(columns.begin(), columns.end(), column) != columns.end()) {
      continue;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

std::optional<PartitionBound> BoundOf(Node bound) {
  PartitionBound found;
  const absl::string_view strategy = bound["strategy"].text();
  if (strategy == "l") {
    if (!AddConstants(bound["listdatums"], &found.values)) return std::nullopt;
    return found;
  }
  if (strategy != "r" || bound["lowerdatums"].count() != 1 || bound["upperdatums"].count() != 1) {
    return std::nullopt;
  }
  found.is_range = true;
  const auto side = [](Node datum, absl::string_view open, std::optional<std::string>* value) {
    *value = ConstantIn(datum);
    return value->has_value() || ColumnIn(datum) == open;
  };
  if (!side(bound["lowerdatums"].first(), "minvalue", &found.from) ||
      !side(bound["upperdatums"].first(), "maxvalue", &found.to)) {
    return std::nullopt;
  }
  return found;
}

}  // namespace dbfleet::sql::pg
