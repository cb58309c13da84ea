#include "common/sql/mysql/alter_effects.h"

#include <algorithm>

#include "common/sql/model/alter_mix.h"
#include "common/sql/model/engines.h"
#include "common/sql/mysql/ddl.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr Blocking kFree = Blocking::kNothing;
constexpr Blocking kNoWrites = Blocking::kWrites;
constexpr Blocking kNobody = Blocking::kReadsAndWrites;

// blocks, locks rows, rewrites the table, scans it, undo.
Effects Instant(Undo undo) { return {kFree, false, false, false, undo}; }
Effects Rebuild(Undo undo) { return {kFree, false, true, false, undo}; }
Effects Copy(Undo undo) { return {kNoWrites, false, true, true, undo}; }

// MySQL 8.0.12 and MariaDB 10.3 add a last column at once, MySQL 8.0.29 and MariaDB 10.4 any.
Effects OfAddedColumn(const Draft& draft, const ColumnFacts& column) {
  if (column.auto_increment || column.generated_stored || column.check || column.primary_key) {
    return Copy(Undo::kInverse);
  }
  // MariaDB 10.5 and MySQL 9 make a foreign key of it, for which both copy the table; older ones
  // read and ignore it.
  if (column.references.has_value() && draft.Since({9, 0, 0}, {10, 5, 0})) {
    return Copy(Undo::kInverse);
  }
  if (column.unique) return {kNoWrites, false, true, true, Undo::kInverse};
  if (column.generated_virtual) return Instant(Undo::kInverse);
  if (column.default_kind == DefaultKind::kVolatile) return Copy(Undo::kInverse);
  const bool last = column.position_after.empty() && !column.position_first;
  const bool instant =
      last ? draft.Since({8, 0, 12}, {10, 3, 0}) : draft.Since({8, 0, 29}, {10, 4, 0});
  return instant ? Instant(Undo::kInverse) : Rebuild(Undo::kInverse);
}

Effects OfAddedIndex(const IndexFacts& index) {
  if (index.primary) return {kFree, false, true, true, Undo::kInverse};
  // A table's first FULLTEXT index gives each row a number, FTS_DOC_ID; whether it is the first is
  // not known here.
  return {index.special ? kNoWrites : kFree, false, index.fulltext, true, Undo::kInverse};
}

Effects OfPartitions(AlterationKind kind) {
  switch (kind) {
    case AlterationKind::kAddPartition:
      return {kNoWrites, false, false, false, Undo::kInverse};
    case AlterationKind::kDropPartition:
    case AlterationKind::kTruncatePartition:
      return {kNobody, false, false, false, Undo::kBackup};
    case AlterationKind::kDetachPartition:
      return {kNobody, false, false, true, Undo::kInverse};
    default:
      return Copy(Undo::kInverse);
  }
}

Effects OfWhole(AlterationKind kind) {
  switch (kind) {
    case AlterationKind::kConvertCharset:
      return Copy(Undo::kBackup);
    case AlterationKind::kForce:
      return Rebuild(Undo::kNothingToUndo);
    case AlterationKind::kSetStorage:
      return Rebuild(Undo::kInverse);
    case AlterationKind::kSetTablespace:
      return {kNobody, false, true, false, Undo::kBackup};
    case AlterationKind::kDiscardTablespace:
      return {kNobody, false, false, false, Undo::kBackup};
    case AlterationKind::kRenameTable:
      return {kNobody, false, false, false, Undo::kInverse};
    default:
      // The options of a table are kept beside it; the rest is not known to be harmless.
      return {kFree, false, false, false, Undo::kInverse};
  }
}

Effects Of(const Draft& draft, const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kAddColumn:
      return OfAddedColumn(draft, *alteration.column);
    case AlterationKind::kDropColumn:
      return draft.Since({8, 0, 29}, {10, 4, 0}) ? Instant(Undo::kBackup) : Rebuild(Undo::kBackup);
    case AlterationKind::kDropVersioning:  // The history's rows go while nobody writes.
      return {kNoWrites, false, true, true, Undo::kBackup};
    case AlterationKind::kModifyColumn:
      return Copy(Undo::kBackup);  // What the column was is not known here.
    case AlterationKind::kRenameColumn:
    case AlterationKind::kSetDefault:
    case AlterationKind::kDropDefault:
    case AlterationKind::kDropIndex:
    case AlterationKind::kRenameIndex:
    case AlterationKind::kIndexVisibility:
    case AlterationKind::kDropConstraint:
      return Instant(Undo::kInverse);
    case AlterationKind::kAddIndex:
      return OfAddedIndex(*alteration.index);
    case AlterationKind::kSetEngine:
      return Copy(KeepsAllRows(alteration.name) ? Undo::kInverse : Undo::kBackup);
    case AlterationKind::kVersioning:
    case AlterationKind::kSortRows:
    case AlterationKind::kDropPrimaryKey:
    case AlterationKind::kAddForeignKey:  // In place only while foreign_key_checks is off.
    case AlterationKind::kAddCheck:
      return Copy(Undo::kInverse);
    case AlterationKind::kAddPartition:
    case AlterationKind::kDropPartition:
    case AlterationKind::kTruncatePartition:
    case AlterationKind::kReorganizePartition:
    case AlterationKind::kDetachPartition:
      return OfPartitions(alteration.kind);
    default:
      return OfWhole(alteration.kind);
  }
}

}  // namespace

void ApplyAlterEffects(Draft* draft) {
  Effects& effects = draft->reading.verdict.effects;
  const std::vector<Alteration>& alterations = draft->reading.facts.alterations;
  effects = Instant(Undo::kNothingToUndo);
  if (alterations.empty()) effects.undo = Undo::kInverse;
  for (const Alteration& alteration : alterations) {
    const Effects of = Of(*draft, alteration);
    effects.blocks = std::max(effects.blocks, of.blocks);
    effects.rewrites_table = effects.rewrites_table || of.rewrites_table;
    effects.scans_table = effects.scans_table || of.scans_table;
    effects.undo = std::max(effects.undo, of.undo);
  }
  // It copies the table, and leaves out what a new key does not allow.
  if (draft->reading.facts.ignore) {
    effects = {std::max(effects.blocks, kNoWrites), false, true, true, Undo::kBackup};
  }
  const AlterMix mix = MixOf(draft->reading.facts);
  if (mix.Copies()) effects.scans_table = true;
  if (mix.Copies() || mix.Rebuilds(draft->target)) effects.rewrites_table = true;
  if (mix.Copies() || mix.KeepsWritersOut()) effects.blocks = std::max(effects.blocks, kNoWrites);
  ApplyOnlineOptions(draft);
}

// A server refuses an ALGORITHM or LOCK that it cannot keep, so that they hold where it runs.
void ApplyOnlineOptions(Draft* draft) {
  const Facts& facts = draft->reading.facts;
  Effects& effects = draft->reading.verdict.effects;
  if (facts.algorithm == "instant") {
    effects.blocks = std::min(effects.blocks, kFree);
    effects.rewrites_table = effects.scans_table = false;
  } else if (facts.algorithm == "nocopy") {
    effects.rewrites_table = false;
  } else if (facts.algorithm == "copy") {
    effects.rewrites_table = effects.scans_table = true;
    effects.blocks = std::max(effects.blocks, kNoWrites);
  }
  if (facts.lock == "none") {
    effects.blocks = kFree;
  } else if (facts.lock == "shared") {
    effects.blocks = std::max(effects.blocks, kNoWrites);
  } else if (facts.lock == "exclusive") {
    effects.blocks = kNobody;
  }
}

}  // namespace dbfleet::sql::mysql
