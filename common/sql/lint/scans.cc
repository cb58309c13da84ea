#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/partitions.h"
#include "common/sql/lint/reserved_words.h"

// Conditions that no index serves.
namespace dbfleet::sql {
namespace {

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

// Whether the snapshot knows of an index over an expression or the like that may serve them.
bool MayHaveOtherIndex(const Look& look, const std::vector<std::string>& columns) {
  const LiveTable* live = IsOfOneTable(look) ? look.Live(look.table()) : nullptr;
  return live != nullptr && live->MayBeServed(columns);
}

// Advice to make one, while others write.
std::string IndexOf(const Look& look, const std::string& index, const std::string& parts) {
  return IndexWhileOthersWrite(look.target, look.IsPartitioned(look.table()), index, look.table(),
                               parts);
}

void LeadingWildcard(const Look& look) {
  if (!look.facts.query.leading_wildcard) return;
  const std::string& column = look.facts.query.wildcard_column;
  if (!column.empty() && MayHaveOtherIndex(look, {column})) return;
  if (column.empty() || !IsOfOneTable(look)) return look.Report(LintId::kLeadingWildcard);
  const std::string table = look.Sql(look.table());
  const std::string name = look.Sql(column);
  const std::string index = MadeUpName("idx", look.table(), {column, "text"});
  look.Report(
      LintId::kLeadingWildcard, "",
      look.postgres()
          ? absl::StrCat(
                "a pattern with a fixed beginning, or a trigram index (extension pg_trgm): ",
                IndexOf(look, index, absl::StrCat("USING gin (", name, " gin_trgm_ops)")))
          : absl::StrCat("a pattern with a fixed beginning, or whole words by MATCH (", name,
                         ") AGAINST (...) with CREATE FULLTEXT INDEX ", index, " ON ", table, " (",
                         name, ")"));
}

// Of PostgreSQL's functions those of which every form is IMMUTABLE, as an index over the call
// needs. Source: pg_proc of PostgreSQL 15.
bool IsImmutable(absl::string_view function) {
  static constexpr absl::string_view kFunctions[] = {"abs",          "ascii",
                                                     "bit_length",   "btrim",
                                                     "ceil",         "ceiling",
                                                     "char_length",  "character_length",
                                                     "chr",          "floor",
                                                     "initcap",      "left",
                                                     "length",       "lower",
                                                     "lpad",         "ltrim",
                                                     "md5",          "mod",
                                                     "octet_length", "overlay",
                                                     "position",     "regexp_replace",
                                                     "repeat",       "replace",
                                                     "reverse",      "right",
                                                     "round",        "rpad",
                                                     "rtrim",        "sign",
                                                     "split_part",   "sqrt",
                                                     "strpos",       "substr",
                                                     "substring",    "translate",
                                                     "trunc",        "upper"};
  return std::find(std::begin(kFunctions), std::end(kFunctions), function) != std::end(kFunctions);
}

// Of dates and times: immutable where the time zone does not count.
bool IsOfTime(absl::string_view function) {
  return function == "date" || function == "date_part" || function == "date_trunc" ||
         function == "extract";
}

bool IsTimeWithoutZone(absl::string_view type) {
  return type == "date" || absl::StartsWith(type, "timestamp without") ||
         (absl::StartsWith(type, "timestamp") && !absl::StrContains(type, "with time zone") &&
          !absl::StartsWith(type, "timestamptz"));
}

// Whether an index over the call, or over a column that holds it, can be made.
bool CanBeIndexed(const Look& look, const std::string& column, absl::string_view function) {
  if (look.postgres()) {
    return IsImmutable(function) ||
           (IsOfTime(function) && IsTimeWithoutZone(look.TypeOf(look.table(), column)));
  }
  if (look.target.dialect == Dialect::kMySql) return true;
  // What depends on the session's language may stand in no generated column of MariaDB's.
  const std::string name = absl::AsciiStrToLower(function);
  return name != "date_format" && name != "dayname" && name != "monthname";
}

// MariaDB reads these of a date from an index of the column: source, its manual on sargable DATE
// and YEAR, of queries.
bool IsReadFromIndex(const Look& look, absl::string_view function) {
  if (look.target.dialect != Dialect::kMariaDb || !look.AtLeast({11, 1, 0})) return false;
  const std::string name = absl::AsciiStrToLower(function);
  return look.is(Verb::kSelect) && (name == "date" || name == "year");
}

void FunctionOnColumn(const Look& look) {
  const QueryFacts& query = look.facts.query;
  const std::vector<std::string>& columns = query.wrapped_columns;
  // The condition of an index is no query, and is not looked up.
  if (columns.empty() || look.is(Verb::kCreateIndex)) return;
  if (MayHaveOtherIndex(look, columns)) return;
  if (query.wrapping_calls.size() == columns.size() &&
      std::all_of(query.wrapping_calls.begin(), query.wrapping_calls.end(),
                  [&](const WrappingCall& call) { return IsReadFromIndex(look, call.function); })) {
    return;
  }
  const std::string names = look.Sql(columns);
  const std::string table = look.Sql(look.table());
  const std::string message =
      absl::StrCat(CalculatesOnly(look) ? "a calculation with " : "a function around ", names,
                   " keeps an index of it from being used");
  const std::string itself = absl::StrCat("compare ", names, " itself with a range");
  const bool known = !query.wrapping_calls.empty() && !query.wrapping_calls[0].function.empty() &&
                     IsOfOneTable(look);
  if (!known) {
    return look.Report(
        LintId::kFunctionOnColumn, message,
        absl::StrCat(itself, ", or index ",
                     !HasExpressionIndexes(look) ? "a virtual column that holds the expression"
                     : look.postgres() && !CalculatesOnly(look)
                         ? "the expression, if it is IMMUTABLE"
                         : "the expression"));
  }
  if (!CanBeIndexed(look, columns[0], query.wrapping_calls[0].function)) {
    return look.Report(LintId::kFunctionOnColumn, message, itself);
  }
  const std::string call = CallAround(look, 0);
  const std::string index = MadeUpName("idx", look.table(), {columns[0], "expr"});
  if (HasExpressionIndexes(look)) {
    return look.Report(LintId::kFunctionOnColumn, message,
                       absl::StrCat(itself, ", or index the expression: ",
                                    IndexOf(look, index, absl::StrCat("((", call, "))"))));
  }
  const std::string computed = look.Sql(columns[0] + "_expr");
  look.Report(
      LintId::kFunctionOnColumn, message,
      absl::StrCat(itself, ", or index a column that holds it: ALTER TABLE ", table, " ADD COLUMN ",
                   computed, " with the type of ", call, ", AS (", call,
                   ") VIRTUAL; then CREATE INDEX ", index, " ON ", table, " (", computed, ")"));
}

bool Filters(Verb verb) {
  return verb == Verb::kSelect || verb == Verb::kUpdate || verb == Verb::kDelete;
}

// An index that the script has made, and that serves every query.
bool HasOwnIndex(const Look& look, const std::string& column) {
  const TableState* state = look.script.Find(look.table());
  if (state == nullptr) return false;
  return std::any_of(state->indexes.begin(), state->indexes.end(), [&](const auto& part) {
    const IndexFacts& index = part.facts;
    const bool there = index.name.empty() || state->own_indexes.count(index.name) > 0 ||
                       state->own_indexes.count(absl::AsciiStrToLower(index.name)) > 0;
    return there && !index.special && !index.partial && !index.ignored &&
           LeadsWith(index.columns, {column});
  });
}

// The smallest and the largest are the first and the last of an index.
bool ReadsEndsOfIndexes(const Look& look, const LiveTable& live) {
  const std::vector<std::string>& extremes = look.facts.query.extremes;
  return !extremes.empty() && !look.facts.query.has_where &&
         std::all_of(extremes.begin(), extremes.end(), [&](const std::string& column) {
           return live.IsIndexed({column}) || HasOwnIndex(look, column);
         });
}

// Whether an index serves one part of a condition.
bool IsServed(const Look& look, const LiveTable& live, const std::vector<std::string>& sought) {
  return std::any_of(sought.begin(), sought.end(), [&](const std::string& column) {
    return live.IsIndexed({column}) || HasOwnIndex(look, column);
  });
}

// The columns of the first part of the condition that no index serves; false if all are served.
bool FindUnserved(const Look& look, const LiveTable& live, std::vector<std::string>* columns) {
  const QueryFacts& query = look.facts.query;
  *columns = query.filtered_columns;
  std::vector<std::string> compared = query.filtered_columns;
  compared.insert(compared.end(), query.wrapped_columns.begin(), query.wrapped_columns.end());
  if (query.has_where && live.MayBeServed(compared)) return false;
  // Of a condition that stands in a query of FROM only the columns are known.
  if (query.sought_columns.empty()) return !IsServed(look, live, query.filtered_columns);
  for (const std::vector<std::string>& part : query.sought_columns) {
    if (IsServed(look, live, part)) continue;
    if (!part.empty()) *columns = part;
    return true;
  }
  return false;
}

bool TakesFirstRows(const QueryFacts& query) { return query.has_limit && !query.has_where; }

// The first rows of a table, or in the order of a key, are found at once.
bool ReadsFirstRows(const Look& look, const LiveTable& live) {
  const QueryFacts& query = look.facts.query;
  if (!TakesFirstRows(query)) return false;
  const std::string& order = query.order_column;
  // The name may be one of the list of a SELECT, and the order another table's.
  return order.empty() || live.Column(order) == nullptr || query.aggregates ||
         IsServed(look, live, {order}) || live.MayBeServed({order});
}

// Only statements about one table: filtered columns do not tell whose they are.
void FullScan(const Look& look) {
  if (!Filters(look.facts.verb) || look.facts.objects.size() != 1) return;
  if (look.is(Verb::kSelect) && !look.facts.query.has_from) return;
  // That it touches every row is said already.
  if (look.facts.query.unguarded_write && look.reporter.Reported(look.statement)) return;
  const LiveTable* live = look.Live(look.table());
  if (live == nullptr || live->rows < look.config.large_table_rows || live->indexes.empty()) return;
  std::vector<std::string> columns;
  if (!FindUnserved(look, *live, &columns)) return;
  if (columns.empty() && (ReadsEndsOfIndexes(look, *live) || ReadsFirstRows(look, *live))) return;
  // Advice to index a column that is not there helps nobody: dbf-dry-run says that.
  if (!columns.empty() && !live->columns.empty() && live->Column(columns[0]) == nullptr &&
      look.script.Find(look.table()) == nullptr) {
    return;
  }
  const std::string name = look.Sql(look.table());
  const std::string reads = absl::StrCat("reads all of ", name, ", ", live->rows, " rows");
  const bool sorts = columns.empty() && TakesFirstRows(look.facts.query);
  if (sorts) columns = {look.facts.query.order_column};
  // What an index there cannot serve is <> and NOT.
  if (columns.empty() || IsServed(look, *live, {columns[0]})) {
    look.Report(LintId::kFullScan, absl::StrCat("the statement ", reads),
                "name rows by an indexed column, or a LIMIT");
    return;
  }
  look.Report(LintId::kFullScan,
              absl::StrCat("no index of ", name, " begins with ", absl::StrJoin(columns, " or "),
                           ", so the statement ", reads, sorts ? " and sorts them" : ""),
              absl::StrCat("write ",
                           IndexOf(look, MadeUpName("idx", look.table(), {columns[0]}),
                                   absl::StrCat("(", look.Sql(columns[0]), ")")),
                           ", or name rows by an indexed column"));
}

}  // namespace

void CheckScans(const Look& look) {
  LeadingWildcard(look);
  FunctionOnColumn(look);
  FullScan(look);
}

}  // namespace dbfleet::sql
