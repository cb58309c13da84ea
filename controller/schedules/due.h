#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/cron/cron_expression.h"

// When schedules (requirement P6) run: pure values and functions, no clock, no store.
namespace dbfleet::controller {

// What becomes of occurrences whose time passed while no controller ran or the schedule could not
// be looked at.
enum class MissedRuns {
  kSkip,      // None of them runs.
  kRunOnce,   // The latest of them runs.
  kBackfill,  // The latest `backfill_most` of them run, in their order.
};

inline constexpr absl::Duration kMostJitter = absl::Hours(24);
inline constexpr int kMostBackfill = 100;
// An occurrence that was found so much later than it was due is a missed one.
inline constexpr absl::Duration kMissedAfter = absl::Minutes(5);
// Missed occurrences that are older than this never run.
inline constexpr absl::Duration kOldestMissed = absl::Hours(24 * 31);
// Missed occurrences are spread over at least this: a fleet's schedules must not all begin in the
// moment in which a controller comes back.
inline constexpr absl::Duration kCatchUpSpread = absl::Minutes(5);
// A clock that was set back by less than this is waited for.
inline constexpr absl::Duration kClockTolerance = absl::Minutes(1);

struct ScheduleTimes {
  CronExpression cron;
  absl::TimeZone zone;
  // Each occurrence begins up to so much later than its time, by a fixed choice: see JitterOf.
  absl::Duration jitter;
  MissedRuns missed = MissedRuns::kSkip;
  int backfill_most = 1;
  // What could not begin so long after its time does not run any more.
  absl::Duration start_within = kOldestMissed;
};

// INVALID_ARGUMENT (BAD_SCHEDULE): jitter, start_within or backfill_most outside of the limits, a
// jitter longer than the time between two runs.
absl::Status CheckTimes(const ScheduleTimes& times);

// One occurrence. (the schedule's uid, nominal) is its identity: the store keeps it unique.
struct DueTime {
  absl::Time nominal;  // What the cron expression says.
  // When it may begin: with jitter; of a missed one, spread over the time that comes now.
  absl::Time due;
  bool missed = false;
};

// From 0 to below `jitter`, in whole seconds, the same for the same schedule and time on every
// controller: the first eight bytes of SHA-256 over "uid\n" and the time in Unix seconds.
absl::Duration JitterOf(absl::string_view uid, absl::Time nominal, absl::Duration jitter);

struct Due {
  std::vector<DueTime> run;  // In the order of their times.
  // Everything up to and including this has been decided; give it as `after` the next time.
  absl::Time looked_until;
  // Missed ones that do not run: the latest, InfinitePast if there is none. How many there were
  // before it is not counted: after a long absence that would take longer than it is worth.
  absl::Time skipped = absl::InfinitePast();
  // When to look again: the time at which the next occurrence is due.
  absl::Time next;
};

// What has become due since `after` (exclusive: the nominal time of the last occurrence that was
// decided, or the moment from which the schedule is active). Occurrences whose jitter has not
// passed stay undecided, and everything behind them, so that they are decided in order of their
// times. The time it takes does not grow with the length of an absence.
Due DueSince(absl::string_view uid, const ScheduleTimes& times, absl::Time after, absl::Time now);

// The first `count` times after `after`, missed or not, with their jitter.
std::vector<DueTime> NextTimes(absl::string_view uid, const ScheduleTimes& times, absl::Time after,
                               size_t count);

// From where to look on, given how far occurrences were decided and how far they are no longer
// stored. After the clock was set back, that is the present: what then comes for the second time is
// known by its identity, and what the clock had jumped over is not lost.
absl::Time LookFrom(absl::Time decided_until, absl::Time pruned_until, absl::Time now);

// "UID-001800000000": sorts by schedule and time.
std::string OccurrenceId(absl::string_view uid, absl::Time nominal);

}  // namespace dbfleet::controller
