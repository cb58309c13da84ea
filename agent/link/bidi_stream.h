#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/log/log.h"
#include "common/rpc/batch.h"
#include "common/rpc/status.h"

namespace dbfleet::agent {

// A bidirectional gRPC stream whose events arrive on an executor, with a bounded queue of messages
// to send. One message is read at a time: the next is asked for when the handler has returned,
// which is the back pressure towards the controller. Thread-safe.
//
// Life: Start, then any calls; on_closed comes exactly once and last. The object owns itself until
// then; the executor must outlive on_closed.
template <typename Out, typename In>
class BidiStream : public grpc::ClientBidiReactor<Out, In>,
                   public std::enable_shared_from_this<BidiStream<Out, In>> {
 public:
  using Ptr = std::shared_ptr<BidiStream>;
  struct Events {
    std::function<void(const Ptr&, In)> on_message;
    std::function<void(const Ptr&)> on_writable;  // Everything queued was written.
    std::function<void(const Ptr&, absl::Status)> on_closed;
  };

  // `open` starts the call: stub.async()->Method(context, reactor).
  static Ptr Start(Executor& executor, size_t max_queue, Events events,
                   const std::function<void(grpc::ClientContext*, BidiStream*)>& open) {
    Ptr stream(new BidiStream(executor, max_queue, std::move(events)));
    stream->KeepAlive(stream);
    open(&stream->context_, stream.get());
    // Operations are started from outside of the reactions, so the stream must not end by itself.
    stream->AddHold();
    stream->StartRead(&stream->incoming_);
    stream->StartCall();
    return stream;
  }

  // False: the queue is full, or the stream is over.
  bool Send(Out message) {
    std::vector<Out> one;
    one.push_back(std::move(message));
    return SendAll(std::move(one));
  }
  // All of them or none. They travel together where the peer takes batches.
  bool SendAll(std::vector<Out> messages) {
    MutexLock lock(&mutex_);
    if (over_ || queue_.size() + messages.size() > max_queue_) return false;
    for (Out& message : messages) queue_.push_back(std::move(message));
    if (!writing_ && !queue_.empty()) WriteNext();
    return true;
  }

  // Whether several messages that wait may become one.
  void AllowBatches(bool allow) {
    MutexLock lock(&mutex_);
    batches_ = allow;
  }

  // That wait for the one that is being written.
  size_t queued() {
    MutexLock lock(&mutex_);
    return queue_.size();
  }

  // Ends the stream now.
  void Cancel() {
    context_.TryCancel();
    End();
  }

 private:
  BidiStream(Executor& executor, size_t max_queue, Events events)
      : executor_(executor), max_queue_(max_queue), events_(std::move(events)) {}

  Ptr KeepAlive(Ptr self) {
    MutexLock lock(&mutex_);
    return std::exchange(self_, std::move(self));
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End();
    Ptr self = this->shared_from_this();
    const bool added = executor_.Add([self, message = std::move(incoming_)]() mutable {
      self->events_.on_message(self, std::move(message));
      self->ReadNext();
    });
    if (!added) Cancel();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Cancel();
    bool drained = false;
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      drained = queue_.empty();
      if (!drained) WriteNext();
    }
    if (!drained) return;
    Ptr self = this->shared_from_this();
    // Refused only when the agent stops.
    (void)executor_.Add([self] { self->events_.on_writable(self); });
  }

  void OnDone(const grpc::Status& status) override {
    // The last reference must not go on this thread: with the context it may hold the channel,
    // whose end joins gRPC's callback threads, of which this is one.
    Ptr self = KeepAlive(nullptr);
    BidiStream* const stream = self.get();
    const absl::Status closed = rpc::FromGrpc(status);
    if (!stream->executor_.Add(
            [self = std::move(self), closed] { self->events_.on_closed(self, closed); })) {
      log::Error("a stream ended after its executor");
    }
  }

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    outgoing_ = rpc::TakeNext(&queue_, batches_);
    this->StartWrite(&outgoing_);
  }

  void ReadNext() {
    MutexLock lock(&mutex_);
    if (over_) return;
    this->StartRead(&incoming_);
  }

  void End() {
    {
      MutexLock lock(&mutex_);
      if (over_) return;
      over_ = true;
    }
    this->RemoveHold();
  }

  Executor& executor_;
  const size_t max_queue_;
  const Events events_;
  grpc::ClientContext context_;
  In incoming_;  // Belongs to gRPC while a read is under way, else to the reaction.

  Mutex mutex_;
  Ptr self_ ABSL_GUARDED_BY(mutex_);
  std::deque<Out> queue_ ABSL_GUARDED_BY(mutex_);
  Out outgoing_;  // Belongs to gRPC while it is written.
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool batches_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dbfleet::agent
