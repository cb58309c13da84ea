#include "controller/app/recovery_commands.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/time/clock.h"
#include "controller/app/backup.h"
#include "controller/app/controller_config.h"
#include "controller/audit/audit_keys.h"
#include "controller/audit/lost_history.h"
#include "controller/audit/recovery.h"
#include "controller/audit/recovery_report.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "controller/store/sqlite/store_lock.h"

namespace dbfleet::controller {
namespace {

using config::v1::ControllerConfig;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr size_t kMaxReason = 1000;

int Fail(const absl::Status& status, int exit_code) {
  std::cerr << "error: " << SanitizeForDisplay(std::string(status.message()), true) << "\n";
  return exit_code;
}

int WithConfig(const std::string& path,
               const std::function<absl::Status(const ControllerConfig&)>& run) {
  const absl::StatusOr<ControllerConfig> config = LoadConfig(path);
  if (!config.ok()) return Fail(config.status(), kUsage);
  const absl::Status status = run(*config);
  return status.ok() ? 0 : Fail(status, kFailed);
}

std::string StorePath(const ControllerConfig& config) {
  return absl::StrCat(config.data_dir(), "/store.db");
}

// Who acts, for the audit trail: there is no token on the controller's own host.
std::string LocalUser() {
  const passwd* const entry = getpwuid(getuid());
  return absl::StrCat("host/", entry == nullptr ? std::to_string(getuid()) : entry->pw_name);
}

absl::Status RunBackup(const ControllerConfig& config, const std::string& folder) {
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  ASSIGN_OR_RETURN(const BackupFacts facts, BackUp(config.data_dir(), folder, LocalUser(), *clock));
  std::cout << "The backup is in " << folder << ", " << Describe(facts)
            << ". It holds the private keys of the CA and of the audit trail.\n";
  return absl::OkStatus();
}

absl::Status RunRestore(const ControllerConfig& config, const std::string& folder) {
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  ASSIGN_OR_RETURN(const BackupFacts facts, Restore(folder, config.data_dir(), clock->Now()));
  std::cout
      << "The controller is restored into " << config.data_dir() << " from a backup "
      << Describe(facts)
      << ". Start it, repeat the revocations that were made since the backup, and let the agents "
         "connect; it hands out nothing. Then look at what they "
         "did since the backup (dbfleet audit list), stop it, run `dbfleet-controller recover "
         "--reason`, and start it again.\n";
  return absl::OkStatus();
}

// Nothing is known of what an agent did that was not heard: a person has to want that.
absl::Status CheckReports(const Reporting& agents, bool without_reports) {
  if (agents.unheard.empty() || without_reports) return absl::OkStatus();
  constexpr size_t kNamed = 20;
  const std::vector<std::string>& unheard = agents.unheard;
  const std::vector<std::string> named(unheard.begin(),
                                       unheard.begin() + std::min(kNamed, unheard.size()));
  return Error(
      absl::StatusCode::kFailedPrecondition, "AGENTS_UNHEARD",
      absl::StrCat(unheard.size(), " of ", unheard.size() + agents.heard.size(),
                   " agents that the store knows have not reported since the recovery was "
                   "demanded: ",
                   absl::StrJoin(named, ", "), unheard.size() > kNamed ? ", ..." : "",
                   ". What they did since the copy was made is not known yet. Start the "
                   "controller and let them connect, or revoke those that are gone (dbfleet agent "
                   "revoke); --without-reports goes on without them"));
}

void PrintLostWork(const std::vector<LostWork>& work) {
  if (work.empty()) {
    std::cout << "Agents told of no work that this store does not know.\n";
    return;
  }
  std::cout << "What agents told of work in the lost time:\n";
  if (work.size() >= kMaxLostWork) std::cout << "  ... (dbfleet audit list has all of it)\n";
  for (const LostWork& one : work) std::cout << "  " << SanitizeForDisplay(Describe(one)) << "\n";
}

absl::Status RunRecover(const ControllerConfig& config, const std::string& reason,
                        bool without_reports) {
  if (reason.empty() || reason.size() > kMaxReason) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_REASON",
                 absl::StrCat("--reason wants 1 to ", kMaxReason, " bytes"));
  }
  RETURN_IF_ERROR(CheckRestoreEnded(config.data_dir()));
  if (!std::filesystem::exists(StorePath(config))) {
    return Error(absl::StatusCode::kNotFound, "STORE_MISSING",
                 absl::StrCat("there is no store in ", config.data_dir(), "; restore it first"));
  }
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  SqliteStoreOptions options;
  options.path = StorePath(config);
  ASSIGN_OR_RETURN(const std::unique_ptr<SqliteStore> store,
                   SqliteStore::Open(std::move(options), clock.get()));
  ASSIGN_OR_RETURN(const std::unique_ptr<AuditKeys> keys,
                   AuditKeys::Open(config.data_dir(), AuditKeyName(config.trust_domain()),
                                   /*may_create=*/false, clock->Now()));
  Reporting agents;
  std::vector<LostWork> lost;
  RETURN_IF_ERROR(store->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> demand, ReadRecovery(tx));
    if (!demand.has_value()) return absl::OkStatus();  // Recover says so.
    ASSIGN_OR_RETURN(agents, ReportingAgents(tx, *demand));
    ASSIGN_OR_RETURN(lost, ReadLostWork(tx, *demand));
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(CheckReports(agents, without_reports));
  // First: a recovery that has ended tells no more which time was lost.
  RETURN_IF_ERROR(store->MutateAndWait(&RememberLostHistory));
  ASSIGN_OR_RETURN(const Recovered done, Recover(*store, *keys, clock->Now(), LocalUser(), reason));
  std::cout << "Recovered (" << done.demand.why << "). The audit trail goes on as log " << done.log
            << ", which adopts the first " << done.adopted << " records of log " << done.former_log
            << ".\n";
  PrintLostWork(lost);
  std::cout << "Start the controller; it hands out work again.\n";
  return absl::OkStatus();
}

absl::Status RunRotate(const ControllerConfig& config) {
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  // Held while the key is replaced, so that no controller signs with the one that ends.
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::StoreLock> lock,
                   sqlite::StoreLock::Take(StorePath(config) + ".lock"));
  RETURN_IF_ERROR(AuditKeys::Rotate(config.data_dir(), clock->Now()));
  std::cout << "The audit trail has a new key. Publish " << config.data_dir()
            << "/audit-key/trusted-keys where the former one was published, and start the "
               "controller: its agents follow by themselves.\n";
  return absl::OkStatus();
}

}  // namespace

void AddRecoveryCommands(CLI::App& app, std::string* config_path, int* exit_code) {
  const auto add = [=](CLI::App& parent, const char* name, const char* help,
                       std::function<absl::Status(const ControllerConfig&)> run) {
    CLI::App* command = parent.add_subcommand(name, help);
    command->add_option("--config", *config_path, "The configuration file")->required();
    command->callback([=] { *exit_code = WithConfig(*config_path, run); });
    return command;
  };
  auto folder = std::make_shared<std::string>();
  add(app, "backup", "Copy the store, the CA and the audit keys; the controller may run",
      [folder](const ControllerConfig& config) { return RunBackup(config, *folder); })
      ->add_option("DIR", *folder, "A new or empty folder")
      ->required();
  add(app, "restore", "Restore a backup into an empty data directory; then see `recover`",
      [folder](const ControllerConfig& config) { return RunRestore(config, *folder); })
      ->add_option("DIR", *folder, "The backup")
      ->required();
  auto reason = std::make_shared<std::string>();
  auto without_reports = std::make_shared<bool>(false);
  CLI::App* recover = add(
      app, "recover", "End RECOVERY after a restore: work is handed out again, in a successor log",
      [=](const ControllerConfig& config) {
        return RunRecover(config, *reason, *without_reports);
      });
  recover->add_option("--reason", *reason, "Why; it is audited")->required();
  recover->add_flag("--without-reports", *without_reports,
                    "Go on although agents have not reported since the restore");
  CLI::App* keys = app.add_subcommand("audit-key", "The key that signs the audit trail");
  keys->require_subcommand(1);
  add(*keys, "rotate", "Replace it; the controller must be stopped",
      [](const ControllerConfig& config) { return RunRotate(config); });
}

}  // namespace dbfleet::controller
