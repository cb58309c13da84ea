#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/cli/cli_fixture.h"

// What the command line says beside a change: who can approve it, and how it goes over its targets.
namespace dbfleet::cli {
namespace {

using api::v1::Job;
using testing::HasSubstr;
using testing::Not;

TEST_F(CliTest, WhoCanApproveIsNamedWhereAnApprovalIsMissing) {
  controller_.job.set_state(Job::STATE_AWAITING_APPROVAL);
  controller_.job.clear_blockers();
  auto* blocker = controller_.job.add_blockers();
  blocker->set_rule("approvals");
  blocker->set_message("0 of 1 approval");
  EXPECT_EQ(RunCli({"job", "explain", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Somebody else than"));
  EXPECT_THAT(out_, HasSubstr("If nobody there may"));
  EXPECT_THAT(out_, Not(HasSubstr("Who can approve")));
  controller_.job.set_candidates_known(true);
  EXPECT_EQ(RunCli({"job", "explain", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Nobody there can approve it now: another admin can make an"));
  EXPECT_THAT(out_, Not(HasSubstr("Somebody else than")));
  controller_.job.add_candidates("users/bob");
  controller_.job.add_candidates("users/cy");
  EXPECT_EQ(RunCli({"job", "explain", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("  approvals: 0 of 1 approval\nWho can approve: users/bob, users/cy\n"
                              "One of them can look at it (dbfleet change get 01J"));
  EXPECT_THAT(out_, Not(HasSubstr("If nobody there may")));
  EXPECT_EQ(RunCli({"change", "get", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Who can approve: users/bob, users/cy\n"));
}

// A server that does not answer is waited for by its agent, which the controller has no rule for.
TEST_F(CliTest, WhatIsUnderWayIsNotSaidToBeHeldByNothing) {
  for (const auto state : {Job::STATE_ROLLING, Job::STATE_ROLLING_BACK, Job::STATE_CANCELLING}) {
    controller_.job.set_state(state);
    controller_.job.clear_blockers();
    EXPECT_EQ(RunCli({"job", "explain", "01J"}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("what one of them waits for is told by: dbfleet job logs"));
    EXPECT_THAT(out_, Not(HasSubstr("Nothing holds it")));
  }
}

TEST_F(CliTest, AFirstWaveThatHoldsAllTargetsIsWarnedOf) {
  std::filesystem::create_directories(folder_ + "/m");
  Write("m/0001_add.up.sql", "CREATE TABLE t (id INT PRIMARY KEY);\n");
  Write("m/0001_add.down.sql", "DROP TABLE t;\n");
  const auto submit = [this](const std::vector<std::string>& more) {
    std::vector<std::string> command = {"change", "submit", "--dir", folder_ + "/m", "-e",
                                        "qa",     "-d",     "shop",  "-i",           "a"};
    command.insert(command.end(), more.begin(), more.end());
    EXPECT_EQ(RunCli(command), 0) << err_;
    return err_;
  };
  controller_.job.mutable_rollout()->set_wave_count(1);
  EXPECT_THAT(submit({"-i", "b", "--waves", "5,50%"}),
              HasSubstr("warning: the first wave (5) holds all of the 2 targets"));
  EXPECT_THAT(submit({"-i", "b"}), Not(HasSubstr("warning")));
  EXPECT_THAT(submit({"--waves", "5"}), Not(HasSubstr("warning"))) << "there is one target";
  controller_.job.mutable_rollout()->set_wave_count(2);
  EXPECT_THAT(submit({"-i", "b", "--waves", "1"}), Not(HasSubstr("warning")));
}

TEST_F(CliTest, AnApprovalSaysWhichEstimateWasSeen) {
  const std::string digest(64, 'a');
  controller_.job.set_state(Job::STATE_AWAITING_APPROVAL);
  controller_.job.set_digest(digest);
  controller_.job.clear_tasks();
  for (const char* target : {"instances/a/databases/x", "instances/b/databases/x"}) {
    api::v1::Task& task = *controller_.job.add_tasks();
    task.set_target(target);
    task.mutable_plan()->set_estimated_rows(30);
  }
  EXPECT_EQ(RunCli({"change", "get", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Estimated rows of all targets: 60\n"));
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", digest}), 0) << err_;
  EXPECT_EQ(controller_.approved.seen_rows_size(), 0) << "a digest does not tell";
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", digest, "--rows", "30"}), 0) << err_;
  EXPECT_EQ(controller_.approved.seen_rows().at("instances/b/databases/x"), 30);
  controller_.approved.Clear();
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", digest, "--rows", "29"}), 6);
  EXPECT_THAT(err_, HasSubstr("by now estimated to touch 60 rows, beyond twice the 29"));
  EXPECT_EQ(controller_.approved.name(), "");
}

TEST_F(CliTest, BrokenGlassNamesWhatIsWaivedOrIsEnded) {
  EXPECT_NE(RunCli({"change", "break-glass", "01J", "--reason", "x"}), 0);
  EXPECT_THAT(err_, HasSubstr("--waive"));
  EXPECT_NE(RunCli({"change", "break-glass", "01J", "--reason", "x", "--waive", "window"}), 0);
  EXPECT_THAT(err_, HasSubstr("--for"));
  EXPECT_NE(RunCli({"change", "break-glass", "01J", "--reason", "x", "--end", "--for", "1h"}), 0);
  EXPECT_THAT(err_, HasSubstr("excludes"));
}

TEST_F(CliTest, WhyBrokenGlassWaivesNothingIsShown) {
  auto& episode = *controller_.job.mutable_broken_glass()->add_episodes();
  episode.set_principal("users/ada");
  episode.add_waives("approvals");
  EXPECT_EQ(RunCli({"change", "get", "01J"}), 0) << err_;
  EXPECT_THAT(out_, Not(HasSubstr("waives nothing")));
  episode.set_void_because("users/ada is disabled");
  EXPECT_EQ(RunCli({"change", "get", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("waives nothing: users/ada is disabled"));
  episode.set_ender("users/bob");
  episode.set_end_reason("stolen");
  EXPECT_EQ(RunCli({"change", "get", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("ended by users/bob at : stolen"));
}

}  // namespace
}  // namespace dbfleet::cli
