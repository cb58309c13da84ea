#include "common/config/values.h"

#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace dbfleet::config {

std::string ShownValue(absl::string_view value) {
  return absl::StrCat("\"", SanitizeForDisplay(Truncate(value, 80)), "\"");
}

std::optional<absl::Time> ParseMoment(absl::string_view text) {
  absl::Time time;
  const bool parsed = absl::ParseTime(absl::RFC3339_full, text, &time, nullptr);
  if (!parsed || time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    return std::nullopt;
  }
  return time;
}

}  // namespace dbfleet::config
