#include "common/sql/lint/live_effects.h"

#include <algorithm>

#include "common/sql/lint/live_types.h"
#include "common/sql/lint/look.h"

namespace dbfleet::sql {
namespace {

// MODIFY and CHANGE say everything anew, so that all of it has to be what was there.
bool OnlyItsType(const Alteration& alteration, const LiveColumn& live) {
  const ColumnFacts& column = *alteration.column;
  const bool elsewhere = column.position_first || !column.position_after.empty();
  const bool computed = column.generated_stored || column.generated_virtual || column.check;
  const bool key = column.primary_key || column.unique || column.references.has_value();
  return !elsewhere && !computed && !key && column.charset.empty() && column.collation.empty() &&
         column.not_null == !live.nullable && column.auto_increment == live.auto_increment;
}

// CHANGE a b INT: as tried out on MariaDB 10.11, also where a virtual column computes with it, and
// as documented of MySQL since 5.7 ("Online DDL Operations"), a name alone is changed in place.
bool ChangesNameAlone(const Alteration& alteration, const LiveColumn& live) {
  return alteration.new_name.empty() || IsSameType(live.type, *alteration.column);
}

bool KeepsRows(const Target& target, const LiveTable& live, const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kSetDefault:
    case AlterationKind::kDropDefault:
    case AlterationKind::kDropNotNull:
      return true;
    case AlterationKind::kChangeType:
    case AlterationKind::kModifyColumn:
      break;
    default:
      return false;
  }
  const LiveColumn* column = live.Column(alteration.name);
  if (column == nullptr || !alteration.column.has_value()) return false;
  if (target.mysql_family()) {
    if (!OnlyItsType(alteration, *column) || !ChangesNameAlone(alteration, *column)) return false;
  } else if (alteration.column->default_kind != DefaultKind::kNone ||
             !alteration.column->collation.empty()) {
    return false;  // A USING stands where a new column's default does.
  }
  return KeepsRows(target, column->type, *alteration.column);
}

bool HasVirtualColumn(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
                      const Name& table) {
  const TableState* state = script.Find(table);
  if (state != nullptr &&
      std::any_of(state->columns.begin(), state->columns.end(),
                  [](const ColumnFacts& column) { return column.generated_virtual; })) {
    return true;
  }
  if (state != nullptr && (state->is_made() || state->away)) return false;
  const LiveTable* live = FindLive(target, snapshot, table);
  return live != nullptr && std::any_of(live->columns.begin(), live->columns.end(),
                                        [](const LiveColumn& column) { return column.is_virtual; });
}

// As tried out on MariaDB 10.11: to the server a virtual column that moves is one that goes and
// comes, which it does alone or by a copy.
bool MovesColumns(const Facts& facts) {
  bool drops = false;
  bool else_too = false;
  for (const Alteration& alteration : facts.alterations) {
    const bool drop = alteration.kind == AlterationKind::kDropColumn;
    drops = drops || drop;
    else_too = else_too || !drop;
    if (alteration.column.has_value() &&
        (alteration.column->position_first || !alteration.column->position_after.empty())) {
      return true;
    }
  }
  return drops && else_too;
}

}  // namespace

void AddCopies(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
               Reading* reading) {
  const Facts& facts = reading->facts;
  if (target.dialect != Dialect::kMariaDb || facts.verb != Verb::kAlterTable) return;
  if (facts.objects.empty() || !MovesColumns(facts)) return;
  if (!HasVirtualColumn(target, snapshot, script, facts.objects[0])) return;
  Effects& effects = reading->verdict.effects;
  effects.rewrites_table = true;
  effects.blocks = std::max(effects.blocks, Blocking::kWrites);
}

bool AddsForeignKeysOnly(const Facts& facts) {
  return facts.verb == Verb::kAlterTable && !facts.alterations.empty() &&
         std::all_of(facts.alterations.begin(), facts.alterations.end(),
                     [](const Alteration& a) { return a.kind == AlterationKind::kAddForeignKey; });
}

void TakeBackForeignKeyCopies(const Target& target, const Script& script, Reading* reading) {
  const Facts& facts = reading->facts;
  if (!target.mysql_family() || !script.session().foreign_keys_off()) return;
  if (!AddsForeignKeysOnly(facts) || !facts.complete || !reading->verdict.understood) return;
  if (facts.algorithm == "copy") return;
  Effects& effects = reading->verdict.effects;
  effects.rewrites_table = false;  // It is read where the columns have no index yet: one is built.
  const bool locks = !facts.lock.empty() && facts.lock != "default" && facts.lock != "none";
  if (!locks) effects.blocks = Blocking::kNothing;
}

void TakeBackCopies(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
                    Reading* reading) {
  const Facts& facts = reading->facts;
  if (facts.verb != Verb::kAlterTable || facts.objects.empty() || facts.alterations.empty()) return;
  if (!reading->verdict.understood || !facts.complete || facts.algorithm == "copy") return;
  const LiveTable* live = FindLive(target, snapshot, facts.objects[0]);
  if (live == nullptr) return;
  const bool keeps = std::all_of(facts.alterations.begin(), facts.alterations.end(),
                                 [&](const Alteration& alteration) {
                                   return script.IsAsBefore(facts.objects[0], alteration.name) &&
                                          KeepsRows(target, *live, alteration);
                                 });
  if (!keeps) return;
  Effects& effects = reading->verdict.effects;
  effects.rewrites_table = effects.scans_table = false;
  // PostgreSQL's lock stays, for a moment.
  const bool locks = !facts.lock.empty() && facts.lock != "default";
  if (target.mysql_family() && !locks) effects.blocks = Blocking::kNothing;
}

}  // namespace dbfleet::sql
