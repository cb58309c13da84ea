#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "common/concurrency/mutex.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// Job log lines on their way to the controller, in bounded memory. When it is full, lines are
// dropped, and the next line of the same attempt says how many. Batches stay here until they are
// acknowledged, and keep their numbers when they are sent again. Thread-safe; never blocks.
class LogBuffer {
 public:
  // Batch numbers grow from `first_batch_seq`, which must be above those of earlier lives.
  LogBuffer(size_t max_bytes, uint64_t first_batch_seq);

  void Push(v1::LogLine line);

  // The next batch for the stream; nullopt if there is none, or enough are unacknowledged.
  std::optional<v1::LogBatch> NextBatch();
  // This batch and those before it are stored.
  void Acknowledge(uint64_t batch_seq);
  // A new stream: what is unacknowledged goes out again, oldest first.
  void Rewind();

  bool empty();
  uint64_t dropped();

 private:
  struct Sized {
    v1::LogLine line;
    size_t bytes = 0;
  };
  struct Batch {
    v1::LogBatch message;
    size_t bytes = 0;
  };
  bool FillBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  Mutex mutex_;
  std::deque<Sized> lines_ ABSL_GUARDED_BY(mutex_);
  std::deque<Batch> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  size_t next_unsent_ ABSL_GUARDED_BY(mutex_) = 0;  // Index into unacknowledged_.
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_seq_ ABSL_GUARDED_BY(mutex_);
  uint64_t dropped_total_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, uint64_t> dropped_ ABSL_GUARDED_BY(mutex_);  // By attempt.
};

}  // namespace dbfleet::agent
