#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::controller {

// The lines of both texts with "+", "-" or " " before them, by their longest common subsequence;
// empty if the texts are equal. Time and memory grow with the product of the lengths of what lies
// between their common first and last lines; where that is above kMostDiffCells, all lines between
// are shown as taken away and put there.
inline constexpr size_t kMostDiffCells = 4'000'000;
std::vector<std::string> DiffLines(absl::string_view before, absl::string_view after);

}  // namespace dbfleet::controller
