#include "controller/notify/outgoing.h"

#include <openssl/hmac.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "controller/notify/texts.h"

namespace dbfleet::controller {
namespace {

using Json = nlohmann::json;
using resource::v1::NotificationRouteSpec;

constexpr size_t kMostWords = 500;
constexpr char kNotKept[] =
    "; the receiver's answer is not kept, as it may quote the route's secret";

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Field(const Notification& notification, const char* name) {
  const auto it = notification.fields.find(name);
  return it == notification.fields.end() ? std::string() : it->second;
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

bool IsOver(const Notification& notification) { return Field(notification, "status") == "over"; }

struct Maker {
  const Route& route;
  const Notification& notification;
  const RouteSecrets& secrets;
  const absl::Time now;
  Outgoing out;

  void AddHeader(absl::string_view name, absl::string_view value) {
    out.request.headers.push_back(Secret(absl::StrCat(name, ": ", value)));
  }
  void SetJson(const Json& json) {
    out.request.body = Dump(json);
    AddHeader("Content-Type", "application/json");
    AddHeader("Idempotency-Key", notification.id);
  }
  absl::StatusOr<Secret> Get(const std::string& name) {
    ASSIGN_OR_RETURN(Secret secret, secrets.Get(name, route.receiver, out.host));
    out.hidden.Add(secret.Reveal());
    return secret;
  }
  absl::Status AddBearer(const std::string& name) {
    if (name.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Secret token, Get(name));
    AddHeader("Authorization", absl::StrCat("Bearer ", token.Reveal()));
    return absl::OkStatus();
  }
  absl::Status SetUrlSecret(const std::string& name) {
    ASSIGN_OR_RETURN(RouteSecrets::Url url, secrets.GetUrl(name, route.receiver));
    out.hidden.AddUrl(url.url.Reveal());
    out.host = url.host;
    out.request.url = std::move(url.url);
    return absl::OkStatus();
  }

  absl::Status Webhook() {
    const resource::v1::WebhookReceiver& webhook = route.spec.webhook();
    if (webhook.url_secret().empty()) {
      out.host = HostOf(webhook.url());
      out.request.url = Secret(webhook.url());
    } else {
      RETURN_IF_ERROR(SetUrlSecret(webhook.url_secret()));
    }
    const Texts texts = TextsFor(route, notification, AsItIs);
    SetJson({{"id", notification.id},
             {"route", route.name},
             {"trigger", notification.trigger},
             {"subject", notification.subject},
             {"title", texts.title},
             {"body", texts.body},
             {"audit_seq", notification.seq},
             {"fields", notification.fields}});
    ASSIGN_OR_RETURN(const Secret key, Get(webhook.signing_secret()));
    const std::string timestamp = absl::StrCat(absl::ToUnixSeconds(now));
    AddHeader("X-Dbfleet-Timestamp", timestamp);
    AddHeader("X-Dbfleet-Signature", Signature(key, timestamp, out.request.body));
    return AddBearer(webhook.bearer_secret());
  }

  absl::Status Slack() {
    RETURN_IF_ERROR(SetUrlSecret(route.spec.slack().url_secret()));
    // Slack reads these three as markup wherever they stand; the rest is plain text by its type.
    const Texts texts = TextsFor(route, notification, [](absl::string_view text) {
      return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
    });
    const auto plain = [](const std::string& text, size_t most) {
      return Json{{"type", "plain_text"}, {"text", Truncate(text, most)}, {"emoji", false}};
    };
    SetJson({{"text", texts.title},
             {"mrkdwn", false},
             {"unfurl_links", false},
             {"blocks", Json::array({{{"type", "header"}, {"text", plain(texts.title, 140)}},
                                     {{"type", "section"}, {"text", plain(texts.body, 2900)}}})}});
    return absl::OkStatus();
  }

  absl::Status Teams() {
    RETURN_IF_ERROR(SetUrlSecret(route.spec.teams().url_secret()));
    const Texts texts = TextsFor(route, notification, AsItIs);
    // A run of text is not read as Markdown, unlike a text block.
    const auto line = [](const std::string& text, bool bold) {
      return Json{{"type", "RichTextBlock"},
                  {"inlines", Json::array({{{"type", "TextRun"},
                                            {"text", Truncate(text, 9000)},
                                            {"weight", bold ? "Bolder" : "Default"}}})}};
    };
    const Json card = {{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                       {"type", "AdaptiveCard"},
                       {"version", "1.2"},
                       {"body", Json::array({line(texts.title, true), line(texts.body, false)})}};
    SetJson(
        {{"type", "message"},
         {"attachments", Json::array({{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                       {"contentUrl", nullptr},
                                       {"content", card}}})}});
    return absl::OkStatus();
  }

  absl::Status PagerDuty() {
    const resource::v1::PagerDutyReceiver& pagerduty = route.spec.pagerduty();
    out.host = HostOf(pagerduty.url());
    out.request.url = Secret(pagerduty.url());
    ASSIGN_OR_RETURN(const Secret key, Get(pagerduty.routing_key_secret()));
    const Texts texts = TextsFor(route, notification, AsItIs);
    Json event = {{"routing_key", key.Reveal()},
                  {"event_action", IsOver(notification) ? "resolve" : "trigger"},
                  {"dedup_key",
                   Truncate(absl::StrCat("dbfleet/", route.name, "/", notification.subject), 255)}};
    if (!IsOver(notification)) {
      event["client"] = "dbfleet";
      event["payload"] = {{"summary", Truncate(texts.title, 1000)},
                          {"source", notification.subject},
                          {"severity", pagerduty.severity()},
                          {"timestamp", Field(notification, "time")},
                          {"component", Field(notification, "target")},
                          {"group", Field(notification, "environment")},
                          {"class", notification.trigger},
                          {"custom_details", notification.fields}};
    }
    SetJson(event);
    return absl::OkStatus();
  }

  absl::Status Alertmanager() {
    const resource::v1::AlertmanagerReceiver& receiver = route.spec.alertmanager();
    out.host = HostOf(receiver.url());
    std::string url = receiver.url();
    while (absl::EndsWith(url, "/")) url.pop_back();
    out.request.url = Secret(absl::StrCat(url, "/api/v2/alerts"));
    const Texts texts = TextsFor(route, notification, AsItIs);
    // The same labels when it is over, or it would be another alert.
    Json labels = {{"alertname", "Dbfleet"},
                   {"route", route.name},
                   {"subject", notification.subject},
                   {"environment", Field(notification, "environment")}};
    for (const auto& [name, value] : receiver.labels()) labels[name] = value;
    for (auto it = labels.begin(); it != labels.end();) {
      it = it->get<std::string>().empty() ? labels.erase(it) : std::next(it);
    }
    const absl::Duration lasts = FromProto(receiver.ends_after());
    Json alert = {{"labels", std::move(labels)},
                  {"annotations", {{"summary", texts.title}, {"description", texts.body}}},
                  {"endsAt", Rfc3339(IsOver(notification) ? now : now + lasts)}};
    if (!IsOver(notification)) alert["startsAt"] = Rfc3339(now);
    SetJson(Json::array({std::move(alert)}));
    return AddBearer(receiver.bearer_secret());
  }

  absl::Status Smtp() {
    const resource::v1::SmtpReceiver& smtp = route.spec.smtp();
    const bool implicit = smtp.tls() == "implicit";
    out.host = absl::StrCat(absl::AsciiStrToLower(smtp.host()), ":", smtp.port());
    out.request.url = Secret(absl::StrCat(implicit ? "smtps" : "smtp", "://", out.host));
    transfer::Mail mail{smtp.from(), notification.recipient, smtp.user(), {}, smtp.tls() != "none"};
    if (!smtp.user().empty()) {
      ASSIGN_OR_RETURN(mail.password, Get(smtp.password_secret()));
      out.hidden.AddLogin(mail.user, mail.password.Reveal());
    }
    out.request.mail = std::move(mail);
    out.request.body = MailText(route, notification, now);
    out.request.timeout = absl::Seconds(60);
    return absl::OkStatus();
  }
};

}  // namespace

std::string Signature(const Secret& key, absl::string_view timestamp, absl::string_view body) {
  const std::string text = absl::StrCat(timestamp, ".", body);
  unsigned char tag[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.Reveal().data(), static_cast<int>(key.Reveal().size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), tag, &size);
  return absl::StrCat("v1=",
                      HexEncode(absl::string_view(reinterpret_cast<const char*>(tag), size)));
}

absl::StatusOr<Outgoing> MakeOutgoing(const Route& route, const Notification& notification,
                                      const RouteSecrets& secrets, absl::Time now) {
  Maker maker{route, notification, secrets, now, {}};
  const NotificationRouteSpec& spec = route.spec;
  absl::Status made;
  if (spec.has_webhook()) {
    made = maker.Webhook();
  } else if (spec.has_slack()) {
    made = maker.Slack();
  } else if (spec.has_teams()) {
    made = maker.Teams();
  } else if (spec.has_pagerduty()) {
    made = maker.PagerDuty();
  } else if (spec.has_alertmanager()) {
    made = maker.Alertmanager();
  } else {
    made = maker.Smtp();
  }
  RETURN_IF_ERROR(made);
  return std::move(maker.out);
}

std::string Hide(absl::string_view text, const HiddenSecrets& hidden) {
  return Truncate(SanitizeForDisplay(hidden.ReplaceIn(text)), kMostWords);
}

Verdict Judge(const absl::StatusOr<transfer::Response>& result, const HiddenSecrets& hidden,
              bool mail) {
  Verdict verdict;
  if (!result.ok()) {
    const std::string reason = ReasonOf(result.status());
    verdict.definite = reason == "ADDRESS_REFUSED" || reason == "BAD_URL" ||
                       reason == "BAD_HEADER" || reason == "BAD_ADDRESS" ||
                       reason == "LOGIN_DENIED";
    verdict.words = absl::StrCat(reason, ": ", Hide(result.status().message(), hidden));
    return verdict;
  }
  const int code = result->code;
  verdict.delivered = code >= 200 && code < 300;
  verdict.retry_after = result->retry_after;
  if (mail) {
    verdict.definite = code >= 500;  // RFC 5321, 4.2.1: 4yz passes, 5yz does not.
  } else {
    const bool passes = code == 408 || code == 425 || code == 429 || code >= 500;
    verdict.definite = !verdict.delivered && !passes;
  }
  verdict.words = absl::StrCat(mail ? "SMTP " : "HTTP ", code);
  if (result->body.empty()) return verdict;
  if (hidden.empty()) {
    absl::StrAppend(&verdict.words, ": ", Hide(result->body, hidden));
  } else if (!verdict.delivered) {
    // In how many ways somebody may quote a secret nobody can list.
    absl::StrAppend(&verdict.words, kNotKept);
  }
  return verdict;
}

}  // namespace dbfleet::controller
