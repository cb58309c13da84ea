// The part of LinkImpl that moves logs, metrics and content beside the control stream.
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/link/link_impl.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/rpc/status.h"
#include "common/rpc/tls.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kBulkRetry = absl::Seconds(5);
constexpr absl::Duration kFetchTimeout = absl::Seconds(120);
constexpr size_t kLogQueue = 16;

absl::Status NotConnected() {
  return Error(absl::StatusCode::kUnavailable, "CONTROLLER_UNREACHABLE",
               "the agent is not connected to its controller");
}

}  // namespace

std::shared_ptr<v1::AgentLink::Stub> LinkImpl::CurrentStub() {
  MutexLock lock(&mutex_);
  return stub_;
}

void LinkImpl::PushLog(v1::LogLine line) {
  logs_.Push(std::move(line));
  PostOnce(&logs_posted_, [this] { PumpLogs(); });
}

void LinkImpl::PumpLogs() {
  if (stopping_ || !welcomed_) return;
  if (log_stream_ == nullptr) {
    const std::shared_ptr<v1::AgentLink::Stub> stub = CurrentStub();
    if (stub == nullptr || log_timer_ != nullptr || logs_.empty()) return;
    Logs::Events events;
    events.on_message = [this](const Logs::Ptr& stream, const v1::LogAck& ack) {
      logs_.Acknowledge(ack.batch_seq());
      if (stream == log_stream_) PumpLogs();
    };
    events.on_writable = [this](const Logs::Ptr& stream) {
      if (stream == log_stream_) PumpLogs();
    };
    events.on_closed = [this](const Logs::Ptr& stream, const absl::Status& status) {
      OnLogsClosed(stream, status);
    };
    {
      MutexLock lock(&mutex_);
      ++open_streams_;
    }
    logs_.Rewind();
    log_stream_ = Logs::Start(*loop_, kLogQueue, std::move(events),
                              [&](grpc::ClientContext* context, Logs* reactor) {
                                stub->async()->PushLogs(context, reactor);
                              });
  }
  while (auto batch = logs_.NextBatch()) {
    if (!log_stream_->Send(*std::move(batch))) return log_stream_->Cancel();
  }
}

void LinkImpl::OnLogsClosed(const Logs::Ptr& stream, const absl::Status& status) {
  if (!stopping_ && stream == log_stream_) {
    log_stream_.reset();
    log_timer_ = PostAfter(kBulkRetry, [this] {
      log_timer_.reset();
      PumpLogs();
    });
    if (welcomed_) {
      log::Warn("the log stream ended; it is opened again",
                {{"error", std::string(status.message())}});
    }
  }
  StreamClosed();
}

void LinkImpl::PushMetrics(v1::MetricsBatch batch) {
  if (batch.ByteSizeLong() > static_cast<size_t>(rpc::kMaxAgentMessageBytes)) {
    log::Warn("dropped an instance's metrics: too large for one message",
              {{"instance", batch.instance()}});
    return;
  }
  {
    MutexLock lock(&mutex_);
    if (!stats_.connected) return;
    const std::string instance = batch.instance();
    metrics_[instance] = std::move(batch);
  }
  PostOnce(&metrics_posted_, [this] { PumpMetrics(); });
}

void LinkImpl::PumpMetrics() {
  if (stopping_ || !welcomed_) return;
  const std::shared_ptr<v1::AgentLink::Stub> stub = CurrentStub();
  if (metrics_stream_ == nullptr) {
    if (stub == nullptr || metrics_timer_ != nullptr) return;
    MetricsStream::Events events;
    events.on_writable = [this](const MetricsStream::Ptr& stream) {
      if (stream == metrics_stream_) PumpMetrics();
    };
    events.on_closed = [this](const MetricsStream::Ptr& stream, const absl::Status& status) {
      OnMetricsClosed(stream, status);
    };
    {
      MutexLock lock(&mutex_);
      if (metrics_.empty()) return;
      ++open_streams_;
    }
    metrics_stream_ = MetricsStream::Start(*loop_, *stub, std::move(events));
  }
  // Busy: what is new waits for on_writable, and a newer set takes its place.
  if (!metrics_stream_->Writable()) return;
  v1::MetricsBatch batch;
  {
    MutexLock lock(&mutex_);
    if (metrics_.empty()) return;
    batch = std::move(metrics_.begin()->second);
    metrics_.erase(metrics_.begin());
  }
  metrics_stream_->Send(std::move(batch));
}

void LinkImpl::OnMetricsClosed(const MetricsStream::Ptr& stream, const absl::Status& status) {
  if (!stopping_ && stream == metrics_stream_) {
    metrics_stream_.reset();
    metrics_timer_ = PostAfter(kBulkRetry, [this] {
      metrics_timer_.reset();
      PumpMetrics();
    });
    if (welcomed_) {
      log::Warn("the metrics stream ended; it is opened again",
                {{"error", std::string(status.message())}});
    }
  }
  StreamClosed();
}

absl::StatusOr<std::string> LinkImpl::FetchContent(const std::string& attempt_id,
                                                   const std::string& sha256, int64_t size_bytes) {
  const std::shared_ptr<v1::AgentLink::Stub> stub = CurrentStub();
  if (stub == nullptr) return NotConnected();
  grpc::ClientContext context;
  context.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                   gpr_time_from_millis(absl::ToInt64Milliseconds(kFetchTimeout), GPR_TIMESPAN)));
  v1::FetchContentRequest request;
  request.set_attempt_id(attempt_id);
  request.set_sha256(sha256);
  const auto reader = stub->FetchContent(&context, request);
  std::string content;
  v1::ContentChunk chunk;
  while (reader->Read(&chunk)) {
    content += chunk.data();
    if (static_cast<int64_t>(content.size()) <= size_bytes) continue;
    context.TryCancel();
    break;
  }
  const absl::Status status = rpc::FromGrpc(reader->Finish());
  if (static_cast<int64_t>(content.size()) > size_bytes) {
    return Error(absl::StatusCode::kDataLoss, "CONTENT_MISMATCH",
                 absl::StrCat("the controller sent more than the ", size_bytes,
                              " bytes that were announced"));
  }
  RETURN_IF_ERROR(Annotate(status, "fetching content from the controller"));
  return content;
}

}  // namespace dbfleet::agent
