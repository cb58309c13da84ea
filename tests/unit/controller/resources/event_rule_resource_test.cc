#include "controller/resources/event_rule_resource.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/config/yaml_writer.h"
#include "controller/resources/manifest.h"

namespace dbfleet::controller {
namespace {

std::string Yaml(const std::string& spec) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: EventRule\nmetadata: {name: look}\nspec:\n",
                      spec);
}
constexpr char kPlain[] =
    "  on: {triggers: [check-failed]}\n"
    "  propose: {job: {check: {}}}\n";

absl::StatusOr<DeclaredEventRule> Read(const std::string& spec) {
  auto manifests = ParseManifests({{{"f.yaml", Yaml(spec)}}});
  if (!manifests.ok()) return manifests.status();
  config::Problems problems;
  auto rule = CompileEventRule(
      static_cast<const resource::v1::EventRule&>(*(*manifests)[0].message), &problems);
  if (!rule.has_value()) return problems.ToStatus();
  return *rule;
}

TEST(EventRuleResource, WhatIsLeftOutHasItsDefault) {
  const auto rule = Read(kPlain);
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->name, "look");
  EXPECT_TRUE(rule->ask);
  EXPECT_EQ(rule->expires_after, absl::Hours(24));
  EXPECT_EQ(rule->threshold.count, 1);
  EXPECT_EQ(rule->threshold.within, absl::Minutes(10));
  EXPECT_EQ(rule->limits.cooldown, absl::Hours(1));
  EXPECT_EQ(rule->limits.max_per_day, 20);
  EXPECT_EQ(rule->limits.max_open, 1);
  EXPECT_EQ(rule->selection.follow_rules, 0);
  EXPECT_FALSE(rule->suspended);
}

TEST(EventRuleResource, EverythingThatIsSaidCounts) {
  const auto rule = Read(
      "  on: {triggers: [health-change, agent-lost], observations: [unreachable], health: any}\n"
      "  selector: {environments: [qa], engines: [redis], labels: {tier: \"1\"},\n"
      "    instances: [a]}\n"
      "  after: {count: 3, within: 1h}\n"
      "  propose: {job: {backup: {skip_verify: true}}, targets: {labels: {role: replica}}, mode: "
      "run}\n"
      "  limits: {cooldown: 2m, max_per_day: 7, max_open: 3}\n"
      "  follow_rules: 2\n"
      "  suspended: true\n");
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_FALSE(rule->ask);
  EXPECT_TRUE(rule->suspended);
  EXPECT_EQ(rule->selection.health, HealthChange::kAny);
  EXPECT_EQ(rule->selection.observations, std::set<std::string>{"unreachable"});
  EXPECT_EQ(rule->selection.follow_rules, 2);
  EXPECT_EQ(rule->threshold.count, 3);
  EXPECT_EQ(rule->limits.max_open, 3);
}

TEST(EventRuleResource, WhatIsWrittenIsReadBack) {
  const auto manifests = ParseManifests({{{"f.yaml", Yaml(kPlain)}}});
  ASSERT_TRUE(manifests.ok()) << manifests.status();
  const std::string written = config::WriteYaml(*(*manifests)[0].message);
  const auto again = ParseManifests({{{"g.yaml", written}}});
  ASSERT_TRUE(again.ok()) << again.status() << "\n" << written;
  EXPECT_EQ(config::WriteYaml(*(*again)[0].message), written);
}

TEST(EventRuleResource, ThoseOfTheExampleFleetAreGood) {
  const auto text = ReadFile(std::string(DBFLEET_SOURCE_DIR) + "/deploy/examples/fleet/rules.yaml");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto manifests = ParseManifests({{{"rules.yaml", *text}}});
  ASSERT_TRUE(manifests.ok()) << manifests.status();
  EXPECT_EQ(manifests->size(), 2u);
}

TEST(EventRuleResource, WhatIsWrongIsToldWithItsPlace) {
  struct Case {
    const char* spec;
    const char* says;
  };
  const Case kCases[] = {
      {"  propose: {job: {check: {}}}\n", "spec.on.triggers: at least one"},
      {"  on: {triggers: [chek-failed]}\n  propose: {job: {check: {}}}\n",
       "f.yaml:5:19: spec.on.triggers[0]: there is no trigger"},
      {"  on: {triggers: [drift]}\n  propose: {job: {check: {}}}\n",
       "there is no trigger \"drift\""},
      {"  on: {triggers: [job-proposed]}\n  propose: {job: {check: {}}}\n",
       "tells of nothing that a job on a database could answer"},
      {"  on: {triggers: [window-closed]}\n  propose: {job: {check: {}}}\n",
       "spec.propose.targets: is needed with window-closed"},
      {"  on: {triggers: [check-failed], observations: [lag]}\n  propose: {job: {check: {}}}\n",
       "spec.on.observations[0]: there is no observation"},
      {"  on: {triggers: [failed], observations: [unreachable]}\n  propose: {job: {check: {}}}\n",
       "spec.on.observations: goes with"},
      {"  on: {triggers: [failed], health: worse}\n  propose: {job: {check: {}}}\n",
       "spec.on.health: goes with"},
      {"  on: {triggers: [failed]}\n", "spec.propose.job: exactly one of"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}, backup: {}}}\n",
       "spec.propose.job: exactly one of"},
      {"  on: {triggers: [failed]}\n  propose: {job: {planned: {action: dance}}}\n",
       "spec.propose.job.planned: is for schedules only"},
      {"  on: {triggers: [failed]}\n  propose: {job: {inspect: {}}}\n", "`statement` is empty"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}, mode: do}\n",
       "spec.propose.mode: ask or run"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}, mode: run, expires_after: 1h}\n",
       "spec.propose.expires_after: goes with `mode: ask`"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}}\n  limits: {cooldown: 1s}\n",
       "spec.limits.cooldown: a duration from 1m"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}}\n  limits: {max_open: 11}\n",
       "spec.limits.max_open: a number from 1 to 10"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}}\n  after: {count: 101}\n",
       "spec.after.count: a number from 1 to 100"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}}\n  follow_rules: 4\n",
       "spec.follow_rules: a number from 0 to 3"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}}\n  selector: {engines: "
       "[oracle]}\n",
       "spec.selector.engines[0]: mysql, postgresql or redis"},
      {"  on: {triggers: [failed]}\n  propose: {job: {check: {}}}\n  cooldown: 1h\n", "cooldown"},
  };
  for (const Case& c : kCases) {
    const auto rule = Read(c.spec);
    EXPECT_FALSE(rule.ok()) << c.spec;
    EXPECT_TRUE(absl::StrContains(rule.status().message(), c.says))
        << c.spec << rule.status().message();
  }
}

// Each of them would be taken, and nothing would ever come of it.
TEST(EventRuleResource, ATriggerOfWhichNothingCouldComeIsTold) {
  const auto rule = [](const char* on, const char* selector) {
    return absl::StrCat("  on: {", on, "}\n  selector: {", selector,
                        "}\n  propose: {job: {check: {}}, targets: {}}\n");
  };
  struct Case {
    const char* on;
    const char* selector;
    const char* says;  // "": it is taken.
  };
  const Case kCases[] = {
      {"triggers: [failed, agent-lost]", "job_kinds: [backup]", "agent-lost tells of no job"},
      {"triggers: [health-change]", "job_kinds: [check]", "health-change tells of no job"},
      {"triggers: [approval-needed]", "job_kinds: [backup, check]",
       "approval-needed tells of jobs of these kinds only: migrate"},
      {"triggers: [check-failed]", "job_kinds: [backup]", "of these kinds only: check"},
      {"triggers: [backup-suspect]", "job_kinds: [check]", "of these kinds only: backup, verify"},
      {"triggers: [check-failed, failed]", "job_kinds: [check]", ""},
      {"triggers: [backup-suspect]", "job_kinds: [migrate, verify]", ""},
      {"triggers: [window-closed]", "labels: {tier: \"1\"}",
       "window-closed is about no instance, so with instances, engines or labels"},
      {"triggers: [window-opened]", "engines: [redis]", "window-opened is about no instance"},
      {"triggers: [window-changed]", "instances: [a]", "window-changed is about no instance"},
      {"triggers: [window-closed]", "environments: [qa]", ""},
      {"triggers: [schedule-missed]", "labels: {tier: \"1\"}", ""},
      {"triggers: [health-change], health: better, observations: [unreachable]", "",
       "health-change with health: better is about instances that are well"},
      {"triggers: [health-change], health: any, observations: [unreachable]", "", ""},
      {"triggers: [health-change], health: better", "", ""},
  };
  for (const Case& c : kCases) {
    const std::string spec = rule(c.on, c.selector);
    const auto read = Read(spec);
    ASSERT_TRUE(read.ok()) << spec << read.status();
    const std::vector<DeadTrigger> dead = DeadTriggers(read->spec);
    EXPECT_EQ(dead.empty(), *c.says == '\0') << spec;
    for (const DeadTrigger& trigger : dead) {
      EXPECT_TRUE(absl::StrContains(trigger.why, c.says)) << spec << trigger.why;
    }
  }
}

// What an earlier version took is not taken for damage: it goes on doing nothing.
TEST(EventRuleResource, AStoredOneWithSuchATriggerCanBeRead) {
  resource::v1::EventRule manifest;
  manifest.mutable_metadata()->set_name("old");
  auto& spec = *manifest.mutable_spec();
  spec.mutable_on()->add_triggers("agent-lost");
  spec.mutable_selector()->add_job_kinds("backup");
  spec.mutable_propose()->mutable_job()->mutable_check();
  FillEventRule(&manifest);
  config::Problems problems;
  EXPECT_TRUE(CompileEventRule(manifest, &problems).has_value());
  CheckEventRule(manifest, &problems);
  EXPECT_TRUE(problems.ToStatus().ok());
  EXPECT_EQ(DeadTriggers(spec).size(), 1u);
}

}  // namespace
}  // namespace dbfleet::controller
