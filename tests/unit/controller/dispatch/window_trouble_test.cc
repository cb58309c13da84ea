// Windows and freezes in combination with what goes wrong: races with their ends, failures, expiry,
// pauses, backups that grow old while a change waits.
#include <gtest/gtest.h>

#include "absl/strings/match.h"

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

using WindowTroubleTest = WindowFixture;

// Granted in the window, and refused by the agent as too late: nothing has begun, so the window's
// leave to finish behind it does not count.
TEST_F(WindowTroubleTest, WhatDidNotBeginAfterAllWaitsForTheNextWindow) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1)),
           Once("tomorrow", absl::Hours(24), absl::Hours(1))});
  const Job job = Approved();
  AddVerifiedBackup();
  const agent::v1::Offer offer = Unanswered();
  agent_.Accept(offer);
  EXPECT_EQ(StateOf(job.id), "rolling");
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  EXPECT_EQ(StateOf(job.id), "ready");
  Pass(absl::Minutes(1));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "window: no maintenance window is open"));
}

TEST_F(WindowTroubleTest, WhatDidNotBeginInAnOpenWindowIsOfferedAgain) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1))});
  const Job job = Approved();
  const agent::v1::Offer offer = Unanswered();
  agent_.Accept(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  Pass(absl::Seconds(2));
  ASSERT_TRUE(IsOffered());
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

// One of two targets has begun: the job goes on behind the window, the other one included.
TEST_F(WindowTroubleTest, OneThatDidNotBeginBesideOneThatDidGoesOn) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Begun();
  const agent::v1::Offer second = Unanswered();
  agent_.Accept(second);
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(second, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  EXPECT_EQ(StateOf(job.id), "rolling");
  Pass(absl::Seconds(2));
  Run(Unanswered(), MakeMigrated());
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

// Granted is not begun: if no target has begun when the window closes, none may behind it.
TEST_F(WindowTroubleTest, WhatWasOnlyGrantedGivesNoLeaveToGoOn) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1)),
           Once("tomorrow", absl::Hours(24), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Unanswered();
  const agent::v1::Offer second = Unanswered();
  agent_.Accept(first);
  agent_.Accept(second);
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(second, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  Pass(absl::Seconds(2));
  ExpectPaused(job.id);
}

// It waits for its migration lock, which another tool may hold: behind the close it is too late,
// too.
TEST_F(WindowTroubleTest, WhatRunsAndHasReportedNoStatementGivesNoLeaveToGoOn) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1)),
           Once("tomorrow", absl::Hours(24), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Unanswered();
  agent_.Accept(first);
  agent_.Start(first);
  clock_.JumpWallClock(absl::Hours(1));
  ExpectPaused(job.id);
  agent_.Finish(first, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  Pass(absl::Seconds(6));
  EXPECT_FALSE(IsOffered());
  EXPECT_EQ(StateOf(job.id), "paused");
}

// As after any pause: which of the two came first nobody can say, and the stricter answer stays.
TEST_F(WindowTroubleTest, AStatementThatIsReportedBehindTheCloseTakesNoOtherTargetAlong) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Unanswered();
  agent_.Accept(first);
  agent_.Start(first);
  clock_.JumpWallClock(absl::Hours(1));
  ExpectPaused(job.id);
  Step(first);
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Seconds(6));
  EXPECT_FALSE(IsOffered());
  EXPECT_EQ(StateOf(job.id), "paused");
}

// Its statement waited for a lock in vain until it was too late.
TEST_F(WindowTroubleTest, AStatementOfWhatDidNotBeginIsNoBeginOfItsNextAttempt) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1)),
           Once("tomorrow", absl::Hours(24), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Begun();
  agent_.Finish(first, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  Pass(absl::Seconds(2));
  Unanswered();  // The other target.
  const agent::v1::Offer again = Unanswered();
  ASSERT_EQ(again.task_id(), first.task_id());
  agent_.Accept(again);
  agent_.Start(again);
  clock_.JumpWallClock(absl::Hours(1));
  Pass(absl::Seconds(6));
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "window: ")) << WhyOf(job.id);
}

TEST_F(WindowTroubleTest, AFenceThatWasTooLowIsNoBegin) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1))});
  const Job job = Approved();
  const agent::v1::Offer offer = Unanswered();
  agent_.Accept(offer);
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "STALE_FENCE");
  Pass(absl::Seconds(2));
  ExpectPaused(job.id);
}

// A target whose agent is away for days does not begin on a Tuesday because another one began on
// Saturday night.
TEST_F(WindowTroubleTest, AfterABreakTheRestNeedsAWindowAgain) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1)),
           Once("next week", absl::Hours(24 * 6), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"});
  Run(Unanswered(), MakeMigrated());
  const agent::v1::Offer second = Unanswered();
  clock_.JumpWallClock(absl::Hours(8));
  const int grants = agent_.Grants();
  agent_.Accept(second);
  EXPECT_EQ(agent_.Grants(), grants);
  EXPECT_EQ(StateOf(job.id), "paused");
  EXPECT_EQ(JobOf(job.id).error_reason, "WINDOW_CLOSED");
}

TEST_F(WindowTroubleTest, WhatExpiresWhileItsWindowIsClosedIsPartial) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"}, 1, absl::Hours(5));
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ExpectPaused(job.id);
  clock_.JumpWallClock(absl::Hours(4));
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "partial");
  EXPECT_EQ(JobOf(job.id).error_reason, "EXPIRED");
}

// What failed is told at once, and not when the next window opens.
TEST_F(WindowTroubleTest, AFailureIsNotHiddenBehindAClosedWindow) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  ExpectPaused(job.id);
  agent_.Finish(first, agent::v1::OUTCOME_FAILED, {}, "DATABASE_ERROR");
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "failed");
  EXPECT_EQ(JobOf(job.id).error_reason, "DATABASE_ERROR");
}

TEST_F(WindowTroubleTest, WhatNeedsAPersonIsNotHiddenEither) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  ExpectPaused(job.id);
  agent_.Finish(first, agent::v1::OUTCOME_INTERRUPTED);
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "paused");
  EXPECT_EQ(JobOf(job.id).error_reason, "NEEDS_PERSON");
}

// An offer that is accepted between the close and the scheduler's look must not turn the cancel
// into a pause that goes on in the next window.
TEST_F(WindowTroubleTest, AWindowThatCancelsIsNotMadeOneThatPausesByARace) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel),
           Once("tomorrow", absl::Hours(24), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Begun();
  const agent::v1::Offer second = Unanswered();
  clock_.JumpWallClock(absl::Hours(1));
  const int grants = agent_.Grants();
  agent_.Accept(second);
  EXPECT_EQ(agent_.Grants(), grants);
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "cancelling");
  agent_.Finish(first, agent::v1::OUTCOME_CANCELLED);
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "cancelled");
}

// The targets' windows differ: what the end means for the job is the strictest of them.
TEST_F(WindowTroubleTest, TheStrictestWindowOfAllTargetsCountsForTheJob) {
  DeclaredWindow lenient = Once("lenient", absl::ZeroDuration(), absl::Hours(1));
  DeclaredWindow strict = Once("strict", absl::ZeroDuration(), absl::Hours(2), Overrun::kCancel);
  lenient.labels = {{"name", "orders-db"}};
  strict.labels = {{"name", "users-db"}};
  SetLabels("orders-db", lenient.labels);
  SetLabels("users-db", strict.labels);
  Declare({lenient, strict});
  const Job job = Approved({"orders-db", "users-db"});
  (void)Begun();
  EXPECT_EQ(JobOf(job.id).window, "strict");
  EXPECT_EQ(JobOf(job.id).overrun, Overrun::kCancel);
}

TEST_F(WindowTroubleTest, AFreezeInAWindowThatCancelsHoldsUpTheRestAndCancelsNothing) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(10), Overrun::kCancel),
           Freeze("incident", absl::Hours(1), absl::Hours(2))});
  const absl::Time closes = clock_.Now() + absl::Hours(10);
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  EXPECT_EQ(FromProto(LastGrant().not_after()), closes);
  clock_.JumpWallClock(absl::Hours(1));
  Pass(absl::Seconds(3));
  EXPECT_EQ(StateOf(job.id), "rolling");
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ExpectPaused(job.id);
  clock_.JumpWallClock(absl::Hours(2));
  Pass(absl::Seconds(3));
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

// A pause takes the leave to finish behind the window with it.
TEST_F(WindowTroubleTest, WhatAPersonResumesBehindItsWindowWaitsForTheNext) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1)),
           Once("later", absl::Hours(3), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  Must(jobs_.Pause({"users/ada", ""}, job.id, "high load"));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  clock_.JumpWallClock(absl::Hours(1));
  Must(jobs_.Resume({"users/ada", ""}, job.id));
  ExpectPaused(job.id);
  EXPECT_EQ(JobOf(job.id).error_reason, "WINDOW_CLOSED");
  clock_.JumpWallClock(absl::Hours(2));
  Pass(absl::Seconds(2));
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(WindowTroubleTest, TheRollbackOfAFailureWaitsForNoWindow) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"});
  Run(Unanswered(), MakeMigrated());
  const agent::v1::Offer second = Begun();
  agent_.Finish(second, agent::v1::OUTCOME_FAILED, {}, "DATABASE_ERROR");
  EXPECT_EQ(StateOf(job.id), "partial");
  clock_.JumpWallClock(absl::Hours(2));
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, {job.id, "broken", true, {}}));
  Run(Unanswered(), MakePlan());
  AddVerifiedBackup();
  Must(jobs_.Approve({"users/bob", ""}, rollback.id, JobOf(rollback.id).digest, "yes"));
  EXPECT_TRUE(IsOffered());
}

// A change that was cancelled between its targets is whole wherever it is done.
TEST_F(WindowTroubleTest, TheRollbackOfWhatIsWholeWaitsAlsoIfTheRestWasCancelled) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
  const Job job = Approved({"orders-db", "users-db"});
  Run(Unanswered(), MakeMigrated());
  clock_.JumpWallClock(absl::Hours(1));
  Pass(absl::Seconds(3));
  EXPECT_EQ(StateOf(job.id), "partial");
  EXPECT_EQ(JobOf(job.id).error_message, "the window tonight has closed");
  if (IsOffered()) (void)Unanswered();
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, {job.id, "slow", true, {}}));
  Run(Unanswered(), MakePlan());
  AddVerifiedBackup();
  Must(jobs_.Approve({"users/bob", ""}, rollback.id, JobOf(rollback.id).digest, "yes"));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(rollback.id), "window: "));
}

// An agent whose clock is ahead would refuse it, and be offered it again, and refuse it.
TEST_F(WindowTroubleTest, NothingIsOfferedInTheLastSecondsOfAWindow) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Seconds(20)),
           Once("tomorrow", absl::Hours(24), absl::Hours(1))});
  const Job job = Approved();
  Pass(absl::Seconds(19));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "which is too soon to begin")) << WhyOf(job.id);
}

TEST_F(WindowTroubleTest, WindowsThatCannotBeReadHoldUpWhatWaitsAndNoOutcome) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(9), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  windows_ = Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT", "the stored window is unreadable");
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kCancel).size(), 0u);
  ExpectPaused(job.id);
  EXPECT_EQ(JobOf(job.id).error_reason, "BLOCKED_BY_POLICY");
  EXPECT_EQ(JobOf(job.id).error_message, "windows-unreadable: the stored window is unreadable");
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(9), Overrun::kPause)});
  Must(jobs_.Resume({"users/ada", ""}, job.id));
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

// Blocked while it was paused, it still ends when its time is up, and tells of failures.
TEST_F(WindowTroubleTest, WhatThePolicyPausedExpiresAndTellsOfFailures) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
  for (const bool fails : {false, true}) {
    Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
    const Job job = Approved({"orders-db", "users-db"}, fails ? 2 : 1, absl::Hours(30));
    const agent::v1::Offer first = Begun();
    clock_.JumpWallClock(absl::Hours(1));
    if (!fails) agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
    ExpectPaused(job.id);
    clock_.JumpWallClock(absl::Hours(25));  // The approval lapses.
    Pass(absl::Seconds(10));
    EXPECT_EQ(JobOf(job.id).error_reason, "BLOCKED_BY_POLICY");
    if (fails) {
      agent_.Finish(first, agent::v1::OUTCOME_FAILED, {}, "DATABASE_ERROR");
    } else {
      clock_.JumpWallClock(absl::Hours(5));
    }
    Pass(absl::Seconds(10));
    EXPECT_EQ(StateOf(job.id), fails ? "failed" : "partial");
    if (IsOffered()) (void)Unanswered();
  }
}

// The store is not written to while nothing but time passes.
TEST_F(WindowTroubleTest, WaitingForDaysWritesNothing) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("later", absl::Hours(200), absl::Hours(1))});
  ChangePolicy([](EnvironmentPolicy* policy) { policy->approval_ttl = absl::Hours(300); });
  const Job job = PausedBetweenTargets();
  clock_.JumpWallClock(absl::Hours(30));  // The backup is too old by now.
  Pass(absl::Seconds(10));
  const uint64_t version = JobOf(job.id).version;
  Pass(absl::Minutes(3));
  EXPECT_EQ(JobOf(job.id).version, version);
  EXPECT_FALSE(IsOffered()) << "no backup is taken for an opening that is far";
}

class BackupBeforeWindowTest : public WindowFixture {
 protected:
  BackupBeforeWindowTest() {
    ChangePolicy([](EnvironmentPolicy* policy) { policy->approval_ttl = absl::Hours(200); });
  }
  // The gate's backup and its verification.
  void TakeBackup() {
    const agent::v1::Offer backup = Unanswered();
    ASSERT_TRUE(backup.spec().has_backup());
    work::v1::TaskResult result;
    result.mutable_backup()->set_backup_id(backup.spec().backup().backup_id());
    result.mutable_backup()->add_databases("shop");
    result.mutable_backup()->set_manifest_sha256("m1");
    *result.mutable_backup()->mutable_snapshot_time() = ToProto(clock_.Now());
    Run(backup, result);
    const agent::v1::Offer verify = Unanswered();
    ASSERT_TRUE(verify.spec().has_verify());
    work::v1::TaskResult verified;
    verified.mutable_verify()->set_backup_id(backup.spec().backup().backup_id());
    verified.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
    verified.mutable_verify()->set_manifest_sha256("m1");
    Run(verify, verified);
  }
};

// Good enough now, and a day old when the window opens: replaced before, not inside of the window.
TEST_F(BackupBeforeWindowTest, ABackupThatWouldBeTooOldAtTheOpeningIsReplacedShortlyBefore) {
  Declare({Once("weekend", absl::Hours(26), absl::Hours(1))});
  const Job job = Approved();
  clock_.Advance(absl::Hours(19));
  Pass(absl::Seconds(2));
  EXPECT_FALSE(IsOffered()) << "a backup taken now might be too old again";
  clock_.Advance(absl::Hours(2));
  Pass(absl::Seconds(2));
  ASSERT_TRUE(IsOffered());
  TakeBackup();
  EXPECT_FALSE(IsOffered());
  clock_.Advance(absl::Hours(5));
  Pass(absl::Seconds(2));
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

// The window moves after the backup for it was taken.
TEST_F(BackupBeforeWindowTest, AnOpeningThatMovesAwayHasAnotherBackupTakenAndFailsNothing) {
  Declare({Once("weekend", absl::Hours(30), absl::Hours(1))});
  const Job job = Approved();
  clock_.Advance(absl::Hours(25));
  Pass(absl::Seconds(2));
  TakeBackup();
  Declare({Once("moved", absl::Hours(26), absl::Hours(1))});
  clock_.Advance(absl::Hours(21));
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "ready");
  TakeBackup();
  clock_.Advance(absl::Hours(5));
  Pass(absl::Seconds(2));
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(BackupBeforeWindowTest, WhatAWindowPausedForDaysGoesOnAfterAnotherBackup) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("weekend", absl::Hours(72), absl::Hours(2), Overrun::kPause)});
  const Job job = PausedBetweenTargets();
  clock_.Advance(absl::Hours(60));
  Pass(absl::Seconds(2));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(JobOf(job.id).error_message, "verified-backup: "))
      << "the reason is today's: " << JobOf(job.id).error_message;
  clock_.Advance(absl::Hours(7));
  Pass(absl::Seconds(2));
  TakeBackup();
  EXPECT_EQ(StateOf(job.id), "paused");
  clock_.Advance(absl::Hours(4));
  Pass(absl::Seconds(2));
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(BackupBeforeWindowTest, ABackupThatFailsWhileAWindowPausesAsksForAPerson) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("weekend", absl::Hours(72), absl::Hours(2), Overrun::kPause)});
  const Job job = PausedBetweenTargets();
  clock_.Advance(absl::Hours(67));
  Pass(absl::Seconds(2));
  const agent::v1::Offer backup = Begun();
  ASSERT_TRUE(backup.spec().has_backup());
  agent_.Finish(backup, agent::v1::OUTCOME_FAILED, {}, "DISK_FULL");
  EXPECT_EQ(StateOf(JobOf(job.id).gate_job), "failed");
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "paused");
  EXPECT_EQ(JobOf(job.id).error_reason, "BACKUP_GATE_FAILED");
}

// Approvals that lapse in the meantime want people, not patience.
TEST_F(WindowTroubleTest, WhatLosesItsApprovalWhilePausedAsksForAPersonAndSaysSo) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("weekend", absl::Hours(72), absl::Hours(2), Overrun::kPause)});
  const Job job = PausedBetweenTargets();
  clock_.Advance(absl::Hours(25));
  Pass(absl::Seconds(2));
  EXPECT_EQ(StateOf(job.id), "paused");
  EXPECT_EQ(JobOf(job.id).error_reason, "BLOCKED_BY_POLICY");
  EXPECT_TRUE(absl::StrContains(JobOf(job.id).error_message, "approvals: "))
      << JobOf(job.id).error_message;
}

}  // namespace
}  // namespace dbfleet::controller
