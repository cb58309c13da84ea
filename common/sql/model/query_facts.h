#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/sql/model/schema_facts.h"

// What the queries in a statement look like: see facts.h.
namespace dbfleet::sql {

// "t.name", where "t" stands for a table: a column if the table has it, behind its first ones that
// "t (a, b)" gave other names. Without a name of the table: of a query in FROM or WITH that is not
// known to give such a column.
struct QualifiedColumn {
  Name table;
  std::string column;
  size_t renamed = 0;
  // It stands without quotes and has letters beyond ASCII, which the server makes small ones or
  // not, depending on the database's encoding and locale.
  bool folded_unknown = false;
};

// A call around a column of a comparison: "lower(a)", "date_format(a, ...)".
struct WrappingCall {
  std::string function;      // "" for what is no call, or one of several names.
  bool more = false;         // It has other arguments too.
  bool calculation = false;  // No call: "a + 1".
};

// What the queries and conditions in a statement look like; subqueries and CTEs count too.
struct QueryFacts {
  bool select_star = false;  // Not in EXISTS (SELECT *) nor count(*).
  bool has_from = false;     // Of the outermost query.
  bool has_where = false;    // The same.
  bool has_limit = false;
  bool has_offset = false;
  bool has_order_by = false;
  std::string order_column;  // The first that the outermost orders by, if it is a column.
  bool orders_by_random = false;
  bool aggregates = false;  // The outermost query gives one row, or one a group.
  // The outermost SELECT lists MIN(c) and MAX(c) of these and nothing else, and does not group.
  std::vector<std::string> extremes;
  bool unguarded_write = false;    // An UPDATE or DELETE anywhere in it has no WHERE...
  bool always_true_where = false;  // ... or one that holds for every row.
  bool tautology = false;          // A condition that is always true: 1 = 1, 'a' = 'a', OR TRUE.
  std::string tautology_text;
  bool equals_null = false;
  std::string null_column;                   // What is compared first, if it is a column...
  bool unequal_to_null = false;              // ... and whether by <>.
  bool not_in_null = false;                  // NOT IN (1, NULL)
  std::string not_in_column;                 // Of the first, if it is a column.
  bool leading_wildcard = false;             // LIKE '%x'.
  std::string wildcard_column;               // Of the first, if it is a column.
  std::vector<std::string> wrapped_columns;  // Columns inside a function in a comparison.
  std::vector<WrappingCall> wrapping_calls;  // Around each of them.
  std::vector<std::string>
      quoted_numbers;  // "column = '5'": columns compared with a text of digits.
  std::vector<std::string> quoted_digits;  // The digits, for each of them.
  std::vector<std::string> plain_numbers;  // "column = 5": columns compared with a number...
  std::vector<std::string> plain_digits;   // ... and the number, for each of them.
  // "a.x = b.y" of tables that the statement names.
  std::vector<std::pair<QualifiedColumn, QualifiedColumn>> compared_columns;
  std::vector<std::string> written_columns;   // Behind SET of an UPDATE.
  std::vector<std::string> selected_columns;  // That the outermost SELECT lists as they are.
  bool table_functions = false;   // FROM f(...), whose columns are no table's; JSON_TABLE too.
  bool unbounded_offset = false;  // OFFSET above 1,000, or not a constant.
  std::vector<std::string> filtered_columns;  // Compared in WHERE and ON, for index advice.
  // Of them those that the outermost WHERE looks up, not by <> or NOT: one list for each part of
  // an OR that is its whole condition, else one.
  std::vector<std::vector<std::string>> sought_columns;
  // The outermost WHERE, of one query, makes each of them equal to one constant.
  std::vector<std::string> pinned_columns;
  std::vector<std::string> row_names;  // PostgreSQL: tables' names by which whole rows are read.
  std::vector<QualifiedColumn> qualified_columns;  // PostgreSQL: see Linter::HoldAgainstSnapshot.
  bool more_qualified_columns = false;             // There are more of them than were kept.
  int select_depth = 0;
};

}  // namespace dbfleet::sql
