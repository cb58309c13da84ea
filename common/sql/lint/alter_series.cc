#include "common/sql/lint/alter_series.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kMostNames = 5000;

bool IsOfPartitions(AlterationKind kind) {
  switch (kind) {
    case AlterationKind::kAttachPartition:
    case AlterationKind::kDetachPartition:
    case AlterationKind::kAddPartition:
    case AlterationKind::kDropPartition:
    case AlterationKind::kTruncatePartition:
    case AlterationKind::kCheckPartition:
    case AlterationKind::kReorganizePartition:
      return true;
    default:
      return false;
  }
}

// PostgreSQL's grammar takes a rename alone, and so would a table's new name stand behind ALTER
// TABLE; in MySQL and MariaDB it costs nothing by itself.
bool Renames(const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kRenameColumn:
    case AlterationKind::kRenameConstraint:
    case AlterationKind::kRenameIndex:
    case AlterationKind::kRenameTable:
    case AlterationKind::kSetSchema:
      return true;
    default:
      return alteration.kind == AlterationKind::kModifyColumn && !alteration.new_name.empty();
  }
}

// What the grammar takes in no list with others, what has to stand in a transaction of its own, and
// what is of no use beside others. Of a kind that is not known and has no name: ENABLE KEYS,
// DISABLE TRIGGER ALL, which enclose what stands between them.
bool StandsAlone(bool postgres, const Alteration& alteration) {
  if (IsOfPartitions(alteration.kind) || Renames(alteration) || alteration.concurrently) {
    return true;
  }
  switch (alteration.kind) {
    case AlterationKind::kValidateConstraint:
    case AlterationKind::kDiscardTablespace:
    case AlterationKind::kSortRows:  // What follows it is taken for more columns.
      return true;
    case AlterationKind::kSetTablespace:  // IMPORT TABLESPACE
      return !postgres;
    case AlterationKind::kOther:
      return alteration.name.empty();
    default:
      return false;
  }
}

bool StandsAlone(bool postgres, const Facts& facts) {
  return std::any_of(facts.alterations.begin(), facts.alterations.end(),
                     [&](const Alteration& a) { return StandsAlone(postgres, a); });
}

bool SaysOnly(const Facts& facts) {
  return std::any_of(facts.alterations.begin(), facts.alterations.end(),
                     [](const Alteration& alteration) { return alteration.only; });
}

}  // namespace

bool AlterSeries::MayTake(bool postgres, const Facts& facts) const {
  if (empty() || StandsAlone(postgres, facts) || SaysOnly(facts) != only) return false;
  return std::none_of(facts.alterations.begin(), facts.alterations.end(), [&](const Alteration& a) {
    // In one statement with SET NOT NULL a CHECK is dropped before it could prove anything.
    if (postgres && a.kind == AlterationKind::kDropConstraint) return true;
    // A new column has no rows to be filled, a dropped one is gone before anything is done to it.
    return names.count(absl::AsciiStrToLower(a.name)) > 0;
  });
}

void AlterSeries::Add(int statement, bool postgres, const Facts& facts, const Effects& effects) {
  if (!MayTake(postgres, facts) || names.size() > kMostNames) *this = AlterSeries();
  if (StandsAlone(postgres, facts)) return;
  if (empty()) first = statement;
  last = statement;
  only = SaysOnly(facts);
  mix.Add(MixOf(facts));
  rewrite = rewrite || effects.rewrites_table;
  block = std::max(block, effects.blocks);
  if (algorithm.empty()) algorithm = facts.algorithm;
  for (const Alteration& alteration : facts.alterations) {
    if (!alteration.name.empty()) names.insert(absl::AsciiStrToLower(alteration.name));
  }
}

}  // namespace dbfleet::sql
