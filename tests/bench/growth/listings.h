#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "controller/store/store.h"

namespace dbfleet::bench {

struct ReadFigure {
  std::string name;
  double p50_us = 0;
  int calls = 0;  // Fewer than asked for when they take long.
  int rows = 0;   // That one call gave.
};

// The store's listings of jobs and of audit records, a consistency proof over the trail, and the
// other reads that a controller makes while it works: one at a time, `calls` of each.
absl::StatusOr<std::vector<ReadFigure>> MeasureReads(controller::Store& store, const Clock& clock,
                                                     int calls);

}  // namespace dbfleet::bench
