#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/cron/cron_fields.h"

namespace dbfleet {

// A cron expression: minute, hour, day of month, month, day of week; lists, ranges, steps, names of
// months and days, L and L-n among the days of a month, 5L and 5#3 among those of a week; @hourly,
// @daily, @midnight, @weekly, @monthly, @yearly, @annually. Where both day fields restrict, a day
// that either names matches; a field that begins with "*" does not restrict in that sense. All of
// it as in Vixie's cron (man 5 crontab), L and # as in Quartz.
//
// Times of the clock that a zone leaves out or has twice:
// - Hours that are named keep to the clock: what falls into a gap comes as much later as the gap is
//   long (02:30 at 03:30), and an hour that comes twice counts the first time only.
// - Hours that begin with "*" keep to elapsed time: nothing comes for an hour that does not exist,
//   and an hour that comes twice counts both times.
//
// Immutable, so thread-safe.
class CronExpression {
 public:
  // INVALID_ARGUMENT (BAD_CRON), also for what never comes ("0 0 30 2 *").
  static absl::StatusOr<CronExpression> Parse(absl::string_view text);

  // The first occurrence after `after`, on a full minute. InfiniteFuture when there is none within
  // the next 40 years (29 February on one day of the week comes every 28, or 40 around 2100).
  absl::Time Next(absl::Time after, const absl::TimeZone& zone) const;

  const std::string& text() const { return text_; }

 private:
  CronExpression(std::string text, CronFields fields);

  absl::Time NextByClock(absl::Time after, const absl::TimeZone& zone) const;
  absl::Time FirstOfDay(absl::CivilDay day, absl::Time after, const absl::TimeZone& zone) const;
  absl::Time NextByElapsedTime(absl::Time after, const absl::TimeZone& zone) const;

  std::string text_;
  CronFields fields_;
};

// A zone of the IANA database by its name ("Europe/Berlin", "UTC"). INVALID_ARGUMENT (BAD_ZONE):
// unknown, or the system has no database of zones (the package tzdata).
absl::StatusOr<absl::TimeZone> LoadZone(absl::string_view name);

}  // namespace dbfleet
