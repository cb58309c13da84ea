#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dbfleet::config {

// A value as messages show it: between quotes, on one line, at most 80 bytes of it.
std::string ShownValue(absl::string_view value);

// A moment with its offset (RFC 3339), as in 2026-12-24T18:00:00+01:00. Not "infinite-future",
// which is a time for the parser and none of a clock.
std::optional<absl::Time> ParseMoment(absl::string_view text);

}  // namespace dbfleet::config
