// Changes that would loosen a policy wait for its quorum.
#include "tests/unit/controller/resources/proposals_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ProposalsTest : public ProposalsFixture {};

TEST_F(ProposalsTest, NobodyLowersAQuorumAlone) {
  AddApprovers();
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_EQ(proposal.state(), Proposal::STATE_PENDING);
  EXPECT_THAT(proposal.environments(), ElementsAre("production"));
  EXPECT_THAT(proposal.missing(), ElementsAre("environments/production: 0 of 1 approval"));
  EXPECT_THAT(proposal.candidates(), ElementsAre("users/bob", "users/cy", "users/dan"));
  EXPECT_THAT(absl::StrJoin(proposal.changes(0).diff(), "\n"),
              HasSubstr("-    destructive_approvals: 1"));
  EXPECT_EQ(ApprovalsOf(), 1);

  const auto applied = Approve(proposal, "bob");
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(applied->state(), Proposal::STATE_APPLIED);
  EXPECT_EQ(ApprovalsOf(), 0);
  const std::vector<AuditEntry> updates = Audited("resource.update");
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].actor, "users/polly");
  EXPECT_EQ(updates[0].details.at("proposal"), proposal.name());
  EXPECT_EQ(updates[0].details.at("approved_by"), "users/bob");
  EXPECT_EQ(Audited("proposal.create").size(), 1u);
  EXPECT_EQ(Audited("proposal.approve").size(), 1u);
  EXPECT_EQ(Audited("proposal.apply").size(), 1u);
  EXPECT_TRUE(Approve(proposal, "bob").ok()) << "a retry";
}

TEST_F(ProposalsTest, WhatOnlyTightensIsAppliedAtOnce) {
  AddApprovers();
  EXPECT_FALSE(Apply(EnvironmentYaml("destructive_approvals: 2")).has_value());
  EXPECT_EQ(ApprovalsOf(), 2);
  EXPECT_FALSE(Apply(Freeze("incident", "2030-01-01T00:00:00Z")).has_value());
  EXPECT_FALSE(Apply(Policy("second", "name: any")).has_value());
  EXPECT_FALSE(Apply(EnvironmentYaml("destructive_approvals: 0", "qa")).has_value())
      << "its present policy demands none";
  EXPECT_FALSE(Apply(EnvironmentYaml("destructive_approvals: 0", "new")).has_value());
}

TEST_F(ProposalsTest, EndingAFreezeNeedsTheQuorumOfEveryEnvironmentThatItCovers) {
  AddApprovers();
  Apply(EnvironmentYaml("destructive_approvals: 1", "qa"));
  Apply(Freeze("incident", "2030-01-01T00:00:00Z"));
  const Proposal shorter = Proposed(Freeze("incident", "2028-01-01T00:00:00Z"));
  EXPECT_THAT(shorter.environments(), ElementsAre("production", "qa"));
  std::optional<Proposal> proposal;
  ASSERT_TRUE(resources_
                  .Delete({"users/polly", ""}, "maintenancewindow/incident", 0, "over",
                          Rights::All(), &proposal)
                  .ok());
  ASSERT_TRUE(proposal.has_value());
  EXPECT_TRUE(Exists("maintenancewindows/incident"));
  EXPECT_EQ(Approve(*proposal, "cy")->state(), Proposal::STATE_APPLIED)
      << "one person serves both environments";
  EXPECT_FALSE(Exists("maintenancewindows/incident"));
  EXPECT_EQ(proposals_.Get(shorter.name())->state(), Proposal::STATE_STALE);
}

TEST_F(ProposalsTest, AllThatIsAppliedTogetherWaitsTogether) {
  AddApprovers();
  const std::string both =
      EnvironmentYaml("destructive_approvals: 0") + Freeze("incident", "2030-01-01T00:00:00Z");
  const Proposal proposal = Proposed(both);
  EXPECT_EQ(proposal.changes_size(), 2);
  EXPECT_FALSE(Exists("maintenancewindows/incident"));
  EXPECT_TRUE(Approve(proposal, "bob").ok());
  EXPECT_TRUE(Exists("maintenancewindows/incident"));
  EXPECT_FALSE(Apply(both).has_value()) << "nothing is left to do";
}

TEST_F(ProposalsTest, TheRequesterAndWhoDependsOnTheRequesterDoNotCount) {
  AddApprovers();
  AddUser("puppet", {Role::kApprover}, "users/polly");
  AddUser("both", {Role::kApprover, Role::kPolicyAdmin});
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_EQ(ReasonOfApproval(proposal, "polly"), "SELF_APPROVAL");
  EXPECT_EQ(ReasonOfApproval(proposal, "puppet"), "DEPENDENT_APPROVER");
  EXPECT_EQ(ReasonOfApproval(proposal, "nobody"), "NOT_AN_APPROVER");
  EXPECT_EQ(Audited("proposal.approve_refused").size(), 3u);
  const Proposal own = *Apply(EnvironmentYaml("approval_ttl: 99d"), "both");
  EXPECT_EQ(ReasonOfApproval(own, "both"), "SELF_APPROVAL");
  EXPECT_EQ(ApprovalsOf(), 1);
}

TEST_F(ProposalsTest, DistinctPeopleAndEachRequirement) {
  AddApprovers();
  AddUser("dora", {Role::kApprover, Role::kAuditor});
  Apply(EnvironmentYaml("destructive_approvals: 2"));
  Apply(Policy("dba", "name: auditor, roles: [auditor]"));
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 1"));
  EXPECT_EQ(Approve(proposal, "bob")->state(), Proposal::STATE_PENDING);
  EXPECT_EQ(Approve(proposal, "bob")->state(), Proposal::STATE_PENDING) << "the same person";
  const Proposal half = *Approve(proposal, "cy");
  EXPECT_THAT(half.missing(), ElementsAre(HasSubstr("approvalpolicies/dba")));
  EXPECT_THAT(half.candidates(), ElementsAre("users/dora"))
      << "dan's approval would change nothing";
  EXPECT_EQ(Approve(proposal, "dora")->state(), Proposal::STATE_APPLIED);
}

TEST_F(ProposalsTest, AnApprovalLapsesAndSoDoesTheProposal) {
  AddApprovers();
  Apply(EnvironmentYaml("destructive_approvals: 2, approval_ttl: 1h"));
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_TRUE(Approve(proposal, "bob").ok());
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Approve(proposal, "cy")->state(), Proposal::STATE_PENDING) << "bob's has lapsed";
  EXPECT_EQ(Approve(proposal, "bob")->state(), Proposal::STATE_APPLIED);
}

TEST_F(ProposalsTest, ItExpires) {
  AddApprovers();
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  clock_.Advance(kProposalLife);
  EXPECT_EQ(ReasonOfApproval(proposal, "bob"), "BAD_STATE");
  EXPECT_EQ(proposals_.Get(proposal.name())->state(), Proposal::STATE_EXPIRED);
  EXPECT_EQ(ApprovalsOf(), 1);
}

TEST_F(ProposalsTest, OnlyWhatWasSeenIsApproved) {
  AddApprovers();
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_EQ(ReasonOf(proposals_.Approve({"users/bob", ""}, proposal.name(), "other", "").status()),
            "DIGEST_CHANGED");
  EXPECT_EQ(ApprovalsOf(), 1);
}

TEST_F(ProposalsTest, RejectedAndWithdrawnStayThatWay) {
  AddApprovers();
  const Proposal rejected = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_EQ(ReasonOf(proposals_.Reject({"users/bob", ""}, rejected.name(), "").status()),
            "REASON_REQUIRED");
  EXPECT_EQ(proposals_.Reject({"users/bob", ""}, rejected.name(), "no")->state(),
            Proposal::STATE_REJECTED);
  EXPECT_EQ(ReasonOfApproval(rejected, "cy"), "BAD_STATE");
  EXPECT_EQ(ReasonOf(proposals_.Withdraw({"users/polly", ""}, rejected.name(), "").status()),
            "BAD_STATE");

  const Proposal withdrawn = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_NE(withdrawn.name(), rejected.name()) << "what was rejected can be proposed again";
  EXPECT_EQ(proposals_.Withdraw({"users/polly", ""}, withdrawn.name(), "")->state(),
            Proposal::STATE_WITHDRAWN);
  EXPECT_EQ(ReasonOfApproval(withdrawn, "cy"), "BAD_STATE");
  EXPECT_EQ(ApprovalsOf(), 1);
}

TEST_F(ProposalsTest, AnApprovalCanBeTakenBack) {
  AddApprovers();
  Apply(EnvironmentYaml("destructive_approvals: 2"));
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_TRUE(Approve(proposal, "bob").ok());
  const auto withdrawn = proposals_.Withdraw({"users/bob", ""}, proposal.name(), "");
  EXPECT_EQ(withdrawn->votes_size(), 0);
  EXPECT_EQ(Approve(proposal, "cy")->state(), Proposal::STATE_PENDING);
  EXPECT_EQ(ApprovalsOf(), 2);
}

TEST_F(ProposalsTest, WhoLostTheRoleDoesNotCountAnyMore) {
  AddApprovers();
  Apply(EnvironmentYaml("destructive_approvals: 2"));
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_TRUE(Approve(proposal, "bob").ok());
  EXPECT_TRUE(principals_.Disable("users/admin", "bob", "left").ok());
  EXPECT_EQ(Approve(proposal, "cy")->state(), Proposal::STATE_PENDING);
}

TEST_F(ProposalsTest, ProposingTheSameAgainIsTheSameProposal) {
  AddApprovers();
  const Proposal first = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_EQ(Proposed(EnvironmentYaml("destructive_approvals: 0")).name(), first.name());
  EXPECT_EQ(proposals_.List(true, {})->items.size(), 1u);
  EXPECT_THAT(resources_.List("", {})->items, ::testing::SizeIs(3)) << "it is no resource";
}

TEST_F(ProposalsTest, ADryRunSaysThatItWouldBeProposed) {
  AddApprovers();
  const auto proposal = Apply(EnvironmentYaml("destructive_approvals: 0"), "polly", true);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->name(), "");
  EXPECT_THAT(proposal->missing(), ElementsAre("environments/production: 0 of 1 approval"));
  EXPECT_THAT(proposals_.List(false, {})->items, IsEmpty());
}

TEST_F(ProposalsTest, BeforeThereHaveBeenEnoughApproversNobodyIsAskedAndTheTrailSaysSo) {
  AddUser("both", {Role::kApprover, Role::kPolicyAdmin});
  EXPECT_FALSE(Apply(EnvironmentYaml("destructive_approvals: 0"), "both").has_value());
  EXPECT_EQ(ApprovalsOf(), 0);
  EXPECT_THAT(Audited("resource.update").at(0).details.at("quorum"), HasSubstr("production"));
}

TEST_F(ProposalsTest, TakingTheRoleFromEverybodyDoesNotOpenThePolicy) {
  AddUser("bob", {Role::kApprover});
  EXPECT_TRUE(principals_.UpdateRoles("users/admin", "bob", {Role::kViewer}).ok());
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_THAT(proposal.candidates(), IsEmpty());
  EXPECT_EQ(ApprovalsOf(), 1);
  EXPECT_EQ(Audited("quorum.formed").size(), 1u);
}

TEST_F(ProposalsTest, PoliciesAreCompiledOnceForEachChangeOfThem) {
  const auto book = [&] { return ReadFrom(store_, ReadApprovalBook).value(); };
  Apply(Policy("second", "name: any"));
  const auto first = book();
  EXPECT_EQ(first->policies.size(), 1u);
  EXPECT_EQ(book().get(), first.get());
  Apply(Policy("third", "name: any"));
  EXPECT_EQ(book()->policies.size(), 2u);
}

TEST_F(ProposalsTest, RolesThatPoliciesNameAreCompiledOnceForEachChangeOfThem) {
  const auto named = [&] { return ReadFrom(store_, NamedRoles::Read).value(); };
  Apply(Policy("dba", "name: auditor, roles: [auditor]"));
  const auto first = named();
  EXPECT_TRUE(first->Names(Role::kAuditor, "qa"));
  EXPECT_FALSE(first->Names(Role::kOperator, "qa"));
  Apply(Freeze("incident", "2030-01-01T00:00:00Z"));
  EXPECT_EQ(named().get(), first.get());
  Apply(
      "apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: ops}\nspec: {environments: "
      "[qa], roles: [operator], waives: [freeze]}\n---\n");
  EXPECT_TRUE(named()->Names(Role::kOperator, "qa"));
  ASSERT_TRUE(
      resources_.Delete({"users/polly", ""}, "breakglasspolicy/ops", 0, "", Rights::All()).ok());
  EXPECT_FALSE(named()->Names(Role::kOperator, "qa"));
}

TEST_F(ProposalsTest, AQuorumThatNobodyCouldFillIsNotDeclared) {
  AddApprovers();
  const auto changes = resources_.Apply(
      {"users/polly", ""}, {{{"f.yaml", EnvironmentYaml("destructive_approvals: 4")}}}, false, "");
  EXPECT_EQ(ReasonOf(changes.status()), "QUORUM_UNFILLABLE");
  EXPECT_EQ(ApprovalsOf(), 1);
  const auto policy = resources_.Apply(
      {"users/polly", ""}, {{{"f.yaml", Policy("mine", "name: x, users: [polly]")}}}, false, "");
  EXPECT_EQ(ReasonOf(policy.status()), "QUORUM_UNFILLABLE");
}

// What the last vote would find is said before anybody is asked for the first.
TEST_F(ProposalsTest, WhatNobodyCouldFillAfterwardsIsNotProposedEither) {
  AddApprovers();
  Apply(Policy("two", "name: any, count: 2"));
  const size_t records = store_.Audit().size();
  for (const bool dry_run : {true, false}) {
    std::optional<Proposal> proposal;
    const auto changes = resources_.Apply(
        {"users/polly", ""}, {{{"f.yaml", Policy("two", "name: mine, users: [polly, nobody]")}}},
        dry_run, "", Rights::All(), &proposal);
    EXPECT_EQ(ReasonOf(changes.status()), "QUORUM_UNFILLABLE");
    EXPECT_FALSE(proposal.has_value());
  }
  EXPECT_THAT(proposals_.List(false, {})->items, IsEmpty());
  EXPECT_EQ(store_.Audit().size(), records);
}

// Also by a binding that takes somebody away.
TEST_F(ProposalsTest, ADryRunTellsThatNobodyCouldFillTheQuorumAndLeavesNothingBehind) {
  AddApprovers();
  const auto dry_run = [&](const std::string& yaml) {
    return resources_.Apply({"users/polly", ""}, {{{"f.yaml", yaml}}}, true, "");
  };
  const size_t records = store_.Audit().size();
  const auto refused = dry_run(EnvironmentYaml("destructive_approvals: 4"));
  EXPECT_EQ(ReasonOf(refused.status()), "QUORUM_UNFILLABLE");
  EXPECT_EQ(ReasonOf(dry_run(Policy("mine", "name: x, users: [polly]")).status()),
            "QUORUM_UNFILLABLE");
  const auto good = dry_run(EnvironmentYaml("destructive_approvals: 3"));
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->at(0).action, ResourceChange::Action::kUpdated);
  EXPECT_EQ(ApprovalsOf(), 1);
  EXPECT_FALSE(Exists("approvalpolicies/mine"));
  EXPECT_EQ(store_.Audit().size(), records);
}

TEST_F(ProposalsTest, ADryRunOfADeleteTellsWhatItWouldDoAndLeavesNothingBehind) {
  Apply(
      "apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: ops}\nspec: "
      "{environments: [qa], roles: [operator], waives: [freeze]}\n---\n");
  AddApprovers();
  Apply(Policy("two", "name: any, count: 2"));
  const size_t records = store_.Audit().size();
  const auto dry_run = [&](const std::string& id) {
    std::optional<Proposal> proposal;
    const auto view = resources_.Delete({"users/polly", "once"}, id, 0, "", Rights::All(),
                                        &proposal, /*dry_run=*/true);
    EXPECT_TRUE(view.ok()) << view.status();
    return proposal;
  };
  const std::optional<Proposal> proposal = dry_run("approvalpolicy/two");
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->name(), "") << "it was not made";
  EXPECT_THAT(proposal->missing(), Not(IsEmpty()));
  EXPECT_FALSE(dry_run("breakglasspolicy/ops").has_value()) << "it would be deleted at once";
  EXPECT_TRUE(Exists("breakglasspolicies/ops"));
  EXPECT_THAT(proposals_.List(false, {})->items, IsEmpty());
  EXPECT_EQ(store_.Audit().size(), records);
  EXPECT_EQ(ReasonOf(resources_
                         .Delete({"users/polly", ""}, "environment/qa", 0, "", Rights::All(),
                                 nullptr, /*dry_run=*/true)
                         .status()),
            "ENVIRONMENT_STAYS");
}

TEST_F(ProposalsTest, AnApprovalCountsNoMoreOnceItsTokenIsRevoked) {
  AddApprovers();
  Apply(Policy("two", "name: any, count: 2"));
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  const auto token = principals_.CreateToken("users/bob", "bob", "", absl::ZeroDuration());
  ASSERT_TRUE(token.ok()) << token.status();
  const auto approve = [&](const std::string& by, const std::string& with) {
    return proposals_.Approve({"users/" + by, "", with}, proposal.name(), proposal.digest(), "ok")
        ->state();
  };
  EXPECT_EQ(approve("bob", token->token.id), Proposal::STATE_PENDING);
  ASSERT_TRUE(principals_.RevokeToken("users/admin", token->token.id).ok());
  EXPECT_THAT(proposals_.Get(proposal.name())->candidates(), Contains("users/bob"));
  EXPECT_EQ(approve("cy", ""), Proposal::STATE_PENDING) << "bob's does not count";
  EXPECT_EQ(approve("bob", ""), Proposal::STATE_APPLIED);
}

TEST_F(ProposalsTest, TheTrailNamesThoseWhoseApprovalsCounted) {
  AddApprovers();
  AddUser("eve", {Role::kApprover});
  const std::string rest = "approval_ttl: 1h, window_for: none, promotion: {from: none}";
  ASSERT_FALSE(Apply(EnvironmentYaml("destructive_approvals: 2, " + rest)).has_value());
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 1, " + rest));
  ASSERT_TRUE(Approve(proposal, "bob").ok());
  ASSERT_TRUE(principals_.Disable("users/admin", "bob", "stolen").ok());
  ASSERT_TRUE(Approve(proposal, "cy").ok());
  clock_.Advance(absl::Hours(2));  // Cy's has lapsed.
  ASSERT_TRUE(Approve(proposal, "dan").ok());
  ASSERT_TRUE(Approve(proposal, "eve").ok());
  EXPECT_EQ(ApprovalsOf(), 1);
  EXPECT_EQ(Audited("proposal.apply").at(0).details.at("approved_by"), "users/dan, users/eve");
  EXPECT_EQ(Audited("resource.update").back().details.at("approved_by"), "users/dan, users/eve");
}

TEST_F(ProposalsTest, WhileAPolicyCannotBeReadNothingButThatIsLoosened) {
  AddApprovers();
  AddUser("eve", {Role::kApprover, Role::kAuditor});
  ASSERT_FALSE(Apply(Policy("two", "name: auditor, roles: [auditor]")).has_value());
  const Proposal lower = Proposed(
      EnvironmentYaml("destructive_approvals: 0, window_for: none, promotion: {from: none}"));
  ASSERT_TRUE(Approve(lower, "bob").ok());
  EXPECT_EQ(ApprovalsOf(), 1) << "bob is no auditor";
  Mutate([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Resource stored, tx.GetResource("approvalpolicies/two"));
    stored.blob = "\xff\xff garbage";
    RETURN_IF_ERROR(tx.UpdateResource(&stored));
    return CountApprovalChange(tx, clock_.Now());
  });
  for (const char* who : {"cy", "eve"}) {
    const auto after = Approve(lower, who);
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(after->state(), Proposal::STATE_PENDING);
    ASSERT_EQ(after->missing_size(), 1);
    EXPECT_THAT(after->missing(0), HasSubstr("approvalpolicies/two cannot be read"));
  }
  EXPECT_EQ(ApprovalsOf(), 1) << "nobody knows whether an auditor was enough";
  // Also where no approval was asked for as long as it could be read.
  const auto elsewhere =
      Apply(EnvironmentYaml("destructive_consent: false, window_for: none", "development"));
  ASSERT_TRUE(elsewhere.has_value());
  EXPECT_THAT(elsewhere->missing(0), HasSubstr("cannot be read"));
  EXPECT_EQ(Audited("quorum.formed").size(), 1u) << "only production's";
  // Together with something else it is not mended.
  const Proposal both =
      Proposed(absl::StrCat(Policy("two", "name: any"),
                            EnvironmentYaml("destructive_approvals: 0, promotion: {from: none}")));
  EXPECT_THAT(absl::StrJoin(both.missing(), "; "), HasSubstr("cannot be read"));
  // Alone it is, by the quorum that is known.
  const Proposal mended = Proposed(Policy("two", "name: auditor, roles: [auditor]"));
  EXPECT_THAT(absl::StrJoin(mended.missing(), "; "), Not(HasSubstr("cannot be read")));
  ASSERT_TRUE(Approve(mended, "bob").ok());
  EXPECT_EQ(Audited("proposal.apply").size(), 1u);
  const auto standing = proposals_.Get(lower.name());
  ASSERT_TRUE(standing.ok()) << standing.status();
  EXPECT_EQ(standing->missing_size(), 0) << "eve is an auditor";
  ASSERT_TRUE(Approve(lower, "dan").ok());
  EXPECT_EQ(ApprovalsOf(), 0);
}

TEST_F(ProposalsTest, APolicyOfApprovalsGuardsItself) {
  AddApprovers();
  Apply(Policy("two", "name: any, count: 2"));
  std::optional<Proposal> proposal;
  ASSERT_TRUE(
      resources_.Delete({"users/polly", ""}, "approvalpolicy/two", 0, "", Rights::All(), &proposal)
          .ok());
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(Approve(*proposal, "bob")->state(), Proposal::STATE_PENDING);
  EXPECT_TRUE(Exists("approvalpolicies/two"));
  EXPECT_EQ(Approve(*proposal, "cy")->state(), Proposal::STATE_APPLIED);
  EXPECT_FALSE(Exists("approvalpolicies/two"));
}

// Otherwise a proposal would be a way to keep a role that somebody has lost.

// One environment that nobody could ever approve for must not hold up the others.

TEST_F(ProposalsTest, AnEnvironmentWhoseQuorumWasNeverThereIsNotAskedAndTheTrailSaysSo) {
  AddApprovers();
  Apply(Freeze("incident", "2030-01-01T00:00:00Z"));
  const Proposal proposal = Proposed(Freeze("incident", "2028-01-01T00:00:00Z"));
  EXPECT_FALSE(Apply(EnvironmentYaml("destructive_approvals: 9", "vast")).has_value());
  EXPECT_THAT(proposals_.Get(proposal.name())->missing(),
              ElementsAre("environments/production: 0 of 1 approval"));
  EXPECT_EQ(Approve(proposal, "bob")->state(), Proposal::STATE_APPLIED);
  const std::vector<AuditEntry> updates = Audited("resource.update");
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_THAT(updates[0].details.at("quorum"), HasSubstr("vast"));
}

// Whoever is chosen by a role is chosen by who hands out that role.

TEST_F(ProposalsTest, ARoleThatAPolicyNamesIsTheQuorumsToGive) {
  AddApprovers();
  AddUser("dora", {Role::kApprover, Role::kAuditor});
  const auto binding = [](const std::string& role, const std::string& environment) {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: RoleBinding\nmetadata: {name: b-", role, "-",
                        environment, "}\nspec: {subjects: [cy], role: ", role, ", environments: [",
                        environment, "]}\n---\n");
  };
  EXPECT_FALSE(Apply(binding("viewer", "production"), "admin").has_value()) << "nothing names it";
  Apply(Policy("dba", "name: auditor, roles: [auditor]"));
  EXPECT_TRUE(Apply(binding("auditor", "production"), "admin").has_value());
  EXPECT_TRUE(Apply(binding("auditor", "qa"), "admin").has_value()) << "it is about qa as well";
  const Proposal glass = Proposed(
      "apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: ops}\nspec: {environments: "
      "[production], roles: [operator], waives: [freeze]}\n---\n");
  EXPECT_EQ(Approve(glass, "dora")->state(), Proposal::STATE_APPLIED);
  EXPECT_TRUE(Apply(binding("operator", "production"), "admin").has_value());
  EXPECT_FALSE(Apply(binding("operator", "qa"), "admin").has_value());
}

TEST_F(ProposalsTest, ALifeTooShortToCollectApprovalsInIsRefusedAndNoLock) {
  AddApprovers();
  for (const std::string& yaml :
       {EnvironmentYaml("destructive_approvals: 1, approval_ttl: 1s"),
        std::string("apiVersion: dbfleet/v1\nkind: ApprovalPolicy\nmetadata: {name: flash}\nspec: "
                    "{ttl: 1s, requirements: [{name: any}]}\n---\n")}) {
    const auto changes =
        resources_.Apply({"users/polly", ""}, {{{"f.yaml", yaml}}}, false, "because");
    EXPECT_TRUE(absl::IsInvalidArgument(changes.status()));
    EXPECT_THAT(changes.status().message(), HasSubstr("at least 5m"));
  }
  // What is there from before counts as the least.
  Mutate([](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Environment production, tx.GetEnvironment("production"));
    production.policy.approval_ttl = absl::Milliseconds(1);
    production.policy.destructive_approvals = 2;
    return tx.UpdateEnvironment(&production);
  });
  const Proposal proposal = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_TRUE(Approve(proposal, "bob").ok());
  clock_.Advance(absl::Minutes(4));
  EXPECT_EQ(Approve(proposal, "cy")->state(), Proposal::STATE_APPLIED);
}

// Its defaults may have changed: people approve what they read.

// Former versions took them from any token.

TEST_F(ProposalsTest, RecordsSayWhichEnvironmentsTheyAreAbout) {
  AddApprovers();
  Apply(EnvironmentYaml("destructive_approvals: 1", "qa"));
  Apply(Freeze("everywhere", "2030-01-01T00:00:00Z"));
  EXPECT_EQ(Audited("resource.create").back().details.at("environments"), "*");
  const auto freeze = [](const std::string& names) {
    return absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: some}\n"
        "spec: {effect: deny, selector: {environments: [",
        names,
        "]}, once: {begin: \"2020-01-01T00:00:00Z\", end: "
        "\"2030-01-01T00:00:00Z\"}}\n---\n");
  };
  Apply(freeze("qa"));
  EXPECT_EQ(Audited("resource.create").back().environment, "qa");
  Apply(freeze("production, qa"));
  EXPECT_EQ(Audited("resource.update").back().details.at("environments"), "production,qa");
  Proposed(Freeze("everywhere", "2028-01-01T00:00:00Z"));
  EXPECT_EQ(Audited("proposal.create").back().details.at("environments"), "production,qa");
  const Proposal one = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_EQ(Audited("proposal.create").back().environment, "production");
  EXPECT_TRUE(Approve(one, "bob").ok());
  EXPECT_EQ(Audited("proposal.apply").back().environment, "production");
  std::optional<Proposal> deletion;
  ASSERT_TRUE(
      resources_
          .Delete({"users/polly", ""}, "maintenancewindow/some", 0, "", Rights::All(), &deletion)
          .ok());
  EXPECT_TRUE(Approve(*deletion, "bob").ok());
  EXPECT_EQ(Audited("resource.delete").back().details.at("environments"), "production,qa");
}

TEST_F(ProposalsTest, WhatHasEndedIsSaidAndGoesWithTime) {
  AddApprovers();
  const Proposal expired = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  EXPECT_EQ(Audited("proposal.end").size(), 0u);
  clock_.Advance(kProposalLife);
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  ASSERT_EQ(Audited("proposal.end").size(), 1u);
  EXPECT_EQ(Audited("proposal.end")[0].environment, "production");
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  EXPECT_EQ(Audited("proposal.end").size(), 1u) << "once";
  const Proposal applied = Proposed(EnvironmentYaml("destructive_approvals: 0"));
  EXPECT_TRUE(Approve(applied, "bob").ok());
  clock_.Advance(kKeptDecided - absl::Hours(1));
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  EXPECT_TRUE(Exists(applied.name()));
  clock_.Advance(absl::Hours(1));
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  EXPECT_FALSE(Exists(applied.name()));
  EXPECT_FALSE(Exists(expired.name()));
}

TEST_F(ProposalsTest, TwoLastApprovalsAtOnceApplyItOnce) {
  AddApprovers();
  for (int round = 0; round < 20; ++round) {
    const Proposal proposal =
        Proposed(EnvironmentYaml(absl::StrCat("approval_ttl: ", 30 + round, "h")));
    std::thread bob([&] { (void)Approve(proposal, "bob"); });
    std::thread cy([&] { (void)Approve(proposal, "cy"); });
    std::thread polly([&] { (void)proposals_.Withdraw({"users/polly", ""}, proposal.name(), ""); });
    bob.join();
    cy.join();
    polly.join();
    const Proposal end = *proposals_.Get(proposal.name());
    const auto ttl = ReadFrom(store_, [&](ReadTx& tx) { return tx.GetEnvironment("production"); })
                         .value()
                         .policy.approval_ttl;
    EXPECT_EQ(ttl == absl::Hours(30 + round), end.state() == Proposal::STATE_APPLIED);
  }
  std::map<std::string, int> applied;
  for (const AuditEntry& entry : Audited("proposal.apply")) ++applied[entry.resource];
  for (const auto& [name, times] : applied) EXPECT_EQ(times, 1) << name;
}

}  // namespace
}  // namespace dbfleet::controller
