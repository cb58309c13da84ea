#include "agent/config/agent_config.h"

#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/problems.h"
#include "common/config/yaml.h"

namespace dbfleet::agent {
namespace {

using config::Problems;
using config::v1::AgentConfig;
using config::v1::InstanceConfig;

constexpr int64_t kMinJournalBytes = 1 << 20;
constexpr int64_t kDefaultJournalBytes = 64 << 20;

std::string Shown(absl::string_view text) { return SanitizeForDisplay(Truncate(text, 100)); }

bool HasControlCharacters(absl::string_view text) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(c)) return true;
  }
  return false;
}

void CheckName(const std::string& field, const std::string& name, Problems* problems) {
  if (name.empty()) {
    problems->Add(field, "is missing");
  } else {
    problems->Note(field, ValidateName("name", name));
  }
}

void CheckPath(absl::string_view field, const std::string& path, bool required,
               Problems* problems) {
  if (path.empty()) {
    if (required) problems->Add(field, "is missing; give an absolute path");
  } else if (path[0] != '/') {
    problems->Add(field, absl::StrCat("\"", Shown(path), "\" is not an absolute path"));
  } else if (HasControlCharacters(path)) {
    problems->Add(field, "has control characters");
  }
}

void CheckAddress(absl::string_view field, const std::string& address, bool zero_port,
                  Problems* problems) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port > 65535 ||
      port < (zero_port ? 0 : 1) || HasControlCharacters(address)) {
    problems->Add(field, absl::StrCat("\"", Shown(address), "\" is not host:port"));
  }
}

void CheckSeconds(absl::string_view field, const google::protobuf::Duration& duration,
                  Problems* problems) {
  if (duration.seconds() < 1 || duration.seconds() > 86400) {
    problems->Add(field, "must be between 1s and 24h");
  }
}

void CheckAccount(const std::string& field, const config::v1::Account& account,
                  work::v1::Engine engine, PasswordFiles files, Problems* problems) {
  // Redis has a default user that needs no name.
  if (account.user().empty() && engine != work::v1::ENGINE_REDIS) {
    problems->Add(field + ".user", "is missing");
  }
  if (HasControlCharacters(account.user())) {
    problems->Add(field + ".user", "has control characters");
  }
  if (account.password_file().empty()) return;
  CheckPath(field + ".password_file", account.password_file(), false, problems);
  if (files == PasswordFiles::kNotRead) return;
  problems->Note(field + ".password_file", ReadSecretFile(account.password_file()).status());
}

void CheckInstance(const std::string& field, InstanceConfig* instance, PasswordFiles files,
                   Problems* problems) {
  CheckName(field + ".name", instance->name(), problems);
  const work::v1::Engine engine = EngineFromName(instance->engine());
  if (engine == work::v1::ENGINE_UNSPECIFIED) {
    problems->Add(field + ".engine", absl::StrCat("\"", Shown(instance->engine()),
                                                  "\" is unknown; use mysql, postgresql or redis"));
  }
  if (instance->socket().empty() && instance->host().empty()) {
    problems->Add(field, "needs a socket, or a host and a port");
  }
  CheckPath(field + ".socket", instance->socket(), false, problems);
  if (HasControlCharacters(instance->host())) {
    problems->Add(field + ".host", "has control characters");
  }
  if (!instance->host().empty() && instance->port() == 0) {
    instance->set_port(engine == work::v1::ENGINE_MYSQL        ? 3306
                       : engine == work::v1::ENGINE_POSTGRESQL ? 5432
                                                               : 6379);
  }
  if (instance->port() < 0 || instance->port() > 65535) {
    problems->Add(field + ".port", absl::StrCat(instance->port(), " is not a port"));
  }
  const config::v1::Accounts& accounts = instance->accounts();
  if (accounts.has_inspect()) {
    CheckAccount(field + ".accounts.inspect", accounts.inspect(), engine, files, problems);
  }
  if (accounts.has_backup()) {
    CheckAccount(field + ".accounts.backup", accounts.backup(), engine, files, problems);
  }
  if (accounts.has_migrate()) {
    CheckAccount(field + ".accounts.migrate", accounts.migrate(), engine, files, problems);
  }
}

void CheckInstances(AgentConfig* config, PasswordFiles files, Problems* problems) {
  std::set<std::string> names;
  std::set<std::string> endpoints;
  for (int i = 0; i < config->instances_size(); ++i) {
    InstanceConfig* instance = config->mutable_instances(i);
    const std::string field = absl::StrCat("instances[", i, "]");
    CheckInstance(field, instance, files, problems);
    if (!names.insert(instance->name()).second) {
      problems->Add(field, "has the name of an earlier instance; names are unique in the fleet");
    }
    const std::string endpoint = instance->socket().empty()
                                     ? absl::StrCat(instance->host(), ":", instance->port())
                                     : absl::StrCat(instance->socket(), " ", instance->port());
    if (!endpoints.insert(absl::StrCat(instance->engine(), " ", endpoint)).second) {
      problems->Add(field,
                    "has the address of an earlier instance: one server would be managed "
                    "twice, and the exclusion between its jobs would not hold");
    }
  }
}

void CheckLog(config::v1::LogConfig* log, Problems* problems) {
  if (log->level().empty()) log->set_level("info");
  if (log->format().empty()) log->set_format("text");
  const std::set<std::string> levels = {"debug", "info", "warn", "error"};
  if (levels.count(log->level()) == 0) {
    problems->Add("log.level", absl::StrCat("\"", Shown(log->level()),
                                            "\" is unknown; use debug, info, warn or error"));
  }
  if (log->format() != "text" && log->format() != "json") {
    problems->Add("log.format",
                  absl::StrCat("\"", Shown(log->format()), "\" is unknown; use text or json"));
  }
}

void CheckAll(AgentConfig* config, PasswordFiles files, Problems* problems) {
  CheckName("name", config->name(), problems);
  CheckAddress("controller", config->controller(), /*zero_port=*/false, problems);
  CheckPath("data_dir", config->data_dir(), true, problems);
  CheckPath("backup_dir", config->backup_dir(), true, problems);
  CheckPath("local_policy_file", config->local_policy_file(), false, problems);
  CheckPath("join_token_file", config->join_token_file(), false, problems);
  if (config->metrics_listen().empty()) config->set_metrics_listen("127.0.0.1:0");
  CheckAddress("metrics_listen", config->metrics_listen(), /*zero_port=*/true, problems);
  if (!absl::StartsWith(config->metrics_listen(), "127.") &&
      !absl::StartsWith(config->metrics_listen(), "localhost:") &&
      !absl::StartsWith(config->metrics_listen(), "[::1]:")) {
    problems->Add("metrics_listen", "must be a loopback address");
  }
  if (!config->has_check_interval()) config->mutable_check_interval()->set_seconds(60);
  CheckSeconds("check_interval", config->check_interval(), problems);
  if (!config->has_metrics_interval()) config->mutable_metrics_interval()->set_seconds(15);
  CheckSeconds("metrics_interval", config->metrics_interval(), problems);
  if (config->journal_max_bytes() == 0) config->set_journal_max_bytes(kDefaultJournalBytes);
  if (config->journal_max_bytes() < kMinJournalBytes) {
    problems->Add("journal_max_bytes", absl::StrCat("must be at least ", kMinJournalBytes));
  }
  CheckLog(config->mutable_log(), problems);
  CheckInstances(config, files, problems);
}

}  // namespace

work::v1::Engine EngineFromName(absl::string_view name) {
  if (name == "mysql") return work::v1::ENGINE_MYSQL;
  if (name == "postgresql") return work::v1::ENGINE_POSTGRESQL;
  if (name == "redis") return work::v1::ENGINE_REDIS;
  return work::v1::ENGINE_UNSPECIFIED;
}

absl::string_view NameOfEngine(work::v1::Engine engine) {
  switch (engine) {
    case work::v1::ENGINE_MYSQL:
      return "mysql";
    case work::v1::ENGINE_POSTGRESQL:
      return "postgresql";
    case work::v1::ENGINE_REDIS:
      return "redis";
    default:
      return "unknown";
  }
}

absl::Status CompleteAndValidate(AgentConfig* config) {
  Problems problems;
  CheckAll(config, PasswordFiles::kRead, &problems);
  return problems.ToStatus();
}

absl::StatusOr<LoadedConfig> LoadConfig(const std::string& path, PasswordFiles files) {
  LoadedConfig loaded;
  ASSIGN_OR_RETURN(const std::string text, config::ReadYamlFile(path));
  bool rest_is_good = false;
  const absl::Status parsed =
      config::ParseYaml(SanitizeForDisplay(path), text, &loaded.config, &rest_is_good);
  if (!rest_is_good) return parsed;
  Problems problems(path, text);
  CheckAll(&loaded.config, files, &problems);
  absl::Status status = problems.Together(parsed);
  const std::string& policy_path = loaded.config.local_policy_file();
  if (!policy_path.empty()) {
    config::v1::LocalPolicy policy;
    absl::Status read = config::ParseYamlFile(policy_path, &policy);
    if (read.ok()) {
      std::set<std::string> instances;
      for (const auto& instance : loaded.config.instances()) instances.insert(instance.name());
      auto made = LocalPolicy::Make(policy, instances);
      if (made.ok()) loaded.policy = *std::move(made);
      read = Annotate(made.status(), policy_path);
    }
    if (status.ok()) {
      status = read;
    } else if (!read.ok()) {
      status = Error(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                     absl::StrCat(status.message(), "\n", read.message()));
    }
  }
  RETURN_IF_ERROR(status);
  return loaded;
}

}  // namespace dbfleet::agent
