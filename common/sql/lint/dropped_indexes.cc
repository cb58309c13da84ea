#include "common/sql/lint/dropped_indexes.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace dbfleet::sql {
namespace {

bool MayBe(const std::string& one, const std::string& other) {
  return one.empty() || other.empty() || one == other;
}

}  // namespace

void DroppedIndexes::Add(Part part, const std::string& name, const Name& table) {
  constexpr size_t kMost = 10'000;  // So many that no script takes much memory.
  too_many_ = too_many_ || ++count_ > kMost;
  if (too_many_) return;
  dropped_[{part, absl::AsciiStrToLower(name)}].emplace(absl::AsciiStrToLower(table.schema),
                                                        absl::AsciiStrToLower(table.name));
}

bool DroppedIndexes::Has(Part part, const std::string& name, const Name& table) const {
  const auto same = dropped_.find({part, absl::AsciiStrToLower(name)});
  if (same == dropped_.end()) return false;
  const std::string schema = absl::AsciiStrToLower(table.schema);
  const std::string own = absl::AsciiStrToLower(table.name);
  return std::any_of(same->second.begin(), same->second.end(), [&](const auto& whose) {
    return MayBe(whose.first, schema) && MayBe(whose.second, own);
  });
}

void DroppedIndexes::Note(const Facts& facts) {
  if (facts.verb == Verb::kDropIndex) {
    for (const IndexFacts& index : facts.indexes) {
      // PostgreSQL's are said with their schema, and without their table.
      if (!index.table.name.empty()) Add(Part::kIndex, index.name, index.table);
    }
    for (const Name& index : facts.objects) Add(Part::kIndex, index.name, {index.schema, ""});
  }
  if (facts.verb != Verb::kAlterTable || facts.objects.empty()) return;
  const Name& table = facts.objects[0];
  for (const Alteration& alteration : facts.alterations) {
    switch (alteration.kind) {
      case AlterationKind::kDropIndex:
      case AlterationKind::kDropConstraint:
        Add(Part::kIndex, alteration.name, table);
        break;
      case AlterationKind::kDropPrimaryKey:
        Add(Part::kPrimaryKey, "", table);
        break;
      case AlterationKind::kDropColumn:
      case AlterationKind::kRenameColumn:
        Add(Part::kColumn, alteration.name, table);
        break;
      default:
        break;
    }
  }
}

bool DroppedIndexes::MayHave(const LiveTable& table, const LiveIndex& index) const {
  if (too_many_ || Has(Part::kIndex, index.name, table.name)) return true;
  if (index.primary && Has(Part::kPrimaryKey, "", table.name)) return true;
  return std::any_of(index.columns.begin(), index.columns.end(), [&](const std::string& column) {
    return Has(Part::kColumn, column, table.name);
  });
}

}  // namespace dbfleet::sql
