#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "agent/runner/live_attempt.h"

namespace dbfleet::agent {

// What the hooks look at.
struct StartContext {
  LiveAttempt& attempt;
  const Runner::Options& options;
  Clock& clock;
  // The highest fence of an exclusive attempt on this instance that was ever granted.
  uint64_t highest_granted_fence = 0;
};

// One condition for the start of a granted attempt. OK: it holds. CANCELLED ends the attempt as
// cancelled, anything else as FAILED with the status's reason; nothing has been executed then.
struct StartHook {
  const char* name;
  absl::Status (*check)(StartContext& context);
};

// In the order in which they are asked: cancellation, local policy, capability, fence, the host's
// boot, begin_within, what LiveAttempt::MayBegin asks (start_within, the window's close, not_after,
// lease, the backup's files), digest. The digest comes last because it needs a new plan.
const std::vector<StartHook>& StartHooks();

// All of them, and once more what may have changed while the digest was computed.
absl::Status CheckStart(StartContext& context);

absl::Status CheckDigest(StartContext& context);  // digest_hook.cc

}  // namespace dbfleet::agent
