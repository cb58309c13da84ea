#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/windows/window.h"

// Whose turn it is in a maintenance window that carries work, as pure functions. In an occurrence
// the jobs that were queued for it begin in the order of their priority, as long as the time that
// each is estimated to need is left; one for which too little is left holds up nobody.
namespace dbfleet::controller {

struct QueueEntry {
  enum class State {
    kWaits,  // For something else than its turn, which nobody waits for with it.
    kReady,  // For its turn alone.
    kRuns,   // It has one of the window's places.
  };
  std::string job;
  int priority = 0;
  absl::Time create_time;
  absl::Duration needs;  // Estimated for what is left of it.
  State state = State::kWaits;
  // Of kReady: when work may no longer begin on its targets, whatever its window says.
  absl::Time closes = absl::InfiniteFuture();
};

// The higher priority; of the same the older; of those made at one time the lower id.
bool ComesBefore(const QueueEntry& one, const QueueEntry& other);

// Is what it needs over before the occurrence that ends at `end` has closed to it?
bool Fits(const QueueEntry& entry, absl::Time end, absl::Time now);

struct QueueTurn {
  enum class Kind {
    kNow,
    kTooLong,  // Too little is left of the occurrence.
    kTaken,    // Others have all places of the window.
    kBehind,   // Others that could begin now come before it.
  };
  Kind kind = Kind::kNow;
  std::vector<const QueueEntry*> others;  // Of kTaken and kBehind; in the order given.
};

// May it begin now, in the occurrence that is open until `end`? `others` are all that are in the
// queue but `mine`; the turn points into them.
QueueTurn TurnOf(const QueueEntry& mine, absl::Span<const QueueEntry> others, absl::Time end,
                 int parallel, absl::Time now);

// In which occurrence each is expected to begin, if nothing is added and each takes as long as it
// is estimated to; what waits for something else is taken to get that in time. A queue that takes
// more than `occurrences` is not foretold to its end.
struct QueueForecast {
  std::string job;
  absl::Time begin = absl::InfiniteFuture();  // Infinite: in none within the horizon.
  Span occurrence{absl::InfiniteFuture(), absl::InfiniteFuture()};
};
// `queue` in its order; of what runs nothing is foretold. `windows` of each entry are the freezes
// that select its targets; nullptr: none.
struct QueueMember {
  QueueEntry entry;
  std::vector<Window> freezes;
};
std::vector<QueueForecast> ForecastQueue(absl::Span<const QueueMember> queue,
                                         const WindowTimes& times, int parallel, absl::Time now,
                                         int occurrences = 64);

}  // namespace dbfleet::controller
