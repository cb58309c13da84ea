#include "controller/rules/rule.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

RuleEvent Failed() {
  RuleEvent event;
  event.seq = 12;
  event.time = absl::FromUnixSeconds(1'800'000'000);
  event.event = {"check-failed", Meaning::kNews, "found trouble", "jobs/J"};
  event.environments = {"production"};
  event.job_kind = "check";
  event.observations = {"replication_lag_seconds", "disk_used_ratio"};
  event.why = "replication lag: 40 s";
  event.instances = {{"orders-db", "production", "mysql", {{"tier", "1"}, {"dc", "a"}}}};
  return event;
}

TEST(Rule, EventsAreSelectedByEachFieldThatIsGiven) {
  struct Case {
    const char* name;
    std::function<void(RuleSelection*, RuleEvent*)> change;
    bool selected;
  };
  const Case kCases[] = {
      {"its trigger", [](auto*, auto*) {}, true},
      {"another trigger", [](auto* s, auto*) { s->triggers = {"failed"}; }, false},
      {"relief without a trigger",
       [](auto* s, auto* e) {
         s->triggers = {""};
         e->event.trigger.clear();
       },
       false},
      {"one of its causes",
       [](auto* s, auto*) {
         s->observations = {"unreachable", "replication_lag_seconds"};
       },
       true},
      {"another cause", [](auto* s, auto*) { s->observations = {"unreachable"}; }, false},
      {"a record without causes",
       [](auto* s, auto* e) {
         s->observations = {"unreachable"};
         e->observations.clear();
       },
       false},
      {"its kind of job",
       [](auto* s, auto*) {
         s->job_kinds = {"check", "backup"};
       },
       true},
      {"another kind of job", [](auto* s, auto*) { s->job_kinds = {"backup"}; }, false},
      {"no job at all",
       [](auto* s, auto* e) {
         s->job_kinds = {"check"};
         e->job_kind.clear();
       },
       false},
      {"what a rule caused", [](auto*, auto* e) { e->depth = 1; }, false},
      {"the same where rules are followed",
       [](auto* s, auto* e) {
         s->follow_rules = 1;
         e->depth = 1;
       },
       true},
      {"through more rules than are followed",
       [](auto* s, auto* e) {
         s->follow_rules = 1;
         e->depth = 2;
       },
       false},
  };
  for (const Case& c : kCases) {
    RuleSelection selection;
    selection.triggers = {"check-failed"};
    RuleEvent event = Failed();
    c.change(&selection, &event);
    EXPECT_EQ(SelectsEvent(selection, event), c.selected) << c.name;
  }
}

TEST(Rule, AChangeOfHealthIsForTheWorseUnlessItIsSaidOtherwise) {
  RuleSelection selection;
  selection.triggers = {"health-change"};
  RuleEvent worse, better;
  worse.event = {"health-change", Meaning::kTrouble, "is in trouble", "instances/x"};
  better.event = {"health-change", Meaning::kRelief, "is well again", "instances/x"};
  EXPECT_TRUE(SelectsEvent(selection, worse));
  EXPECT_FALSE(SelectsEvent(selection, better));
  selection.health = HealthChange::kBetter;
  EXPECT_FALSE(SelectsEvent(selection, worse));
  EXPECT_TRUE(SelectsEvent(selection, better));
  selection.health = HealthChange::kAny;
  EXPECT_TRUE(SelectsEvent(selection, worse));
  EXPECT_TRUE(SelectsEvent(selection, better));
}

TEST(Rule, InstancesAreSelectedByAllThatIsGiven) {
  const RuleInstance instance = Failed().instances[0];
  RuleSelection selection;
  EXPECT_TRUE(SelectsInstance(selection, instance));
  selection.environments = {"production"};
  selection.instances = {"orders-db"};
  selection.engines = {"mysql"};
  selection.labels = {{"tier", "1"}};
  EXPECT_TRUE(SelectsInstance(selection, instance));
  for (const auto& wrong : std::vector<std::function<void(RuleSelection*)>>{
           [](RuleSelection* s) { s->environments = {"qa"}; },
           [](RuleSelection* s) { s->instances = {"billing-db"}; },
           [](RuleSelection* s) { s->engines = {"redis"}; },
           [](RuleSelection* s) {
             s->labels = {{"tier", "2"}};
           },
           [](RuleSelection* s) {
             s->labels = {{"tier", "1"}, {"rack", "9"}};
           }}) {
    RuleSelection other = selection;
    wrong(&other);
    EXPECT_FALSE(SelectsInstance(other, instance));
  }
}

TEST(Rule, WhatIsAboutNoInstanceCountsInItsEnvironments) {
  const std::vector<std::string> known = {"development", "production", "qa"};
  RuleEvent event;
  event.environments = {"production", "gone"};
  RuleSelection selection;
  EXPECT_THAT(SelectedEnvironments(selection, event, known), ElementsAre("production"));
  selection.environments = {"qa"};
  EXPECT_THAT(SelectedEnvironments(selection, event, known), IsEmpty());
  event.everywhere = true;
  EXPECT_THAT(SelectedEnvironments(selection, event, known), ElementsAre("qa"));
  selection.labels = {{"tier", "1"}};
  EXPECT_THAT(SelectedEnvironments(selection, event, known), IsEmpty());
}

TEST(Rule, ACauseSaysWhatHappenedWhereAndInWhichRecord) {
  EXPECT_EQ(
      CauseOf(Failed(), "orders-db", {3, absl::Minutes(10)}),
      "instances/orders-db: jobs/J found trouble: replication lag: 40 s (3 such events within "
      "10m) (audit record 12, 2027-01-15T08:00:00Z)");
  RuleEvent health = Failed();
  health.event = {"health-change", Meaning::kTrouble, "is in trouble", "instances/orders-db"};
  EXPECT_EQ(CauseOf(health, "orders-db", {}),
            "instances/orders-db: is in trouble: replication lag: 40 s (audit record 12, "
            "2027-01-15T08:00:00Z)");
}

TEST(Rule, EveryTriggerOfRoutesIsForRulesOrNamedAsNot) {
  int for_rules = 0;
  for (const TriggerInfo& trigger : Triggers()) for_rules += IsForRules(trigger);
  EXPECT_EQ(for_rules, 20) << "a trigger was added: is it for rules? See controller/rules/rule.cc";
  EXPECT_FALSE(IsForRules(*FindTrigger("job-proposed"))) << "rules would wake each other";
  EXPECT_FALSE(IsForRules(*FindTrigger("notification-failed")));
  EXPECT_TRUE(IsForRules(*FindTrigger("backup-suspect")));
  EXPECT_FALSE(IsAboutInstances("window-closed"));
  EXPECT_TRUE(IsAboutInstances("agent-lost"));
}

TEST(Rule, WhichJobsATriggerTellsOfIsKnownForEach) {
  EXPECT_EQ(JobKindsOf("failed"), std::nullopt) << "of any";
  EXPECT_EQ(JobKindsOf("approval-needed"), std::vector<JobKind>{JobKind::kMigrate});
  for (const char* none : {"agent-lost", "agent-connected", "agent-quarantined", "health-change",
                           "window-opened", "schedule-missed"}) {
    ASSERT_NE(FindTrigger(none), nullptr) << none;
    EXPECT_EQ(JobKindsOf(none), std::vector<JobKind>()) << none;
  }
}

}  // namespace
}  // namespace dbfleet::controller
