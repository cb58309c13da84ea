// How long the steps of what runs may start, where its window's end cancels it.
#pragma once

#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/jobs/flow_context.h"
#include "controller/policy/policy.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Whether some attempt of the job that holds its instance has another bound (not_after) than the
// decision on it gives now: its window was extended, overridden, ended sooner or waived, also under
// a freeze. Nothing moves while its window is closed, which decides by itself what becomes of it,
// nor in RECOVERY (controller/audit/recovery.h): the windows are those of an older copy then, and
// what runs goes on until the moment that its agent was given.
absl::StatusOr<bool> BoundsHaveMoved(ReadTx& tx, const Job& job, const PolicyDecision& decision);

// Whether what runs of the job is to be cancelled, as its window has closed. In RECOVERY not before
// the agents' own bounds, and only where something runs.
absl::StatusOr<bool> EndsWhatRuns(ReadTx& tx, const Job& job, const PolicyDecision& decision,
                                  absl::Time now);

// Sets it, with an audit record for each; the dispatcher tells the agents.
absl::Status MoveBounds(FlowContext& context, const Job& job, const PolicyDecision& decision);

}  // namespace dbfleet::controller
