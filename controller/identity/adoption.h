#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/identity/ca.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// A certificate that an agent got in a time that this store lost (audit/lost_history.h): our
// authority signed it, and no record tells of it. Without this rule its agent is locked out until a
// person enrols it again.
//
// What decides is the trail, which no clock changes: a serial that it names was issued, replaced or
// revoked with the store's knowledge, and its place is in a slot or nowhere. The times are bounds
// around that. A revocation that is lost, too, cannot be known (docs/threat-model.md).

// OK if the certificate may take a slot. UNAUTHENTICATED (SERIAL_UNKNOWN) says why not.
// `agent` is the row of the agent that it names, in the same transaction.
absl::Status JudgeLostCertificate(ReadTx& tx, const Agent& agent,
                                  const CertificateAuthority::AgentName& name);

// The same; then the certificate is the next one, as if a renewal had just issued it, and is
// audited. The row is updated. False: it is in a slot already, and nothing was changed.
absl::StatusOr<bool> AdoptLostCertificate(WriteTx& tx, Agent* agent,
                                          const CertificateAuthority::AgentName& name);

// For the log, after the commit.
void LogAdoption(const CertificateAuthority::AgentName& name);

}  // namespace dbfleet::controller
