#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"
#include "common/sql/model/engines.h"

// What a server would refuse because of what it has, by the snapshot and the statements before.
namespace dbfleet::sql {
namespace {

using Found = FollowedSchema::Found;
using Presence = FollowedSchema::Presence;

Found Find(const Look& look, const Name& name) {
  return look.schema->Find(name, look.script.session());
}

// What is meant, where only the snapshot, or statements too, say what there is.
absl::string_view By(const Found& found) {
  return found.changed == nullptr ? " in the snapshot"
                                  : ", by the snapshot and the statements before this one";
}

void ReportMissing(const Look& look, const Name& name, const Found& found, std::string advice) {
  look.ReportOn(name, LintId::kDryRun,
                absl::StrCat("there is no table ", look.Sql(name),
                             found.gone ? " any more: a statement before this one took it away"
                                        : " in the snapshot"),
                std::move(advice));
}

// `exactly`: with letter case, where the server tells it apart.
bool HasColumn(const Look& look, const Found& found, const std::string& column) {
  const std::vector<std::string> columns = found.Columns();
  if (!look.postgres()) return HoldsColumn(columns, column);
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

std::string Already(absl::string_view instead) {
  return absl::StrCat(instead,
                      "; where this version was applied already, name it among the snapshot's "
                      "applied_versions");
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
    if (alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value()) {
      AddsIndex(look, table, found, *alteration.index);
    } else if (alteration.kind == AlterationKind::kDropIndex) {
      DropsIndex(look, table, found, alteration.name);
    }
  }
}

// Queries and changes of rows ---------------------------------------------------------------------

// MariaDB makes them up: seq_1_to_10, seq_0_to_100_step_5.
bool IsNumberSeries(const Look& look, const std::string& name) {
  return look.target.dialect == Dialect::kMariaDb && absl::StartsWithIgnoreCase(name, "seq_") &&
         absl::StrContains(name, "_to_");
}

// A query of one table and of nothing else. What a model's query reads is named by convention, and
// may have another name.
bool ReadsOneTable(const Look& look) {
  const Facts& facts = look.facts;
  if (!look.is(Verb::kSelect) || facts.objects.size() != 1 || look.verdict.uses.size() != 1) {
    return false;
  }
  if (facts.call.has_value() && !facts.call->raw_sql) return false;
  const Name& table = look.table();
  return look.verdict.understood && !facts.query.table_functions && facts.query.select_depth <= 1 &&
         !IsServersOwn(look.target.dialect, table.schema, table.name) &&
         !IsNumberSeries(look, table.name);
}

bool NeedsTable(Verb verb) {
  return IsDml(verb) || verb == Verb::kAlterTable || verb == Verb::kCreateIndex;
}

// Those that stand behind the name of their table, of however many.
void MissingQualified(const Look& look) {
  for (const QualifiedColumn& qualified : look.facts.query.qualified_columns) {
    if (qualified.table.name.empty() || qualified.renamed > 0 || qualified.folded_unknown) continue;
    const Found found = Find(look, qualified.table);
    if (!found.KnowsColumns()) continue;
    Columns(look, qualified.table, found).NeedBefore(qualified.column);
  }
}

// Columns of conditions, of SET, of the list of a SELECT and of INSERT that the table does not
// have. Only of statements about one table, for conditions do not tell whose their columns are.
void MissingColumns(const Look& look) {
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

// Tables ------------------------------------------------------------------------------------------

void MissingTable(const Look& look) {
  const bool reads = ReadsOneTable(look);
  if (!NeedsTable(look.facts.verb) && !reads) return;
  if (look.facts.if_exists || (look.facts.query.select_depth > 0 && !reads)) return;
  const Found found = Find(look, look.table());
  if (found.presence == Presence::kMissing) ReportMissing(look, look.table(), found, "");
}

void DroppedTables(const Look& look) {
  const bool table = look.is(Verb::kDropTable) && look.facts.object_type == "table";
  if (!table || look.facts.if_exists || look.facts.temporary) return;
  for (const Name& name : look.facts.objects) {
    const Found found = Find(look, name);
    if (found.presence != Presence::kMissing) continue;
    ReportMissing(look, name, found,
                  absl::StrCat("correct the name, or write DROP TABLE IF EXISTS ", look.Sql(name)));
  }
}

void MadeTable(const Look& look) {
  const Facts& facts = look.facts;
  if (!look.is(Verb::kCreateTable) || facts.if_not_exists || facts.or_replace || facts.temporary) {
    return;
  }
  const Found found = Find(look, look.table());
  if (look.schema->may_lack_tables()) return;
  if (!look.schema->IsMadeThere(look.table(), found, look.script.session())) return;
  look.Report(LintId::kDryRun,
              absl::StrCat("there is a table ", look.Sql(look.table()), " already",
                           found.changed == nullptr ? " in the snapshot" : ""),
              Already("give it another name, or change the one that there is"));
}

}  // namespace

void CheckDryRun(const Look& look) {
  if (look.schema == nullptr) return;
  MissingColumns(look);
  if (look.table().name.empty()) return;
  MissingTable(look);
  DroppedTables(look);
  MadeTable(look);
  CheckDefinitions(look);
}

}  // namespace dbfleet::sql
