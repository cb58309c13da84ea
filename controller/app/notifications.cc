#include "controller/app/notifications.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/config/values.h"
#include "common/transfer/address_rules.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {
namespace {

// A test that hangs holds up other tests alone.
constexpr int kTestMailThreads = 4;

constexpr const char* kReceivers[] = {"webhook",   "slack",        "teams",    "smtp",
                                      "pagerduty", "alertmanager", "silences", "grafana"};

// As routes spell it (HostOf); "" if it is none. Of mail servers the port is always written.
std::string NormalHost(const std::string& host, bool mail) {
  const std::string lower = absl::AsciiStrToLower(host);
  const std::string parsed = HostOf(absl::StrCat("https://", lower));
  if (!mail) return parsed == lower ? parsed : "";
  const bool has_port = lower.find(':') != std::string::npos;
  return HostOf(absl::StrCat("http://", lower)).empty() || !has_port ? "" : lower;
}

void CheckSecret(const std::string& field, const config::v1::NotificationSecret& secret,
                 config::Problems* problems) {
  const std::string& name = secret.name();
  if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos) {
    problems->Add(field + ".name", "must be the name of a file in `secrets_dir`");
  }
  const bool known = std::find(std::begin(kReceivers), std::end(kReceivers), secret.receiver()) !=
                     std::end(kReceivers);
  if (!known) {
    problems->Add(field + ".receiver",
                  absl::StrCat("webhook, slack, teams, smtp, pagerduty, alertmanager, silences or "
                               "grafana is wanted, not ",
                               config::ShownValue(secret.receiver())));
  }
  if (secret.hosts_size() == 0) {
    problems->Add(field + ".hosts", "is missing: the hosts that the secret may go to");
  }
  for (int i = 0; i < secret.hosts_size(); ++i) {
    if (!NormalHost(secret.hosts(i), secret.receiver() == "smtp").empty()) continue;
    problems->Add(absl::StrCat(field, ".hosts[", i, "]"),
                  absl::StrCat("is ", config::ShownValue(secret.hosts(i)), ", not ",
                               secret.receiver() == "smtp"
                                   ? "HOST:PORT"
                                   : "a host name (with its port, unless that is 443)"));
  }
}

}  // namespace

void CheckNotifications(const config::v1::NotificationsConfig& config, config::Problems* problems) {
  const std::string at = "notifications.";
  if (!config.secrets_dir().empty() && !absl::StartsWith(config.secrets_dir(), "/")) {
    problems->Add(at + "secrets_dir", "must be an absolute path");
  }
  if (config.secrets_dir().empty() && config.secrets_size() > 0) {
    problems->Add(at + "secrets_dir", "is missing: the folder with the secrets' files");
  }
  if (!config.ca_file().empty() && !absl::StartsWith(config.ca_file(), "/")) {
    problems->Add(at + "ca_file", "must be an absolute path");
  }
  std::set<std::string> seen;
  for (int i = 0; i < config.secrets_size(); ++i) {
    const std::string field = absl::StrCat(at, "secrets[", i, "]");
    CheckSecret(field, config.secrets(i), problems);
    if (!seen.insert(config.secrets(i).name()).second) {
      problems->Add(field + ".name", "is that of an earlier secret");
    }
  }
  for (int i = 0; i < config.allowed_networks_size(); ++i) {
    problems->Note(absl::StrCat(at, "allowed_networks[", i, "]"),
                   transfer::AddressRules::Make({config.allowed_networks(i)}).status());
  }
}

absl::StatusOr<std::unique_ptr<Notifier>> MakeNotifier(
    const config::v1::NotificationsConfig& config, Store& store, Clock& clock,
    metrics::Registry& registry, Notifier::Windows windows) {
  transfer::Client::Options options;
  const std::vector<std::string> networks(config.allowed_networks().begin(),
                                          config.allowed_networks().end());
  ASSIGN_OR_RETURN(options.addresses, transfer::AddressRules::Make(networks));
  options.ca_file = config.ca_file();
  Notifier::Clients clients;
  ASSIGN_OR_RETURN(clients.sends, transfer::Client::Create(options));
  options.mail_threads = kTestMailThreads;
  ASSIGN_OR_RETURN(clients.tests, transfer::Client::Create(std::move(options)));
  std::map<std::string, RouteSecrets::Use> uses;
  for (const config::v1::NotificationSecret& secret : config.secrets()) {
    RouteSecrets::Use& use = uses[secret.name()];
    use.receiver = secret.receiver();
    for (const std::string& host : secret.hosts()) {
      use.hosts.insert(NormalHost(host, secret.receiver() == "smtp"));
    }
  }
  return std::make_unique<Notifier>(store, clock, registry, std::move(clients),
                                    RouteSecrets(config.secrets_dir(), std::move(uses)),
                                    std::move(windows), Notifier::Options());
}

}  // namespace dbfleet::controller
