#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// What a command may go through at a time while nobody else is served: elements, samples.
inline constexpr int64_t kMostElements = 10000;

// Whether a reading command's answer grows with what is stored and not with what was asked for:
// SMEMBERS; LRANGE 0 -1; XRANGE - + without COUNT, or with one that bounds nothing. `name` is that
// of the command table; `arguments` begin with it. Read in Redis 7.0's sources: a negative COUNT of
// XRANGE is 0 and gives nothing, that of a LIMIT gives all; of several the last one counts.
bool IsUnboundedRead(absl::string_view name, const std::vector<std::string>& arguments);

}  // namespace dbfleet::sql
