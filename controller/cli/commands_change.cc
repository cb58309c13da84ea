#include <memory>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/migration/migration_set.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/job_view.h"
#include "controller/cli/queue_options.h"
#include "controller/cli/resolve.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ChangeService;
using api::v1::Job;

struct SubmitOptions {
  std::string folder;
  std::string environment;
  std::vector<std::string> instances;
  std::string database;
  bool client = false;
  std::string account;
  std::string title;
  std::string reason;
  bool approve_destructive = false;
  bool fresh_backup = false;
  bool existing_backup = false;
  bool out_of_order = false;
  bool validate_only = false;
  int max_parallel = 0;
  int canary = 0;
  std::vector<std::string> waves;
  absl::Duration pause_between;
  std::string failure_budget;
  std::string on_failure;
  bool no_health_check = false;
  absl::Duration expire_after;
  absl::Duration lock_timeout;
  absl::Duration statement_timeout;
  QueueOptions queue;
  WaitOptions wait;
};

void SetIfGiven(absl::Duration value,
                google::protobuf::Duration* (api::v1::SubmitChangeRequest::*field)(),
                api::v1::SubmitChangeRequest* request) {
  if (value > absl::ZeroDuration()) *(request->*field)() = FromDuration(value);
}

// The files travel as they are; parsing them here only brings their errors early.
absl::Status AddFiles(const std::string& folder, api::v1::SubmitChangeRequest* request) {
  ASSIGN_OR_RETURN(const std::vector<migration::File> files, migration::ReadFolder(folder));
  RETURN_IF_ERROR(migration::ParseFiles(files).status());
  for (const migration::File& file : files) {
    api::v1::MigrationFile* added = request->add_files();
    added->set_path(file.path);
    added->set_content(file.content);
  }
  return absl::OkStatus();
}

absl::Status SetRollout(const SubmitOptions& options, api::v1::Rollout* rollout) {
  rollout->set_canary(options.canary);
  for (const std::string& wave : options.waves) rollout->add_waves(wave);
  if (options.pause_between > absl::ZeroDuration()) {
    *rollout->mutable_pause_between() = FromDuration(options.pause_between);
  }
  rollout->set_failure_budget(options.failure_budget);
  if (!options.on_failure.empty()) {
    ASSIGN_OR_RETURN(const int number,
                     ParseEnumWord(api::v1::Rollout::OnFailure_descriptor(), options.on_failure));
    rollout->set_on_failure(static_cast<api::v1::Rollout::OnFailure>(number));
  }
  rollout->set_health_check(!options.no_health_check);
  return absl::OkStatus();
}

absl::StatusOr<Job> Submit(Shell& shell, const SubmitOptions& options, bool plan_only) {
  using Request = api::v1::SubmitChangeRequest;
  Request request;
  RETURN_IF_ERROR(AddFiles(options.folder, &request));
  request.set_environment(options.environment);
  for (const std::string& name : options.instances) {
    request.add_instances(FullName("instances", name));
  }
  request.set_database(options.database);
  request.set_database_kind(options.client ? work::v1::DATABASE_KIND_CLIENT
                                           : work::v1::DATABASE_KIND_COMMON);
  request.set_account_id(options.account);
  request.set_title(options.title);
  request.set_reason(options.reason);
  request.set_approve_destructive(options.approve_destructive);
  request.set_plan_only(plan_only);
  request.set_allow_out_of_order(options.out_of_order);
  request.set_validate_only(options.validate_only);
  request.set_max_parallel(options.max_parallel);
  RETURN_IF_ERROR(SetRollout(options, request.mutable_rollout()));
  if (options.fresh_backup) request.set_backup_gate(api::v1::BACKUP_GATE_FRESH);
  if (options.existing_backup) request.set_backup_gate(api::v1::BACKUP_GATE_EXISTING);
  SetIfGiven(options.expire_after, &Request::mutable_expire_after, &request);
  SetIfGiven(options.lock_timeout, &Request::mutable_lock_timeout, &request);
  SetIfGiven(options.statement_timeout, &Request::mutable_statement_timeout, &request);
  if (!plan_only) *request.mutable_queue() = PlaceOf(options.queue);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ChangeService>(&ChangeService::Stub::SubmitChange, request);
}

// One wave is no mistake where a pipeline asks the same for all its fleets, but nobody should count
// on what happens between several.
void NoteOneWave(Shell& shell, const SubmitOptions& options, const Job& job) {
  const size_t targets = options.instances.size();
  if (options.waves.empty() || targets < 2 || job.rollout().wave_count() != 1) return;
  shell.Note(absl::StrCat("dbfleet: warning: the first wave (", options.waves.front(),
                          ") holds all of the ", targets,
                          " targets: no second one waits for it, nor for a check of it"));
}

int RunSubmit(Shell& shell, const SubmitOptions& options) {
  auto job = Submit(shell, options, false);
  if (job.ok()) NoteOneWave(shell, options, *job);
  if (job.ok() && options.validate_only) {
    shell.Note("The request and the files are good; nothing was submitted");
    return kExitOk;
  }
  if (job.ok() && !options.wait.wait) {
    shell.Note(absl::StrCat("Submitted. See its plan: dbfleet change get ", ShortName(job->name()),
                            "; follow it: dbfleet change wait ", ShortName(job->name())));
  }
  return FinishJobCommand(shell, job, options.wait);
}

// Planning is what was asked for, so the plan is the output.
int RunPlan(Shell& shell, const SubmitOptions& options) {
  auto submitted = Submit(shell, options, true);
  if (!submitted.ok()) return shell.Fail(submitted.status());
  NoteOneWave(shell, options, *submitted);
  Job job = *submitted;
  const int code = WaitForJob(shell, job.name(), options.wait, &job);
  shell.PrintOne(JobListing(job), shell.for_people() ? DescribeChange(job) : "");
  return code;
}

void AddSubmitOptions(CLI::App* command, SubmitOptions* options) {
  command->add_option("--dir", options->folder, "The folder with the migration files")->required();
  command->add_option("--environment,-e", options->environment, "The environment")->required();
  command->add_option("--instance,-i", options->instances, "A target instance; may repeat")
      ->required();
  command->add_option("--database,-d", options->database, "The database on each instance")
      ->required();
  CLI::Option* client =
      command->add_flag("--client", options->client, "It is one account's database");
  CLI::Option* account = command->add_option("--account", options->account, "The account's id");
  client->needs(account);
  account->needs(client);
  command->add_option("--title", options->title, "A title for people");
  AddReason(command, &options->reason, false);
  command->add_flag("--approve-destructive", options->approve_destructive,
                    "Yes, I know that this may destroy data");
  CLI::Option* fresh = command->add_flag("--fresh-backup", options->fresh_backup,
                                         "Take a backup first, whatever exists");
  command
      ->add_flag("--existing-backup", options->existing_backup,
                 "Use a verified backup that exists, or wait for one")
      ->excludes(fresh);
  command->add_flag("--out-of-order", options->out_of_order,
                    "Apply versions below the highest one applied");
  command->add_option("--max-parallel", options->max_parallel, "Targets at a time; default 1")
      ->check(CLI::Range(1, 1000));
  command->add_option("--canary", options->canary, "So many targets first, in a wave of their own")
      ->check(CLI::Range(1, 10'000));
  command
      ->add_option("--waves", options->waves,
                   "The sizes of the waves, such as 2,10%,50%; the last repeats")
      ->delimiter(',');
  AddDuration(command, "--pause-between", &options->pause_between,
              "From the end of a wave to the next; default none");
  command->add_option("--failure-budget", options->failure_budget,
                      "Targets that may fail, such as 2 or 5%; default none");
  command->add_option("--on-failure", options->on_failure,
                      "When more have failed: stop (default), pause or rollback");
  command->add_flag("--no-health-check", options->no_health_check,
                    "Do not check the changed targets between two waves");
  AddLifetime(command, "--expire-after", &options->expire_after, "Not started by then; default 7d");
  AddLifetime(command, "--lock-timeout", &options->lock_timeout, "Per statement; default 5s");
  AddDuration(command, "--statement-timeout", &options->statement_timeout, "Default: none");
}

int ShowChange(Shell& shell, const std::string& name) {
  auto full = ResolveName(shell, IdKind::kChange, name);
  if (!full.ok()) return shell.Fail(full.status());
  api::v1::GetJobRequest request;
  request.set_name(*full);
  auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  auto job = (*client)->Call<ChangeService>(&ChangeService::Stub::GetChange, request);
  if (!job.ok()) return shell.Fail(job.status());
  shell.PrintOne(JobListing(*job), shell.for_people() ? DescribeChange(*job) : "");
  return kExitOk;
}

absl::Status ListChanges(Shell& shell, const std::string& environment, const std::string& state,
                         size_t limit) {
  api::v1::ListJobsRequest request;
  request.set_environment(environment);
  if (!state.empty()) {
    ASSIGN_OR_RETURN(const int number, ParseEnumWord(Job::State_descriptor(), state));
    request.set_state(static_cast<Job::State>(number));
  }
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto jobs,
                   (ListAll<ChangeService, Job>(client, &ChangeService::Stub::ListChanges, request,
                                                &api::v1::ListJobsResponse::jobs, limit)));
  shell.PrintList(JobListing(jobs));
  return absl::OkStatus();
}

}  // namespace

void AddChangeCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "change", "Migrations: plan, submit, approve, roll back");
  auto plan_options = std::make_shared<SubmitOptions>();
  CLI::App* plan = AddVerb(*noun, "plan", "Show what a change would do; run nothing", shell,
                           [&shell, plan_options] { return RunPlan(shell, *plan_options); });
  AddSubmitOptions(plan, plan_options.get());
  AddImpliedWaitOptions(plan, &plan_options->wait, false);

  auto options = std::make_shared<SubmitOptions>();
  CLI::App* submit = AddVerb(*noun, "submit", "Submit a change", shell,
                             [&shell, options] { return RunSubmit(shell, *options); });
  AddSubmitOptions(submit, options.get());
  submit->add_flag("--validate-only", options->validate_only,
                   "Check the request and the files; submit nothing");
  AddQueueOptions(submit, &options->queue);
  AddWaitOptions(submit, &options->wait);

  auto environment = std::make_shared<std::string>();
  auto state = std::make_shared<std::string>();
  auto limit = std::make_shared<size_t>(50);
  CLI::App* list =
      AddVerb(*noun, "list", "List changes", shell, [&shell, environment, state, limit] {
        const absl::Status status = ListChanges(shell, *environment, *state, *limit);
        return status.ok() ? kExitOk : shell.Fail(status);
      });
  list->add_option("--environment,-e", *environment, "Only those of this environment");
  list->add_option("--state", *state, "Only those in this state, such as awaiting_approval");
  AddLimit(list, limit.get());

  auto name = std::make_shared<std::string>();
  AddVerb(*noun, "get", "Show a change with its plan", shell,
          [&shell, name] { return ShowChange(shell, *name); })
      ->add_option("NAME", *name, "The change")
      ->required();
  AddDecisionCommands(*noun, shell);
}

}  // namespace dbfleet::cli
