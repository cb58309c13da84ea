// An agent that finds, right before the start, many more rows than were approved.
#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "controller/jobs/planning.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

class GrownEstimateTest : public FleetFixture {
 protected:
  GrownEstimateTest() { agent_.Connect(); }

  // Granted, and refused by the agent before it began.
  void Refuse(const agent::v1::Offer& offer) {
    agent_.Accept(offer);
    agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "ESTIMATE_GROWN");
  }
  void PlanAgain(int64_t rows) {
    const agent::v1::Offer offer = agent_.Offers().back();
    ASSERT_EQ(offer.purpose(), agent::v1::PURPOSE_PLAN);
    work::v1::TaskResult plan = MakePlan();
    plan.mutable_plan()->set_estimated_rows(rows);
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, plan);
  }
  void SetPolicy(int approvals, absl::Duration approval_ttl) {
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Environment production, tx.GetEnvironment("production"));
                      production.policy.destructive_approvals = approvals;
                      production.policy.approval_ttl = approval_ttl;
                      return tx.UpdateEnvironment(&production);
                    })
                    .ok());
  }
};

TEST_F(GrownEstimateTest, TheApprovedRowsTravelWithTheOffer) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  ASSERT_TRUE(offer.has_approved_rows());
  EXPECT_EQ(offer.approved_rows(), 10);
}

TEST_F(GrownEstimateTest, TheJobIsPlannedAgainAndWaitsForAnApprovalOfTheNewEstimate) {
  std::string job_id;
  Refuse(OfferedChange(&job_id));
  EXPECT_EQ(StateOf(job_id), "planning");
  EXPECT_TRUE(Audited("job.replan"));
  PlanAgain(21);
  EXPECT_EQ(StateOf(job_id), "awaiting_approval") << "the approval was of 10 rows";
  Must(jobs_.Approve({"users/cy", ""}, job_id, JobOf(job_id).digest, "as many as that, then"));
  const agent::v1::Offer offer = agent_.Offers().back();
  EXPECT_EQ(offer.purpose(), agent::v1::PURPOSE_EXECUTE);
  EXPECT_EQ(offer.approved_rows(), 21);
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

TEST_F(GrownEstimateTest, TheSameApproverCanApproveTheNewEstimate) {
  std::string job_id;
  Refuse(OfferedChange(&job_id));
  PlanAgain(21);
  ASSERT_EQ(StateOf(job_id), "awaiting_approval");
  Must(jobs_.Approve({"users/bob", ""}, job_id, JobOf(job_id).digest, "as many as that, then"));
  EXPECT_EQ(agent_.Offers().back().purpose(), agent::v1::PURPOSE_EXECUTE);
  EXPECT_EQ(agent_.Offers().back().approved_rows(), 21);
  ASSERT_EQ(JobOf(job_id).approvals.size(), 1u) << "the void one is replaced";
  int approvals = 0;
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.action != "change.approve") continue;
    EXPECT_EQ(row.entry.details.at("estimated_rows"), ++approvals == 1 ? "10" : "21");
    EXPECT_EQ(row.entry.details.count("replaces_approval_of"), approvals == 1 ? 0u : 1u);
  }
  EXPECT_EQ(approvals, 2);
}

TEST_F(GrownEstimateTest, AnApprovalIsOfTheEstimateThatWasShown) {
  std::string job_id;
  Refuse(OfferedChange(&job_id));
  PlanAgain(500'000);
  ASSERT_EQ(StateOf(job_id), "awaiting_approval");
  const std::string digest = JobOf(job_id).digest;
  const std::string target = JobOf(job_id).approvals[0].rows.begin()->first;
  const auto approve = [&](int64_t shown, const std::string& of) {
    return jobs_.Approve({"users/cy", ""}, job_id, digest, "ten rows", {{of, shown}}).status();
  };
  const absl::Status grown = approve(10, target);
  EXPECT_TRUE(absl::IsAborted(grown)) << grown;
  EXPECT_EQ(ReasonOf(grown), "ESTIMATE_GROWN");
  EXPECT_TRUE(Audited("change.approve_refused"));
  EXPECT_EQ(ReasonOf(approve(500'000, "instances/another")), "UNKNOWN_TARGET");
  EXPECT_EQ(StateOf(job_id), "awaiting_approval");
  EXPECT_TRUE(approve(250'000, target).ok()) << "not beyond twice as many";
  EXPECT_EQ(JobOf(job_id).approvals.back().rows.at(target), 250'000);
  executor_.RunAll();
  EXPECT_EQ(agent_.Offers().back().approved_rows(), 250'000);
}

TEST_F(GrownEstimateTest, NobodyApprovesMoreThanIsEstimatedByClaimingToHaveSeenIt) {
  const Job job = PlannedChange();
  const std::string target = "instances/orders-db/databases/shop";
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "looks right",
                     {{target, int64_t{1} << 60}}));
  EXPECT_EQ(JobOf(job.id).approvals[0].rows.at(target), 10);
}

TEST_F(GrownEstimateTest, AnApprovalThatStillCountsIsNotMadeTwice) {
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "looks right"));
  const absl::Time decided = JobOf(job.id).approvals[0].decide_time;
  clock_.Advance(absl::Minutes(1));
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "looks right"));
  ASSERT_EQ(JobOf(job.id).approvals.size(), 1u);
  EXPECT_EQ(JobOf(job.id).approvals[0].decide_time, decided);
}

TEST_F(GrownEstimateTest, AnExpiredApprovalCanBeRepeated) {
  SetPolicy(1, absl::Minutes(6));
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "looks right"));
  ASSERT_EQ(StateOf(job.id), "ready");
  Pass(absl::Minutes(6) + absl::Seconds(10));
  ASSERT_EQ(StateOf(job.id), "awaiting_approval");
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "still"));
  EXPECT_EQ(StateOf(job.id), "ready");
}

TEST_F(GrownEstimateTest, WhatOnePersonApprovesDoesNotReviveWhatOthersApprovedOfFewerRows) {
  SetPolicy(2, absl::Hours(24));
  AddApprover("dan");
  AddVerifiedBackup();
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "few rows"));
  Must(jobs_.Approve({"users/cy", ""}, job.id, job.digest, "few rows"));
  Refuse(agent_.Offers().back());
  PlanAgain(500'000);
  ASSERT_EQ(JobOf(job.id).digest, job.digest) << "estimates are not in the digest";
  Must(jobs_.Approve({"users/dan", ""}, job.id, job.digest, "that many"));
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "awaiting_approval") << "only dan has seen the half million";
  Must(jobs_.Approve({"users/cy", ""}, job.id, job.digest, "that many"));
  EXPECT_EQ(agent_.Offers().back().purpose(), agent::v1::PURPOSE_EXECUTE);
  EXPECT_EQ(agent_.Offers().back().approved_rows(), 500'000);
}

TEST_F(GrownEstimateTest, AnEstimateThatIsBackInItsBoundsNeedsNoNewApproval) {
  std::string job_id;
  Refuse(OfferedChange(&job_id));
  PlanAgain(20);
  EXPECT_EQ(agent_.Offers().back().purpose(), agent::v1::PURPOSE_EXECUTE);
  EXPECT_EQ(agent_.Offers().back().approved_rows(), 10) << "as approved, not as planned";
}

TEST_F(GrownEstimateTest, AnAttemptThatHadBegunIsNoReasonToBeginAgain) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "ESTIMATE_GROWN");
  EXPECT_EQ(StateOf(job_id), "failed");
}

TEST_F(GrownEstimateTest, AnEstimateThatSwingsForEverEndsTheJob) {
  std::string job_id;
  OfferedChange(&job_id);
  int refusals = 0;
  for (; StateOf(job_id) != "failed" && refusals < 100; ++refusals) {
    Refuse(agent_.Offers().back());
    if (StateOf(job_id) == "planning") PlanAgain(20);
  }
  EXPECT_EQ(StateOf(job_id), "failed");
  EXPECT_EQ(JobOf(job_id).error_reason, "ESTIMATE_GROWN");
  EXPECT_GT(refusals, 1);
  EXPECT_LT(refusals, kMaxReplannedAttempts);
}

Approval Of(std::map<std::string, int64_t> rows) {
  Approval approval;
  approval.rows = std::move(rows);
  return approval;
}

TEST(ApprovedRowsTest, AreTheFewestOfTheTargetThatAnyCountedApprovalWasGivenFor) {
  const std::vector<Approval> counted = {Of({{"a", 100}, {"b", 7}}), Of({{"a", 80}, {"b", 9}})};
  EXPECT_EQ(ApprovedRows(counted, "a"), 80);
  EXPECT_EQ(ApprovedRows(counted, "b"), 7);
}

TEST(ApprovedRowsTest, AreNotKnownWithoutApprovalOrEstimate) {
  EXPECT_FALSE(ApprovedRows({}, "a").has_value()) << "nobody approved";
  EXPECT_FALSE(ApprovedRows({Of({{"a", -1}})}, "a").has_value());
  EXPECT_FALSE(ApprovedRows({Of({{"b", 1}})}, "a").has_value());
  EXPECT_EQ(ApprovedRows({Of({{"a", -1}}), Of({{"a", 5}})}, "a"), 5);
}

}  // namespace
}  // namespace dbfleet::controller
