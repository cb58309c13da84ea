#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/api/directory_services.h"
#include "controller/dispatch/wire.h"

namespace dbfleet::controller {

absl::StatusOr<api::v1::Agent> AgentServiceImpl::View(ReadTx& tx, const Agent& agent) const {
  const std::optional<Dispatcher::Live> live = dispatcher_.Find(agent.id);
  api::v1::Agent out = ToApi(agent, live.has_value());
  if (live.has_value()) {
    *out.mutable_clock_skew() = ToProto(live->clock_skew);
    *out.mutable_last_seen_time() = ToProto(live->last_heard_time);
  }
  ASSIGN_OR_RETURN(const std::vector<Instance> instances, tx.InstancesOfAgent(agent.id));
  for (const Instance& instance : instances) {
    if (!instance.removed) out.add_instances(absl::StrCat("instances/", instance.id));
  }
  if (!live.has_value()) return out;
  for (const auto& [name, why] : *live->refused) {
    const absl::StatusOr<Instance> other = tx.GetInstance(name);
    if (!other.ok() && !absl::IsNotFound(other.status())) return other.status();
    // It was moved here since.
    if (other.ok() && other->agent_id == agent.id && !other->removed) continue;
    // Who sees this agent need not see what others there are, nor where.
    const bool elsewhere = other.ok() && other->environment != agent.environment;
    (*out.mutable_refused_instances())[name] =
        elsewhere ? "the name stands for an instance of another environment; name it otherwise in "
                    "this agent's configuration (the agent's own log says which environment)"
                  : why;
  }
  return out;
}

absl::StatusOr<api::v1::Agent> AgentServiceImpl::Read(const std::string& id) const {
  api::v1::Agent out;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(id));
    ASSIGN_OR_RETURN(out, View(tx, agent));
    return absl::OkStatus();
  }));
  return out;
}

grpc::ServerUnaryReactor* AgentServiceImpl::GetAgent(grpc::CallbackServerContext* context,
                                                     const api::v1::GetAgentRequest* in,
                                                     api::v1::Agent* out) {
  return gate_.Unary<api::v1::GetAgentRequest, api::v1::Agent>(
      "dbfleet.api.v1.AgentService/GetAgent", context, in, out,
      [this](const Caller&, const api::v1::GetAgentRequest& request,
             api::v1::Agent* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("agents", request.name(), &id));
        ASSIGN_OR_RETURN(*response, Read(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AgentServiceImpl::ListAgents(grpc::CallbackServerContext* context,
                                                       const api::v1::ListAgentsRequest* in,
                                                       api::v1::ListAgentsResponse* out) {
  return gate_.Unary<api::v1::ListAgentsRequest, api::v1::ListAgentsResponse>(
      "dbfleet.api.v1.AgentService/ListAgents", context, in, out,
      [this](const Caller& caller, const api::v1::ListAgentsRequest& request,
             api::v1::ListAgentsResponse* response) -> absl::Status {
        const std::string environment = EnvironmentId(request.environment());
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          RETURN_IF_ERROR(CheckEnvironmentFilter(tx, environment));
          ASSIGN_OR_RETURN(const Page<Agent> page,
                           tx.ListAgents(ListedOf(caller, environment),
                                         {request.page_size(), request.page_token()}));
          for (const Agent& agent : page.items) {
            ASSIGN_OR_RETURN(*response->add_agents(), View(tx, agent));
          }
          response->set_next_page_token(page.next_token);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AgentServiceImpl::CreateJoinToken(
    grpc::CallbackServerContext* context, const api::v1::CreateJoinTokenRequest* in,
    api::v1::JoinToken* out) {
  return gate_.Unary<api::v1::CreateJoinTokenRequest, api::v1::JoinToken>(
      "dbfleet.api.v1.AgentService/CreateJoinToken", context, in, out,
      [this](const Caller& caller, const api::v1::CreateJoinTokenRequest& request,
             api::v1::JoinToken* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        ASSIGN_OR_RETURN(const Enrollment::CreatedJoinToken created,
                         enrollment_.CreateJoinToken(meta.principal, request.agent_id(),
                                                     EnvironmentId(request.environment()),
                                                     FromProto(request.ttl()), meta.request_id));
        response->set_token(created.token.Reveal());
        response->set_agent_id(created.agent_id);
        response->set_environment(absl::StrCat("environments/", created.environment));
        *response->mutable_expire_time() = ToProto(created.expire_time);
        response->set_controller_address(agent_address_);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AgentServiceImpl::RevokeAgent(grpc::CallbackServerContext* context,
                                                        const api::v1::RevokeAgentRequest* in,
                                                        api::v1::Agent* out) {
  return gate_.Unary<api::v1::RevokeAgentRequest, api::v1::Agent>(
      "dbfleet.api.v1.AgentService/RevokeAgent", context, in, out,
      [this](const Caller& caller, const api::v1::RevokeAgentRequest& request,
             api::v1::Agent* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("agents", request.name(), &id));
        RETURN_IF_ERROR(enrollment_.Revoke(caller.principal, id, request.reason()).status());
        ASSIGN_OR_RETURN(*response, Read(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AgentServiceImpl::DrainAgent(grpc::CallbackServerContext* context,
                                                       const api::v1::DrainAgentRequest* in,
                                                       api::v1::Agent* out) {
  return gate_.Unary<api::v1::DrainAgentRequest, api::v1::Agent>(
      "dbfleet.api.v1.AgentService/DrainAgent", context, in, out,
      [this](const Caller& caller, const api::v1::DrainAgentRequest& request,
             api::v1::Agent* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("agents", request.name(), &id));
        RETURN_IF_ERROR(enrollment_.Drain(caller.principal, id, request.undo()).status());
        ASSIGN_OR_RETURN(*response, Read(id));
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
