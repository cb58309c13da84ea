#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace dbfleet::controller {

// Approvals count for so long at least, whatever a policy says: with less nobody could ever collect
// those that it takes to change that policy. Shorter ones are refused where they are declared; what
// was stored before counts as this.
inline constexpr absl::Duration kLeastApprovalLife = absl::Minutes(5);

inline absl::Duration ApprovalLife(absl::Duration ttl) { return std::max(ttl, kLeastApprovalLife); }

}  // namespace dbfleet::controller
