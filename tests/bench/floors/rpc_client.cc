#include "tests/bench/floors/rpc_client.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"

#include "common/rpc/channel.h"
#include "common/rpc/tls.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"
#include "tests/bench/floors/usage.h"

namespace dbfleet::bench {
namespace {

namespace v1 = agent::v1;

constexpr int kConnectsAtOnce = 64;
constexpr double kConnectLimitSeconds = 120;
constexpr std::chrono::milliseconds kPoll{1};

struct Shared {
  std::atomic<bool> running{false};  // Every answer is followed by the next ping.
  std::atomic<int64_t> answers{0};
  std::atomic<int> waiting{0};  // Streams whose ping has no answer yet.
  std::atomic<int> broken{0};
};

class PingStream : public grpc::ClientBidiReactor<v1::AgentMsg, v1::ControllerMsg> {
 public:
  PingStream(const std::string& target, const Certificates& certificates, Shared* shared)
      : shared_(*shared) {
    grpc::ChannelArguments arguments;
    rpc::ApplyClientArguments(&arguments, rpc::kMaxAgentMessageBytes);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(
        target,
        rpc::ClientTls(certificates.ca_pem, certificates.client_pem, certificates.client_key_pem),
        arguments);
    stub_ = v1::AgentLink::NewStub(channel_);
    stub_->async()->Control(&context_, this);
    AddHold();
    Ping();
    StartRead(&incoming_);
    StartCall();
  }

  void Ping() {
    shared_.waiting.fetch_add(1, std::memory_order_relaxed);
    under_way_ = 2;
    outgoing_.mutable_ping()->set_nonce(++nonce_);
    StartWrite(&outgoing_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      shared_.broken.fetch_add(1);
      return;
    }
    shared_.answers.fetch_add(1, std::memory_order_relaxed);
    StartRead(&incoming_);
    Part();
  }
  void OnWriteDone(bool ok) override {
    if (ok) Part();
  }
  void OnDone(const grpc::Status&) override {}

 private:
  // The answer may be there before gRPC says that the ping is written, and only after both may the
  // next be.
  void Part() {
    if (under_way_.fetch_sub(1) > 1) return;
    if (shared_.running.load(std::memory_order_relaxed)) Ping();
    shared_.waiting.fetch_sub(1, std::memory_order_relaxed);
  }

  Shared& shared_;
  std::atomic<int> under_way_{0};
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AgentLink::Stub> stub_;
  grpc::ClientContext context_;
  v1::AgentMsg outgoing_;
  v1::ControllerMsg incoming_;
  uint64_t nonce_ = 0;
};

// Until at most `most` streams wait for an answer.
absl::Status AwaitAnswers(const Shared& shared, int most, SteadyClock::time_point began) {
  while (shared.waiting > most) {
    if (shared.broken > 0 || SecondsSince(began) > kConnectLimitSeconds) {
      return absl::UnavailableError(absl::StrCat(shared.waiting.load(), " streams do not answer, ",
                                                 shared.broken.load(), " broke"));
    }
    std::this_thread::sleep_for(kPoll);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RpcRun> RunPings(const Certificates& certificates, int port, pid_t server,
                                int streams, double seconds) {
  RpcRun run;
  // Never destroyed: their connections would have to be ended one by one, and the process is over.
  Shared& shared = *new Shared;
  auto& fleet = *new std::vector<PingStream*>;
  const std::string target = absl::StrCat("127.0.0.1:", port);
  const int64_t before = ResidentKib(server);
  const auto began = SteadyClock::now();
  for (int i = 0; i < streams; ++i) {
    if (absl::Status s = AwaitAnswers(shared, kConnectsAtOnce - 1, began); !s.ok()) return s;
    fleet.push_back(new PingStream(target, certificates, &shared));
  }
  if (absl::Status s = AwaitAnswers(shared, 0, began); !s.ok()) return s;
  run.connect_seconds = SecondsSince(began);
  std::this_thread::sleep_for(std::chrono::seconds(1));  // What the handshakes left is given back.
  run.server_kib_per_stream =
      static_cast<double>(ResidentKib(server) - before) / static_cast<double>(streams);

  const double server_cpu = CpuSeconds(server), client_cpu = CpuSeconds(getpid());
  const int64_t answers = shared.answers;
  const auto measured = SteadyClock::now();
  shared.running = true;
  for (PingStream* stream : fleet) stream->Ping();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds) -
                              (SteadyClock::now() - measured));
  const double round_trips = static_cast<double>(shared.answers - answers);
  const double took = SecondsSince(measured);
  shared.running = false;
  if (shared.broken > 0 || round_trips == 0) {
    return absl::UnavailableError(absl::StrCat(shared.broken.load(), " streams broke"));
  }
  run.round_trips_per_second = round_trips / took;
  run.server_cpu_us = (CpuSeconds(server) - server_cpu) / round_trips * 1e6;
  run.client_cpu_us = (CpuSeconds(getpid()) - client_cpu) / round_trips * 1e6;
  return run;
}

}  // namespace dbfleet::bench
