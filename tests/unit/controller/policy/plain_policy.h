#pragma once

#include "absl/strings/string_view.h"

#include "controller/policy/policy.h"

namespace dbfleet::controller {

// An environment's default policy without windows and promotion, for tests that are about neither.
inline EnvironmentPolicy PlainPolicy(absl::string_view environment) {
  EnvironmentPolicy policy = DefaultPolicy(environment);
  policy.window_for = WindowFor::kNone;
  policy.promotion = {};
  return policy;
}

}  // namespace dbfleet::controller
