#include "common/sql/lint/followed_schema.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

// What names stand for. What statements change: followed_changes.cc; indexes: followed_indexes.cc.
namespace dbfleet::sql {
namespace {

constexpr char kTemporary[] = "pg_temp";

std::string Lower(const std::string& text) { return absl::AsciiStrToLower(text); }

std::string KeyOf(const Name& table) { return absl::StrCat(table.schema, ".", table.name); }

}  // namespace

bool FollowedSchema::MayBeIn(const std::string& schema, const std::string& wanted) {
  if (schema == kTemporary || wanted == kTemporary) return wanted.empty() || schema == wanted;
  return schema.empty() || wanted.empty() || absl::EqualsIgnoreCase(schema, wanted);
}

bool FollowedSchema::Found::IsPartitioned() const {
  if (!is_there()) return false;
  return live != nullptr ? live->partitioned.value_or(false) : changed->partitioned;
}

bool FollowedSchema::Found::KnowsColumns() const {
  return is_there() && (live != nullptr ? !live->columns.empty() : changed->columns_known);
}

bool FollowedSchema::Found::HasColumn(absl::string_view column) const {
  if (live != nullptr) return live->Column(column) != nullptr;
  return HoldsColumn(changed->columns, column);
}

std::vector<std::string> FollowedSchema::Found::Columns() const {
  if (live == nullptr) return changed->columns;
  std::vector<std::string> columns;
  for (const LiveColumn& column : live->columns) columns.push_back(column.name);
  return columns;
}

FollowedSchema::FollowedSchema(const Target& target, const SchemaSnapshot* snapshot)
    : postgres_(target.postgres()), snapshot_(snapshot) {}

// MySQL's names without a database are the current one's, if that is known; where PostgreSQL's are
// looked for depends on the path, so that they may be any schema's.
Name FollowedSchema::Wanted(const Name& name, const Session& session) const {
  if (postgres_) {
    if (absl::StartsWith(name.schema, kTemporary)) return {kTemporary, name.name};
    return name;
  }
  const bool current = name.schema.empty() && session.place_known();
  return current ? Name{session.place(), name.name} : name;
}

Name FollowedSchema::NameMade(const Name& name, const Session& session) const {
  const Name wanted = Wanted(name, session);
  const bool by_path = wanted.schema.empty() && session.place_known() && !session.place_guessed();
  return by_path ? Name{session.place(), name.name} : wanted;
}

// A guess is no longer the same place once the script has made the schema.
std::string FollowedSchema::PlaceOf(const Session& session) {
  return absl::StrCat(session.place(), session.place_guessed() ? "\x01?" : "");
}

bool FollowedSchema::IsChanged(const Name& live) const {
  const auto same = changed_.find(Lower(live.name));
  return same != changed_.end() &&
         std::any_of(same->second.begin(), same->second.end(),
                     [&](const Table& table) { return !table.temporary && table.name == live; });
}

FollowedSchema::Found FollowedSchema::Find(const Name& written, const Session& session) const {
  const Name name = Wanted(written, session);
  std::vector<Found> there;
  Found missing;
  missing.presence = Presence::kMissing;
  bool certainly_gone = false;
  if (const auto same = changed_.find(Lower(name.name)); same != changed_.end()) {
    for (const Table& table : same->second) {
      if (!MayBeIn(table.name.schema, name.schema)) continue;
      if (table.presence == Presence::kUnknown) return Found();
      if (table.presence == Presence::kThere) {
        there.push_back({Presence::kThere, false, nullptr, &table});
        continue;
      }
      missing.gone = true;
      certainly_gone = certainly_gone || (!name.schema.empty() && table.name == name);
    }
  }
  if (snapshot_ != nullptr && !all_in_doubt_) {
    for (const LiveTable* live : snapshot_->FindAlike(name)) {
      if (!IsChanged(live->name)) there.push_back({Presence::kThere, false, live, nullptr});
    }
  }
  // Servers that tell letter case apart may have several.
  if (there.size() > 1) {
    there.erase(std::remove_if(there.begin(), there.end(),
                               [&](const Found& one) { return one.name().name != name.name; }),
                there.end());
    return there.size() == 1 ? there[0] : Found();
  }
  if (!there.empty()) return there[0];
  const bool complete = snapshot_ != nullptr && snapshot_->complete && !all_in_doubt_;
  return complete || certainly_gone ? missing : Found();
}

bool FollowedSchema::IsMadeThere(const Name& name, const Found& found,
                                 const Session& session) const {
  if (!found.is_there() || found.name().name != name.name) return false;
  if (found.changed != nullptr && found.changed->temporary) return false;
  const std::string& schema = found.name().schema;
  const Name made = NameMade(name, session);
  const bool only_one = snapshot_ != nullptr && snapshot_->HasOneSchema();
  const bool by_path = found.changed != nullptr && schema.empty();
  if (by_path && found.changed->place != PlaceOf(session)) return false;
  if (!made.schema.empty()) return made.schema == schema || (schema.empty() && only_one);
  // By the same path as before.
  if (found.changed != nullptr && found.changed->place == PlaceOf(session)) return true;
  // Nothing says another schema than the one that there is; PostgreSQL's is "public" by default.
  const bool nothing_set = session.place() == Session::kFirstPlace;
  return nothing_set && only_one && (!postgres_ || schema == "public" || schema.empty());
}

bool FollowedSchema::TouchedElsewhere(const Found& found, const std::string& column) const {
  if (!postgres_) return false;
  const auto touched = touched_.find(column);
  return touched != touched_.end() && touched->second != KeyOf(found.name());
}

// What is done by it to heirs is not seen, so that their columns are in doubt by their names.
void FollowedSchema::Touch(const Name& table, const Alteration& alteration) {
  for (const std::string& column : {alteration.name, alteration.new_name}) {
    if (column.empty()) continue;
    const auto [touched, first] = touched_.emplace(column, KeyOf(table));
    if (!first && touched->second != KeyOf(table)) touched->second.clear();
  }
}

// Lists that are left out are not known.
FollowedSchema::Table FollowedSchema::CopyOf(const LiveTable& live) const {
  Table table;
  table.name = live.name;
  table.partitioned = live.partitioned.value_or(false);
  table.columns_known = !live.columns.empty();
  for (const LiveColumn& column : live.columns) table.columns.push_back(column.name);
  table.indexes_known = snapshot_->complete && !live.indexes.empty();
  for (const auto* indexes : {&live.indexes, &live.other_indexes}) {
    for (const LiveIndex& index : *indexes) table.indexes[IndexName(index.name)] = index.columns;
  }
  return table;
}

}  // namespace dbfleet::sql
