#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

#include "common/concurrency/executor.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"

namespace dbfleet::rpc {

// What all handlers of a server share: the executor on which they run, the count and latency of
// each method, and the log of failures. RunUnary (unary.h) and RunServerStream (server_stream.h)
// use it; streams of other forms may.
//
// Thread-safe. Nothing is owned; executor, registry and clock outlive it, and it outlives the
// server's last call: stop the server first, then the executor.
class Calls {
 public:
  Calls(Executor* executor, metrics::Registry* registry, const Clock* clock);

  // One call, between Begin and End.
  struct Call {
    std::string method;    // "dbfleet.api.v1.JobService/GetJob".
    std::string peer;      // "ipv4:10.0.0.7:40312".
    absl::Duration start;  // Clock::Monotonic.
  };
  Call Begin(absl::string_view method, std::string peer);
  // Counts the call by its outcome, logs it if it failed (code, reason and message, never a
  // payload), and gives the status for the wire.
  grpc::Status End(const Call& call, const absl::Status& status);

  // False when the executor takes no more work: end the call with ShuttingDown().
  [[nodiscard]] bool Run(std::function<void()> fn) { return executor_->Add(std::move(fn)); }
  static absl::Status ShuttingDown();

 private:
  Executor* const executor_;
  metrics::Registry* const registry_;
  const Clock* const clock_;
  metrics::Gauge& in_flight_;
};

}  // namespace dbfleet::rpc
