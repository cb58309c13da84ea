#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"

namespace dbfleet::agent {

// The PushMetrics stream: one batch at a time, so that a slow controller costs one batch of memory.
// Events come on the executor; on_closed exactly once and last. Thread-safe.
class MetricsStream : public grpc::ClientWriteReactor<v1::MetricsBatch>,
                      public std::enable_shared_from_this<MetricsStream> {
 public:
  using Ptr = std::shared_ptr<MetricsStream>;
  struct Events {
    std::function<void(const Ptr&)> on_writable;
    std::function<void(const Ptr&, absl::Status)> on_closed;
  };

  static Ptr Start(Executor& executor, v1::AgentLink::Stub& stub, Events events);

  // Whether Send would take a batch now.
  bool Writable();
  // False: a batch is being written, or the stream is over.
  bool Send(v1::MetricsBatch batch);
  void Cancel();

 private:
  MetricsStream(Executor& executor, Events events)
      : executor_(executor), events_(std::move(events)) {}
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;
  void End();
  Ptr KeepAlive(Ptr self);

  Executor& executor_;
  const Events events_;
  grpc::ClientContext context_;
  v1::PushMetricsResponse response_;

  Mutex mutex_;
  Ptr self_ ABSL_GUARDED_BY(mutex_);
  v1::MetricsBatch current_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dbfleet::agent
