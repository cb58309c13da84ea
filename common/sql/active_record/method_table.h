#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/model/verdict.h"

// What the methods of ActiveRecord libraries (Ruby on Rails', php-activerecord, Laravel's Eloquent
// where the words are the same) do to a database.
namespace dbfleet::sql {

enum class MethodRole {
  kConnection,   // Hands out a connection: connection, table.
  kRefine,       // Builds a query; nothing runs: where, order, limit.
  kRead,         // Runs a query that reads: find, count.
  kRawRead,      // Runs SQL that is given as text, on a model: find_by_sql.
  kRaw,          // The same, on a connection: execute, query.
  kInsert,       // Adds rows: create.
  kUpdate,       // Changes rows: update_all, save.
  kDelete,       // Deletes rows: delete, destroy.
  kTransaction,  // Runs a block inside a transaction.
  kLock,         // Takes row locks.
  kSchema,       // Changes the schema: add_column.
  kInMemory,     // No query by itself: new, to_sql.
  kRunPrepared,  // Runs what was prepared before: mysqli_stmt_execute.
  kCallable,     // Calls what it is given: array_map.
  kShell,        // Runs a shell command: system.
  kOpaque,       // Runs what is not seen: eval, a task.
};

// One row of the published table: S1 (kind) and S2 (class) of a method.
struct ModelMethod {
  absl::string_view name;  // In lower case: PHP's names are not told apart by case.
  MethodRole role;
  Kind kind;
  Safety safety;
  absl::string_view note;
};

// Sorted by name.
absl::Span<const ModelMethod> ModelMethods();

// By its name in any case, also of families such as find_by_NAME; nullptr if it is not known.
const ModelMethod* FindModelMethod(absl::string_view name);
// On a connection some names mean something else: update, insert and delete take SQL.
const ModelMethod* FindConnectionMethod(absl::string_view name);

// Whether the words of a name say that it writes, or runs what it is given: insertGetId, drop_enum,
// multi_query. "created_at" does not.
bool NamesWrite(absl::string_view name);

// Whether a method of that name, known or not, is given pieces of SQL: orderByRaw, addOrderBy.
bool BuildsSql(absl::string_view name);

// posts, post_ids, children; not status, address, columns of one.
bool NamesCollection(absl::string_view name);
// Whether a word behind a record is by its name a column or an association, so that it is read:
// email, created_at, posts, admin?. "archive" is not.
bool NamesAttribute(absl::string_view name);

// Of Ruby's methods that end with "!" those of texts, lists and hashes.
bool ChangesTextOrList(absl::string_view name);

// What a driver's result is asked for, behind a raw query.
bool IsOfResult(absl::string_view name);
// Calls that take their block for its values, and not for what it does.
bool GivesValues(absl::string_view name);
// Reads that are given columns.
bool ReadsColumns(absl::string_view name);
// Of Laravel's Schema: what it only shows.
bool ShowsSchema(absl::string_view name);

// Functions of the host languages that only compute, so that they may stand among arguments.
bool IsPureHostFunction(absl::string_view name);

absl::string_view NameOf(MethodRole role);

// Which role of two decides what a chain is: the higher one.
int WeightOf(MethodRole role);

}  // namespace dbfleet::sql
