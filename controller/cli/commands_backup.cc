#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/queue_options.h"
#include "controller/cli/resolve.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/backup_service.grpc.pb.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Backup;
using api::v1::BackupService;
using api::v1::Job;

std::string Verified(const Backup& backup) {
  // Of a complete one the error is that its files were not there when somebody looked.
  const bool gone = backup.state() == Backup::STATE_COMPLETE && !backup.error_message().empty();
  if (gone && !backup.has_verification()) return "gone";
  return backup.has_verification() ? Word(backup.verification().level()) : "no";
}

Listing BackupListing(const std::vector<const Backup*>& backups) {
  Listing listing;
  listing.columns = {IdentityColumn("NAME"),
                     {"STATE"},
                     TextColumn("INSTANCE"),
                     {"VERIFIED"},
                     {"SIZE"},
                     {"SNAPSHOT"},
                     TextColumn("DATABASES"),
                     {"ENVIRONMENT", true},
                     {"TOOL", true},
                     {"SOURCE", true},
                     {"POSITION", true},
                     {"PATH", true},
                     {"JOB", true},
                     {"ERROR", true}};
  for (const Backup* b : backups) {
    const auto& result = b->result();
    listing.items.push_back(
        {b,
         b->name(),
         {ShortName(b->name()), Word(b->state()), ShortName(b->instance()), Verified(*b),
          b->has_result() ? ShowBytes(result.stored_bytes()) : "", Show(result.snapshot_time()),
          absl::StrJoin(result.databases(), ","), ShortName(b->environment()),
          ToolText(result.tool(), result.tool_version()),
          b->has_result() ? ShowBytes(result.source_bytes()) : "", result.consistency_point(),
          result.repository_path(), b->job(), b->error_message()}});
  }
  return listing;
}

struct RunOptions {
  std::string instance;
  std::vector<std::string> databases;
  bool no_verify = false;
  QueueOptions queue;
  std::string reason;
};

// Redis is saved as one snapshot; a wish for some databases that nobody heeds would make a backup
// look like less than it is.
absl::Status CheckDatabases(ApiClient* client, const RunOptions& options) {
  if (options.databases.empty()) return absl::OkStatus();
  api::v1::GetInstanceRequest request;
  request.set_name(FullName("instances", options.instance));
  using api::v1::InstanceService;
  ASSIGN_OR_RETURN(const api::v1::Instance instance,
                   client->Call<InstanceService>(&InstanceService::Stub::GetInstance, request));
  if (instance.engine() != work::v1::ENGINE_REDIS) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "NO_DATABASE_DUMP",
               absl::StrCat(instance.name(),
                            " is Redis, whose databases can only be backed up all together; leave "
                            "out --database (-d)"));
}

absl::StatusOr<Job> Run(Shell& shell, const RunOptions& options) {
  api::v1::RunBackupRequest request;
  request.set_instance(FullName("instances", options.instance));
  for (const std::string& database : options.databases) request.add_databases(database);
  request.set_skip_verify(options.no_verify);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  RETURN_IF_ERROR(CheckDatabases(client, options));
  *request.mutable_queue() = PlaceOf(options.queue);
  return client->Call<BackupService>(&BackupService::Stub::RunBackup, request);
}

absl::StatusOr<Job> Verify(Shell& shell, const std::string& name, const QueueOptions& queue) {
  api::v1::VerifyBackupRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveName(shell, IdKind::kBackup, name));
  *request.mutable_queue() = PlaceOf(queue);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<BackupService>(&BackupService::Stub::VerifyBackup, request);
}

absl::Status Get(Shell& shell, const std::string& name) {
  api::v1::GetBackupRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveName(shell, IdKind::kBackup, name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const Backup backup,
                   client->Call<BackupService>(&BackupService::Stub::GetBackup, request));
  shell.PrintOne(BackupListing({&backup}));
  return absl::OkStatus();
}

absl::Status List(Shell& shell, const std::string& instance, const std::string& environment,
                  size_t limit) {
  api::v1::ListBackupsRequest request;
  request.set_instance(FullName("instances", instance));
  request.set_environment(environment);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto backups, (ListAll<BackupService, Backup>(
                                           client, &BackupService::Stub::ListBackups, request,
                                           &api::v1::ListBackupsResponse::backups, limit)));
  std::vector<const Backup*> pointers;
  for (const Backup& backup : backups) pointers.push_back(&backup);
  shell.PrintList(BackupListing(pointers));
  return absl::OkStatus();
}

int Done(Shell& shell, const absl::Status& status) {
  return status.ok() ? kExitOk : shell.Fail(status);
}

}  // namespace

void AddBackupCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "backup", "Backups and their verification");
  auto options = std::make_shared<RunOptions>();
  auto run_wait = std::make_shared<WaitOptions>();
  CLI::App* run =
      AddVerb(*noun, "run", "Take a backup and verify it", shell, [&shell, options, run_wait] {
        return FinishJobCommand(shell, Run(shell, *options), *run_wait);
      });
  run->add_option("INSTANCE", options->instance, "The instance")->required();
  run->add_option("--database,-d", options->databases,
                  "Only this database; may repeat. Not for Redis");
  run->add_flag("--no-verify", options->no_verify, "Do not reread it afterwards");
  AddReason(run, &options->reason, false);
  AddQueueOptions(run, &options->queue);
  AddWaitOptions(run, run_wait.get());

  auto instance = std::make_shared<std::string>();
  auto environment = std::make_shared<std::string>();
  auto limit = std::make_shared<size_t>(50);
  CLI::App* list =
      AddVerb(*noun, "list", "List backups", shell, [&shell, instance, environment, limit] {
        return Done(shell, List(shell, *instance, *environment, *limit));
      });
  list->add_option("--instance,-i", *instance, "Only those of this instance");
  list->add_option("--environment,-e", *environment, "Only those of this environment");
  AddLimit(list, limit.get());

  auto name = std::make_shared<std::string>();
  AddVerb(*noun, "get", "Show a backup", shell,
          [&shell, name] { return Done(shell, Get(shell, *name)); })
      ->add_option("NAME", *name, "The backup")
      ->required();

  auto verify_wait = std::make_shared<WaitOptions>();
  auto queue = std::make_shared<QueueOptions>();
  CLI::App* verify = AddVerb(
      *noun, "verify", "Reread a backup to its end", shell, [&shell, name, verify_wait, queue] {
        return FinishJobCommand(shell, Verify(shell, *name, *queue), *verify_wait);
      });
  verify->add_option("NAME", *name, "The backup")->required();
  AddQueueOptions(verify, queue.get());
  AddWaitOptions(verify, verify_wait.get());
}

}  // namespace dbfleet::cli
