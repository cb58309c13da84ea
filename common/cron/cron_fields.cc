#include "common/cron/cron_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet {
namespace {

constexpr size_t kMaxBytes = 512;
constexpr int kDaysOfWeek = 7;

constexpr absl::string_view kMonthNames[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                             "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr absl::string_view kWeekdayNames[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct FieldRules {
  absl::string_view name;
  int lowest;
  int highest;
  absl::Span<const absl::string_view> names;  // The first stands for `lowest`.
  absl::string_view allowed;
};
constexpr FieldRules kMinute = {"minute", 0, 59, {}, "0-59, lists, ranges and steps like */15"};
constexpr FieldRules kHour = {"hour", 0, 23, {}, "0-23, lists, ranges and steps like */2"};
constexpr FieldRules kDay = {
    "day of month", 1, 31, {}, "1-31, lists, ranges, steps, L (the last day) and L-3"};
constexpr FieldRules kMonth = {"month", 1, 12, kMonthNames, "1-12 or JAN-DEC, lists and ranges"};
constexpr FieldRules kWeekday = {"day of week", 0, 7, kWeekdayNames,
                                 "0-7 or SUN-SAT (0 and 7 are Sunday), lists, ranges, 5#3 (the "
                                 "third Friday) and 5L (the last one)"};

struct Nickname {
  absl::string_view name;
  absl::string_view fields;
};
constexpr Nickname kNicknames[] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                                   {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                                   {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                                   {"@annually", "0 0 1 1 *"}};

absl::Status Bad(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CRON",
               absl::StrCat("bad cron expression: ", what));
}

absl::Status BadField(const FieldRules& rules, absl::string_view part, absl::string_view why) {
  return Bad(absl::StrCat("the ", rules.name, " \"", SanitizeForDisplay(Truncate(part, 40)), "\" ",
                          why, "; it may hold ", rules.allowed));
}

// A number or a name of the field.
absl::StatusOr<int> Value(const FieldRules& rules, absl::string_view part, absl::string_view word) {
  const std::string lower = absl::AsciiStrToLower(word);
  const auto name = std::find(rules.names.begin(), rules.names.end(), lower);
  if (name != rules.names.end()) return rules.lowest + static_cast<int>(name - rules.names.begin());
  int value = 0;
  const bool digits = !word.empty() && word.size() <= 4 &&
                      std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(word, &value)) {
    return BadField(rules, part, "is not understood");
  }
  if (value < rules.lowest || value > rules.highest) {
    return BadField(rules, part, absl::StrCat("is not from ", rules.lowest, " to ", rules.highest));
  }
  return value;
}

struct Range {
  int first = 0;
  int last = 0;
  int step = 1;
};

// "*", "5", "1-5", "mon-fri", each with "/2" behind it; "5/10" goes on to the highest value.
absl::StatusOr<Range> ParseRange(const FieldRules& rules, absl::string_view part) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(part, absl::MaxSplits('/', 1));
  const bool steps = absl::StrContains(part, '/');
  Range range;
  if (halves.first == "*") {
    range = {rules.lowest, rules.highest, 1};
  } else {
    const std::pair<absl::string_view, absl::string_view> ends =
        absl::StrSplit(halves.first, absl::MaxSplits('-', 1));
    ASSIGN_OR_RETURN(range.first, Value(rules, part, ends.first));
    range.last = steps ? rules.highest : range.first;
    if (absl::StrContains(halves.first, '-')) {
      ASSIGN_OR_RETURN(range.last, Value(rules, part, ends.second));
    }
    if (range.last < range.first) return BadField(rules, part, "ends before it begins");
  }
  if (steps && (!absl::SimpleAtoi(halves.second, &range.step) || range.step < 1 ||
                range.step > rules.highest || !absl::ascii_isdigit(halves.second[0]))) {
    return BadField(rules, part, "has a step that is no number from 1 up");
  }
  return range;
}

template <size_t N>
absl::Status AddRange(const FieldRules& rules, absl::string_view part, std::bitset<N>* set) {
  ASSIGN_OR_RETURN(const Range range, ParseRange(rules, part));
  for (int value = range.first; value <= range.last; value += range.step) {
    // Sunday has two numbers.
    set->set(static_cast<size_t>(&rules == &kWeekday ? value % kDaysOfWeek : value));
  }
  return absl::OkStatus();
}

template <size_t N>
absl::Status ParseList(const FieldRules& rules, absl::string_view field, std::bitset<N>* set) {
  for (absl::string_view part : absl::StrSplit(field, ',')) {
    RETURN_IF_ERROR(AddRange(rules, part, set));
  }
  return absl::OkStatus();
}

absl::Status ParseDays(absl::string_view field, CronFields* fields) {
  for (absl::string_view part : absl::StrSplit(field, ',')) {
    absl::string_view rest = part;
    if (!absl::ConsumePrefix(&rest, "L") && !absl::ConsumePrefix(&rest, "l")) {
      RETURN_IF_ERROR(AddRange(kDay, part, &fields->days));
      continue;
    }
    int before = 0;
    constexpr int kMostBefore = 30;
    if (!rest.empty() &&
        (!absl::ConsumePrefix(&rest, "-") || rest.empty() || !absl::ascii_isdigit(rest[0]) ||
         !absl::SimpleAtoi(rest, &before) || before > kMostBefore)) {
      return BadField(kDay, part, "is not understood");
    }
    fields->from_end.push_back(before);
  }
  return absl::OkStatus();
}

absl::Status ParseWeekdays(absl::string_view field, CronFields* fields) {
  for (absl::string_view part : absl::StrSplit(field, ',')) {
    CronFields::NthWeekday nth;
    absl::string_view day = part;
    const size_t hash = part.find('#');
    if (hash != part.npos) {
      day = part.substr(0, hash);
      constexpr int kMostInMonth = 5;
      if (!absl::SimpleAtoi(part.substr(hash + 1), &nth.number) || nth.number < 1 ||
          nth.number > kMostInMonth) {
        return BadField(kWeekday, part, "has no number from 1 to 5 behind its #");
      }
    } else if (part.size() > 1 &&
               (absl::ConsumeSuffix(&day, "L") || absl::ConsumeSuffix(&day, "l"))) {
      nth.number = 0;
    } else {
      RETURN_IF_ERROR(AddRange(kWeekday, part, &fields->weekdays));
      continue;
    }
    ASSIGN_OR_RETURN(nth.weekday, Value(kWeekday, part, day));
    nth.weekday %= kDaysOfWeek;
    fields->nth_weekdays.push_back(nth);
  }
  return absl::OkStatus();
}

bool BeginsWithAny(absl::string_view field) { return absl::StartsWith(field, "*"); }

int LastDayOf(absl::CivilDay day) { return (absl::CivilDay(absl::CivilMonth(day) + 1) - 1).day(); }

int WeekdayOf(absl::CivilDay day) {
  return (static_cast<int>(absl::GetWeekday(day)) + 1) % kDaysOfWeek;  // Abseil begins on Monday.
}

}  // namespace

bool CronFields::MatchesDay(absl::CivilDay day) const {
  if (!months.test(static_cast<size_t>(day.month()))) return false;
  const int last = LastDayOf(day);
  const int weekday = WeekdayOf(day);
  const bool by_day = days.test(static_cast<size_t>(day.day())) ||
                      std::any_of(from_end.begin(), from_end.end(),
                                  [&](int before) { return day.day() == last - before; });
  const bool by_weekday =
      weekdays.test(static_cast<size_t>(weekday)) ||
      std::any_of(nth_weekdays.begin(), nth_weekdays.end(), [&](const NthWeekday& nth) {
        if (nth.weekday != weekday) return false;
        return nth.number == 0 ? day.day() + kDaysOfWeek > last
                               : (day.day() - 1) / kDaysOfWeek + 1 == nth.number;
      });
  return any_day || any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

absl::StatusOr<CronFields> ParseCronFields(absl::string_view text) {
  if (text.size() > kMaxBytes) return Bad(absl::StrCat("longer than ", kMaxBytes, " bytes"));
  text = absl::StripAsciiWhitespace(text);
  if (absl::StartsWith(text, "@")) {
    const std::string lower = absl::AsciiStrToLower(text);
    const auto nickname = std::find_if(std::begin(kNicknames), std::end(kNicknames),
                                       [&](const Nickname& n) { return n.name == lower; });
    if (nickname == std::end(kNicknames)) {
      return Bad(absl::StrCat("\"", SanitizeForDisplay(Truncate(text, 40)),
                              "\" is not known; there are @hourly, @daily, @midnight, @weekly, "
                              "@monthly, @yearly and @annually"));
    }
    text = nickname->fields;
  }
  const std::vector<absl::string_view> parts =
      absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  constexpr size_t kFields = 5;
  if (parts.size() != kFields) {
    return Bad(absl::StrCat("it has ", parts.size(), " fields instead of 5 (minute, hour, day of ",
                            "month, month, day of week); write for example \"30 2 * * SUN\""));
  }
  CronFields fields;
  RETURN_IF_ERROR(ParseList(kMinute, parts[0], &fields.minutes));
  RETURN_IF_ERROR(ParseList(kHour, parts[1], &fields.hours));
  RETURN_IF_ERROR(ParseDays(parts[2], &fields));
  RETURN_IF_ERROR(ParseList(kMonth, parts[3], &fields.months));
  RETURN_IF_ERROR(ParseWeekdays(parts[4], &fields));
  fields.any_hour = BeginsWithAny(parts[1]);
  fields.any_day = BeginsWithAny(parts[2]);
  fields.any_weekday = BeginsWithAny(parts[4]);
  return fields;
}

}  // namespace dbfleet
