#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "grpcpp/support/sync_stream.h"

#include "common/concurrency/backoff.h"
#include "common/time/clock.h"
#include "controller/cli/context_file.h"
#include "controller/cli/utf8.h"

namespace dbfleet::cli {

// Calls the controller as one user: puts the token on each call, a request id on each write, and a
// deadline on each unary call; tries again while the controller is UNAVAILABLE, with the same
// request id, so that a write whose answer was lost is not done twice. Not thread-safe. The clock
// is not owned.
class ApiClient {
 public:
  struct Options {
    absl::Duration call_timeout = absl::Seconds(60);
    absl::Duration retry_delay = absl::Milliseconds(300);  // Doubles, with jitter.
    absl::Duration max_retry_delay = absl::Seconds(5);
    int attempts = 5;
    // While the controller restarts: tries go on for so long, however many they are.
    absl::Duration patience;
    // From the first call on: after that no call is tried again, or waited for longer than a
    // second.
    absl::Duration time_limit = absl::InfiniteDuration();
    std::string server;  // "HOST:PORT", for messages.
  };

  ApiClient(std::shared_ptr<grpc::Channel> channel, Secret token, Clock* clock, Options options);

  // Call<JobService>(&JobService::Stub::GetJob, request).
  template <typename Service, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                                Request request) {
    AddRequestId(&request);
    if (absl::Status sendable = RequireUtf8(request); !sendable.ok()) return sendable;
    Response response;
    const auto stub = Service::NewStub(channel_);
    const absl::Status status = Retry([&](grpc::ClientContext* context) {
      response.Clear();
      return (stub.get()->*method)(context, request, &response);
    });
    if (!status.ok()) return status;
    return response;
  }

  // Hands each message to `on_message` until that returns false (then OK), the stream ends, or
  // `timeout` has passed (DEADLINE_EXCEEDED). Is not tried again.
  template <typename Service, typename Request, typename Response>
  absl::Status Stream(std::unique_ptr<grpc::ClientReader<Response>> (Service::Stub::*method)(
                          grpc::ClientContext*, const Request&),
                      const Request& request, absl::Duration timeout,
                      const std::function<bool(const Response&)>& on_message) {
    if (absl::Status sendable = RequireUtf8(request); !sendable.ok()) return sendable;
    grpc::ClientContext context;
    Prepare(&context, timeout);
    const auto stub = Service::NewStub(channel_);
    auto reader = (stub.get()->*method)(&context, request);
    bool stopped = false;
    for (Response message; !stopped && reader->Read(&message);) stopped = !on_message(message);
    if (stopped) context.TryCancel();
    const absl::Status status = ToStatus(reader->Finish());
    return stopped ? absl::OkStatus() : status;
  }

  Clock& clock() { return *clock_; }
  const Options& options() const { return options_; }
  void set_patience(absl::Duration patience) { options_.patience = patience; }

 private:
  void AddRequestId(google::protobuf::Message* request);
  void Prepare(grpc::ClientContext* context, absl::Duration timeout);
  absl::Status Retry(const std::function<grpc::Status(grpc::ClientContext*)>& call);
  absl::Status ToStatus(const grpc::Status& status) const;
  absl::Duration TimeLeft();

  const std::shared_ptr<grpc::Channel> channel_;
  const Secret token_;
  Clock* const clock_;
  Options options_;
  absl::Duration end_ = absl::InfiniteDuration();  // On the monotonic clock; set by the first call.
};

}  // namespace dbfleet::cli
