#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/position.h"
#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// What libpg_query made of a text. Either `problem` is empty, or it says, without quoting anything
// of the text, why there is no tree.
struct Parsed {
  Tree tree;
  std::string problem;
  bool too_large = false;  // That is all: a server may well take it.

  Node statements() const { return tree.root()["stmts"]; }
};

// Parses with PostgreSQL 15's grammar. What it is too large, nested too deep, or not UTF-8 is not
// handed to the parser at all (nesting.h). Thread-safe: the parser's state is thread-local, and all
// memory of a call is freed when it returns.
// Places in `problem` count from `origin`.
Parsed Parse(absl::string_view text, Position origin = {});

}  // namespace dbfleet::sql::pg
