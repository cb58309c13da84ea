#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"

namespace dbfleet {

// The five fields of a cron expression, as sets of the values that match.
struct CronFields {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;       // 1 to 31.
  std::bitset<13> months;     // 1 to 12.
  std::bitset<7> weekdays;    // 0 is Sunday.
  std::vector<int> from_end;  // L, L-3: days before the month's last one.

  // 5#3: the third Friday; 5L: the last one, kept as number 0.
  struct NthWeekday {
    int weekday = 0;
    int number = 0;
  };
  std::vector<NthWeekday> nth_weekdays;

  bool any_day = false;      // The field begins with "*".
  bool any_weekday = false;  // The same.
  bool any_hour = false;     // The same.

  // As in Vixie's cron: where both day fields restrict, a day that either of them names matches.
  bool MatchesDay(absl::CivilDay day) const;
};

// INVALID_ARGUMENT (BAD_CRON) names the field, what is wrong with it and what it may hold.
absl::StatusOr<CronFields> ParseCronFields(absl::string_view text);

}  // namespace dbfleet
