#include "common/rpc/batch.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::rpc {
namespace {

using agent::v1::AgentMsg;
using agent::v1::LogBatch;

AgentMsg Numbered(uint64_t seq, size_t bytes = 0) {
  AgentMsg message;
  message.mutable_event()->set_seq(seq);
  message.mutable_event()->set_attempt_id(std::string(bytes, 'x'));
  return message;
}

std::deque<AgentMsg> Queue(int count, size_t bytes = 0) {
  std::deque<AgentMsg> queue;
  for (int i = 1; i <= count; ++i) queue.push_back(Numbered(i, bytes));
  return queue;
}

TEST(BatchTest, WhatWaitsBecomesOneMessageInItsOrder) {
  std::deque<AgentMsg> queue = Queue(3);
  const AgentMsg taken = TakeNext(&queue, true);
  EXPECT_TRUE(queue.empty());
  ASSERT_EQ(taken.batch().messages_size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(taken.batch().messages(i).event().seq(), i + 1u);
}

TEST(BatchTest, OneThatIsAloneNeedsNoBatch) {
  std::deque<AgentMsg> queue = Queue(1);
  EXPECT_EQ(TakeNext(&queue, true).event().seq(), 1u);
  EXPECT_TRUE(queue.empty());
}

TEST(BatchTest, APeerThatDoesNotTakeThemGetsOneAfterTheOther) {
  std::deque<AgentMsg> queue = Queue(2);
  EXPECT_EQ(TakeNext(&queue, false).event().seq(), 1u);
  EXPECT_EQ(TakeNext(&queue, false).event().seq(), 2u);
}

TEST(BatchTest, ABatchHasItsLimits) {
  std::deque<AgentMsg> many = Queue(kMaxBatchMessages + 1);
  EXPECT_EQ(TakeNext(&many, true).batch().messages_size(), kMaxBatchMessages);
  EXPECT_EQ(TakeNext(&many, true).event().seq(), kMaxBatchMessages + 1u);

  std::deque<AgentMsg> large = Queue(5, kMaxBatchBytes * 2 / 5);
  const AgentMsg taken = TakeNext(&large, true);
  EXPECT_EQ(taken.batch().messages_size(), 2);
  EXPECT_LE(taken.batch().ByteSizeLong(), kMaxBatchBytes + 100);
  EXPECT_EQ(large.front().event().seq(), 3u);
}

TEST(BatchTest, WhatIsTooLargeGoesAlone) {
  std::deque<AgentMsg> queue = {Numbered(1), Numbered(2, kMaxBatchBytes), Numbered(3)};
  EXPECT_EQ(TakeNext(&queue, true).event().seq(), 1u);
  EXPECT_EQ(TakeNext(&queue, true).event().seq(), 2u);
  EXPECT_EQ(TakeNext(&queue, true).event().seq(), 3u);
}

TEST(BatchTest, MessagesWithoutBatchesAreTakenAsTheyAre) {
  std::deque<LogBatch> queue(2);
  queue[0].set_batch_seq(1);
  EXPECT_EQ(TakeNext(&queue, true).batch_seq(), 1u);
  EXPECT_EQ(queue.size(), 1u);
}

}  // namespace
}  // namespace dbfleet::rpc
