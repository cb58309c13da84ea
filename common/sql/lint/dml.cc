#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Statements that write rows.
namespace dbfleet::sql {
namespace {

bool Writes(const Look& look) {
  return look.is(Verb::kUpdate) || look.is(Verb::kDelete) || look.is(Verb::kMerge);
}

std::string VerbText(const Look& look) {
  if (look.is(Verb::kUpdate)) return "UPDATE";
  if (look.is(Verb::kDelete)) return "DELETE";
  return look.is(Verb::kMerge) ? "MERGE" : "the statement";
}

// "of orders", or "" if the name is not known.
std::string Of(const Look& look) {
  return look.table().name.empty() ? "" : absl::StrCat(" of ", look.Sql(look.table()));
}

// The column to name rows by, where the snapshot knows it: the primary key's; "" otherwise.
std::string KeyOf(const Look& look, const Name& table) {
  if (const LiveTable* live = look.Live(table); live != nullptr) {
    for (const LiveIndex& index : live->indexes) {
      if (index.primary && index.columns.size() == 1) return look.Sql(index.columns[0]);
    }
  }
  return "";
}

// "t WHERE id BETWEEN 1 AND 10000", a range of the key.
std::string RangeOf(const Look& look, const Name& table) {
  const std::string key = KeyOf(look, table);
  if (key.empty()) return "WHERE its key lies in one range";
  return absl::StrCat("WHERE ", key, " BETWEEN 1 AND ", look.config.max_affected_rows,
                      " and so on");
}

std::string Batches(const Look& look) {
  const Name& table = look.table();
  const std::string name = table.name.empty() ? "the table" : look.Sql(table);
  const std::string where = RangeOf(look, table);
  if (look.is(Verb::kDelete)) return absl::StrCat("write DELETE FROM ", name, " ", where);
  return absl::StrCat("write UPDATE ", name, " SET ... ", where);
}

// User.delete_all is one cause of one finding: dbf-ar-without-conditions.
bool SaidOfCall(const Look& look) {
  return look.facts.call.has_value() && !look.facts.call->raw_sql &&
         ChangesAllRows(*look.facts.call) &&
         look.config.LevelOf(LintId::kArWithoutConditions) != Level::kOff;
}

// Said already of a statement that touches every row, whatever their number.
bool SaidOfAllRows(const Look& look) {
  return look.facts.query.unguarded_write &&
         (SaidOfCall(look) || look.config.LevelOf(LintId::kNoWhere) != Level::kOff);
}

void NoWhere(const Look& look) {
  if (!look.facts.query.unguarded_write || SaidOfCall(look)) return;
  const bool batches = look.facts.call.has_value() && !look.facts.call->raw_sql &&
                       look.facts.call->has_limit;  // Order.in_batches.update_all
  if (batches) return;
  // The statement's table is another one than that of the UPDATE or DELETE in its WITH.
  if (!Writes(look)) {
    return look.Report(
        LintId::kNoWhere,
        "an UPDATE or DELETE in the statement has no WHERE, so that it changes every "
        "row of its table",
        "name the rows by a range of that table's key, in batches");
  }
  if (look.facts.object_type == "history") {
    return look.Report(LintId::kNoWhere,
                       absl::StrCat("DELETE HISTORY deletes the whole history", Of(look)),
                       absl::StrCat("write DELETE HISTORY FROM ", look.Sql(look.table()),
                                    " BEFORE SYSTEM_TIME and the time from which on it is needed"));
  }
  look.Report(LintId::kNoWhere,
              absl::StrCat(VerbText(look),
                           look.facts.query.always_true_where ? " with a WHERE that is always true"
                                                              : " without WHERE",
                           " changes every row", Of(look)),
              absl::StrCat(Batches(look), ", in batches"));
}

void Limit(const Look& look) {
  if (!look.facts.has_limit || !Writes(look)) return;
  look.Report(
      LintId::kDmlLimit,
      absl::StrCat(VerbText(look), " with LIMIT changes some rows", Of(look), " that nobody named"),
      Batches(look));
}

void OrderBy(const Look& look) {
  if (!look.facts.has_order_by || !Writes(look)) return;
  look.Report(LintId::kDmlOrderBy,
              absl::StrCat(VerbText(look), " with ORDER BY sorts the rows", Of(look),
                           " before it writes them"),
              Batches(look));
}

void InsertWithoutColumns(const Look& look) {
  if (!look.is(Verb::kInsert) || look.facts.insert.names_columns) return;
  const std::string name = look.Sql(look.table());
  std::string columns;
  if (const TableState* state = look.script.Find(look.table());
      state != nullptr && state->is_made() && !state->columns.empty()) {
    std::vector<std::string> names;
    for (const ColumnFacts& column : state->columns) names.push_back(column.name);
    columns = look.Sql(names);
  } else if (const LiveTable* live = look.Live(look.table());
             live != nullptr && !live->columns.empty()) {
    std::vector<std::string> names;
    for (const LiveColumn& column : live->columns) names.push_back(column.name);
    columns = look.Sql(names);
  }
  look.Report(LintId::kInsertWithoutColumns,
              absl::StrCat("INSERT into ", name, " does not name its columns"),
              columns.empty()
                  ? absl::StrCat("name the columns of ", name, " in parentheses behind it")
                  : absl::StrCat("write INSERT INTO ", name, " (", columns, ") ..."));
}

void InsertRows(const Look& look) {
  const int64_t rows = look.facts.insert.rows;
  if (!look.is(Verb::kInsert) || rows <= look.config.max_insert_rows) return;
  look.Report(LintId::kInsertRows,
              absl::StrCat("one INSERT of ", rows, " rows into ", look.Sql(look.table()),
                           "; the limit is ", look.config.max_insert_rows),
              absl::StrCat("write several INSERT INTO ", look.Sql(look.table()), " of at most ",
                           look.config.max_insert_rows, " rows"));
}

// "shop.`Orders`" as `uses` has it; without the quotes.
Name NameOfWritten(absl::string_view written) {
  Name name;
  std::string part;
  char quote = 0;
  for (char c : written) {
    if (quote == 0 && c == '.') {
      name.schema = std::move(part);
      part.clear();
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '`' || c == '"')) {
      quote = c;
    } else {
      part.push_back(c);
    }
  }
  name.name = std::move(part);
  return name;
}

bool IsWithin(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  return std::all_of(some.begin(), some.end(),
                     [&](const std::string& one) { return HoldsColumn(all, one); });
}

// Whether a condition on some unique key of the table may name single rows.
bool NamesSingleRows(const Look& look, const LiveTable& live) {
  if (!look.facts.query.has_where) return false;
  const auto names = [&](const std::vector<std::string>& columns) {
    return std::any_of(live.indexes.begin(), live.indexes.end(), [&](const LiveIndex& index) {
      return index.unique && IsWithin(index.columns, columns);
    });
  };
  const std::vector<std::vector<std::string>>& sought = look.facts.query.sought_columns;
  // Of a condition that stands in a query of FROM only the columns are known.
  if (sought.empty()) return names(look.facts.query.filtered_columns);
  return std::all_of(sought.begin(), sought.end(), names);
}

void AffectedRows(const Look& look) {
  if (!Writes(look) || SaidOfAllRows(look)) return;
  const LiveTable* live = look.Live(look.table());
  if (live == nullptr || live->rows <= look.config.max_affected_rows) return;
  if (NamesSingleRows(look, *live)) return;
  look.Report(
      LintId::kAffectedRows,
      absl::StrCat(VerbText(look), Of(look), " may touch up to ", live->rows,
                   " rows; the limit is ", look.config.max_affected_rows),
      absl::StrCat(Batches(look), ", in batches of at most ", look.config.max_affected_rows));
}

// INSERT ... SELECT writes as many rows as it reads.
void InsertedRows(const Look& look) {
  const QueryFacts& query = look.facts.query;
  if (!look.is(Verb::kInsert) || !look.facts.insert.from_query) return;
  if (query.has_limit || query.aggregates) return;
  for (const ObjectUse& use : look.verdict.uses) {
    if (use.access != Access::kRead) continue;
    const Name name = NameOfWritten(use.name);
    const LiveTable* live = look.Live(name);
    if (live == nullptr || live->rows <= look.config.max_affected_rows) continue;
    if (NamesSingleRows(look, *live)) continue;
    return look.Report(
        LintId::kAffectedRows,
        absl::StrCat("INSERT into ", look.Sql(look.table()), " from ", look.Sql(name),
                     " may write up to ", live->rows, " rows; the limit is ",
                     look.config.max_affected_rows),
        absl::StrCat("write INSERT INTO ", look.Sql(look.table()), " ... SELECT ... FROM ",
                     look.Sql(name), " ", RangeOf(look, name), ", in batches of at most ",
                     look.config.max_affected_rows));
  }
}

}  // namespace

void CheckDml(const Look& look) {
  NoWhere(look);
  AffectedRows(look);
  InsertedRows(look);
  Limit(look);
  OrderBy(look);
  InsertWithoutColumns(look);
  InsertRows(look);
}

}  // namespace dbfleet::sql
