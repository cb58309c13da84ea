#pragma once

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// Whether a comment in what stands between two tokens holds the rest of a condition that was cut
// off: a quote, AND or OR behind it, and a comparison: /* ' AND password = '' */.
bool HidesCondition(absl::string_view gap);

// Whether what a comment at the end says is the rest of a condition: AND owner = 5.
bool ContinuesCondition(absl::string_view said);

}  // namespace dbfleet::sql
