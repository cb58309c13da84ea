#include "controller/routes/route.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/config/yaml.h"
#include "controller/routes/checks.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What is wrong with a route of this spec (YAML); "" if nothing is.
std::string Problems(const std::string& spec, Route* route = nullptr) {
  resource::v1::NotificationRoute manifest;
  const absl::Status parsed = config::ParseYaml(
      "test",
      absl::StrCat("apiVersion: dbfleet/v1\nkind: NotificationRoute\nmetadata: {name: r}\nspec: {",
                   spec, "}\n"),
      &manifest);
  if (!parsed.ok()) return std::string(parsed.message());
  FillRoute(&manifest);
  config::Problems problems;
  Route compiled = CompileRoute(manifest, &problems);
  if (route != nullptr) *route = compiled;
  return std::string(problems.ToStatus().message());
}

constexpr char kHook[] = "webhook: {url: 'https://h.example/x', signing_secret: key}";

std::string Mail(const std::string& more) {
  return absl::StrCat("triggers: [failed], smtp: {host: m.example, from: a@b.example, ", more, "}");
}

TEST(Route, AGoodOneHasNoProblems) {
  Route route;
  EXPECT_EQ(Problems(absl::StrCat("triggers: [failed, started], ", kHook), &route), "");
  EXPECT_EQ(route.receiver, "webhook");
  EXPECT_EQ(route.recipients, std::vector<std::string>{""});
  EXPECT_EQ(Problems("triggers: [failed], slack: {url_secret: s}"), "");
  EXPECT_EQ(Problems("triggers: [failed], teams: {url_secret: s}"), "");
  EXPECT_EQ(Problems("triggers: [failed], pagerduty: {routing_key_secret: s}"), "");
  EXPECT_EQ(Problems("triggers: [failed], alertmanager: {url: 'http://am.example:9093'}"), "");
  EXPECT_EQ(Problems(Mail("to: [x@y.example, z@y.example]"), &route), "");
  EXPECT_EQ(route.recipients.size(), 2u);
  EXPECT_EQ(route.spec.smtp().port(), 587);
}

TEST(Route, ExactlyOneReceiverIsNeeded) {
  EXPECT_THAT(Problems("triggers: [failed]"), HasSubstr("exactly one of"));
  EXPECT_THAT(Problems(absl::StrCat("triggers: [failed], slack: {url_secret: s}, ", kHook)),
              HasSubstr("not webhook, slack"));
}

TEST(Route, SilencesAndAnnotationsFollowInsteadOfBeingTriggered) {
  constexpr char kSilences[] =
      "silences: {url: 'http://am.example:9093', matchers: ['instance=\"{{instance}}\"']}";
  Route route;
  EXPECT_EQ(Problems(absl::StrCat("follows: [windows, changes], ", kSilences), &route), "");
  EXPECT_TRUE(route.follows() && route.Follows("changes") && !route.Follows("freezes"));
  EXPECT_EQ(route.matchers.size(), 1u);
  EXPECT_EQ(absl::Minutes(15), absl::Seconds(route.spec.silences().lease().seconds()));
  EXPECT_EQ(Problems("follows: [freezes], grafana: {url: 'https://g.example', bearer_secret: g}"),
            "");
  EXPECT_THAT(Problems(kSilences), HasSubstr("spec.follows: is missing"));
  EXPECT_THAT(Problems(absl::StrCat("triggers: [failed], follows: [windows], ", kSilences)),
              HasSubstr("spec.triggers: are not for"));
  EXPECT_THAT(Problems(absl::StrCat("follows: [windows], triggers: [failed], ", kHook)),
              HasSubstr("other receivers have triggers"));
  EXPECT_THAT(Problems(absl::StrCat("follows: [tides], ", kSilences)), HasSubstr("not \"tides\""));
  EXPECT_THAT(Problems("follows: [windows], silences: {url: 'http://am', matchers: []}"),
              HasSubstr("all alerts fall silent"));
  EXPECT_THAT(Problems("follows: [windows], silences: {url: 'http://am', matchers: ['a=~\".*\"']}"),
              HasSubstr("alerts of anything fall silent"));
  EXPECT_THAT(Problems("follows: [windows], silences: {url: 'http://am', bearer_secret: x, "
                       "matchers: ['a=\"b\"'], lease: 1m}"),
              ::testing::AllOf(HasSubstr("https://"), HasSubstr("between 5m and 24h")));
  EXPECT_THAT(
      Problems("follows: [windows], silences: {url: 'http://am/?x=', matchers: ['a=\"b\"']}"),
      HasSubstr("spec.silences.url: must end with its path"));
  EXPECT_THAT(Problems("follows: [windows], grafana: {url: 'https://g/#', bearer_secret: g}"),
              HasSubstr("spec.grafana.url: must end with its path"));
  EXPECT_THAT(Problems("follows: [windows], grafana: {url: 'https://g', panel_id: 3}"),
              ::testing::AllOf(HasSubstr("bearer_secret: is missing"), HasSubstr("no dashboard")));
}

TEST(Route, TriggersAreKnownAndSuitTheReceiver) {
  EXPECT_THAT(Problems(kHook), HasSubstr("at least one"));
  EXPECT_THAT(Problems(absl::StrCat("triggers: [boom], ", kHook)),
              ::testing::AllOf(HasSubstr("no trigger \"boom\""), HasSubstr("needs-person")));
  EXPECT_THAT(Problems("triggers: [started], pagerduty: {routing_key_secret: s}"),
              HasSubstr("is news"));
}

TEST(Route, ASecretIsNotSentWithoutTls) {
  EXPECT_THAT(Problems("triggers: [failed], alertmanager: {url: 'http://a.example', "
                       "bearer_secret: s}"),
              HasSubstr("https://"));
  EXPECT_THAT(Problems("triggers: [failed], webhook: {url: 'http://a.example', signing_secret: k, "
                       "bearer_secret: s}"),
              HasSubstr("https://"));
  EXPECT_THAT(Problems("triggers: [failed], pagerduty: {url: 'http://a.example', "
                       "routing_key_secret: s}"),
              HasSubstr("https://"));
  EXPECT_THAT(Problems(Mail("to: [x@y.example], tls: none, user: u, password_secret: s")),
              HasSubstr("none is not for a password"));
}

TEST(Route, AWebhooksUrlIsGivenOrNamed) {
  EXPECT_EQ(Problems("triggers: [failed], webhook: {url_secret: u, signing_secret: k}"), "");
  EXPECT_THAT(Problems("triggers: [failed], webhook: {url_secret: u, signing_secret: k, url: "
                       "'https://h.example/x'}"),
              HasSubstr("spec.webhook.url_secret: give url or url_secret, not both"));
  EXPECT_THAT(Problems("triggers: [failed], webhook: {signing_secret: k}"),
              HasSubstr("spec.webhook.url: is missing"));
  EXPECT_THAT(Problems("triggers: [failed], webhook: {url_secret: 'https://h.example/hunter2', "
                       "signing_secret: k}"),
              AllOf(HasSubstr("spec.webhook.url_secret"), Not(HasSubstr("hunter2"))));
}

TEST(Route, AParametersNameTellsOfASecret) {
  for (const char* url : {"https://h/x?token=a", "https://h/x?a=b&api_key=c",
                          "https://h?PASSWORD=", "https://h/?a;sig=1", "https://h/?access-token"}) {
    EXPECT_TRUE(MayHoldSecret(url)) << url;
  }
  for (const char* url : {"https://h/token", "https://h/x?team=dba&channel=7", "https://h/?a=token",
                          "https://h/x", "https://h/?"}) {
    EXPECT_FALSE(MayHoldSecret(url)) << url;
  }
}

TEST(Route, UrlsHaveAHostAndNoUser) {
  for (const char* url : {"", "ftp://h/", "https://", "https://user:pw@h/", "https://h\\@evil/",
                          "https://h evil/", "https:///x", "https://h:0/", "https://h:99999/"}) {
    EXPECT_THAT(Problems(absl::StrCat("triggers: [failed], webhook: {signing_secret: k, url: '",
                                      url, "'}")),
                HasSubstr("spec.webhook.url"))
        << url;
  }
}

TEST(Route, SecretsAreNamesAndNoPaths) {
  for (const char* name : {"../x", "/etc/shadow", ".hidden", "a b"}) {
    EXPECT_THAT(Problems(absl::StrCat("triggers: [failed], slack: {url_secret: '", name, "'}")),
                HasSubstr("the name of a secret in the controller's configuration is wanted"))
        << name;
  }
}

TEST(Route, WhatIsRefusedMayBeASecretAndIsNotShown) {
  for (const char* spec : {"slack: {url_secret: 'https://hooks.slack.com/services/T0/hunter2'}",
                           "webhook: {signing_secret: k, url: 'https://u:hunter2@h.example/x'}"}) {
    const std::string problems = Problems(absl::StrCat("triggers: [failed], ", spec));
    EXPECT_THAT(problems, HasSubstr("is not shown")) << spec;
    EXPECT_THAT(problems, Not(HasSubstr("hunter2"))) << spec;
  }
}

TEST(Route, MailAddressesHoldNoCommands) {
  for (const char* to :
       {"x", "x@", "'@y'", "x@y>z", "x y@z", "\"x\\r\\nRCPT TO:<e@e>\"", "x@y@z", "'a,b@c'"}) {
    EXPECT_THAT(Problems(Mail(absl::StrCat("to: [", to, "]"))), HasSubstr("spec.smtp.to[0]")) << to;
  }
  EXPECT_THAT(Problems(Mail("to: [x@y.example, x@y.example]")), HasSubstr("is there twice"));
  EXPECT_THAT(Problems(Mail("to: []")), HasSubstr("1 to 20"));
}

TEST(Route, TemplatesAreCheckedWhenTheyAreDeclared) {
  const auto with = [](const std::string& text) {
    return Problems(absl::StrCat("triggers: [failed], template: ", text, ", ", kHook));
  };
  EXPECT_EQ(with("{title: '{{summary}}', body: '{{ error }} of {{target}}'}"), "");
  EXPECT_THAT(with("{title: '{{nope}}'}"),
              ::testing::AllOf(HasSubstr("spec.template.title"), HasSubstr("summary")));
  EXPECT_THAT(with("{body: 'x {{ y'}"), HasSubstr("without its"));
  EXPECT_THAT(with("{body: 'x }} y'}"), HasSubstr("without its"));
  EXPECT_THAT(with("{title: \"two\\nlines\"}"), HasSubstr("must be one line"));
}

TEST(Route, SelectorsNarrowByWhatAnEventIsAbout) {
  Route route;
  ASSERT_EQ(Problems(absl::StrCat("triggers: [failed], selector: {environments: [qa], instances: "
                                  "[db1, db2], labels: {tier: gold}, job_kinds: [backup]}, ",
                                  kHook),
                     &route),
            "");
  EventPlace place{{"qa"}, false, "backup", {{"db1", {{"tier", "gold"}}}}};
  EXPECT_TRUE(route.Selects(place));
  place.instances.insert(place.instances.begin(), {"db9", {}});
  EXPECT_TRUE(route.Selects(place));
  place.instances = {{"db1", {{"tier", "tin"}}}, {"db9", {{"tier", "gold"}}}};
  EXPECT_FALSE(route.Selects(place));
  place.instances = {{"db2", {{"tier", "gold"}}}};
  place.job_kind = "verify";
  EXPECT_FALSE(route.Selects(place));
  place.job_kind = "backup";
  place.environments = {"production"};
  EXPECT_FALSE(route.Selects(place));
  place.everywhere = true;
  EXPECT_TRUE(route.Selects(place));
}

TEST(Route, HostsHaveOneSpelling) {
  EXPECT_EQ(HostOf("https://Hooks.Slack.com/services/x"), "hooks.slack.com");
  EXPECT_EQ(HostOf("https://hooks.slack.com:443/x"), "hooks.slack.com");
  EXPECT_EQ(HostOf("https://h:8443?x"), "h:8443");
  EXPECT_EQ(HostOf("http://[::1]:9093/"), "[::1]:9093");
  EXPECT_EQ(HostOf("https://good.example#@evil.example/"), "good.example");
  for (const char* bad : {"https://good.example@evil.example/", "https://a%2eb/", "h.example",
                          "https://h:08443/", "https://\t/x"}) {
    EXPECT_EQ(HostOf(bad), "") << bad;
  }
}

TEST(TextTemplate, ValuesAreEscapedAndItsOwnTextIsNot) {
  const auto text = TextTemplate::Parse("<b>{{summary}}</b> {{error}}");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->Render({{"summary", "x"}},
                         [](absl::string_view v) { return absl::StrCat("[", v, "]"); }),
            "<b>[x]</b> ");
}

TEST(TextTemplate, AFieldIsOneBoundedLine) {
  EXPECT_EQ(FieldText("a\nApproved by: bob"), "a\\x0aApproved by: bob");
  EXPECT_THAT(FieldText("a\r\x1b[2J\xe2\x80\xae\xe2\x80\xa8z"),
              ::testing::Not(::testing::ContainsRegex("[\r\x1b]|\xe2\x80\xae|\xe2\x80\xa8")));
  EXPECT_LE(FieldText(std::string(100'000, 'x')).size(), 1010u);
}

TEST(Triggers, RecordsThatAreToldHaveTheirTrigger) {
  const auto trigger = [](const std::string& action, std::map<std::string, std::string> details) {
    const auto event = EventOf({"users/ada", action, "jobs/J", "qa", std::move(details)});
    return event.has_value() ? event->trigger : "none";
  };
  EXPECT_EQ(trigger("job.planned", {{"waits_for", "approvals"}}), "approval-needed");
  EXPECT_EQ(trigger("job.planned", {}), "none");
  EXPECT_EQ(trigger("job.end", {{"state", "succeeded"}}), "succeeded");
  EXPECT_EQ(trigger("job.end", {{"state", "partial"}}), "failed");
  EXPECT_EQ(trigger("job.end", {{"state", "partial"}, {"reason", "WINDOW_CLOSED"}}), "failed");
  EXPECT_EQ(trigger("job.end", {{"state", "partial"}, {"reason", "CANCELLED"}}), "cancelled")
      << "somebody wanted that";
  EXPECT_EQ(trigger("job.end", {{"state", "failed"}, {"reason", "CANCELLED"}}), "failed");
  EXPECT_EQ(trigger("job.end", {{"state", "cancelled"}}), "cancelled");
  EXPECT_EQ(trigger("job.needs_person", {}), "needs-person");
  EXPECT_EQ(trigger("attempt.grant", {}), "none");
  EXPECT_EQ(trigger("attempt.grant", {{"begins", "job"}}), "started");
  EXPECT_EQ(trigger("step.report", {}), "none");
  EXPECT_EQ(trigger("change.rollback_refused", {}), "rollback-refused");
  EXPECT_EQ(trigger("backup.verification", {{"state", "suspect"}}), "backup-suspect");
  EXPECT_EQ(trigger("backup.verification", {{"state", "gone"}}), "backup-suspect");
  EXPECT_EQ(trigger("backup.verification", {{"state", "complete"}}), "") << "it is sound";
  EXPECT_EQ(trigger("backup.gone", {}), "backup-suspect");
  EXPECT_EQ(trigger("change.break_glass", {}), "break-glass");
  EXPECT_EQ(trigger("change.end_break_glass", {}), "break-glass");
  EXPECT_EQ(trigger("change.review_break_glass", {}), "break-glass");
  EXPECT_FALSE(MayBeEvent("step.report"));
  EXPECT_TRUE(MayBeEvent("job.end"));
}

TEST(Triggers, WhateverEndsAProposalEndsWhatWasToldOfIt) {
  const auto event = [](const std::string& action) {
    return *EventOf({"users/ada", action, "proposals/P", "qa", {}});
  };
  EXPECT_EQ(event("proposal.create").trigger, "rules-proposed");
  EXPECT_EQ(event("proposal.create").meaning, Meaning::kTrouble);
  EXPECT_EQ(event("proposal.approve").trigger, "approved");
  for (const char* end : {"apply", "reject", "withdraw", "end"}) {
    EXPECT_EQ(event(absl::StrCat("proposal.", end)).meaning, Meaning::kRelief) << end;
    EXPECT_EQ(event(absl::StrCat("proposal.", end)).trigger, "rules-proposed") << end;
  }
  EXPECT_NE(FindTrigger("rules-proposed"), nullptr);
}

}  // namespace
}  // namespace dbfleet::controller
