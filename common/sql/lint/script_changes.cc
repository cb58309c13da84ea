#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/script.h"

// What alterations make of a table, and what of it a way back may take away again.
namespace dbfleet::sql {
namespace {

std::string Lower(const std::string& text) { return absl::AsciiStrToLower(text); }

// More parts than any server lets a table have are not remembered, so that no script takes long.
constexpr size_t kMaxParts = 5000;

template <typename T>
void Keep(T part, std::vector<T>* parts) {
  if (parts->size() < kMaxParts) parts->push_back(std::move(part));
}

// t_a_check, t_check1, t_a_fkey: names that PostgreSQL gives to constraints without one.
bool MayBeServersName(const std::string& table, absl::string_view constraint) {
  while (!constraint.empty() &&
         absl::ascii_isdigit(static_cast<unsigned char>(constraint.back()))) {
    constraint.remove_suffix(1);
  }
  return absl::StartsWithIgnoreCase(constraint, absl::StrCat(table, "_")) &&
         (absl::EndsWith(constraint, "_check") || absl::EndsWith(constraint, "_fkey"));
}

std::string ConstraintKey(const Name& table, const std::string& constraint) {
  return absl::StrCat(Lower(table.name), ".", Lower(constraint));
}

// One without a name has the server's, which says of one alone which it is.
void ValidateCheck(const std::string& name, TableState* table) {
  const auto same = [&](const TableState::Check& check) { return check.name == name; };
  auto check = std::find_if(table->checks.begin(), table->checks.end(), same);
  if (check == table->checks.end() && MayBeServersName(table->name.name, name)) {
    const auto unnamed = [](const TableState::Check& c) { return c.name.empty(); };
    if (std::count_if(table->checks.begin(), table->checks.end(), unnamed) == 1) {
      check = std::find_if(table->checks.begin(), table->checks.end(), unnamed);
    }
  }
  if (check != table->checks.end()) {
    check->holds = true;
  } else {
    Keep(name, &table->validated);
  }
}

// MySQL/MariaDB: whether it may change what columns are that it does not name, as by the table's
// character set, which decides how wide they are. An index never does.
bool MayChangeOtherColumns(const Facts& facts) {
  if (!facts.complete || !facts.charset.empty() || !facts.collation.empty()) return true;
  return std::any_of(facts.alterations.begin(), facts.alterations.end(), [](const Alteration& a) {
    switch (a.kind) {
      case AlterationKind::kAddIndex:  // A primary key makes its columns NOT NULL.
        return !a.index.has_value() || a.index->primary;
      case AlterationKind::kDropIndex:
      case AlterationKind::kRenameIndex:
      case AlterationKind::kIndexVisibility:
      // Each names the columns that it changes.
      case AlterationKind::kAddColumn:
      case AlterationKind::kDropColumn:
      case AlterationKind::kRenameColumn:
      case AlterationKind::kModifyColumn:
        return false;
      default:
        return true;
    }
  });
}

}  // namespace

bool IsServersNameOf(const Name& table, const std::string& constraint) {
  return MayBeServersName(table.name, constraint);
}

const Script::NotValid* Script::FindNotValid(const Name& table,
                                             const std::string& constraint) const {
  auto found = not_valid_.find(ConstraintKey(table, constraint));
  if (found == not_valid_.end() && MayBeServersName(table.name, constraint)) {
    found = not_valid_.find(ConstraintKey(table, ""));
  }
  return found == not_valid_.end() ? nullptr : &found->second;
}

void Script::AddForeignKey(int statement, const ForeignKeyFacts& key, TableState* table) {
  Keep({statement, key}, &table->foreign_keys);
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
  if (column.primary_key) table->key_dropped_by = -1;
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
  if (index.primary) table->key_dropped_by = -1;
}

// What the script knows of the table goes with it.
void Script::NoteRename(const Name& from, const Name& to) {
  const std::string where = PlaceFor(from);
  const bool certain = ExactIndexOf(from) != kNone || IndexOf(from) == kNone;
  const size_t index = IndexOfTouched(from);
  // One that only may be it: what bears the new name now may have been there before.
  if (!certain) NoteOthersRows(index);
  // ALTER TABLE renames PostgreSQL's indexes as well.
  if (postgres_) NoteRenameIndex(from, to.name);
  TableState& moved = tables_[index];
  const Name before = moved.name;
  const std::string place = moved.place;
  by_name_[Lower(before.name)].erase(place);
  if (by_name_[Lower(before.name)].empty()) by_name_.erase(Lower(before.name));
  if (!moved.is_made() && moved.was.name.empty()) {
    moved.was = before;
    moved.was_place = place;
  }
  moved.name = to;
  moved.renamed = true;
  moved.alters = AlterSeries();  // They would have to name the old one.
  // PostgreSQL's stays in its schema.
  if (!moved.temporary) moved.place = postgres_ && to.schema.empty() ? place : PlaceOf(to);
  if (moved.place != place) {
    moved.guessed = false;
    NoteMovedIndexes(index);
  }
  if (const size_t other = At(moved.place, to.name); other != kNone) Forget(other);
  by_name_[Lower(to.name)][tables_[index].place] = index;
  NoteChange(index);
  if (tables_[index].temporary) return;
  DoubtNamed(where, from.name, index);
  DoubtNamed(postgres_ && to.schema.empty() ? where : tables_[index].place, to.name, index);
  const size_t nothing = Add(from, place);
  tables_[nothing].away = true;
  NoteChange(nothing);
}

// Not where a statement between them may need the one, or be needed by the other.
const AlterSeries* Script::SeriesFor(const Facts& facts) const {
  const TableState* table = facts.objects.empty() ? nullptr : Find(facts.objects[0]);
  if (table == nullptr || !table->alters.MayTake(postgres_, facts)) return nullptr;
  const auto used = used_by_.find(Lower(facts.objects[0].name));
  if (used != used_by_.end() && used->second > table->alters.last) return nullptr;
  // The steps behind a validated CHECK: together with it they would read the table once more.
  const bool uses_check =
      postgres_ && std::any_of(facts.alterations.begin(), facts.alterations.end(),
                               [](const Alteration& alteration) {
                                 return alteration.kind == AlterationKind::kSetNotNull;
                               });
  if (uses_check && table->HasCheckThatHolds()) return nullptr;
  return &table->alters;
}

// A change of rows, an index that a constraint is made of, a trigger: what it needs has to be done
// before, and what needs it behind.
void Script::NoteUses(int statement, const Reading& reading) {
  if (reading.facts.verb == Verb::kAlterTable) return;
  for (const ObjectUse& use : reading.verdict.uses) {
    if (use.access != Access::kWrite && use.access != Access::kDefine) continue;
    std::string name = use.name.substr(use.name.rfind('.') + 1);
    name.erase(
        std::remove_if(name.begin(), name.end(), [](char c) { return c == '"' || c == '`'; }),
        name.end());
    used_by_[Lower(name)] = statement;
  }
}

void Script::NoteAlter(int statement, const Facts& facts, const Effects& effects) {
  if (facts.objects.empty()) return;
  const Name name = facts.objects[0];
  const size_t index = IndexOfTouched(name);
  NoteChange(index);
  if (SeriesFor(facts) == nullptr) tables_[index].alters = AlterSeries();
  // A migration's own words cannot be put into one statement with SQL.
  if (facts.call.has_value() && facts.call->schema) {
    tables_[index].alters = AlterSeries();
  } else {
    tables_[index].alters.Add(statement, postgres_, facts, effects);
  }
  tables_[index].altered = true;
  if (!postgres_ && MayChangeOtherColumns(facts)) tables_[index].columns_in_doubt = true;
  const Name* renamed = nullptr;
  Name moved;
  for (const Alteration& alteration : facts.alterations) {
    TableState& table = tables_[index];
    NoteAlteration(statement, alteration, &table);
    if (alteration.kind == AlterationKind::kAddCheck) excusing_.insert(index);
    const bool constraint = alteration.kind == AlterationKind::kAddForeignKey ||
                            alteration.kind == AlterationKind::kAddCheck;
    if (constraint && alteration.not_valid) {
      not_valid_[ConstraintKey(table.name, alteration.name)] = {transaction()};
    }
    if (alteration.kind == AlterationKind::kIndexVisibility) {
      if (alteration.invisible) {
        invisible_indexes_.insert(Lower(alteration.name));
      } else {
        invisible_indexes_.erase(Lower(alteration.name));
      }
    } else if (alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value()) {
      MakeIndex(*alteration.index, index, !alteration.if_exists);
    } else if (alteration.kind == AlterationKind::kDropIndex) {
      DropOwnIndex(alteration.name, &table);
    } else if (alteration.kind == AlterationKind::kDropConstraint) {
      DropOwnIndex(alteration.name, &table);
    } else if (alteration.kind == AlterationKind::kRenameIndex && !postgres_) {
      RenameOwnIndex(alteration.name, alteration.new_name, &table);
    } else if (alteration.kind == AlterationKind::kSetSchema) {
      moved = {alteration.new_name, name.name};  // It stands alone.
      renamed = &moved;
    } else if (alteration.kind == AlterationKind::kRenameTable && facts.objects.size() > 1) {
      renamed = &facts.objects.back();
    }
  }
  NoteParts(facts);
  if (renamed != nullptr) NoteRename(name, *renamed);
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
    case AlterationKind::kChangeType:
    case AlterationKind::kModifyColumn:
      if (table->retyped_columns.size() < kMaxParts) {
        table->retyped_columns.insert(Lower(alteration.name));
      }
      break;
    case AlterationKind::kAddIndex:
      if (alteration.index.has_value()) AddIndex(statement, *alteration.index, table);
      break;
    case AlterationKind::kDropPrimaryKey:
      table->primary_key = false;
      table->key_dropped_by = statement;
      table->indexes.erase(std::remove_if(table->indexes.begin(), table->indexes.end(),
                                          [](const auto& part) { return part.facts.primary; }),
                           table->indexes.end());
      break;
    case AlterationKind::kAddForeignKey:
      if (alteration.foreign_key.has_value()) {
        Keep({statement, *alteration.foreign_key}, &table->foreign_keys);
      }
      break;
    case AlterationKind::kAddCheck:
      Keep(TableState::Check{alteration.name, alteration.terms, Lower(alteration.definition),
                             !alteration.not_valid},
           &table->checks);
      break;
    case AlterationKind::kValidateConstraint:
      ValidateCheck(alteration.name, table);
      break;
    case AlterationKind::kDropConstraint:
      table->checks.erase(std::remove_if(table->checks.begin(), table->checks.end(),
                                         [&](const TableState::Check& check) {
                                           return check.name == alteration.name;
                                         }),
                          table->checks.end());
      break;
    default:
      break;
  }
}

bool Script::IsAsBefore(const Name& table, const std::string& column) const {
  const TableState* state = Find(table);
  if (state == nullptr) return true;
  if (state->is_made() || state->away || state->renamed) return false;
  if (state->columns_in_doubt) return false;
  const std::string name = Lower(column);
  return state->added_columns.count(name) == 0 && state->renamed_columns.count(name) == 0 &&
         state->retyped_columns.count(name) == 0 && state->gone.count(column) == 0;
}

// Which columns the script added, renamed and made NOT NULL, also of views and types.
void Script::NoteColumns(const Facts& facts) {
  if (facts.objects.empty() || facts.verb == Verb::kAlterDomain) return;
  // Behind a rename in the same statement it bears the new name.
  const bool renames = facts.verb == Verb::kAlterTable && facts.objects.size() > 1;
  for (const Alteration& alteration : facts.alterations) {
    const bool about_column = alteration.kind == AlterationKind::kAddColumn ||
                              alteration.kind == AlterationKind::kDropColumn ||
                              alteration.kind == AlterationKind::kRenameColumn ||
                              alteration.kind == AlterationKind::kModifyColumn ||
                              alteration.kind == AlterationKind::kSetNotNull ||
                              alteration.kind == AlterationKind::kDropNotNull;
    if (!about_column) continue;
    const Name& of = renames ? facts.objects.back() : facts.objects[0];
    const bool certain = ExactIndexOf(of) != kNone || IndexOf(of) == kNone;
    const size_t index = IndexOfTouched(of);
    NoteChange(index);
    TableState& table = tables_[index];
    if (!certain) {  // It may be another table's.
      table.added_columns.clear();
      table.renamed_columns.clear();
      table.not_null_columns.clear();
      continue;
    }
    const std::string name = Lower(alteration.name);
    const std::string to = Lower(alteration.new_name);
    const size_t kept =
        table.added_columns.size() + table.renamed_columns.size() + table.not_null_columns.size();
    if (kept > kMaxParts && alteration.kind != AlterationKind::kDropColumn &&
        alteration.kind != AlterationKind::kRenameColumn) {
      continue;
    }
    switch (alteration.kind) {
      case AlterationKind::kAddColumn:
        table.added_columns.insert(name);
        break;
      case AlterationKind::kSetNotNull:
        table.not_null_columns.insert(name);
        break;
      case AlterationKind::kDropNotNull:
        table.not_null_columns.erase(name);
        break;
      case AlterationKind::kDropColumn:
        for (auto* columns :
             {&table.added_columns, &table.renamed_columns, &table.not_null_columns}) {
          columns->erase(name);
        }
        break;
      default: {
        if (to.empty() || to == name) break;
        for (auto* columns : {&table.added_columns, &table.not_null_columns}) {
          if (columns->erase(name) > 0) {
            columns->insert(to);
          } else {
            columns->erase(to);
          }
        }
        table.renamed_columns.erase(name);
        table.renamed_columns.insert(to);
      }
    }
  }
}

}  // namespace dbfleet::sql
