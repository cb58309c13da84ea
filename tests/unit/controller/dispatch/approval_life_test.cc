// Approvals and approval policies over a change's life.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ApprovalLifeTest : public WindowFixture {
 protected:
  ApprovalLifeTest() {
    ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kNone; });
    AddVerifiedBackup();
    AddVerifiedBackup("users-db");
    User dora;
    dora.id = "dora";
    dora.roles = {Role::kApprover, Role::kAuditor};
    EXPECT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertUser(&dora); }).ok());
  }
  static ApprovalPolicy Auditor() {
    ApprovalPolicy policy;
    policy.name = "auditor";
    policy.requirements = {{"auditor", 1, {Role::kAuditor}, {}}};
    return policy;
  }
  void Demand(std::vector<ApprovalPolicy> policies) {
    approvals_ = std::make_shared<const ApprovalBook>(ApprovalBook{std::move(policies), ""});
  }
  Job Planned(std::vector<std::string> instances = {"orders-db"}) {
    ChangeRequest request = MakeChange();
    request.instances = instances;
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    for (size_t i = 0; i < instances.size(); ++i) Run(Unanswered(), MakePlan());
    return JobOf(job.id);
  }
  absl::StatusOr<Job> Approve(const Job& job, const std::string& who,
                              const std::string& reason = "fine") {
    auto result = jobs_.Approve({"users/" + who, ""}, job.id, JobOf(job.id).digest, reason);
    executor_.RunAll();
    return result;
  }
  absl::StatusOr<Job> Withdraw(const Job& job, const std::string& who) {
    auto result = jobs_.WithdrawApproval({"users/" + who, ""}, job.id, "on second thought");
    executor_.RunAll();
    return result;
  }
};

TEST_F(ApprovalLifeTest, AChangeWaitsForEveryPolicyThatSelectsIt) {
  Demand({Auditor()});
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
  EXPECT_THAT(WhyOf(job.id), HasSubstr("approvalpolicies/auditor: requirement auditor: 0 of 1"));
  EXPECT_TRUE(Approve(job, "dora").ok());
  EXPECT_EQ(StateOf(job.id), "ready");
}

TEST_F(ApprovalLifeTest, AnotherPolicyVoidsThePlanAndItsApprovals) {
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  EXPECT_TRUE(IsOffered());
  Demand({Auditor()});
  agent_.Accept(Unanswered());
  EXPECT_NE(StateOf(job.id), "rolling") << "the grant looks again";
  Pass(absl::Seconds(10));
  Run(Unanswered(), MakePlan());
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
  EXPECT_NE(JobOf(job.id).digest, job.digest);
}

TEST_F(ApprovalLifeTest, APolicyForSomeTargetsHoldsUpTheWholeChangeBeforeItBegins) {
  SetLabels("users-db", {{"tier", "1"}});
  ApprovalPolicy tier1 = Auditor();
  tier1.labels = {{"tier", "1"}};
  Demand({tier1});
  const Job one = Planned();
  EXPECT_TRUE(Approve(one, "bob").ok());
  EXPECT_EQ(StateOf(one.id), "ready") << "it has no such target";
  Must(jobs_.Cancel({"users/ada", ""}, one.id, "enough"));
  answered_ = agent_.Offers().size();
  const Job both = Planned({"orders-db", "users-db"});
  EXPECT_TRUE(Approve(both, "bob").ok());
  EXPECT_EQ(StateOf(both.id), "awaiting_approval");
}

TEST_F(ApprovalLifeTest, AReasonIsGivenWhereAPolicyWantsOneAndTheShorterLifeCounts) {
  ApprovalPolicy policy = Auditor();
  policy.reason_required = true;
  policy.ttl = absl::Hours(2);
  Demand({policy});
  const Job job = Planned();
  EXPECT_EQ(ReasonOf(Approve(job, "dora", "").status()), "REASON_REQUIRED");
  EXPECT_TRUE(Approve(job, "dora").ok());
  EXPECT_EQ(JobOf(job.id).approvals.at(0).expire_time, clock_.Now() + absl::Hours(2));
}

TEST_F(ApprovalLifeTest, AnOwnApprovalIsTakenBackUntilTheGrant) {
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  const agent::v1::Offer offer = Unanswered();
  EXPECT_EQ(ReasonOf(Withdraw(job, "cy").status()), "NO_APPROVAL") << "there is none of cy's";
  EXPECT_EQ(StateOf(job.id), "ready");
  EXPECT_TRUE(Withdraw(job, "bob").ok());
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
  EXPECT_TRUE(Audited("change.withdraw_approval"));
  const int grants = agent_.Grants();
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), grants) << "what was offered is not granted any more";
  EXPECT_TRUE(Approve(job, "bob").ok());
  EXPECT_EQ(StateOf(job.id), "ready");
}

TEST_F(ApprovalLifeTest, ARepeatedRequestToTakeItBackHasNothingToComplainOf) {
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  for (int n = 0; n < 2; ++n) {
    EXPECT_TRUE(jobs_.WithdrawApproval({"users/bob", "request-1"}, job.id, "").ok());
  }
  EXPECT_EQ(ReasonOf(jobs_.WithdrawApproval({"users/bob", "request-2"}, job.id, "").status()),
            "NO_APPROVAL");
}

TEST_F(ApprovalLifeTest, WhatWaitsForNoApprovalCannotBeRejectedButCancelled) {
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  const absl::Status status = jobs_.Reject({"users/bob", ""}, job.id, "no").status();
  EXPECT_EQ(ReasonOf(status), "BAD_STATE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("dbfleet change cancel " + job.id));
}

TEST_F(ApprovalLifeTest, OnceItWasGrantedItIsTooLate) {
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  agent_.Accept(Unanswered());
  EXPECT_EQ(StateOf(job.id), "rolling");
  EXPECT_EQ(ReasonOf(Withdraw(job, "bob").status()), "BAD_STATE");
  EXPECT_EQ(JobOf(job.id).approvals.size(), 1u);
}

TEST_F(ApprovalLifeTest, AnApprovalCountsNoMoreOnceItsTokenIsRevoked) {
  ApiToken token;
  token.id = "01TOKEN";
  token.user_id = "bob";
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertToken(&token); }).ok());
  const Job job = Planned();
  Must(jobs_.Approve({"users/bob", "", token.id}, job.id, JobOf(job.id).digest, "fine"));
  ASSERT_EQ(StateOf(job.id), "ready");
  const agent::v1::Offer offer = Unanswered();
  const int grants = agent_.Grants();
  token.revoked = true;
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.UpdateToken(&token); }).ok());
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), grants) << "what was offered is not granted any more";
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
  EXPECT_THAT(WhyOf(job.id), HasSubstr("users/bob approved with a token that was revoked since"));
  EXPECT_TRUE(Approve(job, "bob").ok()) << "with another one";
  EXPECT_EQ(StateOf(job.id), "ready");
  EXPECT_EQ(JobOf(job.id).approvals.size(), 1u);
}

// What everybody reads, and not the rules' names alone.
TEST_F(ApprovalLifeTest, ThePlansRecordSaysWhatItWaitsForInTheWordsOfItsExplanation) {
  ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kAll; });
  Demand({Auditor()});
  const Job job = Planned();
  EXPECT_EQ(Detail("job.planned", "waits_for"), "approvals");
  const std::string words = Detail("job.planned", "blockers");
  EXPECT_THAT(words,
              AllOf(HasSubstr("approvals: 0 of 1 approval; missing: "),
                    HasSubstr("approvals: approvalpolicies/auditor: requirement auditor: 0 of 1"),
                    HasSubstr("window: no maintenance window is open for ")));
  EXPECT_EQ(WhyOf(job.id), absl::StrReplaceAll(words, {{"; approvals: ", "\napprovals: "},
                                                       {"; window: ", "\nwindow: "}}) +
                               "\n");
}

TEST_F(ApprovalLifeTest, TheGrantsRecordNamesOnWhatItRests) {
  Demand({Auditor()});
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  EXPECT_TRUE(Approve(job, "dora").ok());
  agent_.Accept(Unanswered());
  EXPECT_EQ(Detail("attempt.grant", "approved_by"), "users/bob, users/dora");
  EXPECT_THAT(Detail("attempt.grant", "backup"), StartsWith("backups/"));
}

TEST_F(ApprovalLifeTest, OfWhatIsOverNobodyIsToldToStopIt) {
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  Must(jobs_.Cancel({"users/ada", ""}, job.id, "not today"));
  const absl::Status status = Withdraw(job, "bob").status();
  EXPECT_EQ(ReasonOf(status), "BAD_STATE");
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("is cancelled: it is over"), Not(HasSubstr("change cancel"))));
}

TEST_F(ApprovalLifeTest, WhatAnotherPolicyStoppedHalfWayIsNotSaidToGoOn) {
  const Job job = Planned({"orders-db", "users-db"});
  EXPECT_TRUE(Approve(job, "bob").ok());
  const agent::v1::Offer first = Unanswered();
  agent_.Accept(first);
  agent_.Start(first);
  Demand({Auditor()});
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  if (IsOffered()) agent_.Accept(Unanswered());
  ASSERT_EQ(StateOf(job.id), "paused");
  const auto working = [](const std::string&) { return std::nullopt; };
  const JobPicture picture =
      ReadFrom(store_, [&](ReadTx& tx) { return jobs_.Show(tx, job.id, working); }).value();
  std::string why;
  for (const PolicyBlocker& blocker : picture.blockers) {
    absl::StrAppend(&why, blocker.rule, ": ", blocker.message, "\n");
  }
  EXPECT_THAT(why, AllOf(HasSubstr("policy-changed: "),
                         HasSubstr("paused: it does not go on, also when it is resumed: "
                                   "dbfleet change cancel " +
                                   job.id),
                         Not(HasSubstr("job resume"))));
}

TEST_F(ApprovalLifeTest, WhoLostTheRoleDoesNotCount) {
  Demand({Auditor()});
  const Job job = Planned();
  EXPECT_TRUE(Approve(job, "bob").ok());
  EXPECT_TRUE(Approve(job, "dora").ok());
  EXPECT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(User dora, tx.GetUser("dora"));
                    dora.roles = {Role::kApprover};
                    return tx.UpdateUser(&dora);
                  })
                  .ok());
  const int grants = agent_.Grants();
  agent_.Accept(Unanswered());
  EXPECT_EQ(agent_.Grants(), grants);
}

TEST_F(ApprovalLifeTest, ABrokenGlassLetsItBeginUntilItExpires) {
  ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kAll; });
  const Job job = Planned();
  waiver_ = Waiver{{"approvals", "window"},
                   job.digest,
                   "users/ada",
                   clock_.Now(),
                   clock_.Now() + absl::Hours(1)};
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job.id), "ready");
  agent_.Accept(Unanswered());
  EXPECT_EQ(StateOf(job.id), "rolling");
  EXPECT_EQ(LastGrant().has_start_before(), true);
}

TEST_F(ApprovalLifeTest, WhatHasNoPlanIsNotApproved) {
  const auto approve = [&](JobKind kind) {
    Job job;
    job.id = NewId();
    job.kind = kind;
    job.state = JobState::kReady;
    job.environment = "production";
    job.requester = "eventrules/look-again";
    EXPECT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok());
    return jobs_.Approve({"users/bob", ""}, job.id, "", "fine").status();
  };
  EXPECT_EQ(ReasonOf(approve(JobKind::kBackup)), "NO_PLAN");
  EXPECT_EQ(ReasonOf(approve(JobKind::kMigrate)), "NO_PLAN");
}

TEST_F(ApprovalLifeTest, WhoDeclaredARuleIsToldSo) {
  Job job = PlannedChange();
  const auto words = [&](const std::string& requester) {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(job, tx.GetJob(job.id));
                      job.requester = requester;
                      return tx.UpdateJob(&job);
                    })
                    .ok());
    dependents_ = {"users/bob"};
    return std::string(
        jobs_.Approve({"users/bob", ""}, job.id, job.digest, "fine").status().message());
  };
  EXPECT_THAT(words("eventrules/look-again"),
              StartsWith("users/bob declared, changed or accepted something of "
                         "eventrules/look-again, or depends on"));
  EXPECT_THAT(words("schedules/nightly"),
              StartsWith("users/bob declared, changed or ran schedules/nightly, or"));
}

}  // namespace
}  // namespace dbfleet::controller
