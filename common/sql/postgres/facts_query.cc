#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/sql/postgres/conditions.h"
#include "common/sql/postgres/constant_value.h"
#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/functions.h"
#include "common/sql/postgres/source.h"

namespace dbfleet::sql::pg {
namespace {

constexpr int64_t kFarOffset = 1000;

// The column's own name, without its table; "" for what is no column.
std::string ColumnIn(Node node) {
  if (!node.Is("ColumnRef")) return "";
  return std::string(node["fields"].last().text());
}

// "a + 1": a column and a constant.
bool IsCalculation(Node node) {
  if (!node.Is("A_Expr") || node["kind"].text() != "AEXPR_OP") return false;
  const absl::string_view symbol = node["name"].last().text();
  const bool counts = symbol == "+" || symbol == "-" || symbol == "*" || symbol == "/";
  const Node left = node["lexpr"];
  const Node right = node["rexpr"];
  return counts && ((left.Is("ColumnRef") && right.Is("A_Const")) ||
                    (left.Is("A_Const") && right.Is("ColumnRef")));
}

// The column inside of a call or a conversion.
std::string WrappedColumn(Node node) {
  if (IsCalculation(node))
    return ColumnIn(node["lexpr"].Is("ColumnRef") ? node["lexpr"] : node["rexpr"]);
  const bool wraps = node.Is("FuncCall") || node.Is("TypeCast") || node.Is("CoalesceExpr");
  if (!wraps) return "";
  for (const Slot* at = node.subtree_begin(); at != node.subtree_end(); ++at) {
    if (at->tagged && Node(at).Is("SelectStmt")) return "";
    if (at->tagged && Node(at).Is("ColumnRef")) return ColumnIn(Node(at));
  }
  return "";
}

WrappingCall CallOf(Node node) {
  if (IsCalculation(node)) return {"", false, true};
  if (!node.Is("FuncCall") || node["funcname"].count() != 1) return {};
  const Node args = node["args"];
  return {std::string(node["funcname"].last().text()),
          args.count() != 1 || !args.last().Is("ColumnRef"), false};
}

std::string ConstantText(Node constant) {
  if (constant["sval"]) return absl::StrCat("'", constant["sval"].text(), "'");
  if (constant["ival"]) return std::string(constant["ival"]["ival"].text());
  if (constant["fval"]) return std::string(constant["fval"]["fval"].text());
  if (constant["boolval"]) return constant["boolval"]["boolval"].flag() ? "TRUE" : "FALSE";
  return "";
}

// Of a column and itself, or any text, where only NULL is not.
bool HoldsForColumn(Node condition) {
  const absl::string_view kind = condition["kind"].text();
  const absl::string_view symbol = condition["name"].last().text();
  const Node left = condition["lexpr"];
  const Node right = condition["rexpr"];
  if (!left.Is("ColumnRef")) return false;
  if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE") {
    return !absl::StartsWith(symbol, "!") && right.Is("A_Const") && right["sval"].text() == "%";
  }
  const bool same = right.Is("ColumnRef") && Dotted(left["fields"]) == Dotted(right["fields"]);
  return same && (kind == "AEXPR_NOT_DISTINCT" ||
                  (kind == "AEXPR_OP" && (symbol == "=" || symbol == ">=" || symbol == "<=")));
}

// Known to be true whatever the rows hold, known to be false, or not known.
std::optional<bool> Holds(Node condition, int depth) {
  constexpr int kMaxDepth = 50;
  if (depth > kMaxDepth) return std::nullopt;
  if (condition.Is("BoolExpr")) {
    const bool is_or = condition["boolop"].text() == "OR_EXPR";
    const bool is_not = condition["boolop"].text() == "NOT_EXPR";
    bool all_known = true;
    if (is_or && pg::HasNullTestOfBothKinds(condition["args"])) return true;
    for (Node part : condition["args"]) {
      const std::optional<bool> value = Holds(part, depth + 1);
      if (is_not) return value.has_value() ? std::optional<bool>(!*value) : value;
      // One part that decides is enough; else all have to be known.
      if (value == is_or) return is_or;
      all_known = all_known && value.has_value();
    }
    if (!all_known) return std::nullopt;
    return !is_or;
  }
  if (const auto value = pg::ConstantValue(condition)) return TruthOf(*value);
  const bool holds = condition.Is("A_Expr") && HoldsForColumn(condition);
  return holds ? std::optional<bool>(true) : std::nullopt;
}

bool IsAlwaysTrue(Node condition) { return Holds(condition, 0) == true; }

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Whether it was not there before.
bool AddOnce(std::string value, std::vector<std::string>* values) {
  constexpr size_t kEnough = 50;
  if (value.empty() || values->size() >= kEnough) return false;
  if (std::find(values->begin(), values->end(), value) != values->end()) return false;
  values->push_back(std::move(value));
  return true;
}

class QueryReader {
 public:
  QueryReader(const Source& source, Node statement, QueryFacts* facts)
      : source_(source), statement_(statement), facts_(*facts) {}

  void Run() {
    FindNames();
    for (const Slot* at = statement_.subtree_begin(); at != statement_.subtree_end(); ++at) {
      while (!selects_.empty() && selects_.back() <= at) selects_.pop_back();
      if (IsCondition(at->key)) condition_end_ = std::max(condition_end_, at + at->size);
      if (at->key == "havingClause") having_end_ = std::max(having_end_, at + at->size);
      in_having_ = at < having_end_;
      if (at->tagged) Look(Node(at), at < condition_end_);
    }
    if (where_holds_ && !facts_.tautology) SetTautology("of WHERE");
    if (or_holds_ && !facts_.tautology) SetTautology("behind OR");
    FillOutermost();
    FillTargets();
    FillQualified(source_, statement_, &facts_);
  }

 private:
  // What WITH names, and what rows as a whole go by.
  void FindNames() {
    for (const Slot* at = statement_.subtree_begin(); at != statement_.subtree_end(); ++at) {
      if (!at->tagged) continue;
      const Node node(at);
      if (node.Is("CommonTableExpr")) with_names_.emplace(node["ctename"].text());
      if (!absl::StartsWith(node.tag(), "Range")) continue;
      const absl::string_view alias = node["alias"]["aliasname"].text();
      AddOnce(std::string(alias.empty() ? node["relname"].text() : alias), &facts_.row_names);
    }
  }

  static bool IsCondition(absl::string_view key) {
    return key == "whereClause" || key == "havingClause" || key == "quals" ||
           key == "joinCondition";
  }

  void Look(Node node, bool in_condition) {
    const absl::string_view tag = node.tag();
    if (tag == "SelectStmt") return LookAtSelect(node);
    if (tag == "UpdateStmt" || tag == "DeleteStmt") {
      const Node where = node["whereClause"];
      const bool holds = where && IsAlwaysTrue(where);
      if (holds) facts_.always_true_where = true;
      if (!where || holds) facts_.unguarded_write = true;
    } else if (tag == "RangeFunction" || tag == "RangeTableFunc") {
      facts_.table_functions = true;
    } else if (tag == "A_Star") {
      LookAtStar(node);
    } else if (tag == "SortBy") {
      const Node call = node["node"];
      if (call.Is("FuncCall") && call["funcname"].last().text() == "random") {
        facts_.orders_by_random = true;
      }
    } else if (tag == "A_Expr") {
      LookForNull(node);
      if (in_condition) LookAtComparison(node);
    } else if (tag == "BoolExpr" && in_condition) {
      LookAtOr(node);
    } else if (tag == "A_Const" && in_condition) {
      LookAtConstant(node);
    } else if (tag == "NullTest" && in_condition) {
      AddOnce(ColumnIn(node["arg"]), &facts_.filtered_columns);
    } else if (tag == "SubLink" && in_condition) {
      for (const std::string& column : ComparedColumns(node["testexpr"])) {
        AddOnce(column, &facts_.filtered_columns);
      }
    }
  }

  void LookAtSelect(Node select) {
    // The arms of a set operation stand beside each other.
    if (select.key() != "larg" && select.key() != "rarg") {
      selects_.push_back(select.subtree_end());
      facts_.select_depth = std::max(facts_.select_depth, static_cast<int>(selects_.size()));
    }
    const Node where = select["whereClause"];
    where_holds_ = where_holds_ || (where && IsAlwaysTrue(where));
    const Node offset = select["limitOffset"];
    if (!offset) return;
    const Node number = offset["ival"];
    if (!number || number["ival"].number() > kFarOffset) facts_.unbounded_offset = true;
  }

  // A column list's star: ColumnRef in fields, in a ResTarget of a SELECT.
  void LookAtStar(Node star) {
    const Node target = star.parent().parent().parent();
    if (!target.Is("ResTarget") || target.parent().key() != "targetList") return;
    Node select = target.parent().parent();
    if (!select.Is("SelectStmt")) return;
    const bool exists = select.parent()["subLinkType"].text() == "EXISTS_SUBLINK";
    if (!exists) facts_.select_star = true;
  }

  // Wherever it stands: "a = NULL" is as little true in CASE WHEN as in WHERE.
  void LookForNull(Node expression) {
    const Node left = expression["lexpr"];
    const Node right = expression["rexpr"];
    const absl::string_view symbol = expression["name"].last().text();
    const bool equals =
        expression["kind"].text() == "AEXPR_OP" && (symbol == "=" || symbol == "<>");
    if (equals && !facts_.equals_null && (IsNull(left) || IsNull(right))) {
      facts_.equals_null = true;
      facts_.null_column = ColumnIn(IsNull(left) ? right : left);
      facts_.unequal_to_null = symbol == "<>";
    }
    if (!facts_.not_in_null && IsNotInWithNull(expression)) {
      facts_.not_in_null = true;
      facts_.not_in_column = ColumnIn(left);
    }
  }

  void LookAtComparison(Node expression) {
    const absl::string_view kind = expression["kind"].text();
    const Node left = expression["lexpr"];
    const Node right = expression["rexpr"];
    const absl::string_view symbol = expression["name"].last().text();
    const bool equals = kind == "AEXPR_OP" && (symbol == "=" || symbol == "<>");
    const bool compares = kind != "AEXPR_OP" || equals || symbol == "<" || symbol == ">" ||
                          symbol == "<=" || symbol == ">=";
    if (kind == "AEXPR_OP" && symbol == "=") LookForTautology(left, right);
    if (!facts_.leading_wildcard && SearchesInside(expression)) {
      facts_.leading_wildcard = true;
      facts_.wildcard_column = ColumnIn(left);
    }
    if (!compares) return;
    if (kind == "AEXPR_OP") NoteCompared(left, right);
    for (const auto& [side, other] : {std::pair{left, right}, std::pair{right, left}}) {
      for (const std::string& column : ComparedColumns(side)) {
        AddOnce(column, &facts_.filtered_columns);
      }
      // One in a comparison of two columns' calls is no use of an index either.
      if (!in_having_ && AddOnce(WrappedColumn(side), &facts_.wrapped_columns)) {
        facts_.wrapping_calls.push_back(CallOf(side));
      }
      const std::string number = NumberIn(other);
      if (!number.empty() && AddOnce(ColumnIn(side), &facts_.plain_numbers)) {
        facts_.plain_digits.push_back(number);
      }
      const absl::string_view digits = other["sval"].text();
      if (IsDigits(digits) && AddOnce(ColumnIn(side), &facts_.quoted_numbers)) {
        facts_.quoted_digits.emplace_back(digits);
      }
    }
  }

  static std::string NumberIn(Node value) {
    if (!value.Is("A_Const")) return "";
    if (value["ival"]) return std::to_string(value["ival"]["ival"].number());
    return std::string(value["fval"]["fval"].text());
  }

  // The one table that goes by the name; false where none or several may be meant, or a query of
  // WITH.
  bool TableCalled(absl::string_view called, Name* table) const {
    bool found = false;
    for (const Slot* at = statement_.subtree_begin(); at != statement_.subtree_end(); ++at) {
      if (!at->tagged || !Node(at).Is("RangeVar")) continue;
      const Node relation(at);
      const Node alias = relation["alias"];
      if ((alias ? alias["aliasname"].text() : relation["relname"].text()) != called) continue;
      const Name name = NameIn(relation);
      if (name.schema.empty() && with_names_.count(name.name) > 0) return false;
      if (alias["colnames"] || (found && !(*table == name))) return false;
      found = true;
      *table = name;
    }
    return found;
  }

  // a.x = b.y
  void NoteCompared(Node left, Node right) {
    constexpr size_t kMostCompared = 16;  // Each is looked up in the whole statement.
    QualifiedColumn columns[2];
    const Node sides[2] = {left, right};
    for (int i = 0; i < 2; ++i) {
      const Node fields = sides[i]["fields"];
      if (facts_.compared_columns.size() >= kMostCompared || !sides[i].Is("ColumnRef") ||
          fields.count() != 2 || !TableCalled(fields.first().text(), &columns[i].table)) {
        return;
      }
      columns[i].column = std::string(fields.last().text());
    }
    facts_.compared_columns.emplace_back(std::move(columns[0]), std::move(columns[1]));
  }

  // SET a = 1, and the columns that the outermost SELECT lists as they are.
  void FillTargets() {
    for (Node target : statement_["targetList"]) {
      if (statement_.Is("UpdateStmt")) {
        AddOnce(std::string(target["name"].text()), &facts_.written_columns);
      } else if (statement_.Is("SelectStmt") && target["val"].Is("ColumnRef") &&
                 target["val"]["fields"].count() <= 2) {
        AddOnce(std::string(target["val"]["fields"].last().text()), &facts_.selected_columns);
      }
    }
  }

  void LookForTautology(Node left, Node right) {
    std::string text;
    if (left.Is("A_Const") && right.Is("A_Const") && !IsNull(left)) {
      text = ConstantText(left);
      if (text.empty() || text != ConstantText(right)) return;
    } else if (left.Is("ColumnRef") && right.Is("ColumnRef")) {
      text = Dotted(left["fields"]);
      if (text != Dotted(right["fields"])) return;
    } else {
      return;
    }
    SetTautology(absl::StrCat(text, " = ", text));
  }

  // b = 'x' OR 1 BETWEEN 0 AND 2
  void LookAtOr(Node joined) {
    if (or_holds_ || joined["boolop"].text() != "OR_EXPR") return;
    for (Node part : joined["args"]) or_holds_ = or_holds_ || IsAlwaysTrue(part);
  }

  // WHERE TRUE, OR TRUE; not ON TRUE, which joins every row on purpose.
  void LookAtConstant(Node constant) {
    if (!constant["boolval"]["boolval"].flag()) return;
    const Node around = constant.parent();
    const bool alone = constant.key() == "whereClause" || constant.key() == "havingClause";
    const bool of_or = around.key() == "args" && around.parent()["boolop"].text() == "OR_EXPR";
    if (alone || of_or) SetTautology(of_or ? "OR TRUE" : "TRUE");
  }

  void SetTautology(std::string text) {
    facts_.tautology = true;
    if (facts_.tautology_text.empty()) facts_.tautology_text = std::move(text);
  }

  void FillOutermost() {
    Node query = statement_;
    for (absl::string_view field : {"query", "selectStmt", "viewQuery"}) {
      if (query[field]) query = query[field];
    }
    facts_.has_limit = static_cast<bool>(query["limitCount"]);
    facts_.has_offset = static_cast<bool>(query["limitOffset"]);
    facts_.has_order_by = static_cast<bool>(query["sortClause"]);
    facts_.order_column = ColumnIn(query["sortClause"].first()["node"]);
    facts_.pinned_columns = PinnedColumns(query["whereClause"]);
    while (query["larg"].Is("SelectStmt")) query = query["larg"];
    facts_.has_from = query["fromClause"] || query["usingClause"];
    facts_.has_where = query["whereClause"] || query["joinCondition"];
    if (query["whereClause"]) facts_.sought_columns = SoughtColumns(query["whereClause"]);
    facts_.aggregates = static_cast<bool>(query["groupClause"]);
    for (Node target : query["targetList"]) LookForAggregate(target["val"]);
  }

  void LookForAggregate(Node value) {
    for (const Slot* at = value.subtree_begin(); at != value.subtree_end(); ++at) {
      if (!at->tagged) continue;
      const Node node(at);
      if (node.Is("SubLink")) return;
      if (node.Is("FuncCall") && !node["over"] &&
          (node["agg_star"].flag() || IsAggregateFunction(node["funcname"].last().text()))) {
        facts_.aggregates = true;
      }
    }
  }

  const Source& source_;
  const Node statement_;
  QueryFacts& facts_;
  std::set<std::string, std::less<>> with_names_;
  std::vector<const Slot*> selects_;  // Where each SELECT around ends.
  const Slot* condition_end_ = nullptr;
  const Slot* having_end_ = nullptr;
  bool in_having_ = false;  // Where groups are compared, of which there is no index.
  bool where_holds_ = false;
  bool or_holds_ = false;  // A part of some OR is always true.
};

}  // namespace

void FillQuery(const Source& source, Node statement, QueryFacts* query) {
  QueryReader(source, statement, query).Run();
}

void FillInsert(Node insert, InsertFacts* facts) {
  const Node query = insert["selectStmt"];
  facts->names_columns = insert["cols"] || !query;
  for (Node column : insert["cols"]) facts->columns.emplace_back(column["name"].text());
  facts->rows = static_cast<int64_t>(query["valuesLists"].count());
  facts->from_query = query && !query["valuesLists"];
  const Node conflict = insert["onConflictClause"];
  for (Node target : conflict["targetList"]) facts->columns.emplace_back(target["name"].text());
  for (Node element : conflict["infer"]["indexElems"]) {
    if (element["name"]) facts->columns.emplace_back(element["name"].text());
  }
  facts->on_conflict = conflict["action"].text() == "ONCONFLICT_UPDATE";
}

}  // namespace dbfleet::sql::pg
