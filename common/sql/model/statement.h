#pragma once

#include <string>

namespace dbfleet::sql {

struct Statement {
  std::string text;  // Without the delimiter and surrounding white space; comments stay.
  int line = 1;      // Of its first character that is neither space nor comment; 1-based.
  int column = 1;    // In bytes, 1-based.
};

}  // namespace dbfleet::sql
