#pragma once

#include <cstdint>

#include "absl/status/status.h"

#include "common/time/clock.h"
#include "controller/store/store.h"

namespace dbfleet::bench {

// Fills an empty store with `checks` checks that are over, one for each second before now, and, for
// each of them, ten audit records: the eight of its life and two of an agent's coming and going.
// Through the store's own writer, many to a mutation: rows, tree and indexes are what the product
// would have written.
absl::Status FillHistory(controller::Store& store, Clock& clock, int64_t checks);

}  // namespace dbfleet::bench
