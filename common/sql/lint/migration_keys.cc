#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/migration_words.h"

// What migrations of Rails and Laravel say of indexes and foreign keys: the rules of indexes.cc and
// constraints.cc, with advice in the migrations' words.
namespace dbfleet::sql {
namespace {

constexpr char kOutsidePhp[] = "write public $withinTransaction = false; in the class, and ";
constexpr char kOutsideRuby[] = "write disable_ddl_transaction! in the class, and ";

// Of a new column without a value all rows hold NULL.
bool IsOfNewColumn(const Look& look, const IndexFacts& index) {
  return std::any_of(look.facts.alterations.begin(), look.facts.alterations.end(),
                     [&](const Alteration& one) {
                       return one.kind == AlterationKind::kAddColumn && index.columns.size() == 1 &&
                              one.column->name == index.columns[0] &&
                              one.column->default_kind == DefaultKind::kNone;
                     });
}

// It comes with the column of the same call.
bool ComesWithColumn(const Look& look) {
  return !look.facts.alterations.empty() &&
         look.facts.alterations[0].kind == AlterationKind::kAddColumn;
}

// As a call of the class, not of a block of change_table.
void IndexNotConcurrent(const Look& look, const IndexFacts& index) {
  if (index.concurrently || index.columns.empty()) return;
  const std::string table = look.Sql(look.table());
  const bool with_column = ComesWithColumn(look);
  // Laravel's own name for it, by which dropIndex and dropUnique look.
  const std::string name = !index.name.empty()
                               ? index.name
                               : absl::AsciiStrToLower(absl::StrCat(
                                     look.table().name, "_", absl::StrJoin(index.columns, "_"),
                                     index.unique ? "_unique" : "_index"));
  const std::string create = absl::StrCat(
      "CREATE ", index.unique ? "UNIQUE " : "", "INDEX CONCURRENTLY ", look.Sql(name), " ON ",
      table, " (", index.keys.empty() ? look.Sql(index.columns) : absl::StrJoin(index.keys, ", "),
      ")");
  const std::string options =
      with_column ? index.unique ? ", unique: true" : "" : look.facts.call->options;
  const std::string advice =
      look.facts.call->php
          ? absl::StrCat(
                with_column ? "add the column without its index; in a later migration " : "",
                kOutsidePhp, RunSql(look, create))
          : absl::StrCat(with_column ? "give the column index: false; in a later migration " : "",
                         kOutsideRuby, "add_index ", Quoted(look, look.table()), ", ",
                         Quoted(look, index.columns), options, ", algorithm: :concurrently");
  look.Report(LintId::kIndexNotConcurrent,
              absl::StrCat(with_column ? "the index that comes with " : "", look.facts.call->method,
                           " on ", table, " blocks writes to it while the index is built"),
              advice);
}

void DropIndex(const Look& look, const Alteration& alteration) {
  if (alteration.concurrently) return;
  const std::vector<std::string>& columns = alteration.index->columns;
  const std::string drop = absl::StrCat("DROP INDEX CONCURRENTLY ", look.Sql(alteration.name));
  look.Report(
      LintId::kDropIndexNotConcurrent,
      absl::StrCat(look.facts.call->method, " on ", look.Sql(look.table()),
                   " locks it against reads and writes"),
      look.facts.call->php
          ? absl::StrCat(kOutsidePhp, RunSql(look, drop))
          : absl::StrCat(kOutsideRuby, "remove_index ", Quoted(look, look.table()),
                         columns.empty() ? "" : ", ", columns.empty() ? "" : Quoted(look, columns),
                         look.facts.call->options, ", algorithm: :concurrently"));
}

// ", column: :buyer_id", where Rails would look for another one.
std::string ForeignKeyColumn(const Look& look, const ForeignKeyFacts& key) {
  if (!key.is_inline || key.columns.size() != 1) return "";
  return absl::StrCat(", column: ", Quoted(look, key.columns[0]));
}

// Of several keys to one table it has to be the same.
bool NamesKey(absl::string_view options) {
  return absl::StrContains(options, "column:") || absl::StrContains(options, "name:");
}

void ForeignKey(const Look& look, const Alteration& alteration) {
  if (alteration.not_valid) return;
  const ForeignKeyFacts& key = *alteration.foreign_key;
  const std::string table = look.Sql(look.table());
  const std::string both = absl::StrCat(Quoted(look, look.table()), ", ", Quoted(look, key.parent));
  // Laravel's own name for it.
  const std::string name = look.Sql(absl::AsciiStrToLower(
      absl::StrCat(look.table().name, "_", absl::StrJoin(key.columns, "_"), "_foreign")));
  const std::string alter = absl::StrCat("ALTER TABLE ", table, " ");
  const std::string cascade = key.cascades_delete ? " ON DELETE CASCADE" : "";
  std::string advice;
  if (look.facts.call->php) {
    advice = absl::StrCat(
        key.is_inline ? "add the column without its foreign key; then write " : "write ",
        RunSql(look,
               absl::StrCat(alter, "ADD CONSTRAINT ", name, " FOREIGN KEY (", look.Sql(key.columns),
                            ") REFERENCES ", look.Sql(key.parent), cascade, " NOT VALID")),
        "; in a later migration ", RunSql(look, absl::StrCat(alter, "VALIDATE CONSTRAINT ", name)));
  } else {
    const std::string column = ForeignKeyColumn(look, key);
    const std::string options =
        key.is_inline ? absl::StrCat(column, key.cascades_delete ? ", on_delete: :cascade" : "")
                      : look.facts.call->options;
    advice =
        absl::StrCat(key.is_inline ? "add the column without foreign_key:; then write " : "write ",
                     "add_foreign_key ", both, options,
                     ", validate: false; in a later migration validate_foreign_key ", both,
                     key.is_inline       ? column
                     : NamesKey(options) ? options
                                         : "");
  }
  look.Report(LintId::kFkNotValid,
              absl::StrCat(key.is_inline ? "the foreign key that comes with " : "",
                           look.facts.call->method, " blocks writes to ", table, " and ",
                           look.Sql(key.parent), " while all rows are checked"),
              advice);
}

void Cascade(const Look& look, const ForeignKeyFacts& key) {
  if (!key.cascades_delete) return;
  const std::string table = look.Sql(look.table());
  look.Report(
      LintId::kCascadeDelete,
      absl::StrCat("deleting from ", look.Sql(key.parent), " deletes rows of ", table,
                   " that no statement names"),
      absl::StrCat("write ", look.facts.call->php ? "->restrictOnDelete()" : "on_delete: :restrict",
                   ", and delete from ", table, " explicitly"));
}

}  // namespace

void CheckMigrationKeys(const Look& look) {
  for (const Alteration& alteration : look.facts.alterations) {
    switch (alteration.kind) {
      case AlterationKind::kAddIndex:
        IndexNotConcurrent(look, *alteration.index);
        if (!IsOfNewColumn(look, *alteration.index)) {
          ReportUniqueOnExisting(look, look.table(), *alteration.index);
        }
        break;
      case AlterationKind::kDropIndex:
        DropIndex(look, alteration);
        break;
      case AlterationKind::kAddForeignKey:
        ForeignKey(look, alteration);
        break;
      default:
        break;
    }
  }
}

void CheckMigrationCascades(const Look& look) {
  for (const ForeignKeyFacts& key : look.facts.foreign_keys) Cascade(look, key);
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.foreign_key.has_value()) Cascade(look, *alteration.foreign_key);
  }
}

}  // namespace dbfleet::sql
