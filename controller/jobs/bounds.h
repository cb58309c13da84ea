// How long the steps of what runs may start, where its window's end cancels it.
#pragma once

#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/jobs/flow_context.h"
#include "controller/policy/policy.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Whether some attempt of the job that holds its instance has another bound (not_after) than the
// decision on it gives now: its window was extended, overridden, ended sooner or waived. Nothing
// moves while windows or freezes block, which decide by themselves what becomes of it.
absl::StatusOr<bool> BoundsHaveMoved(ReadTx& tx, const Job& job, const PolicyDecision& decision);

// Sets it, with an audit record for each; the dispatcher tells the agents.
absl::Status MoveBounds(FlowContext& context, const Job& job, const PolicyDecision& decision);

}  // namespace dbfleet::controller
