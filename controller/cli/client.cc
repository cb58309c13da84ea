#include "controller/cli/client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/descriptor.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/concurrency/sleep.h"
#include "common/rpc/status.h"

namespace dbfleet::cli {

namespace {

constexpr absl::Duration kLeastCall = absl::Seconds(1);

}  // namespace

ApiClient::ApiClient(std::shared_ptr<grpc::Channel> channel, Secret token, Clock* clock,
                     Options options)
    : channel_(std::move(channel)),
      token_(std::move(token)),
      clock_(clock),
      options_(std::move(options)) {}

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

absl::Duration ApiClient::TimeLeft() {
  const absl::Duration now = clock_->Monotonic();
  if (end_ == absl::InfiniteDuration()) end_ = now + options_.time_limit;
  return end_ - now;
}

absl::Status ApiClient::Retry(const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  Backoff backoff(options_.retry_delay, options_.max_retry_delay, UniformRandom);
  const absl::Duration start = clock_->Monotonic();
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    // A controller that is there is heard out, however short the limit.
    Prepare(&context, std::min(options_.call_timeout, std::max(TimeLeft(), kLeastCall)));
    const absl::Status status = ToStatus(call(&context));
    if (!absl::IsUnavailable(status)) return status;
    const bool patient = clock_->Monotonic() - start < options_.patience;
    if (attempt >= options_.attempts && !patient) return status;
    const absl::Duration left = TimeLeft();
    if (left <= absl::ZeroDuration()) return status;
    SleepFor(*clock_, std::min(backoff.Next(), left));
    if (TimeLeft() <= absl::ZeroDuration()) return status;
  }
}

absl::Status ApiClient::ToStatus(const grpc::Status& status) const {
  const absl::Status converted = rpc::FromGrpc(status);
  // This client cancels nothing whose status it reads: a server that stops did, in the middle of
  // the call.
  if (absl::IsCancelled(converted)) {
    return Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                 "the controller ended the call, as it does when it stops");
  }
  if (absl::IsUnavailable(converted)) {
    return Annotate(converted, absl::StrCat("the controller cannot be reached at ",
                                            SanitizeForDisplay(options_.server)));
  }
  // Of this client's own deadline; the controller gives reasons.
  if (absl::IsDeadlineExceeded(converted) && ReasonOf(converted).empty()) {
    return Annotate(converted, absl::StrCat("the controller does not answer at ",
                                            SanitizeForDisplay(options_.server)));
  }
  return converted;
}

}  // namespace dbfleet::cli
