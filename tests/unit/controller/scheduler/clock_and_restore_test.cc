#include <random>
#include <set>

#include "controller/audit/recovery.h"
#include "tests/unit/controller/scheduler/scheduler_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ClockAndRestoreTest : public SchedulerFixture {
 protected:
  void DemandRecovery() {
    RecoveryDemand demand;
    demand.why = "restored";
    demand.since = clock_.Now();
    demand.by_restore = true;
    PutSetting(RecoverySetting(), RecoverySettingValue(demand));
  }
  void PutSetting(const std::string& key, const std::string& value) {
    ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.PutSetting(key, value); }).ok());
  }
  // As `dbfleet-controller recover` does while the controller is stopped.
  void EndRecovery() {
    PutSetting(RecoverySetting(), "");
    PutSetting("recovery.acknowledged_epoch", "1800000000");
  }
};

TEST_F(ClockAndRestoreTest, AClockThatIsSetBackRunsNothingTwice) {
  AddInstances(1);
  Declare("minutely", "*/5 * * * *", "overlap: allow");
  Boot();
  Pass(absl::Minutes(11));
  EXPECT_THAT(JobsOf("minutely"), SizeIs(2));
  clock_.JumpWallClock(-absl::Minutes(11));
  Pass(absl::Minutes(11));
  EXPECT_THAT(JobsOf("minutely"), SizeIs(2));
  Pass(absl::Minutes(5));
  EXPECT_THAT(JobsOf("minutely"), SizeIs(3));
  EXPECT_THAT(Records("schedule.begin"), SizeIs(3));
}

TEST_F(ClockAndRestoreTest, AClockThatWasAheadForAWhileDoesNotSilenceASchedule) {
  AddInstances(1);
  Declare("minutely", "*/5 * * * *", "overlap: allow");
  Boot();
  clock_.JumpWallClock(absl::Hours(24 * 365));
  Pass(absl::Minutes(6));
  const size_t ahead = JobsOf("minutely").size();
  clock_.JumpWallClock(-absl::Hours(24 * 365));
  Pass(absl::Minutes(11));
  EXPECT_EQ(JobsOf("minutely").size(), ahead + 2);
}

TEST_F(ClockAndRestoreTest, WhatWasSkippedUnderAWrongClockRunsWhenItsTimeReallyComes) {
  AddInstances(1);
  Declare("hourly", "@hourly", "overlap: allow");
  Boot();
  Sleep(absl::Hours(1) + absl::Minutes(30));  // 09:30: 09:00 was missed.
  Boot();
  EXPECT_THAT(Told("hourly"), ElementsAre("09:00 skipped MISSED"));
  clock_.JumpWallClock(-absl::Hours(1));  // 08:30
  Pass(absl::Minutes(31));
  EXPECT_THAT(Told("hourly"), ElementsAre("09:00 running"));
}

class RandomLifeTest : public ClockAndRestoreTest, public ::testing::WithParamInterface<int> {};

// Whatever becomes of clock and controller, no nominal time gets two jobs.
TEST_P(RandomLifeTest, NoTimeIsRunTwiceWhateverTheClockAndTheControllerDo) {
  AddInstances(1);
  const int seed = GetParam();
  std::mt19937 random(seed);
  const char* const kMissed[] = {"skip", "run_once", "backfill"};
  Declare("random", seed % 2 == 0 ? "*/3 * * * *" : "*/7 * * * *",
          absl::StrCat("overlap: allow, jitter: ", seed % 3, "m, missed: ", kMissed[seed % 3]));
  Boot();
  for (int step = 0; step < 40; ++step) {
    switch (random() % 5) {
      case 0:
        clock_.JumpWallClock(absl::Seconds(static_cast<int>(random() % 7200) - 3600));
        break;
      case 1:
        Sleep(absl::Seconds(static_cast<int>(random() % 3600)));
        Boot();
        break;
      case 2:
        store_.FailCommits(static_cast<int>(random() % 3), absl::UnavailableError("busy"));
        break;
      default:
        break;
    }
    Pass(absl::Seconds(1 + random() % 200));
  }
  std::set<absl::Time> begun;
  std::set<std::string> jobs;
  for (const OccurrenceView& view : History("random")) {
    EXPECT_TRUE(begun.insert(view.occurrence.nominal).second);
    EXPECT_LE(view.occurrence.jobs, 1);
  }
  for (const Job& job : JobsOf("random")) EXPECT_TRUE(jobs.insert(job.request_key).second);
  EXPECT_GT(jobs.size(), 5U);
  std::set<std::string> begins;
  for (const AuditRow& row : Records("schedule.begin")) {
    EXPECT_TRUE(begins.insert(row.entry.details.at("occurrence")).second);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLifeTest, ::testing::Range(0, 24));

TEST_F(ClockAndRestoreTest, InRecoveryNothingIsDecidedAndAfterItNothingOlderRuns) {
  agent_.Connect();
  Declare("once", "*/10 * * * *", "missed: run_once");
  Declare("queued", "*/10 * * * *", "overlap: queue_one");
  Boot();
  Pass(absl::Minutes(21));
  EXPECT_THAT(Told("queued"), ElementsAre("08:20 pending", "08:10 running"));
  ASSERT_TRUE(runs_.Run({"users/ada", ""}, "queued", "").status().code() ==
              absl::StatusCode::kFailedPrecondition);

  // The controller is restored from a copy as of now, half an hour later.
  const absl::Time copied = clock_.Now();
  DemandRecovery();
  Sleep(absl::Minutes(30));
  Boot();
  Pass(absl::Minutes(11));
  EXPECT_THAT(Told("queued"), ElementsAre("08:20 pending", "08:10 running"));
  EXPECT_EQ(ReasonOf(runs_.Run({"users/ada", ""}, "once", "").status()), "IN_RECOVERY");

  EndRecovery();
  Reboot();
  Pass(absl::Seconds(5));
  EXPECT_THAT(Told("queued"), ElementsAre("08:20 cancelled RESTORED", "08:10 cancelled"));
  for (const OccurrenceView& view : History("once")) {
    EXPECT_LE(view.occurrence.nominal, copied) << "made up for";
  }
  EXPECT_THAT(Records("schedule.restored"), SizeIs(1));
  // From then on it goes on as ever.
  Pass(absl::Minutes(10));
  EXPECT_EQ(Told("once").front(), "09:10 running");
  EXPECT_THAT(Records("schedule.restored"), SizeIs(1));
}

TEST_F(ClockAndRestoreTest, ARunByHandIsAuditedBeginsAtOnceAndIsOneForEachRequest) {
  AddInstances(1);
  SetRoles("ada", {Role::kOperator});
  Declare("nightly", "0 3 * * *", "suspended: true");
  Boot();
  const auto run = runs_.Run({"users/ada", "r1"}, "nightly", "ticket 4711");
  ASSERT_TRUE(run.ok()) << run.status();
  const auto again = runs_.Run({"users/ada", "r1"}, "nightly", "ticket 4711");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(run->occurrence.id, again->occurrence.id);
  Pass(absl::Seconds(1));
  EXPECT_THAT(JobsOf("nightly"), SizeIs(1));
  ASSERT_THAT(Records("schedule.run"), SizeIs(1));
  EXPECT_EQ(Records("schedule.run")[0].entry.actor, "users/ada");
  EXPECT_EQ(Records("schedule.run")[0].entry.details.at("reason"), "ticket 4711");
  EXPECT_EQ(ReasonOf(runs_.Run({"users/ada", "r2"}, "nightly", "").status()), "SCHEDULE_BUSY");
  EXPECT_EQ(ReasonOf(runs_.Run({"users/ada", "r3"}, "nigthly", "").status()), "SCHEDULE_NOT_FOUND");
}

TEST_F(ClockAndRestoreTest, RunsByHandOfOneSecondAreListedInTheOrderInWhichTheyWereAskedFor) {
  AddInstances(1);
  SetRoles("ada", {Role::kOperator});
  Declare("nightly", "0 3 * * *", "overlap: allow");
  Boot();
  std::vector<std::string> asked;
  for (int i = 0; i < 6; ++i) {
    const auto run = runs_.Run({"users/ada", ""}, "nightly", "");
    ASSERT_TRUE(run.ok()) << run.status();
    asked.insert(asked.begin(), run->occurrence.id);
  }
  std::vector<std::string> listed;  // Newest first.
  for (const OccurrenceView& view : History("nightly")) listed.push_back(view.occurrence.id);
  EXPECT_EQ(listed, asked);
}

TEST_F(ClockAndRestoreTest, WhatComesNextIsToldWithItsJitter) {
  AddInstances(1);
  Declare("jittery", "0 * * * *", "jitter: 30m");
  Boot();
  const auto next = runs_.Next("jittery", 3);
  ASSERT_TRUE(next.ok()) << next.status();
  ASSERT_THAT(next->times, SizeIs(3));
  EXPECT_EQ(next->times[0].nominal, clock_.Now() + absl::Hours(1));
  clock_.Advance(next->times[0].due - clock_.Now() - absl::Seconds(1));
  executor_.RunAll();
  EXPECT_THAT(JobsOf("jittery"), IsEmpty());
  EXPECT_EQ(runs_.Next("jittery", 1)->times[0].due, next->times[0].due);
  Pass(absl::Seconds(2));
  EXPECT_THAT(JobsOf("jittery"), SizeIs(1));
  EXPECT_EQ(runs_.Next("jittery", 1)->times[0].nominal, next->times[1].nominal);
}

}  // namespace
}  // namespace dbfleet::controller
