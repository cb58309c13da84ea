#include "controller/api/control_stream.h"

#include "common/base/status.h"
#include "common/rpc/batch.h"

namespace dbfleet::controller {
namespace {

// Offers may carry 1 MiB each, but then few are under way; everything else is small.
constexpr size_t kMaxOutbox = 1024;

}  // namespace

ControlStream::ControlStream(rpc::Calls* calls, rpc::Calls::Call call, ConnectionEvents* events,
                             AgentAuthenticator* authenticator, std::string certificate_pem)
    : calls_(calls),
      call_(std::move(call)),
      events_(events),
      authenticator_(authenticator),
      certificate_pem_(std::move(certificate_pem)) {}

void ControlStream::Start() {
  self_ = shared_from_this();
  if (!calls_->Run([self = self_] { self->Open(); })) Refuse(rpc::Calls::ShuttingDown());
}

void ControlStream::Refuse(const absl::Status& status) {
  if (self_ == nullptr) self_ = shared_from_this();
  Close(status);
}

void ControlStream::Open() {
  absl::StatusOr<AgentPeer> peer = authenticator_->Authenticate(certificate_pem_);
  if (!peer.ok()) {
    Close(peer.status());
    return;
  }
  peer_ = *std::move(peer);
  const std::shared_ptr<ControlStream> self = shared_from_this();
  {
    MutexLock lock(&mutex_);
    if (finished_) return;  // The agent went away while we looked.
  }
  events_->OnOpened(self);
  bool gone = false;
  {
    MutexLock lock(&mutex_);
    announced_ = true;
    gone = done_;
  }
  if (gone) {
    events_->OnClosed(self);
    return;
  }
  // A revocation between Authenticate and OnOpened found no stream to close.
  if (absl::Status valid = authenticator_->StillValid(peer_.agent_id, peer_.serial); !valid.ok()) {
    Close(valid);
    return;
  }
  ReadNext();
}

void ControlStream::ReadNext() {
  MutexLock lock(&mutex_);
  if (closing_ || finished_) return;
  incoming_.Clear();
  StartRead(&incoming_);
}

bool ControlStream::SendAll(std::vector<agent::v1::ControllerMsg> messages) {
  {
    MutexLock lock(&mutex_);
    if (closing_ || finished_) return false;
    if (outbox_.size() + messages.size() <= kMaxOutbox) {
      for (agent::v1::ControllerMsg& message : messages) {
        faults_.Pass("control.send", std::move(message),
                     [this](agent::v1::ControllerMsg passed)
                         ABSL_NO_THREAD_SAFETY_ANALYSIS { outbox_.push_back(std::move(passed)); });
      }
      if (writing_ || outbox_.empty()) return true;
      WriteNext();
      return true;
    }
  }
  Close(Error(absl::StatusCode::kResourceExhausted, "AGENT_TOO_SLOW",
              "the agent reads more slowly than messages for it arise"));
  return false;
}

// gRPC need not flush what more follows after.
void ControlStream::WriteNext() {
  writing_ = true;
  outgoing_ = rpc::TakeNext(&outbox_, batches_ && !faults_.older());
  TsanRelease(this);
  grpc::WriteOptions options;
  if (!outbox_.empty()) options.set_buffer_hint();
  StartWrite(&outgoing_, options);
}

void ControlStream::AllowBatches() {
  MutexLock lock(&mutex_);
  batches_ = true;
}

void ControlStream::MessageTaken() { ReadNext(); }

void ControlStream::Close(const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (closing_ || finished_) return;
    if (writing_) {
      closing_ = true;
      close_status_ = status;
      // What waits behind the write under way would not be read any more.
      outbox_.clear();
      return;
    }
    finished_ = true;  // From here on nothing else is started on the call.
  }
  Finish(calls_->End(call_, status));
}

void ControlStream::OnReadDone(bool ok) {
  TsanAcquire(this);
  if (!ok) {
    Close(absl::OkStatus());  // The agent half-closed, or the stream is over.
    return;
  }
  {
    // Nothing that comes in after the end was decided counts: a revoked agent's last words.
    MutexLock lock(&mutex_);
    if (closing_ || finished_) return;
  }
  events_->OnMessage(shared_from_this(), std::move(incoming_));
}

void ControlStream::OnWriteDone(bool ok) {
  TsanAcquire(this);
  absl::Status end;
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (finished_) return;
    if (ok && !closing_) {
      if (!outbox_.empty()) WriteNext();
      return;
    }
    end = closing_ ? close_status_
                   : Error(absl::StatusCode::kUnavailable, "STREAM_BROKEN", "the stream broke");
    finished_ = true;
  }
  Finish(calls_->End(call_, end));
}

void ControlStream::OnCancel() {
  // Finish is still owed. A write under way completes with ok = false and does it.
  Close(Error(absl::StatusCode::kCancelled, "STREAM_CANCELLED", "the agent's connection is gone"));
}

void ControlStream::OnDone() {
  bool announced = false;
  {
    MutexLock lock(&mutex_);
    done_ = true;
    announced = announced_;
  }
  const std::shared_ptr<ControlStream> self = std::move(self_);
  if (announced) events_->OnClosed(self);
}

}  // namespace dbfleet::controller
