#include "agent/app/commands.h"

#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "agent/app/account_rights.h"
#include "agent/app/agent_process.h"
#include "agent/app/instances.h"
#include "agent/config/agent_config.h"
#include "agent/engine/account.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr char kOpenAccount[] = "(none)";

int Fail(const absl::Status& status, int exit_code = kFailed) {
  std::cerr << "dbfleet-agent: "
            << SanitizeForDisplay(std::string(status.message()), /*keep_newlines=*/true) << "\n";
  return exit_code;
}

void PrintRow(std::ostream& out, absl::string_view instance, absl::string_view engine,
              absl::string_view endpoint, absl::string_view account, absl::string_view result) {
  out << absl::StreamFormat("%-20s %-11s %-32s %-8s %s\n", instance, engine, endpoint, account,
                            result);
}

bool CheckInstanceAccounts(const InstanceSpec& spec, std::ostream& out) {
  bool good = true;
  for (const AccountUse use : {AccountUse::kInspect, AccountUse::kBackup, AccountUse::kMigrate}) {
    std::string result = kOpenAccount;
    RightsReport report;
    if (AccountFor(spec, use).ok()) {
      auto checked = CheckRights(spec, use);
      good = good && checked.ok() && checked->missing.empty();
      if (checked.ok()) report = *std::move(checked);
      result = !checked.ok() ? SanitizeForDisplay(std::string(checked.status().message()))
               : !report.missing.empty() ? "lacks rights:"
               : !report.advice.empty()  ? "ok; to change the tables of others it lacks:"
                                         : "ok";
    }
    PrintRow(out, spec.name, NameOfEngine(spec.engine),
             SanitizeForDisplay(spec.endpoint.Describe()), NameOf(use), result);
    for (const auto* rights : {&report.missing, &report.advice}) {
      for (const std::string& right : *rights) out << "    " << SanitizeForDisplay(right) << "\n";
    }
  }
  return good;
}

}  // namespace

const char* Version() { return DBFLEET_VERSION; }

int CheckConfig(const std::string& config_path, std::ostream& out) {
  const absl::StatusOr<LoadedConfig> loaded = LoadConfig(config_path);
  if (!loaded.ok()) return Fail(loaded.status(), kBadConfig);
  PrintRow(out, "INSTANCE", "ENGINE", "ENDPOINT", "ACCOUNT", "RESULT");
  bool good = true;
  for (const InstanceSpec& spec : SpecsOf(loaded->config)) {
    good = CheckInstanceAccounts(spec, out) && good;
  }
  return good ? 0 : kFailed;
}

int PrintGrants(const std::string& config_path, const std::string& instance, std::ostream& out) {
  // The accounts are about to be made, so their password files need not be there yet.
  const absl::StatusOr<LoadedConfig> loaded = LoadConfig(config_path, PasswordFiles::kNotRead);
  if (!loaded.ok()) return Fail(loaded.status(), kBadConfig);
  bool found = false;
  for (const InstanceSpec& spec : SpecsOf(loaded->config)) {
    if (!instance.empty() && spec.name != instance) continue;
    found = true;
    out << MakeEngine(spec)->Grants();
    if (spec.engine == work::v1::ENGINE_POSTGRESQL) out << PostgresOwnerGrants(spec);
    out << "\n";
  }
  if (found || instance.empty()) return 0;
  return Fail(absl::NotFoundError(absl::StrCat(config_path, " has no instance ", instance)));
}

int EnrollAgent(const std::string& config_path, const std::string& token_file, std::ostream& out) {
  const absl::StatusOr<LoadedConfig> loaded = LoadConfig(config_path);
  if (!loaded.ok()) return Fail(loaded.status(), kBadConfig);
  const config::v1::AgentConfig& config = loaded->config;
  if (const absl::Status made = MakeDirectories(config.data_dir(), 0700); !made.ok()) {
    return Fail(made);
  }
  const absl::StatusOr<Secret> token = ReadSecretFile(token_file);
  if (!token.ok()) return Fail(token.status());
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  Identity identity(IdentityOptionsOf(config, Version()),
                    Identity::RealNetwork(config.controller()), *clock);
  if (const absl::Status status = identity.Enroll(*token); !status.ok()) return Fail(status);
  out << "enrolled as " << config.name() << "\n";
  return 0;
}

}  // namespace dbfleet::agent
