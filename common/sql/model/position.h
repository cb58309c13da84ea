#pragma once

namespace dbfleet::sql {

// A place in a text. Both 1-based; the column counts bytes.
struct Position {
  int line = 1;
  int column = 1;

  bool known() const { return line > 0; }
};

// Of a text whose own place nobody can look up: SQL that a program puts together.
inline constexpr Position kNoPlace = {0, 0};

}  // namespace dbfleet::sql
