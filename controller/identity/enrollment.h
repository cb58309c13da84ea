#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/secret.h"
#include "common/time/clock.h"
#include "controller/identity/authenticate_agent.h"
#include "controller/identity/ca.h"
#include "controller/identity/recovery_nonces.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// How agents get, renew, regain and lose their identities (docs/architecture.md, "Identity").
//
// An agent has two serial slots. Renewal fills the next one; its first use empties the current one,
// so a crash on either side at any point leaves the agent with a certificate that counts. A new
// join token for an enrolled name replaces the identity: both serials end, streams are closed. A
// revoked name comes back only by a token that was made after the revocation.
//
// Every change commits together with its audit record. Thread-safe; methods block on the store.
// Nothing is owned.
class Enrollment {
 public:
  // Zero means the default, here and in join_token_ttl; what is out of bounds is brought to them.
  struct Options {
    absl::Duration certificate_lifetime = absl::Hours(24);  // At least 2 s.
    absl::Duration join_token_ttl = absl::Minutes(15);      // Default and maximum.
    absl::Duration recovery_window = absl::Hours(24 * 30);  // After the certificate's end.
  };
  Enrollment(Store* store, const CertificateAuthority* ca, AgentAuthenticator* authenticator,
             const Clock* clock, Options options);

  struct CreatedJoinToken {
    Secret token;
    std::string agent_id;
    std::string environment;
    absl::Time expire_time;
  };
  // Zero ttl means the default. INVALID_ARGUMENT (INVALID_NAME, BAD_TTL), NOT_FOUND for an unknown
  // environment, FAILED_PRECONDITION (AGENT_ENVIRONMENT) if the name manages instances elsewhere.
  // A repetition of the request id makes a token that takes the place of the first one and ends
  // when that one would have; ALREADY_EXISTS (SECRET_DELIVERED) if that one was used or is over.
  absl::StatusOr<CreatedJoinToken> CreateJoinToken(const std::string& principal,
                                                   const std::string& agent_id,
                                                   const std::string& environment,
                                                   absl::Duration ttl,
                                                   const std::string& request_id = "");

  struct Identity {
    std::string agent_id;
    std::string environment;
    std::string certificate_pem;  // The leaf, then the CA.
    std::string ca_pem;
    absl::Time not_after;
  };
  // UNAUTHENTICATED: JOIN_TOKEN_UNKNOWN, JOIN_TOKEN_EXPIRED, JOIN_TOKEN_REPLACED (the request was
  // repeated), JOIN_TOKEN_USED (with another key), JOIN_TOKEN_NAME_MISMATCH, JOIN_TOKEN_TOO_OLD
  // (made before the revocation), AGENT_REVOKED.
  // INVALID_ARGUMENT: JOIN_TOKEN_MALFORMED, BAD_CSR.
  absl::StatusOr<Identity> Enroll(const std::string& join_token, const std::string& csr_pem,
                                  const std::string& agent_name, const std::string& version);

  absl::StatusOr<Identity> Renew(const AgentPeer& peer, const std::string& csr_pem);

  // Recovery of an agent that was away for longer than its certificate lasted. The slots' serials,
  // and those that a restored store lost (adoption.h), are accepted until `recovery_window` after
  // their end (RECOVERY_TOO_LATE).
  absl::StatusOr<std::string> BeginRecovery(const std::string& certificate_pem);
  // UNAUTHENTICATED: NONCE_UNKNOWN (expired, used, of another certificate), BAD_SIGNATURE.
  absl::StatusOr<Identity> FinishRecovery(const std::string& certificate_pem,
                                          const std::string& nonce, const std::string& csr_pem,
                                          const std::string& signature);

  // Ends the agent's certificates and open streams. Revoking twice changes nothing. The reason is
  // mandatory.
  absl::StatusOr<Agent> Revoke(const std::string& principal, const std::string& agent_id,
                               const std::string& reason);
  absl::StatusOr<Agent> Drain(const std::string& principal, const std::string& agent_id, bool undo);

 private:
  absl::StatusOr<Identity> UseToken(WriteTx& tx, const std::string& hash,
                                    const std::string& key_sha256, const std::string& csr_pem,
                                    const std::string& agent_name, const std::string& version,
                                    bool* first_use);
  absl::Status EnrollAgent(WriteTx& tx, const JoinToken& token,
                           const CertificateAuthority::AgentCertificate& issued,
                           const std::string& version);
  // `maybe_lost`: the peer's certificate, if it has proved that it has the key of one which the
  // store may not know (adoption.h).
  absl::StatusOr<Identity> FillNextSlot(absl::string_view action, const AgentPeer& peer,
                                        const CertificateAuthority::AgentName* maybe_lost,
                                        const std::string& csr_pem);
  absl::StatusOr<CertificateAuthority::AgentName> RecoverableName(
      const std::string& certificate_pem);
  Identity IdentityOf(const std::string& agent_id, const std::string& environment,
                      const std::string& leaf_pem, absl::Time not_after) const;

  Store* const store_;
  const CertificateAuthority* const ca_;
  AgentAuthenticator* const authenticator_;
  const Clock* const clock_;
  const Options options_;
  RecoveryNonces nonces_;
};

}  // namespace dbfleet::controller
