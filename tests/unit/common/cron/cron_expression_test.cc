#include "common/cron/cron_expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet {
namespace {

using ::testing::ElementsAre;

CronExpression Cron(absl::string_view text) {
  auto cron = CronExpression::Parse(text);
  EXPECT_TRUE(cron.ok()) << cron.status();
  return *std::move(cron);
}

absl::TimeZone Zone(absl::string_view name) {
  const auto zone = LoadZone(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return *zone;
}

// The next `count` occurrences after a time of the zone's clock, as that clock shows them.
std::vector<std::string> Next(absl::string_view text, absl::string_view after, int count,
                              absl::string_view zone_name = "UTC") {
  const absl::TimeZone zone = Zone(zone_name);
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", std::string(after), zone, &time, &error)) << error;
  const CronExpression cron = Cron(text);
  std::vector<std::string> times;
  for (int i = 0; i < count; ++i) {
    time = cron.Next(time, zone);
    times.push_back(
        absl::FormatTime(zone_name == "UTC" ? "%a %Y-%m-%d %H:%M" : "%m-%d %H:%M %Ez", time, zone));
  }
  return times;
}

TEST(CronTest, FieldsListsRangesAndSteps) {
  EXPECT_THAT(Next("30 2 * * *", "2026-01-01 02:30", 2),
              ElementsAre("Fri 2026-01-02 02:30", "Sat 2026-01-03 02:30"));
  EXPECT_THAT(Next("*/20 3,5 * * *", "2026-01-01 03:30", 3),
              ElementsAre("Thu 2026-01-01 03:40", "Thu 2026-01-01 05:00", "Thu 2026-01-01 05:20"));
  EXPECT_THAT(Next("0 9-17/4 * * MON-FRI", "2026-01-02 14:00", 2),
              ElementsAre("Fri 2026-01-02 17:00", "Mon 2026-01-05 09:00"));
  EXPECT_THAT(Next("5/25 0 1 jan *", "2026-06-01 00:00", 3),
              ElementsAre("Fri 2027-01-01 00:05", "Fri 2027-01-01 00:30", "Fri 2027-01-01 00:55"));
}

TEST(CronTest, SundayIsZeroAndSeven) {
  for (const char* text : {"0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * 7-7", "@weekly"}) {
    EXPECT_THAT(Next(text, "2026-01-01 00:00", 2),
                ElementsAre("Sun 2026-01-04 00:00", "Sun 2026-01-11 00:00"))
        << text;
  }
  EXPECT_THAT(Next("0 0 * * 5-7", "2026-01-01 00:00", 3),
              ElementsAre("Fri 2026-01-02 00:00", "Sat 2026-01-03 00:00", "Sun 2026-01-04 00:00"));
}

TEST(CronTest, EitherDayFieldIsEnoughWhenBothRestrict) {
  EXPECT_THAT(Next("0 0 13 * FRI", "2026-02-01 00:00", 3),
              ElementsAre("Fri 2026-02-06 00:00", "Fri 2026-02-13 00:00", "Fri 2026-02-20 00:00"));
  // One that begins with "*" does not restrict in that sense, as in Vixie's cron.
  EXPECT_THAT(Next("0 0 */2 * FRI", "2026-02-01 00:00", 2),
              ElementsAre("Fri 2026-02-13 00:00", "Fri 2026-02-27 00:00"));
}

TEST(CronTest, TheLastDaysOfAMonth) {
  EXPECT_THAT(Next("0 0 L * *", "2028-01-31 00:00", 3),
              ElementsAre("Tue 2028-02-29 00:00", "Fri 2028-03-31 00:00", "Sun 2028-04-30 00:00"));
  EXPECT_THAT(Next("0 0 L-3,1 * *", "2026-02-01 00:00", 2),
              ElementsAre("Wed 2026-02-25 00:00", "Sun 2026-03-01 00:00"));
}

TEST(CronTest, TheNthAndTheLastWeekdayOfAMonth) {
  EXPECT_THAT(Next("0 0 * * 5#3", "2026-01-01 00:00", 2),
              ElementsAre("Fri 2026-01-16 00:00", "Fri 2026-02-20 00:00"));
  EXPECT_THAT(Next("0 0 * * friL", "2026-01-01 00:00", 2),
              ElementsAre("Fri 2026-01-30 00:00", "Fri 2026-02-27 00:00"));
  EXPECT_THAT(Next("0 0 * * 0#5", "2026-01-01 00:00", 2),
              ElementsAre("Sun 2026-03-29 00:00", "Sun 2026-05-31 00:00"));
}

TEST(CronTest, NicknamesAreTheirFields) {
  EXPECT_THAT(Next("@hourly", "2026-01-01 00:30", 1), ElementsAre("Thu 2026-01-01 01:00"));
  EXPECT_THAT(Next("@daily", "2026-01-01 00:30", 1), ElementsAre("Fri 2026-01-02 00:00"));
  EXPECT_THAT(Next("@Midnight", "2026-01-01 00:30", 1), ElementsAre("Fri 2026-01-02 00:00"));
  EXPECT_THAT(Next("@monthly", "2026-01-01 00:30", 1), ElementsAre("Sun 2026-02-01 00:00"));
  EXPECT_THAT(Next("@yearly", "2026-01-01 00:30", 1), ElementsAre("Fri 2027-01-01 00:00"));
  EXPECT_THAT(Next("@annually", "2026-01-01 00:30", 1), ElementsAre("Fri 2027-01-01 00:00"));
}

TEST(CronTest, NamedHoursShiftOutOfAGap) {
  EXPECT_THAT(Next("30 2 * * *", "2026-03-28 12:00", 2, "Europe/Berlin"),
              ElementsAre("03-29 03:30 +02:00", "03-30 02:30 +02:00"));
  // Lord Howe's clocks move by half an hour.
  EXPECT_THAT(Next("15 2 * * *", "2026-10-03 12:00", 2, "Australia/Lord_Howe"),
              ElementsAre("10-04 02:45 +11:00", "10-05 02:15 +11:00"));
}

TEST(CronTest, WhatShiftsOntoAnotherOccurrenceComesOnce) {
  EXPECT_THAT(Next("30 2,3 * * *", "2026-03-28 12:00", 2, "Europe/Berlin"),
              ElementsAre("03-29 03:30 +02:00", "03-30 02:30 +02:00"));
  EXPECT_THAT(Next("45 2,3 * * *", "2026-03-29 00:00", 2, "Europe/Berlin"),
              ElementsAre("03-29 03:45 +02:00", "03-30 02:45 +02:00"));
}

TEST(CronTest, NamedHoursThatComeTwiceCountOnce) {
  EXPECT_THAT(Next("30 2 * * *", "2026-10-24 12:00", 2, "Europe/Berlin"),
              ElementsAre("10-25 02:30 +02:00", "10-26 02:30 +01:00"));
}

TEST(CronTest, AnyHourFollowsElapsedTime) {
  EXPECT_THAT(Next("30 * * * *", "2026-03-29 01:00", 2, "Europe/Berlin"),
              ElementsAre("03-29 01:30 +01:00", "03-29 03:30 +02:00"));
  EXPECT_THAT(Next("30 * * * *", "2026-10-25 01:50", 3, "Europe/Berlin"),
              ElementsAre("10-25 02:30 +02:00", "10-25 02:30 +01:00", "10-25 03:30 +01:00"));
  EXPECT_THAT(Next("0 */2 * * *", "2026-03-29 00:30", 2, "Europe/Berlin"),
              ElementsAre("03-29 04:00 +02:00", "03-29 06:00 +02:00"));
}

TEST(CronTest, RareDaysAreFound) {
  EXPECT_THAT(Next("0 0 29 2 *", "2028-03-01 00:00", 1), ElementsAre("Sun 2032-02-29 00:00"));
  // Both day fields as one condition: "*/29" is the 1st and the 30th.
  EXPECT_THAT(Next("0 0 29 2 */7", "2073-01-01 00:00", 1), ElementsAre("Sun 2088-02-29 00:00"));
}

TEST(CronTest, SecondsOfTheStartDoNotMatter) {
  const absl::Time time =
      absl::FromCivil(absl::CivilSecond(2026, 1, 1, 0, 0, 59), absl::UTCTimeZone());
  EXPECT_EQ(Cron("* * * * *").Next(time, absl::UTCTimeZone()), time + absl::Seconds(1));
  EXPECT_EQ(Cron("1 0 * * *").Next(time, absl::UTCTimeZone()), time + absl::Seconds(1));
}

TEST(CronTest, ErrorsNameTheFieldAndWhatItMayHold) {
  struct Case {
    const char* text;
    const char* says;
  };
  for (const Case& c : {
           Case{"", "0 fields instead of 5"},
           Case{"* * * *", "4 fields instead of 5"},
           Case{"0 * * * * *", "6 fields instead of 5"},
           Case{"60 * * * *", "the minute \"60\" is not from 0 to 59"},
           Case{"* 24 * * *", "the hour \"24\" is not from 0 to 23"},
           Case{"* * 0 * *", "the day of month \"0\" is not from 1 to 31"},
           Case{"* * * 13 *", "the month \"13\""},
           Case{"* * * foo *", "the month \"foo\" is not understood"},
           Case{"* * * * 8", "the day of week \"8\""},
           Case{"5-1 * * * *", "ends before it begins"},
           Case{"*/0 * * * *", "step"},
           Case{"*/x * * * *", "step"},
           Case{"*/ * * * *", "step"},
           Case{"1, * * * *", "the minute \"\" is not understood"},
           Case{"-1 * * * *", "is not understood"},
           Case{"+1 * * * *", "is not understood"},
           Case{"* * L-31 * *", "day of month"},
           Case{"* * LW * *", "day of month"},
           Case{"* * * * 5#6", "no number from 1 to 5"},
           Case{"* * * * 5#", "no number from 1 to 5"},
           Case{"* * * * 9L", "day of week"},
           Case{"0 0 30 2 *", "never come"},
           Case{"0 0 31 4,6,9,11 *", "never come"},
           Case{"@fortnightly", "@weekly"},
           Case{"@reboot", "not known"},
       }) {
    const auto cron = CronExpression::Parse(c.text);
    ASSERT_FALSE(cron.ok()) << c.text;
    EXPECT_EQ(ReasonOf(cron.status()), "BAD_CRON");
    EXPECT_TRUE(absl::StrContains(cron.status().message(), c.says)) << c.text << cron.status();
  }
  EXPECT_FALSE(CronExpression::Parse(std::string(10'000, '1')).ok());
}

TEST(ZoneTest, OnlyNamesOfTheDatabaseAreZones) {
  EXPECT_TRUE(LoadZone("Europe/Berlin").ok());
  EXPECT_TRUE(LoadZone("UTC").ok());
  EXPECT_TRUE(LoadZone("Etc/GMT+5").ok());
  for (const char* name : {"", "Berlin", "/etc/passwd", "../../etc/passwd", "localtime",
                           "Fixed/UTC+05:00:00", "Europe/Berlin\n", "file:x"}) {
    EXPECT_EQ(ReasonOf(LoadZone(name).status()), "BAD_ZONE") << name;
  }
}

}  // namespace
}  // namespace dbfleet
