#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/logs/segment.h"

namespace dbfleet::controller {

// Adds frames to one job's segment files. Knows the hashes of the last two segments' frames and so
// skips a frame that is there already. A tail that a crash tore is left alone: writing goes on in a
// new segment. Not thread-safe.
class JobLog {
 public:
  struct Limits {
    int64_t segment_bytes;
    int64_t max_bytes;  // Beyond, the oldest segments are removed.
  };
  static absl::StatusOr<std::unique_ptr<JobLog>> Open(const std::string& folder, Limits limits);
  ~JobLog();
  JobLog(const JobLog&) = delete;
  JobLog& operator=(const JobLog&) = delete;

  // Durable only after Sync. After an error of either, what was added since the last Sync is gone,
  // and the object must not be used any more: open another.
  absl::Status Append(const Frame& frame);
  absl::Status Sync();

  uint64_t last_use = 0;  // For whoever keeps several of these.

 private:
  struct Segment {
    uint64_t number = 0;
    int64_t bytes = 0;
  };

  JobLog(std::string folder, Limits limits);

  absl::Status Load();
  absl::Status LoadSegment(uint64_t number);
  absl::Status StartSegment(uint64_t number);
  absl::Status Roll();
  absl::Status RemoveOldest();
  absl::Status Write(absl::string_view bytes);
  absl::Status Fail(absl::Status status);
  std::string path() const { return SegmentPath(folder_, segments_.back().number); }

  const std::string folder_;
  const Limits limits_;
  int fd_ = -1;               // Of the last segment; -1: begin a new one first.
  int64_t synced_bytes_ = 0;  // Of the last segment.
  uint64_t next_line_ = 0;
  std::deque<Segment> segments_;                   // Ascending.
  std::unordered_set<std::string> former_hashes_;  // Of the segment before the last one.
  std::unordered_set<std::string> hashes_;         // Of the last one.
};

}  // namespace dbfleet::controller
