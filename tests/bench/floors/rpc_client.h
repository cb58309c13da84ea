#pragma once

#include <sys/types.h>

#include "absl/status/statusor.h"

#include "tests/bench/floors/rpc_server.h"

namespace dbfleet::bench {

// What one client process saw of one server process.
struct RpcRun {
  double connect_seconds = 0;  // Until each stream has had its first answer.
  double round_trips_per_second = 0;
  double server_kib_per_stream = 0;  // Resident: when all stand idle, less than before the first.
  double server_cpu_us = 0;          // For one round trip.
  double client_cpu_us = 0;
};

// Opens `streams` Control streams, each over a connection of its own, to 127.0.0.1:`port`, and
// keeps one Ping outstanding on each for `seconds`. The streams stay open: the process is to end.
absl::StatusOr<RpcRun> RunPings(const Certificates& certificates, int port, pid_t server,
                                int streams, double seconds);

}  // namespace dbfleet::bench
