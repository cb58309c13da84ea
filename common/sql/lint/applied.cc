#include "common/sql/lint/applied.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql {
namespace {

std::string Lower(absl::string_view name) { return absl::AsciiStrToLower(name); }

std::string Joined(const Name& name) {
  return Lower(name.schema.empty() ? name.name : absl::StrCat(name.schema, ".", name.name));
}

Name NameOf(const std::string& key) {
  const size_t dot = key.find('.');
  return dot == key.npos ? Name{"", key} : Name{key.substr(0, dot), key.substr(dot + 1)};
}

bool SameColumns(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return absl::EqualsIgnoreCase(one, other);
  });
}

}  // namespace

AppliedSigns::AppliedSigns(const Target& target, const SchemaSnapshot& snapshot)
    : postgres_(target.postgres()), snapshot_(snapshot) {}

// What goes by two names is one table where the snapshot has only one that may be meant.
std::string AppliedSigns::TableKey(const Name& name) const {
  const std::vector<const LiveTable*> live = snapshot_.FindAlike(name);
  return Joined(live.size() == 1 ? live[0]->name : name);
}

const LiveTable* AppliedSigns::Live(const std::string& table, bool* certain) const {
  const std::vector<const LiveTable*> live = snapshot_.FindAlike(NameOf(table));
  *certain = live.size() == 1 || (live.empty() && snapshot_.complete);
  return live.size() == 1 ? live[0] : nullptr;
}

AppliedSigns::Presence AppliedSigns::LookForIndex(const Key& key, const Thing& thing,
                                                  const LiveTable& live) const {
  for (const LiveIndex& index : live.other_indexes) {
    if (absl::EqualsIgnoreCase(index.name, key.name)) return Presence::kThere;
  }
  for (const LiveIndex& index : live.indexes) {
    if (!absl::EqualsIgnoreCase(index.name, key.name)) continue;
    // Another one of that name is not what the file makes.
    const bool same = !thing.there || thing.columns.empty() || index.columns.empty() ||
                      SameColumns(thing.columns, index.columns);
    return same ? Presence::kThere : Presence::kMissing;
  }
  return live.indexes.empty() ? Presence::kUnknown : Presence::kMissing;
}

AppliedSigns::Presence AppliedSigns::Look(const Key& key, const Thing& thing) const {
  bool certain = false;
  const LiveTable* live = Live(key.table, &certain);
  if (!certain) return Presence::kUnknown;
  if (key.kind == Kind::kTable) return live == nullptr ? Presence::kMissing : Presence::kThere;
  if (live == nullptr) return Presence::kUnknown;  // It went with its table, which says so itself.
  if (key.kind == Kind::kIndex) return LookForIndex(key, thing, *live);
  if (live->columns.empty()) return Presence::kUnknown;
  return live->Column(key.name) == nullptr ? Presence::kMissing : Presence::kThere;
}

AppliedSigns::Thing& AppliedSigns::Touch(const Key& key) {
  touched_.insert(key);
  Thing& thing = things_[key];
  thing.file = file_;
  return thing;
}

void AppliedSigns::Make(const Key& key, bool sign, std::vector<std::string> columns) {
  Thing& thing = Touch(key);
  thing.there = true;
  thing.sign = sign;
  thing.made_by = file_;
  thing.columns = std::move(columns);
  if (postgres_ && key.kind == Kind::kIndex) tables_of_index_[key.name].insert(key.table);
}

void AppliedSigns::Take(const Key& key) { Touch(key).there = false; }

void AppliedSigns::MakeIndex(const std::string& table, const IndexFacts& index, bool sign) {
  if (index.name.empty() || index.primary || index.using_index) return;
  const bool expression =
      std::any_of(index.columns.begin(), index.columns.end(),
                  [](const std::string& column) { return absl::StartsWith(column, "("); });
  Make({table, Kind::kIndex, Lower(index.name)}, sign,
       expression ? std::vector<std::string>() : index.columns);
}

// PostgreSQL's DROP INDEX does not name the table.
void AppliedSigns::TakeIndex(const std::string& table, const std::string& index) {
  const std::string name = Lower(index);
  if (!postgres_) return Take({table, Kind::kIndex, name});
  const auto tables = tables_of_index_.find(name);
  if (tables == tables_of_index_.end()) return;
  for (const std::string& one : tables->second) Take({one, Kind::kIndex, name});
  tables_of_index_.erase(tables);
}

void AppliedSigns::CreateTable(const Facts& facts) {
  if (facts.temporary) return;
  const std::string table = TableKey(facts.objects[0]);
  const bool sign = !facts.if_not_exists && !facts.or_replace;
  Make({table, Kind::kTable, ""}, sign);
  // Those of another table of that name tell nothing.
  if (facts.if_not_exists) return;
  for (const ColumnFacts& column : facts.columns) {
    Make({table, Kind::kColumn, Lower(column.name)}, sign);
  }
  for (const IndexFacts& index : facts.indexes) MakeIndex(table, index, sign);
}

void AppliedSigns::DropTable(const std::string& table) {
  Take({table, Kind::kTable, ""});
  for (auto it = things_.lower_bound({table, Kind::kTable, ""});
       it != things_.end() && it->first.table == table; ++it) {
    Take(it->first);
  }
}

void AppliedSigns::RenameTable(const std::string& from, const std::string& to) {
  std::map<Key, Thing> moved;
  for (auto it = things_.lower_bound({from, Kind::kColumn, ""});
       it != things_.end() && it->first.table == from;) {
    Uncount(&it->second);
    const Key key = {to, it->first.kind, it->first.name};
    if (postgres_ && key.kind == Kind::kIndex) tables_of_index_[key.name].insert(to);
    touched_.erase(it->first);
    touched_.insert(key);
    moved[key] = std::move(it->second);
    it = things_.erase(it);
  }
  Take({from, Kind::kTable, ""});
  Make({to, Kind::kTable, ""}, true);
  things_.merge(moved);
}

void AppliedSigns::Alter(const Facts& facts) {
  std::string table = TableKey(facts.objects[0]);
  for (const Alteration& alteration : facts.alterations) {
    const std::string name = Lower(alteration.name);
    const std::string new_name = Lower(alteration.new_name);
    const bool sign = !alteration.if_exists;
    switch (alteration.kind) {
      case AlterationKind::kAddColumn:
        if (!alteration.column.has_value()) break;
        Make({table, Kind::kColumn, Lower(alteration.column->name)}, sign);
        break;
      case AlterationKind::kDropColumn:
        Take({table, Kind::kColumn, name});
        break;
      case AlterationKind::kRenameColumn:
      case AlterationKind::kModifyColumn:
        if (new_name.empty() || new_name == name) break;
        Take({table, Kind::kColumn, name});
        Make({table, Kind::kColumn, new_name}, sign);
        break;
      case AlterationKind::kAddIndex:
        if (alteration.index.has_value()) MakeIndex(table, *alteration.index, sign);
        break;
      case AlterationKind::kDropIndex:
        TakeIndex(table, name);
        break;
      case AlterationKind::kDropConstraint:
        if (things_.count({table, Kind::kIndex, name}) > 0) TakeIndex(table, name);
        break;
      case AlterationKind::kRenameTable:
        if (facts.objects.size() < 2) break;
        RenameTable(table, TableKey(facts.objects[1]));
        table = TableKey(facts.objects[1]);
        break;
      default:
        break;
    }
  }
}

void AppliedSigns::Note(const Facts& facts) {
  if (facts.objects.empty()) return;
  const std::string first = TableKey(facts.objects[0]);
  switch (facts.verb) {
    case Verb::kCreateTable:
      return CreateTable(facts);
    case Verb::kAlterTable:
      return Alter(facts);
    case Verb::kDropTable:
      for (const Name& name : facts.objects) DropTable(TableKey(name));
      return;
    case Verb::kRenameTable:
      for (size_t i = 0; i + 1 < facts.objects.size(); i += 2) {
        RenameTable(TableKey(facts.objects[i]), TableKey(facts.objects[i + 1]));
      }
      return;
    case Verb::kCreateIndex:
      for (const IndexFacts& index : facts.indexes) MakeIndex(first, index, !facts.if_not_exists);
      return;
    case Verb::kDropIndex:
      for (const IndexFacts& index : facts.indexes) TakeIndex(first, index.name);
      return;
    default:
      return;
  }
}

void AppliedSigns::Uncount(Thing* thing) {
  for_it_ -= std::exchange(thing->for_it, false) ? 1 : 0;
  against_it_ -= std::exchange(thing->against_it, false) ? 1 : 0;
}

void AppliedSigns::Count(const Key& key, Thing* thing) {
  Uncount(thing);
  const Presence presence = Look(key, *thing);
  if (presence == Presence::kUnknown) return;
  if ((presence == Presence::kThere) != thing->there) {
    thing->against_it = true;
    ++against_it_;
    return;
  }
  // What goes in the file that made it no snapshot has ever had, and what the series did not make
  // may never have been there.
  const bool taken = thing->made_by > 0 && thing->made_by < thing->file;
  if (!thing->sign || !(thing->there || taken)) return;
  thing->for_it = true;
  ++for_it_;
}

void AppliedSigns::BeginFile() {
  ++file_;
  touched_.clear();
}

bool AppliedSigns::EndFile() {
  constexpr size_t kFewAgainst = 10;  // One for so many signs.
  bool own = false;
  bool against = false;
  for (const Key& key : touched_) {
    const auto found = things_.find(key);
    if (found == things_.end()) continue;
    Thing& thing = found->second;
    Count(key, &thing);
    own = own || (thing.for_it && thing.file == file_);
    against = against || (thing.against_it && thing.file == file_);
  }
  return own && !against && against_it_ * kFewAgainst <= for_it_;
}

}  // namespace dbfleet::sql
