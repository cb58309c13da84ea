#include "controller/api/proposal_service.h"

#include "common/base/status.h"
#include "controller/identity/permissions.h"
#include "controller/identity/scope.h"

namespace dbfleet::controller {

using resource::v1::Proposal;

grpc::ServerUnaryReactor* ProposalServiceImpl::GetProposal(grpc::CallbackServerContext* context,
                                                           const api::v1::GetProposalRequest* in,
                                                           Proposal* out) {
  return gate_.Unary<api::v1::GetProposalRequest, Proposal>(
      "dbfleet.api.v1.ProposalService/GetProposal", context, in, out,
      [this](const Caller& caller, const api::v1::GetProposalRequest& request,
             Proposal* response) -> absl::Status {
        absl::StatusOr<Proposal> found = proposals_.Get(request.name(), caller.rights);
        RETURN_IF_ERROR(
            gate_.Audited(caller, "dbfleet.api.v1.ProposalService/GetProposal", found.status()));
        *response = *std::move(found);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ProposalServiceImpl::ListProposals(
    grpc::CallbackServerContext* context, const api::v1::ListProposalsRequest* in,
    api::v1::ListProposalsResponse* out) {
  return gate_.Unary<api::v1::ListProposalsRequest, api::v1::ListProposalsResponse>(
      "dbfleet.api.v1.ProposalService/ListProposals", context, in, out,
      [this](const Caller& caller, const api::v1::ListProposalsRequest& request,
             api::v1::ListProposalsResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(
            const Page<Proposal> page,
            proposals_.List(/*only_pending=*/!request.all(),
                            {request.page_size(), request.page_token()}, caller.rights));
        for (const Proposal& proposal : page.items) *response->add_proposals() = proposal;
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ProposalServiceImpl::ApproveProposal(
    grpc::CallbackServerContext* context, const api::v1::ApproveProposalRequest* in,
    Proposal* out) {
  return gate_.Unary<api::v1::ApproveProposalRequest, Proposal>(
      "dbfleet.api.v1.ProposalService/ApproveProposal", context, in, out,
      [this](const Caller& caller, const api::v1::ApproveProposalRequest& request,
             Proposal* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        // The vote counts in each quorum that its voter belongs to, also where the token ends.
        RETURN_IF_ERROR(gate_.Audited(
            caller, "dbfleet.api.v1.ProposalService/ApproveProposal",
            CheckEveryEnvironment(caller, "dbfleet.api.v1.ProposalService/ApproveProposal")));
        absl::StatusOr<Proposal> approved = proposals_.Approve(
            meta, request.name(), request.digest(), request.reason(), caller.rights);
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.ProposalService/ApproveProposal",
                                      approved.status()));
        *response = *std::move(approved);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ProposalServiceImpl::RejectProposal(
    grpc::CallbackServerContext* context, const api::v1::RejectProposalRequest* in, Proposal* out) {
  return gate_.Unary<api::v1::RejectProposalRequest, Proposal>(
      "dbfleet.api.v1.ProposalService/RejectProposal", context, in, out,
      [this](const Caller& caller, const api::v1::RejectProposalRequest& request,
             Proposal* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        RETURN_IF_ERROR(gate_.Audited(
            caller, "dbfleet.api.v1.ProposalService/RejectProposal",
            CheckEveryEnvironment(caller, "dbfleet.api.v1.ProposalService/RejectProposal")));
        absl::StatusOr<Proposal> rejected =
            proposals_.Reject(meta, request.name(), request.reason(), caller.rights);
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.ProposalService/RejectProposal",
                                      rejected.status()));
        *response = *std::move(rejected);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ProposalServiceImpl::WithdrawProposal(
    grpc::CallbackServerContext* context, const api::v1::WithdrawProposalRequest* in,
    Proposal* out) {
  return gate_.Unary<api::v1::WithdrawProposalRequest, Proposal>(
      "dbfleet.api.v1.ProposalService/WithdrawProposal", context, in, out,
      [this](const Caller& caller, const api::v1::WithdrawProposalRequest& request,
             Proposal* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        RETURN_IF_ERROR(gate_.Audited(
            caller, "dbfleet.api.v1.ProposalService/WithdrawProposal",
            CheckUnlimited(caller, "dbfleet.api.v1.ProposalService/WithdrawProposal")));
        absl::StatusOr<Proposal> withdrawn =
            proposals_.Withdraw(meta, request.name(), request.reason(), caller.rights);
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.ProposalService/WithdrawProposal",
                                      withdrawn.status()));
        *response = *std::move(withdrawn);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
