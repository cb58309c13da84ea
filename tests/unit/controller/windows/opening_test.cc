#include "controller/windows/opening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/match.h"

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::TimeZone kBerlin = *LoadZone("Europe/Berlin");

absl::Time At(absl::string_view text, absl::TimeZone zone = kBerlin) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", std::string(text), zone, &time, &error)) << error;
  return time;
}

Window Recurring(std::string name, WindowEffect effect, absl::string_view cron,
                 absl::Duration duration, absl::TimeZone zone = kBerlin) {
  Window window;
  window.name = std::move(name);
  window.effect = effect;
  window.times.recurring = *CronExpression::Parse(cron);
  window.times.duration = duration;
  window.times.zone = zone;
  EXPECT_TRUE(CheckTimes(window.times, At("2026-01-01 00:00")).ok());
  return window;
}

Window Once(std::string name, WindowEffect effect, absl::string_view begin, absl::string_view end) {
  Window window;
  window.name = std::move(name);
  window.effect = effect;
  window.times.once = Span{At(begin), At(end)};
  return window;
}

Window Night() { return Recurring("night", WindowEffect::kAllow, "0 22 * * *", absl::Hours(6)); }

TEST(OpeningTest, AWindowIsOpenFromItsBeginUntilBeforeItsEnd) {
  const Window windows[] = {Night()};
  EXPECT_FALSE(OpeningAt(windows, true, At("2026-05-04 21:59")).open);
  const Opening first = OpeningAt(windows, true, At("2026-05-04 22:00"));
  EXPECT_TRUE(first.open);
  EXPECT_EQ(first.window, "night");
  EXPECT_EQ(first.closes, At("2026-05-05 04:00"));
  EXPECT_TRUE(OpeningAt(windows, true, At("2026-05-05 03:59")).open);
  EXPECT_FALSE(OpeningAt(windows, true, At("2026-05-05 04:00")).open);
}

TEST(OpeningTest, WhereNoneIsNeededOnlyAFreezeCloses) {
  EXPECT_TRUE(OpeningAt({}, false, At("2026-05-04 12:00")).open);
  EXPECT_FALSE(OpeningAt({}, true, At("2026-05-04 12:00")).open);
  const Window windows[] = {
      Once("sale", WindowEffect::kDeny, "2026-11-27 00:00", "2026-11-30 00:00")};
  const Opening before = OpeningAt(windows, false, At("2026-11-26 12:00"));
  EXPECT_TRUE(before.open);
  EXPECT_EQ(before.closes, At("2026-11-27 00:00"));
  EXPECT_FALSE(OpeningAt(windows, false, At("2026-11-28 12:00")).open);
}

TEST(OpeningTest, AFreezeWinsOverAWindowAndIsNamed) {
  const Window windows[] = {
      Night(), Once("sale", WindowEffect::kDeny, "2026-11-27 00:00", "2026-11-30 00:00")};
  const Opening opening = OpeningAt(windows, true, At("2026-11-28 23:00"));
  EXPECT_FALSE(opening.open);
  ASSERT_EQ(opening.frozen_by.size(), 1U);
  EXPECT_EQ(opening.frozen_by[0].name, "sale");
  EXPECT_EQ(opening.frozen_by[0].until, At("2026-11-30 00:00"));
  // The night before closes when the freeze begins.
  EXPECT_EQ(OpeningAt(windows, true, At("2026-11-26 23:00")).closes, At("2026-11-27 00:00"));
}

TEST(OpeningTest, WindowsThatTouchAreOneOpening) {
  const Window windows[] = {
      Night(), Recurring("morning", WindowEffect::kAllow, "0 4 * * *", absl::Hours(2))};
  EXPECT_EQ(OpeningAt(windows, true, At("2026-05-04 23:00")).closes, At("2026-05-05 06:00"));
}

TEST(OpeningTest, OfWindowsThatEndTogetherTheStrictestSaysWhatHappens) {
  Window cancelling = Night();
  cancelling.name = "cancelling";
  cancelling.overrun = Overrun::kCancel;
  Window pausing = Night();
  pausing.name = "pausing";
  pausing.overrun = Overrun::kPause;
  const Window windows[] = {pausing, cancelling, Night()};
  const Opening opening = OpeningAt(windows, true, At("2026-05-04 23:00"));
  EXPECT_EQ(opening.window, "cancelling");
  EXPECT_EQ(opening.overrun, Overrun::kCancel);
}

TEST(OpeningTest, ItsLengthIsElapsedTimeAlsoWhenTheClockChanges) {
  const Window windows[] = {Night()};
  EXPECT_EQ(OpeningAt(windows, true, At("2026-03-28 23:00")).closes, At("2026-03-29 05:00"));
  EXPECT_EQ(OpeningAt(windows, true, At("2026-10-24 23:00")).closes, At("2026-10-25 03:00"));
}

TEST(OpeningTest, OccurrencesOutsideOfItsValidityDoNotExist) {
  Window window = Night();
  window.times.not_before = At("2026-05-05 22:00");
  window.times.not_after = At("2026-05-06 22:00");
  const Window windows[] = {window};
  EXPECT_FALSE(OpeningAt(windows, true, At("2026-05-04 23:00")).open);
  EXPECT_TRUE(OpeningAt(windows, true, At("2026-05-05 23:00")).open);
  EXPECT_TRUE(OpeningAt(windows, true, At("2026-05-07 03:00")).open);
  EXPECT_FALSE(OpeningAt(windows, true, At("2026-05-07 23:00")).open);
}

TEST(NextOpeningTest, FindsTheFirstThatIsLongEnough) {
  const Window windows[] = {Night(),
                            Recurring("lunch", WindowEffect::kAllow, "0 12 * * *", absl::Hours(1))};
  const absl::Time morning = At("2026-05-04 08:00");
  EXPECT_EQ(NextOpening(windows, true, morning, absl::Minutes(30))->begin, At("2026-05-04 12:00"));
  EXPECT_EQ(NextOpening(windows, true, morning, absl::Hours(2))->begin, At("2026-05-04 22:00"));
  EXPECT_FALSE(NextOpening(windows, true, morning, absl::Hours(7)).has_value());
  // What is left of the one that is open is not enough.
  EXPECT_EQ(NextOpening(windows, true, At("2026-05-04 12:45"), absl::Minutes(30))->begin,
            At("2026-05-04 22:00"));
}

TEST(NextOpeningTest, FreezesCutOpenings) {
  const Window windows[] = {
      Night(), Recurring("batch", WindowEffect::kDeny, "0 0 * * *", absl::Hours(1)),
      Once("sale", WindowEffect::kDeny, "2026-05-04 00:00", "2026-05-08 00:00")};
  const auto opening = NextOpening(windows, true, At("2026-05-04 08:00"), absl::Minutes(150));
  ASSERT_TRUE(opening.has_value());
  EXPECT_EQ(opening->begin, At("2026-05-08 01:00"));
  EXPECT_EQ(opening->end, At("2026-05-08 04:00"));
}

TEST(NextOpeningTest, NoWindowAtAllIsNeverOpenWhereOneIsNeeded) {
  EXPECT_FALSE(NextOpening({}, true, At("2026-05-04 08:00"), absl::Minutes(1)).has_value());
  EXPECT_EQ(NextOpening({}, false, At("2026-05-04 08:00"), absl::Minutes(1))->begin,
            At("2026-05-04 08:00"));
}

TEST(CheckTimesTest, WhatIsNoWindowIsRefusedWithTheReason) {
  const absl::Time now = At("2026-01-01 00:00");
  const auto refused = [&](const WindowTimes& times, absl::string_view says) {
    const absl::Status status = CheckTimes(times, now);
    EXPECT_EQ(ReasonOf(status), "BAD_WINDOW");
    EXPECT_TRUE(absl::StrContains(status.message(), says)) << status;
  };
  WindowTimes times;
  refused(times, "either");
  times.once = Span{now, now};
  refused(times, "at least a minute");
  times.once.reset();
  times.recurring = *CronExpression::Parse("0 * * * *");
  refused(times, "a duration from 1m");
  times.duration = absl::Hours(24 * 32);
  refused(times, "31d");
  times.duration = absl::Hours(1);
  refused(times, "never closes");
  times.duration = absl::Minutes(59);
  EXPECT_TRUE(CheckTimes(times, now).ok());
  times.not_before = now;
  times.not_after = now - absl::Hours(1);
  refused(times, "over before it begins");
}

// --- Against a walk over the minutes -----------------------------------------------------------

// The minutes from `begin` to `end` that the window covers: asks each minute whether one begins.
std::vector<bool> Covered(const Window& window, absl::Time begin, absl::Time end) {
  const auto minutes = static_cast<size_t>((end - begin) / absl::Minutes(1));
  std::vector<bool> covered(minutes, false);
  if (window.times.once.has_value()) {
    for (size_t i = 0; i < minutes; ++i) {
      covered[i] = window.times.once->Contains(begin + static_cast<int64_t>(i) * absl::Minutes(1));
    }
    return covered;
  }
  constexpr absl::Duration kLongest = absl::Hours(4);
  for (absl::Time minute = begin - kLongest; minute < end; minute += absl::Minutes(1)) {
    if (window.times.recurring->Next(minute - absl::Minutes(1), window.times.zone) != minute) {
      continue;
    }
    for (absl::Time t = minute; t < minute + window.times.duration; t += absl::Minutes(1)) {
      if (t >= begin && t < end)
        covered[static_cast<size_t>((t - begin) / absl::Minutes(1))] = true;
    }
  }
  return covered;
}

// Deny wins.
std::vector<std::pair<absl::Time, bool>> Walk(const std::vector<Window>& windows, bool needed,
                                              absl::Time begin, absl::Time end) {
  std::vector<std::pair<absl::Time, bool>> walk;
  for (absl::Time t = begin; t < end; t += absl::Minutes(1)) walk.emplace_back(t, !needed);
  for (WindowEffect effect : {WindowEffect::kAllow, WindowEffect::kDeny}) {
    for (const Window& window : windows) {
      if (window.effect != effect) continue;
      const std::vector<bool> covered = Covered(window, begin, end);
      for (size_t i = 0; i < walk.size(); ++i) {
        if (covered[i]) walk[i].second = effect == WindowEffect::kAllow;
      }
    }
  }
  return walk;
}

std::vector<Window> RandomWindows(std::mt19937* random, absl::Time around) {
  static const char* const kCrons[] = {"30 1 * * *", "0 */5 * * *", "15 2,3 * * *", "0 0 * * 0",
                                       "45 23 * * *"};
  static const absl::Duration kLengths[] = {absl::Minutes(20), absl::Minutes(75), absl::Hours(4)};
  std::vector<Window> windows;
  const int count = 1 + static_cast<int>((*random)() % 4);
  for (int i = 0; i < count; ++i) {
    const WindowEffect effect = (*random)() % 3 == 0 ? WindowEffect::kDeny : WindowEffect::kAllow;
    if ((*random)() % 4 == 0) {
      Window window;
      window.effect = effect;
      const absl::Time begin =
          around + absl::Minutes(static_cast<int>((*random)() % 2000)) - absl::Minutes(1000);
      window.times.once =
          Span{begin, begin + absl::Minutes(1 + static_cast<int>((*random)() % 600))};
      windows.push_back(window);
    } else {
      windows.push_back(Recurring("w", effect, kCrons[(*random)() % std::size(kCrons)],
                                  kLengths[(*random)() % std::size(kLengths)]));
    }
  }
  return windows;
}

TEST(OpeningPropertyTest, AgreesWithAWalkOverTheMinutesAroundChangesOfTheClock) {
  std::mt19937 random(20261120);
  for (int round = 0; round < 40; ++round) {
    const absl::Time change = round % 2 == 0 ? At("2026-03-29 03:00") : At("2026-10-25 03:00");
    const std::vector<Window> windows = RandomWindows(&random, change);
    const bool needed = random() % 4 != 0;
    const auto walk = Walk(windows, needed, change - absl::Hours(8), change + absl::Hours(30));
    for (size_t i = 0; i < walk.size(); i += 7) {
      const auto [minute, open] = walk[i];
      const Opening opening = OpeningAt(windows, needed, minute);
      ASSERT_EQ(opening.open, open) << "round " << round << " at " << minute;
      // The walk's next change must be what was foretold.
      size_t next = i;
      while (next < walk.size() && walk[next].second == open) ++next;
      if (next == walk.size()) continue;
      if (open) {
        ASSERT_EQ(opening.closes, walk[next].first) << "round " << round << " at " << minute;
      } else {
        const auto found = NextOpening(windows, needed, minute, absl::Minutes(1));
        ASSERT_TRUE(found.has_value());
        ASSERT_EQ(found->begin, walk[next].first) << "round " << round << " at " << minute;
      }
    }
  }
}

}  // namespace
}  // namespace dbfleet::controller
