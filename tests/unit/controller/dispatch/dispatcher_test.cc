#include "controller/dispatch/dispatcher.h"

#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

agent::v1::AttemptState Holding(const agent::v1::Offer& offer, agent::v1::AttemptPhase phase) {
  agent::v1::AttemptState state;
  state.set_attempt_id(offer.attempt_id());
  state.set_fence(offer.fence());
  state.set_phase(phase);
  return state;
}

using DispatcherTest = FleetFixture;

TEST_F(DispatcherTest, HelloIsAnsweredByWelcomeAndRegistersTheInstance) {
  agent_.Connect();
  ASSERT_EQ(agent_.connection->sent.size(), 1u);
  EXPECT_TRUE(agent_.connection->sent[0].has_welcome());
  EXPECT_EQ(agent_.connection->sent[0].welcome().epoch(), store_.epoch());
  EXPECT_TRUE(dispatcher_.IsConnected("db1"));
  EXPECT_TRUE(Audited("instance.register"));
}

TEST_F(DispatcherTest, AnythingBeforeHelloEndsTheStream) {
  agent_.connection = std::make_shared<ScriptedAgent::Connection>("db1");
  dispatcher_.OnOpened(agent_.connection);
  agent::v1::AgentMsg message;
  message.mutable_health();
  agent_.Say(message);
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "HELLO_EXPECTED");
}

TEST_F(DispatcherTest, AHelloInAnotherAgentsNameIsRefused) {
  agent_.connection = std::make_shared<ScriptedAgent::Connection>("db1");
  dispatcher_.OnOpened(agent_.connection);
  agent::v1::AgentMsg message;
  message.mutable_hello()->set_agent_id("db2");
  message.mutable_hello()->set_journal_id("j");
  agent_.Say(message);
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "BAD_HELLO");
}

TEST_F(DispatcherTest, ARevokedAgentIsSentAway) {
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Agent agent, tx.GetAgent("db1"));
                    agent.revoked = true;
                    return tx.UpdateAgent(&agent);
                  })
                  .ok());
  agent_.Connect();
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "AGENT_REVOKED");
  EXPECT_FALSE(dispatcher_.IsConnected("db1"));
}

TEST_F(DispatcherTest, AnInstanceOfAnotherAgentIsRejectedByName) {
  agent_.Connect();
  AddAgent("db2", "production");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.Connect();
  EXPECT_EQ(other.connection->sent[0].welcome().rejected_instances().count("orders-db"), 1u);
}

// Its host was set up anew for another environment. What an instance is trusted with hangs on its
// environment, so it does not come along; who looks at the agent is told, and what to do.
TEST_F(DispatcherTest, AnInstanceThatBelongsToAnotherEnvironmentIsSeenAsRefused) {
  agent_.Connect();
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Instance instance, tx.GetInstance("orders-db"));
                    instance.removed = true;
                    return tx.UpdateInstance(&instance);
                  })
                  .ok());
  AddAgent("db2", "qa");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.Connect();
  const auto live = dispatcher_.Find("db2");
  ASSERT_TRUE(live.has_value());
  ASSERT_EQ(live->refused->count("orders-db"), 1u);
  EXPECT_EQ(live->refused->at("orders-db"),
            "the name stands for an instance of production, with its history; name it otherwise in "
            "this agent's configuration, or enrol the agent in production");
  EXPECT_TRUE(dispatcher_.Find("db1")->refused->empty());
  const AuditEntry connected = store_.Audit().back().entry;
  EXPECT_EQ(connected.action, "agent.connect");
  EXPECT_EQ(connected.details.at("refused_instances"), "orders-db");
}

TEST_F(DispatcherTest, AMovedInstanceChangesHandsWithoutEndingAStream) {
  agent_.Connect();
  AddAgent("db2", "production");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.server_version = "15.5";
  other.Connect();  // It declares the instance as well, and is rejected.
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer running = agent_.Offers().back();
  agent_.Accept(running);
  agent_.Start(running);

  MoveInstanceTo("db2");
  EXPECT_TRUE(agent_.connection->closed.ok()) << agent_.connection->closed;
  EXPECT_TRUE(other.connection->closed.ok()) << other.connection->closed;
  EXPECT_EQ(moved_, (std::vector<std::string>{"orders-db to db2"}));
  EXPECT_TRUE(Audited("instance.update")) << "the new agent's account of it was not taken over";

  agent_.Finish(running, agent::v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(JobOf(job.id).state, JobState::kSucceeded);
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  EXPECT_EQ(agent_.Offers().size(), 1u);
  EXPECT_EQ(other.Offers().size(), 1u);
}

TEST_F(DispatcherTest, ALateWordOfAMoveDoesNotOutweighWhatIsStored) {
  agent_.Connect();
  AddAgent("db2", "production");
  for (const char* owner : {"db2", "db1"}) {
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Instance instance, tx.GetInstance("orders-db"));
                      instance.agent_id = owner;
                      return tx.UpdateInstance(&instance);
                    })
                    .ok());
  }
  dispatcher_.InstanceMoved("orders-db");  // Of the move to db2, which is not the last one.
  executor_.RunAll();
  EXPECT_EQ(moved_, (std::vector<std::string>{"orders-db to db1"}));
}

TEST_F(DispatcherTest, WhatAnAgentDeclaresIsKnownWhileItIsConnected) {
  agent_.Connect();
  AddAgent("db2", "production");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.instance_name = "else-db";
  other.Connect();
  MoveInstanceTo("db2");
  EXPECT_EQ(dispatcher_.Find("db1")->declared->count("orders-db"), 1u);
  EXPECT_EQ(dispatcher_.Find("db2")->declared->count("orders-db"), 0u);
  EXPECT_FALSE(Audited("instance.update"));
  other.Disconnect();
  EXPECT_FALSE(dispatcher_.Find("db2").has_value());
}

TEST_F(DispatcherTest, ABackupOfSomeOfRedisDatabasesIsRefused) {
  agent_.engine = work::v1::ENGINE_REDIS;
  agent_.Connect();
  const auto submit = [&](std::vector<std::string> databases) {
    return jobs_.SubmitBackup({"users/ada", ""}, "orders-db", databases, true, "").status();
  };
  const absl::Status status = submit({"0"});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), "NO_DATABASE_DUMP");
  EXPECT_TRUE(submit({}).ok());
}

TEST_F(DispatcherTest, ANewerStreamReplacesTheOlderAndItsLateCloseChangesNothing) {
  agent_.Connect();
  const auto old = agent_.connection;
  agent_.Connect();
  EXPECT_EQ(ReasonOf(old->closed), "SESSION_REPLACED");
  dispatcher_.OnClosed(old);
  executor_.RunAll();
  EXPECT_TRUE(dispatcher_.IsConnected("db1"));
}

TEST_F(DispatcherTest, TwoProcessesWithOneIdentityAreQuarantined) {
  for (int i = 0; i < 8; ++i) agent_.Connect();
  EXPECT_TRUE(Audited("agent.quarantine"));
  agent_.Connect();
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "AGENT_QUARANTINED");
}

TEST_F(DispatcherTest, ACheckGoesFromOfferToSuccess) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitCheck({"users/ada", "r1"}, "orders-db"));
  ASSERT_EQ(agent_.Offers().size(), 1u);
  const agent::v1::Offer offer = agent_.Offers()[0];
  EXPECT_GT(offer.fence(), 0u);
  EXPECT_EQ(agent_.Grants(), 0) << "nothing is granted before the agent has accepted";
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), 1);
  EXPECT_EQ(StateOf(job.id), "rolling");
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(StateOf(job.id), "succeeded");
  Pass(absl::Seconds(1));
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kForget).size(), 1u);
}

TEST_F(DispatcherTest, AnAgentThatIsHeardNeedsNoPingAndItsLeasesAreRenewedAllTheSame) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent_.Accept(agent_.Offers()[0]);
  agent::v1::AgentMsg ping;
  ping.mutable_ping()->set_nonce(1);
  for (int i = 0; i < 4; ++i) {
    Pass(absl::Seconds(14));
    agent_.Say(ping);
  }
  EXPECT_TRUE(agent_.Sent(agent::v1::ControllerMsg::kPing).empty());
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kPong).size(), 4u);
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kLeaseRenewal).size(), 3u);
  Pass(absl::Seconds(30));
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kPing).size(), 1u) << "now it is silent";
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kLeaseRenewal).size(), 5u);
  EXPECT_TRUE(agent_.connection->closed.ok());
  Pass(absl::Seconds(15));
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "AGENT_SILENT");
}

TEST_F(DispatcherTest, TheSameRequestIdMakesOneJob) {
  agent_.Connect();
  const Job first = Must(jobs_.SubmitCheck({"users/ada", "r1"}, "orders-db"));
  const Job again = Must(jobs_.SubmitCheck({"users/ada", "r1"}, "orders-db"));
  EXPECT_EQ(first.id, again.id);
  EXPECT_NE(Must(jobs_.SubmitCheck({"users/bob", "r1"}, "orders-db")).id, first.id);
}

TEST_F(DispatcherTest, AnEventIsAcknowledgedOnlyOnceAndRepetitionsChangeNothing) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer offer = agent_.Offers()[0];
  agent::v1::Event accepted = agent_.NewEvent(offer);
  accepted.mutable_accepted();
  agent_.SayEvent(accepted);
  agent_.SayEvent(accepted);
  Pass(absl::Seconds(1));
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kEventAck).size(), 1u);
  EXPECT_EQ(agent_.Grants(), 1);
}

TEST_F(DispatcherTest, AGapInTheNumbersAsksForAResend) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent_.last_seq = 4;
  agent_.Accept(agent_.Offers()[0]);
  const auto resends = agent_.Sent(agent::v1::ControllerMsg::kResend);
  ASSERT_EQ(resends.size(), 1u);
  EXPECT_EQ(resends[0].resend().from_seq(), 1u);
  EXPECT_EQ(agent_.Grants(), 0);
}

TEST_F(DispatcherTest, AnEventThatCannotBeStoredIsNotAcknowledged) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer offer = agent_.Offers()[0];
  store_.FailCommits(1, Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full"));
  agent_.Accept(offer);
  Pass(absl::Seconds(1));
  EXPECT_TRUE(agent_.Sent(agent::v1::ControllerMsg::kEventAck).empty());
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "EVENT_NOT_STORED");
}

TEST_F(DispatcherTest, AnEventOfAnotherAgentsAttemptIsRecordedAndIgnored) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer offer = agent_.Offers()[0];
  AddAgent("db2", "production");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.instance_name = "other-db";
  other.Connect();
  other.Accept(offer);
  EXPECT_TRUE(Audited("attempt.foreign_event"));
  EXPECT_EQ(agent_.Grants(), 0);
}

TEST_F(DispatcherTest, ALowerFenceIsIgnored) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent::v1::Offer offer = agent_.Offers()[0];
  offer.set_fence(offer.fence() - 1);
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), 0);
}

TEST_F(DispatcherTest, ExclusiveWorkOnOneInstanceGoesOneAfterTheOther) {
  agent_.Connect();
  const Job first = Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  ASSERT_EQ(agent_.Offers().size(), 1u);
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  ASSERT_EQ(agent_.Offers().size(), 2u) << "a check needs no exclusive instance";
  const agent::v1::Offer offer = agent_.Offers()[0];
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED);
  EXPECT_EQ(StateOf(first.id), "failed");
  ASSERT_EQ(agent_.Offers().size(), 3u);
  EXPECT_GT(agent_.Offers()[2].fence(), offer.fence()) << "fences strictly increase";
}

TEST_F(DispatcherTest, ADrainedAgentGetsNoWork) {
  agent_.Connect();
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Agent agent, tx.GetAgent("db1"));
                    agent.draining = true;
                    return tx.UpdateAgent(&agent);
                  })
                  .ok());
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  EXPECT_TRUE(agent_.Offers().empty());
}

TEST_F(DispatcherTest, AClockThatIsFarOffGetsNoGrant) {
  agent_.clock_offset = absl::Seconds(31);
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  EXPECT_TRUE(agent_.Offers().empty());
}

TEST_F(DispatcherTest, ALostGrantIsSentAgainOnReconnect) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer offer = agent_.Offers()[0];
  agent_.Accept(offer);
  agent_.Disconnect();
  agent_.Connect({Holding(offer, agent::v1::ATTEMPT_PHASE_ACCEPTED)});
  ASSERT_EQ(agent_.Grants(), 1);
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kGrant)[0].grant().epoch(), store_.epoch());
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(StateOf(job.id), "succeeded");
  EXPECT_EQ(AttemptsOf(job.id).size(), 1u);
}

TEST_F(DispatcherTest, AnOfferThatTheAgentNeverGotIsTakenBackAndMadeAnew) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent_.Disconnect();
  agent_.Connect();
  ASSERT_EQ(agent_.Offers().size(), 1u);
  const std::vector<Attempt> attempts = AttemptsOf(job.id);
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].state, AttemptState::kWithdrawn);
}

TEST_F(DispatcherTest, SilenceAfterTheGrantIsUnreachableAndNeverRetriedForAMigration) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Disconnect();
  Pass(absl::Minutes(30));
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kUnreachable);
  EXPECT_EQ(StateOf(job_id), "rolling");
  agent_.Connect({Holding(offer, agent::v1::ATTEMPT_PHASE_RUNNING)});
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kRunning);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

TEST_F(DispatcherTest, AnAgentThatForgotAGrantedMigrationLeavesItToAPerson) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Disconnect();
  agent_.journal_id = "journal-2";
  agent_.last_seq = 0;
  agent_.Connect();
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kUnreachable);
  EXPECT_TRUE(agent_.Offers().empty());
  Must(jobs_.Resolve({"users/ada", ""}, job_id, "", Resolution::kNotApplied, "looked: not there"));
  EXPECT_EQ(StateOf(job_id), "failed");
}

TEST_F(DispatcherTest, SafeWorkOfALostAgentIsTriedAgain) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer offer = agent_.Offers()[0];
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Disconnect();
  Pass(absl::Minutes(8));
  agent_.Connect({Holding(offer, agent::v1::ATTEMPT_PHASE_RUNNING)});
  const std::vector<Attempt> attempts = AttemptsOf(job.id);
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kCancel).size(), 1u)
      << "what was given up is aborted on the agent";
}

TEST_F(DispatcherTest, ALateResultOfALostAttemptIsKeptAndCounted) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Disconnect();
  Pass(absl::Minutes(2));
  Must(jobs_.Resolve({"users/ada", ""}, job_id, "", Resolution::kNotApplied, "gone"));
  agent_.Connect({Holding(offer, agent::v1::ATTEMPT_PHASE_RUNNING)});
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_TRUE(Audited("attempt.late_result"));
  EXPECT_EQ(StateOf(job_id), "failed") << "terminal states never change";
}

TEST_F(DispatcherTest, ASilentAgentIsCutOff) {
  agent_.Connect();
  Pass(absl::Seconds(46));
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "AGENT_SILENT");
}

TEST_F(DispatcherTest, LeasesOfGrantedWorkAreRenewed) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent_.Accept(agent_.Offers()[0]);
  Pass(absl::Seconds(16));
  EXPECT_FALSE(agent_.Sent(agent::v1::ControllerMsg::kLeaseRenewal).empty());
}

TEST_F(DispatcherTest, AnUnknownMessageIsAnsweredAndTheAnswerIsNot) {
  agent_.Connect();
  agent_.Say(agent::v1::AgentMsg());
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kUnimplemented).size(), 1u);
  agent::v1::AgentMsg answer;
  answer.mutable_unimplemented()->set_what("x");
  agent_.Say(answer);
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kUnimplemented).size(), 1u);
}

TEST_F(DispatcherTest, AnAgentThatLostItsJournalIsLetInAndItsSafeWorkIsDoneAgain) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent_.Accept(agent_.Offers()[0]);
  agent_.Disconnect();
  agent_.journal_id = "journal-2";
  agent_.last_seq = 0;
  agent_.Connect();
  ASSERT_TRUE(agent_.connection->closed.ok()) << agent_.connection->closed;
  EXPECT_EQ(AttemptsOf(job.id)[0].state, AttemptState::kLost);
  EXPECT_EQ(agent_.Offers().size(), 1u);
}

TEST_F(DispatcherTest, AnAttemptThatTheAgentStillHasIsReachableAgain) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Disconnect();
  Pass(absl::Minutes(3));
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kUnreachable);
  agent_.Connect({Holding(offer, agent::v1::ATTEMPT_PHASE_GRANTED)});
  EXPECT_EQ(AttemptsOf(job_id).back().state, AttemptState::kGranted);
}

TEST_F(DispatcherTest, AnAttemptThatWasGivenUpIsCancelledWhenItStartsAfterAll) {
  agent_.Connect();
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Disconnect();
  Pass(absl::Minutes(3));
  Must(jobs_.Resolve({"users/cy", ""}, job_id, "", Resolution::kNotApplied, "gone"));
  agent_.Connect({Holding(offer, agent::v1::ATTEMPT_PHASE_GRANTED)});
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kCancel).size(), 1u);
  agent_.Start(offer);
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kCancel).size(), 2u);
  EXPECT_EQ(StateOf(job_id), "failed");
}

TEST_F(DispatcherTest, AnAgentsJournalThatWasRestoredFromACopyIsRefused) {
  agent_.Connect();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent_.Accept(agent_.Offers()[0]);
  agent_.Disconnect();
  agent_.last_seq = 0;
  agent_.Connect();
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "JOURNAL_REWOUND");
}

TEST_F(DispatcherTest, AfterARestoreOfTheControllerTheAgentIsHeardAgain) {
  agent_.last_seq = 50;  // Acknowledged by a store that is no more.
  agent_.Connect();
  EXPECT_TRUE(Audited("agent.event_gap"));
  const Job job = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  agent_.Accept(agent_.Offers()[0]);
  EXPECT_EQ(StateOf(job.id), "rolling");
}

}  // namespace
}  // namespace dbfleet::controller
