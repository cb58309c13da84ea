#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/policy/policy.h"

// Parts of Evaluate (policy.h), for this folder alone: rules that fill files of their own.
namespace dbfleet::controller {

void CheckPromotion(const PolicyInput& input, std::vector<PolicyBlocker>* blockers);
void CheckWindows(const PolicyInput& input, PolicyDecision* decision);

bool IsDestructive(const Job& job);
std::string Moment(absl::Time time);                      // RFC 3339 in UTC.
std::string Some(const std::vector<std::string>& names);  // "a, b, c, d, e and 7 more".

}  // namespace dbfleet::controller
