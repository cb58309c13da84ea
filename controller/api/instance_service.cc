#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/api/directory_services.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {
namespace {

absl::Status RequireReason(const std::string& reason) {
  if (!reason.empty() && reason.size() <= 4000) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "REASON_REQUIRED",
               "a reason is needed here, of at most 4000 bytes (--reason)");
}

// Work that is under way on the instance belongs to its present agent.
absl::Status RequireIdle(ReadTx& tx, const Instance& instance) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfInstance(instance.id));
  for (const Attempt& attempt : open) {
    if (attempt.state == AttemptState::kQueued) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_BUSY",
                 absl::StrCat("instances/", instance.id, " has work under way: jobs/",
                              attempt.job_id, " (", NameOf(attempt.state), ")"));
  }
  return absl::OkStatus();
}

// An agent that has only just gone is likely to come back, and to report the instance again.
absl::Status RequireGone(ReadTx& tx, const Instance& instance, absl::Time now) {
  constexpr absl::Duration kGrace = absl::Minutes(2);
  ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(instance.agent_id));
  if (agent.revoked || now - agent.last_seen_time >= kGrace) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_IN_USE",
               absl::StrCat("agents/", agent.id, " was connected a moment ago; wait for ",
                            absl::FormatDuration(kGrace), ", or revoke it first"));
}

absl::Status AuditInstance(WriteTx& tx, const Caller& caller, const Instance& instance,
                           absl::string_view action, std::map<std::string, std::string> details) {
  return tx.AppendAudit({caller.principal, std::string(action),
                         absl::StrCat("instances/", instance.id), instance.environment,
                         std::move(details)});
}

}  // namespace

api::v1::Instance InstanceServiceImpl::View(const Instance& instance, const Agent* agent) const {
  api::v1::Instance out = ToApi(instance);
  const auto unknown = [&out](absl::string_view why) {
    out.mutable_health()->set_status(work::v1::HEALTH_STATUS_UNKNOWN);
    out.mutable_health()->add_reasons(std::string(why));
    return out;
  };
  const std::optional<Dispatcher::Live> live = dispatcher_.Find(instance.agent_id);
  if (!live.has_value() && agent != nullptr && agent->revoked) {
    return unknown(absl::StrCat("its agent, agents/", instance.agent_id, ", ", WhyRevoked(*agent)));
  }
  if (!live.has_value()) {
    return unknown(absl::StrCat("its agent, agents/", instance.agent_id, ", is not connected"));
  }
  if (live->declared->count(instance.id) == 0) {
    return unknown(absl::StrCat("agents/", instance.agent_id,
                                " is connected, but has no such instance in its configuration; add "
                                "it there and restart the agent, or move the instance to the agent "
                                "that has it: dbfleet instance move ",
                                instance.id, " --agent AGENT"));
  }
  std::optional<work::v1::InstanceHealth> health = health_of_(instance.id, instance.agent_id);
  if (!health.has_value()) return unknown("its agent has not reported on it yet");
  *out.mutable_health() = *std::move(health);
  return out;
}

grpc::ServerUnaryReactor* InstanceServiceImpl::GetInstance(grpc::CallbackServerContext* context,
                                                           const api::v1::GetInstanceRequest* in,
                                                           api::v1::Instance* out) {
  return gate_.Unary<api::v1::GetInstanceRequest, api::v1::Instance>(
      "dbfleet.api.v1.InstanceService/GetInstance", context, in, out,
      [this](const Caller&, const api::v1::GetInstanceRequest& request,
             api::v1::Instance* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("instances", request.name(), &id));
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Instance instance, GetLiveInstance(tx, id));
          const absl::StatusOr<Agent> agent = tx.GetAgent(instance.agent_id);
          *response = View(instance, agent.ok() ? &*agent : nullptr);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* InstanceServiceImpl::ListInstances(
    grpc::CallbackServerContext* context, const api::v1::ListInstancesRequest* in,
    api::v1::ListInstancesResponse* out) {
  return gate_.Unary<api::v1::ListInstancesRequest, api::v1::ListInstancesResponse>(
      "dbfleet.api.v1.InstanceService/ListInstances", context, in, out,
      [this](const Caller& caller, const api::v1::ListInstancesRequest& request,
             api::v1::ListInstancesResponse* response) -> absl::Status {
        const std::string environment = EnvironmentId(request.environment());
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          RETURN_IF_ERROR(CheckEnvironmentFilter(tx, environment));
          ASSIGN_OR_RETURN(const Page<Instance> page,
                           tx.ListInstances(ListedOf(caller, environment),
                                            {request.page_size(), request.page_token()}));
          for (const Instance& instance : page.items) {
            if (instance.removed) continue;
            const absl::StatusOr<Agent> agent = tx.GetAgent(instance.agent_id);
            *response->add_instances() = View(instance, agent.ok() ? &*agent : nullptr);
          }
          response->set_next_page_token(page.next_token);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* InstanceServiceImpl::CheckInstance(
    grpc::CallbackServerContext* context, const api::v1::CheckInstanceRequest* in,
    api::v1::Job* out) {
  return gate_.Unary<api::v1::CheckInstanceRequest, api::v1::Job>(
      "dbfleet.api.v1.InstanceService/CheckInstance", context, in, out,
      [this](const Caller& caller, const api::v1::CheckInstanceRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("instances", request.name(), &id));
        ASSIGN_OR_RETURN(const JobPicture picture,
                         jobs_.SubmitCheckAndShow(meta, id, views_.why_no_work()));
        ASSIGN_OR_RETURN(*response, views_.Of(picture));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InstanceServiceImpl::InspectInstance(
    grpc::CallbackServerContext* context, const api::v1::InspectInstanceRequest* in,
    api::v1::Job* out) {
  return gate_.Unary<api::v1::InspectInstanceRequest, api::v1::Job>(
      "dbfleet.api.v1.InstanceService/InspectInstance", context, in, out,
      [this](const Caller& caller, const api::v1::InspectInstanceRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("instances", request.name(), &id));
        ASSIGN_OR_RETURN(const Job job, jobs_.SubmitInspect(meta, id, request.spec()));
        ASSIGN_OR_RETURN(*response, views_.ById(job.id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InstanceServiceImpl::MoveInstance(grpc::CallbackServerContext* context,
                                                            const api::v1::MoveInstanceRequest* in,
                                                            api::v1::Instance* out) {
  return gate_.Unary<api::v1::MoveInstanceRequest, api::v1::Instance>(
      "dbfleet.api.v1.InstanceService/MoveInstance", context, in, out,
      [this](const Caller& caller, const api::v1::MoveInstanceRequest& request,
             api::v1::Instance* response) -> absl::Status {
        std::string id;
        std::string agent_id;
        RETURN_IF_ERROR(ParseResourceName("instances", request.name(), &id));
        RETURN_IF_ERROR(ParseResourceName("agents", request.agent(), &agent_id));
        RETURN_IF_ERROR(RequireReason(request.reason()));
        Instance moved;
        std::string from;
        RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(Instance instance, GetLiveInstance(tx, id));
          moved = instance;
          if (instance.agent_id == agent_id) return absl::OkStatus();
          ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(agent_id));
          if (agent.revoked || agent.environment != instance.environment) {
            return Error(absl::StatusCode::kFailedPrecondition, "AGENT_UNSUITABLE",
                         absl::StrCat("agents/", agent_id, " is ",
                                      agent.revoked ? "revoked" : "of another environment"));
          }
          RETURN_IF_ERROR(RequireIdle(tx, instance));
          from = instance.agent_id;
          instance.agent_id = agent_id;
          RETURN_IF_ERROR(tx.UpdateInstance(&instance));
          moved = instance;
          return AuditInstance(tx, caller, instance, "instance.move",
                               {{"from", from}, {"to", agent_id}, {"reason", request.reason()}});
        }));
        *response = View(moved, nullptr);
        if (!from.empty()) dispatcher_.InstanceMoved(id);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InstanceServiceImpl::RemoveInstance(
    grpc::CallbackServerContext* context, const api::v1::RemoveInstanceRequest* in,
    api::v1::Instance* out) {
  return gate_.Unary<api::v1::RemoveInstanceRequest, api::v1::Instance>(
      "dbfleet.api.v1.InstanceService/RemoveInstance", context, in, out,
      [this](const Caller& caller, const api::v1::RemoveInstanceRequest& request,
             api::v1::Instance* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("instances", request.name(), &id));
        RETURN_IF_ERROR(RequireReason(request.reason()));
        Instance removed;
        RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(Instance instance, GetLiveInstance(tx, id));
          if (dispatcher_.IsConnected(instance.agent_id)) {
            return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_IN_USE",
                         absl::StrCat("agents/", instance.agent_id,
                                      " is connected and manages "
                                      "instances/",
                                      id,
                                      "; take it out of the agent's "
                                      "configuration and stop the agent first"));
          }
          RETURN_IF_ERROR(RequireGone(tx, instance, clock_.Now()));
          RETURN_IF_ERROR(RequireIdle(tx, instance));
          instance.removed = true;
          RETURN_IF_ERROR(tx.UpdateInstance(&instance));
          removed = instance;
          return AuditInstance(tx, caller, instance, "instance.remove",
                               {{"reason", request.reason()}});
        }));
        *response = View(removed, nullptr);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
