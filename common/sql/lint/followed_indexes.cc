#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/lint/followed_schema.h"

// The indexes of the tables of a snapshot, and what statements make of them.
namespace dbfleet::sql {
namespace {

std::string Lower(const std::string& text) { return absl::AsciiStrToLower(text); }

}  // namespace

// MySQL's are the same in any letter case.
std::string FollowedSchema::IndexName(const std::string& index) const {
  return postgres_ ? index : Lower(index);
}

std::vector<FollowedSchema::Found> FollowedSchema::WithIndex(const std::string& index) const {
  std::vector<Found> found;
  if (const auto made = made_indexes_.find(index); made != made_indexes_.end()) {
    for (const Name& name : made->second) {
      const auto same = changed_.find(Lower(name.name));
      if (same == changed_.end()) continue;
      for (const Table& table : same->second) {
        if (table.name == name && table.presence == Presence::kThere &&
            table.indexes.count(index) > 0) {
          found.push_back({Presence::kThere, false, nullptr, &table});
        }
      }
    }
  }
  if (snapshot_ == nullptr || all_in_doubt_) return found;
  for (const Name& name : snapshot_->TablesOfIndex(index)) {
    for (const LiveTable* live : snapshot_->FindExact(name)) {
      if (!IsChanged(live->name)) {
        found.push_back({Presence::kThere, false, live, nullptr});
        continue;
      }
      for (const Table& table : changed_.at(Lower(name.name))) {
        if (table.name == live->name && table.presence == Presence::kThere &&
            table.indexes.count(index) > 0) {
          found.push_back({Presence::kThere, false, nullptr, &table});
        }
      }
    }
  }
  return found;
}

bool FollowedSchema::IsOfPartitioned(const Name& index) const {
  if (!postgres_) return false;
  bool any = false;
  for (const Found& found : WithIndex(index.name)) {
    if (!MayBeIn(found.name().schema, index.schema)) continue;
    if (!found.IsPartitioned()) return false;
    any = true;
  }
  return any;
}

bool FollowedSchema::HasIndex(const Found& table, const std::string& index) const {
  if (!table.is_there() || index.empty()) return false;
  if (postgres_) {
    if (may_lack_tables_) return false;
    const std::vector<Found> with = WithIndex(index);
    return std::any_of(with.begin(), with.end(), [&](const Found& one) {
      return one.name() == table.name() ||
             (!table.name().schema.empty() && one.name().schema == table.name().schema);
    });
  }
  if (table.changed != nullptr) return table.changed->indexes.count(IndexName(index)) > 0;
  return CopyOf(*table.live).indexes.count(IndexName(index)) > 0;
}

bool FollowedSchema::LacksIndex(const Found& table, const std::string& index) const {
  if (postgres_ || !table.is_there() || index.empty()) return false;
  const Table copy = table.live != nullptr ? CopyOf(*table.live) : Table();
  const Table& known = table.live != nullptr ? copy : *table.changed;
  const std::string name = IndexName(index);
  return known.indexes_known && known.indexes.count(name) == 0 &&
         known.maybe_indexes.count(name) == 0;
}

void FollowedSchema::DoubtIndex(const std::string& index, Table* table) const {
  table->indexes.erase(index);
  table->maybe_indexes.insert(index);
}

// PostgreSQL: of whatever table.
void FollowedSchema::DoubtIndexes(const std::string& index) {
  constexpr size_t kMostTables = 100;
  for (size_t i = 0; i < kMostTables; ++i) {  // Each doubt takes one away.
    const std::vector<Found> with = WithIndex(index);
    if (with.empty()) return;
    DoubtIndex(index, Exact(with[0]));
  }
}

// What is not noted is not said to be there.
void FollowedSchema::NoteMadeIndex(const std::string& index, const Name& table) {
  std::vector<Name>& made = made_indexes_[index];
  const bool known = std::find(made.begin(), made.end(), table) != made.end();
  if (!known && made.size() < kMostFollowed) made.push_back(table);
}

void FollowedSchema::AddIndex(const IndexFacts& index, Table* table) {
  if (index.primary && !postgres_) return;
  if (index.using_index || index.name.empty()) {
    // It takes the name of one that is there; or the server gives it one.
    if (index.using_index) table->indexes.clear();
    table->indexes_known = false;
    return;
  }
  if (table->indexes.size() >= kMostFollowedParts) return;
  if (!postgres_) {
    // The one that a foreign key made for itself goes when there is another for it.
    std::vector<std::string> served;
    for (const auto& [name, columns] : table->indexes) {
      if (LeadsWith(index.columns, columns)) served.push_back(name);
    }
    for (const std::string& name : served) DoubtIndex(name, table);
  }
  table->indexes[IndexName(index.name)] = index.columns;
  if (postgres_) NoteMadeIndex(index.name, table->name);
}

void FollowedSchema::AlterIndexes(const Alteration& alteration, Table* table) {
  const std::string name = IndexName(alteration.name);
  switch (alteration.kind) {
    case AlterationKind::kAddIndex:
      if (!alteration.index.has_value()) {
        table->indexes_known = false;
      } else if (!alteration.if_exists) {
        AddIndex(*alteration.index, table);
      } else {
        table->maybe_indexes.insert(IndexName(alteration.index->name));
      }
      return;
    case AlterationKind::kAddForeignKey:
      if (postgres_) return;
      if (alteration.name.empty()) table->indexes_known = false;
      table->maybe_indexes.insert(name);
      return;
    case AlterationKind::kDropIndex:
      table->indexes.erase(name);
      table->maybe_indexes.erase(name);
      return;
    case AlterationKind::kRenameIndex: {
      const auto index = table->indexes.find(name);
      if (index != table->indexes.end()) {
        table->indexes[IndexName(alteration.new_name)] = index->second;
        table->indexes.erase(name);
      }
      return;
    }
    case AlterationKind::kDropConstraint:
    case AlterationKind::kRenameConstraint:
      if (table->indexes.count(name) > 0) DoubtIndex(name, table);
      return;
    default:
      return;
  }
}

}  // namespace dbfleet::sql
