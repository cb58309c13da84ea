// An agent that finds, right before the start, many more rows than were approved.
#include <gtest/gtest.h>

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

Task TaskWith(int64_t rows) {
  work::v1::Plan plan;
  plan.set_estimated_rows(rows);
  Task task;
  task.plan_blob = plan.SerializeAsString();
  return task;
}

TEST(ApprovedRowsTest, AreTheApprovedSumOfOneTargetAndThePlansShareOfSeveral) {
  Job job;
  job.approvals.resize(1);
  job.approved_rows = 100;
  EXPECT_EQ(ApprovedRows(job, TaskWith(150), {TaskWith(150)}), 100);
  EXPECT_EQ(ApprovedRows(job, TaskWith(30), {TaskWith(30), TaskWith(70)}), 30);
  EXPECT_EQ(ApprovedRows(job, TaskWith(170), {TaskWith(30), TaskWith(170)}), 100);
}

TEST(ApprovedRowsTest, AreNotKnownWithoutApprovalOrEstimate) {
  Job job;
  job.approved_rows = 100;
  EXPECT_FALSE(ApprovedRows(job, TaskWith(1), {TaskWith(1)}).has_value()) << "nobody approved";
  job.approvals.resize(1);
  EXPECT_FALSE(ApprovedRows(job, TaskWith(-1), {TaskWith(-1), TaskWith(1)}).has_value());
  job.approved_rows = -1;
  EXPECT_FALSE(ApprovedRows(job, TaskWith(1), {TaskWith(1)}).has_value());
}

}  // namespace
}  // namespace dbfleet::controller
