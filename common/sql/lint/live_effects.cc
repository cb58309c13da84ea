#include "common/sql/lint/live_effects.h"

#include <algorithm>

#include "common/sql/lint/live_types.h"
#include "common/sql/lint/look.h"

namespace dbfleet::sql {
namespace {

// MODIFY says everything anew, so that all of it has to be what was there.
bool OnlyItsType(const Alteration& alteration, const LiveColumn& live) {
  const ColumnFacts& column = *alteration.column;
  const bool elsewhere = column.position_first || !column.position_after.empty();
  const bool computed = column.generated_stored || column.generated_virtual || column.check;
  const bool key = column.primary_key || column.unique || column.references.has_value();
  return !elsewhere && !computed && !key && column.charset.empty() && column.collation.empty() &&
         column.not_null == !live.nullable && column.auto_increment == live.auto_increment &&
         alteration.new_name.empty();
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
    if (!OnlyItsType(alteration, *column)) return false;
  } else if (alteration.column->default_kind != DefaultKind::kNone ||
             !alteration.column->collation.empty()) {
    return false;  // A USING stands where a new column's default does.
  }
  return KeepsRows(target, column->type, *alteration.column);
}

}  // namespace

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
