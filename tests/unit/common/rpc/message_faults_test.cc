#include "common/rpc/message_faults.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::rpc {
namespace {

using agent::v1::AgentMsg;

class MessageFaultsTest : public testing::Test {
 protected:
  ~MessageFaultsTest() override { failpoint::SetOrders("", 0).IgnoreError(); }

  void Give(const std::string& orders) {
    const absl::Status status = failpoint::SetOrders(orders, 1);
    ASSERT_TRUE(status.ok()) << status;
  }

  // What arrives when the events 1 to `count` are sent.
  std::vector<uint64_t> Arriving(int count) {
    std::vector<uint64_t> arriving;
    for (int seq = 1; seq <= count; ++seq) {
      AgentMsg message;
      message.mutable_event()->set_seq(seq);
      faults_.Pass("place", message,
                   [&](const AgentMsg& passed) { arriving.push_back(passed.event().seq()); });
    }
    return arriving;
  }

  MessageFaults<AgentMsg> faults_;
};

TEST_F(MessageFaultsTest, WithoutOrdersEverythingPasses) {
  EXPECT_EQ(Arriving(3), (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(MessageFaultsTest, ADroppedOneIsMissing) {
  Give("place#event=drop@2");
  EXPECT_EQ(Arriving(3), (std::vector<uint64_t>{1, 3}));
}

TEST_F(MessageFaultsTest, ADuplicateComesTwice) {
  Give("place#event=duplicate@2");
  EXPECT_EQ(Arriving(3), (std::vector<uint64_t>{1, 2, 2, 3}));
}

TEST_F(MessageFaultsTest, ASwappedOneComesAfterItsSuccessor) {
  Give("place#event=swap@2");
  EXPECT_EQ(Arriving(4), (std::vector<uint64_t>{1, 3, 2, 4}));
}

TEST_F(MessageFaultsTest, OtherKindsAreLeftAlone) {
  Give("place#ping=drop");
  EXPECT_EQ(Arriving(2), (std::vector<uint64_t>{1, 2}));
}

}  // namespace
}  // namespace dbfleet::rpc
