#pragma once

#include <string>
#include <vector>

#include "common/sql/model/verdict.h"
#include "common/sql/text/token_view.h"

namespace dbfleet::sql {

// What a statement is for, by the words at its head. Says nothing about whether it is safe.
struct Nature {
  Kind kind = Kind::kControl;
  bool transactional = false;
  bool transaction_control = false;
};

// `tokens` is one statement, without hints and the marks of executable comments.
Nature NatureOf(Dialect dialect, TokenView tokens);

// The head of a statement behind opening parentheses and a WITH list.
struct Head {
  ptrdiff_t verb = 0;  // Where the verb stands.
  bool with = false;
  bool understood = true;  // False for a WITH list of another form.
  std::vector<std::string> with_names;
  std::vector<ptrdiff_t> column_lists;  // The "(" of WITH name (a, b) AS ...
};
Head HeadOf(TokenView tokens);

// Whether a CREATE defines a routine, whose body is statements of its own (MySQL/MariaDB).
bool DefinesRoutine(TokenView tokens);

// Tables that the statement names, as written; for estimates, so it may name some too many.
std::vector<std::string> NamedTables(Dialect dialect, TokenView tokens);

}  // namespace dbfleet::sql
