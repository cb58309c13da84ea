#include "agent/engines/postgres/postgres_error_text.h"

#include "absl/types/span.h"

#include "agent/engine/statement_text.h"
#include "common/base/text.h"
#include "common/sql/server_text/server_text.h"

namespace dbfleet::agent {
namespace {

// What stands in quotes is names only.
const char* const kWithNames[] = {
    "\"%\" is not a sequence",
    "\"%\" is not a table",
    "\"%\" is not a view",
    "\"%\" is not an index",
    "INSERT has more expressions than target columns",
    "INSERT has more target columns than expressions",
    "% cannot run inside a transaction block",
    "aggregate functions are not allowed in %",
    "canceling statement due to %",
    "cannot alter type of a column used by %",
    "cannot drop % because other objects depend on it",
    "cannot drop column % because other objects depend on it",
    "cannot execute % in a read-only transaction",
    "cannot insert multiple commands into a prepared statement",
    "cannot truncate a table referenced in a foreign key constraint",
    "check constraint \"%\" of relation \"%\" is violated by some row",
    "column \"%\" cannot be cast automatically to type %",
    "column \"%\" does not exist",
    "column \"%\" is of type % but expression is of type %",
    "column \"%\" must appear in the GROUP BY clause or be used in an aggregate function",
    "column \"%\" of relation \"%\" already exists",
    "column \"%\" of relation \"%\" contains null values",
    "column \"%\" of relation \"%\" does not exist",
    "column \"%\" referenced in foreign key constraint does not exist",
    "column \"%\" specified more than once",
    "column %.% does not exist",
    "column reference \"%\" is ambiguous",
    "conflicting key value violates exclusion constraint \"%\"",
    "constraint \"%\" for relation \"%\" already exists",
    "constraint \"%\" of relation \"%\" does not exist",
    "could not create unique index \"%\"",
    "could not extend file \"%\": %",
    "could not obtain lock on relation \"%\"",
    "could not obtain lock on row in relation \"%\"",
    "could not serialize access due to %",
    "could not write to file \"%\": %",
    "count must be greater than zero",
    "current transaction is aborted, commands ignored until end of transaction block",
    "database \"%\" already exists",
    "database \"%\" does not exist",
    "database \"%\" is being accessed by other users",
    "deadlock detected",
    "division by zero",
    "duplicate key value violates unique constraint \"%\"",
    "extension \"%\" already exists",
    "extension \"%\" does not exist",
    "extension \"%\" is not available",
    "foreign key constraint \"%\" cannot be implemented",
    "function %(%) does not exist",
    "function %() does not exist",
    "function \"%\" already exists with same argument types",
    "index \"%\" does not exist",
    "index row size % exceeds btree version % maximum % for index \"%\"",
    "insert or update on table \"%\" violates foreign key constraint \"%\"",
    "integer out of range",
    "bigint out of range",
    "smallint out of range",
    "materialized view \"%\" does not exist",
    "missing FROM-clause entry for table \"%\"",
    "more than one row returned by a subquery used as an expression",
    "multiple primary keys for table \"%\" are not allowed",
    "must be owner of %",
    "must be superuser %",
    "new row for relation \"%\" violates check constraint \"%\"",
    "new row violates row-level security policy for table \"%\"",
    "no partition of relation \"%\" found for row",
    "no schema has been selected to create in",
    "null value in column \"%\" of relation \"%\" violates not-null constraint",
    "numeric field overflow",
    "operator does not exist: %",
    "out of memory",
    "out of shared memory",
    "parameter \"%\" cannot be changed %",
    "partition constraint of relation \"%\" is violated by some row",
    "permission denied for column %",
    "permission denied for database %",
    "permission denied for function %",
    "permission denied for schema %",
    "permission denied for sequence %",
    "permission denied for table %",
    "permission denied for view %",
    "permission denied to %",
    "relation \"%\" already exists",
    "relation \"%\" does not exist",
    "remaining connection slots are reserved %",
    "role \"%\" already exists",
    "role \"%\" does not exist",
    "schema \"%\" already exists",
    "schema \"%\" does not exist",
    "sequence \"%\" does not exist",
    "sorry, too many clients already",
    "stack depth limit exceeded",
    "subquery must return only one column",
    "syntax error at end of input",
    "table \"%\" does not exist",
    "terminating connection due to %",
    "the database system is %",
    "there is no unique constraint matching given keys for referenced table \"%\"",
    "trigger \"%\" for relation \"%\" already exists",
    "trigger \"%\" for table \"%\" does not exist",
    "type \"%\" already exists",
    "type \"%\" does not exist",
    "unrecognized configuration parameter \"%\"",
    "update or delete on table \"%\" violates foreign key constraint \"%\" on table \"%\"",
    "value too long for type %",
    "view \"%\" does not exist",
};

// What stands in quotes may be a value or a part of the statement.
const char* const kWithValues[] = {
    "date/time field value out of range: ~",
    "invalid byte sequence for encoding ~",
    "invalid input syntax for type ~",
    "invalid input value for enum ~",
    "invalid name syntax",
    "invalid value for parameter ~",
    "syntax error at or near ~",
    "type modifier is not allowed for type ~",
    "unterminated quoted string at or near ~",
    "value \"~",
};

bool MatchesAny(absl::string_view message, absl::Span<const char* const> patterns) {
  for (const char* pattern : patterns) {
    if (sql::MatchesServerText(message, pattern)) return true;
  }
  return false;
}

}  // namespace

std::string ShowablePostgresText(absl::string_view message) {
  if (MatchesAny(message, kWithNames)) return Truncate(SanitizeForDisplay(message), 1024);
  if (!MatchesAny(message, kWithValues)) return "";
  return Truncate(SanitizeForDisplay(MaskQuoted(message, '"')), 1024);
}

}  // namespace dbfleet::agent
