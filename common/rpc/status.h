#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace dbfleet::rpc {

// absl -> gRPC. The reason goes into google.rpc.ErrorInfo{reason, domain: "dbfleet"} in the
// details.
grpc::Status ToGrpc(const absl::Status& status);

// gRPC -> absl. The reason comes back; an UNAVAILABLE without one gets CONTROLLER_UNREACHABLE.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace dbfleet::rpc
