#pragma once

#include <algorithm>

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// A place in a text, 1-based. The column counts bytes, as errors and reports show it; SARIF wants
// characters.
struct Position {
  int line = 1;
  int column = 1;
  int character = 1;

  bool known() const { return line > 0; }
};

// Of a text whose own place nobody can look up: SQL that a program puts together.
inline constexpr Position kNoPlace = {0, 0, 0};

// How many characters UTF-8 has; bytes that continue none count as none.
inline int CountCharacters(absl::string_view utf8) {
  return static_cast<int>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace dbfleet::sql
