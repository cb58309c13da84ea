#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/postgres/statement_table.h"
#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// "CREATE UNIQUE INDEX", "DROP TABLE", "ALTER SERVER": the words that say what a statement is.
std::string HeadOf(Node statement);

// "TABLE" for "OBJECT_TABLE"; the words that a statement uses for it.
absl::string_view ObjectWords(absl::string_view object_type);

// Of what cannot be parsed, by its first words: the row whose head is the longest that it begins
// with; for CREATE, ALTER and DROP of anything else the most general. Null if it begins with none.
const StatementRow* GuessStatement(absl::string_view text);

// Whether it sets how the transaction behaves.
bool SetsTransaction(Node variable_set);

}  // namespace dbfleet::sql::pg
