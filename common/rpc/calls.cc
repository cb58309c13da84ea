#include "common/rpc/calls.h"

#include <utility>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/rpc/status.h"

namespace dbfleet::rpc {
namespace {

constexpr size_t kMaxLoggedBytes = 500;

// Failures that point at us rather than at the caller.
log::Level LevelOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
      return log::Level::kError;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return log::Level::kWarn;
    case absl::StatusCode::kCancelled:
      return log::Level::kDebug;
    default:
      return log::Level::kInfo;
  }
}

}  // namespace

Calls::Calls(Executor* executor, metrics::Registry* registry, const Clock* clock)
    : executor_(executor),
      registry_(registry),
      clock_(clock),
      in_flight_(registry->GetGauge("dbfleet_rpc_in_flight", "Calls that have not ended.")) {}

Calls::Call Calls::Begin(absl::string_view method, std::string peer) {
  in_flight_.Add(1);
  return Call{std::string(method), std::move(peer), clock_->Monotonic()};
}

grpc::Status Calls::End(const Call& call, const absl::Status& status) {
  in_flight_.Add(-1);
  const absl::Duration duration = clock_->Monotonic() - call.start;
  registry_
      ->GetCounter("dbfleet_rpc_requests_total", "Calls that ended, by method and outcome.",
                   {{"method", call.method}, {"code", absl::StatusCodeToString(status.code())}})
      .Increment();
  registry_
      ->GetHistogram("dbfleet_rpc_duration_seconds", "How long calls took.",
                     {{"method", call.method}})
      .Observe(absl::ToDoubleSeconds(duration));
  if (!status.ok()) {
    log::Write(LevelOf(status.code()), "call failed",
               {{"method", call.method},
                {"peer", call.peer},
                {"code", absl::StatusCodeToString(status.code())},
                {"reason", ReasonOf(status)},
                {"message", Truncate(std::string(status.message()), kMaxLoggedBytes)}});
  }
  return ToGrpc(status);
}

absl::Status Calls::ShuttingDown() {
  return Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
               "the server is shutting down or overloaded; try again in a moment");
}

}  // namespace dbfleet::rpc
