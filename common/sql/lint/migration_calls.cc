#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/migration_words.h"

// What migrations of Rails and Laravel do in words of their own: the rules of the SQL that they
// become, with advice in those words.
namespace dbfleet::sql {
namespace {

std::string Written(const Name& name) {
  return name.schema.empty() ? name.name : absl::StrCat(name.schema, ".", name.name);
}

// What programs have to do without first, and drop by themselves.
std::string Remove(const Look& look, const std::string& column) {
  if (look.facts.call->php) {
    return InTable(look, absl::StrCat("dropColumn(", Quoted(look, column), ")"));
  }
  return absl::StrCat("remove_column ", Quoted(look, look.table()), ", ", Quoted(look, column));
}

// With Ruby's options: ", precision: 10".
std::string Add(const Look& look, const std::string& column, const std::string& type,
                const std::string& options = "") {
  if (look.facts.call->php) {
    return InTable(look, absl::StrCat(type.empty() ? "..." : type, "(", Quoted(look, column),
                                      type.empty() ? ")" : ", ...)"));
  }
  return absl::StrCat("add_column ", Quoted(look, look.table()), ", ", Quoted(look, column), ", ",
                      type.empty()   ? "..."
                      : IsWord(type) ? absl::StrCat(":", type)
                                     : absl::StrCat("\"", type, "\""),
                      options);
}

bool IsBackFrom(const Look& look, Made::What what, const std::string& column) {
  return look.TakesBack(what, look.table(), column) ||
         look.TakesBack(Made::What::kColumn, look.table(), column) ||
         look.TakesBack(Made::What::kTable, look.table());
}

void DropColumn(const Look& look, const Alteration& alteration) {
  const std::string& column = alteration.name;
  if (IsBackFrom(look, Made::What::kColumn, column)) return;
  const std::string first =
      look.facts.call->php
          ? "let no query, $fillable or $casts of the application name it first, deploy that"
          : absl::StrCat("write self.ignored_columns += [\"", column,
                         "\"] in its model first, deploy that");
  look.Report(LintId::kDropColumn,
              absl::StrCat("dropping ", PlaceOf(look, column),
                           " loses its data, and programs that know the column fail"),
              absl::StrCat(first, ", then ", Remove(look, column), " in a later release"));
}

void RenameColumn(const Look& look, const Alteration& alteration) {
  if (alteration.new_name == alteration.name ||
      IsBackFrom(look, Made::What::kRenamedColumn, alteration.name)) {
    return;
  }
  look.Report(LintId::kRenameColumn,
              absl::StrCat("renaming ", PlaceOf(look, alteration.name), " to ",
                           look.Sql(alteration.new_name), " breaks every program that knows it"),
              absl::StrCat("write ", Add(look, alteration.new_name, ""),
                           ", write both, copy in batches, read the new one, ",
                           Remove(look, alteration.name), " in a later release"));
}

void ChangeType(const Look& look, const Alteration& alteration) {
  const std::string& type = alteration.column->type;
  look.Report(LintId::kChangeColumnType,
              absl::StrCat("changing ", PlaceOf(look, alteration.name), " to ", type,
                           " rewrites the table, unless the server can keep its rows as they are"),
              absl::StrCat("write ",
                           Add(look, alteration.name + "_new", type,
                               look.facts.call->php ? "" : look.facts.call->options),
                           ", keep both in step, copy in batches, then swap them"));
}

void CheckAlteration(const Look& look, const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kDropColumn:
      return DropColumn(look, alteration);
    case AlterationKind::kRenameColumn:
      return RenameColumn(look, alteration);
    case AlterationKind::kChangeType:
      return ChangeType(look, alteration);
    default:
      return;
  }
}

void DropTable(const Look& look, const Name& name) {
  if (look.IsNewAndUnused(name) || look.TakesBack(Made::What::kTable, name)) return;
  const std::string from = Quoted(look, name);
  const std::string to = Quoted(look, absl::StrCat(Written(name), "_old"));
  const std::string advice =
      look.facts.call->php
          ? absl::StrCat("write Schema::rename(", from, ", ", to,
                         "), wait until nothing misses it, then Schema::drop(", to, ")")
          : absl::StrCat("write rename_table ", from, ", ", to,
                         ", wait until nothing misses it, then drop_table ", to);
  look.ReportOn(name, LintId::kDropTable,
                absl::StrCat("dropping the table ", look.Sql(name), " loses its rows"), advice);
}

void RenameTable(const Look& look) {
  const Name& from = look.facts.objects[0];
  const Name& to = look.facts.objects[1];
  if (look.IsNew(from) || look.TakesBack(Made::What::kTable, from) ||
      look.TakesBack(Made::What::kRenamedTable, from)) {
    return;
  }
  const std::string view =
      absl::StrCat("CREATE VIEW ", look.Sql(to), " AS SELECT ... FROM ", look.Sql(from));
  look.ReportOn(
      from, LintId::kRenameTable,
      absl::StrCat("renaming ", look.Sql(from), " breaks every program that knows it"),
      absl::StrCat("write ", RunSql(look, view), ", move programs, rename when none is left"));
}

void ForcedTable(const Look& look) {
  if (!look.facts.call->force || look.IsNew(look.table())) return;
  look.Report(LintId::kDropTable,
              absl::StrCat("create_table ", Quoted(look, look.table()),
                           " with force: drops the table that is there, with its rows"),
              absl::StrCat("write create_table ", Quoted(look, look.table()), " without force:"));
}

}  // namespace

bool IsSchemaCall(const Facts& facts) { return facts.call.has_value() && facts.call->schema; }

void CheckMigrationCalls(const Look& look) {
  if (look.is(Verb::kDropTable)) {
    for (const Name& name : look.facts.objects) DropTable(look, name);
  }
  if (look.is(Verb::kRenameTable) && look.facts.objects.size() == 2) RenameTable(look);
  if (look.is(Verb::kCreateTable)) ForcedTable(look);
  CheckMigrationTypes(look);
  CheckMigrationCascades(look);
  // Nobody uses a table that the migration has only now made.
  if (!look.is(Verb::kAlterTable) || look.IsNew(look.table())) return;
  for (const Alteration& alteration : look.facts.alterations) CheckAlteration(look, alteration);
  CheckMigrationColumns(look);
  CheckMigrationKeys(look);
}

}  // namespace dbfleet::sql
