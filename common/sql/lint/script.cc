#include "common/sql/lint/script.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql {
namespace {

std::string Lower(const std::string& text) { return absl::AsciiStrToLower(text); }

// Places that are no schema's begin with \x01, so that they stand in front of all schemas.
constexpr char kTemporary[] = "\x01t";
constexpr char kBehindMarks[] = "\x02";

bool IsPgTemp(const std::string& schema) { return absl::StartsWith(schema, "pg_temp"); }

}  // namespace

bool TableState::HasCheckThatHolds() const {
  return std::any_of(checks.begin(), checks.end(), [](const Check& check) { return check.holds; });
}

const std::string& Script::PlaceOf(const Name& name) const {
  return name.schema.empty() ? session_.place() : name.schema;
}

// Of PostgreSQL's there is one for all schemas; MySQL's temporary tables stand in a database.
std::string Script::TemporaryPlace(const std::string& schema) const {
  if (postgres_) return kTemporary;
  return absl::StrCat(kTemporary, schema.empty() ? session_.place() : schema);
}

size_t Script::At(const std::string& place, const std::string& name) const {
  const auto same = by_name_.find(Lower(name));
  if (same == by_name_.end()) return kNone;
  const auto found = same->second.find(place);
  return found == same->second.end() ? kNone : found->second;
}

size_t Script::ExactIndexOf(const Name& table) const {
  if (by_name_.find(Lower(table.name)) == by_name_.end()) return kNone;
  if (!postgres_ || table.schema.empty() || IsPgTemp(table.schema)) {
    const size_t temporary = At(TemporaryPlace(table.schema), table.name);
    if (temporary != kNone) return temporary;
  }
  return At(PlaceOf(table), table.name);
}

size_t Script::IndexOf(const Name& table) const {
  const size_t exact = ExactIndexOf(table);
  if (exact != kNone) return exact;
  const auto same = by_name_.find(Lower(table.name));
  if (same == by_name_.end() || session_.place_known()) return kNone;
  if (!table.schema.empty()) return At(session_.place(), table.name);
  const auto any = same->second.lower_bound(kBehindMarks);
  return any == same->second.end() ? kNone : any->second;
}

const TableState* Script::Find(const Name& table) const {
  const size_t index = IndexOf(table);
  return index == kNone ? nullptr : &tables_[index];
}

bool Script::IsNew(const Name& table) const {
  const size_t index = ExactIndexOf(table);
  if (index == kNone) return false;
  const TableState& state = tables_[index];
  // Letter case counts where a server may tell it apart.
  if (!state.is_new() || state.name.name != table.name) return false;
  return !state.temporary || !table.schema.empty() || session_.temporary_first();
}

std::string Script::IndexKey(const Name& table, const Name& index) const {
  const absl::string_view between("\0", 1);
  if (postgres_) return absl::StrCat(PlaceOf(index), between, index.name);
  return absl::StrCat(PlaceOf(table), between, table.name, between, Lower(index.name));
}

bool Script::MadeIndex(const Name& table, const Name& index) const {
  return made_indexes_.count(IndexKey(table, index)) > 0;
}

bool Script::MadeInvisible(const std::string& index) const {
  return invisible_indexes_.count(Lower(index)) > 0;
}

size_t Script::Add(const Name& name, const std::string& place) {
  size_t index = tables_.size();
  if (free_.empty()) {
    tables_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  tables_[index].name = name;
  tables_[index].place = place;
  by_name_[Lower(name.name)][place] = index;
  return index;
}

TableState& Script::Touch(const Name& table) {
  const size_t index = IndexOf(table);
  return tables_[index != kNone ? index : Add(table, PlaceOf(table))];
}

// From here on its name may stand for another one. What rules say of it at the end stays.
void Script::Forget(size_t index) {
  const TableState& state = tables_[index];
  const auto same = by_name_.find(Lower(state.name.name));
  if (same == by_name_.end()) return;
  const auto entry = same->second.find(state.place);
  if (entry == same->second.end() || entry->second != index) return;
  same->second.erase(entry);
  if (same->second.empty()) by_name_.erase(same);
  if (!state.temporary) return;
  tables_[index] = TableState();
  free_.push_back(index);
}

// Another database, or another session.
void Script::ForgetSession() {
  by_name_.clear();
  since_begin_.clear();
  made_indexes_.clear();
  invisible_indexes_.clear();
  not_valid_.clear();
}

void Script::TakeBack() {
  for (size_t index : since_begin_) Forget(index);
  since_begin_.clear();
  const int begin = std::max(session_.begin(), 0);
  for (auto it = made_indexes_.begin(); it != made_indexes_.end();) {
    it = it->second >= begin ? made_indexes_.erase(it) : std::next(it);
  }
}

void Script::Commit() {
  for (size_t index : since_begin_) {
    if (tables_[index].gone_at_commit) Forget(index);
  }
  since_begin_.clear();
}

void Script::NoteTransaction(int statement, const Facts& facts) {
  if (facts.new_session) ForgetSession();
  if (facts.takes_back) {
    TakeBack();
  } else if (facts.verb == Verb::kCommit || facts.verb == Verb::kBegin) {
    Commit();
  }
  if (facts.verb == Verb::kBegin && !in_transaction()) ++transaction_;
  session_.Note(statement, facts);
}

void Script::Note(int statement, const Facts& facts, bool transactional, bool absent) {
  NoteTransaction(statement, facts);
  if (!transactional) all_transactional_ = false;
  if (first_ddl_ < 0 && IsDdl(facts.verb) && !facts.temporary) first_ddl_ = statement;
  if (first_dml_ < 0 && IsDml(facts.verb)) first_dml_ = statement;
  NoteMade(facts);
  switch (facts.verb) {
    case Verb::kCreateTable:
      NoteCreateTable(statement, facts, absent);
      break;
    case Verb::kDropTable:
      NoteDropTable(facts);
      break;
    case Verb::kAlterTable:
      NoteAlter(statement, facts);
      break;
    case Verb::kCreateIndex:
      for (const IndexFacts& index : facts.indexes) {
        TableState& table = Touch(index.table);
        AddIndex(statement, index, &table);
        MakeIndex(statement, index, table, !facts.if_not_exists);
      }
      break;
    case Verb::kDropIndex:
      for (const Name& index : facts.objects) made_indexes_.erase(IndexKey(Name(), index));
      for (const IndexFacts& index : facts.indexes) {
        made_indexes_.erase(IndexKey(index.table, {index.table.schema, index.name}));
      }
      break;
    case Verb::kRenameTable:
      // Old, new, old, new...
      for (size_t i = 0; i + 1 < facts.objects.size(); i += 2) {
        NoteRename(facts.objects[i], facts.objects[i + 1]);
      }
      break;
    default:
      break;
  }
  for (const Facts& element : facts.elements) {
    if (element.verb == Verb::kCreateTable) NoteCreateTable(statement, element, absent);
  }
}

// What the script knows of the table goes with it.
void Script::NoteRename(const Name& from, const Name& to) {
  const bool certain = ExactIndexOf(from) != kNone;
  Touch(from);
  const size_t index = IndexOf(from);
  // One that only may be it: what bears the new name now may have been there before.
  if (!certain) tables_[index].may_have_existed = true;
  TableState& moved = tables_[index];
  const Name before = moved.name;
  const std::string place = moved.place;
  by_name_[Lower(before.name)].erase(place);
  if (by_name_[Lower(before.name)].empty()) by_name_.erase(Lower(before.name));
  if (!moved.is_made() && moved.was.name.empty()) moved.was = before;
  moved.name = to;
  // PostgreSQL's stays in its schema.
  if (!moved.temporary) moved.place = postgres_ && to.schema.empty() ? place : PlaceOf(to);
  if (const size_t other = At(moved.place, to.name); other != kNone) Forget(other);
  by_name_[Lower(to.name)][tables_[index].place] = index;
  since_begin_.push_back(index);
  if (!tables_[index].temporary) Add(from, place);  // Nothing is there now.
}

void Script::NoteDropTable(const Facts& facts) {
  for (const Name& name : facts.objects) {
    const size_t index = ExactIndexOf(name);
    if (index == kNone || (facts.temporary && !tables_[index].temporary)) continue;
    Forget(index);
  }
}

void Script::NoteCreateTable(int statement, const Facts& facts, bool absent) {
  if (facts.objects.empty()) return;
  const Name& name = facts.objects[0];
  const bool temporary = facts.temporary || (postgres_ && IsPgTemp(name.schema));
  const std::string place = temporary ? TemporaryPlace(name.schema) : PlaceOf(name);
  absent = absent && IndexOf(name) == kNone;  // Nothing was given that name since.
  size_t index = At(place, name.name);
  const bool before = index != kNone && tables_[index].is_made();
  // A second one of the name: the first is gone, or it differs in letter case.
  if (before && (!facts.if_not_exists || tables_[index].name.name != name.name)) {
    Forget(index);
    index = kNone;
  }
  if (index == kNone) index = Add(name, place);
  TableState& table = tables_[index];
  if (!table.is_made()) {
    table.created_by = statement;
    table.may_have_existed = facts.if_not_exists && !absent;
    table.temporary = temporary;
    table.copied = facts.as_query;
    table.from_rows = facts.from_rows;
    table.gone_at_commit = facts.gone_at_commit;
    since_begin_.push_back(index);
  }
  for (const ColumnFacts& column : facts.columns) AddColumn(statement, column, &table);
  for (const IndexFacts& made : facts.indexes) {
    AddIndex(statement, made, &table);
    MakeIndex(statement, made, table, table.is_new());
  }
  for (const ForeignKeyFacts& key : facts.foreign_keys) AddForeignKey(statement, key, &table);
  if (facts.gone_at_commit && !in_transaction()) Forget(index);
}

bool IsDdl(Verb verb) {
  switch (verb) {
    case Verb::kCreateTable:
    case Verb::kAlterTable:
    case Verb::kDropTable:
    case Verb::kRenameTable:
    case Verb::kCreateIndex:
    case Verb::kDropIndex:
    case Verb::kCreateView:
    case Verb::kDropView:
    case Verb::kCreateSchema:
    case Verb::kAlterSchema:
    case Verb::kDropSchema:
    case Verb::kCreateRoutine:
    case Verb::kAlterRoutine:
    case Verb::kDropRoutine:
    case Verb::kCreateType:
    case Verb::kAlterType:
    case Verb::kDropType:
    case Verb::kCreateDomain:
    case Verb::kAlterDomain:
    case Verb::kCreateSequence:
    case Verb::kAlterSequence:
    case Verb::kDropSequence:
    case Verb::kTruncate:
      return true;
    default:
      return false;
  }
}

bool IsDml(Verb verb) {
  switch (verb) {
    case Verb::kInsert:
    case Verb::kUpdate:
    case Verb::kDelete:
    case Verb::kMerge:
    case Verb::kCopy:
      return true;
    default:
      return false;
  }
}

}  // namespace dbfleet::sql
