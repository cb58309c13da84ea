// What rules must not do: wake each other for ever, act with rights that nobody has, approve what
// they asked for, and do again what was done in a lost life of the controller.
#include "controller/audit/recovery.h"
#include "tests/unit/controller/proposer/proposer_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class GuardsTest : public ProposerFixture {
 protected:
  // The check that a rule has made fails, and time passes so that no limit holds.
  void FailRulesCheck() {
    clock_.JumpWallClock(absl::Minutes(2));
    FinishCheck(work::v1::HEALTH_STATUS_CRITICAL, false);
    Look();
  }
};

TEST_F(GuardsTest, WhatARuleProposedWakesNoRule) {
  Declare("look", "limits: {cooldown: 1m}", "job: {check: {}}, mode: run",
          "triggers: [check-failed, health-change]");
  Declare("other", "limits: {cooldown: 1m}", "job: {check: {}}, mode: run",
          "triggers: [check-failed, failed]");
  Trouble();
  ASSERT_THAT(JobsOf("look"), SizeIs(1));
  FailRulesCheck();
  EXPECT_THAT(Records("check.failed"), SizeIs(1));
  EXPECT_THAT(JobsOf("look"), SizeIs(1));
  EXPECT_THAT(JobsOf("other"), IsEmpty());
  // The same failure by a person's check does.
  Must(jobs_.SubmitCheck({"users/olga", "", ""}, "orders-db"));
  FailRulesCheck();
  EXPECT_THAT(JobsOf("other"), SizeIs(1));
}

TEST_F(GuardsTest, WhereRulesAreFollowedTheWayIsBounded) {
  Declare("look", "follow_rules: 3, limits: {cooldown: 1m}", "job: {check: {}}, mode: run",
          "triggers: [check-failed, health-change]");
  Trouble();
  for (int i = 0; i < 10; ++i) {
    if (Newest().state == JobProposal::State::kSubmitted &&
        JobOf(Newest().job).end_time == absl::InfinitePast()) {
      FailRulesCheck();
    }
  }
  EXPECT_THAT(JobsOf("look"), SizeIs(4)) << "the first, and three that followed from it";
  EXPECT_EQ(Newest().depth, 3);
}

TEST_F(GuardsTest, AProposalThatIsGoneCountsAsTheLongestWay) {
  Declare("look", "follow_rules: 3", "job: {check: {}}, mode: run", "triggers: [check-failed]");
  Must(jobs_.SubmitCheck({"eventrules/look", "pruned", ""}, "orders-db"));
  FinishCheck(work::v1::HEALTH_STATUS_CRITICAL);
  Look();
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(GuardsTest, ARefusedProposalWakesNoRule) {
  Declare("verify", "", "job: {verify: {}}, mode: run", "triggers: [health-change]");
  Declare("other", "", "job: {check: {}}, mode: run", "triggers: [failed]");
  Trouble();
  Look();
  EXPECT_THAT(Records("rule.refused"), SizeIs(1));
  EXPECT_THAT(JobsOf("other"), IsEmpty());
}

// A backup that a rule took, found unsound later by whatever looks at it.
TEST_F(GuardsTest, WhatAnotherJobFindsOutIsOfThatJob) {
  Declare("look", "", "job: {check: {}}, mode: run", "triggers: [backup-suspect]");
  const Job taken =
      Must(jobs_.SubmitCheck({"eventrules/look", "eventrules/look gone", ""}, "orders-db"));
  const Job verified = Must(jobs_.SubmitCheck({"users/olga", "", ""}, "orders-db"));
  Backup backup;
  backup.id = "B1";
  backup.job_id = taken.id;
  backup.instance_id = "orders-db";
  backup.environment = "production";
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertBackup(&backup); }).ok());
  AuditEntry suspect{"agents/db1",
                     "backup.verification",
                     "backups/B1",
                     "production",
                     {{"state", "suspect"}, {"reason", "checksum"}}};
  Append(suspect);
  Look();
  EXPECT_THAT(Told(), IsEmpty()) << "nobody knows who else found it: the rule's own job";
  suspect.details["job"] = "jobs/" + verified.id;
  Append(suspect);
  Look();
  EXPECT_THAT(Told(), ElementsAre("orders-db submitted"));
}

TEST_F(GuardsTest, RolesThatCannotBeReadRefuseNothing) {
  Declare("look", "", "job: {check: {}}, mode: run");
  Resource broken;
  broken.id = "rolebindings/broken";
  broken.kind = "RoleBinding";
  broken.blob = "\xff\xff";
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertResource(&broken); }).ok());
  Trouble();
  EXPECT_THAT(Told(), ElementsAre("orders-db accepted"));
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(const Resource found, tx.GetResource(broken.id));
                    return tx.DeleteResource(found);
                  })
                  .ok());
  clock_.Advance(absl::Seconds(30));
  Look();
  EXPECT_THAT(Told(), ElementsAre("orders-db submitted"));
}

TEST_F(GuardsTest, ARuleKeepsNobodysRights) {
  Declare("look", "", "job: {check: {}}, mode: run");
  SetRoles("polly", {Role::kPolicyAdmin});
  Trouble();
  EXPECT_THAT(Told(), ElementsAre("orders-db refused NOT_ENTITLED"));
  EXPECT_NE(proposals_.Rule("look", Rights::All())->problem, "");
  // It goes on for whoever applies it and may, though nothing of it changes.
  SetRoles("pat", {Role::kPolicyAdmin, Role::kOperator});
  ASSERT_TRUE(Apply(Yaml("look", "", "job: {check: {}}, mode: run"), "users/pat").ok());
  clock_.JumpWallClock(absl::Hours(2));
  Trouble();
  EXPECT_THAT(JobsOf("look"), SizeIs(1));
}

TEST_F(GuardsTest, DeclaringWhatRunsByItselfTakesTheRoleForIt) {
  SetRoles("pat", {Role::kPolicyAdmin});
  const std::string runs = Yaml("look", "", "job: {check: {}}, mode: run");
  EXPECT_EQ(ReasonOf(Apply(runs, "users/pat")), "ROLE_MISSING");
  EXPECT_TRUE(Apply(Yaml("look"), "users/pat").ok()) << "who accepts needs it";
  EXPECT_TRUE(
      Apply(Yaml("look", "suspended: true", "job: {check: {}}, mode: run"), "users/pat").ok());
  EXPECT_EQ(ReasonOf(Apply(Yaml("look"), "users/olga")), "ROLE_MISSING") << "an operator";
}

TEST_F(GuardsTest, WhoHadAHandInARuleDoesNotApproveItsJobs) {
  Declare("look");
  SetRoles("pat", {Role::kPolicyAdmin, Role::kOperator});
  ASSERT_TRUE(Apply(Yaml("look", "limits: {max_open: 2}"), "users/pat").ok());
  Trouble();
  ASSERT_TRUE(proposals_.Accept({"users/olga", "", ""}, Newest().id, "").ok());
  const auto dependents = [&] {
    return ReadFrom(store_,
                    [](ReadTx& tx) {
                      return DependentsOfRequester(
                          tx, "eventrules/look",
                          +[](ReadTx&,
                              const std::string& who) -> absl::StatusOr<std::vector<std::string>> {
                            return std::vector<std::string>{who + "-friend"};
                          });
                    })
        .value();
  };
  EXPECT_THAT(dependents(), ElementsAre("users/olga", "users/olga-friend", "users/pat",
                                        "users/pat-friend", "users/polly", "users/polly-friend"));
  Delete("look");
  Declare("look");
  EXPECT_THAT(dependents(), SizeIs(6)) << "the list stays when the rule is gone";
}

// Whoever accepts has looked at the rule as it is.
TEST_F(GuardsTest, WhatItsRuleNoLongerProposesIsNotAccepted) {
  Declare("look", "", "job: {inspect: {statement: \"SELECT 1\"}}");
  Trouble();
  const std::string id = Newest().id;
  ASSERT_TRUE(Apply(Yaml("look", "", "job: {inspect: {statement: \"SELECT 2\"}}")).ok());
  const auto accepted = proposals_.Accept({"users/olga", "", ""}, id, "");
  EXPECT_FALSE(accepted.ok());
  EXPECT_THAT(std::string(accepted.status().message()), HasSubstr("proposes something else now"));
  EXPECT_THAT(JobsOf("look"), IsEmpty());
}

TEST_F(GuardsTest, NothingIsDoneWhileRecoveryIsDemandedAndNothingOlderAfterIt) {
  Declare("look");
  Declare("run", "limits: {cooldown: 1m}", "job: {check: {}}, mode: run");
  agent_.Disconnect();
  Trouble();
  ASSERT_THAT(Told("run"), ElementsAre("orders-db submitted"));
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) {
                    RecoveryDemand demand;
                    demand.why = "restored";
                    return tx.PutSetting(RecoverySetting(), RecoverySettingValue(demand));
                  })
                  .ok());
  AddInstance("billing-db");
  Trouble("billing-db");
  EXPECT_THAT(Told("look"), ElementsAre("orders-db pending"));
  EXPECT_EQ(
      ReasonOf(
          proposals_.Accept({"users/olga", "", ""}, History("look")[0].proposal.id, "").status()),
      "IN_RECOVERY");
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    RETURN_IF_ERROR(tx.PutSetting(RecoverySetting(), ""));
                    return tx.PutSetting("recovery.acknowledged_epoch", "1");
                  })
                  .ok());
  Look();
  Look();
  EXPECT_THAT(Told("look"), ElementsAre("orders-db cancelled RESTORED"));
  EXPECT_THAT(Told("run"), ElementsAre("orders-db submitted"));
  EXPECT_EQ(StateOf(JobsOf("run")[0].id), "cancelled");
  Trouble("billing-db");
  EXPECT_THAT(Told("look"),
              UnorderedElementsAre("orders-db cancelled RESTORED", "billing-db pending"))
      << "what happens from then on";
}

TEST_F(GuardsTest, RecordsSayWhatTheyAreAbout) {
  Declare("look");
  Trouble();
  ASSERT_TRUE(proposals_.Decline({"users/olga", "", ""}, Newest().id, "known").ok());
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.action.rfind("rule.", 0) != 0) continue;
    EXPECT_EQ(row.entry.environment, "production") << row.entry.action;
    EXPECT_EQ(row.entry.details.at("target"), "instances/orders-db");
    EXPECT_EQ(row.entry.details.at("rule"), "eventrules/look");
  }
}

}  // namespace
}  // namespace dbfleet::controller
