#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/domain/schedule.h"
#include "controller/store/store.h"

// With which token a run was asked for by hand, inside a transaction: it is kept until the run has
// begun at the latest.
namespace dbfleet::controller {

// Does nothing for "".
absl::Status NoteRunToken(WriteTx& tx, const Occurrence& occurrence, const std::string& token_id);

// Why one that waits must not begin, in words: its token was revoked since. "" if it may.
absl::StatusOr<std::string> WhyRunTokenEnded(ReadTx& tx, const Occurrence& occurrence,
                                             absl::Time now);

}  // namespace dbfleet::controller
