// A server that neither answers nor closes, and a cancellation that must not wait for it for ever.
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/agent/actions/migrate/migrate_test_util.h"

namespace dbfleet::agent {
namespace {

using sql::Dialect;
using testing::HasSubstr;

constexpr char kStatement[] = "ALTER TABLE orders ADD COLUMN note TEXT";
constexpr absl::Duration kLimit = absl::Minutes(2);

work::v1::JobSpec AddNote() {
  return Up({MakeMigration("1", "note", {kStatement}, {"ALTER TABLE orders DROP COLUMN note"})});
}

class HangingServerTest : public testing::TestWithParam<Dialect> {
 protected:
  static MigrateOptions Options() {
    MigrateOptions options;
    options.cancel_limit = kLimit;
    return options;
  }
  // Nobody gets a new connection from now on.
  void Unreachable() {
    world_.server.fault = [](int, absl::string_view statement) {
      return statement == "open" ? FakeSqlMigrations::Fault::kCutBefore
                                 : FakeSqlMigrations::Fault::kNone;
    };
  }
  World world_{GetParam(), Options()};
  const std::string initial_ = world_.server.Dump();
};

INSTANTIATE_TEST_SUITE_P(Engines, HangingServerTest,
                         testing::Values(Dialect::kMariaDb, Dialect::kPostgres),
                         [](const auto& info) {
                           return info.param == Dialect::kPostgres ? "Postgres" : "MariaDb";
                         });

TEST_P(HangingServerTest, IsCutAfterTheLimitAndTheOutcomeIsForAPerson) {
  world_.server.hangs = true;
  AttemptContext context(world_.engine, 1, &world_.server);
  world_.server.during = [&](absl::string_view statement) {
    if (statement != kStatement) return;
    context.Cancel();
    world_.clock.Advance(kLimit - absl::Nanoseconds(1));
    EXPECT_EQ(world_.server.breaks, 0);
    world_.clock.Advance(absl::Nanoseconds(1));
    EXPECT_EQ(world_.server.breaks, 1);
    Unreachable();
  };
  const ActionResult result = world_.action.Run(context, AddNote());
  EXPECT_EQ(result.outcome, v1::OUTCOME_INTERRUPTED) << result.error_message;
  EXPECT_EQ(result.error_reason, "OUTCOME_UNKNOWN");
  EXPECT_THAT(result.error_message, HasSubstr("could not be asked what took effect"));
  EXPECT_EQ(world_.server.interrupts, 1) << "it was asked first";
}

TEST_P(HangingServerTest, ARecordThatHangsIsCutToo) {
  world_.server.hangs = true;
  AttemptContext context(world_.engine, 1, &world_.server);
  bool hung = false;
  world_.server.during = [&](absl::string_view statement) {
    if (hung || !absl::StrContains(statement, "INSERT INTO")) return;
    hung = true;
    context.Cancel();
    world_.clock.Advance(kLimit);
    Unreachable();
  };
  const ActionResult result = world_.action.Run(context, AddNote());
  EXPECT_TRUE(hung);
  EXPECT_EQ(world_.server.breaks, 1);
  EXPECT_EQ(result.outcome, v1::OUTCOME_INTERRUPTED) << result.error_message;
  EXPECT_EQ(world_.server.effects().count(kStatement), 0u);
}

TEST_P(HangingServerTest, ThatComesBackIsAskedAndTheTruthIsReported) {
  world_.server.hangs = true;
  AttemptContext context(world_.engine, 1, &world_.server);
  world_.server.during = [&](absl::string_view statement) {
    if (statement != kStatement) return;
    context.Cancel();
    world_.clock.Advance(kLimit);
  };
  const ActionResult result = world_.action.Run(context, AddNote());
  EXPECT_EQ(world_.server.breaks, 1);
  EXPECT_EQ(result.outcome, v1::OUTCOME_CANCELLED) << result.error_message;
  EXPECT_TRUE(result.result.migrate().rolled_back());
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(HangingServerTest, OneThatStopsInTimeIsNotCutNorIsItsRollback) {
  AttemptContext context(world_.engine, 1, &world_.server);
  bool rolled_back = false;
  world_.server.during = [&](absl::string_view statement) {
    if (statement == "CREATE TABLE second (id INT)") context.Cancel();
    if (statement != "DROP TABLE first") return;
    rolled_back = true;
    world_.clock.Advance(absl::Hours(5));
  };
  const ActionResult result = world_.action.Run(
      context,
      Up({MakeMigration("1", "first", {"CREATE TABLE first (id INT)"}, {"DROP TABLE first"}),
          MakeMigration("2", "second", {"CREATE TABLE second (id INT)"}, {"DROP TABLE second"})}));
  EXPECT_TRUE(rolled_back);
  EXPECT_EQ(result.outcome, v1::OUTCOME_CANCELLED) << result.error_message;
  EXPECT_EQ(world_.server.breaks, 0);
  EXPECT_EQ(world_.server.Dump(), initial_);
}

TEST_P(HangingServerTest, AReadThatHangsWhileSettlingEndsWithTheTimeForSettling) {
  bool failed = false;
  bool settling = false;
  bool hung = false;
  world_.server.fault = [&](int, absl::string_view statement) {
    settling |= failed && statement == "open";
    return hung && statement == "open" ? FakeSqlMigrations::Fault::kCutBefore
                                       : FakeSqlMigrations::Fault::kNone;
  };
  world_.server.during = [&](absl::string_view statement) {
    failed |= statement == "ALTER TABLE nowhere ADD COLUMN a INT";
  };
  world_.server.during_read = [&](absl::string_view) {
    if (!settling || hung) return;
    hung = true;
    world_.clock.Advance(MigrateOptions().settle_wait - absl::Nanoseconds(1));
    EXPECT_EQ(world_.server.breaks, 0);
    world_.clock.Advance(absl::Nanoseconds(1));
    EXPECT_EQ(world_.server.breaks, 1);
  };
  const ActionResult result = world_.Run(Up({MakeMigration(
      "1", "bad", {"CREATE TABLE first (id INT)", "ALTER TABLE nowhere ADD COLUMN a INT"},
      {"DROP TABLE first"})}));
  EXPECT_TRUE(hung);
  EXPECT_EQ(result.outcome, v1::OUTCOME_INTERRUPTED) << result.error_message;
  EXPECT_EQ(result.error_reason, "OUTCOME_UNKNOWN");
}

TEST_P(HangingServerTest, ARecoveryThatHangsEndsToo) {
  world_.server.fault = [&](int, absl::string_view statement) {
    return statement == kStatement ? FakeSqlMigrations::Fault::kAgentDies
                                   : FakeSqlMigrations::Fault::kNone;
  };
  (void)world_.Run(AddNote());
  world_.server.RestartAgent();
  bool hung = false;
  world_.server.during_read = [&](absl::string_view) {
    if (hung) return;
    hung = true;
    world_.clock.Advance(MigrateOptions().settle_wait);
    EXPECT_EQ(world_.server.breaks, 1);
    Unreachable();
  };
  AttemptContext context(world_.engine, 1, &world_.server);
  const ActionResult result = world_.action.Recover(context, AddNote(), "begun");
  EXPECT_TRUE(hung);
  EXPECT_EQ(result.outcome, v1::OUTCOME_INTERRUPTED) << result.error_message;
  EXPECT_EQ(result.error_reason, "OUTCOME_UNKNOWN");
}

TEST_P(HangingServerTest, APlanIsNotWaitedForForEver) {
  world_.server.during_read = [&](absl::string_view) {
    if (world_.server.breaks == 0) world_.clock.Advance(MigrateOptions().plan_limit);
  };
  EXPECT_EQ(ReasonOf(world_.Plan(AddNote()).status()), "DATABASE_UNREACHABLE");
  EXPECT_EQ(world_.server.breaks, 1);
}

TEST_P(HangingServerTest, ACancellationBeforeTheSessionCountsFromItsOpening) {
  const auto clock = std::make_unique<FakeClock>();
  const auto session = world_.server.OpenForPlan("app");
  InterruptGate gate(*clock, kLimit);
  gate.Cancel();
  clock->Advance(2 * kLimit);
  {
    const InterruptGate::Watch watch(gate, **session);
    clock->Advance(kLimit - absl::Seconds(1));
    EXPECT_EQ(world_.server.breaks, 0);
    clock->Advance(absl::Seconds(1));
    EXPECT_EQ(world_.server.breaks, 1);
  }
}

TEST_P(HangingServerTest, WhatIsNotWatchedAnyMoreIsNotCut) {
  const auto clock = std::make_unique<FakeClock>();
  const auto session = world_.server.OpenForPlan("app");
  InterruptGate gate(*clock, kLimit);
  { const InterruptGate::Watch watch(gate, **session); }
  gate.Cancel();
  clock->Advance(2 * kLimit);
  EXPECT_EQ(world_.server.breaks, 0);
}

}  // namespace
}  // namespace dbfleet::agent
