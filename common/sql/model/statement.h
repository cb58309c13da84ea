#pragma once

#include <string>
#include <vector>

namespace dbfleet::sql {

// What stands around a statement that was cut out of a program in a host language.
struct HostContext {
  bool in_loop = false;                         // Inside a loop: it runs once for each round.
  std::vector<std::string> placeholder_values;  // Variables that hold placeholders ("?, ?") only.
};

struct Statement {
  std::string text;  // Without the delimiter and surrounding white space; comments stay.
  int line = 1;      // Of its first character that is neither space nor comment; 1-based.
  int column = 1;    // In bytes, 1-based.
  HostContext host;  // ActiveRecord only.
};

}  // namespace dbfleet::sql
