#include "common/sql/lint/snapshot.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dbfleet::sql {

const LiveColumn* LiveTable::Column(absl::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const LiveColumn& known) {
    return absl::EqualsIgnoreCase(known.name, column);
  });
  return found == columns.end() ? nullptr : &*found;
}

const LiveIndex* LiveTable::Index(absl::string_view index) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [&](const LiveIndex& known) {
    return absl::EqualsIgnoreCase(known.name, index);
  });
  return found == indexes.end() ? nullptr : &*found;
}

bool LiveTable::IsIndexed(const std::vector<std::string>& wanted) const {
  return std::any_of(indexes.begin(), indexes.end(),
                     [&](const LiveIndex& index) { return LeadsWith(index.columns, wanted); });
}

bool LiveTable::MayBeServed(const std::vector<std::string>& wanted) const {
  return std::any_of(other_indexes.begin(), other_indexes.end(), [&](const LiveIndex& index) {
    return index.columns.empty() || wanted.empty() ||
           std::any_of(wanted.begin(), wanted.end(), [&](const std::string& column) {
             return HoldsColumn(index.columns, column);
           });
  });
}

bool LiveTable::HasPrimaryKey() const {
  return std::any_of(indexes.begin(), indexes.end(),
                     [](const LiveIndex& index) { return index.primary; });
}

void SchemaSnapshot::Add(LiveTable table) {
  if (table.partitioned.value_or(false)) {
    for (const LiveIndex& index : table.indexes) {
      partitioned_indexes_.emplace(index.name, table.name.schema);
    }
  }
  schemas_.insert(table.name.schema);
  for (const auto* indexes : {&table.indexes, &table.other_indexes}) {
    for (const LiveIndex& index : *indexes) {
      if (index.name != "PRIMARY") tables_of_indexes_[index.name].push_back(table.name);
    }
  }
  std::vector<LiveTable>& same = tables_[absl::AsciiStrToLower(table.name.name)];
  for (LiveTable& known : same) {
    if (!(known.name == table.name)) continue;
    known = std::move(table);
    return;
  }
  same.push_back(std::move(table));
  ++size_;
}

const LiveTable* SchemaSnapshot::Find(const Name& name) const {
  const auto found = tables_.find(absl::AsciiStrToLower(name.name));
  if (found == tables_.end()) return nullptr;
  const LiveTable* best = nullptr;
  for (const LiveTable& table : found->second) {
    const bool same_schema = name.schema.empty() || table.name.schema.empty() ||
                             absl::EqualsIgnoreCase(table.name.schema, name.schema);
    if (!same_schema) continue;
    if (name.schema.empty() && best != nullptr &&
        !absl::EqualsIgnoreCase(best->name.schema, table.name.schema)) {
      return nullptr;
    }
    const auto likeness = [&](const LiveTable& one) {
      return (one.name.name == name.name ? 2 : 0) + (one.name.schema == name.schema ? 1 : 0);
    };
    if (best == nullptr || likeness(table) > likeness(*best)) best = &table;
  }
  return best;
}

std::vector<const LiveTable*> SchemaSnapshot::FindExact(const Name& name) const {
  std::vector<const LiveTable*> tables;
  const auto found = tables_.find(absl::AsciiStrToLower(name.name));
  if (found == tables_.end()) return tables;
  for (const LiveTable& table : found->second) {
    const bool same_schema =
        name.schema.empty() || table.name.schema.empty() || table.name.schema == name.schema;
    if (same_schema && table.name.name == name.name) tables.push_back(&table);
  }
  return tables;
}

std::vector<const LiveTable*> SchemaSnapshot::FindAlike(const Name& name) const {
  std::vector<const LiveTable*> tables;
  const auto found = tables_.find(absl::AsciiStrToLower(name.name));
  if (found == tables_.end()) return tables;
  for (const LiveTable& table : found->second) {
    const bool same_schema = name.schema.empty() || table.name.schema.empty() ||
                             absl::EqualsIgnoreCase(table.name.schema, name.schema);
    if (same_schema) tables.push_back(&table);
  }
  return tables;
}

std::vector<Name> SchemaSnapshot::TablesOfIndex(const std::string& index) const {
  const auto found = tables_of_indexes_.find(index);
  return found == tables_of_indexes_.end() ? std::vector<Name>() : found->second;
}

bool SchemaSnapshot::IsOfPartitioned(const Name& index) const {
  const auto found = partitioned_indexes_.lower_bound({index.name, index.schema});
  return found != partitioned_indexes_.end() && found->first == index.name &&
         (index.schema.empty() || found->second == index.schema);
}

bool SchemaSnapshot::MayHave(const Name& name) const {
  const auto found = tables_.find(absl::AsciiStrToLower(name.name));
  return found != tables_.end() &&
         std::any_of(found->second.begin(), found->second.end(), [&](const LiveTable& table) {
           return name.schema.empty() || table.name.schema.empty() ||
                  absl::EqualsIgnoreCase(table.name.schema, name.schema);
         });
}

bool HoldsColumn(const std::vector<std::string>& columns, absl::string_view column) {
  return std::any_of(columns.begin(), columns.end(), [&](const std::string& known) {
    return absl::EqualsIgnoreCase(known, column);
  });
}

bool LeadsWith(const std::vector<std::string>& index, const std::vector<std::string>& columns) {
  if (columns.empty() || columns.size() > index.size()) return false;
  const auto end = index.begin() + static_cast<ptrdiff_t>(columns.size());
  return std::all_of(columns.begin(), columns.end(), [&](const std::string& column) {
    return std::any_of(index.begin(), end, [&](const std::string& known) {
      return absl::EqualsIgnoreCase(known, column);
    });
  });
}

}  // namespace dbfleet::sql
