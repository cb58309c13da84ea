// Who is told that could approve a change, and to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/api/job_views.h"
#include "controller/api/voided_approvals.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/waiver.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CandidatesTest : public FleetFixture {
 protected:
  CandidatesTest() {
    agent_.Connect();
    AddVerifiedBackup();
    job_ = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange())).id;
    const agent::v1::Offer offer = agent_.Offers().back();
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
    EXPECT_EQ(StateOf(job_), "awaiting_approval");
  }
  void CorruptABinding() {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      Resource binding;
                      binding.id = "rolebindings/b";
                      binding.kind = "RoleBinding";
                      binding.blob = "\xff";
                      RETURN_IF_ERROR(tx.InsertResource(&binding));
                      return NoteRoleChange(tx, binding.id, "users/root", clock_.Now());
                    })
                    .ok());
  }

  std::string job_;
  JobViews views_{store_, jobs_, clock_, [](const std::string&) { return std::nullopt; }};
};

TEST_F(CandidatesTest, WhoeverAsksForTheChangeIsToldWhoCouldApproveIt) {
  const auto job = views_.ByName("jobs/" + job_);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(job->candidates(), ElementsAre("users/bob", "users/cy"));
  EXPECT_TRUE(job->candidates_known());
  dependents_ = {"users/bob", "users/cy"};
  EXPECT_THAT(views_.ByName("jobs/" + job_)->candidates(), IsEmpty());
  EXPECT_TRUE(views_.ByName("jobs/" + job_)->candidates_known()) << "nobody can";
}

TEST_F(CandidatesTest, ItIsSaidWhoCanFillEachRequirementAndNotWhoApprovesElse) {
  User dora;
  dora.id = "dora";
  dora.roles = {Role::kApprover, Role::kAuditor};
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertUser(&dora); }).ok());
  const auto blocker = [&](std::vector<ApprovalRequirement> requirements) {
    ApprovalPolicy policy;
    policy.name = "second-look";
    policy.requirements = std::move(requirements);
    approvals_ = std::make_shared<const ApprovalBook>(ApprovalBook{{policy}, ""});
    const api::v1::Job job = views_.ByName("jobs/" + job_).value();
    for (const api::v1::Blocker& one : job.blockers()) {
      if (one.policy() == "approvalpolicies/second-look") return one.message();
    }
    return std::string();
  };
  EXPECT_THAT(blocker({{"auditor", 1, {Role::kAuditor}, {}}}),
              EndsWith("; who can fill auditor: users/dora"));
  EXPECT_THAT(blocker({{"dba", 1, {}, {"users/zoe"}}}),
              AllOf(HasSubstr("; who can fill dba: nobody: users/zoe is not there"),
                    Not(HasSubstr("who can fill dba: users/bob"))));
  const api::v1::Job job = views_.ByName("jobs/" + job_).value();
  EXPECT_EQ(job.blockers(0).rule(), "approvals");
  EXPECT_EQ(job.blockers(0).policy(), "") << "the environment's own";
}

// Each of its pictures would take a look at all users and their tokens.
TEST_F(CandidatesTest, AWatchAndTheAnswersOfOtherCallsDoNotLookForThem) {
  const auto job = views_.ById(job_);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(job->candidates(), IsEmpty());
  EXPECT_FALSE(job->candidates_known());
}

TEST_F(CandidatesTest, WhatARevokedTokenApprovedIsFoundAndShownAsVoid) {
  ApiToken token;
  token.id = "01TOKEN";
  token.user_id = "bob";
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertToken(&token); }).ok());
  const auto approved_with = [&](const std::string& id) {
    return ReadFrom(store_, [&](ReadTx& tx) { return VoidedWithTokens(tx, {id}, clock_.Now()); })
        .value()
        .approvals;
  };
  EXPECT_THAT(approved_with(token.id), IsEmpty());
  const std::string digest = views_.ByName("jobs/" + job_)->digest();
  Must(jobs_.Approve({"users/bob", "", token.id}, job_, digest, "fine"));
  EXPECT_THAT(approved_with(token.id), ElementsAre("jobs/" + job_));
  EXPECT_THAT(approved_with("01OTHER"), IsEmpty());
  EXPECT_THAT(ReadFrom(store_,
                       [&](ReadTx& tx) {
                         return VoidedWithTokens(tx, {"01OTHER", token.id}, clock_.Now());
                       })
                  .value()
                  .approvals,
              ElementsAre("jobs/" + job_));
  EXPECT_FALSE(views_.ById(job_)->approvals(0).void_());
  token.revoked = true;
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.UpdateToken(&token); }).ok());
  EXPECT_TRUE(views_.ById(job_)->approvals(0).void_());
  Must(jobs_.Cancel({"users/ada", ""}, job_, "over"));
  EXPECT_THAT(approved_with(token.id), IsEmpty()) << "it has ended";
}

TEST_F(CandidatesTest, WhatARevokedTokenOrADisabledAccountWaivedIsFound) {
  resource::v1::BrokenGlass glass;
  glass.set_job("jobs/" + job_);
  glass.set_environment("production");
  resource::v1::GlassEpisode& episode = *glass.add_episodes();
  episode.set_principal("users/ada");
  episode.set_token("01TOKEN");
  episode.set_digest(views_.ById(job_)->digest());
  *episode.mutable_expire_time() = ToProto(clock_.Now() + absl::Hours(1));
  const auto store_glass = [&] {
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(StoredGlass stored, LoadGlass(tx, job_));
                      stored.row.id = GlassRowOf(job_);
                      stored.row.kind = std::string(kBrokenGlassKind);
                      stored.row.blob = glass.SerializeAsString();
                      return stored.row.version == 0 ? tx.InsertResource(&stored.row)
                                                     : tx.UpdateResource(&stored.row);
                    })
                    .ok());
  };
  const auto with = [&](const std::string& token) {
    return ReadFrom(store_, [&](ReadTx& tx) { return VoidedWithTokens(tx, {token}, clock_.Now()); })
        .value()
        .waivers;
  };
  const auto by = [&](const std::string& user) {
    return ReadFrom(store_, [&](ReadTx& tx) { return VoidedWithUser(tx, user, clock_.Now()); })
        .value()
        .waivers;
  };
  store_glass();
  EXPECT_THAT(with("01TOKEN"), ElementsAre("jobs/" + job_));
  EXPECT_THAT(with("01OTHER"), IsEmpty());
  EXPECT_THAT(by("users/ada"), ElementsAre("jobs/" + job_));
  EXPECT_THAT(by("users/bob"), IsEmpty());
  episode.set_ender("users/bob");
  store_glass();
  EXPECT_THAT(by("users/ada"), IsEmpty()) << "somebody ended it";
  episode.clear_ender();
  episode.set_digest("another");
  store_glass();
  EXPECT_THAT(by("users/ada"), IsEmpty()) << "nothing is waived for this plan";
  episode.set_digest(views_.ById(job_)->digest());
  *episode.mutable_expire_time() = ToProto(clock_.Now());
  store_glass();
  EXPECT_THAT(by("users/ada"), IsEmpty()) << "it is over";
}

TEST_F(CandidatesTest, WhatADisabledAccountApprovedIsFound) {
  Must(jobs_.Approve({"users/bob", ""}, job_, views_.ById(job_)->digest(), "fine"));
  const auto by = [&](const std::string& user) {
    return ReadFrom(store_, [&](ReadTx& tx) { return VoidedWithUser(tx, user, clock_.Now()); })
        .value()
        .approvals;
  };
  EXPECT_THAT(by("users/bob"), ElementsAre("jobs/" + job_));
  EXPECT_THAT(by("users/cy"), IsEmpty());
}

TEST_F(CandidatesTest, ABindingThatCannotBeReadHidesThemAndNotTheChange) {
  CorruptABinding();
  const auto job = views_.ByName("jobs/" + job_);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), api::v1::Job::STATE_AWAITING_APPROVAL);
  EXPECT_THAT(job->candidates(), IsEmpty());
  EXPECT_FALSE(job->candidates_known());
  EXPECT_TRUE(views_.ById(job_).ok());
}

}  // namespace
}  // namespace dbfleet::controller
