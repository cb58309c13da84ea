#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

#include "agent/link/dialer.h"
#include "common/concurrency/mutex.h"
#include "common/rpc/status.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"
#include "tests/unit/agent/journal/journal_test_util.h"

namespace dbfleet::agent {

// One control stream as the test sees it from the controller's side.
class ControllerSession {
 public:
  using Stream = grpc::ServerReaderWriter<v1::ControllerMsg, v1::AgentMsg>;
  explicit ControllerSession(Stream* stream, grpc::ServerContext* context)
      : stream_(stream), context_(context) {}

  // The handler does not return, and gRPC does not free the stream, while this writes.
  void Send(const v1::ControllerMsg& message) {
    MutexLock lock(&stream_mutex_);
    if (stream_ != nullptr) stream_->Write(message);
  }
  void Welcome(uint64_t epoch, uint64_t acked = 0) {
    v1::ControllerMsg message;
    message.mutable_welcome()->set_epoch(epoch);
    message.mutable_welcome()->set_acked_event_seq(acked);
    message.mutable_welcome()->mutable_ping_interval()->set_seconds(15);
    message.mutable_welcome()->mutable_dead_after()->set_seconds(45);
    message.mutable_welcome()->set_environment("qa");
    for (const std::string& feature : features) message.mutable_welcome()->add_features(feature);
    Send(message);
  }
  void Ack(uint64_t seq) {
    v1::ControllerMsg message;
    message.mutable_event_ack()->set_up_to_seq(seq);
    Send(message);
  }
  // Ends the stream with a status.
  void Close(const absl::Status& status) {
    {
      MutexLock lock(&mutex_);
      status_ = status;
    }
    MutexLock lock(&stream_mutex_);
    if (stream_ != nullptr) context_->TryCancel();
  }

  std::vector<std::string> features;  // For the Welcome.

  int batches() {
    MutexLock lock(&mutex_);
    return batches_;
  }
  // What came in batches is among them, each at its place.
  std::vector<v1::AgentMsg> messages() {
    MutexLock lock(&mutex_);
    return messages_;
  }
  int Count(v1::AgentMsg::KindCase kind) {
    int count = 0;
    for (const auto& message : messages()) count += message.kind_case() == kind;
    return count;
  }
  std::vector<uint64_t> EventSeqs() {
    std::vector<uint64_t> seqs;
    for (const auto& message : messages()) {
      if (message.has_event()) seqs.push_back(message.event().seq());
    }
    return seqs;
  }
  bool over() {
    MutexLock lock(&mutex_);
    return over_;
  }

  grpc::Status Serve(Stream* stream) {
    v1::AgentMsg message;
    while (stream->Read(&message)) {
      MutexLock lock(&mutex_);
      batches_ += message.has_batch();
      for (const v1::AgentMsg& one : message.batch().messages()) messages_.push_back(one);
      if (!message.has_batch()) messages_.push_back(message);
    }
    {
      MutexLock lock(&stream_mutex_);
      stream_ = nullptr;
    }
    MutexLock lock(&mutex_);
    over_ = true;
    return rpc::ToGrpc(status_);
  }

 private:
  Mutex stream_mutex_;
  Stream* stream_ ABSL_GUARDED_BY(stream_mutex_);
  grpc::ServerContext* const context_;
  Mutex mutex_;
  std::vector<v1::AgentMsg> messages_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int batches_ ABSL_GUARDED_BY(mutex_) = 0;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

// An AgentLink service in this process, on a unix socket, whose behaviour the test scripts.
// Thread-safe.
class ScriptedController : public v1::AgentLink::Service {
 public:
  ScriptedController() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedController() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::shared_ptr<grpc::Channel> Channel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  }
  // Every new stream ends with this status at once, unless it is OK.
  void Refuse(const absl::Status& status) {
    MutexLock lock(&mutex_);
    refusal_ = status;
  }
  int sessions() {
    MutexLock lock(&mutex_);
    return static_cast<int>(sessions_.size());
  }
  std::shared_ptr<ControllerSession> session(int index) {
    MutexLock lock(&mutex_);
    return sessions_[index];
  }
  void AcknowledgeLogs(bool acknowledge) {
    MutexLock lock(&mutex_);
    acknowledge_logs_ = acknowledge;
  }
  std::vector<v1::LogBatch> log_batches() {
    MutexLock lock(&mutex_);
    return log_batches_;
  }
  std::vector<v1::MetricsBatch> metrics() {
    MutexLock lock(&mutex_);
    return metrics_;
  }
  void SetContent(const std::string& sha256, const std::string& content) {
    MutexLock lock(&mutex_);
    content_[sha256] = content;
  }

 private:
  grpc::Status Control(grpc::ServerContext* context, ControllerSession::Stream* stream) override {
    std::shared_ptr<ControllerSession> session;
    {
      MutexLock lock(&mutex_);
      if (!refusal_.ok()) return rpc::ToGrpc(refusal_);
      session = std::make_shared<ControllerSession>(stream, context);
      sessions_.push_back(session);
    }
    return session->Serve(stream);
  }
  grpc::Status PushLogs(grpc::ServerContext*,
                        grpc::ServerReaderWriter<v1::LogAck, v1::LogBatch>* stream) override {
    v1::LogBatch batch;
    while (stream->Read(&batch)) {
      bool acknowledge = false;
      {
        MutexLock lock(&mutex_);
        log_batches_.push_back(batch);
        acknowledge = acknowledge_logs_;
      }
      v1::LogAck ack;
      ack.set_batch_seq(batch.batch_seq());
      if (acknowledge) stream->Write(ack);
    }
    return grpc::Status::OK;
  }
  grpc::Status PushMetrics(grpc::ServerContext*, grpc::ServerReader<v1::MetricsBatch>* reader,
                           v1::PushMetricsResponse*) override {
    v1::MetricsBatch batch;
    while (reader->Read(&batch)) {
      MutexLock lock(&mutex_);
      metrics_.push_back(batch);
    }
    return grpc::Status::OK;
  }
  grpc::Status FetchContent(grpc::ServerContext*, const v1::FetchContentRequest* request,
                            grpc::ServerWriter<v1::ContentChunk>* writer) override {
    std::string content;
    {
      MutexLock lock(&mutex_);
      const auto it = content_.find(request->sha256());
      if (it == content_.end()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such content");
      content = it->second;
    }
    for (size_t at = 0; at < content.size(); at += 1000) {
      v1::ContentChunk chunk;
      chunk.set_data(content.substr(at, 1000));
      if (!writer->Write(chunk)) break;
    }
    return grpc::Status::OK;
  }

  const TempFolder folder_;
  const std::string address_ = "unix:" + folder_.path() + "/socket";
  Mutex mutex_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<ControllerSession>> sessions_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::LogBatch> log_batches_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::MetricsBatch> metrics_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> content_ ABSL_GUARDED_BY(mutex_);
  bool acknowledge_logs_ ABSL_GUARDED_BY(mutex_) = true;
  std::unique_ptr<grpc::Server> server_;
};

// Dials the scripted controller.
class InProcessDialer : public Dialer {
 public:
  explicit InProcessDialer(ScriptedController& controller) : controller_(controller) {}
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial() override {
    ++dials;
    return controller_.Channel();
  }
  absl::StatusOr<bool> RenewIfDue() override { return renewed.exchange(false); }
  absl::Time next_renewal() override { return renewal; }
  bool OnRevoked() override {
    ++revoked;
    return let_in_again;
  }

  std::atomic<int> dials{0};
  std::atomic<int> revoked{0};
  std::atomic<bool> renewed{false};
  std::atomic<bool> let_in_again{false};
  absl::Time renewal = absl::InfiniteFuture();

 private:
  ScriptedController& controller_;
};

}  // namespace dbfleet::agent
