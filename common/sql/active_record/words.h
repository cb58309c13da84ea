#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// Words in lists that are as short as a statement's own.
inline bool IsOneOf(absl::string_view word, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(),
                     [word](const std::string& one) { return one == word; });
}

template <size_t N>
bool IsOneOf(absl::string_view word, const absl::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace dbfleet::sql
