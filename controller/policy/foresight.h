#pragma once

#include <vector>

#include "absl/time/time.h"

#include "controller/policy/policy.h"

// What a decision of Evaluate (policy.h) does not say, as it is about one moment: what will be
// missing when the moment comes for which a job waits. Pure functions.
namespace dbfleet::controller {

// Blocked by times at `now`, and it is known when it is not any more (PolicyDecision::opens).
bool WaitsForKnownTime(const PolicyDecision& decision, absl::Time now);

// Of a job that waits for `decision.opens`: the rules "expiry", "approvals" and "promotion", each
// with what lapses when and what helps. `then` is the decision of that moment, by the same function
// and of the same facts; what already blocks now is not said again, except that an approval that is
// given now would lapse before that.
std::vector<PolicyBlocker> Foresee(const Job& job, const PolicyDecision& decision,
                                   const PolicyDecision& then, absl::Time now);

}  // namespace dbfleet::controller
