#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/cron/cron_expression.h"

// When schedules (requirement P6) make jobs: pure values and functions, no clock, no store.
namespace dbfleet::controller {

// What becomes of occurrences whose time passed while no controller ran or the schedule could not
// be looked at.
enum class MissedRuns {
  kSkip,      // None of them runs.
  kRunOnce,   // The latest of them runs.
  kBackfill,  // The latest `backfill_most` of them run, in their order.
};

// What an occurrence does when a job of the same schedule has not ended.
enum class Overlap { kSkip, kQueueOne, kAllow, kCancelRunning };

struct ScheduleTimes {
  CronExpression cron;
  absl::TimeZone zone;
  // Each occurrence starts up to so much later than its time, by a fixed choice: see JitterOf.
  absl::Duration jitter;
  MissedRuns missed = MissedRuns::kSkip;
  int backfill_most = 1;
};

inline constexpr absl::Duration kMostJitter = absl::Hours(24);
inline constexpr int kMostBackfill = 100;
// An occurrence that starts so much later than it was due is a missed one.
inline constexpr absl::Duration kMissedAfter = absl::Minutes(5);
// Missed occurrences that are older than this are counted and never run.
inline constexpr absl::Duration kOldestMissed = absl::Hours(24 * 31);

// INVALID_ARGUMENT (BAD_SCHEDULE): jitter or backfill_most outside of the limits, a jitter longer
// than the time between two runs.
absl::Status CheckTimes(const ScheduleTimes& times);

// One occurrence. (schedule, nominal) is its identity: the store keeps it unique, so that neither a
// restart nor a second controller nor a change of the clock makes two jobs of it.
struct Occurrence {
  absl::Time nominal;  // What the cron expression says.
  absl::Time due;      // With jitter.
  bool missed = false;
};

// From 0 to below `jitter`, in whole seconds, the same for the same schedule and time on every
// controller: the first eight bytes of SHA-256 over "schedule\n" and the time in Unix seconds.
absl::Duration JitterOf(absl::string_view schedule, absl::Time nominal, absl::Duration jitter);

struct Due {
  std::vector<Occurrence> run;  // In the order of their times.
  // Everything up to and including this has been decided; give it as `after` the next time.
  absl::Time looked_until;
  int64_t skipped = 0;  // Missed ones that do not run.
  // When to look again: the time at which the next occurrence is due.
  absl::Time next;
};

// What has become due since `after` (exclusive: the nominal time of the last occurrence that was
// decided, or the moment from which the schedule is active). Occurrences whose jitter has not
// passed stay undecided, and everything behind them, so that they are decided in order of their
// times. Time grows with the number of occurrences in (after, now], of which at most those of the
// last kOldestMissed are looked at.
Due DueSince(absl::string_view schedule, const ScheduleTimes& times, absl::Time after,
             absl::Time now);

}  // namespace dbfleet::controller
