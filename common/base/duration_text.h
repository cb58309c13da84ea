#pragma once

#include <string>

#include "absl/time/time.h"

namespace dbfleet {

// For people: days first, "30d" or "1d 2h30m", then as absl::FormatDuration writes it. Nothing is
// rounded: who wants less of it truncates before. Not for what is read again.
std::string DurationText(absl::Duration value);

// As configuration and manifests write one, and read it again: whole days from two on as "7d", all
// else as absl::FormatDuration has it ("24h", "1m30s"), zero as "0s".
std::string ConfigDuration(absl::Duration value);

}  // namespace dbfleet
