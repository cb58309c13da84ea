#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/rpc/peer.h"
#include "common/rpc/server_stream.h"
#include "controller/api/agent_services.h"
#include "controller/api/control_stream.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

namespace pb = ::dbfleet::agent::v1;

constexpr size_t kChunkBytes = 256 << 10;

// What the two bulk streams share: batches are read one by one, and with each of them the sender
// proves anew who it is. Exactly one of a read, a Take and what Take begins is under way, so
// nothing here needs a lock. gRPC holds back what the constructor begins until the reactor is
// returned to it, and ends the object's life by OnDone.
template <typename Reactor, typename Batch>
class BulkStream : public Reactor {
 public:
  BulkStream(rpc::Calls* calls, rpc::Calls::Call call, AgentAuthenticator* authenticator,
             AgentFeeds* feeds, std::string certificate_pem)
      : feeds_(feeds),
        calls_(calls),
        call_(std::move(call)),
        authenticator_(authenticator),
        certificate_pem_(std::move(certificate_pem)) {
    ReadNext();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End(absl::OkStatus());
    } else if (!calls_->Run([this] { Admit(); })) {
      End(rpc::Calls::ShuttingDown());
    }
  }

  void OnDone() override { delete this; }

 protected:
  // Ends in ReadNext, End, or a write whose OnWriteDone does.
  virtual void Take(const AgentPeer& peer) = 0;

  void ReadNext() {
    batch_.Clear();
    this->StartRead(&batch_);
  }
  void End(const absl::Status& status) { this->Finish(calls_->End(call_, status)); }

  AgentFeeds* const feeds_;
  Batch batch_;

 private:
  void Admit() {
    absl::StatusOr<AgentPeer> peer = authenticator_->Authenticate(certificate_pem_);
    peer.ok() ? Take(*peer) : End(peer.status());
  }

  rpc::Calls* const calls_;
  const rpc::Calls::Call call_;
  AgentAuthenticator* const authenticator_;
  const std::string certificate_pem_;
};

// A batch is acknowledged once it is stored, and the next one read only then.
class LogStream
    : public BulkStream<grpc::ServerBidiReactor<pb::LogBatch, pb::LogAck>, pb::LogBatch> {
 public:
  using BulkStream::BulkStream;

  void OnWriteDone(bool ok) override {
    ok ? ReadNext() : End(absl::CancelledError("the stream broke"));
  }

 protected:
  void Take(const AgentPeer& peer) override {
    feeds_->StoreLogs(peer, batch_, [this](absl::Status status) {
      if (!status.ok()) return End(status);
      ack_.set_batch_seq(batch_.batch_seq());
      StartWrite(&ack_);
    });
  }

 private:
  pb::LogAck ack_;
};

// The latest batch of an instance replaces the former.
class MetricsStream
    : public BulkStream<grpc::ServerReadReactor<pb::MetricsBatch>, pb::MetricsBatch> {
 public:
  using BulkStream::BulkStream;

 protected:
  void Take(const AgentPeer& peer) override {
    const absl::Status status = feeds_->TakeMetrics(peer, std::move(batch_));
    status.ok() ? ReadNext() : End(status);
  }
};

class ContentProducer : public rpc::StreamProducer<pb::ContentChunk> {
 public:
  explicit ContentProducer(std::string content) : content_(std::move(content)) {}

  absl::StatusOr<Next> Produce(pb::ContentChunk* chunk) override {
    if (offset_ >= content_.size()) return Next::kDone;
    chunk->set_data(content_.substr(offset_, kChunkBytes));
    offset_ += chunk->data().size();
    return Next::kMessage;
  }

 private:
  const std::string content_;
  size_t offset_ = 0;
};

// The path from the agent to the content: an attempt of its own that is not over, whose
// specification names the hash.
absl::StatusOr<std::string> ReadContent(Store& store, const AgentPeer& peer,
                                        const pb::FetchContentRequest& request) {
  std::string content;
  RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    absl::StatusOr<Attempt> attempt = tx.GetAttempt(request.attempt_id());
    if (attempt.ok() && attempt->agent_id == peer.agent_id && !IsTerminal(attempt->state)) {
      ASSIGN_OR_RETURN(const Job job, tx.GetJob(attempt->job_id));
      ASSIGN_OR_RETURN(const Task task, tx.GetTask(attempt->task_id));
      ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(job, task));
      if (SpecNamesContent(spec, request.sha256())) {
        ASSIGN_OR_RETURN(content, tx.GetContent(request.sha256()));
        return absl::OkStatus();
      }
    }
    return Error(absl::StatusCode::kPermissionDenied, "CONTENT_NOT_YOURS",
                 "no open attempt of this agent names that content");
  }));
  return content;
}

}  // namespace

grpc::ServerBidiReactor<pb::AgentMsg, pb::ControllerMsg>* AgentLinkServiceImpl::Control(
    grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<ControlStream>(
      calls_, calls_->Begin("dbfleet.agent.v1.AgentLink/Control", context->peer()), events_,
      authenticator_, rpc::PeerCertificatePem(*context));
  stream->Start();
  return stream.get();
}

grpc::ServerBidiReactor<pb::LogBatch, pb::LogAck>* AgentLinkServiceImpl::PushLogs(
    grpc::CallbackServerContext* context) {
  return new LogStream(calls_,
                       calls_->Begin("dbfleet.agent.v1.AgentLink/PushLogs", context->peer()),
                       authenticator_, feeds_, rpc::PeerCertificatePem(*context));
}

grpc::ServerReadReactor<pb::MetricsBatch>* AgentLinkServiceImpl::PushMetrics(
    grpc::CallbackServerContext* context, pb::PushMetricsResponse*) {
  return new MetricsStream(calls_,
                           calls_->Begin("dbfleet.agent.v1.AgentLink/PushMetrics", context->peer()),
                           authenticator_, feeds_, rpc::PeerCertificatePem(*context));
}

grpc::ServerWriteReactor<pb::ContentChunk>* AgentLinkServiceImpl::FetchContent(
    grpc::CallbackServerContext* context, const pb::FetchContentRequest* in) {
  return rpc::RunServerStream<pb::ContentChunk>(
      calls_, "dbfleet.agent.v1.AgentLink/FetchContent", context,
      [this, context, in](const rpc::Wake&)
          -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<pb::ContentChunk>>> {
        ASSIGN_OR_RETURN(const AgentPeer peer,
                         authenticator_->Authenticate(rpc::PeerCertificatePem(*context)));
        ASSIGN_OR_RETURN(std::string content, ReadContent(*store_, peer, *in));
        return std::make_unique<ContentProducer>(std::move(content));
      });
}

}  // namespace dbfleet::controller
