#include "tests/bench/floors/rpc_server.h"

#include <unistd.h>

#include "grpcpp/server_builder.h"

#include "common/rpc/channel.h"
#include "common/rpc/tls.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"

namespace dbfleet::bench {
namespace {

namespace v1 = agent::v1;

class PingStream : public grpc::ServerBidiReactor<v1::AgentMsg, v1::ControllerMsg> {
 public:
  PingStream() { StartRead(&incoming_); }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    outgoing_.mutable_pong()->set_nonce(incoming_.ping().nonce());
    StartWrite(&outgoing_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartRead(&incoming_);
  }
  void OnDone() override { delete this; }

 private:
  v1::AgentMsg incoming_;
  v1::ControllerMsg outgoing_;
};

class PingService : public v1::AgentLink::CallbackService {
 public:
  grpc::ServerBidiReactor<v1::AgentMsg, v1::ControllerMsg>* Control(
      grpc::CallbackServerContext*) override {
    return new PingStream;
  }
};

}  // namespace

void ServePings(const Certificates& certificates, int port_fd) {
  PingService service;
  grpc::ServerBuilder builder;
  rpc::ApplyServerArguments(&builder, rpc::kMaxAgentMessageBytes);
  int port = 0;
  builder.AddListeningPort(
      "127.0.0.1:0",
      rpc::ServerTls(certificates.server_pem, certificates.server_key_pem, certificates.ca_pem),
      &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  // The reader takes a port of 0, or none, for the failure that it is.
  if (server == nullptr || write(port_fd, &port, sizeof(port)) != sizeof(port)) _exit(1);
  server->Wait();
  _exit(0);
}

}  // namespace dbfleet::bench
