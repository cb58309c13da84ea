#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/migration_words.h"

// What migrations of Rails and Laravel say of columns: the rules of columns.cc and types.cc, with
// advice in the migrations' words.
namespace dbfleet::sql {
namespace {

bool IsReference(const Look& look) {
  const std::string& type = look.facts.call->method;
  return type == "references" || type == "belongs_to" || type == "add_reference" ||
         type == "add_belongs_to";
}

bool IsTimestamps(const Look& look) {
  return absl::EndsWith(look.facts.call->method, "timestamps");
}

// The call that adds the column and says no more of it than what it holds: "$table->string('note',
// 50)", "add_column :orders, :note, :string, limit: 50".
std::string Bare(const Look& look, const ColumnFacts& column) {
  const CallFacts& call = *look.facts.call;
  if (call.php) {
    return absl::StrCat("$table->",
                        call.options.empty()
                            ? absl::StrCat(call.method, "(", Quoted(look, column.name), ", ...)")
                            : call.options);
  }
  if (IsTimestamps(look)) {
    return absl::StrCat("add_timestamps ", Quoted(look, look.table()), call.options,
                        ", null: true");
  }
  if (IsReference(look)) {
    const bool id = absl::EndsWith(column.name, "_id");
    const size_t longer = id ? 3 : 5;  // "_type"
    const std::string name = column.name.substr(0, column.name.size() - longer);
    return absl::StrCat("add_reference ", Quoted(look, look.table()), ", ", Quoted(look, name),
                        call.options, ", ...");
  }
  return absl::StrCat("add_column ", Quoted(look, look.table()), ", ", Quoted(look, column.name),
                      ", :", column.type, call.options);
}

void NotNullWithoutDefault(const Look& look, const ColumnFacts& column) {
  const bool has_value = column.default_kind != DefaultKind::kNone || column.generated_stored ||
                         column.generated_virtual || column.auto_increment;
  if (!column.not_null || has_value) return;
  const std::string bare = Bare(look, column);
  const std::string advice =
      look.facts.call->php
          ? absl::StrCat("write ", bare, "->nullable() in Schema::table(",
                         Quoted(look, look.table()),
                         ", ...), fill it in batches, in a later "
                         "migration ",
                         bare,
                         "->nullable(false)->change(); or ->default(...) with a value that "
                         "suits the rows")
          : absl::StrCat("write ", bare, IsReference(look) ? " without null: false" : "",
                         ", fill it in batches, in a later migration change_column_null ",
                         Quoted(look, look.table()), ", ", Quoted(look, column.name),
                         ", false; or give it a default: that suits the rows");
  look.Report(LintId::kNotNullWithoutDefault,
              absl::StrCat("the new column ", PlaceOf(look, column.name),
                           " is NOT NULL without a default: ",
                           look.postgres() ? "it fails on a table with rows"
                                           : "old rows get a value that nobody chose"),
              advice);
}

void AddedDefault(const Look& look, const ColumnFacts& column) {
  if (column.default_kind != DefaultKind::kVolatile || column.auto_increment) return;
  const std::string name = look.Sql(column.name);
  const bool enclosed = look.postgres() || absl::StartsWith(column.default_text, "(");
  const std::string expression =
      enclosed ? column.default_text : absl::StrCat("(", column.default_text, ")");
  const char* later = column.not_null ? "; then make it NOT NULL in a later migration" : "";
  const std::string advice =
      look.facts.call->php
          ? absl::StrCat(
                "write ", Bare(look, column), "->nullable() in Schema::table(",
                Quoted(look, look.table()), ", ...); then ",
                RunSql(look, absl::StrCat("ALTER TABLE ", look.Sql(look.table()), " ALTER COLUMN ",
                                          name, " SET DEFAULT ", expression)),
                "; then fill in old rows in batches", later)
          : absl::StrCat("write ", Bare(look, column), "; then change_column_default ",
                         Quoted(look, look.table()), ", ", Quoted(look, column.name),
                         ", from: nil, to: -> { \"", column.default_text,
                         "\" }; then fill in old rows in batches", later);
  const std::string message =
      absl::StrCat("the new column ", PlaceOf(look, column.name), " with the default ",
                   column.default_text, " rewrites the table");
  look.Report(LintId::kVolatileDefault, message, advice);
  look.Report(LintId::kExpressionDefault, message, advice);
}

// A check of the script that holds and says so, or of which only the name is seen, which has the
// column's in it: validate_check_constraint :orders, name: "orders_note_null".
bool HoldsNotNull(const Look& look, const std::string& column) {
  const TableState* state = look.script.Find(look.table());
  if (state == nullptr) return false;
  const bool validated =
      std::any_of(state->validated.begin(), state->validated.end(), [&](const std::string& name) {
        return name.empty() ||
               absl::StrContains(absl::AsciiStrToLower(name), absl::AsciiStrToLower(column));
      });
  return validated ||
         std::any_of(state->checks.begin(), state->checks.end(), [&](const auto& check) {
           return check.holds &&
                  std::any_of(check.terms.begin(), check.terms.end(), [&](const CheckTerm& term) {
                    return term.kind == CheckTerm::kNotNull && term.column == column;
                  });
         });
}

void SetNotNull(const Look& look, const std::string& column) {
  if (HoldsNotNull(look, column)) return;
  const std::string check = look.Sql(MadeUpName("chk", look.table(), {column}));
  const std::string table = Quoted(look, look.table());
  const std::string alter = absl::StrCat("ALTER TABLE ", look.Sql(look.table()), " ");
  const std::string condition = absl::StrCat(look.Sql(column), " IS NOT NULL");
  const std::string advice =
      look.facts.call->php
          ? absl::StrCat("write ",
                         RunSql(look, absl::StrCat(alter, "ADD CONSTRAINT ", check, " CHECK (",
                                                   condition, ") NOT VALID")),
                         "; in a second migration ",
                         RunSql(look, absl::StrCat(alter, "VALIDATE CONSTRAINT ", check)),
                         "; in a third one, behind the line // dbfleet:ignore dbf-set-not-null ",
                         check, " is validated, ->nullable(false)->change(); then ",
                         RunSql(look, absl::StrCat(alter, "DROP CONSTRAINT ", check)))
          : absl::StrCat("write add_check_constraint ", table, ", \"", condition, "\", name: \"",
                         check,
                         "\", validate: false; in a second migration "
                         "validate_check_constraint ",
                         table, ", name: \"", check, "\"; then change_column_null ", table, ", ",
                         Quoted(look, column), ", false; then remove_check_constraint ", table,
                         ", name: \"", check, "\"");
  look.Report(LintId::kSetNotNull,
              absl::StrCat("NOT NULL of ", PlaceOf(look, column),
                           " reads the whole table while nobody may use it"),
              advice);
}

void DropNotNull(const Look& look, const std::string& column) {
  if (look.TakesBack(Made::What::kNotNull, look.table(), column) ||
      look.TakesBack(Made::What::kColumn, look.table(), column) ||
      look.TakesBack(Made::What::kTable, look.table())) {
    return;
  }
  look.Report(LintId::kDropNotNull,
              absl::StrCat(PlaceOf(look, column), " may hold NULL from now on"));
}

void AddCheck(const Look& look, const Alteration& alteration) {
  if (alteration.not_valid) return;
  const std::string name =
      alteration.name.empty() ? MadeUpName("chk", look.table(), {}) : alteration.name;
  const std::string table = Quoted(look, look.table());
  look.Report(
      LintId::kCheckNotValid,
      absl::StrCat("the check ", alteration.text, " of ", look.Sql(look.table()),
                   " reads the whole table while nobody may use it"),
      absl::StrCat("write add_check_constraint ", table, ", ", alteration.text, ", name: \"", name,
                   "\", validate: false; in a later migration validate_check_constraint ", table,
                   ", name: \"", name, "\""));
}

// "t.decimal :amount, precision: 19, scale: 4"
std::string Decimal(const Look& look, const std::string& column, int digits, int behind) {
  if (look.facts.call->php) {
    return absl::StrCat("$table->decimal(", Quoted(look, column), ", ", digits, ", ", behind, ")");
  }
  return absl::StrCat(Quoted(look, column), " as a decimal with precision: ", digits,
                      ", scale: ", behind);
}

void CheckType(const Look& look, const ColumnFacts& column) {
  const std::string place = PlaceOf(look, column.name);
  if (column.type == "json") {
    look.Report(LintId::kJsonColumn, absl::StrCat(place, " is json, which has no equality"),
                look.facts.call->php
                    ? absl::StrCat("write $table->jsonb(", Quoted(look, column.name), ")")
                    : absl::StrCat("write ", Quoted(look, column.name), " as jsonb"));
  }
  if (!IsFloat(column.type)) return;
  if (IsMoney(column.name)) {
    return look.Report(LintId::kMoneyAsFloat,
                       absl::StrCat(place, " holds money as ", column.type, ", which rounds"),
                       absl::StrCat("write ", Decimal(look, column.name, 19, 4),
                                    ", or a whole number of the smallest unit"));
  }
  look.Report(LintId::kFloatColumn,
              absl::StrCat(place, " is ", column.type, ", which does not keep what was written"),
              absl::StrCat("write ", Decimal(look, column.name, 12, 2),
                           ", with digits for the largest amount, unless it is a measurement"));
}

void CheckAlteration(const Look& look, const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kAddColumn:
      NotNullWithoutDefault(look, *alteration.column);
      return AddedDefault(look, *alteration.column);
    case AlterationKind::kSetNotNull:
      return SetNotNull(look, alteration.name);
    case AlterationKind::kDropNotNull:
      return DropNotNull(look, alteration.name);
    case AlterationKind::kAddCheck:
      return AddCheck(look, alteration);
    default:
      return;
  }
}

}  // namespace

void CheckMigrationColumns(const Look& look) {
  for (const Alteration& alteration : look.facts.alterations) CheckAlteration(look, alteration);
}

void CheckMigrationTypes(const Look& look) {
  for (const ColumnFacts& column : look.facts.columns) CheckType(look, column);
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.column.has_value()) CheckType(look, *alteration.column);
  }
}

}  // namespace dbfleet::sql
