#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/time/clock.h"
#include "controller/api/gate.h"
#include "controller/api/job_views.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/identity/enrollment.h"
#include "controller/identity/principals.h"
#include "controller/jobs/job_manager.h"
#include "controller/store/store.h"
#include "dbfleet/api/v1/agent_service.grpc.pb.h"
#include "dbfleet/api/v1/environment_service.grpc.pb.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

// Thin handlers for what is not a job. Thread-safe; nothing owned.
namespace dbfleet::controller {

class EnvironmentServiceImpl : public api::v1::EnvironmentService::CallbackService {
 public:
  EnvironmentServiceImpl(const Gate& gate, Store& store) : gate_(gate), store_(store) {}

  grpc::ServerUnaryReactor* GetEnvironment(grpc::CallbackServerContext*,
                                           const api::v1::GetEnvironmentRequest*,
                                           api::v1::Environment*) override;
  grpc::ServerUnaryReactor* ListEnvironments(grpc::CallbackServerContext*,
                                             const api::v1::ListEnvironmentsRequest*,
                                             api::v1::ListEnvironmentsResponse*) override;

 private:
  const Gate& gate_;
  Store& store_;
};

class AgentServiceImpl : public api::v1::AgentService::CallbackService {
 public:
  AgentServiceImpl(const Gate& gate, Store& store, Enrollment& enrollment,
                   const Dispatcher& dispatcher, std::string agent_address)
      : gate_(gate),
        store_(store),
        enrollment_(enrollment),
        dispatcher_(dispatcher),
        agent_address_(std::move(agent_address)) {}

  grpc::ServerUnaryReactor* GetAgent(grpc::CallbackServerContext*, const api::v1::GetAgentRequest*,
                                     api::v1::Agent*) override;
  grpc::ServerUnaryReactor* ListAgents(grpc::CallbackServerContext*,
                                       const api::v1::ListAgentsRequest*,
                                       api::v1::ListAgentsResponse*) override;
  grpc::ServerUnaryReactor* CreateJoinToken(grpc::CallbackServerContext*,
                                            const api::v1::CreateJoinTokenRequest*,
                                            api::v1::JoinToken*) override;
  grpc::ServerUnaryReactor* RevokeAgent(grpc::CallbackServerContext*,
                                        const api::v1::RevokeAgentRequest*,
                                        api::v1::Agent*) override;
  grpc::ServerUnaryReactor* DrainAgent(grpc::CallbackServerContext*,
                                       const api::v1::DrainAgentRequest*, api::v1::Agent*) override;

 private:
  absl::StatusOr<api::v1::Agent> View(ReadTx& tx, const Agent& agent) const;
  absl::StatusOr<api::v1::Agent> Read(const std::string& id) const;

  const Gate& gate_;
  Store& store_;
  Enrollment& enrollment_;
  const Dispatcher& dispatcher_;
  const std::string agent_address_;
};

class InstanceServiceImpl : public api::v1::InstanceService::CallbackService {
 public:
  // The latest health that this agent reported, while it is connected; a report of another one, as
  // of the former agent of an instance that was moved just now, is none.
  using HealthOf = std::function<std::optional<work::v1::InstanceHealth>(
      const std::string& id, const std::string& agent_id)>;
  InstanceServiceImpl(const Gate& gate, Store& store, JobManager& jobs, JobViews& views,
                      Dispatcher& dispatcher, Clock& clock, HealthOf health_of)
      : gate_(gate),
        store_(store),
        jobs_(jobs),
        views_(views),
        dispatcher_(dispatcher),
        clock_(clock),
        health_of_(std::move(health_of)) {}

  grpc::ServerUnaryReactor* GetInstance(grpc::CallbackServerContext*,
                                        const api::v1::GetInstanceRequest*,
                                        api::v1::Instance*) override;
  grpc::ServerUnaryReactor* ListInstances(grpc::CallbackServerContext*,
                                          const api::v1::ListInstancesRequest*,
                                          api::v1::ListInstancesResponse*) override;
  grpc::ServerUnaryReactor* CheckInstance(grpc::CallbackServerContext*,
                                          const api::v1::CheckInstanceRequest*,
                                          api::v1::Job*) override;
  grpc::ServerUnaryReactor* InspectInstance(grpc::CallbackServerContext*,
                                            const api::v1::InspectInstanceRequest*,
                                            api::v1::Job*) override;
  grpc::ServerUnaryReactor* MoveInstance(grpc::CallbackServerContext*,
                                         const api::v1::MoveInstanceRequest*,
                                         api::v1::Instance*) override;
  grpc::ServerUnaryReactor* RemoveInstance(grpc::CallbackServerContext*,
                                           const api::v1::RemoveInstanceRequest*,
                                           api::v1::Instance*) override;

 private:
  // `agent`: the instance's, to say more of one that is not connected; may be nullptr.
  api::v1::Instance View(const Instance& instance, const Agent* agent) const;

  const Gate& gate_;
  Store& store_;
  JobManager& jobs_;
  JobViews& views_;
  Dispatcher& dispatcher_;
  Clock& clock_;
  const HealthOf health_of_;
};

class UserServiceImpl : public api::v1::UserService::CallbackService {
 public:
  UserServiceImpl(const Gate& gate, Store& store, Principals& principals, Clock& clock)
      : gate_(gate), store_(store), principals_(principals), clock_(clock) {}

  grpc::ServerUnaryReactor* CreateUser(grpc::CallbackServerContext*,
                                       const api::v1::CreateUserRequest*, api::v1::User*) override;
  grpc::ServerUnaryReactor* GetUser(grpc::CallbackServerContext*, const api::v1::GetUserRequest*,
                                    api::v1::User*) override;
  grpc::ServerUnaryReactor* ListUsers(grpc::CallbackServerContext*,
                                      const api::v1::ListUsersRequest*,
                                      api::v1::ListUsersResponse*) override;
  grpc::ServerUnaryReactor* UpdateUserRoles(grpc::CallbackServerContext*,
                                            const api::v1::UpdateUserRolesRequest*,
                                            api::v1::User*) override;
  grpc::ServerUnaryReactor* DisableUser(grpc::CallbackServerContext*,
                                        const api::v1::DisableUserRequest*,
                                        api::v1::User*) override;
  grpc::ServerUnaryReactor* EnableUser(grpc::CallbackServerContext*,
                                       const api::v1::EnableUserRequest*, api::v1::User*) override;
  grpc::ServerUnaryReactor* CreateToken(grpc::CallbackServerContext*,
                                        const api::v1::CreateTokenRequest*,
                                        api::v1::CreateTokenResponse*) override;
  grpc::ServerUnaryReactor* ListTokens(grpc::CallbackServerContext*,
                                       const api::v1::ListTokensRequest*,
                                       api::v1::ListTokensResponse*) override;
  grpc::ServerUnaryReactor* RevokeToken(grpc::CallbackServerContext*,
                                        const api::v1::RevokeTokenRequest*,
                                        api::v1::Token*) override;
  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext*, const api::v1::WhoAmIRequest*,
                                   api::v1::User*) override;

 private:
  absl::Status Show(const User& user, api::v1::User* response);
  // Takes roles or the account from somebody, and warns of the quorums that this leaves without
  // enough people.
  absl::Status Take(const std::function<absl::StatusOr<User>()>& take, api::v1::User* response);

  const Gate& gate_;
  Store& store_;
  Principals& principals_;
  Clock& clock_;
};

class MetaServiceImpl : public api::v1::MetaService::CallbackService {
 public:
  MetaServiceImpl(const Gate& gate, Store& store, Clock& clock, std::string version)
      : gate_(gate), store_(store), clock_(clock), version_(std::move(version)) {}

  grpc::ServerUnaryReactor* GetVersion(grpc::CallbackServerContext*,
                                       const api::v1::GetVersionRequest*,
                                       api::v1::Version*) override;

 private:
  const Gate& gate_;
  Store& store_;
  Clock& clock_;
  const std::string version_;
};

}  // namespace dbfleet::controller
