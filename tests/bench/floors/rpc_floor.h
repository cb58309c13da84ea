#pragma once

#include "absl/status/statusor.h"

#include "tests/bench/floors/rpc_client.h"

namespace dbfleet::bench {

// A CA, and a certificate below it for either end, valid for an hour.
absl::StatusOr<Certificates> MakeCertificates();

// What gRPC's callback interface does over mutual TLS with nothing above it: a server and a client,
// each in a process of its own, so that their memory can be told apart; anew for each repetition.
// Each figure is the median of the repetitions.
//
// The calling process must have no other threads and must never have used gRPC: it forks.
absl::StatusOr<RpcRun> MeasureRpc(const Certificates& certificates, int streams, int repetitions,
                                  double seconds);

}  // namespace dbfleet::bench
