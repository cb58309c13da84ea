#include "agent/actions/migrate/migrate_action.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/agent/actions/migrate/migrate_test_util.h"

namespace dbfleet::agent {
namespace {

using sql::Dialect;
using testing::ElementsAre;
using testing::HasSubstr;
using v1::OUTCOME_CANCELLED;
using v1::OUTCOME_FAILED;
using v1::OUTCOME_INTERRUPTED;
using v1::OUTCOME_SUCCEEDED;
using v1::OUTCOME_TIMED_OUT;
using work::v1::STEP_STATE_FAILED;
using work::v1::STEP_STATE_RUNNING;
using work::v1::STEP_STATE_SUCCEEDED;

const char kAddNote[] = "ALTER TABLE orders ADD COLUMN note TEXT";
const char kDropNote[] = "ALTER TABLE orders DROP COLUMN note";

work::v1::Migration AddNote() { return MakeMigration("1", "note", {kAddNote}, {kDropNote}); }

work::v1::Migration HalfWay() {
  return MakeMigration(
      "2", "half",
      {"CREATE TABLE a (id INT)", "ALTER TABLE a ADD COLUMN x INT",
       "ALTER TABLE missing ADD COLUMN y INT"},
      {"ALTER TABLE missing DROP COLUMN y", "ALTER TABLE a DROP COLUMN x", "DROP TABLE a"});
}

class MigrateActionTest : public testing::TestWithParam<Dialect> {
 protected:
  MigrateActionTest() : world_(GetParam()), initial_(world_.server.Dump()) {}
  World world_;
  const std::string initial_;
  bool context_cancel_ = false;
};

INSTANTIATE_TEST_SUITE_P(Engines, MigrateActionTest,
                         testing::Values(Dialect::kMariaDb, Dialect::kPostgres),
                         [](const auto& info) {
                           return info.param == Dialect::kPostgres ? "Postgres" : "MariaDb";
                         });

TEST_P(MigrateActionTest, PlanSaysWhatRunWouldDoAndCreatesNothing) {
  const auto plan = world_.Plan(Up({AddNote(), HalfWay()}));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->forward_size(), 4);
  EXPECT_EQ(plan->forward(0).sql(), kAddNote);
  EXPECT_EQ(plan->forward(0).safety(), work::v1::SAFETY_CLASS_DESTRUCTIVE);
  EXPECT_EQ(plan->forward(0).tables(0).rows(), 7);
  EXPECT_EQ(plan->forward(0).transactional(), GetParam() == Dialect::kPostgres);
  EXPECT_EQ(plan->rollback_size(), 4);
  EXPECT_EQ(plan->rollback(3).sql(), kDropNote);
  EXPECT_THAT(plan->versions(), ElementsAre("1", "2"));
  EXPECT_EQ(plan->schema_fingerprint().size(), 64u);
  EXPECT_EQ(plan->safety(), work::v1::SAFETY_CLASS_DESTRUCTIVE);
  EXPECT_FALSE(plan->nothing_to_do());
  EXPECT_EQ(world_.server.Ask("SELECT count(*) FROM " + world_.server.Schema() + ".sqlite_master"),
            "0|\n");
  EXPECT_EQ(world_.Plan(Up({AddNote(), HalfWay()}))->target_digest(), plan->target_digest());
  EXPECT_NE(world_.Plan(Up({AddNote()}))->target_digest(), plan->target_digest());
}

TEST_P(MigrateActionTest, UpThenDownLeavesNothing) {
  AttemptContext context(world_.engine, 1);
  ActionResult result = world_.action.Run(context, Up({AddNote()}));
  EXPECT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_THAT(result.result.migrate().applied_versions(), ElementsAre("1"));
  ASSERT_EQ(context.steps().size(), 2u);
  EXPECT_EQ(context.steps()[0].state(), STEP_STATE_RUNNING);
  EXPECT_EQ(context.steps()[1].state(), STEP_STATE_SUCCEEDED);
  EXPECT_EQ(world_.server.AppliedVersions(), "1|\n");
  EXPECT_TRUE(world_.Plan(Up({AddNote()}))->nothing_to_do());

  result = world_.Run(Up({AddNote()}), 2);
  EXPECT_EQ(result.outcome, OUTCOME_SUCCEEDED);
  EXPECT_TRUE(result.result.migrate().applied_versions().empty());

  result = world_.Run(Down({AddNote()}, {"1"}), 3);
  EXPECT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_THAT(result.result.migrate().rolled_back_versions(), ElementsAre("1"));
  EXPECT_EQ(world_.server.AppliedVersions(), "");
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, AFailureHalfWayIsRolledBackAndTheSchemaIsAsBefore) {
  AttemptContext context(world_.engine, 1);
  const ActionResult result = world_.action.Run(context, Up({AddNote(), HalfWay()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_THAT(result.error_message, HasSubstr("2_half.up.sql:3"));
  EXPECT_TRUE(result.result.migrate().rolled_back());
  EXPECT_TRUE(result.result.migrate().remaining_versions().empty());
  EXPECT_EQ(world_.server.Dump(), initial_);
  EXPECT_EQ(world_.server.AppliedVersions(), "");
  // The mirror: what was never executed is not undone.
  EXPECT_EQ(world_.server.effects().count("ALTER TABLE missing DROP COLUMN y"), 0u);
  EXPECT_EQ(context.steps().back().state(), STEP_STATE_SUCCEEDED);
  EXPECT_TRUE(context.steps().back().rollback());
}

TEST_P(MigrateActionTest, AFailedStepIsReportedAsFailedAndNothingStaysRunning) {
  AttemptContext context(world_.engine, 1);
  world_.action.Run(context, Up({AddNote(), HalfWay()}));
  std::map<std::pair<bool, int>, work::v1::StepState> last;
  for (const auto& step : context.steps()) last[{step.rollback(), step.index()}] = step.state();
  for (const auto& [step, state] : last) EXPECT_NE(state, STEP_STATE_RUNNING);
  EXPECT_EQ((last[{false, 3}]), STEP_STATE_FAILED);
}

TEST_P(MigrateActionTest, ALowerFenceThanTheTargetHasSeenIsRefused) {
  EXPECT_EQ(world_.Run(Up({AddNote()}), 5).outcome, OUTCOME_SUCCEEDED);
  const ActionResult result = world_.Run(Up({AddNote(), HalfWay()}), 4);
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "STALE_FENCE");
  EXPECT_EQ(result.seen_fence, 1005u) << "what the next attempt must be above";
  EXPECT_EQ(world_.server.effects().count("CREATE TABLE a (id INT)"), 0u);
}

TEST_P(MigrateActionTest, TheSameAttemptNeverRunsTwice) {
  EXPECT_EQ(world_.Run(Up({AddNote()}), 1).outcome, OUTCOME_SUCCEEDED);
  const ActionResult again = world_.Run(Up({AddNote()}), 1);
  EXPECT_EQ(again.outcome, OUTCOME_SUCCEEDED) << "its history says so";
  EXPECT_EQ(world_.server.effects().at(kAddNote), 1);
}

TEST_P(MigrateActionTest, ALockHeldElsewhereRefusesTheAttempt) {
  world_.server.locked_by_other = true;
  const ActionResult result = world_.Run(Up({AddNote()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_LOCKED");
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, CancellationBetweenStepsTakesAllBack) {
  AttemptContext context(world_.engine, 1);
  context.set_step_hook([&](const work::v1::StepReport& report) {
    if (report.state() != STEP_STATE_RUNNING || report.index() != 1) return;
    context_cancel_ = true;
  });
  context.set_may_go_on_hook([&](int) {
    return context_cancel_ ? Error(absl::StatusCode::kCancelled, "CANCELLED", "cancelled by lena")
                           : absl::OkStatus();
  });
  const ActionResult result = world_.action.Run(context, Up({AddNote(), HalfWay()}));
  EXPECT_EQ(result.outcome, OUTCOME_CANCELLED) << result.error_message;
  EXPECT_THAT(result.error_message, HasSubstr("cancelled by lena"));
  EXPECT_TRUE(result.result.migrate().rolled_back());
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, CancellationInterruptsTheRunningStatementOnly) {
  AttemptContext context(world_.engine, 1);
  world_.server.during = [&](absl::string_view statement) {
    if (statement == "ALTER TABLE a ADD COLUMN x INT") context.Cancel();
  };
  const ActionResult result = world_.action.Run(context, Up({AddNote(), HalfWay()}));
  EXPECT_EQ(result.outcome, OUTCOME_CANCELLED) << result.error_message;
  EXPECT_EQ(world_.server.interrupts, 1);
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, PassedTimeIsTimedOutAndALostLeaseFailsBothRolledBack) {
  for (const auto& [status, outcome] :
       {std::pair{Error(absl::StatusCode::kDeadlineExceeded, "WINDOW_CLOSED", "too late"),
                  OUTCOME_TIMED_OUT},
        std::pair{Error(absl::StatusCode::kAborted, "LEASE_LOST", "lease lost"), OUTCOME_FAILED}}) {
    World world(GetParam());
    const std::string initial = world.server.Dump();
    AttemptContext context(world.engine, 1);
    context.set_may_go_on_hook(
        [status = status](int call) { return call < 2 ? absl::OkStatus() : status; });
    const ActionResult result = world.action.Run(context, Up({AddNote(), HalfWay()}));
    EXPECT_EQ(result.outcome, outcome);
    EXPECT_EQ(world.server.Dump(), initial);
    EXPECT_TRUE(result.result.migrate().rolled_back());
  }
}

// The window may close, or the backup be removed, while the lock is waited for, the target is read,
// or a statement waits.
TEST_P(MigrateActionTest, WhatMayNotBeginAnyMoreChangesNothing) {
  for (const auto& [why, in_time] :
       {std::pair{Error(absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE", "closed"), 0},
        std::pair{Error(absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE", "closed"), 1},
        std::pair{Error(absl::StatusCode::kFailedPrecondition, "BACKUP_GONE", "gone"), 0},
        std::pair{Error(absl::StatusCode::kFailedPrecondition, "BACKUP_GONE", "gone"), 1}}) {
    // Before the history, and before the first step.
    World world(GetParam());
    const std::string initial = world.server.Dump();
    AttemptContext context(world.engine, 1);
    int asked = 0;
    context.set_may_begin_hook([&, &status = why, first = in_time] {
      return asked++ < first ? absl::OkStatus() : status;
    });
    const ActionResult result = world.action.Run(context, Up({AddNote()}));
    EXPECT_EQ(result.outcome, OUTCOME_FAILED);
    EXPECT_EQ(result.error_reason, ReasonOf(why)) << result.error_message;
    EXPECT_FALSE(result.result.migrate().rolled_back());
    EXPECT_EQ(world.server.effects().count(kAddNote), 0u);
    EXPECT_EQ(world.server.Dump(), initial);
    // As if it had never been handed out.
    EXPECT_EQ(world.Run(Up({AddNote()}), 2).outcome, OUTCOME_SUCCEEDED);
  }
}

TEST_P(MigrateActionTest, AStatementThatOnlyWaitedForLocksHasNotBegun) {
  world_.server.lock_timeouts[kAddNote] = 2;
  AttemptContext context(world_.engine, 1);
  int asked = 0;
  context.set_may_begin_hook([&] {
    return ++asked <= 3 ? absl::OkStatus()
                        : Error(absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE", "closed");
  });
  const ActionResult result = world_.action.Run(context, Up({AddNote()}));
  EXPECT_EQ(result.error_reason, "START_TOO_LATE") << result.error_message;
  EXPECT_EQ(world_.server.effects().count(kAddNote), 0u);
  EXPECT_EQ(world_.server.lock_timeouts[kAddNote], 0) << "two tries were in time";
}

TEST_P(MigrateActionTest, WhatHasBegunGoesOnBehindTheWindow) {
  AttemptContext context(world_.engine, 1);
  bool begun = false;
  context.set_step_hook([&](const work::v1::StepReport&) { begun = true; });
  context.set_may_begin_hook([&] {
    return begun ? Error(absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE", "closed")
                 : absl::OkStatus();
  });
  EXPECT_EQ(
      world_.action
          .Run(context, Up({AddNote(),
                            MakeMigration("2", "more", {"ALTER TABLE orders ADD COLUMN more TEXT"},
                                          {"ALTER TABLE orders DROP COLUMN more"})}))
          .outcome,
      OUTCOME_SUCCEEDED);
}

TEST_P(MigrateActionTest, AReportThatCannotBeJournaledStopsTheNextStep) {
  AttemptContext context(world_.engine, 1);
  context.set_report_step_error(Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full"));
  const ActionResult result = world_.action.Run(context, Up({AddNote()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(world_.server.effects().count(kAddNote), 0u);
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, WithoutACheckpointNothingStarts) {
  AttemptContext context(world_.engine, 1);
  context.set_checkpoint_error(Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full"));
  const ActionResult result = world_.action.Run(context, Up({AddNote()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_THAT(result.error_message, HasSubstr("full"));
  EXPECT_EQ(world_.server.effects().count(kAddNote), 0u);
}

TEST_P(MigrateActionTest, LockTimeoutsAreTriedAgainABoundedNumberOfTimes) {
  world_.server.lock_timeouts[kAddNote] = 3;
  EXPECT_EQ(world_.Run(Up({AddNote()})).outcome, OUTCOME_SUCCEEDED);
  EXPECT_EQ(world_.server.effects().at(kAddNote), 1);

  World other(GetParam());
  other.server.lock_timeouts[kAddNote] = 1000;
  const ActionResult result = other.Run(Up({AddNote()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK");
  EXPECT_EQ(other.server.lock_timeouts[kAddNote], 1000 - 5);
}

TEST_P(MigrateActionTest, ARollbackIsMorePatientWithLocks) {
  world_.server.lock_timeouts[kDropNote] = 15;
  const ActionResult result = world_.Run(Up({AddNote(), HalfWay()}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, WhatIsIrreversibleStaysAndIsNamed) {
  const auto drop = MakeMigration("2", "drop", {"CREATE TABLE kept (id INT)"}, {});
  auto broken = HalfWay();
  broken.set_version("3");
  const ActionResult result = world_.Run(Up({AddNote(), drop, broken}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "ROLLBACK_INCOMPLETE");
  EXPECT_THAT(result.result.migrate().remaining_versions(), ElementsAre("1", "2"));
  EXPECT_FALSE(result.result.migrate().rolled_back());
  EXPECT_THAT(result.error_message,
              HasSubstr("version 2 is declared irreversible (rows are gone)"));
  EXPECT_EQ(world_.server.AppliedVersions(), "1|\n2|\n");
}

TEST_P(MigrateActionTest, ARollbackThatDoesNotRestoreTheSchemaIsNotCalledOne) {
  const auto sloppy = MakeMigration("1", "sloppy", {kAddNote}, {"CREATE TABLE instead (id INT)"});
  auto broken = HalfWay();
  const ActionResult result = world_.Run(Up({sloppy, broken}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "ROLLBACK_INCOMPLETE");
  EXPECT_FALSE(result.result.migrate().rolled_back());
  EXPECT_THAT(result.error_message, HasSubstr("not as before"));
}

// A part of it may be there, whatever the history says: that nothing is done is no success.
TEST_P(MigrateActionTest, WhatWasLeftHalfWayIsNotTakenBackByDoingNothing) {
  auto down = Down({AddNote()}, {"1"});
  down.mutable_migrate()->add_unsettled_versions("1");
  const ActionResult result = world_.Run(down);
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "VERSION_NOT_SETTLED");
  EXPECT_THAT(result.error_message, HasSubstr("repair it by hand; nothing was changed"));
  EXPECT_THAT(result.result.migrate().remaining_versions(), ElementsAre("1"));
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, AFailingRollbackStatementIsNamed) {
  const auto wrong = MakeMigration("1", "wrong", {kAddNote}, {"DROP TABLE never_there"});
  const ActionResult result = world_.Run(Up({wrong, HalfWay()}));
  EXPECT_EQ(result.error_reason, "ROLLBACK_INCOMPLETE");
  EXPECT_THAT(result.error_message, HasSubstr("1_wrong.down.sql:1"));
  EXPECT_THAT(result.result.migrate().remaining_versions(), ElementsAre("1"));
  EXPECT_EQ(world_.server.AppliedVersions(), "1|\n");
}

TEST_P(MigrateActionTest, RecoverOfAnAttemptThatNeverBeganSaysSo) {
  AttemptContext context(world_.engine, 1);
  const ActionResult result = world_.action.Recover(context, Up({AddNote()}), "");
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "INTERRUPTED_BEFORE_EFFECT");
  EXPECT_EQ(world_.server.effects().count(kAddNote), 0u);
}

TEST_P(MigrateActionTest, RecoverOfAFinishedAttemptIsASuccess) {
  EXPECT_EQ(world_.Run(Up({AddNote()}), 1).outcome, OUTCOME_SUCCEEDED);
  AttemptContext context(world_.engine, 1);
  EXPECT_EQ(world_.action.Recover(context, Up({AddNote()}), "begun").outcome, OUTCOME_SUCCEEDED);
  EXPECT_EQ(world_.server.effects().at(kAddNote), 1);
}

TEST_P(MigrateActionTest, RecoverWithoutAReachableTargetIsUnknownUnlessNothingHadBegun) {
  world_.server.fault = [](int, absl::string_view) { return FakeSqlMigrations::Fault::kCutBefore; };
  AttemptContext context(world_.engine, 1);
  ActionResult result = world_.action.Recover(context, Up({AddNote()}), "begun");
  EXPECT_EQ(result.outcome, OUTCOME_INTERRUPTED);
  EXPECT_EQ(result.error_reason, "OUTCOME_UNKNOWN");
  result = world_.action.Recover(context, Up({AddNote()}), "");
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "INTERRUPTED_BEFORE_EFFECT");
}

TEST_P(MigrateActionTest, RecoverDoesNotTouchATargetThatANewerAttemptWorkedOn) {
  // Attempt 1 dies after its first version; attempt 2 then works on the target.
  world_.server.fault = [](int, absl::string_view statement) {
    return statement == "CREATE TABLE a (id INT)" ? FakeSqlMigrations::Fault::kAgentDies
                                                  : FakeSqlMigrations::Fault::kNone;
  };
  world_.Run(Up({AddNote(), HalfWay()}), 1);
  world_.server.RestartAgent();
  world_.server.fault = [](int, absl::string_view) { return FakeSqlMigrations::Fault::kNone; };
  EXPECT_EQ(world_.Run(Down({AddNote()}, {"1"}), 2).outcome, OUTCOME_SUCCEEDED);
  EXPECT_EQ(world_.Run(Up({AddNote()}), 3).outcome, OUTCOME_SUCCEEDED);
  AttemptContext context(world_.engine, 1);
  const ActionResult result = world_.action.Recover(context, Up({AddNote(), HalfWay()}), "begun");
  EXPECT_EQ(result.outcome, OUTCOME_INTERRUPTED) << result.error_message;
  EXPECT_THAT(result.error_message, HasSubstr("higher fence"));
  EXPECT_EQ(world_.server.AppliedVersions(), "1|\n");
}

TEST_P(MigrateActionTest, RecoverWithOtherFilesDecidesNothing) {
  world_.server.fault = [](int, absl::string_view statement) {
    return statement == "CREATE TABLE a (id INT)" ? FakeSqlMigrations::Fault::kAgentDies
                                                  : FakeSqlMigrations::Fault::kNone;
  };
  world_.Run(Up({AddNote(), HalfWay()}), 1);
  world_.server.RestartAgent();
  AttemptContext context(world_.engine, 1);
  const auto other = MakeMigration("1", "note", {"ALTER TABLE orders ADD COLUMN other TEXT"},
                                   {"ALTER TABLE orders DROP COLUMN other"});
  const ActionResult result = world_.action.Recover(context, Up({other, HalfWay()}), "begun");
  EXPECT_EQ(result.outcome, OUTCOME_INTERRUPTED);
  EXPECT_EQ(world_.server.AppliedVersions(), "1|\n");
}

TEST_P(MigrateActionTest, ContentsThatAreNotInlineAreFetched) {
  AttemptContext context(world_.engine, 1);
  auto migration = AddNote();
  *migration.mutable_up() = context.AddContent(std::string(kAddNote) + ";\n");
  EXPECT_EQ(world_.action.Run(context, Up({migration})).outcome, OUTCOME_SUCCEEDED);
}

TEST_P(MigrateActionTest, ErrorsBeforeTheFirstStepChangeNothing) {
  auto spec = Up({AddNote()});
  spec.mutable_migrate()->clear_direction();
  EXPECT_EQ(world_.Run(spec).error_reason, "BAD_MIGRATION");
  spec = Up({MakeMigration("1", "x", {"COMMIT"}, {"SELECT 1"})});
  EXPECT_EQ(world_.Run(spec).error_reason, "FORBIDDEN_STATEMENT");
  EXPECT_EQ(ReasonOf(world_.Plan(spec).status()), "FORBIDDEN_STATEMENT");
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST(MigrateActionMariaDbTest, WhatWasThereBeforeStaysWhenTheRestIsTakenBack) {
  World world(Dialect::kMariaDb);
  world.server.Must("ALTER TABLE orders ADD COLUMN note TEXT");
  const std::string initial = world.server.Dump();
  const auto shorter =
      MakeMigration("1", "x", {"CREATE TABLE a (id INT)", kAddNote, "CREATE TABLE b (id INT)"},
                    {kDropNote, "DROP TABLE a"});
  const ActionResult result = world.Run(Up({shorter}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(world.server.effects().count(kDropNote), 0u);
  EXPECT_EQ(world.server.Dump(), initial);
}

TEST(MigrateActionMariaDbTest, ADownPartInTheUpPartsOrderUndoesWhatTookEffectAndNothingElse) {
  World world(Dialect::kMariaDb);
  world.server.Must("ALTER TABLE orders ADD COLUMN b TEXT");
  const std::string initial = world.server.Dump();
  const auto same_order = MakeMigration(
      "1", "x", {"ALTER TABLE orders ADD COLUMN a TEXT", "ALTER TABLE orders ADD COLUMN b TEXT"},
      {"ALTER TABLE orders DROP COLUMN a", "ALTER TABLE orders DROP COLUMN b"});
  const ActionResult result = world.Run(Up({same_order}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(world.server.Dump(), initial);
}

TEST(MigrateActionMariaDbTest, WithoutAProvablePairNothingIsUndone) {
  World world(Dialect::kMariaDb);
  const auto unclear = MakeMigration(
      "1", "x",
      {"CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)", "INSERT INTO missing VALUES (1)"},
      {"DELETE FROM missing", "DROP TABLE a, b"});
  const ActionResult result = world.Run(Up({unclear}));
  EXPECT_EQ(result.error_reason, "ROLLBACK_INCOMPLETE") << result.error_message;
  EXPECT_THAT(result.result.migrate().remaining_versions(), ElementsAre("1"));
  EXPECT_EQ(world.server.effects().count("DROP TABLE a, b"), 0u);

  World twice(Dialect::kMariaDb);
  const auto half = MakeMigration("1", "x", {"CALL one", "CREATE TABLE a (id INT)", "CALL two"},
                                  {"DROP TABLE a", "DELETE FROM orders"});
  twice.server.procedures["CALL two"] = {"INSERT INTO missing VALUES (1)"};
  const std::string before = twice.server.Dump();
  EXPECT_EQ(twice.Run(Up({half})).error_reason, "ROLLBACK_INCOMPLETE");
  EXPECT_EQ(twice.server.effects().count("DELETE FROM orders"), 0u);
}

TEST_P(MigrateActionTest, WhatAnIfNotExistsFoundIsNotUndone) {
  world_.server.Must("CREATE TABLE customers (id INT)");
  world_.server.Must("INSERT INTO customers VALUES (7)");
  const std::string initial = world_.server.Dump();
  const auto found =
      MakeMigration("1", "x", {"CREATE TABLE IF NOT EXISTS customers (id INT)", kAddNote},
                    {kDropNote, "DROP TABLE customers"});
  // The version that was complete, and the one in which the failure is.
  ActionResult result = world_.Run(Up({found, HalfWay()}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(world_.server.effects().count("DROP TABLE customers"), 0u);
  EXPECT_EQ(world_.server.Dump(), initial);
  const auto fails = MakeMigration(
      "3", "x", {"CREATE TABLE IF NOT EXISTS customers (id INT)", "ALTER TABLE missing ADD a INT"},
      {"ALTER TABLE missing DROP a", "DROP TABLE customers"});
  result = world_.Run(Up({fails}), 2);
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(world_.server.Dump(), initial);
}

TEST_P(MigrateActionTest, WhatAnIfNotExistsMadeIsUndone) {
  const auto made = MakeMigration("1", "x", {"CREATE TABLE IF NOT EXISTS customers (id INT)"},
                                  {"DROP TABLE customers"});
  const ActionResult result = world_.Run(Up({made, HalfWay()}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(MigrateActionTest, RowsThatMayHaveBeenThereBeforeAreNotDeleted) {
  const auto seed = MakeMigration(
      "1", "x", {"INSERT INTO orders SELECT 1, 99 WHERE false ON CONFLICT DO NOTHING"},
      {"DELETE FROM orders WHERE id = 1"});
  const ActionResult result = world_.Run(Up({seed, HalfWay()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(world_.server.effects().count("DELETE FROM orders WHERE id = 1"), 0u);
  EXPECT_EQ(world_.server.Dump(), initial_);
}

class ApprovedContext : public AttemptContext {
 public:
  ApprovedContext(World& world, std::string digest, int number)
      : AttemptContext(world.engine, number), digest_(std::move(digest)) {}
  std::string approved_plan_digest() const override { return digest_; }

 private:
  const std::string digest_;
};

TEST_P(MigrateActionTest, WhatIsNotTheApprovedPlanAnyMoreUnderTheLockIsRefused) {
  const auto spec = Up({AddNote(), HalfWay()});
  const std::string approved = world_.Plan(spec)->target_digest();
  // Whoever held the lock meanwhile has changed the schema.
  world_.server.Must("CREATE TABLE meanwhile (id INT)");
  ApprovedContext context(world_, approved, 1);
  const ActionResult result = world_.action.Run(context, spec);
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "DIGEST_MISMATCH") << result.error_message;
  EXPECT_TRUE(context.steps().empty());
  EXPECT_EQ(world_.server.effects().count(kAddNote), 0u);

  ApprovedContext again(world_, world_.Plan(Up({AddNote()}))->target_digest(), 2);
  EXPECT_EQ(world_.action.Run(again, Up({AddNote()})).outcome, OUTCOME_SUCCEEDED);
}

TEST_P(MigrateActionTest, RecoverThatCannotEvenLookIsUnknownOnceTheAttemptHadBegun) {
  auto spec = Up({AddNote()});
  spec.mutable_migrate()->clear_direction();
  AttemptContext context(world_.engine, 1);
  EXPECT_EQ(world_.action.Recover(context, spec, "begun").outcome, OUTCOME_INTERRUPTED);
  EXPECT_EQ(world_.action.Recover(context, spec, "begun").error_reason, "OUTCOME_UNKNOWN");
  EXPECT_EQ(world_.action.Recover(context, spec, "").outcome, OUTCOME_FAILED);
}

TEST_P(MigrateActionTest, AFailureIsSettledOnANewSession) {
  int opened = 0;
  world_.server.fault = [&](int, absl::string_view what) {
    if (what == "open") ++opened;
    return FakeSqlMigrations::Fault::kNone;
  };
  EXPECT_EQ(world_.Run(Up({AddNote(), HalfWay()})).error_reason, "MIGRATION_ROLLED_BACK");
  EXPECT_EQ(opened, 2);
}

TEST(MigrateActionMariaDbTest, WithoutAMirrorMissingObjectsAreSkippedInTheRollback) {
  World world(Dialect::kMariaDb);
  const std::string initial = world.server.Dump();
  const auto unmirrored = MakeMigration(
      "1", "x",
      {"CREATE TABLE a (id INT)", "INSERT INTO missing VALUES (1)", "CREATE TABLE b (id INT)"},
      {"DROP TABLE b", "DROP TABLE a"});
  const ActionResult result = world.Run(Up({unmirrored}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(world.server.Dump(), initial);
}

TEST(MigrateActionMariaDbTest, AnOpaqueStatementWhoseAnswerIsLostIsUnknownAndNotRepeated) {
  World world(Dialect::kMariaDb);
  world.server.procedures["CALL fill"] = {"INSERT INTO orders VALUES (3, 30)"};
  const auto calls = MakeMigration("1", "x", {"CALL fill"}, {"DELETE FROM orders WHERE id = 3"});
  world.server.fault = [](int, absl::string_view statement) {
    return statement == "CALL fill" ? FakeSqlMigrations::Fault::kCutAfter
                                    : FakeSqlMigrations::Fault::kNone;
  };
  AttemptContext context(world.engine, 1);
  ActionResult result = world.action.Run(context, Up({calls}));
  EXPECT_EQ(result.outcome, OUTCOME_INTERRUPTED);
  EXPECT_EQ(context.steps().back().state(), work::v1::STEP_STATE_UNKNOWN);
  EXPECT_EQ(world.server.effects().at("CALL fill"), 1);
  result = world.action.Recover(context, Up({calls}), "begun");
  EXPECT_EQ(result.outcome, OUTCOME_INTERRUPTED);
  EXPECT_EQ(world.server.effects().at("CALL fill"), 1);
}

TEST(MigrateActionMariaDbTest, DataOfNonTransactionalTablesIsNotTakenForAtomic) {
  World world(Dialect::kMariaDb);
  world.server.non_transactional_tables = true;
  const char update[] = "UPDATE orders SET total = total + 1";
  const auto data = MakeMigration("1", "x", {update}, {"UPDATE orders SET total = total - 1"});
  EXPECT_THAT(world.Plan(Up({data}))->warnings(), ElementsAre(HasSubstr("nobody can tell")));
  world.server.fault = [&](int, absl::string_view statement) {
    return statement == update ? FakeSqlMigrations::Fault::kCutAfter
                               : FakeSqlMigrations::Fault::kNone;
  };
  EXPECT_EQ(world.Run(Up({data})).outcome, OUTCOME_INTERRUPTED);
}

TEST(MigrateActionSupportsTest, NeedsAnSqlEngineAndAMigrationAccount) {
  World world(Dialect::kMariaDb);
  EXPECT_TRUE(world.action.Supports(world.engine).ok());
  world.engine.mutable_spec().migrate.reset();
  EXPECT_EQ(ReasonOf(world.action.Supports(world.engine)), "NO_ACCOUNT");
  FakeEngine redis("r");
  EXPECT_EQ(ReasonOf(world.action.Supports(redis)), "UNSUPPORTED_ENGINE");
}

}  // namespace
}  // namespace dbfleet::agent
