#include "common/sql/postgres/effects.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/postgres/head.h"

namespace dbfleet::sql::pg {
namespace {

constexpr Blocking kNothing = Blocking::kNothing;
constexpr Blocking kWrites = Blocking::kWrites;
constexpr Blocking kAll = Blocking::kReadsAndWrites;

// What statements do to tables that exist, whatever their clauses. Source: the documentation's
// "Explicit Locking": SHARE, SHARE ROW EXCLUSIVE and EXCLUSIVE block writes, ACCESS EXCLUSIVE
// blocks reads too, the others neither.
struct Row {
  absl::string_view node;
  Blocking blocks;
  bool locks_rows;
  bool rewrites;
  bool scans;
};
constexpr Row kRows[] = {
    {"UpdateStmt", kNothing, true, false, false},
    {"DeleteStmt", kNothing, true, false, false},
    {"MergeStmt", kNothing, true, false, false},
    {"TruncateStmt", kAll, false, false, false},
    {"CreateTrigStmt", kWrites, false, false, false},
    {"AlterSeqStmt", kWrites, false, false, false},  // nextval() waits for it.
    {"RuleStmt", kAll, false, false, false},
    {"CreatePolicyStmt", kAll, false, false, false},
    {"AlterPolicyStmt", kAll, false, false, false},
    {"AlterTableMoveAllStmt", kAll, false, true, false},
    {"RefreshMatViewStmt", kAll, false, true, false},
    {"ClusterStmt", kAll, false, true, false},
    {"DropOwnedStmt", kAll, false, false, false},
    {"ReassignOwnedStmt", kAll, false, false, false},
    {"AlterOwnerStmt", kAll, false, false, false},
    {"AlterExtensionStmt", kAll, true, true, true},
    {"CreateExtensionStmt", kAll, true, true, true},
    // Code that only the server can read may do the worst.
    {"DoStmt", kAll, true, true, true},
    {"CallStmt", kAll, true, true, true},
    {"ExecuteStmt", kAll, true, true, true},
};

// Modes of LOCK TABLE, as the server numbers them.
Blocking OfLockMode(int64_t mode) {
  constexpr int64_t kShare = 5;
  constexpr int64_t kAccessExclusive = 8;
  if (mode >= kAccessExclusive) return kAll;
  return mode >= kShare ? kWrites : kNothing;
}

Effects OfIndex(Node statement) {
  Effects effects;
  effects.blocks = statement["concurrent"].flag() ? kNothing : kWrites;
  effects.scans_table = true;
  return effects;
}

Effects OfDrop(Node statement) {
  Effects effects;
  const absl::string_view type = statement["removeType"].text();
  static constexpr absl::string_view kRelations[] = {
      "OBJECT_TABLE",    "OBJECT_INDEX", "OBJECT_VIEW",   "OBJECT_MATVIEW",
      "OBJECT_SEQUENCE", "OBJECT_RULE",  "OBJECT_POLICY", "OBJECT_FOREIGN_TABLE",
      "OBJECT_TRIGGER",  "OBJECT_TYPE",  "OBJECT_SCHEMA", "OBJECT_EXTENSION"};
  const bool relation =
      std::find(std::begin(kRelations), std::end(kRelations), type) != std::end(kRelations);
  const bool cascade = statement["behavior"].text() == "DROP_CASCADE";
  if ((relation || cascade) && !statement["concurrent"].flag()) effects.blocks = kAll;
  return effects;
}

// A new table locks only the tables that it names: the parents of its foreign keys, and of a
// partition.
Effects OfCreate(Node statement) {
  Effects effects;
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (at->tagged && Node(at).key() == "pktable") effects.blocks = kWrites;
  }
  if (statement["partbound"]) effects.blocks = kAll;
  return effects;
}

Effects OfRename(Node statement) {
  Effects effects;
  // An index is renamed under SHARE UPDATE EXCLUSIVE since 12, which is older than what is
  // supported.
  const bool index = statement["renameType"].text() == "OBJECT_INDEX";
  if (statement["relation"] && !index) effects.blocks = kAll;
  return effects;
}

Effects OfReindex(Node statement) {
  Effects effects;
  effects.scans_table = true;
  // The index's own ACCESS EXCLUSIVE lock stops whatever plans a query on its table.
  effects.blocks = OptionIsOn(statement["params"], "concurrently") ? kNothing : kAll;
  return effects;
}

Effects OfVacuum(Node statement) {
  Effects effects;
  effects.scans_table = true;
  if (statement["is_vacuumcmd"].flag() && OptionIsOn(statement["options"], "full")) {
    effects.blocks = kAll;
    effects.rewrites_table = true;
  }
  return effects;
}

// Adding a constraint to a domain, or making it NOT NULL, checks all columns of that domain.
Effects OfDomain(Node statement) {
  Effects effects;
  const absl::string_view what = statement["subtype"].text();
  const bool validates = what == "V" || what == "O";
  const bool adds = what == "C" && !statement["def"]["skip_validation"].flag();
  if (validates || adds) {
    effects.blocks = kWrites;
    effects.scans_table = true;
  }
  return effects;
}

Effects OfAlterTable(const Version& version, Node statement) {
  Effects effects;
  bool refers = false;
  bool has_default = false;
  for (Node command : statement["cmds"]) {
    Merge(EffectsOfAlteration(version, command), &effects);
    refers = refers || RefersToTable(command["def"]);
    has_default = has_default || HasDefault(command["def"]);
  }
  // One column's default has every new foreign key of the statement checked.
  if (refers && has_default) effects.scans_table = true;
  return effects;
}

Effects OfSelect(Node statement) {
  Effects effects;
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (!at->tagged) continue;
    const Node node(at);
    if (node.Is("LockingClause") || node.Is("UpdateStmt") || node.Is("DeleteStmt") ||
        (node.Is("OnConflictClause") && node["action"].text() == "ONCONFLICT_UPDATE")) {
      effects.locks_rows = true;
    }
  }
  return effects;
}

Effects ByNode(const Version& version, Node statement) {
  const absl::string_view tag = statement.tag();
  if (tag == "IndexStmt") return OfIndex(statement);
  if (tag == "DropStmt") return OfDrop(statement);
  if (tag == "CreateStmt") return OfCreate(statement);
  if (tag == "RenameStmt") return OfRename(statement);
  if (tag == "ReindexStmt") return OfReindex(statement);
  if (tag == "VacuumStmt") return OfVacuum(statement);
  if (tag == "AlterDomainStmt") return OfDomain(statement);
  if (tag == "AlterTableStmt") return OfAlterTable(version, statement);
  if (tag == "SelectStmt" || tag == "InsertStmt") return OfSelect(statement);
  Effects effects;
  if (tag == "LockStmt") effects.blocks = OfLockMode(statement["mode"].number());
  if (tag == "AlterObjectSchemaStmt" && statement["relation"]) effects.blocks = kAll;
  if (tag == "ViewStmt" && statement["replace"].flag()) effects.blocks = kAll;
  if (tag == "CreateSchemaStmt") {
    for (Node element : statement["schemaElts"]) Merge(EffectsOf(version, element), &effects);
  }
  if (tag == "ExplainStmt" && OptionIsOn(statement["options"], "analyze")) {
    return EffectsOf(version, statement["query"]);
  }
  for (const Row& row : kRows) {
    if (row.node != tag) continue;
    effects.blocks = row.blocks;
    effects.locks_rows = row.locks_rows;
    effects.rewrites_table = row.rewrites;
    effects.scans_table = row.scans;
  }
  if (tag == "RefreshMatViewStmt" && statement["concurrent"].flag()) effects.blocks = kWrites;
  return effects;
}

bool HasOption(Node options, absl::string_view name) {
  for (Node option : options) {
    if (absl::EqualsIgnoreCase(option["defname"].text(), name)) return true;
  }
  return false;
}

// Another statement does not bring back the values, or the definitions, that these throw away.
bool LosesValues(Node statement) {
  for (Node command : statement["cmds"]) {
    const absl::string_view subtype = command["subtype"].text();
    if (subtype == "AT_DropColumn" || subtype == "AT_AlterColumnType" ||
        subtype == "AT_DropExpression" || command["behavior"].text() == "DROP_CASCADE") {
      return true;
    }
  }
  const absl::string_view tag = statement.tag();
  if (tag == "ViewStmt" || tag == "CreateFunctionStmt" || tag == "CreateTrigStmt" ||
      tag == "RuleStmt") {
    return statement["replace"].flag();
  }
  // At which number the sequence was.
  return tag == "AlterSeqStmt" && HasOption(statement["options"], "restart");
}

bool DetachesConcurrently(Node statement) {
  for (Node command : statement["cmds"]) {
    if (command["def"]["concurrent"].flag()) return true;
  }
  return false;
}

}  // namespace

void Merge(const Effects& more, Effects* effects) {
  effects->blocks = std::max(effects->blocks, more.blocks);
  effects->locks_rows = effects->locks_rows || more.locks_rows;
  effects->rewrites_table = effects->rewrites_table || more.rewrites_table;
  effects->scans_table = effects->scans_table || more.scans_table;
}

bool OptionIsOn(Node options, absl::string_view name) {
  bool on = false;
  for (Node option : options) {
    if (!absl::EqualsIgnoreCase(option["defname"].text(), name)) continue;
    const Node value = option["arg"];
    const std::string word = absl::AsciiStrToLower(value.text());
    // Without a value it is on; what no server takes for "off" counts as on.
    const bool zero = value.Is("Integer") && value["ival"].text() == "0";
    const bool boolean_off = value.Is("Boolean") && !value["boolval"].flag();
    on = !(zero || boolean_off || word == "off" || word == "false");
  }
  return on;
}

Effects EffectsOf(const Version& version, Node statement) {
  Effects effects = ByNode(version, statement);
  const StatementRow* row = FindStatement(statement.tag(), HeadOf(statement));
  if (row != nullptr) effects.undo = row->undo;
  if (LosesValues(statement)) effects.undo = Undo::kRollback;
  if (statement.Is("ExplainStmt") && OptionIsOn(statement["options"], "analyze")) {
    effects.undo = EffectsOf(version, statement["query"]).undo;
  }
  return effects;
}

bool IsTransactional(const Version& version, Node statement, bool usually) {
  const absl::string_view tag = statement.tag();
  if (tag == "IndexStmt" || tag == "DropStmt") return !statement["concurrent"].flag();
  if (tag == "ReindexStmt") {
    const absl::string_view kind = statement["kind"].text();
    return !OptionIsOn(statement["params"], "concurrently") &&
           (kind == "REINDEX_OBJECT_INDEX" || kind == "REINDEX_OBJECT_TABLE");
  }
  if (tag == "ClusterStmt") return static_cast<bool>(statement["relation"]);
  if (tag == "AlterTableStmt") return !DetachesConcurrently(statement);
  if (tag == "VariableSetStmt") return !SetsTransaction(statement);
  if (tag == "AlterDatabaseStmt") {
    for (Node option : statement["options"]) {
      if (option["defname"].text() == "tablespace") return false;
    }
  }
  if (tag == "AlterEnumStmt" && !statement["oldVal"]) {
    constexpr int kAddValueInTransaction = 12;
    return !version.known() || version.major >= kAddValueInTransaction;
  }
  if (tag == "ExplainStmt" && OptionIsOn(statement["options"], "analyze")) {
    return IsTransactional(version, statement["query"], true);
  }
  return usually;
}

}  // namespace dbfleet::sql::pg
