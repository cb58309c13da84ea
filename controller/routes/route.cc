#include "controller/routes/route.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/text.h"
#include "common/config/values.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"
#include "controller/routes/checks.h"
#include "controller/routes/follows.h"

namespace dbfleet::controller {
namespace {

using config::Problems;
using config::ShownValue;
using resource::v1::NotificationRouteSpec;

constexpr size_t kMostTitleBytes = 1000;
constexpr size_t kMostBodyBytes = 8000;
constexpr int kMostRecipients = 20;

// Good enough that nothing can be smuggled into a command or a header; whether there is such a
// mailbox, its server says.
bool IsMailAddress(absl::string_view address) {
  const size_t at = address.find('@');
  return at != absl::string_view::npos && at > 0 && at + 1 < address.size() &&
         address.size() <= 254 && address.find('@', at + 1) == absl::string_view::npos &&
         IsPrintableAscii(address) &&
         address.find_first_of("<>()[],;:\\\"") == absl::string_view::npos;
}

void CheckSmtp(const resource::v1::SmtpReceiver& smtp, Route* route, Problems* problems) {
  if (smtp.host().empty() || !IsPrintableAscii(smtp.host()) ||
      smtp.host().find_first_of("/@?#:") != std::string::npos) {
    problems->Add("spec.smtp.host",
                  absl::StrCat("a host name is wanted, not ", ShownValue(smtp.host())));
  }
  if (smtp.port() < 0 || smtp.port() > 65535) {
    problems->Add("spec.smtp.port", "must be between 1 and 65535");
  }
  if (smtp.tls() != "starttls" && smtp.tls() != "implicit" && smtp.tls() != "none") {
    problems->Add("spec.smtp.tls", absl::StrCat("starttls, implicit or none is wanted, not ",
                                                ShownValue(smtp.tls())));
  }
  CheckSecret(smtp.password_secret(), "spec.smtp.password_secret", !smtp.user().empty(), problems);
  if (smtp.user().empty() && !smtp.password_secret().empty()) {
    problems->Add("spec.smtp.user", "is missing: whose password it is");
  }
  if (SanitizeForDisplay(smtp.user()) != smtp.user()) {
    problems->Add("spec.smtp.user", "holds what cannot be printed");
  }
  if (smtp.tls() == "none" && !smtp.user().empty()) {
    problems->Add("spec.smtp.tls", "none is not for a password: anybody on the way could read it");
  }
  if (!IsMailAddress(smtp.from())) {
    problems->Add("spec.smtp.from",
                  absl::StrCat("a mail address is wanted, not ", ShownValue(smtp.from())));
  }
  if (smtp.to_size() < 1 || smtp.to_size() > kMostRecipients) {
    problems->Add("spec.smtp.to", absl::StrCat("1 to ", kMostRecipients, " addresses are wanted"));
  }
  std::set<std::string> seen;
  for (int i = 0; i < smtp.to_size(); ++i) {
    const std::string field = absl::StrCat("spec.smtp.to[", i, "]");
    if (!IsMailAddress(smtp.to(i))) {
      problems->Add(field, absl::StrCat("a mail address is wanted, not ", ShownValue(smtp.to(i))));
    } else if (!seen.insert(smtp.to(i)).second) {
      problems->Add(field, "is there twice");
    } else {
      route->recipients.push_back(smtp.to(i));
    }
  }
}

void CheckAlertmanager(const resource::v1::AlertmanagerReceiver& receiver, Problems* problems) {
  CheckUrl(receiver.url(), "spec.alertmanager.url", receiver.bearer_secret().empty(), problems);
  CheckSecret(receiver.bearer_secret(), "spec.alertmanager.bearer_secret", false, problems);
  for (const auto& [name, value] : receiver.labels()) {
    const bool good = !name.empty() && !absl::ascii_isdigit(name[0]) &&
                      std::all_of(name.begin(), name.end(),
                                  [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
    if (!good || value.empty()) {
      problems->Add(absl::StrCat("spec.alertmanager.labels.", SanitizeForDisplay(name)),
                    "a name of letters, digits and _ with a value is wanted");
    }
  }
  const absl::Duration ends = FromProto(receiver.ends_after());
  if (ends < absl::Minutes(5) || ends > absl::Hours(24 * 30)) {
    problems->Add("spec.alertmanager.ends_after", "must be between 5m and 30d");
  }
}

void CheckReceivers(const NotificationRouteSpec& spec, Route* route, Problems* problems) {
  std::vector<std::string> found;
  if (spec.has_webhook()) {
    found.push_back("webhook");
    if (spec.webhook().url_secret().empty()) {
      CheckUrl(spec.webhook().url(), "spec.webhook.url", spec.webhook().bearer_secret().empty(),
               problems);
    } else if (!spec.webhook().url().empty()) {
      problems->Add("spec.webhook.url_secret", "give url or url_secret, not both");
    }
    CheckSecret(spec.webhook().url_secret(), "spec.webhook.url_secret", false, problems);
    CheckSecret(spec.webhook().signing_secret(), "spec.webhook.signing_secret", true, problems);
    CheckSecret(spec.webhook().bearer_secret(), "spec.webhook.bearer_secret", false, problems);
  }
  if (spec.has_slack()) {
    found.push_back("slack");
    CheckSecret(spec.slack().url_secret(), "spec.slack.url_secret", true, problems);
  }
  if (spec.has_teams()) {
    found.push_back("teams");
    CheckSecret(spec.teams().url_secret(), "spec.teams.url_secret", true, problems);
  }
  if (spec.has_smtp()) {
    found.push_back("smtp");
    CheckSmtp(spec.smtp(), route, problems);
  }
  if (spec.has_pagerduty()) {
    found.push_back("pagerduty");
    const std::string& severity = spec.pagerduty().severity();
    CheckSecret(spec.pagerduty().routing_key_secret(), "spec.pagerduty.routing_key_secret", true,
                problems);
    CheckUrl(spec.pagerduty().url(), "spec.pagerduty.url", false, problems);
    if (severity != "critical" && severity != "error" && severity != "warning" &&
        severity != "info") {
      problems->Add(
          "spec.pagerduty.severity",
          absl::StrCat("critical, error, warning or info is wanted, not ", ShownValue(severity)));
    }
  }
  if (spec.has_alertmanager()) {
    found.push_back("alertmanager");
    CheckAlertmanager(spec.alertmanager(), problems);
  }
  if (spec.has_silences()) found.push_back("silences");
  if (spec.has_grafana()) found.push_back("grafana");
  if (found.size() != 1) {
    problems->Add("spec", absl::StrCat("exactly one of webhook, slack, teams, smtp, pagerduty, "
                                       "alertmanager, silences and grafana is needed",
                                       found.empty() ? "" : ", not ", absl::StrJoin(found, ", ")));
  }
  if (!found.empty()) route->receiver = found[0];
  if (!spec.has_smtp()) route->recipients = {""};
}

void CheckTriggers(const NotificationRouteSpec& spec, Route* route, Problems* problems) {
  if (route->follows()) {
    if (spec.triggers_size() > 0) {
      problems->Add("spec.triggers", "are not for silences and grafana, which have spec.follows");
    }
    return;
  }
  if (spec.triggers_size() == 0) problems->Add("spec.triggers", "at least one is needed");
  for (int i = 0; i < spec.triggers_size(); ++i) {
    const std::string field = absl::StrCat("spec.triggers[", i, "]");
    const std::string& name = spec.triggers(i);
    const TriggerInfo* const trigger = FindTrigger(name);
    if (trigger == nullptr) {
      problems->Add(field, absl::StrCat("there is no trigger ", ShownValue(name), "; known: ",
                                        absl::StrJoin(Triggers(), ", ",
                                                      [](std::string* out, const TriggerInfo& t) {
                                                        absl::StrAppend(out, t.name);
                                                      })));
    } else if (route->alerts() && !trigger->stands) {
      problems->Add(field, absl::StrCat(name,
                                        " is news, which is never over, and so neither an "
                                        "alert nor an incident; use another receiver"));
    } else {
      route->triggers.insert(name);
    }
  }
}

}  // namespace

std::string HostOf(absl::string_view url) {
  const bool tls = absl::StartsWithIgnoreCase(url, "https://");
  if (!tls && !absl::StartsWithIgnoreCase(url, "http://")) return "";
  if (!IsPrintableAscii(url) || absl::StrContains(url, "\\")) return "";
  url.remove_prefix(tls ? 8 : 7);
  absl::string_view host = url.substr(0, url.find_first_of("/?#"));
  if (host.empty() || absl::StrContains(host, "@")) return "";
  // The same host in another spelling would not be the one that a secret is bound to.
  const size_t colon = host.rfind(':');
  const bool has_port = colon != absl::string_view::npos && !absl::EndsWith(host, "]");
  if (has_port) {
    int port = 0;
    if (!absl::SimpleAtoi(host.substr(colon + 1), &port) || port < 1 || port > 65535 ||
        host.substr(colon + 1) != absl::StrCat(port)) {
      return "";
    }
    if (port == (tls ? 443 : 80)) host = host.substr(0, colon);
  }
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(".-_:[]", absl::string_view(&c, 1));
  });
  return plain ? absl::AsciiStrToLower(host) : "";
}

bool Route::Selects(const EventPlace& place) const {
  const resource::v1::RouteSelector& selector = spec.selector();
  const auto among = [](const auto& names, const std::string& name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto& wanted = selector.environments();
  if (!wanted.empty() && !place.everywhere &&
      std::none_of(place.environments.begin(), place.environments.end(),
                   [&](const std::string& name) { return among(wanted, name); })) {
    return false;
  }
  if (!among(selector.job_kinds(), place.job_kind)) return false;
  if (!looks_at_instances()) return true;
  return std::any_of(place.instances.begin(), place.instances.end(), [&](const EventInstance& i) {
    if (!among(selector.instances(), i.id)) return false;
    return std::all_of(selector.labels().begin(), selector.labels().end(), [&](const auto& pair) {
      const auto label = i.labels.find(pair.first);
      return label != i.labels.end() && label->second == pair.second;
    });
  });
}

void FillRoute(resource::v1::NotificationRoute* manifest) {
  NotificationRouteSpec& spec = *manifest->mutable_spec();
  if (spec.has_smtp()) {
    resource::v1::SmtpReceiver& smtp = *spec.mutable_smtp();
    if (smtp.tls().empty()) smtp.set_tls("starttls");
    if (smtp.port() == 0) smtp.set_port(smtp.tls() == "implicit" ? 465 : 587);
  }
  if (spec.has_pagerduty()) {
    resource::v1::PagerDutyReceiver& pagerduty = *spec.mutable_pagerduty();
    if (pagerduty.url().empty()) pagerduty.set_url("https://events.pagerduty.com/v2/enqueue");
    if (pagerduty.severity().empty()) pagerduty.set_severity("error");
  }
  if (spec.has_alertmanager() && !spec.alertmanager().has_ends_after()) {
    *spec.mutable_alertmanager()->mutable_ends_after() = ToProto(absl::Hours(24));
  }
  if (spec.has_silences() && !spec.silences().has_lease()) {
    *spec.mutable_silences()->mutable_lease() = ToProto(absl::Minutes(15));
  }
}

Route CompileRoute(const resource::v1::NotificationRoute& manifest, Problems* problems) {
  Route route;
  route.name = manifest.metadata().name();
  route.spec = manifest.spec();
  const NotificationRouteSpec& spec = route.spec;
  CheckReceivers(spec, &route, problems);
  CheckTriggers(spec, &route, problems);
  CompileFollows(&route, problems);
  const resource::v1::NotificationTemplate& texts = spec.template_();
  auto title = TextTemplate::Parse(texts.title());
  auto body = TextTemplate::Parse(texts.body());
  problems->Note("spec.template.title", title.status());
  problems->Note("spec.template.body", body.status());
  if (texts.title().size() > kMostTitleBytes)
    problems->Add("spec.template.title", "is longer than 1000 bytes");
  if (texts.body().size() > kMostBodyBytes)
    problems->Add("spec.template.body", "is longer than 8000 bytes");
  if (SanitizeForDisplay(texts.title()) != texts.title()) {
    problems->Add("spec.template.title", "must be one line without control characters");
  }
  if (SanitizeForDisplay(texts.body(), true) != texts.body()) {
    problems->Add("spec.template.body", "holds control characters");
  }
  if (title.ok()) route.title = *std::move(title);
  if (body.ok()) route.body = *std::move(body);
  for (int i = 0; i < spec.selector().job_kinds_size(); ++i) {
    if (FromName<JobKind>(spec.selector().job_kinds(i)).has_value()) continue;
    problems->Add(absl::StrCat("spec.selector.job_kinds[", i, "]"),
                  absl::StrCat("check, inspect, backup, verify or migrate is wanted, not ",
                               ShownValue(spec.selector().job_kinds(i))));
  }
  return route;
}

}  // namespace dbfleet::controller
