#include "common/sql/postgres/constant_value.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"

#include "common/sql/postgres/source.h"

namespace dbfleet::sql::pg {
namespace {

constexpr int kMaxDepth = 30;

using Value = std::optional<Constant>;

Value Of(Node node, int depth);

Value Truth(std::optional<bool> value) {
  return value.has_value() ? Constant::Number(*value ? 1 : 0) : Constant::Null();
}

Value OfConstant(Node node) {
  if (node["isnull"].flag()) return Constant::Null();
  if (node["sval"]) return Constant::Text(std::string(node["sval"].text()));
  if (node["boolval"]) return Constant::Number(node["boolval"]["boolval"].flag() ? 1 : 0);
  if (node["bsval"]) return Constant::Text(std::string(node["bsval"].text()));
  if (node["fval"]) return ReadNumber(node["fval"]["fval"].text());
  if (node["ival"]) return ReadNumber(node["ival"]["ival"].text());
  return std::nullopt;
}

// '1'::int, 't'::bool
Value Cast(Node node, int depth) {
  const Value value = Of(node["arg"], depth);
  if (!value.has_value() || value->type != Constant::Type::kText) return value;
  const absl::string_view type = node["typeName"]["names"].last().text();
  if (type == "bool") {
    if (absl::StartsWith("true", value->text) || value->text == "1" || value->text == "on") {
      return Constant::Number(1);
    }
    return Constant::Number(0);
  }
  if (absl::StartsWith(type, "int") || type == "numeric" || absl::StartsWith(type, "float")) {
    return ReadNumber(value->text);
  }
  return type == "text" || type == "varchar" || type == "bpchar" ? value : std::nullopt;
}

// Its elements, or one that is equal to `left`.
Value AnyOf(const Constant& left, Node list, int depth) {
  bool all = true;
  for (Node element : list) {
    const Value value = Of(element, depth);
    all = all && value.has_value();
    if (value.has_value() && Compare(left, "=", *value, false) == true) return Constant::Number(1);
  }
  return all ? Value(Constant::Number(0)) : std::nullopt;
}

Value Not(Value value) {
  if (!value.has_value()) return value;
  const std::optional<bool> truth = TruthOf(*value);
  return truth.has_value() ? Truth(!*truth) : Constant::Null();
}

Node Items(Node list) { return list.Is("List") ? list["items"] : list; }

// 'a' SIMILAR TO 'a', 'a' NOT SIMILAR TO 'b': the pattern stands in a call that makes a regular
// expression of it. Without what only regular expressions have it is one of LIKE.
Value Similar(Node node, int depth) {
  const Node arguments = node["rexpr"]["args"];
  const Value left = Of(node["lexpr"], depth);
  const Value pattern = Of(arguments.first(), depth);
  if (!left.has_value() || !pattern.has_value()) return std::nullopt;
  if (pattern->text.find_first_of("|*+?{}()[]\\") != std::string::npos) return std::nullopt;
  if (arguments.count() > 1) {  // ESCAPE
    const Value escape = Of(arguments.last(), depth);
    if (!escape.has_value() || escape->type != Constant::Type::kText) return std::nullopt;
    if (pattern->text.find_first_of(escape->text) != std::string::npos) return std::nullopt;
  }
  const Value similar = Truth(IsLike(*left, *pattern, false));
  return absl::StartsWith(node["name"].last().text(), "!") ? Not(similar) : similar;
}

// (1, 2) = (1, 2), (1, 2) <> (1, 3)
Value Rows(Node left, absl::string_view symbol, Node right, int depth) {
  if ((symbol != "=" && symbol != "<>") || left.count() != right.count()) return std::nullopt;
  bool same = true;
  auto other = right.begin();
  for (Node one : left) {
    const Value a = Of(one, depth);
    const Value b = Of(*other, depth);
    ++other;
    if (!a.has_value() || !b.has_value()) return std::nullopt;
    const std::optional<bool> equal = Compare(*a, "=", *b, false);
    if (!equal.has_value()) return std::nullopt;
    same = same && *equal;
  }
  return Constant::Number(same == (symbol == "=") ? 1 : 0);
}

Value Operate(Node node, absl::string_view kind, absl::string_view symbol, int depth) {
  const Node right_node = node["rexpr"];
  if (kind == "AEXPR_SIMILAR") return Similar(node, depth);
  if (kind == "AEXPR_OP" && node["lexpr"].Is("RowExpr")) {
    return Rows(node["lexpr"]["args"], symbol, right_node["args"], depth);
  }
  const Value right = Of(right_node, depth);
  if (!node["lexpr"]) {
    return symbol == "-" && right.has_value() ? Calculate(Constant::Number(0), '-', *right)
                                              : std::nullopt;
  }
  const Value left = Of(node["lexpr"], depth);
  if (!left.has_value()) return std::nullopt;
  if (kind == "AEXPR_OP_ANY" && symbol == "=" && right_node.Is("A_ArrayExpr")) {
    return AnyOf(*left, right_node["elements"], depth);
  }
  if (kind == "AEXPR_IN") {
    const Value found = AnyOf(*left, Items(right_node), depth);
    return symbol == "=" ? found : Not(found);
  }
  if (absl::StrContains(kind, "BETWEEN")) {
    const Value low = Of(Items(right_node).first(), depth);
    const Value high = Of(Items(right_node).last(), depth);
    if (!low.has_value() || !high.has_value()) return std::nullopt;
    const bool inside =
        Compare(*left, ">=", *low, false) == true && Compare(*left, "<=", *high, false) == true;
    return Truth(inside != absl::StrContains(kind, "NOT"));
  }
  if (!right.has_value()) return std::nullopt;
  if (kind == "AEXPR_DISTINCT") return Not(Truth(Compare(*left, "<=>", *right, false)));
  if (kind == "AEXPR_NOT_DISTINCT") return Truth(Compare(*left, "<=>", *right, false));
  if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE") {
    const Value like = Truth(IsLike(*left, *right, kind == "AEXPR_ILIKE"));
    return absl::StartsWith(symbol, "!") ? Not(like) : like;
  }
  if (symbol == "~" || symbol == "~*") {
    const bool same = Compare(*left, "=", *right, symbol == "~*") == true || right->text == ".*";
    return same ? Value(Constant::Number(1)) : std::nullopt;
  }
  if (kind != "AEXPR_OP") return std::nullopt;
  if (symbol == "||") return CallFunction("concat", {*left, *right});
  if (symbol.size() == 1 && absl::StrContains("+-*/%", symbol)) {
    return Calculate(*left, symbol[0], *right);
  }
  const bool compares = symbol == "=" || symbol == "<>" || symbol == "<" || symbol == ">" ||
                        symbol == "<=" || symbol == ">=";
  return compares ? Truth(Compare(*left, symbol, *right, false)) : std::nullopt;
}

// (SELECT 1), EXISTS (SELECT 1)
Value SubSelect(Node node, int depth) {
  const Node select = node["subselect"];
  const bool bare = select.Is("SelectStmt") && select["targetList"].count() == 1 &&
                    !select["fromClause"] && !select["whereClause"] && !select["havingClause"] &&
                    !select["limitCount"] && !select["limitOffset"];
  if (!bare) return std::nullopt;
  if (node["subLinkType"].text() == "EXISTS_SUBLINK") return Constant::Number(1);
  if (node["subLinkType"].text() != "EXPR_SUBLINK") return std::nullopt;
  return Of(select["targetList"].first()["val"], depth);
}

Value Call(absl::string_view name, Node arguments, int depth) {
  std::vector<Constant> values;
  for (Node argument : arguments) {
    const Value value = Of(argument, depth);
    if (!value.has_value()) return std::nullopt;
    values.push_back(*value);
  }
  return CallFunction(name, values);
}

Value Of(Node node, int depth) {
  if (++depth > kMaxDepth) return std::nullopt;
  if (node.Is("A_Const")) return OfConstant(node);
  if (node.Is("TypeCast")) return Cast(node, depth);
  if (node.Is("A_Expr")) {
    return Operate(node, node["kind"].text(), node["name"].last().text(), depth);
  }
  if (node.Is("SubLink")) return SubSelect(node, depth);
  if (node.Is("CoalesceExpr")) return Call("coalesce", node["args"], depth);
  if (node.Is("MinMaxExpr")) {
    return Call(node["op"].text() == "IS_LEAST" ? "least" : "greatest", node["args"], depth);
  }
  if (node.Is("FuncCall") && !node["over"] && !node["agg_order"] && !node["agg_filter"]) {
    return Call(node["funcname"].last().text(), node["args"], depth);
  }
  if (node.Is("NullTest")) {
    const Value value = Of(node["arg"], depth);
    if (!value.has_value()) return value;
    return Truth((value->type == Constant::Type::kNull) ==
                 (node["nulltesttype"].text() == "IS_NULL"));
  }
  if (node.Is("BooleanTest")) {
    const Value value = Of(node["arg"], depth);
    const absl::string_view test = node["booltesttype"].text();
    if (!value.has_value()) return value;
    if (test == "IS_TRUE") return Truth(TruthOf(*value) == true);
    if (test == "IS_NOT_FALSE") return Truth(TruthOf(*value) != false);
    if (test == "IS_FALSE") return Truth(TruthOf(*value) == false);
    if (test == "IS_NOT_TRUE") return Truth(TruthOf(*value) != true);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Constant> ConstantValue(Node expression) { return Of(expression, 0); }

bool HasNullTestOfBothKinds(Node parts) {
  std::set<std::string> seen[2];
  for (Node part : parts) {
    if (!part.Is("NullTest") || !part["arg"].Is("ColumnRef")) continue;
    const bool is_null = part["nulltesttype"].text() == "IS_NULL";
    const std::string column = Dotted(part["arg"]["fields"]);
    if (seen[is_null ? 0 : 1].count(column) > 0) return true;
    seen[is_null ? 1 : 0].insert(column);
  }
  return false;
}

}  // namespace dbfleet::sql::pg
