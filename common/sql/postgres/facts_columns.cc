// Which table's column "t.name" would be.
#include <algorithm>
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

// What a name in FROM stands for: a table, or (without a table) rows whose columns the query makes.
struct Meaning {
  Node table;
  Node columns;  // Other names for its first columns.
};

// A query whose FROM gives names to the columns in it and in the queries inside of it.
struct Scope {
  Range all;
  Range with;
  Range from;
  bool recursive = false;
  size_t around = 0;  // The scope in which it stands; its own place for the outermost.
  std::map<absl::string_view, std::vector<Meaning>> names;
  std::map<absl::string_view, const Slot*> queries;  // Of WITH: where each ends.
};

bool IsQuery(Node node) {
  // The arms of a set operation have names of their own; it has none.
  if (node.Is("SelectStmt")) return !node["larg"] || node["withClause"];
  return node.Is("UpdateStmt") || node.Is("DeleteStmt") || node.Is("InsertStmt") ||
         node.Is("MergeStmt");
}

class Columns {
 public:
  Columns(Node statement, QueryFacts* facts) : statement_(statement), facts_(*facts) {}

  void Run() {
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
      scopes_[here_].queries.emplace(node["ctename"].text(), node.subtree_end());
    } else if (!node.Is("RangeVar") && node["alias"]["aliasname"]) {
      scopes_[here_].names[node["alias"]["aliasname"].text()].push_back({});
    }
  }

  void NoteTable(Node table) {
    const Node alias = table["alias"];
    const absl::string_view called = (alias ? alias["aliasname"] : table["relname"]).text();
    Meaning meaning;
    if (!IsOfWith(table)) meaning = {table, alias["colnames"]};
    scopes_[here_].names[called].push_back(meaning);
  }

  // Whether a WITH gives the name, and so early that it can be meant.
  bool IsOfWith(Node table) const {
    if (table["schemaname"]) return false;
    const Slot* at = table.subtree_begin();
    for (size_t i = here_;; i = scopes_[i].around) {
      const Scope& scope = scopes_[i];
      const auto query = scope.queries.find(table["relname"].text());
      if (query != scope.queries.end() &&
          (!scope.with.Holds(at) || scope.recursive || query->second <= at)) {
        return true;
      }
      if (scope.around == i) return false;
    }
  }

  void Look(Node column) {
    const Node fields = column["fields"];
    if (fields.count() < 2 || !fields.last().Is("String")) return;
    absl::string_view table;
    for (Node field : fields) {
      if (!(field == fields.last())) table = field.text();
    }
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

  void Add(const Meaning& meaning, absl::string_view column) {
    if (!meaning.table) return;
    size_t renamed = 0;
    for (Node name : meaning.columns) {
      if (name.text() == column) return;
      ++renamed;
    }
    const absl::string_view schema = meaning.table["schemaname"].text();
    const absl::string_view name = meaning.table["relname"].text();
    if (!seen_.emplace(schema, name, column, renamed).second) return;
    if (facts_.qualified_columns.size() >= kMostColumns) {
      facts_.more_qualified_columns = true;
      return;
    }
    facts_.qualified_columns.push_back(
        {{std::string(schema), std::string(name)}, std::string(column), renamed});
  }

  const Node statement_;
  QueryFacts& facts_;
  std::vector<Scope> scopes_;  // In the order of the tree.
  size_t here_ = 0;
  std::set<std::tuple<absl::string_view, absl::string_view, absl::string_view, size_t>> seen_;
};

}  // namespace

void FillQualified(Node statement, QueryFacts* query) { Columns(statement, query).Run(); }

}  // namespace dbfleet::sql::pg
