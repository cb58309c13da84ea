#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// A time of which this store lost the records, because it is an older copy of itself (recovery.h).
// By the controller's clock, which may have jumped: a bound for what can have happened in it, and
// no proof that something did.
struct LostHistory {
  absl::Time from;  // Of the last record that is surely shared; the infinite past if none is.
  absl::Time to;    // When the loss was noticed.
};

// Of the recovery that is demanded, and of the latest that were acknowledged, newest first.
absl::StatusOr<std::vector<LostHistory>> LostHistories(ReadTx& tx);

// Keeps that of the recovery that is demanded, for the time after it; else changes nothing. For
// whoever ends a recovery, before he does. Repeated, it changes nothing more.
absl::Status RememberLostHistory(WriteTx& tx);

}  // namespace dbfleet::controller
