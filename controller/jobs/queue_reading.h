#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/store/queries.h"
#include "controller/windows/queue.h"

namespace dbfleet::controller {

// A window's queue as one transaction found it, and what was found out about its jobs since.
struct QueueReading {
  absl::Time time;
  std::vector<QueuedJob> queued;    // In the order of the queue.
  std::vector<QueueEntry> entries;  // The same, beside them.
  std::vector<bool> looked;         // Whether an entry was looked at: kWaits is an answer then.
  // When those are expected to begin that lack nothing but times, their turn and a backup, if it is
  // in the occurrence that is open or in the next one; not made yet if there is none.
  std::optional<std::map<std::string, absl::Time>> expected;
};

// What a queue is read into, once for many jobs that wait in it, where each would read it for
// itself otherwise. Others may have written since, so it decides about no grant: it is for what is
// looked at again soon, and for so long only. Not thread-safe.
class QueueReadings {
 public:
  // After so long a queue is read anew.
  static constexpr absl::Duration kLasts = absl::Seconds(1);

  // That of the window, unless it is too old; nullptr: it is to be read.
  QueueReading* Find(const std::string& window, absl::Time now) {
    const auto found = readings_.find(window);
    if (found == readings_.end()) return nullptr;
    const absl::Duration age = now - found->second.time;
    return age >= absl::ZeroDuration() && age < kLasts ? &found->second : nullptr;
  }
  QueueReading* Keep(const std::string& window, QueueReading reading) {
    return &(readings_[window] = std::move(reading));
  }

 private:
  std::map<std::string, QueueReading> readings_;
};

}  // namespace dbfleet::controller
