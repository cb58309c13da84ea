// What becomes of a waiting proposal when things change under it.
#include "absl/strings/str_replace.h"

#include "tests/unit/controller/resources/proposals_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StaleProposalsTest : public ProposalsFixture {};

TEST_F(StaleProposalsTest, WhatChangedMeanwhileHasToBeProposedAnew) {
  AddApprovers();
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  Apply(EnvironmentYaml("destructive_approvals: 2"));  // Tighter, so at once.
  EXPECT_EQ(ReasonOfApproval(proposal, "bob"), "BAD_STATE");
  EXPECT_EQ(proposals_.Get(proposal.name())->state(), Proposal::STATE_STALE);
  EXPECT_EQ(ApprovalsOf(), 2);
  EXPECT_EQ(Audited("proposal.end").size(), 1u);
}

TEST_F(StaleProposalsTest, WhoLostTheRoleProposesNothingAnyMore) {
  AddApprovers();
  const Proposal demoted = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_TRUE(principals_.UpdateRoles("users/admin", "polly", {Role::kViewer}).ok());
  EXPECT_EQ(ReasonOfApproval(demoted, "bob"), "BAD_STATE");
  EXPECT_EQ(proposals_.Get(demoted.name())->state(), Proposal::STATE_STALE);
  EXPECT_THAT(proposals_.Get(demoted.name())->message(), HasSubstr("users/polly has lost"));

  EXPECT_TRUE(principals_.UpdateRoles("users/admin", "polly", {Role::kPolicyAdmin}).ok());
  const Proposal gone = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_NE(gone.name(), demoted.name());
  EXPECT_TRUE(principals_.Disable("users/admin", "polly", "left").ok());
  EXPECT_EQ(ReasonOfApproval(gone, "bob"), "BAD_STATE");
  EXPECT_EQ(ApprovalsOf(), 1);
  EXPECT_EQ(Audited("proposal.end").size(), 2u);
}

TEST_F(StaleProposalsTest, DeletingIsNoMoreHersEither) {
  AddApprovers();
  Apply(Freeze("incident", "2030-01-01T00:00:00Z"));
  std::optional<Proposal> proposal;
  ASSERT_TRUE(resources_
                  .Delete({"users/polly", ""}, "maintenancewindow/incident", 0, "over",
                          Rights::All(), &proposal)
                  .ok());
  EXPECT_TRUE(principals_.UpdateRoles("users/admin", "polly", {Role::kViewer}).ok());
  EXPECT_EQ(ReasonOfApproval(*proposal, "bob"), "BAD_STATE");
  EXPECT_TRUE(Exists("maintenancewindows/incident"));
}

TEST_F(StaleProposalsTest, WhatThisVersionDoesNotTakeAnyMoreIsStaleAndHoldsUpNoList) {
  AddApprovers();
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  Mutate([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(StoredProposal stored, LoadProposal(tx, proposal.name()));
    std::string& yaml = *stored.proposal.mutable_changes(0)->mutable_yaml();
    yaml = EnvironmentYaml("approval_ttl: 1s");
    return StoreProposal(tx, "users/polly", clock_.Now(), &stored);
  });
  const auto listed = proposals_.List(false, {});
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_THAT(listed->items, ::testing::SizeIs(1));
  EXPECT_EQ(listed->items[0].state(), Proposal::STATE_STALE);
  EXPECT_EQ(ReasonOfApproval(proposal, "bob"), "BAD_STATE");
}

TEST_F(StaleProposalsTest, WhatThisVersionReadsOtherwiseIsStale) {
  AddApprovers();
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  Mutate([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(StoredProposal stored, LoadProposal(tx, proposal.name()));
    // As it was stored before there were promotions, which are left out here.
    std::string& yaml = *stored.proposal.mutable_changes(0)->mutable_yaml();
    const size_t promotion = yaml.find("    promotion:");
    EXPECT_NE(promotion, std::string::npos) << yaml;
    yaml.erase(promotion, yaml.find("    verified_backup") - promotion);
    return StoreProposal(tx, "users/polly", clock_.Now(), &stored);
  });
  const Proposal stale = *proposals_.Get(proposal.name());
  EXPECT_EQ(stale.state(), Proposal::STATE_STALE);
  EXPECT_THAT(stale.message(), HasSubstr("reads environments/production otherwise"));
  EXPECT_EQ(ReasonOfApproval(proposal, "bob"), "BAD_STATE");
  EXPECT_EQ(ApprovalsOf(), 1);
}

// Its durations of days were written in hours, and zero without a unit.
TEST_F(StaleProposalsTest, ATextOfAFormerVersionThatIsReadTheSameIsPendingAndApplied) {
  AddApprovers();
  const Proposal proposal = Proposed(
      EnvironmentYaml("destructive_approvals: 0, approval_ttl: 30d, "
                      "promotion: {from: staging, within: 7d}, verified_backup_max_age: 0s"));
  const auto exchange = [&](const std::string& text, const std::string& other) {
    Mutate([&](WriteTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(StoredProposal stored, LoadProposal(tx, proposal.name()));
      std::string& yaml = *stored.proposal.mutable_changes(0)->mutable_yaml();
      EXPECT_NE(yaml.find(text), std::string::npos) << yaml;
      yaml = absl::StrReplaceAll(yaml, {{text, other}});
      return StoreProposal(tx, "users/polly", clock_.Now(), &stored);
    });
  };
  exchange(" 30d\n", " 720h\n");
  EXPECT_EQ(proposals_.Get(proposal.name())->state(), Proposal::STATE_STALE)
      << "no version wrote some of them so, and others not";
  exchange(" 7d\n", " 168h\n");
  exchange(" 0s\n", " 0\n");
  const Proposal pending = *proposals_.Get(proposal.name());
  ASSERT_EQ(pending.state(), Proposal::STATE_PENDING) << pending.message();
  EXPECT_EQ(Approve(proposal, "bob")->state(), Proposal::STATE_APPLIED);
  EXPECT_EQ(ApprovalsOf(), 0);
}

TEST_F(StaleProposalsTest, AVoteOfAFormerVersionIsGivenAnew) {
  AddApprovers();
  Apply(EnvironmentYaml("destructive_approvals: 2"));
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_TRUE(Approve(proposal, "bob").ok());
  Mutate([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(StoredProposal stored, LoadProposal(tx, proposal.name()));
    EXPECT_TRUE(stored.proposal.votes(0).every_environment());
    stored.proposal.mutable_votes(0)->clear_every_environment();
    return StoreProposal(tx, "users/bob", clock_.Now(), &stored);
  });
  EXPECT_THAT(proposals_.Get(proposal.name())->candidates(),
              ElementsAre("users/bob", "users/cy", "users/dan"));
  EXPECT_EQ(Approve(proposal, "cy")->state(), Proposal::STATE_PENDING);
  EXPECT_EQ(Approve(proposal, "bob")->state(), Proposal::STATE_APPLIED);
}

TEST_F(StaleProposalsTest, RolesThatCannotBeReadEndNothing) {
  const auto binding = [](const std::string& subject, const std::string& role) {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: RoleBinding\nmetadata: {name: ", subject,
                        "}\nspec: {subjects: [", subject, "], role: ", role, "}\n---\n");
  };
  AddUser("pam", {});
  AddUser("vic", {});
  EXPECT_FALSE(Apply(binding("pam", "policy_admin") + binding("vic", "viewer"), "admin"));
  AddApprovers();
  const auto waiting = Apply(EnvironmentYaml("destructive_approvals: 0"), "pam");
  ASSERT_TRUE(waiting.has_value());
  std::string blob;
  const auto exchange = [&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Resource vic, tx.GetResource("rolebindings/vic"));
    std::swap(vic.blob, blob);
    RETURN_IF_ERROR(tx.UpdateResource(&vic));
    return NoteRoleChange(tx, vic.id, "users/admin", clock_.Now());
  };
  blob = "\xff";
  Mutate(exchange);
  EXPECT_EQ(ReasonOf(proposals_.Get(waiting->name()).status()), "STORE_CORRUPT");
  EXPECT_EQ(ReasonOfApproval(*waiting, "bob"), "STORE_CORRUPT");
  // What has no time left is tidied up all the same.
  Mutate([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(StoredProposal late, LoadProposal(tx, waiting->name()));
    late.row = Resource();
    late.proposal.set_name("proposals/late");
    *late.proposal.mutable_expire_time() = late.proposal.create_time();
    return StoreProposal(tx, "users/pam", clock_.Now(), &late);
  });
  const auto more = TidyDecisions(store_, clock_.Now());
  EXPECT_TRUE(more.ok()) << more.status();
  ASSERT_EQ(Audited("proposal.end").size(), 1u);
  EXPECT_EQ(Audited("proposal.end")[0].resource, "proposals/late");
  Mutate(exchange);
  EXPECT_EQ(Approve(*waiting, "bob")->state(), Proposal::STATE_APPLIED);
}

// Its approver may do nothing elsewhere.
TEST_F(StaleProposalsTest, AnEnvironmentThatIsAskedByNowHasItsApproversVote) {
  AddUser("eve", {});
  for (const char* id : {"bob", "cy", "dan"}) AddUser(id, {Role::kApprover});
  Apply(Freeze("incident", "2030-01-01T00:00:00Z"));
  Apply(EnvironmentYaml("destructive_approvals: 4, approval_ttl: 1h", "vast"));
  const Proposal proposal = Proposed(Freeze("incident", "2028-01-01T00:00:00Z"));
  EXPECT_THAT(proposal.environments(), ElementsAre("production"));
  EXPECT_FALSE(
      Apply("apiVersion: dbfleet/v1\nkind: RoleBinding\nmetadata: {name: b}\nspec: "
            "{subjects: [eve], role: approver, environments: [vast]}\n",
            "admin"));
  const Rights eve = ReadFrom(store_, [](ReadTx& tx) { return RightsOf(tx, "users/eve"); }).value();
  const auto seen = proposals_.Get(proposal.name(), eve);
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_THAT(seen->environments(), ElementsAre("production", "vast"));
  EXPECT_THAT(proposals_.List(true, {}, eve)->items, ::testing::SizeIs(1));
  const auto voted =
      proposals_.Approve({"users/eve", ""}, proposal.name(), proposal.digest(), "fine", eve);
  ASSERT_TRUE(voted.ok()) << voted.status();
  EXPECT_EQ(voted->state(), Proposal::STATE_PENDING);
  EXPECT_EQ(voted->votes(0).expire_time().seconds() - voted->votes(0).vote_time().seconds(), 3600)
      << "as vast's policy says";
  for (const char* id : {"bob", "cy"}) {
    EXPECT_EQ(Approve(proposal, id)->state(), Proposal::STATE_PENDING);
  }
  EXPECT_EQ(Approve(proposal, "dan")->state(), Proposal::STATE_APPLIED);
}

TEST_F(StaleProposalsTest, AWindowIsNotOpenedWhenItIsOver) {
  AddApprovers();
  const auto once = [&](const std::string& name, const std::string& effect, absl::Duration end) {
    return absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: ", name,
        "}\nspec: {effect: ", effect, ", selector: {environments: [production]}, ",
        "once: {begin: \"2020-01-01T00:00:00Z\", end: \"",
        absl::FormatTime(absl::RFC3339_sec, clock_.Now() + end, absl::UTCTimeZone()),
        "\"}}\n---\n");
  };
  Apply(EnvironmentYaml("destructive_approvals: 1, window_for: all"));
  Apply(once("freeze", "deny", absl::Hours(9)));
  const Proposal allow = Proposed(once("extra", "allow", absl::Hours(1)));
  const Proposal shorter = Proposed(once("freeze", "deny", absl::Hours(1)));
  clock_.Advance(absl::Hours(1) - absl::Seconds(1));
  EXPECT_EQ(proposals_.Get(allow.name())->state(), Proposal::STATE_PENDING);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(proposals_.Get(allow.name())->state(), Proposal::STATE_STALE);
  EXPECT_THAT(proposals_.Get(allow.name())->message(), HasSubstr("extra has passed"));
  EXPECT_EQ(ReasonOfApproval(allow, "bob"), "BAD_STATE");
  EXPECT_EQ(Approve(shorter, "bob")->state(), Proposal::STATE_APPLIED) << "the freeze ends";
}

}  // namespace
}  // namespace dbfleet::controller
