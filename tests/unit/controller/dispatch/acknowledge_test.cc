// When an agent's events are acknowledged.
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

class AcknowledgeTest : public FleetFixture {
 protected:
  AcknowledgeTest() {
    agent_.Connect();
    Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
    offer_ = agent_.Offers().back();
    agent_.Accept(offer_);
  }

  // It arrives, but nothing of it is worked on yet.
  void Arrives(const agent::v1::Event& event) {
    agent::v1::AgentMsg message;
    *message.mutable_event() = event;
    dispatcher_.OnMessage(agent_.connection, message);
  }
  std::vector<uint64_t> Acks() const {
    std::vector<uint64_t> acks;
    for (const auto& message : agent_.Sent(agent::v1::ControllerMsg::kEventAck)) {
      acks.push_back(message.event_ack().up_to_seq());
    }
    return acks;
  }

  agent::v1::Offer offer_;
};

TEST_F(AcknowledgeTest, EventsThatComeTogetherAreAcknowledgedOnceByTheLastOfThem) {
  ASSERT_EQ(Acks(), std::vector<uint64_t>{1});
  agent::v1::Event started = agent_.NewEvent(offer_);
  started.mutable_started();
  Arrives(started);
  agent::v1::Event finished = agent_.NewEvent(offer_);
  finished.mutable_finished()->set_outcome(agent::v1::OUTCOME_SUCCEEDED);
  Arrives(finished);
  executor_.RunAll();
  EXPECT_EQ(Acks(), (std::vector<uint64_t>{1, 3}));
  EXPECT_EQ(AttemptsOf(offer_.job_id())[0].state, AttemptState::kSucceeded);
}

TEST_F(AcknowledgeTest, AnAgentThatNeverPausesHearsHowFarTheStoreIs) {
  for (int i = 0; i < 200; ++i) Arrives(agent_.NewEvent(offer_));
  executor_.RunAll();
  EXPECT_EQ(Acks(), (std::vector<uint64_t>{1, 64, 128, 192, 201}));
}

TEST_F(AcknowledgeTest, WhatAnEarlierEventLeftOutIsNotAcknowledgedByOneThatCannotBeStored) {
  agent::v1::Event started = agent_.NewEvent(offer_);
  started.mutable_started();
  Arrives(started);
  ASSERT_TRUE(executor_.Add([this] { store_.FailCommits(1, absl::UnavailableError("broken")); }));
  Arrives(agent_.NewEvent(offer_));
  executor_.RunAll();
  EXPECT_EQ(Acks(), std::vector<uint64_t>{1});
  EXPECT_EQ(ReasonOf(agent_.connection->closed), "EVENT_NOT_STORED");
  agent_.lowest_seq = 2;  // It keeps both, as neither was acknowledged.
  agent_.Connect();
  EXPECT_EQ(agent_.connection->sent[0].welcome().acked_event_seq(), 2u);
}

}  // namespace
}  // namespace dbfleet::controller
