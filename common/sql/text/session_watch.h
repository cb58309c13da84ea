#pragma once

#include "common/sql/text/lexer.h"

namespace dbfleet::sql {

// Looks in a script of MySQL or MariaDB for statements that change how the server reads what
// follows them: sql_mode, and a character set of the client in which bytes of a longer character
// look like a quote or a backslash. Given each statement's tokens and its end, in order; not
// thread-safe, fails never. What a routine changes ends with it.
class SessionWatch {
 public:
  void Take(const Token& token);
  void EndStatement();

  // By a statement before the one at hand.
  bool modes_changed() const { return modes_changed_; }
  bool charset_changed() const { return charset_changed_; }

 private:
  bool begun_ = false;
  bool looks_ = false;  // Whether the statement at hand may change them at all.
  bool modes_named_ = false;
  bool charset_named_ = false;
  bool modes_changed_ = false;
  bool charset_changed_ = false;
};

}  // namespace dbfleet::sql
