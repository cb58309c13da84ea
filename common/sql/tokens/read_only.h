#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/sql/model/verdict.h"
#include "common/sql/text/token_view.h"

namespace dbfleet::sql {

// Why a statement is not known to be safe. Empty: it reads and nothing else.
struct Objections {
  std::vector<std::string> reasons;
  std::optional<Kind> kind;  // What the statement turned out to be for, if more than its head says.

  void Add(std::string reason);
};

// A white list from the head down: SELECT, WITH of selects, VALUES (PostgreSQL), SHOW, EXPLAIN and
// DESCRIBE that do not execute, with nothing in them but reviewed functions. Whatever it does not
// know is an objection. It goes by the text alone: what a view, a rule, a user-defined operator, or
// a function that hides a built-in one behind the search_path does, only the read-only account and
// transaction stop (requirement S7).
// `tokens` is one statement without hints and executable comments.
Objections CheckReadOnly(Dialect dialect, TokenView tokens);

}  // namespace dbfleet::sql
