#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"

#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using resource::v1::Proposal;
using testing::HasSubstr;
using testing::Not;

class ProposalCliTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    Proposal& proposal = controller_.apply_proposal;
    proposal.set_name("proposals/01P");
    proposal.set_state(Proposal::STATE_PENDING);
    proposal.set_requester("users/polly");
    proposal.set_digest(kDigest);
    proposal.add_environments("production");
    proposal.add_missing("environments/production: 0 of 1 approval");
    for (const char* name : {"environments/production", "approvalpolicies/findings-need-a-dba",
                             "maintenancewindows/weekend-night"}) {
      auto* change = proposal.add_changes();
      change->set_name(name);
      change->set_yaml("kind: X");
      change->add_diff("+kind: X");
    }
  }
};

// The promise of docs/reference/cli.md: 9, and not the 7 of a controller that is out of reach.
TEST_F(ProposalCliTest, AWaitForAQuorumThatTimesOutEndsWithNine) {
  const std::string manifest = Write("w.yaml", "kind: X\n");
  EXPECT_EQ(RunCli({"apply", "-f", manifest, "--wait", "--timeout", "1ms"}), 9);
  EXPECT_THAT(err_, HasSubstr("the wait timed out; proposals/01P is still pending: "
                              "environments/production: 0 of 1 approval [WAIT_TIMED_OUT]"));
  EXPECT_EQ(RunCli({"proposal", "show", "01P", "--wait", "--timeout", "1ms"}), 9);
}

TEST_F(ProposalCliTest, WhoDisablesSomebodyIsWarnedAndMayEnableAgain) {
  controller_.apply_warnings = {"there are not the people for it"};
  EXPECT_EQ(RunCli({"user", "disable", "bob", "--reason", "left"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("dbfleet: warning: there are not the people for it\n"));
  EXPECT_THAT(out_, HasSubstr("yes"));
  EXPECT_EQ(RunCli({"user", "enable", "bob"}), 0) << err_;
  EXPECT_EQ(err_, "");
  EXPECT_THAT(out_, HasSubstr("bob"));
}

// Another approver would not help.
TEST_F(ProposalCliTest, WhereOnlyNamedUsersAreMissingNoApproverIsAdvised) {
  Proposal& proposal = controller_.apply_proposal;
  const std::string manifest = Write("w.yaml", "kind: X\n");
  EXPECT_EQ(RunCli({"apply", "-f", manifest}), 8);
  EXPECT_THAT(out_, HasSubstr("An admin who is not users/polly can make one"));
  proposal.set_missing(0, "approvalpolicies/f: requirement dba: 0 of 1 (users/bob); who can: ...");
  EXPECT_EQ(RunCli({"apply", "-f", manifest}), 8);
  EXPECT_THAT(out_, HasSubstr("Who can approve: nobody that is there now; see what is missing\n"));
}

// Whatever may become a proposal can be waited for, as `apply` can.
TEST_F(ProposalCliTest, EachCommandThatMayBeProposedWaitsIfAsked) {
  auto& stored = controller_.resources.emplace_back();
  stored.set_name("maintenancewindows/tonight");
  stored.set_yaml(
      "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: tonight}\n"
      "spec: {once: {begin: '2020-01-01T00:00:00Z', end: '2040-01-01T00:00:00Z'}}\n");
  const std::vector<std::vector<std::string>> commands = {
      {"window", "add", "late", "--for", "2h"},
      {"window", "end", "tonight"},
      {"window", "override", "tonight", "--for", "2h", "--reason", "late"},
      {"delete", "maintenancewindow/tonight"}};
  for (std::vector<std::string> command : commands) {
    controller_.apply_proposal.set_state(Proposal::STATE_PENDING);
    EXPECT_EQ(RunCli(command), 8) << command[1] << err_;
    command.insert(command.end(), {"--wait", "--timeout", "1ms"});
    EXPECT_EQ(RunCli(command), 9) << command[1] << err_;
    EXPECT_THAT(err_, HasSubstr("proposals/01P is still pending")) << command[1];
    controller_.apply_proposal.set_state(Proposal::STATE_APPLIED);
    EXPECT_EQ(RunCli(command), 0) << command[1] << err_;
    EXPECT_THAT(out_, HasSubstr("proposals/01P (applied)")) << command[1];
  }
  EXPECT_EQ(RunCli({"window", "end", "tonight", "--timeout", "1s"}), 2) << "nothing waits";
}

TEST_F(ProposalCliTest, ADryRunOfADeleteSaysWhatItWouldPropose) {
  controller_.apply_proposal.set_state(Proposal::STATE_PENDING);
  controller_.apply_proposal.add_environments("production");
  EXPECT_EQ(RunCli({"delete", "maintenancewindow/tonight", "--dry-run"}), 8) << err_;
  EXPECT_TRUE(controller_.deleted.dry_run());
  EXPECT_EQ(out_, "maintenancewindow/tonight would be deleted\n");
  EXPECT_THAT(err_, HasSubstr("deleting this makes a proposal: it loosens the policy of "));
  controller_.apply_proposal.Clear();
  EXPECT_EQ(RunCli({"delete", "maintenancewindow/tonight", "--dry-run"}), 0) << err_;
  EXPECT_EQ(err_, "");
  EXPECT_EQ(RunCli({"delete", "maintenancewindow/tonight"}), 0) << err_;
  EXPECT_FALSE(controller_.deleted.dry_run());
}

// Programs read one shape, whether a change takes effect, is proposed, or would be.
TEST_F(ProposalCliTest, TheAnswerToProgramsHasOneShapeWhateverBecomesOfIt) {
  auto& stored = controller_.resources.emplace_back();
  stored.set_name("maintenancewindows/tonight");
  stored.set_yaml(
      "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: tonight}\n"
      "spec: {once: {begin: '2020-01-01T00:00:00Z', end: '2040-01-01T00:00:00Z'}}\n");
  const std::string manifest = Write("w.yaml", "kind: X\n");
  const std::vector<std::vector<std::string>> commands = {
      {"apply", "-f", manifest},    {"apply", "-f", manifest, "--dry-run"},
      {"diff", "-f", manifest},     {"window", "add", "late", "--for", "2h"},
      {"window", "end", "tonight"},
  };
  const Proposal proposal = controller_.apply_proposal;
  for (std::vector<std::string> command : commands) {
    command.insert(command.end(), {"-o", "json"});
    controller_.apply_proposal = proposal;
    EXPECT_EQ(RunCli(command), 8) << command[0] << err_;
    api::v1::ApplyResourcesResponse proposed;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &proposed).ok()) << out_;
    EXPECT_EQ(proposed.changes_size(), 1) << out_;
    EXPECT_EQ(proposed.proposal().environments(0), "production") << out_;
    controller_.apply_proposal.Clear();
    EXPECT_EQ(RunCli(command), command[0] == "diff" ? 1 : 0) << command[0] << err_;
    api::v1::ApplyResourcesResponse at_once;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &at_once).ok()) << out_;
    EXPECT_EQ(at_once.changes_size(), 1) << out_;
    EXPECT_FALSE(at_once.has_proposal()) << out_;
  }
  for (const bool proposes : {true, false}) {
    controller_.apply_proposal = proposes ? proposal : Proposal();
    EXPECT_EQ(RunCli({"delete", "maintenancewindow/tonight", "-o", "json"}), proposes ? 8 : 0);
    api::v1::Resource deleted;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &deleted).ok()) << out_;
    EXPECT_EQ(deleted.name(), "maintenancewindow/tonight");
    EXPECT_EQ(deleted.has_proposal(), proposes);
  }
  controller_.apply_proposal = proposal;
  EXPECT_EQ(RunCli({"apply", "-f", manifest, "-o", "name"}), 8);
  EXPECT_EQ(out_, "proposals/01P\n") << "what is to be approved";
}

TEST_F(ProposalCliTest, TheEndOfAProposalHasTheExitCodeOfWhatItIs) {
  const std::string manifest = Write("w.yaml", "kind: X\n");
  const std::pair<Proposal::State, int> kEnds[] = {{Proposal::STATE_APPLIED, 0},
                                                   {Proposal::STATE_REJECTED, 5},
                                                   {Proposal::STATE_STALE, 6},
                                                   {Proposal::STATE_EXPIRED, 1},
                                                   {Proposal::STATE_WITHDRAWN, 1}};
  for (const auto& [state, code] : kEnds) {
    controller_.later_proposal = controller_.apply_proposal;
    controller_.later_proposal->set_state(state);
    EXPECT_EQ(RunCli({"apply", "-f", manifest, "--wait", "-o", "json"}), code) << out_ << err_;
    api::v1::ApplyResourcesResponse answer;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &answer).ok()) << out_;
    EXPECT_EQ(answer.proposal().state(), state);
    EXPECT_EQ(RunCli({"proposal", "show", "01P", "--wait"}), code) << out_ << err_;
  }
}

TEST_F(ProposalCliTest, WhatIsMissingIsThereOnANarrowTerminalToo) {
  width_ = 100;
  ASSERT_EQ(RunCli({"proposal", "list"}, "", /*terminal=*/true), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("CHANGES"));
  EXPECT_THAT(out_, HasSubstr("MISSING"));
}

TEST_F(ProposalCliTest, ADigestThatIsTooShortIsWrongUsageAndAnotherOneIsStale) {
  EXPECT_EQ(RunCli({"proposal", "approve", "01P", "--digest", "abcdef01234"}), 2);
  EXPECT_THAT(err_, HasSubstr("at least 12 hexadecimal digits"));
  EXPECT_EQ(RunCli({"proposal", "approve", "01P", "--digest", "ffffffffffff"}), 6);
  EXPECT_THAT(err_, HasSubstr("look at it again: dbfleet proposal show 01P [STALE_DIGEST]"));
  EXPECT_THAT(err_, Not(HasSubstr(kDigest))) << "nobody approves what was not looked at";
  EXPECT_EQ(controller_.approved_digest, "");
}

TEST_F(ProposalCliTest, WhoApprovesASecondTimeIsToldThatItCountsOnce) {
  auto* vote = controller_.apply_proposal.add_votes();
  vote->set_principal("users/bob");
  ASSERT_EQ(RunCli({"proposal", "approve", "01P", "--digest", kDigest}), 0) << err_;
  EXPECT_THAT(err_, Not(HasSubstr("already"))) << "somebody else had";
  vote->set_principal("users/ada");
  vote->mutable_vote_time()->set_seconds(1'800'000'000);
  ASSERT_EQ(RunCli({"proposal", "approve", "01P", "--digest", kDigest}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("dbfleet: you, users/ada, had approved it already, at 2027-01-15"));
  EXPECT_THAT(err_, HasSubstr("this takes the place of that and counts once"));
  vote->set_rejects(true);
  ASSERT_EQ(RunCli({"proposal", "approve", "01P", "--digest", kDigest}), 0) << err_;
  EXPECT_THAT(err_, Not(HasSubstr("already")));
}

TEST_F(ProposalCliTest, WhoApprovesIsToldWhatBecameOfItAndNotTheLinesOnceMore) {
  ASSERT_EQ(RunCli({"proposal", "approve", "01P", "--digest", "ABCDEF012345"}), 0) << err_;
  EXPECT_EQ(controller_.approved_digest, kDigest);
  EXPECT_THAT(out_, HasSubstr("proposals/01P (applied) by users/polly\n"
                              "  environments/production was created\n"));
  EXPECT_THAT(out_, Not(HasSubstr("+kind: X")));
  ASSERT_EQ(RunCli({"proposal", "show", "01P"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("environments/production would be created\n  +kind: X\n"));
}

}  // namespace
}  // namespace dbfleet::cli
