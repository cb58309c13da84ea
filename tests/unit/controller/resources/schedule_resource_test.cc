#include "controller/resources/schedule_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/resources/manifest.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

std::string With(const std::string& spec) {
  return "apiVersion: dbfleet/v1\nkind: Schedule\nmetadata: {name: s}\nspec: {" + spec + "}\n";
}
std::string Spec(const std::string& more = "", const std::string& job = "check: {}") {
  return absl::StrCat("environment: qa, cron: \"0 3 * * *\", job: {", job, "}",
                      more.empty() ? "" : ", ", more);
}

std::optional<DeclaredSchedule> Compiled(const std::string& spec) {
  const auto manifests = ParseManifests({{"s.yaml", With(spec)}});
  EXPECT_TRUE(manifests.ok()) << manifests.status();
  if (!manifests.ok()) return std::nullopt;
  config::Problems problems;
  return CompileSchedule(static_cast<const resource::v1::Schedule&>(*manifests->at(0).message),
                         &problems);
}
std::string ProblemOf(const std::string& spec) {
  return std::string(ParseManifests({{"s.yaml", With(spec)}}).status().message());
}

TEST(ScheduleResourceTest, WhatIsLeftOutHasItsDefault) {
  const auto schedule = Compiled(Spec());
  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(schedule->time_zone, "UTC");
  EXPECT_EQ(schedule->overlap, Overlap::kSkip);
  EXPECT_EQ(schedule->times.missed, MissedRuns::kSkip);
  EXPECT_EQ(schedule->times.jitter, absl::ZeroDuration());
  EXPECT_EQ(schedule->times.start_within, kOldestMissed);
  EXPECT_FALSE(schedule->suspended);
  EXPECT_EQ(Compiled(Spec("missed: backfill"))->times.backfill_most, 10);
}

TEST(ScheduleResourceTest, AllItsPartsAreTaken) {
  const auto schedule =
      Compiled(Spec("time_zone: Europe/Berlin, overlap: cancel_running, missed: backfill, "
                    "backfill_most: 3, jitter: 10m, start_within: 2h, suspended: true"));
  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(schedule->time_zone, "Europe/Berlin");
  EXPECT_EQ(schedule->overlap, Overlap::kCancelRunning);
  EXPECT_EQ(schedule->times.missed, MissedRuns::kBackfill);
  EXPECT_EQ(schedule->times.backfill_most, 3);
  EXPECT_EQ(schedule->times.jitter, absl::Minutes(10));
  EXPECT_EQ(schedule->times.start_within, absl::Hours(2));
  EXPECT_TRUE(schedule->suspended);
}

TEST(ScheduleResourceTest, OnlyWhatDecidesItsTimesIsItsTiming) {
  const std::string timing = Compiled(Spec())->Timing();
  EXPECT_EQ(Compiled(Spec("overlap: allow, jitter: 5m"))->Timing(), timing);
  EXPECT_NE(Compiled(Spec("time_zone: Europe/Berlin"))->Timing(), timing);
  EXPECT_NE(Compiled(Spec("suspended: true"))->Timing(), timing);
}

TEST(ScheduleResourceTest, WhatIsWrongIsToldWithItsFieldAndWhatIsWanted) {
  EXPECT_THAT(ProblemOf("cron: \"0 3 * * *\", job: {check: {}}"), HasSubstr("spec.environment"));
  EXPECT_THAT(ProblemOf("environment: qa, job: {check: {}}"), HasSubstr("spec.cron"));
  EXPECT_THAT(ProblemOf("environment: qa, cron: \"0 3 * * *\""), HasSubstr("exactly one"));
  EXPECT_THAT(ProblemOf(Spec("", "check: {}, backup: {}")), HasSubstr("exactly one"));
  EXPECT_THAT(ProblemOf(Spec("overlap: queue")), HasSubstr("queue_one"));
  EXPECT_THAT(ProblemOf(Spec("missed: all")), HasSubstr("run_once"));
  EXPECT_THAT(ProblemOf(Spec("backfill_most: 3")), HasSubstr("missed: backfill"));
  EXPECT_THAT(ProblemOf(Spec("missed: backfill, backfill_most: 1000000")), HasSubstr("1 to 100"));
  EXPECT_THAT(ProblemOf(Spec("jitter: 25h")), HasSubstr("spec.jitter"));
  EXPECT_THAT(ProblemOf("environment: qa, cron: \"*/5 * * * *\", jitter: 6m, job: {check: {}}"),
              HasSubstr("out of order"));
  EXPECT_THAT(ProblemOf(Spec("start_within: 10s")), HasSubstr("spec.start_within"));
  EXPECT_THAT(ProblemOf(Spec("time_zone: Mars/Base")), HasSubstr("spec.time_zone"));
  EXPECT_THAT(ProblemOf(Spec("targets: {engines: [oracle]}")), HasSubstr("spec.targets.engines"));
  EXPECT_THAT(ProblemOf(Spec("", "inspect: {}")), HasSubstr("spec.job.inspect"));
  EXPECT_THAT(ProblemOf(Spec("", "restore: {}")), HasSubstr("restore"));
}

TEST(ScheduleResourceTest, BackupsAndVerificationsCanWaitForAWindow) {
  EXPECT_THAT(ProblemOf(Spec("", "backup: {}, queue: {window: nightly, priority: 80}")), IsEmpty());
  EXPECT_THAT(ProblemOf(Spec("", "verify: {}, queue: {window: nightly, estimate: 20m}")),
              IsEmpty());
  EXPECT_THAT(ProblemOf(Spec("", "check: {}, queue: {window: nightly}")),
              HasSubstr("only backups and verifications"));
  EXPECT_THAT(ProblemOf(Spec("", "backup: {}, queue: {priority: 80}")),
              HasSubstr("spec.job.queue.window"));
  EXPECT_THAT(ProblemOf(Spec("", "backup: {}, queue: {window: nightly, priority: 101}")),
              HasSubstr("from 1 to 100"));
}

TEST(ScheduleResourceTest, WhatThisVersionCannotDoHasToBeSuspended) {
  EXPECT_THAT(ProblemOf(Spec("", "planned: {action: restore test}")), HasSubstr("spec.suspended"));
  EXPECT_THAT(ProblemOf(Spec("suspended: true", "planned: {action: restore test}")), IsEmpty());
}

TEST(ScheduleResourceTest, ThePresetsAreGood) {
  std::ifstream file(absl::StrCat(DBFLEET_SOURCE_DIR, "/deploy/presets/schedules-production.yaml"));
  std::ostringstream text;
  text << file.rdbuf();
  const auto manifests = ParseManifests({{"presets", text.str()}});
  ASSERT_TRUE(manifests.ok()) << manifests.status();
  EXPECT_GT(manifests->size(), 15U);
}

}  // namespace
}  // namespace dbfleet::controller
