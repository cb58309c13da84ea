#include "common/sql/lint/applied.h"

#include <algorithm>

namespace dbfleet::sql {
namespace {

bool Adds(const Alteration& alteration, const LiveTable& live) {
  if (alteration.if_exists) return false;
  if (alteration.kind == AlterationKind::kAddColumn && alteration.column.has_value()) {
    return live.Column(alteration.column->name) != nullptr;
  }
  return alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value() &&
         !alteration.index->name.empty() && live.Index(alteration.index->name) != nullptr;
}

}  // namespace

bool LooksApplied(const Facts& facts, const SchemaSnapshot& snapshot) {
  if (facts.if_not_exists || facts.or_replace || facts.temporary || facts.objects.empty()) {
    return false;
  }
  const std::vector<const LiveTable*> tables = snapshot.FindExact(facts.objects[0]);
  return std::any_of(tables.begin(), tables.end(), [&](const LiveTable* live) {
    if (facts.verb == Verb::kCreateTable) return true;
    if (facts.verb == Verb::kCreateIndex) {
      return std::any_of(facts.indexes.begin(), facts.indexes.end(), [&](const IndexFacts& index) {
        return !index.name.empty() && live->Index(index.name) != nullptr;
      });
    }
    return facts.verb == Verb::kAlterTable &&
           std::any_of(facts.alterations.begin(), facts.alterations.end(),
                       [&](const Alteration& alteration) { return Adds(alteration, *live); });
  });
}

}  // namespace dbfleet::sql
