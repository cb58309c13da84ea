// DueSince against a model that walks the minutes and keeps lists: random schedules that are looked
// at at random times, with absences between.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"

#include "controller/schedules/due.h"

namespace dbfleet::controller {
namespace {

struct Model {
  // All times up to now that were not decided, in their order.
  std::vector<absl::Time> Undecided(const ScheduleTimes& times, absl::Time until) {
    for (; walked + absl::Minutes(1) <= until; walked += absl::Minutes(1)) {
      const absl::Time minute = walked + absl::Minutes(1);
      if (times.cron.Next(minute - absl::Seconds(1), times.zone) == minute) open.push_back(minute);
    }
    return open;
  }
  absl::Time walked;
  std::vector<absl::Time> open;
};

class DueModelTest : public ::testing::TestWithParam<int> {};

TEST_P(DueModelTest, DecidesWhatTheModelDecides) {
  std::mt19937 random(GetParam());
  const auto pick = [&](int n) { return static_cast<int>(random() % n); };
  static constexpr const char* kCrons[] = {"*/10 * * * *", "7 */2 * * *", "30 2 * * *",
                                           "0 9-17 * * mon-fri", "* * * * *"};
  const absl::TimeZone zone = *LoadZone(pick(2) == 0 ? "UTC" : "Europe/Berlin");
  const int cron = pick(5);
  ScheduleTimes times{*CronExpression::Parse(kCrons[cron]), zone};
  times.jitter = cron == 4 ? absl::ZeroDuration() : absl::Minutes(pick(10));
  times.missed = static_cast<MissedRuns>(pick(3));
  times.backfill_most = 1 + pick(5);
  times.start_within = absl::Hours(1 + pick(72));
  const size_t most = times.missed == MissedRuns::kSkip      ? 0
                      : times.missed == MissedRuns::kRunOnce ? 1
                                                             : times.backfill_most;
  // Three weeks around the end of summer time.
  absl::Time now = absl::FromCivil(absl::CivilSecond(2026, 10, 15), zone);
  const absl::Time end = now + absl::Hours(24 * 21);
  Model model{now, {}};
  absl::Time decided = now;
  for (int look = 0; now < end; ++look) {
    now += pick(10) == 0 ? absl::Hours(pick(100)) : absl::Seconds(1 + pick(600));
    const Due due = DueSince("u", times, decided, now);
    const std::string where = absl::StrCat("seed ", GetParam(), " look ", look);

    std::vector<absl::Time> wanted_run, missed;
    absl::Time last = decided;
    std::vector<absl::Time> later;
    for (const absl::Time nominal : model.Undecided(times, now)) {
      const absl::Time at = nominal + JitterOf("u", nominal, times.jitter);
      if (at > now || !later.empty()) {
        later.push_back(nominal);
        continue;
      }
      last = nominal;
      (now - at > kMissedAfter ? missed : wanted_run).push_back(nominal);
    }
    absl::Time skipped = absl::InfinitePast();
    size_t kept = 0;
    std::vector<absl::Time> made_up;
    for (auto it = missed.rbegin(); it != missed.rend(); ++it) {
      if (kept < most && skipped == absl::InfinitePast() && now < *it + times.start_within) {
        made_up.insert(made_up.begin(), *it);
        ++kept;
      } else {
        skipped = std::max(skipped, *it);
      }
    }
    wanted_run.insert(wanted_run.begin(), made_up.begin(), made_up.end());

    std::vector<absl::Time> run;
    for (const DueTime& time : due.run) {
      run.push_back(time.nominal);
      if (!time.missed) {
        EXPECT_EQ(time.due, time.nominal + JitterOf("u", time.nominal, times.jitter)) << where;
        EXPECT_LE(time.due, now) << where;
        continue;
      }
      EXPECT_GE(time.due, now) << where;
      EXPECT_LE(time.due, now + std::max(times.jitter, kCatchUpSpread)) << where;
      EXPECT_LE(time.due, time.nominal + times.start_within) << where;
    }
    ASSERT_EQ(run, wanted_run) << where;
    ASSERT_EQ(due.skipped, skipped) << where;
    ASSERT_EQ(due.looked_until, last) << where;
    ASSERT_GT(due.next, now) << where;
    decided = due.looked_until;
    model.open = later;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DueModelTest, ::testing::Range(0, 60));

}  // namespace
}  // namespace dbfleet::controller
