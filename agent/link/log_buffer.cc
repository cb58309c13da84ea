#include "agent/link/log_buffer.h"

#include <utility>

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxBatchBytes = 128 << 10;
constexpr int kMaxBatchLines = 500;
constexpr size_t kWindow = 8;
// What a line costs beside its text.
constexpr size_t kLineOverhead = 128;
// Attempts whose gaps are remembered; a flood of attempts must not grow this without end.
constexpr size_t kMaxGaps = 1024;

}  // namespace

LogBuffer::LogBuffer(size_t max_bytes, uint64_t first_batch_seq)
    : max_bytes_(max_bytes), next_seq_(first_batch_seq) {}

void LogBuffer::Push(v1::LogLine line) {
  const size_t bytes = line.ByteSizeLong() + kLineOverhead;
  MutexLock lock(&mutex_);
  if (bytes_ + bytes > max_bytes_) {
    ++dropped_total_;
    if (dropped_.size() < kMaxGaps || dropped_.count(line.attempt_id()) > 0) {
      ++dropped_[line.attempt_id()];
    }
    return;
  }
  if (const auto gap = dropped_.find(line.attempt_id()); gap != dropped_.end()) {
    line.set_dropped_before(gap->second);
    dropped_.erase(gap);
  }
  bytes_ += bytes;
  lines_.push_back({std::move(line), bytes});
}

bool LogBuffer::FillBatch() {
  if (lines_.empty()) return false;
  Batch& batch = unacknowledged_.emplace_back();
  batch.message.set_batch_seq(next_seq_++);
  while (!lines_.empty() && batch.message.lines_size() < kMaxBatchLines &&
         (batch.bytes == 0 || batch.bytes + lines_.front().bytes <= kMaxBatchBytes)) {
    batch.bytes += lines_.front().bytes;
    *batch.message.add_lines() = std::move(lines_.front().line);
    lines_.pop_front();
  }
  return true;
}

std::optional<v1::LogBatch> LogBuffer::NextBatch() {
  MutexLock lock(&mutex_);
  if (next_unsent_ >= kWindow) return std::nullopt;
  if (next_unsent_ == unacknowledged_.size() && !FillBatch()) return std::nullopt;
  return unacknowledged_[next_unsent_++].message;
}

void LogBuffer::Acknowledge(uint64_t batch_seq) {
  MutexLock lock(&mutex_);
  while (next_unsent_ > 0 && unacknowledged_.front().message.batch_seq() <= batch_seq) {
    bytes_ -= unacknowledged_.front().bytes;
    unacknowledged_.pop_front();
    --next_unsent_;
  }
}

void LogBuffer::Rewind() {
  MutexLock lock(&mutex_);
  next_unsent_ = 0;
}

bool LogBuffer::empty() {
  MutexLock lock(&mutex_);
  return lines_.empty() && unacknowledged_.empty();
}

uint64_t LogBuffer::dropped() {
  MutexLock lock(&mutex_);
  return dropped_total_;
}

}  // namespace dbfleet::agent
