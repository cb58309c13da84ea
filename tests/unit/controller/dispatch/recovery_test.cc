// A controller whose store was restored from an older copy: nothing is handed out, nothing runs
// twice, and a person ends it.
#include "controller/audit/recovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "common/proto_time/proto_time.h"
#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

constexpr uint64_t kLostEpoch = 500;

class RecoveryDispatchTest : public FleetFixture {
 protected:
  // A Hello of an agent that has seen the lost life, with these attempts of it.
  void ConnectFromLostLife(std::vector<agent::v1::AttemptState> attempts = {},
                           uint64_t epoch = kLostEpoch) {
    agent_.highest_epoch = epoch;
    agent_.Connect(std::move(attempts));
  }
  void LoseALife() { store_.AddStart(kLostEpoch - 100, 0); }
  bool Demanded() { return ReadFrom(store_, InRecovery).value(); }
  void EndRecovery() {
    ASSERT_TRUE(store_
                    .MutateAndWait([](WriteTx& tx) -> absl::Status {
                      RETURN_IF_ERROR(tx.PutSetting(RecoverySetting(), ""));
                      return tx.PutSetting("recovery.acknowledged_epoch",
                                           std::to_string(1'000'000'000));
                    })
                    .ok());
    Pass(absl::Seconds(2));
  }
  // The store loses the life in which the offer was carried out and its report taken. The agent,
  // which has another event to tell of, connects with what is returned.
  std::vector<agent::v1::AttemptState> FinishInTheLostLife(const agent::v1::Offer& offer) {
    LoseALife();
    agent_.last_seq += 3;
    agent_.lowest_seq = agent_.last_seq;
    std::vector<agent::v1::AttemptState> attempts = {Reported(
        offer.attempt_id(), offer.task_id(), offer.fence(), agent::v1::ATTEMPT_PHASE_FINISHED)};
    ConnectFromLostLife(attempts);
    return attempts;
  }
  static agent::v1::AttemptState Reported(const std::string& attempt, const std::string& task,
                                          uint64_t fence, agent::v1::AttemptPhase phase) {
    agent::v1::AttemptState state;
    state.set_attempt_id(attempt);
    state.set_task_id(task);
    state.set_fence(fence);
    state.set_phase(phase);
    if (phase == agent::v1::ATTEMPT_PHASE_FINISHED) state.set_outcome(agent::v1::OUTCOME_SUCCEEDED);
    return state;
  }
};

TEST_F(RecoveryDispatchTest, AnEpochThatTheStoreNeverGaveStopsOffersUntilAPersonSaysSo) {
  LoseALife();
  ConnectFromLostLife();
  EXPECT_TRUE(Demanded());
  EXPECT_TRUE(Audited("controller.recovery_demanded"));
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  Pass(absl::Seconds(3));
  EXPECT_TRUE(agent_.Offers().empty());
  const Job waiting = JobOf(job.id);
  const std::vector<PolicyBlocker> why =
      ReadFrom(store_, [&](ReadTx& tx) {
        return jobs_.Explain(tx, waiting, [](const std::string&) { return std::nullopt; });
      }).value();
  ASSERT_EQ(why.size(), 1u);
  EXPECT_EQ(why[0].rule, "recovery");
  EXPECT_FALSE(why[0].final);
  EndRecovery();
  EXPECT_EQ(agent_.Offers().size(), 1u);
}

// Two copies of one store were started within a second, or a clock was ahead: both gave the epoch.
TEST_F(RecoveryDispatchTest, WorkOfALifeThatHadThisOnesEpochIsReconciledAndNotGrantedAgain) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  agent_.life = "the lost one";
  agent_.last_seq += 3;
  ConnectFromLostLife({Reported(offer.attempt_id(), offer.task_id(), offer.fence(),
                                agent::v1::ATTEMPT_PHASE_FINISHED)},
                      store_.epoch());
  EXPECT_TRUE(Demanded());
  EXPECT_TRUE(Audited("attempt.reclaim"));
  EndRecovery();
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kInterrupted);
  EXPECT_EQ(StateOf(job_id), "paused");
  EXPECT_EQ(agent_.Grants(), 0);
}

TEST_F(RecoveryDispatchTest, AnEpochThatTheStoreKnowsStopsNothing) {
  LoseALife();
  ConnectFromLostLife({}, kLostEpoch - 100);
  EXPECT_FALSE(Demanded());
}

TEST_F(RecoveryDispatchTest, AnAgentThatHasSeenAHigherEpochMayComeOftenWithoutARecordEachTime) {
  for (int i = 0; i < 3; ++i) {
    ConnectFromLostLife({}, store_.epoch() + 100);
    EXPECT_TRUE(Demanded());
    EXPECT_EQ(ReasonOf(agent_.connection->closed), "STALE_EPOCH");
    EXPECT_TRUE(agent_.Sent(agent::v1::ControllerMsg::kWelcome).empty());
    agent_.Disconnect();
  }
  EXPECT_FALSE(Audited("agent.connect"));
  EXPECT_FALSE(Audited("agent.disconnect"));
  ConnectFromLostLife({}, store_.epoch());
  EXPECT_TRUE(Audited("agent.connect"));
}

TEST_F(RecoveryDispatchTest, AnEpochFarInTheFutureQuarantinesItsReporterAlone) {
  ConnectFromLostLife({}, static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())) + 2 * 86'400);
  EXPECT_FALSE(Demanded());
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "AGENT_QUARANTINED");
  EXPECT_TRUE(Audited("agent.quarantine"));
}

TEST_F(RecoveryDispatchTest, WhatTheAgentDidInTheLostLifeIsNotDoneAgain) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  LoseALife();
  // In the lost life another attempt at the task was made, and finished.
  ConnectFromLostLife(
      {Reported("LOST", offer.task_id(), offer.fence() + 1, agent::v1::ATTEMPT_PHASE_FINISHED)});
  EXPECT_TRUE(Audited("attempt.reclaim"));
  EndRecovery();
  Pass(absl::Seconds(10));
  EXPECT_TRUE(agent_.Offers().empty());
  EXPECT_EQ(agent_.Grants(), 0);
  const std::vector<Attempt> attempts = AttemptsOf(job_id);
  const auto lost = std::find_if(attempts.begin(), attempts.end(),
                                 [](const Attempt& a) { return a.id == "LOST"; });
  ASSERT_NE(lost, attempts.end());
  EXPECT_EQ(lost->state, AttemptState::kInterrupted);
  EXPECT_EQ(lost->error_reason, "STORE_RESTORED");
  EXPECT_NE(StateOf(job_id), "succeeded");
}

TEST_F(RecoveryDispatchTest, WhatStillRunsFromTheLostLifeGoesOnAtItsFence) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  LoseALife();
  agent::v1::Offer lost = offer;
  lost.set_attempt_id("LOST");
  lost.set_fence(offer.fence() + 1);
  ConnectFromLostLife(
      {Reported("LOST", offer.task_id(), lost.fence(), agent::v1::ATTEMPT_PHASE_RUNNING)});
  EXPECT_TRUE(agent_.Sent(agent::v1::ControllerMsg::kCancel).empty());
  agent_.Finish(lost, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

// Of the lost life the store knows neither the grant nor the end of the window that it was given
// for. To say another moment would cut the work off, or let it run on behind its window.
TEST_F(RecoveryDispatchTest, WhatStillRunsGoesOnUntilTheMomentThatItsGrantGaveIt) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  LoseALife();
  agent::v1::AttemptState state =
      Reported("LOST", offer.task_id(), offer.fence() + 1, agent::v1::ATTEMPT_PHASE_RUNNING);
  const absl::Time bound = clock_.Now() + absl::Minutes(90);
  *state.mutable_not_after() = ToProto(bound);
  ConnectFromLostLife({state});
  EXPECT_EQ(AttemptsOf(job_id).back().not_after, bound);
  for (const auto& message : agent_.Sent(agent::v1::ControllerMsg::kLeaseRenewal)) {
    EXPECT_FALSE(message.lease_renewal().has_not_after()) << "it has it";
  }
}

TEST_F(RecoveryDispatchTest, WhatStillRunsOnAnAgentThatDoesNotSayHowLongHasTheJobsTime) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  LoseALife();
  ConnectFromLostLife(
      {Reported("LOST", offer.task_id(), offer.fence() + 1, agent::v1::ATTEMPT_PHASE_RUNNING)});
  EXPECT_EQ(AttemptsOf(job_id).back().not_after, JobOf(job_id).expire_time);
}

// Here the store has it, but from before its grant.
TEST_F(RecoveryDispatchTest, AnAttemptThatTheStoreCallsOfferedKeepsTheBoundOfItsLostGrant) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  LoseALife();
  agent::v1::AttemptState state = Reported(offer.attempt_id(), offer.task_id(), offer.fence(),
                                           agent::v1::ATTEMPT_PHASE_RUNNING);
  const absl::Time bound = clock_.Now() + absl::Minutes(45);
  ASSERT_LT(bound, FromProto(offer.not_after()));
  *state.mutable_not_after() = ToProto(bound);
  ConnectFromLostLife({state});
  EXPECT_EQ(AttemptsOf(job_id).back().not_after, bound);
}

TEST_F(RecoveryDispatchTest, AnAgentThatComesBackAfterTheRecoveryIsReconciledToo) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  LoseALife();
  EndRecovery();
  ConnectFromLostLife(
      {Reported("LOST", offer.task_id(), offer.fence() + 1, agent::v1::ATTEMPT_PHASE_FINISHED)});
  EXPECT_FALSE(Demanded());
  EXPECT_TRUE(Audited("attempt.reclaim"));
  Pass(absl::Seconds(5));
  EXPECT_EQ(agent_.Grants(), 0);
}

TEST_F(RecoveryDispatchTest, AnAgentThatNamesNoTaskIsBelievedWhereTheStoreKnowsTheAttempt) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  ASSERT_EQ(AttemptsOf(job_id).back().state, AttemptState::kGranted);
  agent_.Disconnect();
  LoseALife();
  agent_.last_seq += 2;  // Started and finished: acknowledged in the lost life.
  ConnectFromLostLife(
      {Reported(offer.attempt_id(), "", offer.fence(), agent::v1::ATTEMPT_PHASE_FINISHED)});
  EXPECT_TRUE(Audited("attempt.reclaim"));
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kInterrupted);
  EXPECT_EQ(StateOf(job_id), "paused");
}

TEST_F(RecoveryDispatchTest, WhatEndedInTheLostLifeAndMayRunAgainIsTriedAgain) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Accept(offer);
  ASSERT_EQ(agent_.Grants(), 1);
  agent_.Disconnect();
  LoseALife();
  agent_.last_seq += 2;
  ConnectFromLostLife(
      {Reported(offer.attempt_id(), "", offer.fence(), agent::v1::ATTEMPT_PHASE_FINISHED)});
  EXPECT_EQ(AttemptsOf(job.id).front().state, AttemptState::kLost);
  EXPECT_EQ(AttemptsOf(job.id).front().error_reason, "STORE_RESTORED");
  EndRecovery();
  ASSERT_EQ(agent_.Offers().size(), 1u);
  EXPECT_NE(agent_.Offers().back().attempt_id(), offer.attempt_id());
}

TEST_F(RecoveryDispatchTest, AnOfferThatEndedInTheLostLifeIsTakenBack) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Disconnect();
  LoseALife();
  agent_.last_seq += 3;
  ConnectFromLostLife(
      {Reported(offer.attempt_id(), "", offer.fence(), agent::v1::ATTEMPT_PHASE_FINISHED)});
  EXPECT_EQ(AttemptsOf(job.id).front().state, AttemptState::kWithdrawn);
}

TEST_F(RecoveryDispatchTest, AnAttemptThatNobodyKnowsIsAuditedWhenItIsNewsAndNotAtEachStream) {
  const auto told = [this] {
    int count = 0;
    for (const AuditRow& row : store_.Audit()) count += row.entry.action == "attempt.unknown";
    return count;
  };
  LoseALife();
  const std::vector<agent::v1::AttemptState> attempts = {
      Reported("LOST", "LOST-TASK", 7, agent::v1::ATTEMPT_PHASE_FINISHED)};
  ConnectFromLostLife(attempts);
  EXPECT_EQ(told(), 1);
  EndRecovery();
  agent_.Disconnect();
  ConnectFromLostLife(attempts, store_.epoch());
  EXPECT_TRUE(agent_.connection->closed.ok());
  EXPECT_EQ(told(), 1);
  agent_.Disconnect();
  ConnectFromLostLife({Reported("RUNS", "LOST-TASK", 8, agent::v1::ATTEMPT_PHASE_RUNNING)},
                      store_.epoch());
  EXPECT_EQ(told(), 2) << "what still does something is always news";
}

TEST_F(RecoveryDispatchTest, AnAttemptThatNobodyKnowsIsToldOnceARestoreWithAllThatItsAgentKnows) {
  LoseALife();
  agent::v1::AttemptState lost = Reported("LOST", "LOSTTASK", 7, agent::v1::ATTEMPT_PHASE_FINISHED);
  lost.set_job_id("LOSTJOB");
  lost.set_target("instances/orders-db/databases/shop");
  lost.set_action("migrate");
  lost.set_digest("abcdef");
  for (int i = 0; i < 3; ++i) {  // Before the recovery has ended.
    ConnectFromLostLife({lost});
    agent_.Disconnect();
  }
  std::vector<std::map<std::string, std::string>> told;
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.action == "attempt.unknown") told.push_back(row.entry.details);
  }
  ASSERT_EQ(told.size(), 1u);
  const std::map<std::string, std::string> wanted = {
      {"attempt", "LOST"},
      {"phase", "ATTEMPT_PHASE_FINISHED"},
      {"outcome", "OUTCOME_SUCCEEDED"},
      {"job", "jobs/LOSTJOB"},
      {"task", "LOSTTASK"},
      {"target", "instances/orders-db/databases/shop"},
      {"action", "migrate"},
      {"digest", "abcdef"}};
  EXPECT_EQ(told[0], wanted);
}

TEST_F(RecoveryDispatchTest, AnUnknownAttemptThatEndedSinceItWasToldIsToldAgain) {
  LoseALife();
  for (const auto phase : {agent::v1::ATTEMPT_PHASE_RUNNING, agent::v1::ATTEMPT_PHASE_RUNNING,
                           agent::v1::ATTEMPT_PHASE_FINISHED, agent::v1::ATTEMPT_PHASE_FINISHED}) {
    ConnectFromLostLife({Reported("LOST", "LOSTTASK", 7, phase)});
    agent_.Disconnect();
  }
  std::vector<std::string> phases;
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.action == "attempt.unknown") phases.push_back(row.entry.details.at("phase"));
  }
  EXPECT_EQ(phases, (std::vector<std::string>{"ATTEMPT_PHASE_RUNNING", "ATTEMPT_PHASE_FINISHED"}));
}

// The agent has unheard events, but the report of this attempt was acknowledged in the lost life.
TEST_F(RecoveryDispatchTest, AReportThatIsNotAmongTheUnheardEventsIsNotWaitedFor) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Disconnect();
  const auto attempts = FinishInTheLostLife(offer);
  EXPECT_EQ(StateOf(job_id), "rolling");
  agent::v1::Event other;  // Of an attempt that the store does not know.
  other.set_seq(agent_.last_seq);
  other.set_attempt_id("LOST");
  other.mutable_started();
  agent_.SayEvent(other);
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "REPORT_LOST");
  agent_.Disconnect();
  agent_.lowest_seq = 0;
  agent_.Connect(attempts);
  EXPECT_TRUE(agent_.connection->closed.ok());
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kInterrupted);
  EXPECT_EQ(StateOf(job_id), "paused");
}

// The copy was made between the acceptance and the grant. That it was granted says the agent; it
// must not wait among offers, from where it would be taken back and queued again.
TEST_F(RecoveryDispatchTest, WhatWasOnlyAcceptedInTheCopyAndThenFinishedIsNeverBegunAgain) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Disconnect();
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Attempt attempt, tx.GetAttempt(offer.attempt_id()));
                    attempt.state = AttemptState::kAccepted;
                    return tx.UpdateAttempt(&attempt);
                  })
                  .ok());
  const auto attempts = FinishInTheLostLife(offer);
  EXPECT_TRUE(HoldsInstance(AttemptsOf(job_id).back().state));
  agent_.Disconnect();
  EndRecovery();
  agent_.lowest_seq = 0;
  store_.AddStart(kLostEpoch, 0);
  agent_.Connect(attempts);
  Pass(absl::Seconds(10));
  EXPECT_EQ(AttemptsOf(job_id).size(), 2u) << "the plan's, and this one";
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kInterrupted);
  EXPECT_EQ(StateOf(job_id), "paused");
}

// The usual case, without any restore: the end is among the events.
TEST_F(RecoveryDispatchTest, AReportThatIsAmongTheUnheardEventsIsTaken) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Disconnect();
  const uint64_t heard = agent_.last_seq;
  agent_.last_seq += 2;
  agent_.lowest_seq = heard + 1;
  agent_.Connect({Reported(offer.attempt_id(), offer.task_id(), offer.fence(),
                           agent::v1::ATTEMPT_PHASE_FINISHED)});
  agent_.last_seq = heard;
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_TRUE(agent_.connection->closed.ok());
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

}  // namespace
}  // namespace dbfleet::controller
