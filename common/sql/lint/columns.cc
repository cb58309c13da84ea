#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/column_text.h"
#include "common/sql/lint/live_types.h"
#include "common/sql/lint/partitions.h"

// Columns that come, go, and change.
namespace dbfleet::sql {
namespace {

// "orders.note"
std::string Place(const Look& look, absl::string_view column) {
  return absl::StrCat(look.Sql(look.table()), ".", look.Sql(column));
}

// "ALTER TABLE t ADD COLUMN IF NOT EXISTS c "
std::string AddColumn(const Look& look, const Alteration& alteration, const std::string& column) {
  const bool if_not_exists = alteration.kind == AlterationKind::kAddColumn && alteration.if_exists;
  return absl::StrCat(look.Alter(alteration.only), "ADD COLUMN ",
                      if_not_exists ? "IF NOT EXISTS " : "", look.Sql(column), " ");
}

// Whether what is said of it can be written again from what is kept.
bool IsKnown(const ColumnFacts& column) {
  return !column.type_text.empty() && !column.has_more &&
         column.default_text.find_first_of("\r\n") == std::string::npos;
}

// For who reads it.
std::string Shown(const ColumnFacts& column) {
  return column.type_text.empty() ? TypeText(column) : column.type_text;
}

void DropColumn(const Look& look, const Alteration& alteration) {
  if (look.TakesBack(Made::What::kColumn, look.table(), alteration.name) ||
      look.TakesBack(Made::What::kTable, look.table())) {
    return;
  }
  look.Report(LintId::kDropColumn,
              absl::StrCat("dropping ", Place(look, alteration.name),
                           " loses its data, and programs that know the column fail"),
              absl::StrCat("let the application ignore ", look.Sql(alteration.name),
                           " first, drop it in a later release"));
}

void RenameColumn(const Look& look, const Alteration& alteration) {
  if (alteration.new_name.empty() || alteration.new_name == alteration.name) return;
  if (look.TakesBack(Made::What::kColumn, look.table(), alteration.name) ||
      look.TakesBack(Made::What::kRenamedColumn, look.table(), alteration.name) ||
      look.TakesBack(Made::What::kTable, look.table())) {
    return;
  }
  look.Report(LintId::kRenameColumn,
              absl::StrCat("renaming ", Place(look, alteration.name), " to ",
                           look.Sql(alteration.new_name), " breaks every program that knows it"),
              absl::StrCat("write ", look.Alter(), "ADD COLUMN ", look.Sql(alteration.new_name),
                           " ..., write both, copy in batches, read the new one, drop ",
                           look.Sql(alteration.name), " in a later release"));
}

// From what the rows may stay as they are: see KeepsRows.
std::string KeepingForm(const Look& look, const ColumnFacts& column) {
  const std::string& type = column.type;
  if (look.mysql()) {
    if (type == "varchar") return "it only makes a VARCHAR longer, with a length of as many bytes";
    if (type == "enum" || type == "set") return "it only appends values";
    return "that is its type already";
  }
  if (type == "varchar" || type == "varbit") return "it only makes it longer";
  if (type == "text") return "it was varchar or text";
  if (type == "numeric") return "it only gives a numeric more digits in front of the point";
  if (absl::StartsWith(type, "time")) return "it is that type already, with no more precision";
  if (type == "inet") return "it was cidr";
  return "that is its type already";
}

void ChangeType(const Look& look, const Alteration& alteration) {
  if (!alteration.column.has_value()) return;
  const ColumnFacts& column = *alteration.column;
  const std::string after = Shown(column);
  if (after.empty()) return;
  // PostgreSQL: a USING, which stands where a new column's default does, gives other values.
  const bool converts = look.postgres() && column.default_kind != DefaultKind::kNone;
  const LiveTable* live = look.Live(look.table());
  const bool same = look.script.IsAsBefore(look.table(), alteration.name);
  const LiveColumn* known = live == nullptr || !same ? nullptr : live->Column(alteration.name);
  std::string from;
  if (known != nullptr) {
    if (!converts && KeepsRows(look.target, known->type, *alteration.column)) return;
    from = absl::StrCat(" from ", known->type);
  }
  const bool by_charset = known != nullptr && MayKeepRows(look.target, known->type, column);
  const std::string rewrites =
      by_charset ? " rewrites the table, unless its length takes as many bytes in its character set"
      : known == nullptr && !converts
          ? absl::StrCat(" rewrites the table, unless ", KeepingForm(look, column))
          : " rewrites the table";
  const std::string name = alteration.name + "_new";
  const std::string add =
      IsKnown(column)
          ? absl::StrCat("write ", AddColumn(look, alteration, name), column.type_text,
                         column.not_null ? " NOT NULL" : "",
                         column.default_text.empty() ? "" : " DEFAULT ", column.default_text)
          : absl::StrCat("add a column ", look.Sql(name), " with the type ", after,
                         " and whatever else is said of ", look.Sql(alteration.name));
  look.Report(
      LintId::kChangeColumnType,
      absl::StrCat("changing ", Place(look, alteration.name), from, " to ", after, rewrites),
      absl::StrCat(add, ", keep both in step, copy in batches, then swap them"));
}

// A domain's CHECK does the same, and can be added without reading every table at once.
void DomainNotNull(const Look& look) {
  const std::string domain = look.Sql(look.table());
  const std::string check = look.Sql(MadeUpName("chk", look.table(), {"not_null"}));
  look.Report(LintId::kSetNotNull,
              absl::StrCat("SET NOT NULL on the domain ", domain,
                           " reads every table that uses it while nobody may write them"),
              absl::StrCat("write ALTER DOMAIN ", domain, " ADD CONSTRAINT ", check,
                           " CHECK (VALUE IS NOT NULL) NOT VALID; in a later migration ALTER "
                           "DOMAIN ",
                           domain, " VALIDATE CONSTRAINT ", check));
}

// Whether a CHECK that the script validated says so.
bool HoldsNotNull(const Look& look, const std::string& column) {
  const TableState* state = look.script.Find(look.table());
  if (state == nullptr) return false;
  return std::any_of(state->checks.begin(), state->checks.end(), [&](const auto& check) {
    return check.holds &&
           std::any_of(check.terms.begin(), check.terms.end(), [&](const CheckTerm& term) {
             return term.kind == CheckTerm::kNotNull && term.column == column;
           });
  });
}

// The CHECK goes in a statement of its own: in one with SET NOT NULL the server would drop it
// first, and read the whole table.
void SetNotNull(const Look& look, const Alteration& alteration) {
  if (look.is(Verb::kAlterDomain)) return DomainNotNull(look);
  if (HoldsNotNull(look, alteration.name)) return;  // PostgreSQL 12 and later use it.
  const std::string check = look.Sql(MadeUpName("chk", look.table(), {alteration.name}));
  const std::string column = look.Sql(alteration.name);
  const std::string alter = look.Alter(TakesOnly(look, alteration));
  look.Report(
      LintId::kSetNotNull,
      absl::StrCat("SET NOT NULL on ", Place(look, alteration.name),
                   " reads the whole table while nobody may use it"),
      absl::StrCat("write ", alter, "ADD CONSTRAINT ", check, " CHECK (", column,
                   " IS NOT NULL) NOT VALID; in a second migration ", alter, "VALIDATE CONSTRAINT ",
                   check, "; in a third one, behind the line -- dbfleet:ignore dbf-set-not-null ",
                   check, " is validated, ", alter, "ALTER COLUMN ", column, " SET NOT NULL; then ",
                   alter, "DROP CONSTRAINT ", check));
}

void DropNotNull(const Look& look, const Alteration& alteration) {
  if (look.TakesBack(Made::What::kNotNull, look.table(), alteration.name) ||
      look.TakesBack(Made::What::kColumn, look.table(), alteration.name) ||
      look.TakesBack(Made::What::kTable, look.table())) {
    return;
  }
  look.Report(
      LintId::kDropNotNull,
      absl::StrCat(look.is(Verb::kAlterDomain) ? absl::StrCat("the domain ", look.Sql(look.table()))
                                               : Place(look, alteration.name),
                   " may hold NULL from now on"));
}

void NotNullWithoutDefault(const Look& look, const Alteration& alteration) {
  const ColumnFacts& column = *alteration.column;
  const bool has_value = column.default_kind != DefaultKind::kNone || column.generated_stored ||
                         column.generated_virtual || column.auto_increment;
  // Of a key, dbf-add-primary-key says what to do.
  if (!column.not_null || has_value || (look.postgres() && column.primary_key)) return;
  const std::string nullable =
      absl::StrCat(AddColumn(look, alteration, column.name), column.type_text);
  look.Report(LintId::kNotNullWithoutDefault,
              absl::StrCat("the new column ", Place(look, column.name), " is NOT NULL without a ",
                           "DEFAULT: ",
                           look.postgres() ? "it fails on a table with rows"
                                           : "old rows get a value that nobody chose"),
              IsKnown(column)
                  ? absl::StrCat("write ", nullable, ", fill it in batches, then set NOT NULL; or ",
                                 nullable, " NOT NULL with a DEFAULT that suits the rows")
                  : absl::StrCat("add ", look.Sql(column.name),
                                 " without NOT NULL but with whatever else is said of it, fill it "
                                 "in batches, then set NOT NULL; or say a DEFAULT that suits the "
                                 "rows"));
}

void AddedDefault(const Look& look, const Alteration& alteration) {
  const ColumnFacts& column = *alteration.column;
  if (column.default_kind != DefaultKind::kVolatile || column.auto_increment) return;
  const std::string name = look.Sql(column.name);
  // MySQL and MariaDB take an expression in parentheses only.
  const bool enclosed = look.postgres() || absl::StartsWith(column.default_text, "(");
  const std::string set =
      absl::StrCat(look.Alter(alteration.only), "ALTER COLUMN ", name, " SET DEFAULT ",
                   enclosed ? "" : "(", column.default_text, enclosed ? "" : ")");
  const std::string advice =
      IsKnown(column)
          ? absl::StrCat("write ", AddColumn(look, alteration, column.name), column.type_text,
                         "; then ", set, "; then fill in old rows in batches",
                         column.not_null ? "; then set NOT NULL" : "")
          : absl::StrCat("add ", name,
                         " without its DEFAULT, NOT NULL, checks and keys, but with whatever else "
                         "is said of it; then set the DEFAULT; then fill in old rows in batches; "
                         "then add what was left out, each in its own way");
  const std::string message =
      absl::StrCat("the new column ", Place(look, column.name), " with the default ",
                   column.default_text, " rewrites the table");
  look.Report(LintId::kVolatileDefault, message, advice);
  look.Report(LintId::kExpressionDefault, message, advice);
}

void Generated(const Look& look, const ColumnFacts& column) {
  if (!column.generated_stored) return;
  look.Report(LintId::kStoredGenerated,
              absl::StrCat("the new stored column ", Place(look, column.name),
                           " is computed and written for every row"));
}

void AutoIncrement(const Look& look, const ColumnFacts& column) {
  if (!column.auto_increment) return;
  look.Report(LintId::kAddAutoIncrement,
              absl::StrCat("the new self-numbering column ", Place(look, column.name),
                           " rewrites the table"));
}

void CheckAlteration(const Look& look, const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kDropColumn:
      return DropColumn(look, alteration);
    case AlterationKind::kRenameColumn:
      return RenameColumn(look, alteration);
    case AlterationKind::kModifyColumn:
      RenameColumn(look, alteration);
      return ChangeType(look, alteration);
    case AlterationKind::kChangeType:
      return ChangeType(look, alteration);
    case AlterationKind::kSetNotNull:
      return SetNotNull(look, alteration);
    case AlterationKind::kDropNotNull:
      return DropNotNull(look, alteration);
    case AlterationKind::kAddColumn:
      if (!alteration.column.has_value()) return;
      NotNullWithoutDefault(look, alteration);
      AddedDefault(look, alteration);
      Generated(look, *alteration.column);
      return AutoIncrement(look, *alteration.column);
    default:
      return;
  }
}

}  // namespace

void CheckColumns(const Look& look) {
  // Nobody uses a table that the script has only now made.
  if (look.IsNew(look.table())) return;
  for (const Alteration& alteration : look.facts.alterations) CheckAlteration(look, alteration);
}

}  // namespace dbfleet::sql
