#include "common/rpc/calls.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/rpc/peer.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/status.h"
#include "common/rpc/unary.h"
#include "dbfleet/api/v1/audit_service.grpc.pb.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet::rpc {
namespace {

using api::v1::AuditRecord;
using api::v1::ExportAuditRequest;
using api::v1::GetVersionRequest;
using api::v1::Version;

// A value that one thread sets and another waits for.
template <typename T>
class Slot {
 public:
  void Set(T value) {
    MutexLock lock(&mutex_);
    value_ = std::move(value);
    set_ = true;
    changed_.SignalAll();
  }
  T Wait() {
    MutexLock lock(&mutex_);
    while (!set_) changed_.Wait(&mutex_);
    return value_;
  }
  bool IsSet() {
    MutexLock lock(&mutex_);
    return set_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  T value_{};
  bool set_ = false;
};

class MetaService : public api::v1::MetaService::CallbackService {
 public:
  using Handler = std::function<absl::Status(const GetVersionRequest&, Version*)>;
  MetaService(Calls* calls, Handler handler) : calls_(calls), handler_(std::move(handler)) {}

  grpc::ServerUnaryReactor* GetVersion(grpc::CallbackServerContext* context,
                                       const GetVersionRequest* request,
                                       Version* response) override {
    return RunUnary<GetVersionRequest, Version>(calls_, "dbfleet.api.v1.MetaService/GetVersion",
                                                context, request, response, handler_);
  }

 private:
  Calls* const calls_;
  const Handler handler_;
};

// Hands out what the test puts in; the stream waits when there is nothing.
class Source {
 public:
  void Put(uint64_t seq) {
    Wake wake;
    {
      MutexLock lock(&mutex_);
      queue_.push_back(seq);
      wake = wake_;
    }
    if (wake) wake();
  }
  void End() { Put(0); }
  int produced() {
    MutexLock lock(&mutex_);
    return produced_;
  }
  Slot<bool>& gone() { return gone_; }

  class Producer : public StreamProducer<AuditRecord> {
   public:
    Producer(Source* source, Wake wake) : source_(*source) {
      MutexLock lock(&source_.mutex_);
      source_.wake_ = std::move(wake);
    }
    ~Producer() override { source_.gone_.Set(true); }

    absl::StatusOr<Next> Produce(AuditRecord* response) override {
      MutexLock lock(&source_.mutex_);
      if (source_.queue_.empty()) return Next::kWait;
      const uint64_t seq = source_.queue_.front();
      source_.queue_.pop_front();
      if (seq == 0) return Next::kDone;
      response->set_seq(seq);
      response->set_canonical(std::string(64 << 10, 'x'));
      ++source_.produced_;
      return Next::kMessage;
    }

   private:
    Source& source_;
  };

 private:
  Mutex mutex_;
  std::deque<uint64_t> queue_ ABSL_GUARDED_BY(mutex_);
  Wake wake_ ABSL_GUARDED_BY(mutex_);
  int produced_ ABSL_GUARDED_BY(mutex_) = 0;
  Slot<bool> gone_;
};

class AuditService : public api::v1::AuditService::CallbackService {
 public:
  AuditService(Calls* calls, OpenStream<AuditRecord> open)
      : calls_(calls), open_(std::move(open)) {}

  grpc::ServerWriteReactor<AuditRecord>* ExportAudit(grpc::CallbackServerContext* context,
                                                     const ExportAuditRequest*) override {
    return RunServerStream<AuditRecord>(calls_, "dbfleet.api.v1.AuditService/ExportAudit", context,
                                        open_);
  }

 private:
  Calls* const calls_;
  const OpenStream<AuditRecord> open_;
};

class CallsTest : public testing::Test {
 protected:
  ~CallsTest() override { Stop(); }

  // Nothing that a handler refers to may die before.
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    executor_->Shutdown();
  }

  std::shared_ptr<grpc::Channel> Serve(std::unique_ptr<grpc::Service> service) {
    service_ = std::move(service);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    return server_->InProcessChannel(grpc::ChannelArguments());
  }
  bool Exposes(absl::string_view line) { return absl::StrContains(registry_.Expose(), line); }

  FakeClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<Executor> executor_ = MakeThreadPool("rpc", 2);
  Calls calls_{executor_.get(), &registry_, &clock_};
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CallsTest, AUnaryHandlerAnswersAndIsCounted) {
  auto service = std::make_unique<MetaService>(&calls_, [](const GetVersionRequest&, Version* out) {
    out->set_version("1.2.3");
    return absl::OkStatus();
  });
  auto stub = api::v1::MetaService::NewStub(Serve(std::move(service)));
  grpc::ClientContext context;
  Version version;
  ASSERT_TRUE(stub->GetVersion(&context, GetVersionRequest(), &version).ok());
  EXPECT_EQ(version.version(), "1.2.3");
  EXPECT_TRUE(
      Exposes("dbfleet_rpc_requests_total{code=\"OK\",method=\"dbfleet.api.v1."
              "MetaService/GetVersion\"} 1"))
      << registry_.Expose();
  EXPECT_TRUE(Exposes("dbfleet_rpc_in_flight 0"));
}

TEST_F(CallsTest, AFailureKeepsItsCodeAndReason) {
  auto service = std::make_unique<MetaService>(&calls_, [](const GetVersionRequest&, Version*) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOT_NOW", "not now");
  });
  auto stub = api::v1::MetaService::NewStub(Serve(std::move(service)));
  grpc::ClientContext context;
  Version version;
  const absl::Status status = FromGrpc(stub->GetVersion(&context, GetVersionRequest(), &version));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "NOT_NOW");
  EXPECT_TRUE(Exposes("code=\"FAILED_PRECONDITION\"")) << registry_.Expose();
}

TEST_F(CallsTest, ACallDuringShutdownEndsUnavailableInsteadOfHanging) {
  bool ran = false;
  auto service = std::make_unique<MetaService>(&calls_, [&](const GetVersionRequest&, Version*) {
    ran = true;
    return absl::OkStatus();
  });
  auto stub = api::v1::MetaService::NewStub(Serve(std::move(service)));
  executor_->Shutdown();
  grpc::ClientContext context;
  Version version;
  const absl::Status status = FromGrpc(stub->GetVersion(&context, GetVersionRequest(), &version));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  EXPECT_FALSE(ran);
}

TEST_F(CallsTest, ACallerThatHasGoneBeforeItsTurnIsNotServed) {
  auto one = MakeSerialExecutor("one");
  Calls calls(one.get(), &registry_, &clock_);
  Slot<bool> first_started;
  Slot<bool> let_go;
  Slot<bool> second_ran;
  auto service = std::make_unique<MetaService>(&calls, [&](const GetVersionRequest&, Version*) {
    if (first_started.IsSet()) second_ran.Set(true);
    first_started.Set(true);
    let_go.Wait();
    return absl::OkStatus();
  });
  auto stub = api::v1::MetaService::NewStub(Serve(std::move(service)));
  grpc::ClientContext first;
  Version version;
  Slot<bool> first_done;
  const GetVersionRequest request;
  stub->async()->GetVersion(&first, &request, &version,
                            [&](grpc::Status) { first_done.Set(true); });
  first_started.Wait();
  grpc::ClientContext second;
  Version other;
  Slot<bool> second_done;
  stub->async()->GetVersion(&second, &request, &other,
                            [&](grpc::Status) { second_done.Set(true); });
  second.TryCancel();
  second_done.Wait();
  let_go.Set(true);
  first_done.Wait();
  Stop();
  one->Shutdown();
  EXPECT_FALSE(second_ran.IsSet());
}

TEST_F(CallsTest, BearerTokensComeOutOfTheMetadataOnly) {
  class TokenService : public api::v1::MetaService::CallbackService {
   public:
    explicit TokenService(Calls* calls) : calls_(calls) {}
    grpc::ServerUnaryReactor* GetVersion(grpc::CallbackServerContext* context,
                                         const GetVersionRequest* in, Version* out) override {
      return RunUnary<GetVersionRequest, Version>(
          calls_, "m", context, in, out, [context](const GetVersionRequest&, Version* response) {
            EXPECT_EQ(PeerCertificatePem(*context), "");
            const absl::StatusOr<Secret> token = BearerToken(*context);
            if (!token.ok()) return token.status();
            response->set_version(token->Reveal());
            return absl::OkStatus();
          });
    }
    Calls* const calls_;
  };
  auto service = std::make_unique<TokenService>(&calls_);
  auto stub = api::v1::MetaService::NewStub(Serve(std::move(service)));
  const auto call = [&](const std::vector<std::string>& headers, std::string* token) {
    grpc::ClientContext context;
    for (const std::string& header : headers) context.AddMetadata("authorization", header);
    Version version;
    const absl::Status status = FromGrpc(stub->GetVersion(&context, GetVersionRequest(), &version));
    *token = version.version();
    return ReasonOf(status);
  };
  std::string token;
  EXPECT_EQ(call({"Bearer dbft_1"}, &token), "");
  EXPECT_EQ(token, "dbft_1");
  EXPECT_EQ(call({"bearer   dbft_2 "}, &token), "");
  EXPECT_EQ(token, "dbft_2");
  EXPECT_EQ(call({}, &token), "TOKEN_MISSING");
  EXPECT_EQ(call({"Basic YTpi"}, &token), "TOKEN_MALFORMED");
  EXPECT_EQ(call({"Bearer "}, &token), "TOKEN_MALFORMED");
  EXPECT_EQ(call({"Bearer a", "Bearer b"}, &token), "TOKEN_MALFORMED");
}

class StreamTest : public CallsTest {
 protected:
  ~StreamTest() override { Stop(); }

  OpenStream<AuditRecord> Open() {
    return [this](Wake wake) -> absl::StatusOr<std::unique_ptr<StreamProducer<AuditRecord>>> {
      return std::make_unique<Source::Producer>(&source_, std::move(wake));
    };
  }

  Source source_;
};

TEST_F(StreamTest, AllMessagesArriveInOrderAlsoThoseThatComeLater) {
  auto service = std::make_unique<AuditService>(&calls_, Open());
  auto stub = api::v1::AuditService::NewStub(Serve(std::move(service)));
  grpc::ClientContext context;
  auto reader = stub->ExportAudit(&context, ExportAuditRequest());
  AuditRecord record;
  for (uint64_t seq = 1; seq <= 50; ++seq) {
    source_.Put(seq);
    ASSERT_TRUE(reader->Read(&record));
    EXPECT_EQ(record.seq(), seq);
  }
  for (uint64_t seq = 51; seq <= 100; ++seq) source_.Put(seq);
  source_.End();
  for (uint64_t seq = 51; seq <= 100; ++seq) {
    ASSERT_TRUE(reader->Read(&record));
    EXPECT_EQ(record.seq(), seq);
  }
  EXPECT_FALSE(reader->Read(&record));
  EXPECT_TRUE(reader->Finish().ok());
  source_.gone().Wait();
}

TEST_F(StreamTest, ASlowReaderHoldsTheProducerBack) {
  auto service = std::make_unique<AuditService>(&calls_, Open());
  auto stub = api::v1::AuditService::NewStub(Serve(std::move(service)));
  constexpr int kMessages = 500;  // 32 MiB, more than the flow-control windows hold.
  for (int seq = 1; seq <= kMessages; ++seq) source_.Put(seq);
  source_.End();
  grpc::ClientContext context;
  auto reader = stub->ExportAudit(&context, ExportAuditRequest());
  AuditRecord record;
  ASSERT_TRUE(reader->Read(&record));
  EXPECT_LT(source_.produced(), kMessages);
  int read = 1;
  while (reader->Read(&record)) ++read;
  EXPECT_EQ(read, kMessages);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(StreamTest, ACancelledStreamLetsItsProducerGoAndWakeIsHarmlessAfterwards) {
  auto service = std::make_unique<AuditService>(&calls_, Open());
  auto stub = api::v1::AuditService::NewStub(Serve(std::move(service)));
  grpc::ClientContext context;
  auto reader = stub->ExportAudit(&context, ExportAuditRequest());
  source_.Put(1);
  AuditRecord record;
  ASSERT_TRUE(reader->Read(&record));
  context.TryCancel();
  source_.gone().Wait();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  source_.Put(2);
  EXPECT_EQ(source_.produced(), 1);
}

TEST_F(StreamTest, AnErrorOfOpenOrOfTheProducerEndsTheCallWithIt) {
  auto service = std::make_unique<AuditService>(
      &calls_, [](Wake) -> absl::StatusOr<std::unique_ptr<StreamProducer<AuditRecord>>> {
        return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING", "no");
      });
  auto stub = api::v1::AuditService::NewStub(Serve(std::move(service)));
  grpc::ClientContext context;
  auto reader = stub->ExportAudit(&context, ExportAuditRequest());
  AuditRecord record;
  EXPECT_FALSE(reader->Read(&record));
  EXPECT_EQ(ReasonOf(FromGrpc(reader->Finish())), "ROLE_MISSING");
}

TEST_F(StreamTest, AStreamThatWaitsWhenTheExecutorEndsIsEndedByItsNextWake) {
  auto service = std::make_unique<AuditService>(&calls_, Open());
  auto stub = api::v1::AuditService::NewStub(Serve(std::move(service)));
  grpc::ClientContext context;
  auto reader = stub->ExportAudit(&context, ExportAuditRequest());
  source_.Put(1);
  AuditRecord record;
  ASSERT_TRUE(reader->Read(&record));
  executor_->Shutdown();
  source_.Put(2);
  EXPECT_FALSE(reader->Read(&record));
  EXPECT_EQ(ReasonOf(FromGrpc(reader->Finish())), "SHUTTING_DOWN");
}

}  // namespace
}  // namespace dbfleet::rpc
