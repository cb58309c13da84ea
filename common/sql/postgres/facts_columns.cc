// Which table's column "t.name" would be.
#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/source.h"

namespace dbfleet::sql::pg {
namespace {

// More than any query that people write; what is left out is told.
constexpr size_t kMostColumns = 5000;

struct Range {
  const Slot* begin = nullptr;
  const Slot* end = nullptr;

  static Range Of(Node node) { return {node.subtree_begin(), node.subtree_end()}; }
  bool Holds(const Slot* at) const { return at >= begin && at < end; }
};

// What a name in FROM stands for: a table, or the rows of a query in it or of one in WITH, or
// (without either) rows that are known from elsewhere: a function's.
struct Meaning {
  Node table;
  Node columns;  // Other names for its first columns.
  Node query;
};

// What a query's columns are called.
struct Outputs {
  std::map<absl::string_view, size_t> names;  // And the last place of each.
  Node star_of;  // The only table in FROM, where "*" is all that it has.
};

// A query whose FROM gives names to the columns in it and in the queries inside of it.
struct Scope {
  Range all;
  Range with;
  Range from;
  bool recursive = false;
  size_t around = 0;  // The scope in which it stands; its own place for the outermost.
  std::map<absl::string_view, std::vector<Meaning>> names;
  std::map<absl::string_view, Node> queries;  // Of WITH: each CommonTableExpr.
};

bool IsQuery(Node node) {
  // The arms of a set operation have names of their own; it has none.
  if (node.Is("SelectStmt")) return !node["larg"] || node["withClause"];
  return node.Is("UpdateStmt") || node.Is("DeleteStmt") || node.Is("InsertStmt") ||
         node.Is("MergeStmt");
}

class Columns {
 public:
  Columns(absl::string_view text, Node statement, QueryFacts* facts)
      : text_(text), statement_(statement), facts_(*facts) {}

  void Run() {
    if (!AnyColumn()) return;
    Walk([this](Node node) { Note(node); });
    // A name of WITH is known before what it hides is looked for.
    Walk([this](Node node) {
      if (node.Is("RangeVar")) NoteTable(node);
    });
    Walk([this](Node node) {
      if (node.Is("ColumnRef")) Look(node);
    });
  }

 private:
  bool AnyColumn() const {
    return std::any_of(statement_.subtree_begin(), statement_.subtree_end(),
                       [](const Slot& slot) { return slot.tagged && Node(&slot).Is("ColumnRef"); });
  }

  template <typename Visit>
  void Walk(Visit visit) {
    size_t next = 0;
    std::vector<size_t> open;
    for (const Slot* at = statement_.subtree_begin(); at != statement_.subtree_end(); ++at) {
      while (!open.empty() && scopes_[open.back()].all.end <= at) open.pop_back();
      if (!at->tagged) continue;
      const Node node(at);
      if (at == statement_.subtree_begin() || IsQuery(node)) {
        if (next == scopes_.size()) Open(node, open.empty() ? next : open.back());
        open.push_back(next++);
      }
      here_ = open.back();
      visit(node);
    }
  }

  void Open(Node query, size_t around) {
    Scope scope;
    scope.all = Range::Of(query);
    scope.with = Range::Of(query["withClause"]);
    scope.recursive = query["withClause"]["recursive"].flag();
    Node from = query["fromClause"];
    if (!from) from = query["usingClause"];
    scope.from = Range::Of(from);
    scope.around = around;
    scopes_.push_back(std::move(scope));
  }

  void Note(Node node) {
    if (node.Is("CommonTableExpr")) {
      // It stands in the WITH of the scope at hand.
      scopes_[here_].queries.emplace(node["ctename"].text(), node);
    } else if (!node.Is("RangeVar") && node["alias"]["aliasname"]) {
      Meaning meaning;
      // Of (a JOIN b) c the columns are those of both, so that it is looked at like a query.
      if (node.Is("RangeSubselect")) meaning = {{}, node["alias"]["colnames"], node["subquery"]};
      if (node.Is("JoinExpr")) meaning = {{}, node["alias"]["colnames"], node};
      scopes_[here_].names[node["alias"]["aliasname"].text()].push_back(meaning);
    }
  }

  void NoteTable(Node table) {
    const Node alias = table["alias"];
    const absl::string_view called = (alias ? alias["aliasname"] : table["relname"]).text();
    Meaning meaning;
    const Node with = OfWith(table);
    if (!with) {
      meaning = {table, alias["colnames"], {}};
    } else {
      meaning.columns = alias["colnames"] ? alias["colnames"] : with["aliascolnames"];
      // Names of both: which of them count is the server's affair.
      const bool both = alias["colnames"] && with["aliascolnames"];
      if (!both && !with["search_clause"] && !with["cycle_clause"])
        meaning.query = with["ctequery"];
    }
    scopes_[here_].names[called].push_back(meaning);
  }

  // The part of a WITH that gives the name, so early that it can be meant.
  Node OfWith(Node table) const {
    if (table["schemaname"]) return {};
    const Slot* at = table.subtree_begin();
    for (size_t i = here_;; i = scopes_[i].around) {
      const Scope& scope = scopes_[i];
      const auto query = scope.queries.find(table["relname"].text());
      if (query != scope.queries.end() &&
          (!scope.with.Holds(at) || scope.recursive || query->second.subtree_end() <= at)) {
        return query->second;
      }
      if (scope.around == i) return {};
    }
  }

  void Look(Node column) {
    const Node fields = column["fields"];
    if (fields.count() < 2 || !fields.last().Is("String")) return;
    absl::string_view table;
    for (Node field : fields) {
      if (!(field == fields.last())) table = field.text();
    }
    folded_unknown_ = FoldsUnknown(column);
    const Slot* at = column.subtree_begin();
    for (size_t i = here_;; i = scopes_[i].around) {
      const Scope& scope = scopes_[i];
      const auto found = scope.names.find(table);
      if (found != scope.names.end() && !scope.with.Holds(at)) {
        for (const Meaning& meaning : found->second) Add(meaning, fields.last().text());
        // What stands in FROM itself sees the other names there only behind LATERAL and in joins,
        // so that the name may be of a query around it as well.
        if (!scope.from.Holds(at)) return;
      }
      if (scope.around == i) return;
    }
  }

  // Whether the column's own name is beyond ASCII and not in quotes, as far as the text tells.
  bool FoldsUnknown(Node column) const {
    const absl::string_view name = column["fields"].last().text();
    if (std::none_of(name.begin(), name.end(), [](char c) { return (c & 0x80) != 0; })) {
      return false;
    }
    const std::vector<bool> quoted = QuotedParts(text_, column["location"].number(-1));
    return quoted.size() != column["fields"].count() || !quoted.back();
  }

  void Add(const Meaning& meaning, absl::string_view column) {
    if (!meaning.table && !meaning.query) return;
    size_t renamed = 0;
    for (Node name : meaning.columns) {
      if (name.text() == column) return;
      ++renamed;
    }
    if (!meaning.query) return AddOf(meaning.table, column, renamed);
    const Outputs& outputs = OutputsOf(meaning.query);
    const auto found = outputs.names.find(column);
    if (found != outputs.names.end() && found->second >= renamed) return;
    if (outputs.star_of && renamed == 0) return AddOf(outputs.star_of, column, 0);
    AddOf({}, column, renamed);
  }

  // A table without a name stands for a query that has no such column.
  void AddOf(Node table, absl::string_view column, size_t renamed) {
    const absl::string_view schema = table["schemaname"].text();
    const absl::string_view name = table["relname"].text();
    if (!seen_.emplace(schema, name, column, renamed, folded_unknown_).second) return;
    if (facts_.qualified_columns.size() >= kMostColumns) {
      facts_.more_qualified_columns = true;
      return;
    }
    facts_.qualified_columns.push_back(
        {{std::string(schema), std::string(name)}, std::string(column), renamed, folded_unknown_});
  }

  const Outputs& OutputsOf(Node query) {
    const auto [known, is_new] = outputs_.emplace(query.subtree_begin(), Outputs());
    if (is_new) known->second = ReadOutputs(query);
    return known->second;
  }

  Outputs ReadOutputs(Node query) const {
    Outputs outputs;
    // The first arm of a set operation names the columns.
    while (query["larg"]) query = query["larg"];
    const Node rows = query["valuesLists"].first();
    if (rows) {
      static constexpr absl::string_view kColumns[] = {"column1", "column2", "column3", "column4",
                                                       "column5", "column6", "column7", "column8"};
      const size_t count = std::min(rows["items"].count(), std::size(kColumns));
      for (size_t i = 0; i < count; ++i) outputs.names[kColumns[i]] = i;
    }
    size_t place = 0;
    for (Node target : query.Is("SelectStmt") ? query["targetList"] : query["returningList"]) {
      const Node value = target["val"];
      if (target["name"]) {
        outputs.names[target["name"].text()] = place;
      } else if (value.Is("FuncCall")) {
        outputs.names[value["funcname"].last().text()] = place;
      } else if (value["fields"].last().Is("A_Star")) {
        outputs.star_of = OnlyTable(query["fromClause"]);
        place += kMostColumns;
      } else if (value.Is("ColumnRef")) {
        outputs.names[value["fields"].last().text()] = place;
      }
      ++place;
    }
    return outputs;
  }

  Node OnlyTable(Node from) const {
    if (from.count() != 1 || !from.first().Is("RangeVar")) return {};
    const Node table = from.first();
    const bool renames = static_cast<bool>(table["alias"]["colnames"]);
    return renames || IsOfAnyWith(table) ? Node() : table;
  }

  bool IsOfAnyWith(Node table) const {
    return std::any_of(scopes_.begin(), scopes_.end(), [&](const Scope& scope) {
      return !table["schemaname"] && scope.queries.count(table["relname"].text()) > 0;
    });
  }

  const absl::string_view text_;
  const Node statement_;
  QueryFacts& facts_;
  bool folded_unknown_ = false;  // Of the column at hand.
  std::map<const Slot*, Outputs> outputs_;
  std::vector<Scope> scopes_;  // In the order of the tree.
  size_t here_ = 0;
  std::set<std::tuple<absl::string_view, absl::string_view, absl::string_view, size_t, bool>> seen_;
};

}  // namespace

void FillQualified(const Source& source, Node statement, QueryFacts* query) {
  Columns(source.text, statement, query).Run();
}

}  // namespace dbfleet::sql::pg
