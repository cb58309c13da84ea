#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/domain/types.h"
#include "controller/identity/ca.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// An agent that has proved who it is.
struct AgentPeer {
  std::string agent_id;
  std::string environment;
  std::string serial;  // Of the certificate that it showed.
  std::string key_sha256;
};

// Tells which agent a certificate belongs to, and whether it still counts: the agent is not
// revoked, and the serial is in one of its two slots. The first use of the next serial makes it the
// current one (durably, audited), which ends the former. A certificate from a time that the store
// lost takes the slot of the next one first (adoption.h).
//
// Answers come from memory: a reconnect storm reads the store once per agent. Whoever changes an
// agent's slots or revokes it calls Changed after the commit, before telling anybody.
//
// A stream is opened so: Authenticate, make the stream findable for the revocation listener, then
// StillValid. Without the last step a revocation in between would close nothing.
//
// Thread-safe. Authenticate may block on the store: call it on an executor. Nothing is owned.
class AgentAuthenticator {
 public:
  AgentAuthenticator(Store* store, const CertificateAuthority* ca, const Clock* clock);

  // UNAUTHENTICATED: CERTIFICATE_MISSING (empty text), CERTIFICATE_FOREIGN, CERTIFICATE_EXPIRED,
  // AGENT_UNKNOWN, AGENT_REVOKED, SERIAL_UNKNOWN. Other codes: the store could not be asked.
  absl::StatusOr<AgentPeer> Authenticate(const std::string& certificate_pem);

  // For a certificate that may have expired, before its holder has proved anything: OK if its
  // serial is in a slot, or could take one. Changes nothing. Reasons as above.
  absl::Status MayRecover(const CertificateAuthority::AgentName& name);

  // The same without the certificate, for an open stream. Does not promote.
  absl::Status StillValid(const std::string& agent_id, absl::string_view serial);

  // The agent's row has changed. With `ended`, certificates that counted do so no more, and the
  // listener is called.
  void Changed(const std::string& agent_id, bool ended);

  // Called with the id of an agent whose streams have to end now, on the thread that ended them,
  // without locks held. Set it before the first call of anything else.
  void SetRevocationListener(std::function<void(const std::string& agent_id)> listener);

 private:
  struct Slots {
    std::string environment;
    std::string current;
    std::string next;
    bool revoked = false;
  };

  absl::StatusOr<Slots> SlotsOf(const std::string& agent_id);
  absl::Status Adopt(const CertificateAuthority::AgentName& name);
  absl::Status Promote(const AgentPeer& peer, absl::Time not_after);

  Store* const store_;
  const CertificateAuthority* const ca_;
  const Clock* const clock_;
  std::function<void(const std::string&)> listener_;

  Mutex mutex_;
  std::map<std::string, Slots> cache_ ABSL_GUARDED_BY(mutex_);
  // Grows with each Changed. A row that was read before one is not remembered after it.
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Both slots' rules in one place, for Authenticate and for renewal inside a transaction.
// OK, or UNAUTHENTICATED with AGENT_REVOKED or SERIAL_UNKNOWN.
absl::Status CheckSerial(absl::string_view agent_id, bool revoked, absl::string_view current,
                         absl::string_view next, absl::string_view serial);

// Moves `next` into `current`. No change if `serial` is not the next one.
bool PromoteSerial(Agent* agent, absl::string_view serial, absl::string_view key_sha256);

}  // namespace dbfleet::controller
