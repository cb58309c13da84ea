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
  return {*CronExpression::Parse(cron), kUtc, absl::ZeroDuration(), missed, 1};
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
  EXPECT_EQ(skip.skipped, 5);

  const Due once = DueSince("s", Times("0 3 * * *", MissedRuns::kRunOnce), At(1, 0), now);
  ASSERT_EQ(once.run.size(), 1U);
  EXPECT_EQ(once.run[0].nominal, At(5, 3));
  EXPECT_TRUE(once.run[0].missed);
  EXPECT_EQ(once.skipped, 4);

  ScheduleTimes backfill = Times("0 3 * * *", MissedRuns::kBackfill);
  backfill.backfill_most = 2;
  const Due made_up = DueSince("s", backfill, At(1, 0), now);
  ASSERT_EQ(made_up.run.size(), 2U);
  EXPECT_EQ(made_up.run[0].nominal, At(4, 3));
  EXPECT_EQ(made_up.run[1].nominal, At(5, 3));
  EXPECT_EQ(made_up.skipped, 3);
}

TEST(DueTest, ALongAbsenceIsLookedAtForAMonthOnly) {
  const Due due = DueSince("s", Times("* * * * *"), At(1, 0) - absl::Hours(24 * 365 * 5), At(1, 0));
  EXPECT_LE(due.skipped, 31 * 24 * 60);
  EXPECT_GT(due.run.size(), 0U);
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
      EXPECT_EQ(due.skipped, 0);
      EXPECT_GT(due.next, now);
      for (const Occurrence& occurrence : due.run) {
        EXPECT_LE(occurrence.due, now);
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
