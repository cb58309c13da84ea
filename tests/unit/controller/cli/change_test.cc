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

}  // namespace
}  // namespace dbfleet::cli
