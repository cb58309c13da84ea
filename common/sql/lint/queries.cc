#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

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
  if (query.not_in_null) {
    const std::string column =
        query.not_in_column.empty() ? "the column" : look.Sql(query.not_in_column);
    look.Report(LintId::kEqualsNull, "NOT IN is never true of a list with NULL in it",
                absl::StrCat("leave NULL out of the list; for rows with a value alone, write ",
                             column, " IS NOT NULL beside it"));
  }
  if (!query.equals_null) return;
  const std::string safe = absl::StrCat("write ", look.Sql(query.null_column),
                                        query.unequal_to_null ? " IS NOT NULL" : " IS NULL");
  look.Report(LintId::kEqualsNull, "a comparison with NULL by = or <> is never true",
              query.null_column.empty() ? "" : safe);
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
    const std::string type = look.TypeOf(look.table(), column);
    if (!IsTextType(type)) continue;
    look.Report(LintId::kTextAsNumber,
                absl::StrCat(look.Sql(column), " is ", type, " and is compared with a number",
                             WhatHappens(look)),
                absl::StrCat("write the number in quotes: ", look.Sql(column), " = '",
                             i < query.plain_digits.size() ? query.plain_digits[i] : "5", "'"));
  }
  for (const auto& [left, right] : query.compared_columns) {
    const std::string left_type = look.TypeOf(left.table, left.column);
    const std::string right_type = look.TypeOf(right.table, right.column);
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
        look.facts.objects.size() == 1 ? look.TypeOf(look.table(), column) : "";
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

// Whether the WHERE gives a column one value that the column's type does not turn into others:
// MySQL compares a text with a number as numbers, of which many texts are one.
bool IsPinned(const Look& look, const std::string& column) {
  const QueryFacts& query = look.facts.query;
  return HoldsColumn(query.pinned_columns, column) &&
         (look.postgres() || !HoldsColumn(query.plain_numbers, column) ||
          IsNumberType(look.TypeOf(look.table(), column)));
}

bool ArePinned(const Look& look, const std::vector<std::string>& columns) {
  return !columns.empty() && std::all_of(columns.begin(), columns.end(), [&](const auto& column) {
    return IsPinned(look, column);
  });
}

// Whether no more than one row can come: the WHERE pins a key, of which the snapshot or the script
// tells.
bool AsksForOneRow(const Look& look) {
  if (look.facts.objects.size() != 1 || look.verdict.uses.size() > 1 ||
      look.facts.query.select_depth > 1 || look.facts.query.pinned_columns.empty()) {
    return false;
  }
  const TableState* state = look.script.Find(look.table());
  if (state == nullptr) {
    const LiveTable* live = look.Live(look.table());
    return live != nullptr &&
           std::any_of(live->indexes.begin(), live->indexes.end(), [&](const LiveIndex& index) {
             return (index.primary || index.unique) && ArePinned(look, index.columns);
           });
  }
  // Another table of that name may be there, or tables that inherit from it have rows of their own.
  if (!state->is_made() || state->may_have_existed || state->holds_others ||
      !state->children.empty() || state->guessed) {
    return false;
  }
  for (const ColumnFacts& column : state->columns) {
    if ((column.primary_key || column.unique) && IsPinned(look, column.name)) return true;
  }
  return std::any_of(state->indexes.begin(), state->indexes.end(), [&](const auto& part) {
    const IndexFacts& index = part.facts;
    const auto own = state->own_indexes.find(index.name);
    const bool there = index.name.empty() || (own != state->own_indexes.end() && own->second);
    return there && (index.primary || index.unique) && !index.partial &&
           ArePinned(look, index.columns);
  });
}

void Pages(const Look& look) {
  const QueryFacts& query = look.facts.query;
  if (look.is(Verb::kSelect) && query.has_limit && query.has_from && !query.has_order_by &&
      !query.aggregates && !AsksForOneRow(look)) {
    look.Report(LintId::kLimitWithoutOrder);
  }
  if (query.has_offset && !query.has_limit) look.Report(LintId::kOffsetWithoutLimit);
  if (!query.unbounded_offset) return;
  const std::string from =
      look.table().name.empty() ? "" : absl::StrCat(" of ", look.Sql(look.table()));
  look.Report(LintId::kOffsetPagination,
              absl::StrCat("a large OFFSET reads and throws away all rows", from, " before it"));
}

}  // namespace

void CheckQueries(const Look& look) {
  SelectStar(look);
  EqualsNull(look);
  ImplicitConversion(look);
  TextAsNumber(look);
  OrderByRandom(look);
  Pages(look);
}

}  // namespace dbfleet::sql
