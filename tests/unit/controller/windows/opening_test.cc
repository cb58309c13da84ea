#include "controller/windows/opening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace dbfleet::controller
