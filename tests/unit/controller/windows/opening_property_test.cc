#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "controller/windows/opening.h"
#include "tests/unit/common/cron/clock_changes.h"

// Openings against a reference that walks the minutes one by one and shares no code with them, over
// 48 hours on either side of every change of every zone's clock from 2020 to 2030. It knows the
// clock (what it shows at each minute) and the words of window.h and opening.h.
//
// Each change sees one set of windows, and DBFLEET_OPENING_ROUNDS of them (1 if it is not set).
namespace dbfleet::controller {
namespace {

constexpr absl::Duration kMinute = absl::Minutes(1);
constexpr absl::Duration kAround = absl::Hours(48);
// What begins before the time that is looked at may last into it: the walk is longer by more than
// the longest of the windows.
constexpr absl::Duration kWalked = absl::Hours(48 + 24);

using Minutes = std::vector<char>;  // Of the walk: is something so then?

// A recurring window's times, as the reference reads them. Empty: whatever the clock shows.
struct Times {
  int minute = 0;
  std::set<int> hours;
  std::set<int> weekdays;  // 0 is Sunday.

  std::string Text() const {
    return absl::StrCat(minute, " ", hours.empty() ? "*" : absl::StrJoin(hours, ","), " * * ",
                        weekdays.empty() ? "*" : absl::StrJoin(weekdays, ","));
  }
  bool Match(const absl::CivilMinute& shown) const {
    const int weekday = (static_cast<int>(absl::GetWeekday(absl::CivilDay(shown))) + 1) % 7;
    return shown.minute() == minute && (hours.empty() || hours.count(shown.hour()) > 0) &&
           (weekdays.empty() || weekdays.count(weekday) > 0);
  }
};

struct Clock {
  absl::Time begin;
  std::vector<absl::CivilMinute> shown;  // At each minute, the first being one before the walk.

  Clock(absl::Time at, const absl::TimeZone& zone) : begin(at - kWalked) {
    for (absl::Time time = begin - kMinute; time < at + kWalked; time += kMinute) {
      shown.emplace_back(zone.At(time).cs);
    }
  }
  size_t size() const { return shown.size() - 1; }
  absl::Time At(size_t minute) const { return begin + static_cast<int64_t>(minute) * kMinute; }
};

// The minutes at which the window begins: a time that the clock shows twice is the first of both,
// one that it leaves out is when the clock would have shown it had it gone on. What is there every
// hour goes by what the clock shows.
std::set<size_t> BeginsOf(const Times& times, const Clock& clock) {
  std::set<size_t> begins;
  absl::CivilMinute latest = clock.shown.front();
  for (size_t i = 0; i < clock.size(); ++i) {
    const absl::CivilMinute shown = clock.shown[i + 1];
    if (times.hours.empty()) {
      if (times.Match(shown)) begins.insert(i);
      continue;
    }
    for (absl::CivilMinute left_out = latest + 1; left_out < shown; ++left_out) {
      if (times.Match(left_out)) begins.insert(i + static_cast<size_t>(left_out - latest) - 1);
    }
    if (shown > latest && times.Match(shown)) begins.insert(i);
    latest = std::max(latest, shown);
  }
  return begins;
}

// A window, and the minutes of the walk that it covers by the reference.
struct Walked {
  Window window;
  Minutes covers;
};

Walked RandomWindow(std::mt19937& random, const ClockChange& change, const absl::TimeZone& zone,
                    const Clock& clock, int number) {
  const auto below = [&](int limit) { return static_cast<int>(random() % limit); };
  Walked made{{}, Minutes(clock.size(), 0)};
  Window& window = made.window;
  window.name = absl::StrCat("w", number);
  window.effect = below(3) == 0 ? WindowEffect::kDeny : WindowEffect::kAllow;
  window.overrun = static_cast<Overrun>(below(3));
  if (below(5) == 0) {
    const size_t begin = static_cast<size_t>(below(static_cast<int>(clock.size())));
    const size_t end = begin + 1 + static_cast<size_t>(below(900));
    window.times.once = Span{clock.At(begin), clock.At(end)};
    for (size_t i = begin; i < std::min(end, clock.size()); ++i) made.covers[i] = 1;
    return made;
  }
  Times times;
  times.minute = below(60);
  const bool hourly = below(15) == 0;  // Takes many looks at the clock.
  // Around the hours that the change leaves out or shows twice, whatever these are.
  const int near = absl::CivilMinute(zone.At(change.at - kMinute).cs).hour();
  const bool daily = !hourly && below(4) == 0;  // Once a day, and long; else up to three times.
  for (int i = hourly ? 0 : daily ? 1 : 1 + below(3); i > 0; --i) {
    times.hours.insert((near + below(5) + 22) % 24);
  }
  if (below(4) == 0) times.weekdays = {below(7), below(7), below(7)};
  // None never closes (CheckTimes, which looks far ahead for that).
  const int length = 1 + below(hourly ? 50 : daily ? 22 * 60 : 150);
  window.times.recurring = *CronExpression::Parse(times.Text());
  window.times.zone = zone;
  window.times.duration = length * kMinute;
  if (below(6) == 0) window.times.not_before = change.at + (below(2000) - 1000) * kMinute;
  if (below(6) == 0) window.times.not_after = change.at + (below(4000) - 1000) * kMinute;
  for (const size_t begin : BeginsOf(times, clock)) {
    const absl::Time at = clock.At(begin);
    if (at < window.times.not_before || at > window.times.not_after) continue;
    for (size_t i = begin; i < std::min(begin + static_cast<size_t>(length), clock.size()); ++i) {
      made.covers[i] = 1;
    }
  }
  return made;
}

// The first minute from `from` on that is not as `from` is; the walk's size if none is.
size_t EndOfRun(const Minutes& minutes, size_t from) {
  size_t end = from;
  while (end < minutes.size() && minutes[end] == minutes[from]) ++end;
  return end;
}

class Reference {
 public:
  Reference(const std::vector<Walked>& windows, bool needed, const Clock& clock)
      : windows_(windows), needed_(needed), clock_(clock), allowed_(clock.size(), 0) {
    Minutes denied(clock.size(), 0);
    for (const Walked& one : windows) {
      Minutes& into = one.window.effect == WindowEffect::kAllow ? allowed_ : denied;
      for (size_t i = 0; i < into.size(); ++i) into[i] |= one.covers[i];
    }
    for (size_t i = 0; i < allowed_.size(); ++i) {
      open_.push_back((allowed_[i] != 0 || !needed) && denied[i] == 0);
    }
  }

  const Minutes& open() const { return open_; }

  void Check(const Opening& opening, size_t minute) const {
    ASSERT_EQ(opening.open, open_[minute] != 0);
    std::set<std::string> frozen;
    for (const Opening::Freeze& freeze : opening.frozen_by) {
      frozen.insert(absl::StrCat(freeze.name, " until ", absl::FormatTime(freeze.until)));
    }
    std::set<std::string> wanted;
    for (const Walked& one : windows_) {
      if (one.window.effect != WindowEffect::kDeny || one.covers[minute] == 0) continue;
      const size_t end = EndOfRun(one.covers, minute);
      if (end == clock_.size()) return;  // It is not known when it ends.
      wanted.insert(absl::StrCat(one.window.name, " until ", absl::FormatTime(clock_.At(end))));
    }
    ASSERT_EQ(frozen, wanted);
    if (!opening.open) return;
    if (const size_t end = EndOfRun(open_, minute); end < clock_.size()) {
      ASSERT_EQ(opening.closes, clock_.At(end));
    }
    if (!needed_) return;
    const size_t closes = EndOfRun(allowed_, minute);
    if (closes < clock_.size()) {
      ASSERT_EQ(opening.window_closes, clock_.At(closes));
    }
    CheckName(opening, minute);
  }

  // The first minute from `minute` on with which so many open ones begin, and when these end.
  // nullopt: the walk ends before that is known.
  std::optional<std::pair<size_t, size_t>> Next(size_t minute, size_t at_least) const {
    for (size_t begin = minute; begin < open_.size(); begin = EndOfRun(open_, begin)) {
      const size_t end = EndOfRun(open_, begin);
      if (end == open_.size()) return std::nullopt;
      if (open_[begin] != 0 && end - begin >= at_least) return std::make_pair(begin, end);
    }
    return std::nullopt;
  }

 private:
  // Of the windows that are open the one that reaches furthest, and of several the strictest.
  void CheckName(const Opening& opening, size_t minute) const {
    size_t furthest = 0;
    Overrun strictest = Overrun::kFinish;
    std::set<std::string> names;
    for (const Walked& one : windows_) {
      if (one.window.effect != WindowEffect::kAllow || one.covers[minute] == 0) continue;
      const size_t end = EndOfRun(one.covers, minute);
      if (end == clock_.size()) return;
      const bool stricter = IsStricter(one.window.overrun, strictest);
      if (end < furthest || (end == furthest && IsStricter(strictest, one.window.overrun)))
        continue;
      if (end > furthest || stricter) names.clear();
      furthest = end;
      strictest = one.window.overrun;
      names.insert(one.window.name);
    }
    ASSERT_TRUE(names.count(opening.window) > 0) << opening.window;
    ASSERT_EQ(opening.overrun, strictest);
  }

  const std::vector<Walked>& windows_;
  const bool needed_;
  const Clock& clock_;
  Minutes allowed_;
  Minutes open_;
};

// Where the answer changes, the minute before, and some others; all within kAround of the change.
std::set<size_t> MinutesToAsk(std::mt19937& random, const std::vector<Walked>& windows,
                              const Clock& clock) {
  const auto first = static_cast<size_t>((kWalked - kAround) / kMinute);
  const size_t last = clock.size() - first;
  std::set<size_t> asked;
  for (const Walked& one : windows) {
    for (size_t i = EndOfRun(one.covers, first); i < last; i = EndOfRun(one.covers, i)) {
      asked.insert({i - 1, i});
    }
  }
  for (int i = 0; i < 20; ++i) asked.insert(first + random() % (last - first));
  return asked;
}

std::string Described(const ClockChange& change, const std::vector<Walked>& windows, bool needed) {
  std::string text = absl::StrCat(change.zone, " around ", absl::FormatTime(change.at),
                                  needed ? ", windows needed" : "");
  for (const Walked& one : windows) {
    const WindowTimes& times = one.window.times;
    absl::StrAppend(
        &text, "\n", one.window.name,
        one.window.effect == WindowEffect::kDeny ? " freeze " : " window ",
        times.once.has_value() ? absl::FormatTime(times.once->begin) : times.recurring->text(),
        " for ",
        absl::FormatDuration(times.once.has_value() ? times.once->end - times.once->begin
                                                    : times.duration));
  }
  return text;
}

int Rounds() {
  const char* const told = std::getenv("DBFLEET_OPENING_ROUNDS");
  int rounds = 1;
  return told != nullptr && absl::SimpleAtoi(told, &rounds) ? rounds : 1;
}

void CheckAround(std::mt19937& random, const ClockChange& change, const absl::TimeZone& zone,
                 const Clock& clock) {
  std::vector<Walked> walked;
  std::vector<Window> windows;
  for (int left = 1 + static_cast<int>(random() % 4); left > 0; --left) {
    walked.push_back(RandomWindow(random, change, zone, clock, left));
    windows.push_back(walked.back().window);
  }
  const bool needed = random() % 4 != 0;
  const Reference reference(walked, needed, clock);
  SCOPED_TRACE(Described(change, walked, needed));
  for (const size_t minute : MinutesToAsk(random, walked, clock)) {
    SCOPED_TRACE(absl::FormatTime(clock.At(minute)));
    reference.Check(OpeningAt(windows, needed, clock.At(minute)), minute);
    if (::testing::Test::HasFatalFailure()) return;
    if (random() % 4 != 0) continue;
    const size_t at_least = 1 + random() % 90;
    const auto wanted = reference.Next(minute, at_least);
    if (!wanted.has_value()) continue;
    const auto found =
        NextOpening(windows, needed, clock.At(minute), static_cast<int64_t>(at_least) * kMinute);
    ASSERT_TRUE(found.has_value()) << "of " << at_least << " minutes";
    ASSERT_EQ(*found, (Span{clock.At(wanted->first), clock.At(wanted->second)}));
  }
}

TEST(OpeningPropertyTest, AgreesWithAWalkOverTheMinutesAroundEveryChangeOfEveryZone) {
  const std::vector<ClockChange> changes = ClockChanges();
  ASSERT_GT(changes.size(), 300U) << "the database of zones is missing (package tzdata)";
  std::mt19937 random(20261122);
  for (const ClockChange& change : changes) {
    const absl::TimeZone zone = *LoadZone(change.zone);
    const Clock clock(change.at, zone);
    for (int round = Rounds(); round > 0; --round) {
      CheckAround(random, change, zone, clock);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace dbfleet::controller
