#include "common/cron/cron_expression.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet {
namespace {

// 29 February on a given day of the week: across 2100, which has none, 40 years pass.
constexpr int kMostYears = 41;

absl::Time NextMinute(absl::Time after) {
  constexpr absl::Duration kMinute = absl::Minutes(1);
  const absl::Duration since = after - absl::UnixEpoch();
  return absl::UnixEpoch() + absl::Floor(since, kMinute) + kMinute;
}

bool EverComes(const CronFields& fields) {
  // Every pattern of days repeats within 28 years around 2000.
  const absl::CivilDay end(2028, 1, 1);
  for (absl::CivilDay day(2000, 1, 1); day < end; ++day) {
    if (fields.MatchesDay(day)) return true;
  }
  return false;
}

// When the zone's offset changes next; InfiniteFuture if it does not.
absl::Time NextChange(absl::Time after, const absl::TimeZone& zone) {
  absl::TimeZone::CivilTransition change;
  if (!zone.NextTransition(after, &change)) return absl::InfiniteFuture();
  return zone.At(change.to).trans;
}

}  // namespace

CronExpression::CronExpression(std::string text, CronFields fields)
    : text_(std::move(text)), fields_(std::move(fields)) {}

absl::StatusOr<CronExpression> CronExpression::Parse(absl::string_view text) {
  ASSIGN_OR_RETURN(CronFields fields, ParseCronFields(text));
  if (!EverComes(fields)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_CRON",
                 "bad cron expression: the days that it names never come; look at its day of month "
                 "and month");
  }
  return CronExpression(std::string(absl::StripAsciiWhitespace(text)), std::move(fields));
}

absl::Time CronExpression::Next(absl::Time after, const absl::TimeZone& zone) const {
  return fields_.any_hour ? NextByElapsedTime(after, zone) : NextByClock(after, zone);
}

// The earliest occurrence of a day of the calendar that lies after `after`.
absl::Time CronExpression::FirstOfDay(absl::CivilDay day, absl::Time after,
                                      const absl::TimeZone& zone) const {
  absl::Time first = absl::InfiniteFuture();
  if (!fields_.MatchesDay(day)) return first;
  for (int hour = 0; hour < 24; ++hour) {
    if (!fields_.hours.test(static_cast<size_t>(hour))) continue;
    for (int minute = 0; minute < 60; ++minute) {
      if (!fields_.minutes.test(static_cast<size_t>(minute))) continue;
      // In a gap `pre` is by the offset before it, so later by the gap's length; of a time that
      // comes twice it is the first.
      const absl::TimeZone::TimeInfo info =
          zone.At(absl::CivilSecond(day.year(), day.month(), day.day(), hour, minute, 0));
      if (info.pre <= after) continue;
      first = std::min(first, info.pre);
      // What was moved out of a gap may come after later times of the clock.
      if (info.kind != absl::TimeZone::TimeInfo::SKIPPED) break;
    }
  }
  return first;
}

absl::Time CronExpression::NextByClock(absl::Time after, const absl::TimeZone& zone) const {
  const absl::CivilDay begin = absl::CivilDay(zone.At(after).cs) - 1;
  const absl::CivilDay end(begin.year() + kMostYears, 1, 1);
  for (absl::CivilDay day = begin; day < end; ++day) {
    const absl::Time first = FirstOfDay(day, after, zone);
    // A gap at the end of a day moves its last times into the next one, past that one's first.
    if (first != absl::InfiniteFuture()) return std::min(first, FirstOfDay(day + 1, after, zone));
  }
  return absl::InfiniteFuture();
}

absl::Time CronExpression::NextByElapsedTime(absl::Time after, const absl::TimeZone& zone) const {
  absl::Time time = NextMinute(after);
  const auto end_year = zone.At(after).cs.year() + kMostYears;
  absl::Time change = NextChange(time, zone);
  while (true) {
    const absl::CivilSecond local = zone.At(time).cs;
    if (local.year() > end_year) return absl::InfiniteFuture();
    absl::Duration wait;
    if (!fields_.MatchesDay(absl::CivilDay(local))) {
      wait = absl::Minutes(24 * 60 - local.hour() * 60 - local.minute());
    } else if (!fields_.hours.test(static_cast<size_t>(local.hour()))) {
      wait = absl::Minutes(60 - local.minute());
    } else if (!fields_.minutes.test(static_cast<size_t>(local.minute()))) {
      wait = absl::Minutes(1);
    } else if (local.second() != 0) {
      // Before zones had whole minutes; moves to the clock's next full one.
      wait = absl::Seconds(60 - local.second());
    } else {
      return time;
    }
    const absl::Time next = time + wait;
    if (next > change && change > time) {
      time = change;
    } else {
      time = next;
    }
    if (time >= change) change = NextChange(time, zone);
  }
}

absl::StatusOr<absl::TimeZone> LoadZone(absl::string_view name) {
  absl::TimeZone zone;
  // Abseil would read any file ("/etc/passwd", "../x") and knows names of its own.
  const bool plain = !name.empty() && !absl::StartsWith(name, "/") &&
                     !absl::StrContains(name, "..") &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' ||
                              c == '_' || c == '-' || c == '+';
                     });
  if (!plain || absl::StartsWith(name, "localtime") || absl::StartsWith(name, "Fixed/") ||
      !absl::LoadTimeZone(std::string(name), &zone)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_ZONE",
                 absl::StrCat("the time zone \"", SanitizeForDisplay(Truncate(name, 60)),
                              "\" is not in this system's database of zones; write an IANA name "
                              "like Europe/Berlin or UTC (the package tzdata holds them)"));
  }
  return zone;
}

}  // namespace dbfleet
