#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::config {

// A YAML document as it was written: nothing resolved, nothing expanded, every node with its place.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;  // A scalar in quotes, or a block scalar: always text.
  std::string text;     // Of a scalar.
  int line = 0;         // 1-based.
  int column = 0;
  std::vector<YamlNode> keys;   // Of a map, as many as items; they may repeat.
  std::vector<YamlNode> items;  // Of a sequence, or the values of a map.
};

inline constexpr int kMaxYamlNodes = 100'000;

// Something wrong at a place of the input; line 0 means the input as a whole.
struct YamlProblem {
  int line = 0;
  int column = 0;
  std::string message;
};

// Reads the one document in `text`. Problems are appended to `problems`; anchors, aliases, tags, a
// second document, more than `max_nodes` nodes and nesting deeper than 32 are problems. What could
// not be read to its end gives an empty node. Lines are counted on from `lines_before`, for a
// text that is part of another.
YamlNode ReadYamlTree(absl::string_view text, std::vector<YamlProblem>* problems,
                      int max_nodes = kMaxYamlNodes, int lines_before = 0);

}  // namespace dbfleet::config
