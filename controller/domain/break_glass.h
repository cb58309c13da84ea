#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"

namespace dbfleet::controller {

// Who may waive what in an emergency (requirement P4). Where no policy names somebody, nobody may.
struct BreakGlassPolicy {
  std::string name;
  std::vector<std::string> environments;  // None: every one.
  std::vector<std::string> users;         // "users/ada".
  std::vector<Role> roles;                // Or who has one of these.
  std::vector<std::string> waives;        // "approvals", "window", "freeze".
  absl::Duration max_duration;
  absl::Duration review_within;  // Somebody else looks at it within this time after its begin.

  bool operator==(const BreakGlassPolicy&) const = default;
};

}  // namespace dbfleet::controller
