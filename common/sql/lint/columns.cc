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
  look.Report(LintId::kDropColumn,
              absl::StrCat("dropping ", Place(look, alteration.name),
                           " loses its data, and programs that know the column fail"),
              absl::StrCat("let the application ignore ", look.Sql(alteration.name),
                           " first, drop it in a later release"));
}

void RenameColumn(const Look& look, const Alteration& alteration) {
  if (alteration.new_name.empty() || alteration.new_name == alteration.name) return;
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
  const char* unsure = look.mysql() && known == nullptr ? ", unless that is its type already" : "";
  look.Report(LintId::kChangeColumnType,
              absl::StrCat("changing ", Place(look, alteration.name), from, " to ", after,
                           " rewrites the table", unsure),
              absl::StrCat("write ", Alter(look), "ADD COLUMN ", look.Sql(alteration.name + "_new"),
                           " ", after, ", keep both in step, copy in batches, then swap them"));
}

void SetNotNull(const Look& look, const Alteration& alteration) {
  const TableState* state = look.script.Find(look.table());
  if (state != nullptr && state->check_validated) return;  // PostgreSQL 12 and later use it.
  const std::string check = look.Sql(MadeUpName("chk", look.table(), {alteration.name}));
  const std::string column = look.Sql(alteration.name);
  look.Report(LintId::kSetNotNull,
              absl::StrCat("SET NOT NULL on ", Place(look, alteration.name),
                           " reads the whole table while nobody may use it"),
              absl::StrCat("write ", Alter(look), "ADD CONSTRAINT ", check, " CHECK (", column,
                           " IS NOT NULL) NOT VALID; then ", Alter(look), "VALIDATE CONSTRAINT ",
                           check, "; then SET NOT NULL and DROP CONSTRAINT ", check));
}

void DropNotNull(const Look& look, const Alteration& alteration) {
  look.Report(LintId::kDropNotNull,
              absl::StrCat(Place(look, alteration.name), " may hold NULL from now on"));
}

void NotNullWithoutDefault(const Look& look, const ColumnFacts& column) {
  const bool has_value = column.default_kind != DefaultKind::kNone || column.generated_stored ||
                         column.generated_virtual || column.auto_increment;
  if (!column.not_null || has_value) return;
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
