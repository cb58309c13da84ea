#include "absl/strings/match.h"

#include "common/sql/postgres/effects.h"
#include "common/sql/postgres/functions.h"
#include "common/sql/postgres/source.h"

namespace dbfleet::sql::pg {
namespace {

constexpr Blocking kNothing = Blocking::kNothing;
constexpr Blocking kWrites = Blocking::kWrites;
constexpr Blocking kAll = Blocking::kReadsAndWrites;

// Source: ALTER TABLE's documentation and AlterTableGetLockLevel() of PostgreSQL 13 to 17. What is
// not here takes ACCESS EXCLUSIVE for a moment.
struct Row {
  absl::string_view subtype;
  Blocking blocks;
  bool rewrites;
  bool scans;
};
constexpr Row kRows[] = {
    {"AT_AlterColumnType", kAll, true, true},
    {"AT_SetNotNull", kAll, false, true},
    {"AT_SetAccessMethod", kAll, true, false},
    {"AT_SetTableSpace", kAll, true, false},
    {"AT_SetLogged", kAll, true, false},
    {"AT_SetUnLogged", kAll, true, false},
    {"AT_AttachPartition", kAll, false, true},
    {"AT_ValidateConstraint", kNothing, false, true},
    {"AT_SetStatistics", kNothing, false, false},
    {"AT_SetOptions", kNothing, false, false},
    {"AT_ResetOptions", kNothing, false, false},
    {"AT_ClusterOn", kNothing, false, false},
    {"AT_DropCluster", kNothing, false, false},
    {"AT_EnableTrig", kWrites, false, false},
    {"AT_EnableAlwaysTrig", kWrites, false, false},
    {"AT_EnableReplicaTrig", kWrites, false, false},
    {"AT_DisableTrig", kWrites, false, false},
    {"AT_EnableTrigAll", kWrites, false, false},
    {"AT_DisableTrigAll", kWrites, false, false},
    {"AT_EnableTrigUser", kWrites, false, false},
    {"AT_DisableTrigUser", kWrites, false, false},
    {"AT_AddIdentity", kAll, false, false},
};

// Storage parameters that take SHARE UPDATE EXCLUSIVE.
bool IsLightOption(absl::string_view name) {
  return name == "fillfactor" || name == "toast_tuple_target" || name == "parallel_workers" ||
         name == "n_distinct" || name == "log_autovacuum_min_duration" ||
         absl::StartsWith(name, "autovacuum_") || absl::StartsWith(name, "vacuum_");
}

Effects OfOptions(Node options) {
  Effects effects;
  for (Node option : options) {
    if (!IsLightOption(option["defname"].text())) effects.blocks = kAll;
  }
  return effects;
}

Effects OfConstraint(Node constraint) {
  Effects effects;
  const absl::string_view type = constraint["contype"].text();
  const bool checked_later = constraint["skip_validation"].flag();
  // A foreign key takes SHARE ROW EXCLUSIVE on both tables.
  effects.blocks = type == "CONSTR_FOREIGN" ? kWrites : kAll;
  // A constraint made of an index that exists reads nothing (a primary key may, for NOT NULL).
  const bool ready = constraint["indexname"] && type != "CONSTR_PRIMARY";
  effects.scans_table = !checked_later && !ready;
  return effects;
}

bool HasConstraint(Node column, std::initializer_list<absl::string_view> kinds) {
  for (Node constraint : column["constraints"]) {
    for (absl::string_view kind : kinds) {
      if (constraint["contype"].text() == kind) return true;
    }
  }
  return false;
}

}  // namespace

bool RefersToTable(Node column) {
  return column.Is("ColumnDef") && HasConstraint(column, {"CONSTR_FOREIGN"});
}

bool HasDefault(Node column) {
  return column.Is("ColumnDef") &&
         (column["raw_default"] ||
          HasConstraint(column, {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"}) ||
          absl::StrContains(Dotted(column["typeName"]["names"]), "serial"));
}

bool IsVolatile(const Version& version, Node expression) {
  for (const Slot* at = expression.subtree_begin(); at != expression.subtree_end(); ++at) {
    if (!at->tagged || !Node(at).Is("FuncCall")) continue;
    const Node names = Node(at)["funcname"];
    const bool foreign = names.count() > 1 && names.first().text() != "pg_catalog";
    if (foreign || IsVolatileFunction(names.last().text(), version)) return true;
  }
  return false;
}

Effects EffectsOfAddedColumn(const Version& version, Node column) {
  Effects effects;
  effects.blocks = kAll;
  // A constant default has been instant since 11, which is older than what is supported.
  const std::string type = Dotted(column["typeName"]["names"]);
  if (absl::StrContains(type, "serial")) effects.rewrites_table = true;
  if (column["raw_default"] && IsVolatile(version, column["raw_default"])) {
    effects.rewrites_table = true;
  }
  for (Node constraint : column["constraints"]) {
    const absl::string_view kind = constraint["contype"].text();
    if (kind == "CONSTR_IDENTITY" || kind == "CONSTR_GENERATED") effects.rewrites_table = true;
    if (kind == "CONSTR_DEFAULT" && IsVolatile(version, constraint["raw_expr"])) {
      effects.rewrites_table = true;
    }
    if (kind == "CONSTR_CHECK" || kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY") {
      effects.scans_table = true;
    }
  }
  // Of new columns without a default the server knows that they refer to nothing.
  if (RefersToTable(column) && HasDefault(column)) effects.scans_table = true;
  return effects;
}

Effects EffectsOfAlteration(const Version& version, Node command) {
  const absl::string_view subtype = command["subtype"].text();
  const Node definition = command["def"];
  if (subtype == "AT_AddColumn") return EffectsOfAddedColumn(version, definition);
  if (subtype == "AT_AddConstraint") return OfConstraint(definition);
  if (subtype == "AT_SetRelOptions" || subtype == "AT_ResetRelOptions") {
    return OfOptions(definition["items"] ? definition["items"] : definition);
  }
  Effects effects;
  effects.blocks = kAll;
  if (subtype == "AT_DetachPartition" && definition["concurrent"].flag()) {
    effects.blocks = kNothing;
    return effects;
  }
  for (const Row& row : kRows) {
    if (row.subtype != subtype) continue;
    effects.blocks = row.blocks;
    effects.rewrites_table = row.rewrites;
    effects.scans_table = row.scans;
  }
  return effects;
}

}  // namespace dbfleet::sql::pg
