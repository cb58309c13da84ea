#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/reserved_words.h"

// What queries and conditions look like, wherever they stand.
namespace dbfleet::sql {
namespace {

void SelectStar(const Look& look) {
  if (!look.facts.query.select_star) return;
  std::string advice;
  if (const LiveTable* live = look.Live(look.table());
      live != nullptr && look.is(Verb::kSelect) && !live->columns.empty()) {
    std::vector<std::string> names;
    for (const LiveColumn& column : live->columns) names.push_back(column.name);
    advice = absl::StrCat("name the columns that are used, of ", look.Sql(names));
  }
  look.Report(LintId::kSelectStar, "", advice);
}

void EqualsNull(const Look& look) {
  const QueryFacts& query = look.facts.query;
  if (!query.equals_null) return;
  const std::string safe = absl::StrCat("write ", look.Sql(query.null_column),
                                        query.unequal_to_null ? " IS NOT NULL" : " IS NULL");
  look.Report(LintId::kEqualsNull, "", query.null_column.empty() ? "" : safe);
}

// MySQL has them from 8.0.13 on, MariaDB in no version.
bool HasExpressionIndexes(const Look& look) {
  if (look.postgres()) return true;
  return look.target.dialect == Dialect::kMySql && look.AtLeast({8, 0, 13});
}

// Around a wrapped column: "lower(name)", "date_format(created_at, ...)".
std::string CallAround(const Look& look, size_t i) {
  const QueryFacts& query = look.facts.query;
  const std::string column = look.Sql(query.wrapped_columns[i]);
  const WrappingCall& call = query.wrapping_calls[i];
  // "left" is a word of SQL and a function, which MySQL does not know in quotes.
  const bool word = IsReservedWord(call.function);
  return absl::StrCat(word ? call.function : look.Sql(call.function), "(", column,
                      call.more ? ", ..." : "", ")");
}

// "id + 1 = 5".
bool CalculatesOnly(const Look& look) {
  const std::vector<WrappingCall>& calls = look.facts.query.wrapping_calls;
  return calls.size() == 1 && calls[0].calculation;
}

// Whether the columns can only be those of the table that the statement is about.
bool IsOfOneTable(const Look& look) {
  return !look.table().name.empty() && look.facts.objects.size() == 1 &&
         look.verdict.uses.size() <= 1;
}

void LeadingWildcard(const Look& look) {
  if (!look.facts.query.leading_wildcard) return;
  const std::string& column = look.facts.query.wildcard_column;
  if (column.empty() || !IsOfOneTable(look)) return look.Report(LintId::kLeadingWildcard);
  const std::string table = look.Sql(look.table());
  const std::string name = look.Sql(column);
  const std::string index = MadeUpName("idx", look.table(), {column, "text"});
  look.Report(
      LintId::kLeadingWildcard, "",
      look.postgres()
          ? absl::StrCat(
                "a pattern with a fixed beginning, or a trigram index (extension pg_trgm): ",
                "CREATE INDEX CONCURRENTLY ", index, " ON ", table, " USING gin (", name,
                " gin_trgm_ops)")
          : absl::StrCat("a pattern with a fixed beginning, or whole words by MATCH (", name,
                         ") AGAINST (...) with CREATE FULLTEXT INDEX ", index, " ON ", table, " (",
                         name, ")"));
}

void FunctionOnColumn(const Look& look) {
  const std::vector<std::string>& columns = look.facts.query.wrapped_columns;
  // The condition of an index is no query, and is not looked up.
  if (columns.empty() || look.is(Verb::kCreateIndex)) return;
  const std::string names = look.Sql(columns);
  const std::string table = look.Sql(look.table());
  const std::string message =
      absl::StrCat(CalculatesOnly(look) ? "a calculation with " : "a function around ", names,
                   " keeps an index of it from being used");
  const std::string range = absl::StrCat("compare ", names, " itself with a range, or index ");
  const bool known = !look.facts.query.wrapping_calls.empty() &&
                     !look.facts.query.wrapping_calls[0].function.empty() && IsOfOneTable(look);
  if (!known) {
    return look.Report(LintId::kFunctionOnColumn, message,
                       absl::StrCat(range, HasExpressionIndexes(look)
                                               ? "the expression"
                                               : "a virtual column that holds the expression"));
  }
  const std::string call = CallAround(look, 0);
  const std::string index = MadeUpName("idx", look.table(), {columns[0], "expr"});
  if (HasExpressionIndexes(look)) {
    return look.Report(
        LintId::kFunctionOnColumn, message,
        absl::StrCat(range, "the expression: CREATE INDEX ", look.postgres() ? "CONCURRENTLY " : "",
                     index, " ON ", table, " ((", call, "))"));
  }
  const std::string computed = look.Sql(columns[0] + "_expr");
  look.Report(
      LintId::kFunctionOnColumn, message,
      absl::StrCat(range, "a column that holds it: ALTER TABLE ", table, " ADD COLUMN ", computed,
                   " with the type of ", call, ", AS (", call, ") VIRTUAL; then CREATE INDEX ",
                   index, " ON ", table, " (", computed, ")"));
}

bool IsNumberType(absl::string_view type) {
  for (absl::string_view number : {"int", "tinyint", "smallint", "mediumint", "bigint", "decimal",
                                   "numeric", "float", "double", "real"}) {
    if (absl::StartsWithIgnoreCase(type, number))
      return !absl::StartsWithIgnoreCase(type, "interval");
  }
  return false;
}

bool IsTextType(absl::string_view type) {
  for (absl::string_view text : {"char", "varchar", "nchar", "nvarchar", "text", "tinytext",
                                 "mediumtext", "longtext", "citext", "bpchar"}) {
    if (absl::StartsWithIgnoreCase(type, text)) return true;
  }
  return false;
}

// As the script or the snapshot has it; "" if neither does.
std::string TypeOf(const Look& look, const Name& table, const std::string& column) {
  if (const TableState* state = look.script.Find(table); state != nullptr) {
    for (const ColumnFacts& made : state->columns) {
      if (absl::EqualsIgnoreCase(made.name, column)) return made.type;
    }
    return "";
  }
  const LiveTable* live = look.Live(table);
  const LiveColumn* known = live == nullptr ? nullptr : live->Column(column);
  return known == nullptr ? "" : known->type;
}

std::string WhatHappens(const Look& look) {
  return look.postgres() ? ", which PostgreSQL refuses" : ", so that no index of it is used";
}

// WHERE number = 123 of a text column.
void TextAsNumber(const Look& look) {
  const QueryFacts& query = look.facts.query;
  // In a query around or inside of another one the column may be one that it computes.
  const bool one_table = look.facts.objects.size() == 1 && look.verdict.uses.size() == 1 &&
                         query.select_depth <= (look.is(Verb::kSelect) ? 1 : 0);
  for (size_t i = 0; one_table && i < query.plain_numbers.size(); ++i) {
    const std::string& column = query.plain_numbers[i];
    const std::string type = TypeOf(look, look.table(), column);
    if (!IsTextType(type)) continue;
    look.Report(LintId::kTextAsNumber,
                absl::StrCat(look.Sql(column), " is ", type, " and is compared with a number",
                             WhatHappens(look)),
                absl::StrCat("write the number in quotes: ", look.Sql(column), " = '",
                             i < query.plain_digits.size() ? query.plain_digits[i] : "5", "'"));
  }
  for (const auto& [left, right] : query.compared_columns) {
    const std::string left_type = TypeOf(look, left.table, left.column);
    const std::string right_type = TypeOf(look, right.table, right.column);
    const bool left_text = IsTextType(left_type) && IsNumberType(right_type);
    const bool right_text = IsTextType(right_type) && IsNumberType(left_type);
    if (!left_text && !right_text) continue;
    const QualifiedColumn& text = left_text ? left : right;
    const QualifiedColumn& number = left_text ? right : left;
    const auto shown = [&](const QualifiedColumn& column) {
      return absl::StrCat(look.Sql(column.table), ".", look.Sql(column.column));
    };
    look.ReportOn(text.table, LintId::kTextAsNumber,
                  absl::StrCat(shown(text), " is ", left_text ? left_type : right_type,
                               " and is compared with ", shown(number), ", which is ",
                               left_text ? right_type : left_type, WhatHappens(look)),
                  absl::StrCat("give ", shown(text), " and ", shown(number), " one type"));
  }
}

// Without live types only the name tells: "customer_id = '5'".
bool LooksLikeNumber(const std::string& column) {
  const std::string lower = absl::AsciiStrToLower(column);
  return lower == "id" || absl::EndsWith(lower, "_id") || absl::EndsWith(lower, "_count");
}

void ImplicitConversion(const Look& look) {
  const QueryFacts& query = look.facts.query;
  for (size_t i = 0; i < query.quoted_numbers.size(); ++i) {
    const std::string& column = query.quoted_numbers[i];
    // Of several tables nobody knows whose it is.
    const std::string type =
        look.facts.objects.size() == 1 ? TypeOf(look, look.table(), column) : "";
    if (!type.empty() ? !IsNumberType(type) : !LooksLikeNumber(column)) continue;
    const std::string what =
        !type.empty() ? absl::StrCat(" is ", type, " and") : ", by its name a number,";
    look.Report(LintId::kImplicitConversion,
                absl::StrCat(look.Sql(column), what, " is compared with a number in quotes"),
                absl::StrCat("write the number without quotes: ", look.Sql(column), " = ",
                             i < query.quoted_digits.size() ? query.quoted_digits[i] : "5"));
  }
}

void OrderByRandom(const Look& look) {
  if (look.facts.query.orders_by_random) look.Report(LintId::kOrderByRandom);
}

void Pages(const Look& look) {
  const QueryFacts& query = look.facts.query;
  if (look.is(Verb::kSelect) && query.has_limit && query.has_from && !query.has_order_by &&
      !query.aggregates) {
    look.Report(LintId::kLimitWithoutOrder);
  }
  if (query.has_offset && !query.has_limit) look.Report(LintId::kOffsetWithoutLimit);
  if (!query.unbounded_offset) return;
  const std::string from =
      look.table().name.empty() ? "" : absl::StrCat(" of ", look.Sql(look.table()));
  look.Report(LintId::kOffsetPagination,
              absl::StrCat("a large OFFSET reads and throws away all rows", from, " before it"));
}

bool Filters(Verb verb) {
  return verb == Verb::kSelect || verb == Verb::kUpdate || verb == Verb::kDelete;
}

// Only statements about one table: filtered columns do not tell whose they are.
void FullScan(const Look& look) {
  if (!Filters(look.facts.verb) || look.facts.objects.size() != 1) return;
  if (look.is(Verb::kSelect) && !look.facts.query.has_from) return;
  // That it touches every row is said already.
  if (look.facts.query.unguarded_write && look.reporter.Reported(look.statement)) return;
  const LiveTable* live = look.Live(look.table());
  if (live == nullptr || live->rows < look.config.large_table_rows || live->indexes.empty()) return;
  const std::vector<std::string>& columns = look.facts.query.filtered_columns;
  if (std::any_of(columns.begin(), columns.end(),
                  [&](const std::string& column) { return live->IsIndexed({column}); })) {
    return;
  }
  // The first rows of a table, or in the order of a key, are found at once.
  if (columns.empty() && look.facts.query.has_limit && !look.facts.query.has_where) return;
  // Advice to index a column that is not there helps nobody: dbf-dry-run says that.
  if (!columns.empty() && !live->columns.empty() && live->Column(columns[0]) == nullptr &&
      look.script.Find(look.table()) == nullptr) {
    return;
  }
  const std::string name = look.Sql(look.table());
  const std::string reads = absl::StrCat("reads all of ", name, ", ", live->rows, " rows");
  if (columns.empty()) {
    look.Report(LintId::kFullScan, absl::StrCat("the statement ", reads),
                "name rows by an indexed column, or a LIMIT");
    return;
  }
  look.Report(LintId::kFullScan,
              absl::StrCat("no index of ", name, " begins with ", absl::StrJoin(columns, " or "),
                           ", so the statement ", reads),
              absl::StrCat("write CREATE INDEX ", look.postgres() ? "CONCURRENTLY " : "",
                           MadeUpName("idx", look.table(), {columns[0]}), " ON ", name, " (",
                           look.Sql(columns[0]), "), or name rows by an indexed column"));
}

}  // namespace

void CheckQueries(const Look& look) {
  SelectStar(look);
  EqualsNull(look);
  LeadingWildcard(look);
  FunctionOnColumn(look);
  ImplicitConversion(look);
  TextAsNumber(look);
  OrderByRandom(look);
  Pages(look);
  FullScan(look);
}

}  // namespace dbfleet::sql
