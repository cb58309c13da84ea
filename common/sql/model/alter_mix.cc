#include "common/sql/model/alter_mix.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace dbfleet::sql {

void AlterMix::Add(const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kAddColumn:
      if (alteration.column.has_value() && alteration.column->generated_virtual) {
        virtual_ = true;
        beside_virtual_ = beside_virtual_ || alteration.column->unique;
        virtual_columns_.insert(absl::AsciiStrToLower(alteration.name));
        return;
      }
      column_ = beside_virtual_ = true;
      // Its own UNIQUE is an index.
      if (alteration.column.has_value() && alteration.column->unique) builds_index_ = true;
      return;
    case AlterationKind::kDropColumn:
    case AlterationKind::kDropVersioning:  // With its two columns.
      column_ = dropped_column_ = true;
      return;
    case AlterationKind::kAddIndex: {
      builds_index_ = changes_index_ = true;
      if (!alteration.index.has_value()) return;
      const IndexFacts& index = *alteration.index;
      if (index.unique || index.fulltext) beside_virtual_ = true;
      if (index.fulltext) fulltext_ = std::min(fulltext_ + 1, 2);
      indexes_virtual_ =
          indexes_virtual_ ||
          std::any_of(index.columns.begin(), index.columns.end(), [&](const std::string& column) {
            return virtual_columns_.count(absl::AsciiStrToLower(column)) > 0;
          });
      return;
    }
    case AlterationKind::kDropIndex:
      changes_index_ = true;
      return;
    case AlterationKind::kRenameIndex:
    case AlterationKind::kIndexVisibility:
      changes_index_ = beside_virtual_ = true;
      return;
    default:
      beside_virtual_ = true;
      return;
  }
}

void AlterMix::Add(const AlterMix& other) {
  column_ = column_ || other.column_;
  dropped_column_ = dropped_column_ || other.dropped_column_;
  builds_index_ = builds_index_ || other.builds_index_;
  changes_index_ = changes_index_ || other.changes_index_;
  virtual_ = virtual_ || other.virtual_;
  beside_virtual_ = beside_virtual_ || other.beside_virtual_;
  // Which columns an index of another statement is about is not remembered.
  indexes_virtual_ = indexes_virtual_ || other.indexes_virtual_ || (virtual_ && builds_index_);
  fulltext_ = std::min(fulltext_ + other.fulltext_, 2);
}

bool AlterMix::Rebuilds(const Target& target) const {
  // MariaDB drops, renames and hides indexes without building anything.
  return column_ && (target.dialect == Dialect::kMariaDb ? builds_index_ : changes_index_);
}

bool AlterMix::Copies() const {
  if (fulltext_ > 1) return true;
  return virtual_ && (beside_virtual_ || (dropped_column_ && changes_index_));
}

AlterMix MixOf(const Facts& facts) {
  AlterMix mix;
  // An index may stand in front of the column that it is about.
  for (const Alteration& alteration : facts.alterations) {
    if (alteration.kind == AlterationKind::kAddColumn) mix.Add(alteration);
  }
  for (const Alteration& alteration : facts.alterations) {
    if (alteration.kind != AlterationKind::kAddColumn) mix.Add(alteration);
  }
  return mix;
}

}  // namespace dbfleet::sql
