#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/secret_output.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/agent_service.grpc.pb.h"
#include "dbfleet/api/v1/environment_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Agent;
using api::v1::AgentService;
using api::v1::Environment;
using api::v1::EnvironmentService;

// "from qa within 30d, rehearsed".
std::string PromotionOf(const api::v1::EnvironmentPolicy& policy) {
  if (!policy.has_promotion()) return "";
  return absl::StrCat("from ", ShortName(policy.promotion().from()), " within ",
                      Show(policy.promotion().within()),
                      policy.promotion().rehearsal() ? ", rehearsed" : "");
}

Listing EnvironmentListing(const std::vector<const Environment*>& environments) {
  Listing listing;
  listing.columns = {
      IdentityColumn("NAME"), TextColumn("DISPLAY NAME"), {"AGENTS"},     {"INSTANCES"},
      {"APPROVALS"},          {"BACKUP MAX AGE"},         {"WINDOW FOR"}, {"PROMOTION"},
      {"CONSENT", true},      {"APPROVAL TTL", true}};
  for (const Environment* e : environments) {
    const auto& policy = e->policy();
    listing.items.push_back(
        {e,
         e->name(),
         {ShortName(e->name()), e->display_name(), absl::StrCat(e->agent_count()),
          absl::StrCat(e->instance_count()), absl::StrCat(policy.destructive_approvals()),
          policy.has_verified_backup_max_age() ? Show(policy.verified_backup_max_age()) : "",
          policy.window_for(), PromotionOf(policy), policy.destructive_consent() ? "yes" : "no",
          policy.has_approval_ttl() ? Show(policy.approval_ttl()) : ""}});
  }
  return listing;
}

Listing AgentListing(const std::vector<const Agent*>& agents) {
  Listing listing;
  listing.columns = {IdentityColumn("NAME"),
                     {"STATE"},
                     {"ENVIRONMENT"},
                     TextColumn("INSTANCES"),
                     {"VERSION"},
                     {"LAST SEEN"},
                     {"DRAINING"},
                     {"ENROLLED", true},
                     {"CERTIFICATE UNTIL", true},
                     {"SERIAL", true},
                     {"CLOCK SKEW", true},
                     {"CAPABILITIES", true},
                     {"WHY", true},
                     {"REFUSED INSTANCES", true}};
  for (const Agent* a : agents) {
    std::vector<std::string> instances(a->instances().begin(), a->instances().end());
    std::vector<std::string> refused;
    for (const auto& [name, why] : a->refused_instances()) {
      instances.push_back(absl::StrCat(name, " (refused)"));
      refused.push_back(absl::StrCat(name, ": ", why));
    }
    std::sort(refused.begin(), refused.end());
    listing.items.push_back(
        {a,
         a->name(),
         {ShortName(a->name()), Word(a->state()), ShortName(a->environment()), JoinShort(instances),
          a->version(), Show(a->last_seen_time()), a->draining() ? "yes" : "",
          Show(a->enroll_time()), Show(a->certificate_expire_time()), a->serial(),
          a->has_clock_skew() ? Show(a->clock_skew()) : "", absl::StrJoin(a->capabilities(), ","),
          a->state_reason(), absl::StrJoin(refused, "; ")}});
  }
  return listing;
}

absl::Status ListEnvironments(Shell& shell) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto found, (ListAll<EnvironmentService, Environment>(
                                         client, &EnvironmentService::Stub::ListEnvironments,
                                         api::v1::ListEnvironmentsRequest(),
                                         &api::v1::ListEnvironmentsResponse::environments, 0)));
  std::vector<const Environment*> pointers;
  for (const Environment& environment : found) pointers.push_back(&environment);
  shell.PrintList(EnvironmentListing(pointers));
  return absl::OkStatus();
}

absl::Status GetEnvironment(Shell& shell, const std::string& name) {
  api::v1::GetEnvironmentRequest request;
  request.set_name(FullName("environments", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(
      const Environment environment,
      client->Call<EnvironmentService>(&EnvironmentService::Stub::GetEnvironment, request));
  shell.PrintOne(EnvironmentListing({&environment}));
  return absl::OkStatus();
}

absl::Status ListAgents(Shell& shell, const std::string& environment) {
  api::v1::ListAgentsRequest request;
  request.set_environment(environment);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto agents,
                   (ListAll<AgentService, Agent>(client, &AgentService::Stub::ListAgents, request,
                                                 &api::v1::ListAgentsResponse::agents, 0)));
  std::vector<const Agent*> pointers;
  for (const Agent& agent : agents) pointers.push_back(&agent);
  shell.PrintList(AgentListing(pointers));
  return absl::OkStatus();
}

int ShowAgent(Shell& shell, const absl::StatusOr<Agent>& agent) {
  if (!agent.ok()) return shell.Fail(agent.status());
  shell.PrintOne(AgentListing({&*agent}));
  return kExitOk;
}

absl::StatusOr<Agent> GetAgent(Shell& shell, const std::string& name) {
  api::v1::GetAgentRequest request;
  request.set_name(FullName("agents", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<AgentService>(&AgentService::Stub::GetAgent, request);
}

absl::StatusOr<Agent> RevokeAgent(Shell& shell, const std::string& name,
                                  const std::string& reason) {
  api::v1::RevokeAgentRequest request;
  request.set_name(FullName("agents", name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const Agent agent,
                   client->Call<AgentService>(&AgentService::Stub::RevokeAgent, request));
  if (agent.state_reason() != reason) {
    shell.Note(absl::StrCat(agent.name(), " was revoked before, with the reason \"",
                            agent.state_reason(), "\", which stays"));
  }
  return agent;
}

absl::StatusOr<Agent> DrainAgent(Shell& shell, const std::string& name, bool undo) {
  api::v1::DrainAgentRequest request;
  request.set_name(FullName("agents", name));
  request.set_undo(undo);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<AgentService>(&AgentService::Stub::DrainAgent, request);
}

struct JoinTokenOptions {
  std::string agent;
  std::string environment;
  absl::Duration ttl;
  SecretOut out;
};

absl::Status CreateJoinToken(Shell& shell, const JoinTokenOptions& options) {
  SecretFile file;
  RETURN_IF_ERROR(file.Reserve(options.out));
  api::v1::CreateJoinTokenRequest request;
  request.set_agent_id(absl::StartsWith(options.agent, "agents/") ? ShortName(options.agent)
                                                                  : options.agent);
  request.set_environment(options.environment);
  if (options.ttl > absl::ZeroDuration()) *request.mutable_ttl() = FromDuration(options.ttl);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(auto token,
                   client->Call<AgentService>(&AgentService::Stub::CreateJoinToken, request));
  RETURN_IF_ERROR(file.Keep(shell, token.mutable_token()));
  Listing listing;
  listing.columns = {{"AGENT"}, {"ENVIRONMENT"}, {"EXPIRES"}, {"CONTROLLER"}, {"TOKEN"}};
  listing.items.push_back({&token,
                           token.agent_id(),
                           {token.agent_id(), ShortName(token.environment()),
                            Show(token.expire_time()), token.controller_address(), token.token()}});
  shell.PrintOne(listing);
  return absl::OkStatus();
}

int Done(Shell& shell, const absl::Status& status) {
  return status.ok() ? kExitOk : shell.Fail(status);
}

}  // namespace

void AddEnvironmentCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "environment", "Environments and what they demand");
  AddVerb(*noun, "list", "List environments", shell,
          [&shell] { return Done(shell, ListEnvironments(shell)); });
  auto name = std::make_shared<std::string>();
  AddVerb(*noun, "get", "Show an environment and its policy", shell,
          [&shell, name] { return Done(shell, GetEnvironment(shell, *name)); })
      ->add_option("NAME", *name, "The environment")
      ->required();
}

void AddAgentCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "agent", "Agents on database hosts");
  auto environment = std::make_shared<std::string>();
  AddVerb(*noun, "list", "List agents", shell, [&shell, environment] {
    return Done(shell, ListAgents(shell, *environment));
  })->add_option("--environment,-e", *environment, "Only those of this environment");

  auto name = std::make_shared<std::string>();
  AddVerb(*noun, "get", "Show an agent", shell,
          [&shell, name] { return ShowAgent(shell, GetAgent(shell, *name)); })
      ->add_option("NAME", *name, "The agent")
      ->required();

  CLI::App* token = AddNoun(*noun, "token", "Join tokens");
  auto join = std::make_shared<JoinTokenOptions>();
  CLI::App* create =
      AddVerb(*token, "create", "Make a one-time token for one agent; it is shown once", shell,
              [&shell, join] { return Done(shell, CreateJoinToken(shell, *join)); });
  create->add_option("AGENT", join->agent, "The agent's name to be")->required();
  create->add_option("--environment,-e", join->environment, "Its environment")->required();
  AddLifetime(create, "--ttl", &join->ttl, "The token's lifetime; default and at most 15m");
  AddSecretOut(create, &join->out);

  auto reason = std::make_shared<std::string>();
  CLI::App* revoke = AddVerb(
      *noun, "revoke", "End an agent's identity for good", shell,
      [&shell, name, reason] { return ShowAgent(shell, RevokeAgent(shell, *name, *reason)); });
  revoke->add_option("NAME", *name, "The agent")->required();
  AddReason(revoke, reason.get(), true);

  auto undo = std::make_shared<bool>(false);
  CLI::App* drain =
      AddVerb(*noun, "drain", "Offer an agent no new work", shell,
              [&shell, name, undo] { return ShowAgent(shell, DrainAgent(shell, *name, *undo)); });
  drain->add_option("NAME", *name, "The agent")->required();
  drain->add_flag("--undo", *undo, "Offer it work again");
}

}  // namespace dbfleet::cli
