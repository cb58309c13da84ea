#pragma once

#include <cstdint>

namespace dbfleet {

// Whether the estimate `now` has grown beyond twice `approved`, so that the approval does not cover
// it any more. An estimate that is not known (negative) has not grown; neither has one of nothing.
bool EstimateGrown(int64_t approved, int64_t now);

}  // namespace dbfleet
