#include "common/rpc/version_faults.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/failpoint.h"
#include "common/rpc/message_faults.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::rpc {
namespace {

using agent::v1::AgentMsg;
using agent::v1::ControllerMsg;

AgentMsg SomeHello() {
  AgentMsg message;
  agent::v1::Hello& hello = *message.mutable_hello();
  hello.set_agent_id("db1");
  hello.set_version("1.0.0");
  hello.add_capabilities("backup.mysql");
  hello.set_witnessed_checkpoint("text");
  agent::v1::AttemptState& attempt = *hello.add_attempts();
  attempt.set_attempt_id("A");
  attempt.set_task_id("T");
  hello.mutable_agent_time()->set_seconds(7);
  return message;
}

// As it arrives.
template <typename Message>
Message Sent(const Message& message) {
  Message arrived;
  EXPECT_TRUE(arrived.ParseFromString(message.SerializeAsString()));
  return arrived;
}

TEST(VersionFaultsTest, ANewerOneSaysAllThatWeKnowAndMoreInEveryMessageOfOurs) {
  AgentMsg message;
  message.mutable_event()->set_seq(3);
  message.mutable_event()->mutable_event_time()->set_seconds(5);
  message.mutable_event()->mutable_finished()->mutable_result()->mutable_plan()->add_forward();
  const std::string before = message.SerializeAsString();
  MakeNewer(&message);
  AgentMsg arrived = Sent(message);
  const auto unknown = [](const google::protobuf::Message& part) {
    return part.GetReflection()->GetUnknownFields(part).field_count();
  };
  EXPECT_GT(unknown(arrived), 0);
  EXPECT_GT(unknown(arrived.event()), 0);
  EXPECT_GT(unknown(arrived.event().finished().result().plan().forward(0)), 0);
  EXPECT_EQ(unknown(arrived.event().event_time()), 0) << "that one is not ours";
  arrived.DiscardUnknownFields();
  EXPECT_EQ(arrived.SerializeAsString(), before);
}

TEST(VersionFaultsTest, ANewerHelloAnnouncesWhatWeDoNotKnow) {
  AgentMsg message = SomeHello();
  MakeNewer(&message);
  const agent::v1::Hello hello = Sent(message).hello();
  EXPECT_EQ(hello.version(), "99.1.0.0");
  EXPECT_EQ(hello.capabilities_size(), 2);
  ASSERT_EQ(hello.instances_size(), 1);
  EXPECT_FALSE(work::v1::Engine_IsValid(hello.instances(0).engine()));
  EXPECT_EQ(hello.attempts(0).task_id(), "T");
}

TEST(VersionFaultsTest, AnOlderOneLacksTheLastAdditionsAndNothingElse) {
  AgentMsg message = SomeHello();
  EXPECT_TRUE(MakeOlder(&message));
  const agent::v1::Hello& hello = message.hello();
  EXPECT_TRUE(hello.witnessed_checkpoint().empty());
  EXPECT_TRUE(hello.attempts(0).task_id().empty());
  EXPECT_TRUE(hello.capabilities().empty());
  message.mutable_hello()->add_capabilities("gate-backup");
  message.mutable_hello()->add_capabilities("backup.mysql");
  EXPECT_TRUE(MakeOlder(&message));
  ASSERT_EQ(hello.capabilities_size(), 1) << "it is given changes all the same";
  EXPECT_EQ(hello.capabilities(0), "gate-backup");
  EXPECT_EQ(hello.attempts(0).attempt_id(), "A");
  EXPECT_EQ(hello.agent_id(), "db1");
}

TEST(VersionFaultsTest, AnOlderAgentDoesNotUnderstandACheckpointAndAnOlderControllerHasNone) {
  AgentMsg answer;
  answer.mutable_checkpoint_answer()->set_message("seen");
  EXPECT_TRUE(MakeOlder(&answer));
  EXPECT_EQ(answer.unimplemented().what(), "ControllerMsg.13");
  ControllerMsg push;
  push.mutable_checkpoint_push()->set_text("text");
  EXPECT_FALSE(MakeOlder(&push));
}

class VersionOrdersTest : public testing::Test {
 protected:
  ~VersionOrdersTest() override { failpoint::SetOrders("", 0).IgnoreError(); }

  void Give(const std::string& orders) {
    const absl::Status status = failpoint::SetOrders(orders, 1);
    ASSERT_TRUE(status.ok()) << status;
  }
  template <typename Message>
  std::vector<Message> Arriving(const Message& message) {
    MessageFaults<Message> faults;
    std::vector<Message> arriving;
    faults.Pass("place", message, [&](const Message& passed) { arriving.push_back(Sent(passed)); });
    return arriving;
  }
};

TEST_F(VersionOrdersTest, ANewerPeerSendsAlsoMessagesOfAnUnknownKind) {
  Give("place.version=newer");
  AgentMsg pong;
  pong.mutable_pong()->set_nonce(4);
  const std::vector<AgentMsg> arriving = Arriving(pong);
  ASSERT_EQ(arriving.size(), 2u);
  EXPECT_EQ(arriving[0].pong().nonce(), 4u);
  EXPECT_EQ(arriving[1].kind_case(), AgentMsg::KIND_NOT_SET);
  EXPECT_GT(arriving[1].ByteSizeLong(), 0u);
}

TEST_F(VersionOrdersTest, ANewerPeerBeginsItsStreamWithHelloAlone) {
  Give("place.version=newer");
  EXPECT_EQ(Arriving(SomeHello()).size(), 1u);
  ControllerMsg welcome;
  welcome.mutable_welcome();
  EXPECT_EQ(Arriving(welcome).size(), 1u);
}

TEST_F(VersionOrdersTest, AnOlderControllerPushesNoCheckpoints) {
  Give("place.version=older");
  ControllerMsg push;
  push.mutable_checkpoint_push();
  EXPECT_TRUE(Arriving(push).empty());
}

TEST_F(VersionOrdersTest, VersionsGoTogetherWithOtherFaults) {
  Give("place.version=newer;place#event=drop");
  AgentMsg event;
  event.mutable_event();
  const std::vector<AgentMsg> arriving = Arriving(event);
  ASSERT_EQ(arriving.size(), 1u);
  EXPECT_EQ(arriving[0].kind_case(), AgentMsg::KIND_NOT_SET);
}

}  // namespace
}  // namespace dbfleet::rpc
