// A controller whose store was restored from an older copy: nothing is handed out, nothing runs
// twice, and a person ends it.
#include "controller/audit/recovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

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
  bool Demanded() {
    bool demanded = false;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(demanded, InRecovery(tx));
                      return absl::OkStatus();
                    })
                    .ok());
    return demanded;
  }
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
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  Pass(absl::Seconds(3));
  EXPECT_TRUE(agent_.Offers().empty());
  EndRecovery();
  EXPECT_EQ(agent_.Offers().size(), 1u);
}

TEST_F(RecoveryDispatchTest, AnEpochThatTheStoreKnowsStopsNothing) {
  LoseALife();
  ConnectFromLostLife({}, kLostEpoch - 100);
  EXPECT_FALSE(Demanded());
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

}  // namespace
}  // namespace dbfleet::controller
