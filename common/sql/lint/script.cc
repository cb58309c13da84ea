#include "common/sql/lint/script.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql {
namespace {

std::string Lower(const std::string& text) { return absl::AsciiStrToLower(text); }

// More parts than any server lets a table have are not remembered, so that no script takes long.
constexpr size_t kMaxParts = 5000;

template <typename T>
void Keep(T part, std::vector<T>* parts) {
  if (parts->size() < kMaxParts) parts->push_back(std::move(part));
}

std::string ConstraintKey(const Name& table, const std::string& constraint) {
  return absl::StrCat(Lower(table.name), ".", Lower(constraint));
}

}  // namespace

size_t Script::IndexOf(const Name& table) const {
  const auto same = by_name_.find(Lower(table.name));
  if (same == by_name_.end()) return kNone;
  if (table.schema.empty()) return same->second.begin()->second;
  auto found = same->second.find(Lower(table.schema));
  if (found == same->second.end()) found = same->second.find("");
  return found == same->second.end() ? kNone : found->second;
}

const TableState* Script::Find(const Name& table) const {
  const size_t index = IndexOf(table);
  return index == kNone ? nullptr : &tables_[index];
}

bool Script::IsNew(const Name& table) const {
  const TableState* state = Find(table);
  return state != nullptr && state->is_new();
}

bool Script::MadeIndex(const std::string& index) const {
  return made_indexes_.count(Lower(index)) > 0;
}

bool Script::MadeInvisible(const std::string& index) const {
  return invisible_indexes_.count(Lower(index)) > 0;
}

const Script::NotValid* Script::FindNotValid(const Name& table,
                                             const std::string& constraint) const {
  const auto found = not_valid_.find(ConstraintKey(table, constraint));
  return found == not_valid_.end() ? nullptr : &found->second;
}

TableState& Script::Touch(const Name& table) {
  const size_t index = IndexOf(table);
  if (index != kNone) return tables_[index];
  by_name_[Lower(table.name)].emplace(Lower(table.schema), tables_.size());
  TableState state;
  state.name = table;
  tables_.push_back(std::move(state));
  return tables_.back();
}

void Script::Note(int statement, const Facts& facts, bool transactional) {
  NoteTransaction(statement, facts);
  if (!transactional) all_transactional_ = false;
  if (first_ddl_ < 0 && IsDdl(facts.verb) && !facts.temporary) first_ddl_ = statement;
  if (first_dml_ < 0 && IsDml(facts.verb)) first_dml_ = statement;
  switch (facts.verb) {
    case Verb::kSet:
      settings_.insert(facts.setting);
      break;
    case Verb::kCreateTable:
      NoteCreateTable(statement, facts);
      break;
    case Verb::kAlterTable:
      NoteAlter(statement, facts);
      break;
    case Verb::kCreateIndex:
      for (const IndexFacts& index : facts.indexes) AddIndex(statement, index, &Touch(index.table));
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
}

// What the script knows of the table goes with it.
void Script::NoteRename(const Name& from, const Name& to) {
  TableState moved = Touch(from);
  TableState nothing;
  nothing.name = from;
  Touch(from) = std::move(nothing);
  if (!moved.is_new() && moved.was.name.empty()) moved.was = moved.name;
  moved.name = to;
  // A name of its own, also where the script knows one that may be any schema's.
  by_name_[Lower(to.name)].emplace(Lower(to.schema), tables_.size());
  if (IndexOf(to) == tables_.size()) tables_.emplace_back();
  Touch(to) = std::move(moved);
}

void Script::NoteTransaction(int statement, const Facts& facts) {
  if (facts.verb == Verb::kBegin && begin_ < 0) {
    begin_ = statement;
    ++transaction_;
  } else if (facts.verb == Verb::kCommit || facts.verb == Verb::kRollback) {
    begin_ = -1;
  }
}

void Script::NoteCreateTable(int statement, const Facts& facts) {
  if (facts.objects.empty()) return;
  TableState& table = Touch(facts.objects[0]);
  if (!table.is_new()) table.created_by = statement;
  table.may_have_existed = table.may_have_existed || facts.if_not_exists;
  table.temporary = facts.temporary;
  table.copied = facts.as_query;
  for (const ColumnFacts& column : facts.columns) AddColumn(statement, column, &table);
  for (const IndexFacts& index : facts.indexes) AddIndex(statement, index, &table);
  for (const ForeignKeyFacts& key : facts.foreign_keys) {
    Keep({statement, key}, &table.foreign_keys);
  }
}

void Script::AddColumn(int statement, const ColumnFacts& column, TableState* table) {
  table->gone.erase(column.name);
  Keep(column, &table->columns);
  if (column.references.has_value()) {
    ForeignKeyFacts key = *column.references;
    if (key.columns.empty()) key.columns = {column.name};
    Keep({statement, std::move(key)}, &table->foreign_keys);
  }
  if (!column.primary_key && !column.unique) return;
  table->primary_key = table->primary_key || column.primary_key;
  IndexFacts index;
  index.columns = {column.name};
  index.unique = true;
  index.primary = column.primary_key;
  index.is_constraint = true;
  Keep({statement, std::move(index)}, &table->indexes);
}

void Script::AddIndex(int statement, const IndexFacts& index, TableState* table) {
  Keep({statement, index}, &table->indexes);
  table->primary_key = table->primary_key || index.primary;
  if (!index.name.empty()) made_indexes_.insert(Lower(index.name));
}

void Script::NoteAlter(int statement, const Facts& facts) {
  if (facts.objects.empty()) return;
  TableState& table = Touch(facts.objects[0]);
  if (table.first_alter < 0) table.first_alter = statement;
  ++table.alters;
  for (const Alteration& alteration : facts.alterations) {
    NoteAlteration(statement, alteration, &table);
    const bool constraint = alteration.kind == AlterationKind::kAddForeignKey ||
                            alteration.kind == AlterationKind::kAddCheck;
    if (constraint && alteration.not_valid) {
      not_valid_[ConstraintKey(table.name, alteration.name)] = {transaction()};
    }
    if (alteration.kind == AlterationKind::kIndexVisibility) {
      invisible_indexes_.insert(Lower(alteration.name));
    }
    if (alteration.kind == AlterationKind::kSetSchema) {
      const Name from = facts.objects[0];
      return NoteRename(from, {alteration.new_name, from.name});  // It stands alone.
    }
  }
}

void Script::NoteAlteration(int statement, const Alteration& alteration, TableState* table) {
  switch (alteration.kind) {
    case AlterationKind::kAddColumn:
      if (alteration.column.has_value()) AddColumn(statement, *alteration.column, table);
      break;
    case AlterationKind::kDropColumn:
      table->columns.erase(std::remove_if(table->columns.begin(), table->columns.end(),
                                          [&](const ColumnFacts& column) {
                                            return absl::EqualsIgnoreCase(column.name,
                                                                          alteration.name);
                                          }),
                           table->columns.end());
      if (table->gone.size() < kMaxParts) table->gone.insert(alteration.name);
      break;
    case AlterationKind::kRenameColumn: {
      const auto same = [&](const ColumnFacts& column) { return column.name == alteration.name; };
      const auto column = std::find_if(table->columns.begin(), table->columns.end(), same);
      if (column != table->columns.end()) {
        column->name = alteration.new_name;
      } else {
        ColumnFacts renamed;
        renamed.name = alteration.new_name;
        Keep(std::move(renamed), &table->columns);
      }
      if (table->gone.size() < kMaxParts) table->gone.insert(alteration.name);
      table->gone.erase(alteration.new_name);
      break;
    }
    case AlterationKind::kAddIndex:
      if (alteration.index.has_value()) AddIndex(statement, *alteration.index, table);
      break;
    case AlterationKind::kAddForeignKey:
      if (alteration.foreign_key.has_value()) {
        Keep({statement, *alteration.foreign_key}, &table->foreign_keys);
      }
      break;
    case AlterationKind::kAddCheck:
      table->check_added = true;
      if (!alteration.not_valid) table->check_validated = true;
      break;
    case AlterationKind::kValidateConstraint:
      if (table->check_added) table->check_validated = true;
      break;
    default:
      break;
  }
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
