#include "controller/schedules/due.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/duration_text.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

// How many of the missed ones run: the latest.
size_t MostMissed(const ScheduleTimes& times) {
  switch (times.missed) {
    case MissedRuns::kSkip:
      return 0;
    case MissedRuns::kRunOnce:
      return 1;
    case MissedRuns::kBackfill:
      return static_cast<size_t>(std::clamp(times.backfill_most, 1, kMostBackfill));
  }
  return 0;
}

// The shortest time between two occurrences, as far as some hundreds of them show.
absl::Duration ShortestInterval(const ScheduleTimes& times) {
  constexpr int kLookedAt = 500;
  absl::Time previous =
      times.cron.Next(absl::FromCivil(absl::CivilYear(2024), times.zone), times.zone);
  absl::Duration shortest = absl::InfiniteDuration();
  for (int i = 0; i < kLookedAt; ++i) {
    const absl::Time next = times.cron.Next(previous, times.zone);
    if (next == absl::InfiniteFuture()) break;
    shortest = std::min(shortest, next - previous);
    previous = next;
  }
  return shortest;
}

// Are there more than `most` occurrences in (from, until]?
bool MoreThan(const ScheduleTimes& times, size_t most, absl::Time from, absl::Time until) {
  size_t found = 0;
  for (absl::Time t = times.cron.Next(from, times.zone); t <= until;
       t = times.cron.Next(t, times.zone)) {
    if (++found > most) return true;
  }
  return false;
}

// As late as possible behind `after`, so that whatever may run of the missed ones lies behind it,
// and one that does not, if there is any.
absl::Time LatestStart(const ScheduleTimes& times, absl::Time after, absl::Time now) {
  const absl::Time missed_until = now - kMissedAfter - times.jitter;
  const size_t most = MostMissed(times);
  for (absl::Duration stretch = absl::Hours(1); missed_until - stretch > after; stretch *= 4) {
    if (MoreThan(times, most, missed_until - stretch, missed_until)) return missed_until - stretch;
  }
  return after;
}

absl::Status Bad(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_SCHEDULE",
               absl::StrCat("bad schedule: ", what));
}

}  // namespace

absl::Status CheckTimes(const ScheduleTimes& times) {
  if (times.jitter < absl::ZeroDuration() || times.jitter > kMostJitter) {
    return Bad(absl::StrCat("a jitter from 0s to ", DurationText(kMostJitter), " is possible, not ",
                            DurationText(times.jitter)));
  }
  if (times.jitter > absl::ZeroDuration() && times.jitter > ShortestInterval(times)) {
    return Bad(absl::StrCat("a jitter of ", DurationText(times.jitter), " is longer than the ",
                            DurationText(ShortestInterval(times)),
                            " between its runs, which would come out of order"));
  }
  if (times.start_within < absl::Minutes(1) || times.start_within > kOldestMissed) {
    return Bad(absl::StrCat("start_within from 1m to 31d is possible, not ",
                            DurationText(times.start_within)));
  }
  if (times.missed == MissedRuns::kBackfill &&
      (times.backfill_most < 1 || times.backfill_most > kMostBackfill)) {
    return Bad(absl::StrCat("from 1 to ", kMostBackfill, " missed runs can be made up for, not ",
                            times.backfill_most));
  }
  return absl::OkStatus();
}

absl::Duration JitterOf(absl::string_view uid, absl::Time nominal, absl::Duration jitter) {
  const int64_t seconds = absl::ToInt64Seconds(jitter);
  if (seconds <= 0) return absl::ZeroDuration();
  const std::string hash = Sha256(absl::StrCat(uid, "\n", absl::ToUnixSeconds(nominal)));
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof(number); ++i) {
    number = number << 8U | static_cast<unsigned char>(hash[i]);
  }
  return absl::Seconds(static_cast<int64_t>(number % static_cast<uint64_t>(seconds)));
}

Due DueSince(absl::string_view uid, const ScheduleTimes& times, absl::Time after, absl::Time now) {
  Due due;
  due.looked_until = after;
  std::vector<DueTime> missed;
  for (absl::Time nominal = times.cron.Next(LatestStart(times, after, now), times.zone);;
       nominal = times.cron.Next(nominal, times.zone)) {
    DueTime time;
    time.nominal = nominal;
    time.due = nominal + JitterOf(uid, nominal, times.jitter);
    if (time.due > now) {
      due.next = time.due;
      break;
    }
    due.looked_until = nominal;
    time.missed = now - time.due > kMissedAfter;
    if (time.missed) {
      missed.push_back(time);
    } else {
      due.run.push_back(time);
    }
  }
  size_t kept = 0;
  std::vector<absl::Duration> delays;
  for (size_t most = MostMissed(times); kept < std::min(most, missed.size()); ++kept) {
    const DueTime& time = missed[missed.size() - 1 - kept];
    if (time.nominal + times.start_within <= now) break;
    delays.push_back(JitterOf(uid, time.nominal, std::max(times.jitter, kCatchUpSpread)));
  }
  // The choice is as good for any of them: the oldest takes the earliest, so that they begin in the
  // order of their times.
  std::sort(delays.begin(), delays.end());
  for (size_t i = 0; i < kept; ++i) {
    DueTime& time = missed[missed.size() - kept + i];
    time.due = std::min(now + delays[i], time.nominal + times.start_within);
  }
  if (kept < missed.size()) due.skipped = missed[missed.size() - 1 - kept].nominal;
  due.run.insert(due.run.begin(), missed.end() - static_cast<ptrdiff_t>(kept), missed.end());
  return due;
}

std::vector<DueTime> NextTimes(absl::string_view uid, const ScheduleTimes& times, absl::Time after,
                               size_t count) {
  std::vector<DueTime> next;
  for (absl::Time nominal = times.cron.Next(after, times.zone);
       next.size() < count && nominal != absl::InfiniteFuture();
       nominal = times.cron.Next(nominal, times.zone)) {
    next.push_back({nominal, nominal + JitterOf(uid, nominal, times.jitter), false});
  }
  return next;
}

absl::Time LookFrom(absl::Time decided_until, absl::Time pruned_until, absl::Time now) {
  const bool set_back = decided_until - now > kClockTolerance;
  return std::max(set_back ? now : decided_until, pruned_until);
}

std::string OccurrenceId(absl::string_view uid, absl::Time nominal) {
  return absl::StrFormat("%s-%012d", uid, absl::ToUnixSeconds(nominal));
}

}  // namespace dbfleet::controller
