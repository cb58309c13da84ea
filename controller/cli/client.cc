#include "controller/cli/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/descriptor.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/concurrency/sleep.h"
#include "common/rpc/status.h"

namespace dbfleet::cli {

ApiClient::ApiClient(std::shared_ptr<grpc::Channel> channel, Secret token, Clock* clock,
                     Options options)
    : channel_(std::move(channel)), token_(std::move(token)), clock_(clock), options_(options) {}

// By reflection, so that no command can forget it.
void ApiClient::AddRequestId(google::protobuf::Message* request) {
  const auto* field = request->GetDescriptor()->FindFieldByName("request_id");
  if (field == nullptr) return;
  if (request->GetReflection()->GetString(*request, field).empty()) {
    request->GetReflection()->SetString(request, field, NewUlid(clock_->Now()));
  }
}

void ApiClient::Prepare(grpc::ClientContext* context, absl::Duration timeout) {
  if (!token_.empty()) context->AddMetadata("authorization", "Bearer " + token_.Reveal());
  if (timeout < absl::InfiniteDuration()) {
    context->set_deadline(absl::ToChronoTime(clock_->Now() + timeout));
  }
}

absl::Status ApiClient::Retry(const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  Backoff backoff(options_.retry_delay, options_.max_retry_delay, UniformRandom);
  const absl::Duration start = clock_->Monotonic();
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    Prepare(&context, options_.call_timeout);
    const absl::Status status = ToStatus(call(&context));
    if (!absl::IsUnavailable(status)) return status;
    const bool patient = clock_->Monotonic() - start < options_.patience;
    if (attempt >= options_.attempts && !patient) return status;
    SleepFor(*clock_, backoff.Next());
  }
}

absl::Status ApiClient::ToStatus(const grpc::Status& status) {
  const absl::Status converted = rpc::FromGrpc(status);
  // This client cancels nothing whose status it reads: a server that stops did, in the middle of
  // the call.
  if (absl::IsCancelled(converted)) {
    return Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                 "the controller ended the call, as it does when it stops");
  }
  if (absl::IsUnavailable(converted)) {
    return Annotate(converted, "the controller cannot be reached");
  }
  return converted;
}

}  // namespace dbfleet::cli
