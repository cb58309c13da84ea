#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// When an agent's name was last revoked; the infinite past if it never was. Kept beside the agent's
// row because it outlives the revocation: what was made before it must stay useless after a new
// join token has brought the name back.
absl::StatusOr<absl::Time> RevocationTime(ReadTx& tx, const std::string& agent_id);
absl::Status PutRevocationTime(WriteTx& tx, const std::string& agent_id, absl::Time time);

}  // namespace dbfleet::controller
