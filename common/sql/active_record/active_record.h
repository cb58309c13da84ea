#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/reading.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Reads the SQL inside a program for the server that would execute it; the entrance gives it, so
// that this module does not depend on the readers of SQL.
using EmbeddedReader = absl::FunctionRef<Reading(const Target&, absl::string_view)>;

// The calls of a PHP or Ruby program that reach the database through an ActiveRecord library, one
// statement each, with their positions. What stands in a call's block is a statement of its own;
// the text of the call keeps the block without its content. The rest of the program is left out: a
// call is taken for one of these by its receiver (a class, a record or connection that was got
// before) and its method (method_table.h). A program in which there is none is one statement,
// which is not understood. INVALID_ARGUMENT (BAD_SQL) with line and column for quotes, comments and
// heredocs that are not closed.
absl::StatusOr<std::vector<Statement>> SplitActiveRecord(const Target& target,
                                                         absl::string_view program);

// Reads one call chain, perhaps as the value of an assignment. `target.embedded` is the dialect of
// the SQL in raw calls and fragments. SQL that is joined with a value of the program is destructive
// and named in the facts; placeholders joined with placeholders are clean.
//
// A chain on a model is judged as the SQL statement that it becomes. What cannot be seen from it:
// callbacks and scopes of the model, default scopes, and a table that is not named by convention.
Reading ReadActiveRecord(const Target& target, absl::string_view text, const HostContext& context,
                         EmbeddedReader embedded);

}  // namespace dbfleet::sql
