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

bool LiveTable::HasPrimaryKey() const {
  return std::any_of(indexes.begin(), indexes.end(),
                     [](const LiveIndex& index) { return index.primary; });
}

void SchemaSnapshot::Add(LiveTable table) {
  std::vector<LiveTable>& same = tables_[absl::AsciiStrToLower(table.name.name)];
  for (LiveTable& known : same) {
    if (!absl::EqualsIgnoreCase(known.name.schema, table.name.schema)) continue;
    known = std::move(table);
    return;
  }
  same.push_back(std::move(table));
  ++size_;
}

const LiveTable* SchemaSnapshot::Find(const Name& name) const {
  const auto found = tables_.find(absl::AsciiStrToLower(name.name));
  if (found == tables_.end()) return nullptr;
  if (name.schema.empty()) return found->second.size() == 1 ? &found->second.front() : nullptr;
  for (const LiveTable& table : found->second) {
    if (table.name.schema.empty() || absl::EqualsIgnoreCase(table.name.schema, name.schema)) {
      return &table;
    }
  }
  return nullptr;
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
