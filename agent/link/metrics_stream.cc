#include "agent/link/metrics_stream.h"

#include <utility>

#include "common/log/log.h"
#include "common/rpc/status.h"

namespace dbfleet::agent {

MetricsStream::Ptr MetricsStream::Start(Executor& executor, v1::AgentLink::Stub& stub,
                                        Events events) {
  Ptr stream(new MetricsStream(executor, std::move(events)));
  stream->KeepAlive(stream);
  stub.async()->PushMetrics(&stream->context_, &stream->response_, stream.get());
  // Writes are started from outside of the reactions.
  stream->AddHold();
  stream->StartCall();
  return stream;
}

MetricsStream::Ptr MetricsStream::KeepAlive(Ptr self) {
  MutexLock lock(&mutex_);
  return std::exchange(self_, std::move(self));
}

bool MetricsStream::Writable() {
  MutexLock lock(&mutex_);
  return !over_ && !writing_;
}

bool MetricsStream::Send(v1::MetricsBatch batch) {
  MutexLock lock(&mutex_);
  if (over_ || writing_) return false;
  writing_ = true;
  current_ = std::move(batch);
  StartWrite(&current_);
  return true;
}

void MetricsStream::Cancel() {
  context_.TryCancel();
  End();
}

void MetricsStream::End() {
  {
    MutexLock lock(&mutex_);
    if (over_) return;
    over_ = true;
  }
  RemoveHold();
}

void MetricsStream::OnWriteDone(bool ok) {
  if (!ok) return Cancel();
  {
    MutexLock lock(&mutex_);
    writing_ = false;
  }
  Ptr self = shared_from_this();
  // Refused only when the agent stops.
  (void)executor_.Add([self] { self->events_.on_writable(self); });
}

void MetricsStream::OnDone(const grpc::Status& status) {
  // As in BidiStream: the last reference must not go on gRPC's thread.
  Ptr self = KeepAlive(nullptr);
  Executor& executor = executor_;
  const absl::Status closed = rpc::FromGrpc(status);
  if (!executor.Add([self = std::move(self), closed] { self->events_.on_closed(self, closed); })) {
    log::Error("a stream ended after its executor");
  }
}

}  // namespace dbfleet::agent
