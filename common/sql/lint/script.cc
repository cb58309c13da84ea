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
  // Behind one that is gone PostgreSQL looks for another.
  const bool gone = exact != kNone && postgres_ && table.schema.empty() && tables_[exact].away;
  if (exact != kNone && !gone) return exact;
  const auto same = by_name_.find(Lower(table.name));
  if (same == by_name_.end()) return exact;
  if (gone && session_.place_known()) {
    for (const std::string& place : session_.behind()) {
      const size_t found = At(place, table.name);
      if (found == kNone) break;  // One that was there before may be it.
      if (!tables_[found].away) return found;
    }
  }
  if (gone || session_.place_known()) return exact;
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
  if (!state.temporary) return true;
  // Functions and triggers of MySQL and MariaDB may have dropped it.
  if (!postgres_ && state.created_by <= code_ran_) return false;
  return !table.schema.empty() || session_.temporary_first();
}

bool Script::IsNewPartOfUsed(const Name& table) const {
  return IsNew(table) && tables_[ExactIndexOf(table)].of_used;
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
  tables_[index].guessed = postgres_ && name.schema.empty() && session_.place_guessed();
  std::map<std::string, size_t>& same = by_name_[Lower(name.name)];
  same[place] = index;
  if (same.size() > kMostPlaces) tables_[index].holds_others = true;
  if (same.size() == kMostPlaces + 1) {
    for (const auto& [other, at] : same) NoteOthersRows(at);
  }
  return index;
}

size_t Script::IndexOfTouched(const Name& table) {
  size_t index = IndexOf(table);
  if (index == kNone) index = Add(table, PlaceOf(table));
  ForgetOthers(table, index);
  return index;
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
  const bool nothing = state.away && !state.is_made() && !state.altered;
  if (!state.temporary && !nothing) return;
  tables_[index] = TableState();
  free_.push_back(index);
}

// A table goes with its partitions and heirs.
void Script::ForgetDropped(size_t index) {
  std::vector<size_t> dropped = {index};
  while (!dropped.empty()) {
    TableState& state = tables_[dropped.back()];
    const size_t at = dropped.back();
    dropped.pop_back();
    dropped.insert(dropped.end(), state.children.begin(), state.children.end());
    state.children.clear();
    Forget(at);
  }
}

void Script::ForgetNames() {
  ++forgettings_;
  by_name_.clear();
  since_begin_.clear();
  index_tables_.clear();
  invisible_indexes_.clear();
}

// Another session, or code that nobody has seen: it may have renamed whatever there is.
void Script::ForgetAll() {
  ForgetNames();
  made_schemas_.clear();
  renamed_schemas_.clear();
  session_.Forget();
  forgot_ = true;
}

void Script::TakeBack() {
  for (size_t index : since_begin_) Forget(index);
  since_begin_.clear();
  const int begin = std::max(session_.begin(), 0);
  for (std::map<std::string, int>* schemas : {&made_schemas_, &renamed_schemas_}) {
    for (auto it = schemas->begin(); it != schemas->end();) {
      it = it->second >= begin ? schemas->erase(it) : std::next(it);
    }
  }
}

void Script::Commit() {
  for (size_t index : since_begin_) {
    if (tables_[index].gone_at_commit) Forget(index);
  }
  since_begin_.clear();
}

// Of MySQL and MariaDB no ROLLBACK takes it back.
void Script::NoteChange(size_t index) {
  if (postgres_) since_begin_.insert(index);
}

void Script::NoteTransaction(int statement, const Facts& facts) {
  if (facts.new_session) {
    ForgetNames();
    not_valid_.clear();
    forgot_ = new_session_ = true;
  }
  // BEGIN inside of a transaction, which the script's runner may have begun, is no COMMIT.
  if (facts.takes_back) {
    TakeBack();
  } else if (facts.verb == Verb::kCommit) {
    Commit();
  }
  if (facts.verb == Verb::kBegin && !in_transaction()) ++transaction_;
  session_.Note(statement, facts);
  if (facts.chain && in_transaction()) ++transaction_;
}

namespace {

// An operator or a type is taken to compute a value and no more.
bool CallsUnknown(const Reading& reading) {
  return reading.verdict.runs_unknown_code == UnknownCode::kCalls;
}

// What may have done anything, beside what it says. The code of a routine is only kept; an event's
// may run at once.
bool MayDoAnything(const Reading& reading) {
  const Facts& facts = reading.facts;
  if (CallsUnknown(reading) || facts.verb == Verb::kExecutesText) return true;
  const bool keeps = facts.verb == Verb::kCreateRoutine && !facts.unreadable &&
                     !facts.strings_in_doubt && facts.object_type != "event";
  return !reading.verdict.understood && !keeps;
}

// DROP of what tables may belong to, or may be made of.
bool MayDropTables(const Facts& facts) {
  return facts.verb == Verb::kDropSchema ||
         (facts.verb == Verb::kCreateSchema && facts.or_replace) ||
         (facts.cascade && (facts.verb == Verb::kOther || facts.verb == Verb::kDropType));
}

}  // namespace

// What stands in a schema that is renamed, or dropped, is elsewhere then, and its name may be
// another's.
void Script::NoteSchema(int statement, const Facts& facts) {
  const std::string name = facts.objects.empty() ? "" : facts.objects[0].name;
  if (facts.verb == Verb::kCreateSchema && !name.empty()) made_schemas_.emplace(name, statement);
  if (MayDropTables(facts)) {
    ForgetNames();
    if (facts.verb == Verb::kDropSchema) {
      for (const Name& schema : facts.objects) {
        made_schemas_.erase(schema.name);
        renamed_schemas_.erase(schema.name);
      }
    }
  }
  if (facts.verb != Verb::kAlterSchema) return;
  for (const Alteration& alteration : facts.alterations) {
    if (alteration.new_name.empty()) continue;
    ForgetNames();
    if (made_schemas_.erase(name) > 0) made_schemas_[alteration.new_name] = statement;
    renamed_schemas_.erase(name);
    renamed_schemas_[alteration.new_name] = statement;
  }
}

// Changes of rows, and reads. MySQL and MariaDB let no function and no trigger make, drop or rename
// what is no temporary table. PostgreSQL's do so; of a new table there are none but the script's.
bool Script::MakesNoTables(const Reading& reading) const {
  const Facts& facts = reading.facts;
  if (facts.unreadable || facts.strings_in_doubt || facts.injection.stacked ||
      facts.injection.hidden_by_comment || CallsUnknown(reading)) {
    return false;
  }
  if (!postgres_) return IsDml(facts.verb) || facts.verb == Verb::kSelect;
  if (facts.verb != Verb::kInsert || facts.objects.empty() || !IsNew(facts.objects[0]))
    return false;
  return !Find(facts.objects[0])->runs_code;
}

void Script::Note(int statement, const Reading& reading, bool absent, bool text_in_doubt) {
  const Facts& facts = reading.facts;
  NoteTransaction(statement, facts);
  NoteUses(statement, reading);
  dropped_indexes_.Note(facts);
  if (!reading.verdict.transactional) all_transactional_ = false;
  if (first_ddl_ < 0 && IsDdl(facts.verb) && !facts.temporary) first_ddl_ = statement;
  if (first_dml_ < 0 && ChangesRows(facts)) first_dml_ = statement;
  switch (facts.verb) {
    case Verb::kCreateTable:
      NoteCreateTable(statement, facts, absent);
      break;
    case Verb::kDropTable:
      NoteDropTable(facts);
      break;
    case Verb::kAlterTable:
      NoteAlter(statement, facts, reading.verdict.effects);
      break;
    case Verb::kCreateIndex:
      for (const IndexFacts& index : facts.indexes) {
        const size_t table = IndexOfTouched(index.table);
        AddIndex(statement, index, &tables_[table]);
        MakeIndex(index, table, !facts.if_not_exists);
        NoteChange(table);
      }
      break;
    case Verb::kCreateView:  // No snapshot has it, and it is no table that the script made.
      if (!facts.objects.empty()) Touch(facts.objects[0]);
      break;
    case Verb::kDropIndex:
      NoteDropIndex(facts);
      break;
    case Verb::kRenameTable:
      // Old, new, old, new...
      for (size_t i = 0; i + 1 < facts.objects.size(); i += 2) {
        NoteRename(facts.objects[i], facts.objects[i + 1]);
      }
      break;
    case Verb::kOther:
      // ALTER INDEX renames PostgreSQL's tables as well.
      for (const Alteration& alteration : facts.alterations) {
        if (alteration.kind != AlterationKind::kRenameIndex || facts.objects.empty()) continue;
        NoteRename(facts.objects[0], {facts.objects[0].schema, alteration.new_name});
      }
      break;
    case Verb::kCreateRoutine:
      // A rule may let what is done to the table be done to another one.
      if (facts.object_type == "rule" && !facts.objects.empty()) {
        NoteOthersRows(IndexOfTouched(facts.objects[0]));
      }
      if (facts.object_type == "trigger" && !facts.objects.empty()) {
        Touch(facts.objects[0]).runs_code = true;
      }
      break;
    default:
      break;
  }
  if (postgres_) ForgetExcuses(facts);
  NoteColumns(facts);
  NoteValues(facts);
  NoteSchema(statement, facts);
  for (const Facts& element : facts.elements) {
    if (element.verb == Verb::kCreateTable) NoteCreateTable(statement, element, absent);
  }
  if (reading.verdict.defines_unknown_code == UnknownCode::kCalls && !facts.objects.empty()) {
    Touch(facts.objects[0]).runs_code = true;
  }
  if (text_in_doubt || (MayDoAnything(reading) && !MakesNoTables(reading))) {
    ForgetAll();
  } else if (!reading.verdict.understood) {
    code_ran_ = statement;
  }
}

void Script::NoteDropTable(const Facts& facts) {
  for (const Name& name : facts.objects) {
    const size_t index = ExactIndexOf(name);
    const bool temporary = index != kNone && tables_[index].temporary;
    if (facts.temporary && !temporary) continue;
    if (!temporary) DoubtNamed(PlaceFor(name), name.name, index);
    if (index == kNone) continue;
    const std::string place = tables_[index].place;
    ForgetDropped(index);
    if (temporary) continue;
    const size_t nothing = Add(name, place);
    tables_[nothing].away = true;
    NoteChange(nothing);
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
  const bool another = before && (!facts.if_not_exists || tables_[index].name.name != name.name);
  // A second one of the name: the first is gone, or it differs in letter case.
  if (another || (index != kNone && tables_[index].away)) {
    Forget(index);
    index = kNone;
  }
  if (index == kNone) index = Add(name, place);
  TableState& table = tables_[index];
  if (!table.is_made()) {
    table.created_by = statement;
    table.may_have_existed = facts.if_not_exists && !absent;
    table.temporary = temporary;
    table.foreign = facts.object_type == "foreign table";
    table.copied = facts.as_query;
    table.from_rows = facts.from_rows;
    table.gone_at_commit = facts.gone_at_commit;
    table.partition_key = facts.partition_key;
    table.partitioned = postgres_ && !facts.partition_key.empty();
    if (!table.partition_key.empty()) excusing_.insert(index);
    NoteChange(index);
  }
  for (const ColumnFacts& column : facts.columns) AddColumn(statement, column, &table);
  for (const IndexFacts& made : facts.indexes) {
    AddIndex(statement, made, &table);
    MakeIndex(made, index, !table.may_have_existed || table.temporary);
  }
  for (const ForeignKeyFacts& key : facts.foreign_keys) AddForeignKey(statement, key, &table);
  NoteParts(facts);
  if (facts.gone_at_commit && !in_transaction()) Forget(index);
}

}  // namespace dbfleet::sql
