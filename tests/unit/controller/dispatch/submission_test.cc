// What a submission answers, and what follows from it without being read again.
#include <gtest/gtest.h>

#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

std::vector<std::string> Rules(const JobPicture& picture) {
  std::vector<std::string> rules;
  for (const PolicyBlocker& blocker : picture.blockers) rules.push_back(blocker.rule);
  return rules;
}

class SubmissionTest : public FleetFixture {
 protected:
  JobPicture Submit(const std::string& request_id = "") {
    return Must(jobs_.SubmitCheckAndShow({"users/ada", request_id}, "orders-db", why_));
  }
  JobPicture Stored(const std::string& job_id) {
    return ReadFrom(store_, [&](ReadTx& tx) { return jobs_.Show(tx, job_id, why_); }).value();
  }
  // The rows' versions tell one state of them from another.
  void ExpectSame(const JobPicture& a, const JobPicture& b) {
    EXPECT_EQ(a.job.id, b.job.id);
    EXPECT_EQ(a.job.state, b.job.state);
    EXPECT_EQ(a.job.version, b.job.version);
    EXPECT_EQ(a.job.title, b.job.title);
    ASSERT_EQ(a.tasks.size(), 1u);
    ASSERT_EQ(b.tasks.size(), 1u);
    EXPECT_EQ(a.tasks[0].id, b.tasks[0].id);
    EXPECT_EQ(a.tasks[0].version, b.tasks[0].version);
    EXPECT_EQ(a.tasks[0].attempts, b.tasks[0].attempts);
    ASSERT_EQ(a.attempts.size(), 1u);
    ASSERT_EQ(a.attempts[0].size(), b.attempts[0].size());
    for (size_t i = 0; i < a.attempts[0].size(); ++i) {
      EXPECT_EQ(a.attempts[0][i].id, b.attempts[0][i].id);
      EXPECT_EQ(a.attempts[0][i].state, b.attempts[0][i].state);
      EXPECT_EQ(a.attempts[0][i].version, b.attempts[0][i].version);
    }
    EXPECT_EQ(Rules(a), Rules(b));
  }

  const JobManager::WhyNoWork why_ = [this](const std::string& agent) {
    return dispatcher_.WhyNoWork(agent);
  };
};

TEST_F(SubmissionTest, TheAnswerIsWhatIsStored) {
  agent_.Connect();
  agent_.Disconnect();
  const JobPicture answer = Submit();
  EXPECT_EQ(Rules(answer), std::vector<std::string>{"agent-unreachable"});
  ExpectSame(answer, Stored(answer.job.id));
}

TEST_F(SubmissionTest, ARepetitionIsAnsweredWithTheJobAsItStandsThen) {
  agent_.Connect();
  const JobPicture first = Submit("r1");
  EXPECT_EQ(first.job.state, JobState::kReady);
  const agent::v1::Offer offer = agent_.Offers().at(0);
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED);
  const JobPicture again = Submit("r1");
  EXPECT_EQ(again.job.id, first.job.id);
  EXPECT_EQ(again.job.state, JobState::kSucceeded);
  ExpectSame(again, Stored(first.job.id));
}

TEST_F(SubmissionTest, EachAttemptIsOfferedWithoutASweep) {
  agent_.Connect();
  for (int i = 1; i <= 3; ++i) {
    Submit();
    EXPECT_EQ(agent_.Offers().size(), static_cast<size_t>(i));
  }
}

// Its task went back to PENDING, and is ended with the job, not taken for what it was.
TEST_F(SubmissionTest, ACancelledJobWhoseOnlyTaskNeverBeganEnds) {
  agent_.Connect();
  const std::string job = Submit().job.id;
  const agent::v1::Offer offer = agent_.Offers().at(0);
  agent_.Accept(offer);
  Must(jobs_.Cancel({"users/ada", ""}, job, "not needed"));
  EXPECT_EQ(JobOf(job).state, JobState::kCancelling);
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  EXPECT_EQ(JobOf(job).state, JobState::kCancelled);
  EXPECT_EQ(Stored(job).tasks[0].state, TaskState::kCancelled);
}

// The same when it is to be tried again: there is one attempt more, and it is offered.
TEST_F(SubmissionTest, AnAttemptThatNeverBeganIsFollowedByAnother) {
  agent_.Connect();
  const std::string job = Submit().job.id;
  const agent::v1::Offer offer = agent_.Offers().at(0);
  agent_.Accept(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  EXPECT_EQ(JobOf(job).state, JobState::kRolling);
  ASSERT_EQ(agent_.Offers().size(), 2u);
  EXPECT_EQ(Stored(job).attempts[0].size(), 2u);
}

// The answer to another request would be taken for this one's.
TEST_F(SubmissionTest, ARequestIdIsForOneRequest) {
  agent_.more_instances = {"users-db"};
  agent_.Connect();
  const JobPicture first = Submit("r1");
  const RequestMeta meta{"users/ada", "r1"};
  const auto reason_of = [&](const absl::StatusOr<Job>& job) { return ReasonOf(job.status()); };
  EXPECT_EQ(reason_of(jobs_.SubmitCheck(meta, "users-db")), "REQUEST_ID_REUSED");
  EXPECT_EQ(reason_of(jobs_.SubmitBackup(meta, "orders-db", {}, false, "")), "REQUEST_ID_REUSED");
  EXPECT_EQ(reason_of(jobs_.SubmitChange(meta, MakeChange())), "REQUEST_ID_REUSED");
  EXPECT_EQ(Must(jobs_.SubmitCheck(meta, "orders-db")).id, first.job.id);

  ChangeRequest request = MakeChange();
  const Job change = Must(jobs_.SubmitChange({"users/ada", "r2"}, request));
  EXPECT_EQ(Must(jobs_.SubmitChange({"users/ada", "r2"}, request)).id, change.id);
  request.title = "another one";
  EXPECT_EQ(reason_of(jobs_.SubmitChange({"users/ada", "r2"}, request)), "REQUEST_ID_REUSED");
  EXPECT_EQ(reason_of(jobs_.SubmitRollback({"users/ada", "r2"}, {change.id, "x", true, {}})),
            "REQUEST_ID_REUSED");
  EXPECT_EQ(Must(jobs_.SubmitCheck({"users/bob", "r1"}, "users-db")).state, JobState::kReady)
      << "everybody has ids of their own";
}

}  // namespace
}  // namespace dbfleet::controller
