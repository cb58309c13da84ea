#include "controller/app/controller_config.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/problems.h"
#include "common/config/yaml.h"
#include "controller/app/notifications.h"
#include "controller/dispatch/wire.h"
#include "controller/domain/approval_life.h"
#include "controller/domain/names.h"
#include "controller/resources/environment_resource.h"
#include "controller/resources/plain_environments.h"

namespace dbfleet::controller {
namespace {

using config::Problems;
using Config = config::v1::ControllerConfig;

void CheckAddress(absl::string_view field, const std::string& address, Problems* problems) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    problems->Add(field, absl::StrCat("is \"", address, "\", not HOST:PORT"));
  }
}

// A name or address for the server's certificate. A wrong one would show only at the start.
void CheckAdvertised(const std::string& field, const std::string& entry, Problems* problems) {
  const bool plain = std::all_of(entry.begin(), entry.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(".-:[]", absl::string_view(&c, 1));
  });
  if (entry.empty()) {
    problems->Add(field, "is empty; give a host name or an address");
  } else if (!plain || entry[0] == '-' || entry[0] == '.' || entry.back() == '-' ||
             absl::StrContains(entry, "..")) {
    problems->Add(
        field, absl::StrCat("is \"", absl::CHexEscape(entry), "\", not a host name or an address"));
  }
}

void Bound(absl::string_view field, const google::protobuf::Duration& value, absl::Duration least,
           absl::Duration most, Problems* problems) {
  const absl::Duration duration = FromProto(value);
  if (duration < least || duration > most) {
    problems->Add(field, absl::StrCat("is ", DurationText(duration), "; it must be between ",
                                      DurationText(least), " and ", DurationText(most)));
  }
}

void FillInTimes(Config* config) {
  if (!config->has_agent_certificate_lifetime()) {
    *config->mutable_agent_certificate_lifetime() = ToProto(absl::Hours(24));
  }
  if (!config->has_join_token_ttl()) *config->mutable_join_token_ttl() = ToProto(absl::Minutes(15));
  if (!config->has_ping_interval()) *config->mutable_ping_interval() = ToProto(absl::Seconds(15));
  if (!config->has_dead_after()) *config->mutable_dead_after() = ToProto(absl::Seconds(45));
  if (!config->has_lease()) *config->mutable_lease() = ToProto(absl::Seconds(60));
  if (!config->has_lost_grace()) *config->mutable_lost_grace() = ToProto(absl::Minutes(5));
}

void CheckTimes(const Config& config, Problems* problems) {
  Bound("agent_certificate_lifetime", config.agent_certificate_lifetime(), absl::Seconds(2),
        absl::Hours(24 * 90), problems);
  Bound("join_token_ttl", config.join_token_ttl(), absl::Seconds(1), absl::Minutes(15), problems);
  Bound("ping_interval", config.ping_interval(), absl::Seconds(1), absl::Minutes(5), problems);
  Bound("dead_after", config.dead_after(), absl::Seconds(3), absl::Minutes(30), problems);
  Bound("lease", config.lease(), absl::Seconds(5), absl::Hours(1), problems);
  Bound("lost_grace", config.lost_grace(), absl::Seconds(1), absl::Hours(24), problems);
  if (FromProto(config.dead_after()) < 2 * FromProto(config.ping_interval())) {
    problems->Add("dead_after", "must be at least twice `ping_interval`");
  }
  if (FromProto(config.lease()) < 2 * FromProto(config.ping_interval())) {
    problems->Add("lease", "must be at least twice `ping_interval`, with which it is renewed");
  }
}

void CheckEnvironments(Config* config, Problems* problems) {
  std::set<std::string> seen;
  for (int i = 0; i < config->environments_size(); ++i) {
    config::v1::EnvironmentConfig& environment = *config->mutable_environments(i);
    const std::string field = absl::StrCat("environments[", i, "]");
    if (environment.name().empty()) {
      problems->Add(field + ".name", "is missing");
    } else {
      problems->Note(field + ".name", ValidateName("environment name", environment.name()));
      CheckEnvironmentName(environment.name(), field + ".name", problems);
    }
    if (!seen.insert(environment.name()).second) {
      problems->Add(field + ".name", "is that of an earlier environment");
    }
    NameEnvironmentsPlainly(&environment);
    FillPolicy(environment.name(), environment.mutable_policy());
    CheckPolicy(environment.name(), environment.policy(), field + ".policy", problems);
  }
}

void CheckLog(const config::v1::LogConfig& log, Problems* problems) {
  const std::set<std::string> levels = {"", "debug", "info", "warn", "error"};
  if (levels.count(log.level()) == 0) {
    problems->Add("log.level", absl::StrCat("is \"", absl::CHexEscape(log.level()),
                                            "\"; use debug, info, warn or error"));
  }
  if (!log.format().empty() && log.format() != "text" && log.format() != "json") {
    problems->Add("log.format",
                  absl::StrCat("is \"", absl::CHexEscape(log.format()), "\"; use text or json"));
  }
}

void CheckAll(Config* config, Problems* problems) {
  if (!absl::StartsWith(config->data_dir(), "/")) {
    problems->Add("data_dir", "must be an absolute path");
  }
  if (config->listen().empty()) config->set_listen("0.0.0.0:7443");
  if (config->http_listen().empty()) config->set_http_listen("127.0.0.1:7480");
  if (config->trust_domain().empty()) config->set_trust_domain("dbfleet");
  CheckAddress("listen", config->listen(), problems);
  CheckAddress("http_listen", config->http_listen(), problems);
  for (int i = 0; i < config->advertise_size(); ++i) {
    CheckAdvertised(absl::StrCat("advertise[", i, "]"), config->advertise(i), problems);
  }
  if (!config->advertise_agents().empty()) {
    CheckAddress("advertise_agents", config->advertise_agents(), problems);
  }
  // HTTP has neither TLS nor tokens yet, so it stays on this host.
  if (!absl::StartsWith(config->http_listen(), "127.") &&
      !absl::StartsWith(config->http_listen(), "localhost:") &&
      !absl::StartsWith(config->http_listen(), "[::1]:")) {
    problems->Add("http_listen", "must be a loopback address; put a proxy with TLS before it");
  }
  FillInTimes(config);
  CheckTimes(*config, problems);
  CheckEnvironments(config, problems);
  CheckLog(config->log(), problems);
  CheckNotifications(config->notifications(), problems);
}

}  // namespace

absl::Status CompleteAndValidate(Config* config) {
  Problems problems;
  CheckAll(config, &problems);
  return problems.ToStatus();
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  Config config;
  ASSIGN_OR_RETURN(const std::string text, config::ReadYamlFile(path));
  bool rest_is_good = false;
  const absl::Status parsed =
      config::ParseYaml(SanitizeForDisplay(path), text, &config, &rest_is_good);
  if (!rest_is_good) return parsed;
  Problems problems(path, text);
  CheckAll(&config, &problems);
  RETURN_IF_ERROR(problems.Together(parsed));
  return config;
}

}  // namespace dbfleet::controller
