#include "controller/resources/window_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "controller/resources/manifest.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;

std::string WindowWith(const std::string& spec) {
  return "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: w}\nspec:\n" + spec;
}

DeclaredWindow Compiled(const std::string& spec) {
  const auto manifests = ParseManifests({{"w.yaml", WindowWith(spec)}});
  EXPECT_TRUE(manifests.ok()) << manifests.status();
  if (!manifests.ok()) return {};
  config::Problems problems;
  DeclaredWindow declared = CompileWindow(
      static_cast<const resource::v1::MaintenanceWindow&>(*manifests->at(0).message), &problems);
  EXPECT_TRUE(problems.ToStatus().ok());
  return declared;
}

std::string ProblemOf(const std::string& spec) {
  return std::string(ParseManifests({{"w.yaml", WindowWith(spec)}}).status().message());
}

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

TEST(WindowResourceTest, ARecurringWindowIsCompiledWithAllItsParts) {
  const DeclaredWindow declared = Compiled(R"(  effect: deny
  selector:
    environments: [qa, production]
    labels: {tier: "1"}
  recurring:
    cron: "0 2 * * sat"
    time_zone: Europe/Berlin
    duration: 4h
    not_before: 2026-01-01T00:00:00Z
    not_after: 2026-12-31T23:00:00-01:00
  overrun: cancel
)");
  EXPECT_EQ(declared.window.name, "w");
  EXPECT_EQ(declared.window.effect, WindowEffect::kDeny);
  EXPECT_EQ(declared.window.overrun, Overrun::kCancel);
  EXPECT_EQ(declared.environments, (std::vector<std::string>{"qa", "production"}));
  EXPECT_EQ(declared.labels, (std::map<std::string, std::string>{{"tier", "1"}}));
  EXPECT_EQ(declared.time_zone, "Europe/Berlin");
  const WindowTimes& times = declared.window.times;
  EXPECT_FALSE(times.once.has_value());
  EXPECT_EQ(times.duration, absl::Hours(4));
  EXPECT_EQ(times.not_before, At("2026-01-01T00:00:00Z"));
  EXPECT_EQ(times.not_after, At("2027-01-01T00:00:00Z"));
  // The second Saturday of July 2026, at two in the morning of Berlin.
  const auto next = NextOccurrence(times, At("2026-07-05T00:00:00Z"));
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->begin, At("2026-07-11T02:00:00+02:00"));
}

TEST(WindowResourceTest, AOneOffWindowIsTheSpanThatItNames) {
  const DeclaredWindow declared = Compiled(
      "  once: {begin: \"2026-12-24T18:00:00+01:00\", end: \"2026-12-27T06:00:00+01:00\"}\n");
  ASSERT_TRUE(declared.window.times.once.has_value());
  EXPECT_EQ(declared.window.times.once->begin, At("2026-12-24T17:00:00Z"));
  EXPECT_EQ(declared.window.times.once->end, At("2026-12-27T05:00:00Z"));
  EXPECT_EQ(declared.window.effect, WindowEffect::kAllow);
  EXPECT_EQ(declared.window.overrun, Overrun::kFinish);
}

TEST(WindowResourceTest, ItCarriesOneJobAtATimeUnlessItSaysMore) {
  const std::string recurring = "  recurring: {cron: \"0 2 * * 6\", duration: 4h}\n";
  EXPECT_EQ(Compiled(recurring).parallel, 1);
  EXPECT_EQ(Compiled(recurring + "  parallel: 3\n").parallel, 3);
}

TEST(WindowResourceTest, WhatIsWrongIsToldWithItsFieldAndPlace) {
  const std::string recurring = "  recurring: {cron: \"0 2 * * 6\", duration: 4h}\n";
  const std::string once =
      "  once: {begin: \"2026-12-24T18:00:00Z\", end: \"2026-12-25T18:00:00Z\"}\n";
  const std::pair<std::string, const char*> kCases[] = {
      {recurring + "  effect: maybe\n", "w.yaml:6:3: spec.effect: allow or deny is wanted"},
      {recurring + "  overrun: stop\n", "spec.overrun: finish, pause or cancel"},
      {recurring + "  parallel: 0\n", "spec.parallel: is from 1 to 1000"},
      {recurring + "  effect: deny\n  parallel: 2\n", "spec.parallel: a freeze carries no work"},
      {recurring + once, "exactly one of once"},
      {"  effect: deny\n", "exactly one of once"},
      {"  once: {begin: tomorrow, end: \"2026-12-25T18:00:00Z\"}\n", "spec.once.begin"},
      {"  once: {begin: \"2026-12-24T18:00:00\", end: \"2026-12-25T18:00:00Z\"}\n",
       "a moment with its offset is wanted"},
      {"  recurring: {cron: \"0 25 * * *\", duration: 4h}\n", "spec.recurring.cron"},
      {"  recurring: {cron: \"0 2 * * 6\"}\n", "spec.recurring.duration: is needed"},
      {"  recurring: {cron: \"0 2 * * 6\", duration: 4h, time_zone: Mars/Olympus}\n",
       "spec.recurring.time_zone"},
      {"  recurring: {cron: \"0 2 * * 6\", duration: 4h, not_after: never}\n",
       "spec.recurring.not_after"},
      {"  recurring: {cron: \"0 2 * * 6\", duration: 4h, zone: UTC}\n", "zone"},
  };
  for (const auto& [spec, problem] : kCases) {
    EXPECT_THAT(ProblemOf(spec), HasSubstr(problem)) << spec;
  }
}

}  // namespace
}  // namespace dbfleet::controller
