#include "agent/app/commands.h"

#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "agent/app/agent_process.h"
#include "agent/app/instances.h"
#include "agent/config/agent_config.h"
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

// A login with one account, through the engine's own read-only session.
absl::Status TryAccount(InstanceSpec spec, const AccountConfig& account) {
  const bool redis = spec.engine == work::v1::ENGINE_REDIS;
  spec.inspect = account;
  QueryOptions options;
  options.timeout = absl::Seconds(5);
  return MakeEngine(std::move(spec))->Inspect(redis ? "PING" : "SELECT 1", "", options).status();
}

void PrintRow(std::ostream& out, absl::string_view instance, absl::string_view engine,
              absl::string_view endpoint, absl::string_view account, absl::string_view result) {
  out << absl::StreamFormat("%-20s %-11s %-32s %-8s %s\n", instance, engine, endpoint, account,
                            result);
}

bool CheckInstanceAccounts(const InstanceSpec& spec, std::ostream& out) {
  struct Use {
    const char* name;
    const std::optional<AccountConfig>& account;
  };
  bool good = true;
  for (const Use& use :
       {Use{"inspect", spec.inspect}, Use{"backup", spec.backup}, Use{"migrate", spec.migrate}}) {
    std::string result = kOpenAccount;
    if (use.account.has_value()) {
      const absl::Status status = TryAccount(spec, *use.account);
      good = good && status.ok();
      result = status.ok() ? "ok" : SanitizeForDisplay(std::string(status.message()));
    }
    PrintRow(out, spec.name, NameOfEngine(spec.engine),
             SanitizeForDisplay(spec.endpoint.Describe()), use.name, result);
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
  const absl::StatusOr<LoadedConfig> loaded = LoadConfig(config_path);
  if (!loaded.ok()) return Fail(loaded.status(), kBadConfig);
  bool found = false;
  for (const InstanceSpec& spec : SpecsOf(loaded->config)) {
    if (!instance.empty() && spec.name != instance) continue;
    found = true;
    out << MakeEngine(spec)->Grants() << "\n";
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
