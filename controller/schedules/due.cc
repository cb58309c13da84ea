#include "controller/schedules/due.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"

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
      return static_cast<size_t>(times.backfill_most);
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

}  // namespace

absl::Status CheckTimes(const ScheduleTimes& times) {
  if (times.jitter < absl::ZeroDuration() || times.jitter > kMostJitter) {
    return Error(
        absl::StatusCode::kInvalidArgument, "BAD_SCHEDULE",
        absl::StrCat("bad schedule: a jitter from 0 to ", absl::FormatDuration(kMostJitter),
                     " is possible, not ", absl::FormatDuration(times.jitter)));
  }
  if (times.jitter > absl::ZeroDuration() && times.jitter > ShortestInterval(times)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_SCHEDULE",
                 absl::StrCat("bad schedule: a jitter of ", absl::FormatDuration(times.jitter),
                              " is longer than the ", absl::FormatDuration(ShortestInterval(times)),
                              " between its runs, which would come out of order"));
  }
  if (times.missed == MissedRuns::kBackfill &&
      (times.backfill_most < 1 || times.backfill_most > kMostBackfill)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_SCHEDULE",
                 absl::StrCat("bad schedule: from 1 to ", kMostBackfill,
                              " missed runs can be made up for, not ", times.backfill_most));
  }
  return absl::OkStatus();
}

absl::Duration JitterOf(absl::string_view schedule, absl::Time nominal, absl::Duration jitter) {
  const int64_t seconds = absl::ToInt64Seconds(jitter);
  if (seconds <= 0) return absl::ZeroDuration();
  const std::string hash = Sha256(absl::StrCat(schedule, "\n", absl::ToUnixSeconds(nominal)));
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof(number); ++i) {
    number = number << 8U | static_cast<unsigned char>(hash[i]);
  }
  return absl::Seconds(static_cast<int64_t>(number % static_cast<uint64_t>(seconds)));
}

Due DueSince(absl::string_view schedule, const ScheduleTimes& times, absl::Time after,
             absl::Time now) {
  Due due;
  due.looked_until = std::max(after, now - kOldestMissed);
  std::vector<Occurrence> missed;
  for (absl::Time nominal = times.cron.Next(due.looked_until, times.zone);;
       nominal = times.cron.Next(nominal, times.zone)) {
    Occurrence occurrence;
    occurrence.nominal = nominal;
    occurrence.due = nominal + JitterOf(schedule, nominal, times.jitter);
    if (occurrence.due > now) {
      due.next = occurrence.due;
      break;
    }
    due.looked_until = nominal;
    occurrence.missed = now - occurrence.due > kMissedAfter;
    if (occurrence.missed) {
      missed.push_back(occurrence);
    } else {
      due.run.push_back(occurrence);
    }
  }
  const size_t kept = std::min(missed.size(), MostMissed(times));
  due.skipped = static_cast<int64_t>(missed.size() - kept);
  due.run.insert(due.run.end(), missed.end() - static_cast<ptrdiff_t>(kept), missed.end());
  std::sort(due.run.begin(), due.run.end(),
            [](const Occurrence& a, const Occurrence& b) { return a.nominal < b.nominal; });
  return due;
}

}  // namespace dbfleet::controller
