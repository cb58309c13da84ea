#include "common/sql/lint/dry_run.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

// The columns and indexes of which a server would refuse a statement.
namespace dbfleet::sql {
namespace {

using Found = FollowedSchema::Found;

// `exactly`: with letter case, where the server tells it apart.
bool HasColumn(const Look& look, const Found& found, const std::string& column) {
  const std::vector<std::string> columns = found.Columns();
  if (!look.postgres()) return HoldsColumn(columns, column);
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

// Columns of an ALTER TABLE or CREATE INDEX -------------------------------------------------------

// One statement's columns: it may use what it adds itself, and mostly what it renames.
class Columns {
 public:
  Columns(const Look& look, const Name& table, const Found& found)
      : look_(look), table_(table), found_(found) {
    for (const Alteration& alteration : look.facts.alterations) {
      if (alteration.kind == AlterationKind::kDropColumn) left_.push_back(alteration.name);
      if (alteration.kind == AlterationKind::kAddColumn) came_.push_back(alteration.name);
      if (alteration.new_name.empty()) continue;
      left_.push_back(alteration.name);
      came_.push_back(alteration.new_name);
    }
  }

  // What was there before the statement.
  void NeedBefore(const std::string& column) const {
    if (column.empty() || found_.HasColumn(column) || IsSystemColumn(look_.target, column)) return;
    if (look_.schema->TouchedElsewhere(found_, column)) return;
    look_.ReportOn(
        table_, LintId::kDryRun,
        absl::StrCat(look_.Sql(table_), " has no column ", look_.Sql(column), By(found_)));
  }
  // The same, or what the statement brings.
  void Need(const std::string& column) const {
    if (!HoldsColumn(came_, column)) NeedBefore(column);
  }
  void Need(const std::vector<std::string>& columns) const {
    for (const std::string& column : columns) {
      if (!absl::StartsWith(column, "(")) Need(column);  // No expression.
    }
  }
  // Room for what comes.
  void NeedNone(const std::string& column) const {
    if (!HasColumn(look_, found_, column) || HoldsColumn(left_, column)) return;
    if (look_.schema->TouchedElsewhere(found_, column)) return;
    look_.ReportOn(table_, LintId::kDryRun,
                   absl::StrCat(look_.Sql(table_), " has a column ", look_.Sql(column), " already",
                                found_.changed == nullptr ? "" : By(found_)),
                   Already("give it another name, or leave it out"));
  }

 private:
  const Look& look_;
  const Name& table_;
  const Found& found_;
  std::vector<std::string> left_;
  std::vector<std::string> came_;
};

bool IsAboutColumn(AlterationKind kind) {
  switch (kind) {
    case AlterationKind::kDropColumn:
    case AlterationKind::kRenameColumn:
    case AlterationKind::kChangeType:
    case AlterationKind::kModifyColumn:
    case AlterationKind::kSetNotNull:
    case AlterationKind::kDropNotNull:
    case AlterationKind::kSetDefault:
    case AlterationKind::kDropDefault:
      return true;
    default:
      return false;
  }
}

void CheckColumnsOf(const Look& look, const Alteration& alteration, const Columns& columns) {
  if (alteration.if_exists) return;
  if (IsAboutColumn(alteration.kind)) {
    // MariaDB changes what the same statement adds; nobody drops it.
    if (alteration.kind == AlterationKind::kDropColumn) {
      columns.NeedBefore(alteration.name);
    } else {
      columns.Need(alteration.name);
    }
  }
  const bool adds = alteration.kind == AlterationKind::kAddColumn && alteration.column.has_value();
  if (adds) columns.NeedNone(alteration.column->name);
  const bool renames = alteration.kind == AlterationKind::kRenameColumn ||
                       alteration.kind == AlterationKind::kModifyColumn;
  if (renames && !alteration.new_name.empty() &&
      !absl::EqualsIgnoreCase(alteration.name, alteration.new_name)) {
    columns.NeedNone(alteration.new_name);
  }
  if (alteration.column.has_value()) {
    const std::string& after = alteration.column->position_after;
    if (!after.empty()) columns.Need(after);
  }
  if (alteration.index.has_value() && !alteration.index->using_index) {
    columns.Need(alteration.index->columns);
  }
  if (alteration.foreign_key.has_value()) columns.Need(alteration.foreign_key->columns);
  for (const std::string& column : alteration.check_columns) {
    // PostgreSQL: the row as a whole.
    if (!look.postgres() || column != look.table().name) columns.Need(column);
  }
}

// Indexes -----------------------------------------------------------------------------------------

bool GivesUpIndex(const Look& look, const std::string& index) {
  return std::any_of(look.facts.alterations.begin(), look.facts.alterations.end(),
                     [&](const Alteration& other) {
                       const bool named = other.kind == AlterationKind::kDropIndex ||
                                          other.kind == AlterationKind::kRenameIndex ||
                                          other.kind == AlterationKind::kDropConstraint;
                       // An index goes with the columns that it is of.
                       return other.kind == AlterationKind::kDropColumn ||
                              (named && absl::EqualsIgnoreCase(other.name, index));
                     });
}

void AddsIndex(const Look& look, const Name& table, const Found& found, const IndexFacts& index) {
  if (index.using_index || index.primary || GivesUpIndex(look, index.name)) return;
  if (!look.schema->HasIndex(found, index.name)) return;
  look.ReportOn(table, LintId::kDryRun,
                absl::StrCat("there is an index ", look.Sql(index.name), " already",
                             look.postgres() ? " in the schema of " : " of ", look.Sql(table)),
                Already("give it another name, or leave it out"));
}

void DropsIndex(const Look& look, const Name& table, const Found& found, const std::string& index) {
  if (absl::EqualsIgnoreCase(index, "PRIMARY") || !look.schema->LacksIndex(found, index)) return;
  look.ReportOn(table, LintId::kDryRun,
                absl::StrCat(look.Sql(table), " has no index ", look.Sql(index), By(found)));
}

// MySQL and MariaDB.
void RenamesIndex(const Look& look, const Name& table, const Found& found,
                  const Alteration& alteration) {
  if (absl::EqualsIgnoreCase(alteration.name, alteration.new_name)) return;
  DropsIndex(look, table, found, alteration.name);
  IndexFacts renamed;
  renamed.name = alteration.new_name;
  AddsIndex(look, table, found, renamed);
}

void CheckDefinitions(const Look& look) {
  const bool index = look.is(Verb::kCreateIndex) || look.is(Verb::kDropIndex);
  if (!index && !look.is(Verb::kAlterTable)) return;
  const Name& table = look.table();
  const Found found = Find(look, table);
  if (!found.is_there()) return;
  const Columns columns(look, table, found);
  if (found.KnowsColumns()) {
    for (const Alteration& alteration : look.facts.alterations) {
      CheckColumnsOf(look, alteration, columns);
    }
    if (look.is(Verb::kCreateIndex) && !look.facts.if_not_exists) {
      for (const IndexFacts& made : look.facts.indexes) columns.Need(made.columns);
    }
  }
  if (index && !look.facts.if_exists && !look.facts.if_not_exists && !look.facts.or_replace) {
    for (const IndexFacts& one : look.facts.indexes) {
      if (look.is(Verb::kCreateIndex)) AddsIndex(look, table, found, one);
      if (look.is(Verb::kDropIndex) && look.mysql()) DropsIndex(look, table, found, one.name);
    }
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.if_exists) continue;
    if (alteration.kind == AlterationKind::kRenameIndex)
      RenamesIndex(look, table, found, alteration);
    if (alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value()) {
      AddsIndex(look, table, found, *alteration.index);
    } else if (alteration.kind == AlterationKind::kDropIndex) {
      DropsIndex(look, table, found, alteration.name);
    }
  }
}

// Queries and changes of rows ---------------------------------------------------------------------

// Those that stand behind the name of their table, of however many.
void MissingQualified(const Look& look) {
  for (const QualifiedColumn& qualified : look.facts.query.qualified_columns) {
    if (qualified.table.name.empty() || qualified.renamed > 0 || qualified.folded_unknown) continue;
    const Found found = Find(look, qualified.table);
    if (!found.KnowsColumns()) continue;
    Columns(look, qualified.table, found).NeedBefore(qualified.column);
  }
}

// Foreign keys ------------------------------------------------------------------------------------

// MySQL before 9 reads a REFERENCES at its column and ignores it, MariaDB before 10.5.
bool IgnoresInline(const Target& target) {
  if (target.postgres()) return false;
  return target.version < (target.dialect == Dialect::kMariaDb ? Version{10, 5} : Version{9, 0});
}

void MissingParentColumns(const Look& look) {
  for (const ForeignKeyFacts* key : CheckedForeignKeys(look)) {
    const Name parent = ParentOf(look, *key);
    const Found found = Find(look, parent);
    if (!found.KnowsColumns()) continue;
    const Columns columns(look, parent, found);
    for (const std::string& column : key->parent_columns) columns.NeedBefore(column);
  }
}

}  // namespace

Name ParentOf(const Look& look, const ForeignKeyFacts& key) {
  const bool beside = look.mysql() && key.parent.schema.empty();
  return beside ? Name{look.table().schema, key.parent.name} : key.parent;
}

std::vector<const ForeignKeyFacts*> CheckedForeignKeys(const Look& look) {
  const Facts& facts = look.facts;
  std::vector<const ForeignKeyFacts*> keys;
  if (!look.is(Verb::kCreateTable) && !look.is(Verb::kAlterTable)) return keys;
  if (facts.if_not_exists) return keys;
  if (look.mysql()) {
    const bool other_engine = !facts.engine.empty() && facts.engine != "innodb";
    const Session& session = look.script.session();
    if (other_engine || !session.foreign_keys_checked() ||
        session.engine_in_doubt(!facts.engine.empty())) {
      return keys;
    }
  }
  const auto add = [&](const ForeignKeyFacts& key) {
    const Name parent = ParentOf(look, key);
    const bool itself = absl::EqualsIgnoreCase(parent.name, look.table().name);
    if (!parent.name.empty() && !itself) keys.push_back(&key);
  };
  const auto add_inline = [&](const ColumnFacts& column) {
    if (column.references.has_value() && !IgnoresInline(look.target)) add(*column.references);
  };
  for (const ForeignKeyFacts& key : facts.foreign_keys) add(key);
  for (const ColumnFacts& column : facts.columns) add_inline(column);
  for (const Alteration& alteration : facts.alterations) {
    if (alteration.if_exists) continue;
    if (alteration.foreign_key.has_value()) add(*alteration.foreign_key);
    if (alteration.column.has_value()) add_inline(*alteration.column);
  }
  return keys;
}

// Columns of conditions, of SET, of the list of a SELECT and of INSERT that the table does not
// have. Only of statements about one table, for conditions do not tell whose their columns are.
void CheckColumnsRead(const Look& look) {
  const Facts& facts = look.facts;
  const bool selects = look.is(Verb::kSelect);
  const bool writes = look.is(Verb::kUpdate) || look.is(Verb::kDelete);
  if (!look.snapshot->complete) return;
  if (look.postgres()) MissingQualified(look);
  if (facts.objects.size() != 1 || !look.verdict.understood) return;
  const Found found = Find(look, look.table());
  if (!found.KnowsColumns()) return;
  const Columns columns(look, look.table(), found);
  // The name of a row is no column's where the table has none of that name.
  const auto is_row = [&](const std::string& column) {
    const std::vector<std::string>& rows = facts.query.row_names;
    return std::find(rows.begin(), rows.end(), column) != rows.end();
  };
  for (const std::string& column : facts.insert.columns) columns.NeedBefore(column);
  const bool one_source = look.verdict.uses.size() == 1 && !facts.query.table_functions &&
                          facts.query.select_depth <= (selects ? 1 : 0);
  if ((!selects && !writes) || !one_source) return;
  for (const auto* named : {&facts.query.filtered_columns, &facts.query.written_columns,
                            &facts.query.selected_columns}) {
    for (const std::string& column : *named) {
      if (!is_row(column)) columns.NeedBefore(column);
    }
  }
}

void CheckDryRun(const Look& look) {
  if (look.schema == nullptr) return;
  CheckColumnsRead(look);
  if (look.table().name.empty()) return;
  CheckTablesThere(look);
  MissingParentColumns(look);
  CheckDefinitions(look);
}

}  // namespace dbfleet::sql
