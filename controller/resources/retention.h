#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// What was decided is kept as long as the jobs' logs; the audit trail keeps it for good.
inline constexpr absl::Duration kKeptDecided = absl::Hours(24 * 90);

// Ends proposals whose time has passed, or which do not fit any more what is there, so that whoever
// was told of them is told of their end; and takes away proposals that ended, and broken glass that
// was reviewed, longer than kKeptDecided ago. Broken glass without a review stays, and so does what
// cannot be judged now, each with an error in the log. Bounded: some at a time. True: there is more
// to do.
absl::StatusOr<bool> TidyDecisions(Store& store, absl::Time now);

}  // namespace dbfleet::controller
