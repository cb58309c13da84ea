#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/cli/cli_fixture.h"

// What commands say beside their data: once, truly, and on the right stream.
namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class MessagesTest : public CliTest {};

TEST_F(MessagesTest, AFailedJobsErrorIsSaidOnce) {
  controller_.job.set_state(Job::STATE_FAILED);
  controller_.job.set_error_reason("ACTION_FORBIDDEN");
  controller_.job.set_error_message("the agent's local policy file forbids it");
  EXPECT_EQ(RunCli({"change", "wait", "01J"}), 5);
  EXPECT_THAT(err_, HasSubstr("forbids it [ACTION_FORBIDDEN]"));
  EXPECT_THAT(out_, HasSubstr("01J"));
  EXPECT_THAT(out_, Not(HasSubstr("forbids it")));
  // A program reads one stream.
  EXPECT_EQ(RunCli({"change", "wait", "01J", "-o", "json"}), 5);
  EXPECT_THAT(out_, HasSubstr("forbids it"));
}

TEST_F(MessagesTest, TasksOfOneTargetAreToldApartAndNoneIsToldTwice) {
  controller_.job.set_state(Job::STATE_SUCCEEDED);
  for (const char* name : {"jobs/01J/tasks/A", "jobs/01J/tasks/B"}) {
    auto* task = controller_.job.add_tasks();
    task->set_name(name);
    task->set_target("instances/orders");
    task->set_state(api::v1::Task::STATE_SUCCEEDED);
  }
  EXPECT_EQ(RunCli({"job", "wait", "01J"}), 0);
  EXPECT_THAT(err_, HasSubstr("task 1 of 2, instances/orders: succeeded"));
  EXPECT_THAT(err_, HasSubstr("task 2 of 2, instances/orders: succeeded"));
}

TEST_F(MessagesTest, ALogSaysWhatItsLastLineIsAndWhenThereIsNone) {
  EXPECT_EQ(RunCli({"job", "logs", "01J"}), 0);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("jobs/01J has no log"));
  controller_.log.emplace_back().set_text("OUTCOME_SUCCEEDED");
  controller_.log.emplace_back().set_text("OUTCOME_FAILED BAD_SQL: line 3");
  controller_.log.emplace_back().set_text("as it is");
  EXPECT_EQ(RunCli({"job", "logs", "01J"}), 0);
  EXPECT_THAT(out_, HasSubstr("the attempt ended: succeeded\n"));
  EXPECT_THAT(out_, HasSubstr("the attempt ended: failed, BAD_SQL: line 3\n"));
  EXPECT_THAT(out_, HasSubstr("as it is\n"));
  EXPECT_EQ(err_, "");
  EXPECT_EQ(RunCli({"job", "logs", "01J", "-o", "json"}), 0);
  EXPECT_THAT(out_, HasSubstr("\"OUTCOME_SUCCEEDED\""));
}

TEST_F(MessagesTest, SomeDatabasesOfARedisAreNoBackup) {
  controller_.instances.emplace_back().set_name("instances/cache");
  controller_.instances.back().set_engine(work::v1::ENGINE_REDIS);
  controller_.instances.emplace_back().set_name("instances/orders");
  controller_.instances.back().set_engine(work::v1::ENGINE_MYSQL);
  EXPECT_EQ(RunCli({"backup", "run", "cache", "-d", "0"}), 2);
  EXPECT_THAT(err_, HasSubstr("is Redis"));
  EXPECT_EQ(controller_.backed_up.instance(), "");
  EXPECT_EQ(RunCli({"backup", "run", "cache"}), 0);
  EXPECT_EQ(controller_.backed_up.instance(), "instances/cache");
  EXPECT_EQ(RunCli({"backup", "run", "orders", "-d", "shop"}), 0);
  EXPECT_EQ(controller_.backed_up.databases(0), "shop");
}

TEST_F(MessagesTest, ColumnsSetsTheWidthOfATerminalOnly) {
  controller_.instances.emplace_back().set_name("instances/an-instance-with-a-long-name");
  controller_.instances.back().set_server_version("8.0.36");
  env_["COLUMNS"] = "40";
  EXPECT_EQ(RunCli({"instance", "list"}, "", true), 0);
  EXPECT_THAT(out_, HasSubstr("an-instance-with-a-long-name"));
  EXPECT_THAT(out_, Not(HasSubstr("VERSION")));
  EXPECT_EQ(RunCli({"instance", "list"}), 0);
  EXPECT_THAT(out_, HasSubstr("8.0.36"));
  env_["COLUMNS"] = "500";
  EXPECT_EQ(RunCli({"instance", "list"}, "", true), 0);
  EXPECT_THAT(out_, HasSubstr("8.0.36"));
}

TEST_F(MessagesTest, AnActorWithoutItsKindIsAUserAndNoMatchIsSaid) {
  controller_.records.emplace_back().set_actor("users/ada");
  controller_.records.back().set_action("change.submit");
  EXPECT_EQ(RunCli({"audit", "list", "--actor", "ada"}), 0);
  EXPECT_EQ(controller_.asked_actor, "users/ada");
  EXPECT_THAT(out_, HasSubstr("change.submit"));
  EXPECT_EQ(err_, "");
  EXPECT_EQ(RunCli({"audit", "list", "--actor", "agents/db1"}), 0);
  EXPECT_EQ(controller_.asked_actor, "agents/db1");
  EXPECT_EQ(err_, "No record matches\n");
  EXPECT_EQ(RunCli({"audit", "list", "--actor", "adda"}), 0);
  EXPECT_EQ(err_, "No record matches\nThere is no user \"adda\"; see: dbfleet user list\n");
  controller_.records.clear();
  EXPECT_EQ(RunCli({"audit", "list", "--actor", "ada"}), 0);
  EXPECT_EQ(err_, "No record matches\n");
}

TEST_F(MessagesTest, AControllerThatStaysAwayIsWaitedForNoLongerThanTheTimeout) {
  controller_.unavailable_times = 1'000'000;
  const absl::Time start = clock_->Now();
  EXPECT_EQ(RunCli({"job", "wait", "01J", "--timeout", "50ms"}), 7);
  EXPECT_THAT(err_, HasSubstr("cannot be reached at controller:7443"));
  EXPECT_LT(clock_->Now() - start, absl::Seconds(10)) << "without it half a minute";
  controller_.unavailable_times = 0;
  EXPECT_EQ(RunCli({"job", "wait", "01J", "--timeout", "0s"}), 9) << "one that is there answers";
}

// Where it cannot do what it is for, whoever makes it is told.
TEST_F(MessagesTest, WhatATokenIsInWantOfIsAWarning) {
  ASSERT_EQ(RunCli({"token", "create", "--verbs", "approve"}), 0) << err_;
  EXPECT_EQ(err_, "");
  controller_.apply_warnings = {"it may approve, but not read"};
  ASSERT_EQ(RunCli({"token", "create", "--verbs", "approve", "-o", "json"}), 0) << err_;
  EXPECT_THAT(err_, testing::HasSubstr("dbfleet: warning: it may approve, but not read\n"));
  EXPECT_THAT(out_, testing::HasSubstr("\"warnings\""));
}

// Copied as they are, hints have to work.
TEST_F(MessagesTest, TheHintHowToApproveNamesTheDigest) {
  controller_.job.add_candidates("users/bob");
  controller_.job.set_candidates_known(true);
  ASSERT_EQ(RunCli({"job", "explain", "01J"}), 0) << err_;
  EXPECT_THAT(out_,
              testing::HasSubstr("dbfleet change approve 01J --digest abcdef012345 --reason"));
}

}  // namespace
}  // namespace dbfleet::cli
