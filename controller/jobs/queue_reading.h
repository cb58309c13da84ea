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

// What queues are read into, once for many jobs that wait in them, where each would read its queue
// for itself otherwise. It lasts as long as the pass over those jobs that it is made for, however
// long that takes: read anew by the clock, it would be read for each job just when that is dear.
// Others may have written since, so it gives no place away: neither a grant nor the going on of
// what is paused goes by it. Not thread-safe.
class QueueReadings {
 public:
  // That of the window; nullptr: it is to be read.
  QueueReading* Find(const std::string& window) {
    const auto found = readings_.find(window);
    return found == readings_.end() ? nullptr : &found->second;
  }
  QueueReading* Keep(const std::string& window, QueueReading reading) {
    return &(readings_[window] = std::move(reading));
  }

 private:
  std::map<std::string, QueueReading> readings_;
};

}  // namespace dbfleet::controller
