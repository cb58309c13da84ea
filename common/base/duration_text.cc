#include "common/base/duration_text.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace dbfleet {

std::string DurationText(absl::Duration value) {
  constexpr absl::Duration kDay = absl::Hours(24);
  const absl::Duration length = absl::AbsDuration(value);
  if (length < kDay || length == absl::InfiniteDuration()) return absl::FormatDuration(value);
  absl::Duration rest;
  const int64_t days = absl::IDivDuration(length, kDay, &rest);
  return absl::StrCat(value < absl::ZeroDuration() ? "-" : "", days, "d",
                      rest == absl::ZeroDuration() ? "" : " ",
                      rest == absl::ZeroDuration() ? "" : absl::FormatDuration(rest));
}

std::string ConfigDuration(absl::Duration value) {
  constexpr absl::Duration kDay = absl::Hours(24);
  if (value == absl::ZeroDuration()) return "0s";
  const bool days =
      value >= 2 * kDay && value != absl::InfiniteDuration() && absl::Floor(value, kDay) == value;
  return days ? absl::StrCat(absl::ToInt64Hours(value) / 24, "d") : absl::FormatDuration(value);
}

}  // namespace dbfleet
