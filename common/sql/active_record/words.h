#pragma once

#include <algorithm>
#include <iterator>

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

template <size_t N>
bool IsOneOf(absl::string_view word, const absl::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace dbfleet::sql
