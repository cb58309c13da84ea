#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "common/sql/lint/script.h"
#include "common/sql/model/engines.h"

// Whose rows are in which tables, and whose indexes are whose.
namespace dbfleet::sql {
namespace {

std::string IndexKey(const std::string& place, const std::string& index) {
  return absl::StrCat(place, absl::string_view("\0", 1), index);
}

// Which of them a place is that is not known nobody can tell; temporary tables have their own.
bool IsUnknown(const std::string& place) {
  return place.size() > 1 && place[0] == '\x01' &&
         absl::ascii_isdigit(static_cast<unsigned char>(place[1]));
}

bool IsTemporary(const std::string& place) {
  return place.size() > 1 && place[0] == '\x01' && !IsUnknown(place);
}

bool MayBeSame(const std::string& one, const std::string& other) {
  if (IsTemporary(one) || IsTemporary(other)) return false;
  return one == other || IsUnknown(one) || IsUnknown(other);
}

}  // namespace

// Whether the table may be one that is looked for in `place`: a server of MySQL's may take the
// databases D and d for one, and one of PostgreSQL's may not have the schema that is guessed.
bool Script::MayBeAlike(const TableState& state, const std::string& place) const {
  if (postgres_) return state.guessed && session_.MayMean(state.place, place);
  const auto database = [](absl::string_view of) {
    if (IsTemporary(std::string(of))) of.remove_prefix(2);
    return of;
  };
  return state.place != place && absl::EqualsIgnoreCase(database(state.place), database(place));
}

// What is done to the one may be done to one of these. Not where the script made it, for then a
// name stands for that.
void Script::ForgetOthers(const Name& table, size_t index) {
  const TableState& state = tables_[index];
  const bool certain = (state.is_made() && !state.may_have_existed) || state.renamed;
  if (certain || (postgres_ && state.temporary)) return;
  const auto same = by_name_.find(absl::AsciiStrToLower(table.name));
  if (same == by_name_.end() || same->second.size() < 2) return;
  if (same->second.size() > kMostPlaces) return;  // All are in doubt.
  const std::string place = state.place;
  const bool guessed = postgres_ && (table.schema.empty() || state.guessed);
  std::vector<size_t> others;
  for (const auto& [other, at] : same->second) {
    if (at == index || tables_[at].away || (postgres_ && IsTemporary(other))) continue;
    if (MayBeAlike(tables_[at], place) || (guessed && session_.MayMean(place, other))) {
      others.push_back(at);
    }
  }
  for (size_t other : others) Forget(other);
}

std::string Script::PlaceFor(const Name& name) const {
  const size_t exact = ExactIndexOf(name);
  const bool known = exact != kNone && !tables_[exact].away &&
                     (!tables_[exact].guessed || tables_[exact].is_made());
  if (known) return tables_[exact].place;
  return postgres_ && name.schema.empty() ? Session::kFirstPlace : PlaceOf(name);
}

void Script::DoubtNamed(const std::string& place, const std::string& name, size_t but) {
  const auto same = by_name_.find(absl::AsciiStrToLower(name));
  if (same == by_name_.end() || same->second.size() > kMostPlaces) return;
  for (const auto& [other, index] : same->second) {
    if (index == but) continue;
    if (!MayBeSame(place, other) && !MayBeAlike(tables_[index], place)) continue;
    NoteOthersRows(index);
    tables_[index].checks.clear();
  }
}

void Script::NoteParts(const Facts& facts) {
  const Name& table = facts.objects[0];
  for (const Name& parent : facts.parents) {
    const bool new_parent = IsNew(parent);
    const size_t whole = IndexOfTouched(parent);
    const size_t part = IndexOfTouched(table);
    Link(part, whole);
    if (!new_parent) tables_[part].of_used = true;
    if (!facts.partition_of) continue;  // INHERITS
    tables_[whole].partitioned = true;
    if (facts.default_partition) tables_[whole].default_partition = true;
  }
  bool elsewhere = facts.object_type == "foreign table";
  if (!postgres_) {
    elsewhere = !facts.engine.empty() && !KeepsItsOwnRows(facts.engine);
    if (facts.verb == Verb::kCreateTable) {
      elsewhere = elsewhere || session_.engine_in_doubt(!facts.engine.empty());
    }
  }
  if (elsewhere) NoteOthersRows(IndexOfTouched(table));
  for (const Alteration& alteration : facts.alterations) {
    const Name other = {alteration.schema, postgres_ ? alteration.name : alteration.new_name};
    if (postgres_ && (alteration.kind == AlterationKind::kAttachPartition ||
                      alteration.kind == AlterationKind::kDetachPartition)) {
      TableState& whole = Touch(table);
      whole.partitioned = true;
      whole.default_partition = whole.default_partition || alteration.default_partition;
    }
    if (alteration.kind == AlterationKind::kInherit) {
      NotePart(table, other);
    } else if (alteration.kind == AlterationKind::kAttachPartition) {
      NotePart(other, table);
    } else if (alteration.kind == AlterationKind::kDetachPartition && !postgres_) {
      NoteExchange(table, other);  // EXCHANGE, CONVERT
    } else if (!postgres_ && (alteration.kind == AlterationKind::kSetTablespace ||
                              alteration.kind == AlterationKind::kDiscardTablespace)) {
      NoteOthersRows(IndexOfTouched(table));  // IMPORT TABLESPACE
    }
  }
}

// One that was there before brings its rows into the other, and what uses it uses the other too.
void Script::NotePart(const Name& part, const Name& whole) {
  const bool new_part = IsNew(part);
  const bool new_whole = IsNew(whole);
  const size_t child = IndexOfTouched(part);
  const size_t parent = IndexOfTouched(whole);
  NoteChange(child);
  NoteChange(parent);
  Link(child, parent);
  if (!new_part) NoteOthersRows(parent);
  if (!new_whole) tables_[child].in_use = true;
}

void Script::NoteExchange(const Name& one, const Name& other) {
  if (IsNew(one) && IsNew(other)) return;
  NoteOthersRows(IndexOfTouched(one));
  NoteOthersRows(IndexOfTouched(other));
}

void Script::Link(size_t part, size_t whole) {
  if (part == whole) return;
  tables_[part].parents.insert(whole);
  tables_[whole].children.insert(part);
  if (tables_[part].holds_others) NoteOthersRows(whole);
}

// Also in all of which it is a part.
void Script::NoteOthersRows(size_t index) {
  std::vector<size_t> hold = {index};
  while (!hold.empty()) {
    TableState& state = tables_[hold.back()];
    hold.pop_back();
    if (state.holds_others) continue;
    state.holds_others = true;
    hold.insert(hold.end(), state.parents.begin(), state.parents.end());
  }
}

// Indexes -----------------------------------------------------------------------------------------

// MySQL's are the same in any letter case.
std::string Script::OwnName(const std::string& index) const {
  return postgres_ ? index : absl::AsciiStrToLower(index);
}

// PostgreSQL's, whose name stands where their table's does. What is kept of one that went with its
// table counts no more.
size_t Script::TableOfIndex(const std::string& place, const std::string& index) const {
  const auto found = index_tables_.find(IndexKey(place, index));
  if (found == index_tables_.end()) return kNone;
  const TableState& table = tables_[found->second];
  const bool there = table.place == place && table.own_indexes.count(index) > 0 &&
                     At(place, table.name.name) == found->second;
  return there ? found->second : kNone;
}

size_t Script::TableOfIndex(const Name& index) const {
  const bool temporary_schema = index.schema.rfind("pg_temp", 0) == 0;
  if (temporary_schema || (index.schema.empty() && session_.temporary_first())) {
    const size_t temporary = TableOfIndex(TemporaryPlace(""), index.name);
    if (temporary != kNone || temporary_schema) return temporary;
  }
  return TableOfIndex(PlaceOf(index), index.name);
}

bool Script::MadeIndex(const Name& table, const Name& index) const {
  const size_t of = postgres_ ? TableOfIndex(index) : ExactIndexOf(table);
  if (of == kNone || (!postgres_ && tables_[of].name.name != table.name)) return false;
  const auto own = tables_[of].own_indexes.find(OwnName(index.name));
  return own != tables_[of].own_indexes.end() && own->second;
}

const TableState* Script::TableOf(const Name& index) const {
  const size_t of = postgres_ ? TableOfIndex(index) : kNone;
  return of == kNone ? nullptr : &tables_[of];
}

// `sure`: it was not there before. Nothing of a table that only may be that one.
void Script::MakeIndex(const IndexFacts& index, size_t table, bool sure) {
  if (index.name.empty() || (!index.table.name.empty() && ExactIndexOf(index.table) != table)) {
    return;
  }
  tables_[table].own_indexes.emplace(OwnName(index.name), sure);
  if (postgres_) index_tables_[IndexKey(tables_[table].place, index.name)] = table;
}

// They go with their table.
void Script::NoteMovedIndexes(size_t table) {
  if (!postgres_) return;
  for (const auto& own : tables_[table].own_indexes) {
    index_tables_[IndexKey(tables_[table].place, own.first)] = table;
  }
}

void Script::DropOwnIndex(const std::string& index, TableState* table) const {
  const std::string name = OwnName(index);
  table->own_indexes.erase(name);
  table->indexes.erase(std::remove_if(table->indexes.begin(), table->indexes.end(),
                                      [&](const auto& part) {
                                        return !part.facts.name.empty() &&
                                               OwnName(part.facts.name) == name;
                                      }),
                       table->indexes.end());
}

void Script::NoteDropIndex(const Facts& facts) {
  if (postgres_) {
    for (const Name& index : facts.objects) {
      const size_t table = TableOfIndex(index);
      if (table == kNone) continue;
      NoteChange(table);
      DropOwnIndex(index.name, &tables_[table]);
    }
    return;
  }
  for (const IndexFacts& index : facts.indexes) {
    const size_t table = ExactIndexOf(index.table);
    if (table != kNone) DropOwnIndex(index.name, &tables_[table]);
  }
}

void Script::RenameOwnIndex(const std::string& from, const std::string& to, TableState* table) {
  const auto own = table->own_indexes.find(OwnName(from));
  if (own == table->own_indexes.end()) {
    table->own_indexes.erase(OwnName(to));
    return;
  }
  const bool sure = own->second;
  table->own_indexes.erase(own);
  table->own_indexes[OwnName(to)] = sure;
}

// PostgreSQL: of whatever bears these names.
void Script::NoteRenameIndex(const Name& index, const std::string& to) {
  const size_t table = TableOfIndex(index);
  const size_t other = TableOfIndex(Name{index.schema, to});
  if (other != kNone) {
    NoteChange(other);
    tables_[other].own_indexes.erase(to);
  }
  if (table == kNone) return;
  NoteChange(table);
  RenameOwnIndex(index.name, to, &tables_[table]);
  index_tables_[IndexKey(tables_[table].place, to)] = table;
}

}  // namespace dbfleet::sql
