// What a submission answers, and what follows from it without being read again.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/hash.h"
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

TEST_F(SubmissionTest, WhatWaitsForABusyAgentSaysWithWhatThatIsBusy) {
  agent_.more_instances = {"users-db"};
  agent_.Connect();
  const std::string waiting = Submit().job.id;
  agent_.Accept(agent_.Offers().at(0));
  EXPECT_TRUE(Stored(waiting).blockers.empty()) << "it is about to begin";
  const std::string running = Must(jobs_.SubmitCheck({"users/ada", ""}, "users-db")).id;
  const agent::v1::Offer other = agent_.Offers().at(1);
  agent_.Accept(other);
  agent_.Start(other);
  const std::vector<PolicyBlocker> blockers = Stored(waiting).blockers;
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_EQ(blockers[0].rule, "agent-busy");
  EXPECT_EQ(blockers[0].message,
            "agents/db1 was told to begin on instances/orders-db and has not said that it does; it "
            "works on jobs/" +
                running + " on instances/users-db");
  EXPECT_TRUE(Stored(running).blockers.empty());
  agent_.Finish(other, agent::v1::OUTCOME_SUCCEEDED);
  EXPECT_TRUE(Stored(waiting).blockers.empty());
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

// A pipeline that takes the number of its build would be told of a change that was never applied.
TEST_F(SubmissionTest, ARequestIdIsForOneChangeWithAllThatItAsksFor) {
  agent_.more_instances = {"users-db"};
  agent_.Connect();
  const RequestMeta meta{"users/ada", "build-1"};
  const Job change = Must(jobs_.SubmitChange(meta, MakeChange()));
  const std::map<std::string, std::function<void(ChangeRequest*)>> others = {
      {"another file",
       [](ChangeRequest* request) {
         const std::string up = "DROP TABLE invoices;";
         request->spec.mutable_migrations(0)->mutable_up()->set_inline_(up);
         request->spec.mutable_migrations(0)->mutable_up()->set_sha256(Sha256Hex(up));
       }},
      {"another file under the former's hash",
       [](ChangeRequest* request) {
         request->spec.mutable_migrations(0)->mutable_up()->set_inline_("DROP TABLE invoices;");
       }},
      {"another rollback",
       [](ChangeRequest* request) { request->spec.mutable_migrations(0)->clear_down(); }},
      {"another database", [](ChangeRequest* request) { request->spec.set_database("billing"); }},
      {"another instance", [](ChangeRequest* request) { request->instances = {"users-db"}; }},
      {"one instance more",
       [](ChangeRequest* request) { request->instances.push_back("users-db"); }},
      {"another consent", [](ChangeRequest* request) { request->approve_destructive = false; }},
      {"a plan alone", [](ChangeRequest* request) { request->plan_only = true; }},
      {"another backup", [](ChangeRequest* request) { request->backup_gate = BackupGate::kFresh; }},
      {"another rollout",
       [](ChangeRequest* request) { request->rollout.on_failure = OnFailure::kPause; }},
      {"more at a time", [](ChangeRequest* request) { request->max_parallel = 2; }}};
  for (const auto& [what, edit] : others) {
    ChangeRequest request = MakeChange();
    edit(&request);
    EXPECT_EQ(ReasonOf(jobs_.SubmitChange(meta, request).status()), "REQUEST_ID_REUSED") << what;
  }
  ChangeRequest reworded = MakeChange();
  reworded.reason = "said in other words";
  EXPECT_EQ(Must(jobs_.SubmitChange(meta, reworded)).id, change.id);
}

TEST_F(SubmissionTest, ARetryOfARolloutIsFoundByItsWaves) {
  agent_.more_instances = {"users-db", "a-db"};
  agent_.Connect();
  const RequestMeta meta{"users/ada", "r1"};
  ChangeRequest request = MakeChange();
  request.instances = {"orders-db", "users-db", "a-db"};
  request.rollout.waves = {"1", "2"};
  request.failure_budget = "1";
  const Job change = Must(jobs_.SubmitChange(meta, request));
  EXPECT_EQ(Must(jobs_.SubmitChange(meta, request)).id, change.id);
  ChangeRequest in_another_order = request;
  std::swap(in_another_order.instances[0], in_another_order.instances[2]);
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange(meta, in_another_order).status()), "REQUEST_ID_REUSED")
      << "another one would be the first";
  request.failure_budget = "2";
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange(meta, request).status()), "REQUEST_ID_REUSED");
}

TEST_F(SubmissionTest, ARequestIdIsForOneBackupInspectionOrVerification) {
  agent_.Connect();
  const auto reason_of = [&](const absl::StatusOr<Job>& job) { return ReasonOf(job.status()); };
  const RequestMeta backup{"users/ada", "r1"};
  const Job taken = Must(jobs_.SubmitBackup(backup, "orders-db", {"shop"}, true, "why"));
  EXPECT_EQ(Must(jobs_.SubmitBackup(backup, "orders-db", {"shop"}, true, "why")).id, taken.id);
  EXPECT_EQ(reason_of(jobs_.SubmitBackup(backup, "orders-db", {"shop", "hr"}, true, "why")),
            "REQUEST_ID_REUSED");
  EXPECT_EQ(reason_of(jobs_.SubmitBackup(backup, "orders-db", {"shop"}, false, "why")),
            "REQUEST_ID_REUSED");

  work::v1::InspectSpec inspect;
  inspect.set_statement("SELECT 1");
  const RequestMeta look{"users/ada", "r2"};
  const Job looked = Must(jobs_.SubmitInspect(look, "orders-db", inspect));
  EXPECT_EQ(Must(jobs_.SubmitInspect(look, "orders-db", inspect)).id, looked.id);
  inspect.set_statement("SELECT 2");
  EXPECT_EQ(reason_of(jobs_.SubmitInspect(look, "orders-db", inspect)), "REQUEST_ID_REUSED");

  AddVerifiedBackup();
  AddVerifiedBackup();
  const std::vector<Backup> backups =
      ReadFrom(store_, [](ReadTx& tx) { return tx.VerifiedBackups("orders-db"); }).value();
  const RequestMeta verify{"users/ada", "r3"};
  const Job verified = Must(jobs_.SubmitVerify(verify, backups[0].id));
  EXPECT_EQ(Must(jobs_.SubmitVerify(verify, backups[0].id)).id, verified.id);
  EXPECT_EQ(reason_of(jobs_.SubmitVerify(verify, backups[1].id)), "REQUEST_ID_REUSED");
}

}  // namespace
}  // namespace dbfleet::controller
