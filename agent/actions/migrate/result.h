#pragma once

#include "absl/status/status.h"

#include "agent/actions/action.h"
#include "agent/actions/migrate/model.h"
#include "agent/actions/migrate/settler.h"

namespace dbfleet::agent {

// The result of an attempt that changed nothing, because of `status`.
ActionResult RefusedResult(const absl::Status& status);

// The result of an attempt to take back what nobody but a person can: nothing was changed.
ActionResult UnsettledResult(const MigrationModel& model);

// The result when every version is recorded.
ActionResult AppliedResult(const MigrationModel& model);

// `cause` is what ended the forward steps; `stopped` is not OK if that was no failure of a step but
// a cancellation, the end of the time, or a lost lease. `lost`: the connection or the agent was
// lost.
ActionResult SettledResult(const MigrationModel& model, const Settlement& settlement,
                           const absl::Status& cause, const absl::Status& stopped, bool lost);

}  // namespace dbfleet::agent
