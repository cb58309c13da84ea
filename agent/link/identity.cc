#include "agent/link/identity.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpcpp/create_channel.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/concurrency/backoff.h"
#include "common/log/log.h"
#include "common/rpc/channel.h"
#include "common/rpc/join_token.h"
#include "common/rpc/status.h"
#include "common/rpc/tls.h"
#include "dbfleet/agent/v1/enrollment_service.grpc.pb.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(15);
constexpr char kRecoveryDomain[] = "dbfleet-recover-v1";

// Runs one unary call with a deadline.
template <typename Request, typename Response>
absl::StatusOr<Response> Call(v1::Enrollment::Stub& stub,
                              grpc::Status (v1::Enrollment::Stub::*method)(grpc::ClientContext*,
                                                                           const Request&,
                                                                           Response*),
                              const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                   gpr_time_from_millis(absl::ToInt64Milliseconds(kCallTimeout), GPR_TIMESPAN)));
  Response response;
  RETURN_IF_ERROR(rpc::FromGrpc((stub.*method)(&context, request, &response)));
  return response;
}

absl::Status NotEnrolled() {
  return Error(absl::StatusCode::kNotFound, "NOT_ENROLLED",
               "this agent has no identity yet; make a join token with `dbfleet agent token "
               "create` and name its file in join_token_file, or run `dbfleet-agent enroll`");
}

}  // namespace

Identity::Network Identity::RealNetwork(const std::string& controller) {
  Network network;
  network.fetch_ca = [controller](const std::string& pin) {
    return rpc::FetchPinnedCa(controller, pin, kCallTimeout);
  };
  network.connect = [controller](const std::string& ca_pem, const IdentityMaterial* material) {
    grpc::ChannelArguments arguments;
    rpc::ApplyClientArguments(&arguments, rpc::kMaxAgentMessageBytes);
    // A channel of its own each time: a shared connection would keep the former certificate.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto credentials = rpc::ClientTls(ca_pem, material ? material->chain_pem : "",
                                            material ? material->key_pem : "");
    return grpc::CreateCustomChannel(controller, credentials, arguments);
  };
  return network;
}

Identity::Identity(Options options, Network network, Clock& clock)
    : options_(std::move(options)),
      network_(std::move(network)),
      clock_(clock),
      files_(options_.folder) {}

absl::StatusOr<IdentityMaterial> Identity::Adopt() {
  ASSIGN_OR_RETURN(std::optional<IdentityMaterial> material, files_.Load());
  if (!material.has_value()) return NotEnrolled();
  if (renewal_of_ != material->chain_pem) {
    const absl::Duration lifetime = material->not_after - material->installed;
    renewal_of_ = material->chain_pem;
    renew_at_ = material->installed + lifetime * (0.4 + 0.2 * UniformRandom());
  }
  return *std::move(material);
}

absl::StatusOr<IdentityMaterial> Identity::Ensure() {
  MutexLock lock(&mutex_);
  absl::StatusOr<IdentityMaterial> material = Adopt();
  if (absl::IsNotFound(material.status())) {
    RETURN_IF_ERROR(EnrollFromFile());
    return Adopt();
  }
  RETURN_IF_ERROR(material.status());
  if (clock_.Now() < material->not_after) return material;
  log::Warn("the agent's certificate has expired; regaining it",
            {{"expired", absl::FormatTime(material->not_after)}});
  const absl::Status regained = Regain(*material);
  if (!regained.ok() && !absl::IsUnavailable(regained)) {
    // Refused: only a new join token helps, if somebody has put one there.
    if (EnrollFromFile().ok()) return Adopt();
  }
  RETURN_IF_ERROR(Annotate(regained, "regaining the expired certificate"));
  return Adopt();
}

absl::Status Identity::EnrollFromFile() {
  if (options_.join_token_file.empty()) return NotEnrolled();
  const absl::StatusOr<Secret> token = ReadSecretFile(options_.join_token_file);
  if (!token.ok()) return Annotate(token.status(), "join_token_file");
  return EnrollLocked(*token);
}

absl::Status Identity::Enroll(const Secret& join_token) {
  MutexLock lock(&mutex_);
  return EnrollLocked(join_token);
}

absl::Status Identity::TryJoinTokenAgain() {
  MutexLock lock(&mutex_);
  return EnrollFromFile();
}

absl::Status Identity::EnrollLocked(const Secret& join_token) {
  ASSIGN_OR_RETURN(const rpc::JoinToken token, rpc::ParseJoinToken(join_token.Reveal()));
  ASSIGN_OR_RETURN(const std::string ca_pem, network_.fetch_ca(token.ca_spki_sha256));
  ASSIGN_OR_RETURN(const rpc::KeyAndRequest request, files_.PendingRequest(options_.agent_name));
  const auto stub = v1::Enrollment::NewStub(network_.connect(ca_pem, nullptr));
  v1::EnrollRequest enroll;
  enroll.set_join_token(token.secret_text.Reveal());
  enroll.set_csr_pem(request.csr_pem);
  enroll.set_agent_name(options_.agent_name);
  enroll.set_version(options_.version);
  const absl::StatusOr<v1::EnrollResponse> response =
      Call(*stub, &v1::Enrollment::Stub::Enroll, enroll);
  if (!response.ok()) return Annotate(response.status(), "enrolling the agent");
  if (response->agent_id() != options_.agent_name) {
    return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_FOREIGN",
                 "the controller enrolled this agent under another name");
  }
  // The pinned CA is the one to trust, whatever the answer says.
  RETURN_IF_ERROR(files_.Install(response->certificate_pem(), ca_pem));
  log::Info("the agent is enrolled",
            {{"agent", options_.agent_name}, {"environment", response->environment()}});
  return absl::OkStatus();
}

absl::StatusOr<bool> Identity::RenewIfDue() {
  MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(const IdentityMaterial material, Adopt());
  if (clock_.Now() < renew_at_) return false;
  if (const absl::Status status = Renew(material); !status.ok()) {
    // Again before it expires, but not in a tight loop.
    const absl::Duration left = material.not_after - clock_.Now();
    renew_at_ = clock_.Now() + std::clamp(left / 10, absl::Seconds(1), absl::Minutes(10));
    return Annotate(status, "renewing the agent's certificate");
  }
  ASSIGN_OR_RETURN(const IdentityMaterial renewed, Adopt());
  log::Info("the agent's certificate was renewed",
            {{"not_after", absl::FormatTime(renewed.not_after)}});
  return true;
}

absl::Time Identity::next_renewal() {
  MutexLock lock(&mutex_);
  return renew_at_;
}

absl::Status Identity::Renew(const IdentityMaterial& material) {
  ASSIGN_OR_RETURN(const rpc::KeyAndRequest request, files_.PendingRequest(options_.agent_name));
  const auto stub = v1::Enrollment::NewStub(network_.connect(material.ca_pem, &material));
  v1::RenewRequest renew;
  renew.set_csr_pem(request.csr_pem);
  ASSIGN_OR_RETURN(const v1::RenewResponse response,
                   Call(*stub, &v1::Enrollment::Stub::Renew, renew));
  const std::string& ca_pem = response.ca_pem().empty() ? material.ca_pem : response.ca_pem();
  return files_.Install(response.certificate_pem(), ca_pem);
}

absl::Status Identity::Regain(const IdentityMaterial& material) {
  ASSIGN_OR_RETURN(const rpc::KeyAndRequest request, files_.PendingRequest(options_.agent_name));
  const auto stub = v1::Enrollment::NewStub(network_.connect(material.ca_pem, nullptr));
  v1::BeginRecoveryRequest begin;
  begin.set_certificate_pem(material.chain_pem);
  ASSIGN_OR_RETURN(const v1::BeginRecoveryResponse begun,
                   Call(*stub, &v1::Enrollment::Stub::BeginRecovery, begin));
  v1::FinishRecoveryRequest finish;
  finish.set_certificate_pem(material.chain_pem);
  finish.set_nonce(begun.nonce());
  finish.set_csr_pem(request.csr_pem);
  ASSIGN_OR_RETURN(*finish.mutable_signature(),
                   rpc::Sign(material.key_pem, absl::StrCat(kRecoveryDomain, begun.nonce(),
                                                            Sha256(request.csr_pem))));
  ASSIGN_OR_RETURN(const v1::RenewResponse response,
                   Call(*stub, &v1::Enrollment::Stub::FinishRecovery, finish));
  const std::string& ca_pem = response.ca_pem().empty() ? material.ca_pem : response.ca_pem();
  return files_.Install(response.certificate_pem(), ca_pem);
}

}  // namespace dbfleet::agent
