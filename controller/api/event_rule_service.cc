#include "controller/api/event_rule_service.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

constexpr char kRules[] = "eventrules";
constexpr char kProposals[] = "jobproposals";
constexpr absl::Duration kDefaultWindow = absl::Hours(24);
constexpr absl::Duration kLongestWindow = absl::Hours(24 * 31);

using ApiState = api::v1::JobProposal::State;

ApiState ToApi(JobProposal::State state) {
  switch (state) {
    case JobProposal::State::kPending:
      return api::v1::JobProposal::STATE_PENDING;
    case JobProposal::State::kAccepted:
      return api::v1::JobProposal::STATE_ACCEPTED;
    case JobProposal::State::kSubmitted:
      return api::v1::JobProposal::STATE_SUBMITTED;
    case JobProposal::State::kDeclined:
      return api::v1::JobProposal::STATE_DECLINED;
    case JobProposal::State::kExpired:
      return api::v1::JobProposal::STATE_EXPIRED;
    case JobProposal::State::kRefused:
      return api::v1::JobProposal::STATE_REFUSED;
    case JobProposal::State::kCancelled:
      break;
  }
  return api::v1::JobProposal::STATE_CANCELLED;
}

std::optional<JobProposal::State> FromApi(ApiState state) {
  for (const JobProposal::State known :
       {JobProposal::State::kPending, JobProposal::State::kAccepted, JobProposal::State::kSubmitted,
        JobProposal::State::kDeclined, JobProposal::State::kExpired, JobProposal::State::kRefused,
        JobProposal::State::kCancelled}) {
    if (ToApi(known) == state) return known;
  }
  return std::nullopt;
}

api::v1::JobProposal ToApi(const JobProposalView& view) {
  const JobProposal& proposal = view.proposal;
  api::v1::JobProposal out;
  if (!proposal.id.empty()) out.set_name(absl::StrCat(kProposals, "/", proposal.id));
  out.set_rule(absl::StrCat(kRules, "/", proposal.rule));
  out.set_state(ToApi(proposal.state));
  out.set_environment(proposal.environment);
  out.set_instance(absl::StrCat("instances/", proposal.instance));
  out.set_action(view.action);
  *out.mutable_proposed() = view.proposed;
  out.set_trigger(proposal.trigger);
  out.set_cause(proposal.cause);
  out.set_audit_seq(proposal.seq);
  *out.mutable_event_time() = ToProto(proposal.event_time);
  *out.mutable_create_time() = ToProto(proposal.create_time);
  if (proposal.expire_time != absl::InfiniteFuture()) {
    *out.mutable_expire_time() = ToProto(proposal.expire_time);
  }
  out.set_decider(proposal.decider);
  out.set_reason(proposal.reason);
  out.set_message(proposal.message);
  if (!proposal.job.empty()) out.set_job(absl::StrCat("jobs/", proposal.job));
  out.set_job_state(view.job_state);
  return out;
}

api::v1::EventRule ToApi(const EventRuleView& view) {
  api::v1::EventRule out;
  out.set_name(absl::StrCat(kRules, "/", view.name));
  out.set_mode(view.mode);
  out.set_suspended(view.suspended);
  for (const std::string& trigger : view.triggers) out.add_triggers(trigger);
  for (const std::string& name : view.environments) out.add_environments(name);
  out.set_waiting(view.waiting);
  out.set_last_day(view.last_day);
  if (view.last_proposal != absl::InfinitePast()) {
    *out.mutable_last_proposal_time() = ToProto(view.last_proposal);
  }
  out.set_problem(view.problem);
  return out;
}

}  // namespace

grpc::ServerUnaryReactor* EventRuleServiceImpl::ListEventRules(
    grpc::CallbackServerContext* context, const api::v1::ListEventRulesRequest* in,
    api::v1::ListEventRulesResponse* out) {
  return gate_.Unary<api::v1::ListEventRulesRequest, api::v1::ListEventRulesResponse>(
      "dbfleet.api.v1.EventRuleService/ListEventRules", context, in, out,
      [this](const Caller& caller, const api::v1::ListEventRulesRequest& request,
             api::v1::ListEventRulesResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(
            const Page<EventRuleView> page,
            proposals_.Rules({request.page_size(), request.page_token()}, caller.rights));
        for (const EventRuleView& view : page.items) *response->add_event_rules() = ToApi(view);
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EventRuleServiceImpl::GetEventRule(grpc::CallbackServerContext* context,
                                                             const api::v1::GetEventRuleRequest* in,
                                                             api::v1::EventRule* out) {
  return gate_.Unary<api::v1::GetEventRuleRequest, api::v1::EventRule>(
      "dbfleet.api.v1.EventRuleService/GetEventRule", context, in, out,
      [this](const Caller& caller, const api::v1::GetEventRuleRequest& request,
             api::v1::EventRule* response) -> absl::Status {
        std::string name;
        RETURN_IF_ERROR(ParseResourceName(kRules, request.name(), &name));
        const absl::StatusOr<EventRuleView> view = proposals_.Rule(name, caller.rights);
        RETURN_IF_ERROR(
            gate_.Audited(caller, "dbfleet.api.v1.EventRuleService/GetEventRule", view.status()));
        *response = ToApi(*view);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EventRuleServiceImpl::ListJobProposals(
    grpc::CallbackServerContext* context, const api::v1::ListJobProposalsRequest* in,
    api::v1::ListJobProposalsResponse* out) {
  return gate_.Unary<api::v1::ListJobProposalsRequest, api::v1::ListJobProposalsResponse>(
      "dbfleet.api.v1.EventRuleService/ListJobProposals", context, in, out,
      [this](const Caller& caller, const api::v1::ListJobProposalsRequest& request,
             api::v1::ListJobProposalsResponse* response) -> absl::Status {
        JobProposalFilter filter;
        if (!request.rule().empty()) {
          RETURN_IF_ERROR(ParseResourceName(kRules, request.rule(), &filter.rule));
        }
        filter.environment = ListedOf(caller, "");
        filter.state = FromApi(request.state());
        ASSIGN_OR_RETURN(const Page<JobProposalView> page,
                         proposals_.List(filter, {request.page_size(), request.page_token()}));
        for (const JobProposalView& view : page.items) *response->add_job_proposals() = ToApi(view);
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EventRuleServiceImpl::GetJobProposal(
    grpc::CallbackServerContext* context, const api::v1::GetJobProposalRequest* in,
    api::v1::JobProposal* out) {
  return gate_.Unary<api::v1::GetJobProposalRequest, api::v1::JobProposal>(
      "dbfleet.api.v1.EventRuleService/GetJobProposal", context, in, out,
      [this](const Caller&, const api::v1::GetJobProposalRequest& request,
             api::v1::JobProposal* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName(kProposals, request.name(), &id));
        ASSIGN_OR_RETURN(const JobProposalView view, proposals_.Get(id));
        *response = ToApi(view);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EventRuleServiceImpl::AcceptJobProposal(
    grpc::CallbackServerContext* context, const api::v1::AcceptJobProposalRequest* in,
    api::v1::JobProposal* out) {
  return gate_.Unary<api::v1::AcceptJobProposalRequest, api::v1::JobProposal>(
      "dbfleet.api.v1.EventRuleService/AcceptJobProposal", context, in, out,
      [this](const Caller& caller, const api::v1::AcceptJobProposalRequest& request,
             api::v1::JobProposal* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName(kProposals, request.name(), &id));
        ASSIGN_OR_RETURN(const JobProposalView view, proposals_.Accept(meta, id, request.reason()));
        *response = ToApi(view);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EventRuleServiceImpl::DeclineJobProposal(
    grpc::CallbackServerContext* context, const api::v1::DeclineJobProposalRequest* in,
    api::v1::JobProposal* out) {
  return gate_.Unary<api::v1::DeclineJobProposalRequest, api::v1::JobProposal>(
      "dbfleet.api.v1.EventRuleService/DeclineJobProposal", context, in, out,
      [this](const Caller& caller, const api::v1::DeclineJobProposalRequest& request,
             api::v1::JobProposal* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName(kProposals, request.name(), &id));
        ASSIGN_OR_RETURN(const JobProposalView view,
                         proposals_.Decline(meta, id, request.reason()));
        *response = ToApi(view);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* EventRuleServiceImpl::TestEventRule(
    grpc::CallbackServerContext* context, const api::v1::TestEventRuleRequest* in,
    api::v1::TestEventRuleResponse* out) {
  return gate_.Unary<api::v1::TestEventRuleRequest, api::v1::TestEventRuleResponse>(
      "dbfleet.api.v1.EventRuleService/TestEventRule", context, in, out,
      [this](const Caller& caller, const api::v1::TestEventRuleRequest& request,
             api::v1::TestEventRuleResponse* response) -> absl::Status {
        const absl::Duration window =
            request.has_window() ? FromProto(request.window()) : kDefaultWindow;
        if (window <= absl::ZeroDuration() || window > kLongestWindow) {
          return Error(absl::StatusCode::kInvalidArgument, "BAD_WINDOW",
                       "`window` must be above 0 and at most 31 days");
        }
        const absl::StatusOr<RuleRehearsal> found =
            proposals_.Rehearse(request.path(), request.manifest(), window, caller.rights);
        RETURN_IF_ERROR(
            gate_.Audited(caller, "dbfleet.api.v1.EventRuleService/TestEventRule", found.status()));
        for (const JobProposalView& view : found->proposals) {
          *response->add_proposals() = ToApi(view);
        }
        response->set_rule(absl::StrCat(kRules, "/", found->rule));
        response->set_events(found->events);
        response->set_records(found->records);
        response->mutable_suppressed()->insert(found->suppressed.begin(), found->suppressed.end());
        response->set_cut(found->cut);
        *response->mutable_from() = ToProto(found->from);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
