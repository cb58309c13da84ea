#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/rpc/calls.h"

namespace dbfleet::rpc {

// Where a server stream's messages come from. One thread at a time; lives until the call is over,
// also when the caller goes away.
template <typename Response>
class StreamProducer {
 public:
  enum class Next {
    kMessage,  // *response is filled; it is sent, and Produce called again once it is on its way.
    kWait,     // Nothing now: call the stream's Wake when there may be something.
    kDone,     // The call ends OK.
  };

  virtual ~StreamProducer() = default;
  // Runs on the executor and may block shortly. An error ends the call with it.
  virtual absl::StatusOr<Next> Produce(Response* response) = 0;
};

// May be called from any thread, at any time, also with locks held and after the call is over.
using Wake = std::function<void()>;

// Runs on the executor, once, before the first Produce: authorise, validate and open here.
template <typename Response>
using OpenStream =
    std::function<absl::StatusOr<std::unique_ptr<StreamProducer<Response>>>(Wake wake)>;

namespace impl {

// The reactor behind RunServerStream: idle -> producing -> writing -> producing ... -> over. One
// write at a time is all the buffering there is, so that a slow reader holds back its producer.
template <typename Response>
class ServerStream : public grpc::ServerWriteReactor<Response>,
                     public std::enable_shared_from_this<ServerStream<Response>> {
 public:
  ServerStream(Calls* calls, Calls::Call call, OpenStream<Response> open)
      : calls_(calls), call_(std::move(call)), open_(std::move(open)) {}

  // gRPC holds the reactor from here until OnDone.
  void Start(std::shared_ptr<ServerStream> self) {
    self_ = std::move(self);
    Kick();
  }

  // The idle stream looks for something to send.
  void Kick() {
    {
      MutexLock lock(&mutex_);
      if (state_ == State::kProducing || state_ == State::kWriting) woken_ = true;
      if (state_ != State::kIdle) return;
      state_ = State::kProducing;
    }
    Schedule();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Over(Gone());
    {
      MutexLock lock(&mutex_);
      state_ = State::kProducing;
    }
    Schedule();
  }

  void OnCancel() override {
    {
      MutexLock lock(&mutex_);
      cancelled_ = true;
      // Whoever produces or writes now sees the mark when it is through.
      if (state_ != State::kIdle) return;
      state_ = State::kProducing;
    }
    Over(Gone());
  }

  void OnDone() override {
    TsanAcquire(this);
    producer_.reset();
    self_.reset();
  }

 private:
  using Next = typename StreamProducer<Response>::Next;
  enum class State { kIdle, kProducing, kWriting, kOver };

  static absl::Status Gone() {
    return Error(absl::StatusCode::kCancelled, "CALLER_GONE", "the caller ended the stream");
  }

  void Schedule() {
    const bool accepted = calls_->Run([self = this->shared_from_this()] { self->Produce(); });
    if (!accepted) Over(Calls::ShuttingDown());
  }

  void Produce() {
    {
      MutexLock lock(&mutex_);
      woken_ = false;
    }
    absl::StatusOr<Next> next = ProduceOne();
    if (!next.ok()) return Over(next.status());
    if (*next == Next::kDone) return Over(absl::OkStatus());
    bool again = false;
    {
      MutexLock lock(&mutex_);
      if (!cancelled_) {
        again = *next == Next::kWait && woken_;
        if (*next == Next::kMessage) state_ = State::kWriting;
        if (*next == Next::kWait && !woken_) state_ = State::kIdle;
      } else {
        next = Gone();
      }
    }
    if (!next.ok()) return Over(next.status());
    if (again) return Schedule();
    if (*next == Next::kMessage) this->StartWrite(&response_);
  }

  absl::StatusOr<Next> ProduceOne() {
    {
      MutexLock lock(&mutex_);
      if (cancelled_) return Gone();
    }
    if (producer_ == nullptr) {
      std::weak_ptr<ServerStream> weak = this->weak_from_this();
      ASSIGN_OR_RETURN(producer_, open_([weak] {
                         if (const auto self = weak.lock()) self->Kick();
                       }));
    }
    response_.Clear();
    return producer_->Produce(&response_);
  }

  // Called once, by whoever has the state kProducing or kWriting. The producer stays until OnDone:
  // this may run inside its Wake, under its locks.
  void Over(const absl::Status& status) {
    {
      MutexLock lock(&mutex_);
      state_ = State::kOver;
    }
    TsanRelease(this);
    this->Finish(calls_->End(call_, status));
  }

  Calls* const calls_;
  const Calls::Call call_;
  const OpenStream<Response> open_;
  std::shared_ptr<ServerStream> self_;
  // Both belong to the holder of kProducing; writing leaves response_ alone.
  std::unique_ptr<StreamProducer<Response>> producer_;
  Response response_;

  Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace impl

// Every server-streaming handler goes through this; see RunUnary. The request lives until the call
// is over, so `open` and the producer may refer to it.
template <typename Response>
grpc::ServerWriteReactor<Response>* RunServerStream(Calls* calls, absl::string_view method,
                                                    grpc::CallbackServerContext* context,
                                                    OpenStream<Response> open) {
  auto stream = std::make_shared<impl::ServerStream<Response>>(
      calls, calls->Begin(method, context->peer()), std::move(open));
  stream->Start(stream);
  return stream.get();
}

}  // namespace dbfleet::rpc
