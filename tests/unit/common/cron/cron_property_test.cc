#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/cron/cron_expression.h"
#include "tests/unit/common/cron/clock_changes.h"

// Cron against a reference that walks the minutes one by one, over 48 hours on either side of every
// change of every zone's clock from 2020 to 2030.
namespace dbfleet {
namespace {

constexpr absl::Duration kMinute = absl::Minutes(1);
constexpr absl::Duration kAround = absl::Hours(48);

bool MatchesClock(const CronFields& fields, const absl::CivilMinute& minute) {
  return fields.minutes.test(static_cast<size_t>(minute.minute())) &&
         fields.hours.test(static_cast<size_t>(minute.hour())) &&
         fields.MatchesDay(absl::CivilDay(minute));
}

// What the clock shows at each minute of the walk, and when it first shows it.
struct Walk {
  std::map<absl::CivilMinute, absl::Time> first_shown;
  std::vector<std::pair<absl::Time, absl::CivilMinute>> minutes;
};

Walk WalkAround(const ClockChange& change, const absl::TimeZone& zone) {
  Walk walk;
  for (absl::Time time = change.at - kAround; time < change.at + kAround; time += kMinute) {
    const absl::CivilMinute shown(zone.At(time).cs);
    walk.minutes.emplace_back(time, shown);
    walk.first_shown.emplace(shown, time);
  }
  return walk;
}

// Every occurrence inside the walk, by the words of cron_expression.h.
std::set<absl::Time> Expected(const CronFields& fields, const Walk& walk, const ClockChange& change,
                              const absl::TimeZone& zone) {
  std::set<absl::Time> expected;
  if (fields.any_hour) {
    for (const auto& [time, shown] : walk.minutes) {
      if (MatchesClock(fields, shown)) expected.insert(time);
    }
    return expected;
  }
  const absl::CivilMinute end = walk.first_shown.rbegin()->first;
  const int before = zone.At(change.at - kMinute).offset;
  for (absl::CivilMinute shown = walk.first_shown.begin()->first; shown <= end; ++shown) {
    if (!MatchesClock(fields, shown)) continue;
    const auto found = walk.first_shown.find(shown);
    if (found != walk.first_shown.end()) {
      expected.insert(found->second);
    } else {  // In the gap: as if the clock had gone on.
      expected.insert(absl::FromCivil(shown, absl::UTCTimeZone()) - absl::Seconds(before));
    }
  }
  return expected;
}

TEST(CronPropertyTest, AgreesWithAWalkOverTheMinutesAroundEveryChangeOfEveryZone) {
  const std::vector<ClockChange> changes = ClockChanges();
  ASSERT_GT(changes.size(), 300U) << "the database of zones is missing (package tzdata)";
  const char* const texts[] = {"30 2 * * *",  "0 0 * * *",     "*/15 1-3 * * *", "30 * * * *",
                               "0 */3 * * *", "59 23,0 * * *", "17 2,3 * * 0,1"};
  for (const ClockChange& change : changes) {
    const absl::TimeZone zone = *LoadZone(change.zone);
    const Walk walk = WalkAround(change, zone);
    for (const char* text : texts) {
      const auto cron = CronExpression::Parse(text);
      const auto fields = ParseCronFields(text);
      ASSERT_TRUE(cron.ok() && fields.ok());
      const std::set<absl::Time> expected = Expected(*fields, walk, change, zone);
      // Away from the walk's ends, where a shifted time may come from outside.
      const absl::Time begin = change.at - absl::Hours(24);
      const absl::Time end = change.at + absl::Hours(24);
      std::vector<absl::Time> found;
      for (absl::Time time = cron->Next(begin, zone); time < end; time = cron->Next(time, zone)) {
        found.push_back(time);
      }
      const std::vector<absl::Time> wanted(expected.upper_bound(begin), expected.lower_bound(end));
      ASSERT_EQ(found, wanted) << text << " in " << change.zone << " around " << change.at;
    }
  }
}

TEST(CronPropertyTest, NextDoesNotDependOnWhereTheSearchBegins) {
  const absl::TimeZone zone = *LoadZone("America/New_York");
  const absl::Time begin = absl::FromCivil(absl::CivilDay(2026, 3, 7), zone);
  for (const char* text : {"30 2 * * *", "*/7 * * * *", "15 1,2 * * *"}) {
    const CronExpression cron = *CronExpression::Parse(text);
    for (absl::Time time = begin; time < begin + absl::Hours(72); time += absl::Minutes(13)) {
      const absl::Time next = cron.Next(time, zone);
      ASSERT_GT(next, time);
      ASSERT_EQ(cron.Next(next - absl::Nanoseconds(1), zone), next) << text << " " << time;
    }
  }
}

}  // namespace
}  // namespace dbfleet
