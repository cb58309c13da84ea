#include "controller/windows/cover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

absl::Time At(int hour) {
  return absl::FromCivil(absl::CivilHour(2026, 6, 1, hour), absl::UTCTimeZone());
}

DeclaredWindow Declared(const std::string& name, WindowEffect effect, Span span,
                        std::vector<std::string> environments = {},
                        std::map<std::string, std::string> labels = {}) {
  DeclaredWindow declared;
  declared.window.name = name;
  declared.window.effect = effect;
  declared.window.times.once = span;
  declared.environments = std::move(environments);
  declared.labels = std::move(labels);
  return declared;
}
DeclaredWindow Freeze(const std::string& name, int from, int until,
                      std::vector<std::string> environments = {},
                      std::map<std::string, std::string> labels = {}) {
  return Declared(name, WindowEffect::kDeny, {At(from), At(until)}, std::move(environments),
                  std::move(labels));
}

// Of an opening from 2 to 6 o'clock.
FreezeCover Over(const std::vector<DeclaredWindow>& freezes,
                 std::vector<std::string> environments = {},
                 std::map<std::string, std::string> labels = {},
                 const std::vector<std::string>& asked = {}) {
  const Span span{At(2), At(6)};
  const DeclaredWindow opened =
      Declared("w", WindowEffect::kAllow, span, std::move(environments), std::move(labels));
  std::vector<DeclaredWindow> all = freezes;
  all.push_back(opened);
  return CoverOf(opened, span, asked, all);
}

TEST(CoverTest, AFreezeOverAllOfItCoversIt) {
  EXPECT_THAT(Over({Freeze("f", 2, 6)}).wholly, ElementsAre("f"));
  EXPECT_THAT(Over({Freeze("f", 0, 9)}).wholly, ElementsAre("f"));
  EXPECT_THAT(Over({Freeze("f", 0, 9)}).partly, IsEmpty());
}

TEST(CoverTest, WhatEndsBeforeOrBeginsBehindItIsNotOverIt) {
  const FreezeCover cover = Over({Freeze("before", 0, 2), Freeze("behind", 6, 9)});
  EXPECT_THAT(cover.wholly, IsEmpty());
  EXPECT_THAT(cover.partly, IsEmpty());
}

TEST(CoverTest, AnHourThatIsLeftIsAnHour) {
  for (const auto& [from, until] : {std::pair(0, 5), std::pair(3, 9), std::pair(3, 5)}) {
    const FreezeCover cover = Over({Freeze("f", from, until)});
    EXPECT_THAT(cover.wholly, IsEmpty());
    EXPECT_THAT(cover.partly, ElementsAre("f"));
  }
}

TEST(CoverTest, SeveralMayCoverItTogether) {
  EXPECT_THAT(Over({Freeze("b", 4, 6), Freeze("a", 1, 4)}).wholly, ElementsAre("b", "a"));
  EXPECT_THAT(Over({Freeze("b", 5, 6), Freeze("a", 1, 4)}).partly, ElementsAre("a", "b"));
}

TEST(CoverTest, ARecurringOneCoversByItsOccurrences) {
  DeclaredWindow freeze = Freeze("f", 0, 1);
  freeze.window.times.once.reset();
  freeze.window.times.recurring = *CronExpression::Parse("0 * * * *");
  freeze.window.times.zone = absl::UTCTimeZone();
  freeze.window.times.duration = absl::Hours(1);
  EXPECT_THAT(Over({freeze}).wholly, ElementsAre("f"));
  freeze.window.times.duration = absl::Minutes(59);
  EXPECT_THAT(Over({freeze}).partly, ElementsAre("f"));
}

TEST(CoverTest, OverSomeOfWhatItIsForIsInPart) {
  const auto qa = Freeze("f", 0, 9, {"qa"});
  EXPECT_THAT(Over({qa}, {"qa"}).wholly, ElementsAre("f"));
  EXPECT_THAT(Over({qa}, {"qa", "production"}).partly, ElementsAre("f"));
  EXPECT_THAT(Over({qa}).partly, ElementsAre("f")) << "a window for all";
  EXPECT_THAT(Over({qa}, {"production"}).partly, IsEmpty());
  // Two that have an environment each lie over half of it, each.
  EXPECT_THAT(Over({qa, Freeze("g", 0, 9, {"production"})}, {"qa", "production"}).partly,
              ElementsAre("f", "g"));
}

TEST(CoverTest, WhoAsksForOneEnvironmentIsAnsweredForThat) {
  const auto qa = Freeze("f", 0, 9, {"qa"});
  EXPECT_THAT(Over({qa}, {}, {}, {"qa"}).wholly, ElementsAre("f"));
  EXPECT_THAT(Over({qa}, {"qa", "production"}, {}, {"qa"}).wholly, ElementsAre("f"));
  EXPECT_THAT(Over({qa}, {}, {}, {"production"}).partly, IsEmpty());
}

TEST(CoverTest, LabelsAreComparedByWhatIsWritten) {
  const auto primaries = Freeze("f", 0, 9, {}, {{"role", "primary"}});
  EXPECT_THAT(Over({primaries}).partly, ElementsAre("f"));
  EXPECT_THAT(Over({primaries}, {}, {{"role", "primary"}, {"tier", "1"}}).wholly, ElementsAre("f"));
  const FreezeCover others = Over({primaries}, {}, {{"role", "replica"}});
  EXPECT_THAT(others.wholly, IsEmpty());
  EXPECT_THAT(others.partly, IsEmpty());
}

// Each opening is asked for by whoever lists a year of them.
TEST(CoverTest, MoreThanTwentyInTurnAreToldAsOverAPart) {
  const auto every_second = [](const char* name, const char* minutes) {
    DeclaredWindow freeze = Freeze(name, 0, 1);
    freeze.window.times.once.reset();
    freeze.window.times.recurring = *CronExpression::Parse(minutes);
    freeze.window.times.zone = absl::UTCTimeZone();
    return freeze;
  };
  DeclaredWindow even = every_second("even", "0/30 * * * *");
  DeclaredWindow odd = every_second("odd", "15/30 * * * *");
  even.window.times.duration = odd.window.times.duration = absl::Minutes(15);
  EXPECT_THAT(Over({even, odd}).wholly, ElementsAre("even", "odd"));
  even.window.times.recurring = *CronExpression::Parse("0/10 * * * *");
  odd.window.times.recurring = *CronExpression::Parse("5/10 * * * *");
  even.window.times.duration = odd.window.times.duration = absl::Minutes(5);
  EXPECT_THAT(Over({even, odd}).partly, ElementsAre("even", "odd"));
}

}  // namespace
}  // namespace dbfleet::controller
