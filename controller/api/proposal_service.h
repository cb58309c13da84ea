#pragma once

#include "controller/api/gate.h"
#include "controller/resources/proposal_manager.h"
#include "dbfleet/api/v1/proposal_service.grpc.pb.h"

namespace dbfleet::controller {

// Thin handlers over ProposalManager. Thread-safe; nothing owned.
class ProposalServiceImpl : public api::v1::ProposalService::CallbackService {
 public:
  ProposalServiceImpl(const Gate& gate, ProposalManager& proposals)
      : gate_(gate), proposals_(proposals) {}

  grpc::ServerUnaryReactor* GetProposal(grpc::CallbackServerContext*,
                                        const api::v1::GetProposalRequest*,
                                        resource::v1::Proposal*) override;
  grpc::ServerUnaryReactor* ListProposals(grpc::CallbackServerContext*,
                                          const api::v1::ListProposalsRequest*,
                                          api::v1::ListProposalsResponse*) override;
  grpc::ServerUnaryReactor* ApproveProposal(grpc::CallbackServerContext*,
                                            const api::v1::ApproveProposalRequest*,
                                            resource::v1::Proposal*) override;
  grpc::ServerUnaryReactor* RejectProposal(grpc::CallbackServerContext*,
                                           const api::v1::RejectProposalRequest*,
                                           resource::v1::Proposal*) override;
  grpc::ServerUnaryReactor* WithdrawProposal(grpc::CallbackServerContext*,
                                             const api::v1::WithdrawProposalRequest*,
                                             resource::v1::Proposal*) override;

 private:
  const Gate& gate_;
  ProposalManager& proposals_;
};

}  // namespace dbfleet::controller
