#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/column_text.h"
#include "common/sql/lint/live_types.h"

// Columns that come, go, and change.
namespace dbfleet::sql {
namespace {

// "orders.note"
std::string Place(const Look& look, absl::string_view column) {
  return absl::StrCat(look.Sql(look.table()), ".", look.Sql(column));
}

std::string Alter(const Look& look) {
  return absl::StrCat("ALTER TABLE ", look.Sql(look.table()), " ");
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
              absl::StrCat("write ", Alter(look), "ADD COLUMN ", look.Sql(alteration.new_name),
                           " ..., write both, copy in batches, read the new one, drop ",
                           look.Sql(alteration.name), " in a later release"));
}

void ChangeType(const Look& look, const Alteration& alteration) {
  if (!alteration.column.has_value()) return;
  const std::string after = TypeText(*alteration.column);
  if (after.empty()) return;
  const LiveTable* live = look.Live(look.table());
  const LiveColumn* known = live == nullptr ? nullptr : live->Column(alteration.name);
  std::string from;
  if (known != nullptr) {
    const bool computed = look.postgres() &&  // A USING stands where a new column's default does.
                          alteration.column->default_kind != DefaultKind::kNone;
    if (!computed && KeepsRows(look.target, known->type, *alteration.column)) return;
    from = absl::StrCat(" from ", known->type);
  }
  const std::string column = look.Sql(alteration.name);
  const char* rewrites = look.mysql() && known == nullptr
                             ? " may rewrite the table, unless it only widens the type or keeps it"
                             : " rewrites the table";
  look.Report(
      LintId::kChangeColumnType,
      absl::StrCat("changing ", Place(look, alteration.name), from, " to ", after, rewrites),
      absl::StrCat("write ", Alter(look), "ADD COLUMN ", look.Sql(alteration.name + "_new"), " ",
                   after, ", keep both in step, copy in batches, then swap them"));
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
  const std::string name = absl::AsciiStrToLower(column);
  return std::any_of(state->checks.begin(), state->checks.end(), [&](const auto& check) {
    const std::string text = absl::AsciiStrToLower(check.text);
    return check.holds && absl::StrContains(text, name) && absl::StrContains(text, "not null");
  });
}

void SetNotNull(const Look& look, const Alteration& alteration) {
  if (look.is(Verb::kAlterDomain)) return DomainNotNull(look);
  if (HoldsNotNull(look, alteration.name)) return;  // PostgreSQL 12 and later use it.
  const std::string check = look.Sql(MadeUpName("chk", look.table(), {alteration.name}));
  const std::string column = look.Sql(alteration.name);
  look.Report(LintId::kSetNotNull,
              absl::StrCat("SET NOT NULL on ", Place(look, alteration.name),
                           " reads the whole table while nobody may use it"),
              absl::StrCat("write ", Alter(look), "ADD CONSTRAINT ", check, " CHECK (", column,
                           " IS NOT NULL) NOT VALID; in a second migration ", Alter(look),
                           "VALIDATE CONSTRAINT ", check,
                           "; in a third one, behind the line -- dbfleet:ignore dbf-set-not-null ",
                           check, " is validated, ", Alter(look), "ALTER COLUMN ", column,
                           " SET NOT NULL, DROP CONSTRAINT ", check));
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

void NotNullWithoutDefault(const Look& look, const ColumnFacts& column) {
  const bool has_value = column.default_kind != DefaultKind::kNone || column.generated_stored ||
                         column.generated_virtual || column.auto_increment;
  // Of a key, dbf-add-primary-key says what to do.
  if (!column.not_null || has_value || (look.postgres() && column.primary_key)) return;
  const std::string nullable =
      absl::StrCat(Alter(look), "ADD COLUMN ", look.Sql(column.name), " ", TypeText(column));
  look.Report(LintId::kNotNullWithoutDefault,
              absl::StrCat("the new column ", Place(look, column.name), " is NOT NULL without a ",
                           "DEFAULT: ",
                           look.postgres() ? "it fails on a table with rows"
                                           : "old rows get a value that nobody chose"),
              absl::StrCat("write ", nullable, ", fill it in batches, then set NOT NULL; or ",
                           nullable, " NOT NULL with a DEFAULT that suits the rows"));
}

void AddedDefault(const Look& look, const ColumnFacts& column) {
  if (column.default_kind != DefaultKind::kVolatile || column.auto_increment) return;
  const std::string advice =
      absl::StrCat("write ", Alter(look), "ADD COLUMN ", look.Sql(column.name), " ",
                   TypeText(column), "; then ", Alter(look), "ALTER COLUMN ", look.Sql(column.name),
                   " SET DEFAULT ", column.default_text, "; then fill in old rows in batches");
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
      NotNullWithoutDefault(look, *alteration.column);
      AddedDefault(look, *alteration.column);
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
