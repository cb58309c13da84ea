#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/time/clock.h"
#include "controller/store/store.h"

namespace dbfleet::bench {

struct MutationFigures {
  // An agent's event: its attempt and the agent updated, one audit record.
  double events_per_second = 0;
  // Whole checks, each submitted, offered, accepted, granted and ended in five mutations with eight
  // audit records between them.
  double checks_per_second = 0;
};

// Durable mutations with `callers` threads, each waiting for its commit before its next one, for
// `time` of either kind. What they write stays in the store.
absl::StatusOr<MutationFigures> MeasureMutations(controller::Store& store, const Clock& clock,
                                                 int callers, absl::Duration time);

}  // namespace dbfleet::bench
