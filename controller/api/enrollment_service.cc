#include "common/base/status.h"
#include "common/rpc/peer.h"
#include "common/rpc/unary.h"
#include "controller/api/agent_services.h"
#include "controller/dispatch/wire.h"

namespace dbfleet::controller {
namespace {

namespace pb = ::dbfleet::agent::v1;

void Fill(const Enrollment::Identity& identity, pb::RenewResponse* out) {
  out->set_certificate_pem(identity.certificate_pem);
  out->set_ca_pem(identity.ca_pem);
  *out->mutable_not_after() = ToProto(identity.not_after);
}

}  // namespace

grpc::ServerUnaryReactor* EnrollmentServiceImpl::Enroll(grpc::CallbackServerContext* context,
                                                        const pb::EnrollRequest* in,
                                                        pb::EnrollResponse* out) {
  return rpc::RunUnary<pb::EnrollRequest, pb::EnrollResponse>(
      calls_, "dbfleet.agent.v1.Enrollment/Enroll", context, in, out,
      [this](const pb::EnrollRequest& request, pb::EnrollResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const Enrollment::Identity identity,
                         enrollment_->Enroll(request.join_token(), request.csr_pem(),
                                             request.agent_name(), request.version()));
        response->set_agent_id(identity.agent_id);
        response->set_environment(identity.environment);
        response->set_certificate_pem(identity.certificate_pem);
        response->set_ca_pem(identity.ca_pem);
        *response->mutable_not_after() = ToProto(identity.not_after);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EnrollmentServiceImpl::Renew(grpc::CallbackServerContext* context,
                                                       const pb::RenewRequest* in,
                                                       pb::RenewResponse* out) {
  return rpc::RunUnary<pb::RenewRequest, pb::RenewResponse>(
      calls_, "dbfleet.agent.v1.Enrollment/Renew", context, in, out,
      [this, context](const pb::RenewRequest& request,
                      pb::RenewResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const AgentPeer peer,
                         authenticator_->Authenticate(rpc::PeerCertificatePem(*context)));
        ASSIGN_OR_RETURN(const Enrollment::Identity identity,
                         enrollment_->Renew(peer, request.csr_pem()));
        Fill(identity, response);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EnrollmentServiceImpl::BeginRecovery(grpc::CallbackServerContext* context,
                                                               const pb::BeginRecoveryRequest* in,
                                                               pb::BeginRecoveryResponse* out) {
  return rpc::RunUnary<pb::BeginRecoveryRequest, pb::BeginRecoveryResponse>(
      calls_, "dbfleet.agent.v1.Enrollment/BeginRecovery", context, in, out,
      [this](const pb::BeginRecoveryRequest& request,
             pb::BeginRecoveryResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(*response->mutable_nonce(),
                         enrollment_->BeginRecovery(request.certificate_pem()));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EnrollmentServiceImpl::FinishRecovery(
    grpc::CallbackServerContext* context, const pb::FinishRecoveryRequest* in,
    pb::RenewResponse* out) {
  return rpc::RunUnary<pb::FinishRecoveryRequest, pb::RenewResponse>(
      calls_, "dbfleet.agent.v1.Enrollment/FinishRecovery", context, in, out,
      [this](const pb::FinishRecoveryRequest& request,
             pb::RenewResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const Enrollment::Identity identity,
                         enrollment_->FinishRecovery(request.certificate_pem(), request.nonce(),
                                                     request.csr_pem(), request.signature()));
        Fill(identity, response);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
