// When an agent's events are stored and acknowledged, and what travels together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/rpc/batch.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = agent::v1::ControllerMsg::KindCase;

class AcknowledgeTest : public FleetFixture {
 protected:
  AcknowledgeTest() {
    agent_.Connect();
    Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
    offer_ = agent_.Offers().back();
  }

  // It arrives, but nothing of it is worked on yet.
  void Arrives(const agent::v1::Event& event) {
    agent::v1::AgentMsg message;
    *message.mutable_event() = event;
    dispatcher_.OnMessage(agent_.connection, message);
  }
  void ArriveTogether(const std::vector<agent::v1::Event>& events) {
    agent::v1::AgentMsg message;
    for (const agent::v1::Event& event : events) {
      *message.mutable_batch()->add_messages()->mutable_event() = event;
    }
    dispatcher_.OnMessage(agent_.connection, message);
  }
  agent::v1::Event Started() {
    agent::v1::Event event = agent_.NewEvent(offer_);
    event.mutable_started();
    return event;
  }
  agent::v1::Event Finished() {
    agent::v1::Event event = agent_.NewEvent(offer_);
    event.mutable_finished()->set_outcome(agent::v1::OUTCOME_SUCCEEDED);
    return event;
  }
  void PassTheDelay() {
    clock_.Advance(DispatchOptions().ack_delay);
    executor_.RunAll();
  }
  std::vector<uint64_t> Acks() const {
    std::vector<uint64_t> acks;
    for (const auto& message : agent_.Sent(Kind::kEventAck)) {
      acks.push_back(message.event_ack().up_to_seq());
    }
    return acks;
  }
  // The kinds of what was sent at once, last.
  std::vector<Kind> LastSent() const {
    std::vector<Kind> kinds;
    for (const auto& message : agent_.connection->writes.back())
      kinds.push_back(message.kind_case());
    return kinds;
  }
  AttemptState State() { return AttemptsOf(offer_.job_id())[0].state; }

  agent::v1::Offer offer_;
};

TEST_F(AcknowledgeTest, TheGrantTakesTheAcknowledgementOfItsAcceptanceAlong) {
  agent_.Accept(offer_);
  EXPECT_THAT(LastSent(), ElementsAre(Kind::kEventAck, Kind::kGrant));
  EXPECT_THAT(Acks(), ElementsAre(1u));
  PassTheDelay();
  EXPECT_THAT(Acks(), ElementsAre(1u));
}

TEST_F(AcknowledgeTest, TheEndIsAcknowledgedTogetherWithTheLeaveToForgetIt) {
  agent_.Accept(offer_);
  Arrives(Started());
  Arrives(Finished());
  executor_.RunAll();
  EXPECT_THAT(Acks(), ElementsAre(1u)) << "it waits for company";
  PassTheDelay();
  EXPECT_THAT(Acks(), ElementsAre(1u, 3u)) << "but no longer than the delay";
  EXPECT_THAT(LastSent(), ElementsAre(Kind::kEventAck, Kind::kForget));
  EXPECT_EQ(State(), AttemptState::kSucceeded);
}

TEST_F(AcknowledgeTest, TheNextOfferTakesAlongWhatWaits) {
  agent_.Accept(offer_);
  ArriveTogether({Started(), Finished()});
  executor_.RunAll();
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  EXPECT_THAT(LastSent(), ElementsAre(Kind::kEventAck, Kind::kForget, Kind::kOffer));
  const size_t writes = agent_.connection->writes.size();
  PassTheDelay();
  EXPECT_EQ(agent_.connection->writes.size(), writes) << "nothing is said twice";
}

TEST_F(AcknowledgeTest, NothingIsAcknowledgedBeforeItsCommit) {
  agent_.Accept(offer_);
  store_.FailCommits(1, absl::UnavailableError("broken"));
  Arrives(Started());
  executor_.RunAll();
  PassTheDelay();
  EXPECT_THAT(Acks(), ElementsAre(1u));
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "EVENT_NOT_STORED");
}

TEST_F(AcknowledgeTest, AnAgentThatNeverPausesHearsHowFarTheStoreIs) {
  agent_.Accept(offer_);
  for (int i = 0; i < 200; ++i) Arrives(agent_.NewEvent(offer_));
  executor_.RunAll();
  EXPECT_THAT(Acks(), ElementsAre(1u, 65u, 129u, 193u));
  PassTheDelay();
  EXPECT_THAT(Acks(), ElementsAre(1u, 65u, 129u, 193u, 201u));
}

TEST_F(AcknowledgeTest, WhatAnEarlierEventLeftOutIsNotAcknowledgedByOneThatCannotBeStored) {
  agent_.Accept(offer_);
  Arrives(Started());
  ASSERT_TRUE(executor_.Add([this] { store_.FailCommits(1, absl::UnavailableError("broken")); }));
  Arrives(agent_.NewEvent(offer_));
  executor_.RunAll();
  EXPECT_THAT(Acks(), ElementsAre(1u));
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "EVENT_NOT_STORED");
  agent_.lowest_seq = 2;  // It keeps both, as neither was acknowledged.
  agent_.Connect();
  EXPECT_EQ(agent_.connection->sent[0].welcome().acked_event_seq(), 2u);
}

TEST_F(AcknowledgeTest, WhatAStreamWasOwedTheNextOnesWelcomeSays) {
  agent_.Accept(offer_);
  ArriveTogether({Started(), Finished()});
  executor_.RunAll();
  const auto former = agent_.connection;
  const size_t writes = former->writes.size();
  agent_.lowest_seq = 2;
  agent::v1::AttemptState held;
  held.set_attempt_id(offer_.attempt_id());
  held.set_fence(offer_.fence());
  held.set_phase(agent::v1::ATTEMPT_PHASE_FINISHED);
  agent_.Connect({held});
  EXPECT_EQ(agent_.connection->sent[0].welcome().acked_event_seq(), 3u);
  EXPECT_EQ(agent_.Sent(Kind::kForget).size(), 1u);
  agent_.Disconnect();
  dispatcher_.OnClosed(former);
  PassTheDelay();
  EXPECT_LE(former->writes.size(), writes + 1);
}

TEST_F(AcknowledgeTest, EventsThatComeTogetherAreOneChangeOfTheStore) {
  agent_.Accept(offer_);
  const int before = store_.commits();
  ArriveTogether({Started(), Finished()});
  executor_.RunAll();
  EXPECT_EQ(store_.commits(), before + 1);
  EXPECT_EQ(State(), AttemptState::kSucceeded);
  EXPECT_TRUE(Audited("attempt.start"));
  EXPECT_TRUE(Audited("attempt.end"));
}

TEST_F(AcknowledgeTest, EventsThatCannotBeStoredTogetherAreStoredOneByOne) {
  agent_.Accept(offer_);
  store_.FailCommits(1, absl::UnavailableError("broken"));
  ArriveTogether({Started(), Finished()});
  Arrives(agent_.NewEvent(offer_));
  executor_.RunAll();
  PassTheDelay();
  EXPECT_EQ(State(), AttemptState::kSucceeded);
  EXPECT_EQ(Acks().back(), agent_.connection->closed.ok() ? 4u : 3u);
}

TEST_F(AcknowledgeTest, OfEventsThatComeTogetherNoneIsStoredBehindAGap) {
  agent_.Accept(offer_);
  const agent::v1::Event started = Started();
  const agent::v1::Event lost = agent_.NewEvent(offer_);
  const agent::v1::Event finished = Finished();
  ArriveTogether({started, finished});
  executor_.RunAll();
  EXPECT_EQ(State(), AttemptState::kRunning);
  ASSERT_EQ(agent_.Sent(Kind::kResend).size(), 1u);
  EXPECT_EQ(agent_.Sent(Kind::kResend)[0].resend().from_seq(), lost.seq());
  ArriveTogether({started, lost, finished});
  executor_.RunAll();
  PassTheDelay();
  EXPECT_EQ(State(), AttemptState::kSucceeded);
  EXPECT_EQ(Acks().back(), finished.seq());
}

TEST_F(AcknowledgeTest, AnAcceptanceIsGrantedAlsoWhenItComesWithOtherEvents) {
  agent::v1::Event accepted = agent_.NewEvent(offer_);
  accepted.mutable_accepted();
  ArriveTogether({accepted, agent_.NewEvent(offer_)});
  executor_.RunAll();
  EXPECT_EQ(agent_.Grants(), 1);
}

TEST_F(AcknowledgeTest, OtherMessagesOfABatchAreHeardInTheirPlaces) {
  agent_.Accept(offer_);
  agent::v1::AgentMsg message;
  *message.mutable_batch()->add_messages()->mutable_event() = Started();
  message.mutable_batch()->add_messages()->mutable_ping()->set_nonce(7);
  *message.mutable_batch()->add_messages()->mutable_event() = Finished();
  message.mutable_batch()->add_messages()->mutable_batch()->add_messages()->mutable_ping();
  message.mutable_batch()->add_messages()->mutable_hello()->set_agent_id("db9");
  agent_.Say(message);
  ASSERT_EQ(agent_.Sent(Kind::kPong).size(), 1u);
  EXPECT_EQ(agent_.Sent(Kind::kPong)[0].pong().nonce(), 7u);
  EXPECT_EQ(State(), AttemptState::kSucceeded);
  EXPECT_TRUE(agent_.connection->closed.ok());
}

TEST_F(AcknowledgeTest, ABatchOfMoreThanAnAgentMaySendEndsTheStreamAndStoresNothing) {
  agent_.Accept(offer_);
  const int before = store_.commits();
  std::vector<agent::v1::Event> events;
  while (events.size() <= rpc::kMaxBatchMessages) events.push_back(agent_.NewEvent(offer_));
  ArriveTogether(events);
  executor_.RunAll();
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "BATCH_TOO_LARGE");
  EXPECT_EQ(store_.commits(), before);
  events.pop_back();
  agent_.lowest_seq = 2;
  agent_.Connect();
  ArriveTogether(events);
  executor_.RunAll();
  EXPECT_TRUE(agent_.connection->closed.ok()) << agent_.connection->closed;
}

// The store refuses no event, so what waits there of one agent is bounded by reading on from it.
TEST_F(AcknowledgeTest, AnAgentIsReadNoFasterThanItsEventsAreStored) {
  agent_.Accept(offer_);
  const int before = agent_.connection->taken;
  for (int i = 0; i < 4; ++i) {
    std::vector<agent::v1::Event> events;
    while (events.size() < rpc::kMaxBatchMessages) events.push_back(agent_.NewEvent(offer_));
    ArriveTogether(events);
  }
  int waiting = 0;
  ASSERT_TRUE(executor_.Add([&] { waiting = agent_.connection->taken; }));
  executor_.RunAll();
  EXPECT_EQ(waiting, before + 3) << "the fourth filled the room, the store has answered nothing";
  EXPECT_EQ(agent_.connection->taken, before + 4);
  store_.FailCommits(1000, absl::UnavailableError("broken"));
  ArriveTogether({Started(), Finished()});
  executor_.RunAll();
  EXPECT_EQ(agent_.connection->taken, before + 5);
}

TEST_F(AcknowledgeTest, BatchesGoOnlyToAnAgentThatTakesThem) {
  EXPECT_FALSE(agent_.connection->batches);
  ASSERT_THAT(agent_.connection->sent[0].welcome().features(), ElementsAre("batch"));
  agent_.features = {"future", "batch"};
  agent_.Connect();
  EXPECT_TRUE(agent_.connection->batches);
  EXPECT_EQ(agent_.connection->sent_before_batches, 1u) << "the Welcome goes alone";
}

TEST_F(AcknowledgeTest, ABatchBeforeTheHelloEndsTheStream) {
  agent_.connection = std::make_shared<ScriptedAgent::Connection>("db1");
  dispatcher_.OnOpened(agent_.connection);
  ArriveTogether({Started()});
  executor_.RunAll();
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "HELLO_EXPECTED");
}

}  // namespace
}  // namespace dbfleet::controller
