#include "agent/link/log_buffer.h"

#include "gtest/gtest.h"

namespace dbfleet::agent {
namespace {

v1::LogLine Line(const std::string& attempt, const std::string& text) {
  v1::LogLine line;
  line.set_attempt_id(attempt);
  line.set_text(text);
  return line;
}

TEST(LogBufferTest, KeepsABatchUntilItIsAcknowledged) {
  LogBuffer buffer(1 << 20, 10);
  buffer.Push(Line("a", "one"));
  buffer.Push(Line("a", "two"));
  const auto batch = buffer.NextBatch();
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->batch_seq(), 10u);
  EXPECT_EQ(batch->lines_size(), 2);
  EXPECT_FALSE(buffer.NextBatch().has_value());
  buffer.Rewind();
  EXPECT_EQ(buffer.NextBatch()->batch_seq(), 10u);
  EXPECT_FALSE(buffer.empty());
  buffer.Acknowledge(10);
  EXPECT_TRUE(buffer.empty());
}

TEST(LogBufferTest, AnAcknowledgementOfWhatWasNotSentOnThisStreamIsIgnored) {
  LogBuffer buffer(1 << 20, 1);
  buffer.Push(Line("a", "one"));
  buffer.NextBatch();
  buffer.Rewind();
  buffer.Acknowledge(1);
  EXPECT_FALSE(buffer.empty());
}

TEST(LogBufferTest, WhenFullItDropsAndMarksTheGapOfThatAttempt) {
  LogBuffer buffer(2000, 1);
  int kept = 0;
  for (int i = 0; i < 10; ++i) {
    const uint64_t before = buffer.dropped();
    buffer.Push(Line("a", std::string(300, 'x')));
    kept += buffer.dropped() == before;
  }
  EXPECT_EQ(buffer.dropped(), static_cast<uint64_t>(10 - kept));
  EXPECT_GT(buffer.dropped(), 0u);
  EXPECT_EQ(buffer.NextBatch()->lines_size(), kept);
  buffer.Acknowledge(1);
  buffer.Push(Line("b", "another attempt"));
  buffer.Push(Line("a", "after the gap"));
  buffer.Push(Line("a", "and on"));
  const auto batch = buffer.NextBatch();
  EXPECT_EQ(batch->lines(0).dropped_before(), 0u);
  EXPECT_EQ(batch->lines(1).dropped_before(), static_cast<uint64_t>(10 - kept));
  EXPECT_EQ(batch->lines(2).dropped_before(), 0u);
}

TEST(LogBufferTest, AWindowBoundsWhatIsUnderWay) {
  LogBuffer buffer(64 << 20, 1);
  for (int i = 0; i < 500 * 12; ++i) buffer.Push(Line("a", "x"));
  int batches = 0;
  while (buffer.NextBatch().has_value()) ++batches;
  EXPECT_EQ(batches, 8);
  buffer.Acknowledge(3);
  while (buffer.NextBatch().has_value()) ++batches;
  EXPECT_EQ(batches, 11);
}

}  // namespace
}  // namespace dbfleet::agent
