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

}  // namespace dbfleet
