#pragma once

#include "controller/api/gate.h"
#include "controller/proposer/job_proposals.h"
#include "dbfleet/api/v1/event_rule_service.grpc.pb.h"

namespace dbfleet::controller {

// Thin handlers over JobProposals. Thread-safe; nothing owned.
class EventRuleServiceImpl : public api::v1::EventRuleService::CallbackService {
 public:
  EventRuleServiceImpl(const Gate& gate, JobProposals& proposals)
      : gate_(gate), proposals_(proposals) {}

  grpc::ServerUnaryReactor* ListEventRules(grpc::CallbackServerContext*,
                                           const api::v1::ListEventRulesRequest*,
                                           api::v1::ListEventRulesResponse*) override;
  grpc::ServerUnaryReactor* GetEventRule(grpc::CallbackServerContext*,
                                         const api::v1::GetEventRuleRequest*,
                                         api::v1::EventRule*) override;
  grpc::ServerUnaryReactor* ListJobProposals(grpc::CallbackServerContext*,
                                             const api::v1::ListJobProposalsRequest*,
                                             api::v1::ListJobProposalsResponse*) override;
  grpc::ServerUnaryReactor* GetJobProposal(grpc::CallbackServerContext*,
                                           const api::v1::GetJobProposalRequest*,
                                           api::v1::JobProposal*) override;
  grpc::ServerUnaryReactor* AcceptJobProposal(grpc::CallbackServerContext*,
                                              const api::v1::AcceptJobProposalRequest*,
                                              api::v1::JobProposal*) override;
  grpc::ServerUnaryReactor* DeclineJobProposal(grpc::CallbackServerContext*,
                                               const api::v1::DeclineJobProposalRequest*,
                                               api::v1::JobProposal*) override;
  grpc::ServerUnaryReactor* TestEventRule(grpc::CallbackServerContext*,
                                          const api::v1::TestEventRuleRequest*,
                                          api::v1::TestEventRuleResponse*) override;

 private:
  const Gate& gate_;
  JobProposals& proposals_;
};

}  // namespace dbfleet::controller
