#pragma once

#include <deque>
#include <map>
#include <string>

#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"

namespace dbfleet::controller {

// Nonces that agents sign to recover: 32 random bytes, good for 60 s, once, for one certificate. In
// memory only: after a restart the agent asks for another. Anyone who has seen a certificate can
// ask, so each agent has room for a few and the oldest makes way; what is kept is bounded by the
// number of agents. Thread-safe.
class RecoveryNonces {
 public:
  explicit RecoveryNonces(const Clock* clock) : clock_(clock) {}

  std::string Make(const std::string& agent_id, const std::string& serial);
  // True if Make gave `nonce` for them at most 60 s ago; the nonce is gone then.
  bool Take(const std::string& agent_id, const std::string& serial, const std::string& nonce);

 private:
  struct Entry {
    std::string nonce;
    std::string serial;
    absl::Duration expire;  // Clock::Monotonic.
  };

  const Clock* const clock_;
  Mutex mutex_;
  std::map<std::string, std::deque<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
