#include "common/sql/postgres/uses.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/sql/postgres/source.h"

namespace dbfleet::sql::pg {
namespace {

// What a statement does to the relation in a field of its own.
struct Target {
  absl::string_view tag;
  absl::string_view field;
  Access access;
  bool is_table;  // Rather than an index, a sequence, a view that is made.
};

constexpr Target kTargets[] = {
    {"InsertStmt", "relation", Access::kWrite, true},
    {"UpdateStmt", "relation", Access::kWrite, true},
    {"DeleteStmt", "relation", Access::kWrite, true},
    {"MergeStmt", "relation", Access::kWrite, true},
    {"TruncateStmt", "relations", Access::kWrite, true},
    {"RefreshMatViewStmt", "relation", Access::kWrite, true},
    {"CreateStmt", "relation", Access::kDefine, true},
    {"CreateStmt", "inhRelations", Access::kDefine, true},
    {"IntoClause", "rel", Access::kDefine, true},
    {"AlterTableStmt", "relation", Access::kDefine, true},
    {"RenameStmt", "relation", Access::kDefine, true},
    {"AlterObjectSchemaStmt", "relation", Access::kDefine, true},
    {"AlterObjectDependsStmt", "relation", Access::kDefine, true},
    {"AlterOwnerStmt", "relation", Access::kDefine, true},
    {"PartitionCmd", "name", Access::kDefine, true},
    {"IndexStmt", "relation", Access::kDefine, true},
    {"CreateTrigStmt", "relation", Access::kDefine, true},
    {"CreateTrigStmt", "constrrel", Access::kLock, true},
    {"RuleStmt", "relation", Access::kDefine, true},
    {"CreatePolicyStmt", "table", Access::kDefine, true},
    {"AlterPolicyStmt", "table", Access::kDefine, true},
    {"CreateStatsStmt", "relations", Access::kDefine, true},
    {"ViewStmt", "view", Access::kDefine, false},
    {"CreateSeqStmt", "sequence", Access::kDefine, false},
    {"AlterSeqStmt", "sequence", Access::kDefine, false},
    {"CompositeTypeStmt", "typevar", Access::kDefine, false},
    {"GrantStmt", "objects", Access::kDefine, true},
    {"PublicationTable", "relation", Access::kDefine, true},
    {"Constraint", "pktable", Access::kLock, false},
    {"LockStmt", "relations", Access::kLock, true},
    {"VacuumRelation", "relation", Access::kLock, true},
    {"ClusterStmt", "relation", Access::kLock, true},
    {"ReindexStmt", "relation", Access::kLock, true},
};

// Statements whose relation is a table only when they say so ("ALTER INDEX").
bool NamesTable(Node around, const Target& target) {
  const absl::string_view object = around[around.Is("AlterTableStmt") ? "objtype"
                                          : around.Is("RenameStmt")   ? "renameType"
                                          : around.Is("ReindexStmt")  ? "kind"
                                          : around.Is("GrantStmt")    ? "objtype"
                                                                      : "objectType"]
                                       .text();
  return target.is_table && object != "OBJECT_INDEX" && object != "OBJECT_SEQUENCE" &&
         object != "REINDEX_OBJECT_INDEX" && object != "OBJECT_TYPE" &&
         object != "OBJECT_ATTRIBUTE";
}

class Finder {
 public:
  Finder(absl::string_view text, Node statement) : text_(text), statement_(statement) {}

  Uses Run() {
    for (const Slot* at = statement_.subtree_begin(); at != statement_.subtree_end(); ++at) {
      if (!at->tagged) continue;
      const Node node(at);
      if (node.Is("CommonTableExpr")) {
        with_.push_back(node);
        with_names_.insert(node["ctename"].text());
      } else if (node.Is("DropStmt")) {
        AddDropped(node);
      } else if (node.Is("CommentStmt") || node.Is("SecLabelStmt")) {
        AddCommented(node);
      } else if (node.Is("LockingClause")) {
        locking_.push_back(node);
      }
    }
    for (const Slot* at = statement_.subtree_begin(); at != statement_.subtree_end(); ++at) {
      if (at->tagged && Node(at).Is("RangeVar")) AddRelation(Node(at));
    }
    return Sorted();
  }

 private:
  struct Found {
    int64_t location;
    std::string name;
    Access access;
    bool is_table;
  };

  void AddRelation(Node relation) {
    if (relation["relname"].text().empty() || relation.parent().key() == "lockedRels") return;
    Found found{relation["location"].number(), Written(text_, relation), Access::kRead, true};
    // A list of relations stands between the statement and them.
    Node around = relation.parent();
    const bool listed = around.is_list();
    const absl::string_view field = listed ? around.key() : relation.key();
    if (listed) around = around.parent();
    bool is_target = false;
    for (const Target& target : kTargets) {
      if (!around.Is(target.tag) || target.field != field) continue;
      is_target = true;
      found.access = target.access;
      found.is_table = NamesTable(around, target);
    }
    if (around.Is("CopyStmt") && around["is_from"].flag()) {
      is_target = true;
      found.access = Access::kWrite;
    }
    if (!is_target && HiddenByWith(relation)) return;
    if (found.access == Access::kRead && !locking_.empty() && IsLocked(relation)) {
      found.access = Access::kLock;
    }
    found_.push_back(std::move(found));
  }

  // Beyond this many WITH lists or locking clauses it takes too long to look at each for every
  // relation; then tables may be named some too many, and locks that they do not get.
  static constexpr size_t kMaxLooked = 500;

  // Whether a WITH list around the relation has its name, and so early that it can be meant.
  bool HiddenByWith(Node relation) const {
    const absl::string_view name = relation["relname"].text();
    if (with_.size() > kMaxLooked || relation["schemaname"] || with_names_.count(name) == 0) {
      return false;
    }
    for (Node query : with_) {
      if (query["ctename"].text() != name) continue;
      const Node clause = query.parent().parent();
      const Node body = clause.parent();
      if (!body.Holds(relation)) continue;
      const bool inside = clause.Holds(relation);
      if (!inside || clause["recursive"].flag()) return true;
      // Only what stands further behind in the list sees it.
      if (!query.Holds(relation) && relation.subtree_begin() > query.subtree_begin()) return true;
    }
    return false;
  }

  // FOR UPDATE without names locks what the FROM of its own query names.
  bool IsLocked(Node relation) const {
    if (locking_.size() > kMaxLooked) return true;
    for (Node clause : locking_) {
      const Node from = clause.parent().parent()["fromClause"];
      if (!from.Holds(relation)) continue;
      const Node only = clause["lockedRels"];
      if (!only) return true;
      const absl::string_view name =
          relation["alias"] ? relation["alias"]["aliasname"].text() : relation["relname"].text();
      for (Node locked : only) {
        if (locked["relname"].text() == name) return true;
      }
    }
    return false;
  }

  void AddDropped(Node drop) {
    const absl::string_view type = drop["removeType"].text();
    const bool of_table =
        type == "OBJECT_TRIGGER" || type == "OBJECT_RULE" || type == "OBJECT_POLICY";
    const bool table = type == "OBJECT_TABLE" || type == "OBJECT_FOREIGN_TABLE" ||
                       type == "OBJECT_MATVIEW" || of_table;
    const bool relation =
        table || type == "OBJECT_VIEW" || type == "OBJECT_INDEX" || type == "OBJECT_SEQUENCE";
    if (!relation) return;
    for (Node object : drop["objects"]) {
      Name name = NameIn(object);
      if (of_table) {
        // (schema, table, trigger): the table is what counts.
        Name owner;
        Node last;
        for (Node part : object.Is("List") ? object["items"] : object) {
          if (last) {
            owner.schema = std::move(owner.name);
            owner.name = std::string(last.text());
          }
          last = part;
        }
        name = owner;
      }
      found_.push_back({0, Quoted(name), Access::kDefine, table});
    }
  }

  void AddCommented(Node comment) {
    const absl::string_view type = comment["objtype"].text();
    if (type == "OBJECT_TABLE" || type == "OBJECT_MATVIEW" || type == "OBJECT_FOREIGN_TABLE" ||
        type == "OBJECT_VIEW" || type == "OBJECT_INDEX" || type == "OBJECT_SEQUENCE") {
      const bool table =
          type != "OBJECT_VIEW" && type != "OBJECT_INDEX" && type != "OBJECT_SEQUENCE";
      found_.push_back({0, Quoted(NameIn(comment["object"])), Access::kDefine, table});
    }
  }

  Uses Sorted() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Found& a, const Found& b) { return a.location < b.location; });
    Uses uses;
    std::set<absl::string_view> tables;
    std::map<absl::string_view, size_t> seen;
    for (const Found& found : found_) {
      if (found.is_table && tables.insert(found.name).second) uses.tables.push_back(found.name);
      const auto [at, is_new] = seen.emplace(found.name, uses.uses.size());
      if (is_new) uses.uses.push_back({found.name, found.access});
      Access& access = uses.uses[at->second].access;
      access = std::max(access, found.access);
    }
    return uses;
  }

  const absl::string_view text_;
  const Node statement_;
  std::vector<Node> with_;
  std::vector<Node> locking_;
  std::set<absl::string_view> with_names_;
  std::vector<Found> found_;
};

}  // namespace

Uses UsesOf(absl::string_view text, Node statement) { return Finder(text, statement).Run(); }

}  // namespace dbfleet::sql::pg
