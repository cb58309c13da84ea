#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace dbfleet::bench {

struct SqliteFloor {
  double fsync_ms_p50 = 0;  // Of one block of 4 KiB behind the last one.
  double fsync_ms_p99 = 0;
  double single_per_second = 0;  // Mutations, one in each commit; the median of the repetitions.
  double grouped_per_second = 0;
  int group = 0;
};

// What SQLite commits with nothing above it: a row's state updated and an audit row, hashed onto
// the one before, inserted for each mutation; a write-ahead log, synchronous = FULL, prepared
// statements, checkpoints as the store makes them. Works in a folder of its own below `folder`,
// which it removes. FAILED_PRECONDITION if that is no disk.
absl::StatusOr<SqliteFloor> MeasureSqlite(const std::string& folder, int repetitions,
                                          double seconds, int group);

}  // namespace dbfleet::bench
