#include "tests/bench/fleet/identities.h"

#include <atomic>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "grpcpp/create_channel.h"
#include "nlohmann/json.hpp"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "common/rpc/tls.h"
#include "common/rpc/x509.h"
#include "dbfleet/agent/v1/enrollment_service.grpc.pb.h"
#include "dbfleet/api/v1/agent_service.grpc.pb.h"

namespace dbfleet::bench {
namespace {

absl::StatusOr<SimIdentity> EnrolOne(const std::shared_ptr<grpc::Channel>& channel,
                                     const EnrolOptions& options, int number) {
  SimIdentity identity;
  identity.agent_id = absl::StrFormat("sim-%05d", number);
  identity.ca_pem = options.ca_pem;
  api::v1::CreateJoinTokenRequest wanted;
  wanted.set_agent_id(identity.agent_id);
  wanted.set_environment(options.environment);
  api::v1::JoinToken token;
  grpc::ClientContext asking;
  asking.AddMetadata("authorization", "Bearer " + options.admin_token);
  RETURN_IF_ERROR(rpc::FromGrpc(
      api::v1::AgentService::NewStub(channel)->CreateJoinToken(&asking, wanted, &token)));
  ASSIGN_OR_RETURN(const rpc::KeyAndRequest key, rpc::MakeKeyAndRequest(identity.agent_id));
  agent::v1::EnrollRequest enrol;
  enrol.set_join_token(token.token());
  enrol.set_csr_pem(key.csr_pem);
  enrol.set_agent_name(identity.agent_id);
  enrol.set_version("simulated");
  agent::v1::EnrollResponse enrolled;
  grpc::ClientContext enrolling;
  RETURN_IF_ERROR(
      rpc::FromGrpc(agent::v1::Enrollment::NewStub(channel)->Enroll(&enrolling, enrol, &enrolled)));
  identity.chain_pem = enrolled.certificate_pem();
  identity.key_pem = key.key_pem;
  return identity;
}

}  // namespace

absl::StatusOr<std::vector<SimIdentity>> EnrolFleet(const EnrolOptions& options) {
  std::vector<SimIdentity> fleet(options.agents);
  std::atomic<int> next{0};
  Mutex mutex;
  absl::Status first;
  std::vector<std::thread> threads;
  for (int t = 0; t < options.threads; ++t) {
    threads.emplace_back([&] {
      grpc::ChannelArguments arguments;
      rpc::ApplyClientArguments(&arguments, rpc::kMaxApiMessageBytes);
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      const auto channel = grpc::CreateCustomChannel(
          options.controller, rpc::ClientTls(options.ca_pem, "", ""), arguments);
      for (int i = next++; i < options.agents; i = next++) {
        absl::StatusOr<SimIdentity> one = EnrolOne(channel, options, i);
        if (one.ok()) {
          fleet[i] = *std::move(one);
          continue;
        }
        MutexLock lock(&mutex);
        first.Update(one.status());
        return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!first.ok()) return first;
  return fleet;
}

absl::Status SaveIdentities(const std::string& path, const std::vector<SimIdentity>& fleet) {
  std::ofstream out(path);
  for (const SimIdentity& one : fleet) {
    out << nlohmann::json{{"id", one.agent_id},
                          {"ca", one.ca_pem},
                          {"chain", one.chain_pem},
                          {"key", one.key_pem}}
               .dump()
        << "\n";
  }
  out.flush();
  return out ? absl::OkStatus() : absl::InternalError("cannot write " + path);
}

absl::StatusOr<std::vector<SimIdentity>> LoadIdentities(const std::string& path) {
  std::ifstream in(path);
  std::vector<SimIdentity> fleet;
  for (std::string line; std::getline(in, line);) {
    const auto one = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (one.is_discarded()) return absl::DataLossError(path + " is damaged");
    fleet.push_back({one["id"], one["ca"], one["chain"], one["key"]});
  }
  if (fleet.empty()) return absl::NotFoundError(path + " holds no identities");
  return fleet;
}

}  // namespace dbfleet::bench
