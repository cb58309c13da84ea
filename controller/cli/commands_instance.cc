#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Instance;
using api::v1::InstanceService;
using api::v1::Job;

std::string Labels(const Instance& instance) {
  std::map<std::string, std::string> sorted(instance.labels().begin(), instance.labels().end());
  return absl::StrJoin(sorted, ",", absl::PairFormatter("="));
}

std::string Health(const Instance& instance) {
  const std::string word = Word(instance.health().status());
  return word.empty() ? "unknown" : word;
}

Listing InstanceListing(const std::vector<const Instance*>& instances) {
  Listing listing;
  listing.columns = {
      IdentityColumn("NAME"), {"ENGINE"},        {"HEALTH"},         {"ENVIRONMENT"},
      TextColumn("AGENT"),    TextColumn("WHY"), {"ROLE"},           TextColumn("VERSION"),
      {"ENDPOINT", true},     {"LABELS", true},  {"OBSERVED", true}, {"FENCE", true},
      {"FORBIDDEN", true},    {"REMOVED", true}};
  for (const Instance* i : instances) {
    listing.items.push_back(
        {i,
         i->name(),
         {ShortName(i->name()), Word(i->engine()), Health(*i), ShortName(i->environment()),
          ShortName(i->agent()), absl::StrJoin(i->health().reasons(), "; "), Word(i->role()),
          i->server_version(), i->endpoint(), Labels(*i), Show(i->health().observe_time()),
          absl::StrCat(i->fence()), absl::StrJoin(i->forbidden_actions(), ","),
          i->removed() ? "yes" : ""}});
  }
  return listing;
}

absl::Status ListInstances(Shell& shell, const std::string& environment) {
  api::v1::ListInstancesRequest request;
  request.set_environment(environment);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto instances, (ListAll<InstanceService, Instance>(
                                             client, &InstanceService::Stub::ListInstances, request,
                                             &api::v1::ListInstancesResponse::instances, 0)));
  std::vector<const Instance*> pointers;
  for (const Instance& instance : instances) pointers.push_back(&instance);
  shell.PrintList(InstanceListing(pointers));
  return absl::OkStatus();
}

int ShowInstance(Shell& shell, const absl::StatusOr<Instance>& instance) {
  if (!instance.ok()) return shell.Fail(instance.status());
  shell.PrintOne(InstanceListing({&*instance}));
  return kExitOk;
}

absl::StatusOr<Instance> GetInstance(Shell& shell, const std::string& name) {
  api::v1::GetInstanceRequest request;
  request.set_name(FullName("instances", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<InstanceService>(&InstanceService::Stub::GetInstance, request);
}

absl::StatusOr<Job> Check(Shell& shell, const std::string& name) {
  api::v1::CheckInstanceRequest request;
  request.set_name(FullName("instances", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<InstanceService>(&InstanceService::Stub::CheckInstance, request);
}

struct InspectOptions {
  std::string name;
  std::string statement;
  std::string database;
  absl::Duration timeout;
  int max_rows = 0;
};

absl::StatusOr<Job> Inspect(Shell& shell, const InspectOptions& options) {
  api::v1::InspectInstanceRequest request;
  request.set_name(FullName("instances", options.name));
  std::string statement = options.statement;
  if (statement == "-") {
    statement.assign(std::istreambuf_iterator<char>(*shell.world().in), {});
  }
  request.mutable_spec()->set_statement(statement);
  request.mutable_spec()->set_database(options.database);
  request.mutable_spec()->set_max_rows(options.max_rows);
  if (options.timeout > absl::ZeroDuration()) {
    *request.mutable_spec()->mutable_timeout() = FromDuration(options.timeout);
  }
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<InstanceService>(&InstanceService::Stub::InspectInstance, request);
}

absl::StatusOr<Instance> Move(Shell& shell, const std::string& name, const std::string& agent,
                              const std::string& reason) {
  api::v1::MoveInstanceRequest request;
  request.set_name(FullName("instances", name));
  request.set_agent(FullName("agents", agent));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<InstanceService>(&InstanceService::Stub::MoveInstance, request);
}

absl::StatusOr<Instance> Remove(Shell& shell, const std::string& name, const std::string& reason) {
  api::v1::RemoveInstanceRequest request;
  request.set_name(FullName("instances", name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<InstanceService>(&InstanceService::Stub::RemoveInstance, request);
}

void AddWork(CLI::App* noun, Shell& shell) {
  auto name = std::make_shared<std::string>();
  auto check_wait = std::make_shared<WaitOptions>();
  CLI::App* check =
      AddVerb(*noun, "check", "Probe an instance's health now", shell, [&shell, name, check_wait] {
        return FinishJobCommand(shell, Check(shell, *name), *check_wait);
      });
  check->add_option("NAME", *name, "The instance")->required();
  AddImpliedWaitOptions(check, check_wait.get(), true);

  auto options = std::make_shared<InspectOptions>();
  auto inspect_wait = std::make_shared<WaitOptions>();
  CLI::App* inspect =
      AddVerb(*noun, "inspect", "Run one read-only statement and show its rows", shell,
              [&shell, options, inspect_wait] {
                return FinishJobCommand(shell, Inspect(shell, *options), *inspect_wait);
              });
  inspect->add_option("NAME", options->name, "The instance")->required();
  inspect->add_option("STATEMENT", options->statement, "The statement, or - for stdin")->required();
  inspect->add_option("--database,-d", options->database, "The database; default: the instance's");
  inspect->add_option("--max-rows", options->max_rows, "Rows to return; default 100, at most 10000")
      ->check(CLI::Range(1, 10000));
  AddLifetime(inspect, "--statement-timeout", &options->timeout, "Default 10s, at most 5m");
  AddImpliedWaitOptions(inspect, inspect_wait.get(), true);
}

}  // namespace

void AddInstanceCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "instance", "Database server processes");
  auto environment = std::make_shared<std::string>();
  AddVerb(*noun, "list", "List instances with their health", shell, [&shell, environment] {
    const absl::Status status = ListInstances(shell, *environment);
    return status.ok() ? kExitOk : shell.Fail(status);
  })->add_option("--environment,-e", *environment, "Only those of this environment");
  auto name = std::make_shared<std::string>();
  AddVerb(*noun, "get", "Show an instance", shell,
          [&shell, name] { return ShowInstance(shell, GetInstance(shell, *name)); })
      ->add_option("NAME", *name, "The instance")
      ->required();
  AddWork(noun, shell);

  auto agent = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  CLI::App* move = AddVerb(*noun, "move", "Give an instance to another agent", shell,
                           [&shell, name, agent, reason] {
                             return ShowInstance(shell, Move(shell, *name, *agent, *reason));
                           });
  move->add_option("NAME", *name, "The instance")->required();
  move->add_option("--agent", *agent, "The new agent, of the same environment")->required();
  AddReason(move, reason.get(), true);

  CLI::App* remove = AddVerb(
      *noun, "remove", "Forget an instance that no agent reports any more", shell,
      [&shell, name, reason] { return ShowInstance(shell, Remove(shell, *name, *reason)); });
  remove->add_option("NAME", *name, "The instance")->required();
  AddReason(remove, reason.get(), true);
}

}  // namespace dbfleet::cli
