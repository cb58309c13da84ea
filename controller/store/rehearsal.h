#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/base/status.h"

namespace dbfleet::controller {

// What a mutation answers that was to show only whether it would succeed: it is rolled back like
// one that failed, but counts as rehearsed and not as failed.
inline constexpr absl::string_view kRehearsed = "REHEARSED";
inline absl::Status Rehearsed() {
  return Error(absl::StatusCode::kCancelled, kRehearsed, "it is rolled back, as it was to be");
}
inline bool IsRehearsed(const absl::Status& status) { return ReasonOf(status) == kRehearsed; }

}  // namespace dbfleet::controller
