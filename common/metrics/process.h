#pragma once

#include "common/metrics/exposition.h"

namespace dbfleet::metrics {

// Writes this process's standard metrics (process_cpu_seconds_total, process_resident_memory_bytes,
// process_virtual_memory_bytes, process_open_fds, process_max_fds, process_start_time_seconds),
// read from /proc. What cannot be read is left out. Thread-safe.
void WriteProcessMetrics(ExpositionWriter* writer);

}  // namespace dbfleet::metrics
