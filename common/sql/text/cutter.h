#pragma once

#include <string>

#include "common/sql/text/lexer.h"

namespace dbfleet::sql {

// Decides which delimiters end a statement. PostgreSQL's own client does not cut inside parentheses
// (rules) nor inside the body of a function written as BEGIN ATOMIC ... END; this follows it. In
// MySQL/MariaDB every delimiter cuts. Feed every token of a script, in order. Not thread-safe.
class StatementCutter {
 public:
  explicit StatementCutter(Dialect dialect) : postgres_(dialect == Dialect::kPostgres) {}

  // Whether `token` ends the current statement; if so the next token begins a new one.
  bool Ends(const Token& token);
  // A client's command ended it, wherever it was.
  void Reset();

 private:
  void FollowWord(const Token& token);

  const bool postgres_;
  int words_ = 0;
  std::string head_;  // The first letters of the first words, as far as they count; else blanks.
  int paren_depth_ = 0;
  int body_depth_ = 0;
};

}  // namespace dbfleet::sql
