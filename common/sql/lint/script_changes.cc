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

std::string ConstraintKey(const Name& table, const std::string& constraint) {
  return absl::StrCat(Lower(table.name), ".", Lower(constraint));
}

}  // namespace

const Script::NotValid* Script::FindNotValid(const Name& table,
                                             const std::string& constraint) const {
  const auto found = not_valid_.find(ConstraintKey(table, constraint));
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

// `sure`: it was not there before.
void Script::MakeIndex(int statement, const IndexFacts& index, const TableState& table, bool sure) {
  if (index.name.empty() || !sure) return;
  const std::string& schema = index.table.schema.empty() ? table.name.schema : index.table.schema;
  made_indexes_.emplace(IndexKey(table.name, {schema, index.name}), statement);
}

void Script::NoteAlter(int statement, const Facts& facts) {
  if (facts.objects.empty()) return;
  const Name name = facts.objects[0];
  TableState& table = Touch(name);
  if (table.first_alter < 0) table.first_alter = statement;
  ++table.alters;
  const Name* renamed = nullptr;
  Name moved;
  for (const Alteration& alteration : facts.alterations) {
    NoteAlteration(statement, alteration, &table);
    const bool constraint = alteration.kind == AlterationKind::kAddForeignKey ||
                            alteration.kind == AlterationKind::kAddCheck;
    if (constraint && alteration.not_valid) {
      not_valid_[ConstraintKey(table.name, alteration.name)] = {transaction()};
    }
    if (alteration.kind == AlterationKind::kIndexVisibility) {
      invisible_indexes_.insert(Lower(alteration.name));
    } else if (alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value()) {
      MakeIndex(statement, *alteration.index, table, !alteration.if_exists);
    } else if (alteration.kind == AlterationKind::kDropIndex) {
      made_indexes_.erase(IndexKey(name, {name.schema, alteration.name}));
    } else if (alteration.kind == AlterationKind::kSetSchema) {
      moved = {alteration.new_name, name.name};  // It stands alone.
      renamed = &moved;
    } else if (alteration.kind == AlterationKind::kRenameTable && facts.objects.size() > 1) {
      renamed = &facts.objects.back();
    }
  }
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
    case AlterationKind::kAddIndex:
      if (alteration.index.has_value()) AddIndex(statement, *alteration.index, table);
      break;
    case AlterationKind::kDropPrimaryKey:
      table->primary_key = false;
      table->key_dropped_by = statement;
      break;
    case AlterationKind::kAddForeignKey:
      if (alteration.foreign_key.has_value()) {
        Keep({statement, *alteration.foreign_key}, &table->foreign_keys);
      }
      break;
    case AlterationKind::kAddCheck:
      Keep(TableState::Check{alteration.name, alteration.text, !alteration.not_valid},
           &table->checks);
      break;
    case AlterationKind::kValidateConstraint:
      for (TableState::Check& check : table->checks) {
        // One without a name has the server's.
        check.holds = check.holds || check.name.empty() || check.name == alteration.name;
      }
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

// What a way back may take away again.
void Script::NoteMade(const Facts& facts) {
  const auto add = [&](Made::What what, const Name& table, absl::string_view part = "") {
    made_.Add(what, PlaceOf(table), table.name, part);
  };
  const Name nothing;
  const Name& table = facts.objects.empty() ? nothing : facts.objects[0];
  const auto add_index = [&](const Name& of, const std::string& index) {
    if (index.empty()) return;
    if (postgres_) return add(Made::What::kIndex, {of.schema, index});
    add(Made::What::kIndex, of, index);
  };
  for (const Facts& element : facts.elements) NoteMade(element);
  if (facts.verb == Verb::kCreateTable && !facts.temporary) add(Made::What::kTable, table);
  if (facts.verb == Verb::kCreateSchema && !table.name.empty()) {
    made_.Add(Made::What::kSchema, "", table.name);
  }
  if (facts.verb == Verb::kRenameTable) {
    for (size_t i = 1; i < facts.objects.size(); i += 2) {
      add(Made::What::kRenamedTable, facts.objects[i]);
    }
    return;
  }
  for (const IndexFacts& index : facts.indexes) {
    const bool creates = facts.verb == Verb::kCreateIndex || facts.verb == Verb::kCreateTable;
    if (creates) add_index(index.table.name.empty() ? table : index.table, index.name);
  }
  for (const Alteration& alteration : facts.alterations) {
    switch (alteration.kind) {
      case AlterationKind::kAddColumn:
        add(Made::What::kColumn, table, alteration.name);
        break;
      case AlterationKind::kModifyColumn:
      case AlterationKind::kRenameColumn:
        add(Made::What::kRenamedColumn, table, alteration.new_name);
        break;
      case AlterationKind::kSetNotNull:
        add(Made::What::kNotNull, table, alteration.name);
        break;
      case AlterationKind::kAddIndex:
        add_index(table, alteration.index.has_value() ? alteration.index->name : alteration.name);
        break;
      case AlterationKind::kRenameTable:
        add(Made::What::kRenamedTable, facts.objects.back());
        break;
      case AlterationKind::kEnumRenameValue:
        add(Made::What::kValue, table, alteration.new_name);
        break;
      default:
        if (facts.verb == Verb::kAlterSchema && !alteration.new_name.empty()) {
          made_.Add(Made::What::kSchema, "renamed", alteration.new_name);
        }
        break;
    }
  }
}

}  // namespace dbfleet::sql
