#pragma once

#include <string>

#include "absl/time/time.h"

namespace dbfleet {

// For people: days first, "30d" or "1d 2h30m", then as absl::FormatDuration writes it. Nothing is
// rounded: who wants less of it truncates before. Not for what is read again.
std::string DurationText(absl::Duration value);

}  // namespace dbfleet
