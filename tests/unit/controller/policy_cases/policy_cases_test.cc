// `dbfleet policy test`: cases over declared policies and windows.
#include "controller/policy_cases/policy_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

constexpr char kHead[] = "apiVersion: dbfleet/v1\nkind: PolicyCases\ncases:\n";

// Windows and promotion have cases of their own.
constexpr char kPlain[] = R"(apiVersion: dbfleet/v1
kind: Environment
metadata: {name: production}
spec: {policy: {window_for: none, promotion: {from: none}}}
)";

absl::StatusOr<std::vector<PolicyCaseResult>> RunCases(const std::string& cases,
                                                       const std::string& manifests = "") {
  ASSIGN_OR_RETURN(const resource::v1::PolicyCases parsed,
                   ParsePolicyCases("c.yaml", kHead + cases));
  std::vector<ManifestText> texts;
  if (!manifests.empty()) texts.push_back({"m.yaml", manifests});
  return RunPolicyCases(parsed, {"c.yaml", kHead + cases}, texts, kNow);
}

// The one case's rules, and whether it passed.
std::string Rules(const std::string& fields, const std::string& manifests = kPlain) {
  const auto results = RunCases(
      "- {name: it, environment: production, expect: allowed, " + fields + "}\n", manifests);
  if (!results.ok()) return std::string(results.status().message());
  std::string text = results->at(0).verdict;
  for (const PolicyBlocker& blocker : results->at(0).decision.blockers) text += " " + blocker.rule;
  return text;
}

constexpr char kBackup[] = "backup: {age: 1h}";
constexpr char kComplete[] = "backup: {age: 1h}, approvals: [{by: bob}]";

TEST(PolicyCases, AnEnvironmentThatNobodyDeclaredHasTheDefaultOfItsName) {
  EXPECT_EQ(Rules("", ""), "refused promotion approvals verified-backup window");
  EXPECT_EQ(Rules("promotion: {age: 1d, rehearsed: true}, " + std::string(kComplete), ""),
            "waits window");
}

TEST(PolicyCases, ADeclaredEnvironmentHasItsOwnPolicy) {
  EXPECT_EQ(Rules(""), "waits approvals verified-backup");
  EXPECT_EQ(Rules(kBackup), "waits approvals");
  EXPECT_EQ(Rules(kComplete), "allowed");
}

std::string ExampleFile(const std::string& name) {
  const absl::StatusOr<std::string> text =
      ReadFile(absl::StrCat(DBFLEET_SOURCE_DIR, "/deploy/examples/fleet/", name));
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

TEST(PolicyCases, ThoseOfTheExampleFleetPass) {
  const auto cases = ParsePolicyCases("policy-cases.yaml", ExampleFile("policy-cases.yaml"));
  ASSERT_TRUE(cases.ok()) << cases.status();
  std::vector<ManifestText> manifests;
  for (const std::string& name : cases->manifests()) {
    manifests.push_back({name, ExampleFile(name)});
  }
  const auto results = RunPolicyCases(*cases, {}, manifests, kNow);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->size(), 6);
  for (const PolicyCaseResult& result : *results) EXPECT_TRUE(result.passed) << result.name;
}

TEST(PolicyCases, EachFieldOfACaseTellsWhatItSays) {
  const std::string complete = std::string(kComplete) + ", ";
  EXPECT_EQ(Rules(complete + "change: {approve_destructive: false}"),
            "refused destructive-consent");
  EXPECT_EQ(Rules(complete + "change: {has_rollback: false}"), "refused rollback-plan");
  EXPECT_EQ(Rules(complete + "requester: bob"), "waits approvals") << "he asked for it himself";
  EXPECT_EQ(Rules("change: {safety: safe}, backup: {age: 1h}"), "allowed");
  EXPECT_EQ(Rules("change: {schema_change: false}, approvals: [{by: bob}]"), "allowed");
  EXPECT_EQ(Rules("backup: {age: 25h}, approvals: [{by: bob}]"), "waits verified-backup");
  EXPECT_EQ(Rules("backup: {age: 1h, verified_level: 0}, approvals: [{by: bob}]"),
            "waits verified-backup");
  EXPECT_EQ(Rules("change: {backup_gate: fresh}, " + std::string(kComplete)),
            "waits verified-backup")
      << "taken before the approval";
  EXPECT_EQ(Rules("change: {backup_gate: fresh}, backup: {age: 1h}, approvals: [{by: bob, "
                  "age: 2h}]"),
            "allowed");
  for (const char* flaw :
       {"age: 25h", "former_approver: true", "depends_on_requester: true", "outgrown: true"}) {
    EXPECT_EQ(Rules("backup: {age: 1h}, approvals: [{by: bob, " + std::string(flaw) + "}]"),
              "waits approvals")
        << flaw;
  }
  EXPECT_EQ(Rules("backup: {age: 1h}, approvals: [{by: bob, rejects: true}]"), "refused approvals");
}

constexpr char kFleet[] = R"(apiVersion: dbfleet/v1
kind: Environment
metadata: {name: production}
spec:
  policy:
    destructive_approvals: 2
    window_for: schema-changes
    promotion: {from: qa, within: 7d, rehearsal: true}
---
apiVersion: dbfleet/v1
kind: MaintenanceWindow
metadata: {name: weekend}
spec:
  selector: {environments: [production], labels: {tier: "1"}}
  recurring: {cron: "0 2 * * sat", time_zone: Europe/Berlin, duration: 4h}
)";

TEST(PolicyCases, DeclaredPoliciesAndWindowsCount) {
  const std::string complete =
      "backup: {age: 1h}, approvals: [{by: bob}, {by: cy}], labels: {tier: \"1\"}, "
      "promotion: {age: 1d, rehearsed: true}, now: \"2026-12-05T02:00:00+01:00\"";
  EXPECT_EQ(Rules(complete, kFleet), "allowed");
  EXPECT_EQ(Rules("backup: {age: 1h}, approvals: [{by: bob}], now: \"2026-12-04T02:00:00+01:00\"",
                  kFleet),
            "refused promotion approvals window");
  EXPECT_EQ(Rules(complete + ", change: {mends_failure: true}", kFleet), "allowed");
  const auto with = [&](std::string text, const std::string& was, const std::string& is) {
    return text.replace(text.find(was), was.size(), is);
  };
  EXPECT_EQ(Rules(with(complete, "tier: \"1\"", "tier: \"2\""), kFleet), "waits window");
  EXPECT_EQ(Rules(with(complete, "T02:00", "T01:59"), kFleet), "waits window");
  EXPECT_EQ(Rules(with(complete, "rehearsed: true", "rehearsed: false"), kFleet),
            "refused promotion");
  EXPECT_EQ(Rules(with(complete, "rehearsed: true", "rehearsed: true, taken_back: true"), kFleet),
            "refused promotion");
  EXPECT_EQ(Rules(with(complete, "age: 1d", "age: 8d"), kFleet), "refused promotion");
}

TEST(PolicyCases, ApprovalPoliciesAskForTheRolesThatApprovalsName) {
  const std::string policy =
      "apiVersion: dbfleet/v1\nkind: ApprovalPolicy\nmetadata: {name: dba}\nspec:\n"
      "  selector: {environments: [production], labels: {tier: '1'}}\n"
      "  applies_to: {kinds: [change], findings: warning}\n"
      "  requirements: [{name: dba, roles: [policy_admin]}, {name: second}]\n"
      "  ttl: 2h\n";
  const auto rules = [&](const std::string& fields) {
    return Rules("backup: {age: 1h}, " + fields, absl::StrCat(kPlain, "---\n", policy));
  };
  const std::string tier1 = "labels: {tier: '1'}, change: {findings: error}, ";
  EXPECT_EQ(rules(tier1 + "approvals: [{by: bob}]"), "waits approvals");
  EXPECT_EQ(rules(tier1 + "approvals: [{by: dora, roles: [policy_admin]}]"), "waits approvals");
  EXPECT_EQ(rules(tier1 + "approvals: [{by: bob}, {by: dora, roles: [policy_admin]}]"), "allowed");
  EXPECT_EQ(rules(tier1 + "approvals: [{by: bob, age: 3h}, {by: dora, roles: [policy_admin]}]"),
            "waits approvals")
      << "bob's has lapsed";
  EXPECT_EQ(rules("approvals: [{by: bob}]"), "allowed") << "another tier";
  EXPECT_EQ(rules("labels: {tier: '1'}, change: {findings: info}, approvals: [{by: bob}]"),
            "allowed");
  EXPECT_EQ(rules("labels: {tier: '1'}, change: {findings: error, rollback: true}, approvals: "
                  "[{by: bob}]"),
            "allowed");
  EXPECT_THAT(rules("change: {findings: bad}"), HasSubstr("info, warning or error is wanted"));
  EXPECT_THAT(rules("approvals: [{by: bob, roles: [dba]}]"), HasSubstr("there is no role"));
}

TEST(PolicyCases, ACasePassesWhenVerdictAndRulesAreTheExpectedOnes) {
  const auto results = RunCases(
      "- {name: a, environment: production, expect: waits}\n"
      "- {name: b, environment: production, expect: waits, blockers: [verified-backup, "
      "approvals]}\n"
      "- {name: c, environment: production, expect: waits, blockers: [approvals]}\n"
      "- {name: d, environment: production, expect: allowed}\n"
      "- {name: e, environment: development, expect: refused, blockers: [approvals]}\n",
      kPlain);
  ASSERT_TRUE(results.ok()) << results.status();
  std::vector<bool> passed;
  for (const PolicyCaseResult& result : *results) {
    passed.push_back(result.passed);
    EXPECT_EQ(result.difference.empty(), result.passed);
  }
  EXPECT_THAT(passed, ElementsAre(true, true, false, false, false));
  EXPECT_EQ(results->at(2).difference,
            "expected: waits by approvals; is: waits by approvals, verified-backup");
}

TEST(PolicyCases, WhatWasQueuedForAWindowWaitsForItAndItsTurn) {
  // From ten minutes before the cases' time on.
  const std::string manifests =
      absl::StrCat(kPlain, "---\napiVersion: dbfleet/v1\nkind: MaintenanceWindow\n",
                   "metadata: {name: nightly}\nspec:\n  selector: {labels: {tier: \"1\"}}\n",
                   "  once: {begin: \"2027-01-15T07:50:00Z\", end: \"2027-01-15T09:00:00Z\"}\n");
  const auto rules = [&](const std::string& queue, const std::string& more = "") {
    return Rules(absl::StrCat(kComplete, ", labels: {tier: \"1\"}, queue: {", queue, "}", more),
                 manifests);
  };
  EXPECT_EQ(rules("window: nightly"), "allowed");
  EXPECT_EQ(rules("window: nightly", ", now: \"2027-01-15T07:00:00Z\""), "waits window-queue");
  EXPECT_EQ(rules("window: nightly, estimate: 2h"), "waits window-queue");
  EXPECT_EQ(rules("window: gone"), "waits window-queue");
  EXPECT_EQ(rules("window: nightly, others: [{priority: 60}]"), "waits window-queue");
  EXPECT_EQ(rules("window: nightly, others: [{priority: 60, estimate: 2h}]"), "allowed");
  EXPECT_EQ(rules("window: nightly, others: [{priority: 60, state: waits}]"), "allowed");
  EXPECT_EQ(rules("window: nightly, others: [{priority: 1, state: runs}]"), "waits window-queue");
  EXPECT_EQ(rules("window: nightly, others: [{}]"), "waits window-queue") << "it is older";
  EXPECT_EQ(rules("window: nightly, others: [{newer: true}]"), "allowed");
  EXPECT_EQ(Rules(absl::StrCat(kComplete, ", queue: {window: nightly}"), manifests),
            "waits window-queue")
      << "the window does not select it";
  EXPECT_THAT(rules("window: nightly, priority: 0"), HasSubstr("from 1 to 100"));
  EXPECT_THAT(rules("window: nightly, others: [{state: sleeps}]"),
              HasSubstr("ready, runs or waits"));
}

TEST(PolicyCases, MistakesAreToldWithTheirPlacesAllTogether) {
  const absl::Status status = RunCases(
                                  "- {name: a, environment: production, expect: maybe}\n"
                                  "- {name: a, expect: allowed, blockers: [window]}\n"
                                  "- name: b\n"
                                  "  environment: qa\n"
                                  "  expect: waits\n"
                                  "  blockers: [approval]\n"
                                  "  now: tomorrow\n"
                                  "  change: {safety: unsafe, backup_gate: none}\n"
                                  "  approvals: [{age: 1h}]\n")
                                  .status();
  EXPECT_EQ(ReasonOf(status), "BAD_CONFIG");
  for (const char* problem :
       {"c.yaml:4:", "allowed, waits or refused is wanted, not \"maybe\"",
        "another case has this name", "environment is missing", "nothing blocks what is allowed",
        "there is no rule \"approval\"; known: approvals, ", "a moment with its offset",
        "safe or destructive is wanted", "auto, fresh or existing is wanted", "by is missing"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(problem));
  }
  EXPECT_FALSE(RunCases("- {name: a, environment: qa, expect: allowed, aproved: true}\n").ok());
  EXPECT_FALSE(RunCases("[]\n").ok());
}

// It would be held against the defaults.
TEST(PolicyCases, EachEnvironmentThatThereIsNotIsToldWithItsPlace) {
  const absl::Status status = RunCases(
                                  "- {name: a, environment: prodution, expect: waits}\n"
                                  "- {name: b, environment: staging, expect: waits}\n"
                                  "- name: c\n"
                                  "  environment: dev\n"
                                  "  expect: waits\n")
                                  .status();
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_ENVIRONMENT");
  EXPECT_EQ(status.message(),
            "c.yaml:4:13: cases[0].environment: there is no environment \"prodution\" in the "
            "manifests that the file names\n"
            "c.yaml:7:3: cases[2].environment: there is no environment \"dev\" in the manifests "
            "that the file names");
}

}  // namespace
}  // namespace dbfleet::controller
