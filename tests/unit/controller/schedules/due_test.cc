#include "controller/schedules/due.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

const absl::TimeZone kUtc = absl::UTCTimeZone();

absl::Time At(int day, int hour, int minute = 0, int second = 0) {
  return absl::FromCivil(absl::CivilSecond(2026, 5, day, hour, minute, second), kUtc);
}

ScheduleTimes Times(absl::string_view cron, MissedRuns missed = MissedRuns::kSkip) {
  return {*CronExpression::Parse(cron), kUtc, absl::ZeroDuration(), missed, 1, kOldestMissed};
}

TEST(DueTest, AnOccurrenceIsDueAtItsTimeAndOnlyOnce) {
  const ScheduleTimes times = Times("0 3 * * *");
  const Due before = DueSince("s", times, At(1, 0), At(1, 2, 59, 59));
  EXPECT_TRUE(before.run.empty());
  EXPECT_EQ(before.next, At(1, 3));
  const Due at = DueSince("s", times, At(1, 0), At(1, 3));
  ASSERT_EQ(at.run.size(), 1U);
  EXPECT_EQ(at.run[0].nominal, At(1, 3));
  EXPECT_FALSE(at.run[0].missed);
  EXPECT_EQ(at.next, At(2, 3));
  EXPECT_TRUE(DueSince("s", times, at.looked_until, At(1, 3)).run.empty());
}

TEST(DueTest, ALittleLateIsNotMissed) {
  const Due due = DueSince("s", Times("0 3 * * *"), At(1, 0), At(1, 3, 5));
  ASSERT_EQ(due.run.size(), 1U);
  EXPECT_FALSE(due.run[0].missed);
}

TEST(DueTest, MissedOnesAreSkippedRunOnceOrMadeUpForAsTheScheduleSays) {
  const absl::Time now = At(5, 12);
  const Due skip = DueSince("s", Times("0 3 * * *"), At(1, 0), now);
  EXPECT_TRUE(skip.run.empty());
  EXPECT_EQ(skip.skipped, At(5, 3));

  const Due once = DueSince("s", Times("0 3 * * *", MissedRuns::kRunOnce), At(1, 0), now);
  ASSERT_EQ(once.run.size(), 1U);
  EXPECT_EQ(once.run[0].nominal, At(5, 3));
  EXPECT_TRUE(once.run[0].missed);
  EXPECT_EQ(once.skipped, At(4, 3));

  ScheduleTimes backfill = Times("0 3 * * *", MissedRuns::kBackfill);
  backfill.backfill_most = 2;
  const Due made_up = DueSince("s", backfill, At(1, 0), now);
  ASSERT_EQ(made_up.run.size(), 2U);
  EXPECT_EQ(made_up.run[0].nominal, At(4, 3));
  EXPECT_EQ(made_up.run[1].nominal, At(5, 3));
  EXPECT_EQ(made_up.skipped, At(3, 3));
  for (const Due& due : {skip, once, made_up}) EXPECT_EQ(due.looked_until, At(5, 3));
}

TEST(DueTest, AYearsAbsenceOfAScheduleForEachMinuteIsLookedAtInNoTime) {
  ScheduleTimes times = Times("* * * * *", MissedRuns::kBackfill);
  times.backfill_most = kMostBackfill;
  const absl::Time now = At(1, 0);
  for (int i = 0; i < 1000; ++i) {
    const Due due = DueSince("s", times, now - absl::Hours(24 * 365), now);
    // The last five minutes' ones are not missed.
    ASSERT_EQ(due.run.size(), 106U);
    EXPECT_EQ(due.run.front().nominal, now - absl::Minutes(105));
    EXPECT_EQ(due.run.back().nominal, now);
    EXPECT_EQ(due.skipped, now - absl::Minutes(106));
    EXPECT_EQ(due.looked_until, now);
  }
}

TEST(DueTest, WhatIsMadeUpForIsSpreadOverTheTimeThatComes) {
  std::set<absl::Time> begins;
  for (int i = 0; i < 200; ++i) {
    const Due due = DueSince(absl::StrCat("s", i), Times("0 3 * * *", MissedRuns::kRunOnce),
                             At(1, 0), At(5, 12));
    ASSERT_EQ(due.run.size(), 1U);
    EXPECT_GE(due.run[0].due, At(5, 12));
    EXPECT_LT(due.run[0].due, At(5, 12) + kCatchUpSpread);
    begins.insert(due.run[0].due);
  }
  EXPECT_GT(begins.size(), 100U);
}

TEST(DueTest, WhatIsMadeUpForIsDueInTheOrderOfItsTimes) {
  std::set<absl::Duration> between;
  for (int i = 0; i < 200; ++i) {
    ScheduleTimes times = Times("0 3 * * *", MissedRuns::kBackfill);
    times.backfill_most = 3;
    // Also where the limit comes before a run's share of the spread.
    times.start_within = i % 2 == 0 ? kOldestMissed : absl::Hours(57) + absl::Minutes(1);
    const Due due = DueSince(absl::StrCat("s", i), times, At(1, 0), At(5, 12));
    ASSERT_EQ(due.run.size(), 3U);
    for (size_t at = 1; at < due.run.size(); ++at) {
      EXPECT_LT(due.run[at - 1].nominal, due.run[at].nominal);
      EXPECT_LE(due.run[at - 1].due, due.run[at].due);
      EXPECT_GE(due.run[at - 1].due, At(5, 12));
      EXPECT_LT(due.run[at].due, At(5, 12) + kCatchUpSpread);
      between.insert(due.run[at].due - due.run[at - 1].due);
    }
  }
  EXPECT_GT(between.size(), 50U) << "they are spread all the same";
}

TEST(DueTest, WhatIsOlderThanItsLimitIsNotMadeUpFor) {
  ScheduleTimes times = Times("0 3 * * *", MissedRuns::kBackfill);
  times.backfill_most = 10;
  times.start_within = absl::Hours(36);
  const Due due = DueSince("s", times, At(1, 0), At(5, 12));
  ASSERT_EQ(due.run.size(), 2U);
  EXPECT_EQ(due.run[0].nominal, At(4, 3));
  EXPECT_EQ(due.skipped, At(3, 3));
  // Not even a spread carries it beyond that.
  times.start_within = absl::Hours(9) + absl::Seconds(1);
  const Due last = DueSince("s", times, At(1, 0), At(5, 12));
  ASSERT_EQ(last.run.size(), 1U);
  EXPECT_LE(last.run[0].due, At(5, 12) + absl::Seconds(1));
}

TEST(DueTest, AClockThatWasSetBackIsWaitedForOrLookedAtAnew) {
  EXPECT_EQ(LookFrom(At(1, 3), absl::InfinitePast(), At(1, 4)), At(1, 3));
  EXPECT_EQ(LookFrom(At(1, 3, 0, 30), absl::InfinitePast(), At(1, 3)), At(1, 3, 0, 30));
  EXPECT_EQ(LookFrom(At(9, 3), absl::InfinitePast(), At(1, 3)), At(1, 3));
  EXPECT_EQ(LookFrom(At(9, 3), At(2, 3), At(1, 3)), At(2, 3)) << "what is not stored any more";
}

TEST(DueTest, IdsSortByTimeAndAreTheSameForTheSameOccurrenceOnly) {
  EXPECT_EQ(OccurrenceId("U", absl::FromUnixSeconds(1'800'000'000)), "U-001800000000");
  EXPECT_LT(OccurrenceId("U", At(1, 3)), OccurrenceId("U", At(2, 3)));
  EXPECT_NE(OccurrenceId("U", At(1, 3)), OccurrenceId("V", At(1, 3)));
}

TEST(DueTest, JitterDelaysByAFixedChoiceBelowItsLimit) {
  std::set<absl::Duration> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string schedule = absl::StrCat("schedule-", i);
    const absl::Duration jitter = JitterOf(schedule, At(1, 3), absl::Minutes(10));
    EXPECT_GE(jitter, absl::ZeroDuration());
    EXPECT_LT(jitter, absl::Minutes(10));
    EXPECT_EQ(jitter, JitterOf(schedule, At(1, 3), absl::Minutes(10)));
    seen.insert(jitter);
  }
  EXPECT_GT(seen.size(), 100U);
  // Across versions too: another choice would run occurrences twice as late as promised.
  EXPECT_EQ(JitterOf("nightly", At(1, 3), absl::Minutes(10)), absl::Seconds(293));
}

TEST(DueTest, WhatIsOutsideOfTheLimitsIsRefused) {
  ScheduleTimes times = Times("0 3 * * *");
  EXPECT_TRUE(CheckTimes(times).ok());
  times.jitter = absl::Hours(25);
  EXPECT_EQ(ReasonOf(CheckTimes(times)), "BAD_SCHEDULE");
  times.jitter = -absl::Seconds(1);
  EXPECT_EQ(ReasonOf(CheckTimes(times)), "BAD_SCHEDULE");
  times = Times("*/10 * * * *");
  times.jitter = absl::Minutes(10);
  EXPECT_TRUE(CheckTimes(times).ok());
  times.jitter = absl::Minutes(11);
  EXPECT_EQ(ReasonOf(CheckTimes(times)), "BAD_SCHEDULE");
  times = Times("0 3 * * *");
  times.start_within = absl::Seconds(59);
  EXPECT_EQ(ReasonOf(CheckTimes(times)), "BAD_SCHEDULE");
  times = Times("0 3 * * *", MissedRuns::kBackfill);
  for (int most : {0, -1, 101}) {
    times.backfill_most = most;
    EXPECT_EQ(ReasonOf(CheckTimes(times)), "BAD_SCHEDULE");
  }
}

// Whenever it is looked at, each occurrence is decided exactly once, none before its time.
TEST(DueTest, EveryOccurrenceIsDecidedOnceHoweverOftenItIsLookedAt) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    ScheduleTimes times = Times(round % 2 == 0 ? "*/10 * * * *" : "7 */2 * * *");
    times.jitter = absl::Minutes(static_cast<int>(random() % 11));
    times.missed = MissedRuns::kBackfill;
    times.backfill_most = kMostBackfill;
    absl::Time decided = At(1, 0);
    std::vector<absl::Time> run;
    absl::Time now = decided;
    while (now < At(2, 12)) {
      now += absl::Seconds(static_cast<int>(1 + random() % 3000));
      const Due due = DueSince("s", times, decided, now);
      EXPECT_EQ(due.skipped, absl::InfinitePast());
      EXPECT_GT(due.next, now);
      for (const DueTime& occurrence : due.run) {
        EXPECT_TRUE(occurrence.missed || occurrence.due <= now);
        EXPECT_GE(occurrence.due, occurrence.nominal);
        run.push_back(occurrence.nominal);
      }
      decided = due.looked_until;
    }
    std::vector<absl::Time> wanted;
    for (absl::Time t = times.cron.Next(At(1, 0), kUtc); t <= decided;
         t = times.cron.Next(t, kUtc)) {
      wanted.push_back(t);
    }
    EXPECT_EQ(run, wanted);
  }
}

}  // namespace
}  // namespace dbfleet::controller
