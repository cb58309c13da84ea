#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/position.h"

namespace dbfleet::sql::pg {

// What is handed to libpg_query at most. Its parser keeps its stack on the heap, but what writes
// the tree down recurses once for each node on the way to the deepest one, without a check of its
// own; about 400 bytes of stack each. Within these bounds 256 KiB of stack are enough for it.
inline constexpr size_t kMaxBytes = 16u << 20;
inline constexpr size_t kMaxTokens = 200'000;
inline constexpr size_t kMaxNesting = 500;

struct Extent {
  absl::Status status;  // Not OK where the lexer stops: an open quote, a NUL byte.
  size_t tokens = 0;    // Counted up to kMaxTokens + 1.
  size_t nesting = 0;   // No tree of this text is deeper than twice this.
};

// An upper bound of how deep the tree is, from the tokens alone, in one pass without recursion.
// Inside one pair of parentheses the longest run of tokens counts between two that can only stand
// above or beside each other in the tree (a comma, AND, WHERE), for "a + b + c" nests as deep as it
// is long; and so do joins and set operations, which nest to the left.
Extent ExtentOf(absl::string_view text, Position origin = {});

}  // namespace dbfleet::sql::pg
