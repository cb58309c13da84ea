#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/cli/cli_fixture.h"

// `dbfleet rule test` and `dbfleet audit list` on the command line.
namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kTwoRules[] = R"(# The rules of the fleet.
apiVersion: dbfleet/v1
kind: EventRule
metadata: {name: look-again}
spec: {x: 1}
---
apiVersion: dbfleet/v1
kind: MaintenanceWindow
metadata: {name: night}
---
apiVersion: dbfleet/v1
kind: EventRule
metadata:
  name: backup-after-outage
)";

TEST_F(CliTest, EachRuleOfAFileIsTestedAloneAtItsPlace) {
  const std::string file = Write("rules.yaml", kTwoRules);
  ASSERT_EQ(RunCli({"rule", "test", file, "--since", "7d"}), 0) << err_;
  ASSERT_EQ(controller_.tested_rules.size(), 2u);
  const std::string first = controller_.tested_rules[0].manifest();
  EXPECT_THAT(first, HasSubstr("name: look-again"));
  EXPECT_THAT(first, Not(HasSubstr("backup-after-outage")));
  const std::string second = controller_.tested_rules[1].manifest();
  EXPECT_THAT(second, Not(HasSubstr("look-again")));
  EXPECT_EQ(std::count(second.begin(), second.begin() + second.find("apiVersion"), '\n'), 10)
      << "errors have the lines of the file";
  EXPECT_EQ(controller_.tested_rules[1].window().seconds(), 7 * 86400);
  EXPECT_THAT(out_, HasSubstr("look-again: would have proposed 0 jobs"));
  EXPECT_THAT(out_, HasSubstr("backup-after-outage: would have proposed 0 jobs"));
  ASSERT_EQ(RunCli({"rule", "test", file, "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("["));
}

TEST_F(CliTest, OneRuleOfAFileIsChosenByItsName) {
  const std::string file = Write("rules.yaml", kTwoRules);
  ASSERT_EQ(RunCli({"rule", "test", file, "--name", "eventrule/backup-after-outage"}), 0) << err_;
  ASSERT_EQ(controller_.tested_rules.size(), 1u);
  EXPECT_THAT(controller_.tested_rules[0].manifest(), HasSubstr("backup-after-outage"));
  EXPECT_THAT(out_, StartsWith("would have proposed 0 jobs"));
  ASSERT_EQ(RunCli({"rule", "test", file, "--name", "look-again", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("{"));
  EXPECT_EQ(RunCli({"rule", "test", file, "--name", "night"}), 2);
  EXPECT_THAT(err_, HasSubstr("rules.yaml holds no EventRule \"night\" (but: look-again, "
                              "backup-after-outage) [NO_SUCH_RULE]"));
}

// Other resources of a file are none of its rules, however many come first.
TEST_F(CliTest, RulesBehindManyOtherResourcesAreTestedAsWell) {
  std::string windows;
  for (int i = 0; i < 101; ++i) {
    windows += absl::StrCat("kind: MaintenanceWindow\nmetadata: {name: w", i, "}\n---\n");
  }
  const std::string file = Write("rules.yaml", windows + kTwoRules);
  ASSERT_EQ(RunCli({"rule", "test", file}), 0) << err_;
  EXPECT_EQ(controller_.tested_rules.size(), 2u);
  std::string rules;
  for (int i = 1; i <= 150; ++i) {
    rules += absl::StrCat("kind: EventRule\nmetadata: {name: r", i, "}\n---\n");
  }
  controller_.tested_rules.clear();
  EXPECT_EQ(RunCli({"rule", "test", Write("many.yaml", rules)}), 2);
  EXPECT_THAT(err_, HasSubstr("[TOO_MANY_RULES]"));
  ASSERT_EQ(RunCli({"rule", "test", Write("many.yaml", rules), "--name", "r120"}), 0) << err_;
  EXPECT_EQ(controller_.tested_rules.size(), 1u);
  std::string more;
  for (int i = 0; i < 1001; ++i) more += "kind: A\n---\n";
  EXPECT_EQ(RunCli({"rule", "test", Write("more.yaml", more)}), 2);
  EXPECT_THAT(err_, HasSubstr("[TOO_MANY_RESOURCES]"));
}

// It may be the one that is meant, and the controller says what is wrong with it.
TEST_F(CliTest, ARuleThatCannotBeReadIsTestedWhateverItsNameWouldBe) {
  const std::string file = Write("rules.yaml", std::string(kTwoRules) + "---\na: [\n");
  ASSERT_EQ(RunCli({"rule", "test", file, "--name", "broken"}), 0) << err_;
  ASSERT_EQ(controller_.tested_rules.size(), 1u);
  EXPECT_THAT(controller_.tested_rules[0].manifest(), HasSubstr("a: ["));
  controller_.tested_rules.clear();
  ASSERT_EQ(RunCli({"rule", "test", file, "--name", "look-again"}), 0) << err_;
  ASSERT_EQ(controller_.tested_rules.size(), 1u);
  EXPECT_THAT(controller_.tested_rules[0].manifest(), HasSubstr("look-again"));
}

TEST_F(CliTest, WhatTheRulesBeforeARefusedOneGaveIsShown) {
  controller_.refused_rule = "backup-after-outage";
  const std::string file = Write("rules.yaml", kTwoRules);
  EXPECT_EQ(RunCli({"rule", "test", file}), 2);
  EXPECT_THAT(out_, HasSubstr("look-again: would have proposed 0 jobs"));
  EXPECT_THAT(err_, HasSubstr("[BAD_MANIFEST]"));
}

// What the text of a single resource is, the controller tells, with its own words.
TEST_F(CliTest, ATextAloneInItsFileIsTestedAsItIs) {
  for (const char* text : {"kind: EventRule\nmetadata: {name: x}\n", "kind: Other\n", "a: [\n"}) {
    controller_.tested_rules.clear();
    EXPECT_EQ(RunCli({"rule", "test", Write("rule.yaml", text)}), 0) << err_;
    ASSERT_EQ(controller_.tested_rules.size(), 1u) << text;
    EXPECT_EQ(controller_.tested_rules[0].manifest(), text);
  }
  EXPECT_EQ(RunCli({"rule", "test", Write("none.yaml", "kind: A\n---\nkind: B\n")}), 2);
  EXPECT_THAT(err_, HasSubstr("none.yaml holds no EventRule [NO_SUCH_RULE]"));
}

TEST_F(CliTest, RecordsAreAskedForByActionAndOutcome) {
  ASSERT_EQ(RunCli({"audit", "list", "--action", "change.", "--outcome", "denied", "--actor", "bob",
                    "--resource", "jobs/"}),
            0)
      << err_;
  EXPECT_EQ(controller_.asked_records.action(), "change.");
  EXPECT_EQ(controller_.asked_records.outcome(), api::v1::ListAuditRecordsRequest::OUTCOME_DENIED);
  EXPECT_EQ(controller_.asked_records.actor(), "users/bob");
  EXPECT_EQ(controller_.asked_records.resource(), "jobs/");
  EXPECT_EQ(RunCli({"audit", "list", "--outcome", "well"}), 2);
  ASSERT_EQ(RunCli({"audit", "list"}), 0) << err_;
  EXPECT_EQ(controller_.asked_records.outcome(),
            api::v1::ListAuditRecordsRequest::OUTCOME_UNSPECIFIED);
  EXPECT_THAT(err_, HasSubstr("The trail has no records"));
  ASSERT_EQ(RunCli({"audit", "list", "--action", "x."}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("No record matches"));
}

}  // namespace
}  // namespace dbfleet::cli
