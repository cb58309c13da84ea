// What only one engine does, and the agent's death while the server executes a statement.
#include <vector>

#include "agent/engines/postgres/postgres_connection.h"
#include "tests/integration/agent/actions/migrate/migrate_itest_util.h"

namespace dbfleet::agent {
namespace {

using testing::HasSubstr;
using v1::OUTCOME_FAILED;
using v1::OUTCOME_SUCCEEDED;

class MariaDbMigrateTest : public MigrateServerTest {};
INSTANTIATE_TEST_SUITE_P(Real, MariaDbMigrateTest, testing::Values(Server::kMariaDb));

class PostgresMigrateTest : public MigrateServerTest {
 protected:
  work::v1::Migration Unique() {
    return MakeMigration("1", "unique",
                         {"CREATE UNIQUE INDEX CONCURRENTLY idx_orders_total ON orders (total)"},
                         {"DROP INDEX CONCURRENTLY idx_orders_total"});
  }
  std::string Indexes() {
    return Admin(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = "
        "i.indexrelid WHERE i.indrelid = 'orders'::regclass AND NOT i.indisprimary");
  }
};
INSTANTIATE_TEST_SUITE_P(Real, PostgresMigrateTest, testing::Values(Server::kPostgres));

TEST_P(MariaDbMigrateTest, AKilledAgentsAlterRunsOnAndRecoverWaitsForItAndTakesItBack) {
  Admin("CREATE TABLE big AS SELECT seq AS id, REPEAT('x', 200) AS pad FROM seq_1_to_400000");
  const std::string before = Fingerprint();
  const auto slow = MakeMigration(
      "1", "slow",
      {"CREATE TABLE first (id INT)", "ALTER TABLE big ADD COLUMN c INT DEFAULT 1, ALGORITHM=COPY"},
      {"ALTER TABLE big DROP COLUMN c", "DROP TABLE first"});
  KillWhile(Up({slow}), 1, "ALTER TABLE big ADD");
  if (HasFatalFailure()) return;
  EXPECT_TRUE(IsRunning("ALTER TABLE big ADD")) << "the test's table is too small";
  // Nobody else gets in while the server is at it.
  EXPECT_EQ(ReasonOf(engine_->migrations()
                         ->OpenLocked("shop", absl::ZeroDuration(), absl::Seconds(5))
                         .status()),
            "MIGRATION_LOCKED");
  const ActionResult result = Recover(Up({slow}), 1);
  EXPECT_FALSE(IsRunning("ALTER TABLE big ADD"));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Fingerprint(), before);
  EXPECT_EQ(Admin("SELECT COUNT(*) FROM dbfleet_step_log WHERE is_rollback = 0 AND step_index = 1 "
                  "AND state = 'done' AND tries = 1"),
            "1\n");
  EXPECT_EQ(Recover(Up({slow}), 1).error_reason, "MIGRATION_ROLLED_BACK") << "asked again";
}

TEST_P(MariaDbMigrateTest, AKilledAgentsUpdateIsRolledBackByTheServer) {
  const auto slow =
      MakeMigration("1", "slow",
                    {"ALTER TABLE orders ADD COLUMN c INT", "INSERT INTO orders VALUES (3, 30, 1)",
                     "UPDATE orders SET total = total + 5 + SLEEP(1)"},
                    {"UPDATE orders SET total = total - 5", "DELETE FROM orders WHERE id = 3",
                     "ALTER TABLE orders DROP COLUMN c"});
  KillWhile(Up({slow}), 1, "UPDATE orders");
  if (HasFatalFailure()) return;
  const ActionResult result = Recover(Up({slow}), 1);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Orders(), "1\t10\n2\t20\n");
  EXPECT_EQ(Fingerprint(), initial_);
}

TEST_P(MariaDbMigrateTest, RecordsSurviveAMigrationThatChangesSqlMode) {
  const auto odd =
      MakeMigration("1", "odd",
                    {"SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
                     "CREATE TABLE odd (id INT)", "ALTER TABLE missing ADD COLUMN c INT"},
                    {"SELECT 1", "DROP TABLE odd", "SET SESSION sql_mode = DEFAULT"});
  const ActionResult result = Run(Up({odd}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_THAT(Admin("SELECT error FROM dbfleet_step_log WHERE state = 'failed'"),
              HasSubstr("missing"));
}

TEST_P(MariaDbMigrateTest, RoutinesAndDelimitersWork) {
  auto routine = MakeMigration("1", "routine", {"SELECT 1"}, {"DROP PROCEDURE fill"});
  SetContent(
      "DELIMITER //\nCREATE PROCEDURE fill()\nBEGIN\n  INSERT INTO orders VALUES (3, 3);\n"
      "  INSERT INTO orders VALUES (4, 4);\nEND//\nDELIMITER ;\n",
      routine.mutable_up());
  const auto call =
      MakeMigration("2", "call", {"CALL fill()"}, {"DELETE FROM orders WHERE id > 2"});
  ActionResult result = Run(Up({routine, call}), 1);
  ASSERT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_EQ(Orders(), "1\t10\n2\t20\n3\t3\n4\t4\n");
  result = Run(Down({routine, call}, {"1", "2"}), 2);
  EXPECT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_EQ(Fingerprint(), initial_);
}

TEST_P(MariaDbMigrateTest, ACallThatReturnsRowsAndThenFailsIsAFailureAndTheSessionGoesOn) {
  Admin(
      "DELIMITER //\nCREATE PROCEDURE half() BEGIN SELECT 1; SELECT 2; UPDATE orders SET total = "
      "0; "
      "SIGNAL SQLSTATE '45000'; END//\n"
      "CREATE PROCEDURE good() BEGIN SELECT 1; SELECT 2; END//\nDELIMITER ;\n");
  auto session = engine_->migrations()->OpenLocked("shop", absl::Seconds(1), absl::Seconds(5));
  ASSERT_TRUE(session.ok()) << session.status();
  const auto half = (*session)->Execute("CALL half()", absl::ZeroDuration());
  EXPECT_EQ(half.status().code(), absl::StatusCode::kFailedPrecondition) << half.status();
  EXPECT_TRUE((*session)->Execute("CALL good()", absl::ZeroDuration()).ok());
  EXPECT_TRUE((*session)->Query("SELECT 1").ok());
}

TEST_P(MariaDbMigrateTest, TheFingerprintShowsAnIgnoredIndex) {
  Admin("CREATE INDEX k ON orders (total)");
  const std::string before = Fingerprint();
  Admin("ALTER TABLE orders ALTER INDEX k IGNORED");
  EXPECT_NE(Fingerprint(), before);
}

TEST_P(MariaDbMigrateTest, WhatWasThereBeforeSurvivesARollback) {
  AdminAsOwner("CREATE TABLE customers (id INT); INSERT INTO customers VALUES (7)");
  const std::string before = Fingerprint();
  const auto found = MakeMigration(
      "1", "found",
      {"CREATE TABLE IF NOT EXISTS customers (id INT)", "INSERT IGNORE INTO orders VALUES (1, 99)",
       "ALTER TABLE orders ADD COLUMN IF NOT EXISTS c INT", "ALTER TABLE missing ADD COLUMN d INT"},
      {"DROP TABLE customers", "DELETE FROM orders WHERE id = 1",
       "ALTER TABLE orders DROP COLUMN c", "ALTER TABLE missing DROP COLUMN d"});
  const ActionResult result = Run(Up({found}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Admin("SELECT id FROM customers"), "7\n");
  EXPECT_EQ(Orders(), "1\t10\n2\t20\n");
  EXPECT_EQ(Fingerprint(), before);
}

TEST_P(PostgresMigrateTest, WhatWasThereBeforeSurvivesTheRollbackOfACommittedVersion) {
  AdminAsOwner("CREATE TABLE customers (id int); INSERT INTO customers VALUES (7)");
  const std::string before = Fingerprint();
  const auto found =
      MakeMigration("1", "found",
                    {"SET search_path = public", "CREATE TABLE IF NOT EXISTS customers (id int)",
                     "CREATE TABLE IF NOT EXISTS fresh (id int)",
                     "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total int",
                     "CREATE VIEW v AS SELECT id FROM fresh"},
                    {"DROP VIEW v", "ALTER TABLE orders DROP COLUMN total", "DROP TABLE fresh",
                     "DROP TABLE customers"});
  const auto broken = MakeMigration("2", "broken", {"ALTER TABLE missing ADD COLUMN c int"},
                                    {"ALTER TABLE missing DROP COLUMN c"});
  const ActionResult result = Run(Up({found, broken}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Admin("SELECT id FROM customers"), "7\n");
  EXPECT_EQ(Orders(), "1|10\n2|20\n");
  EXPECT_EQ(Fingerprint(), before);
}

TEST_P(PostgresMigrateTest, SomebodyElsesInvalidIndexOfTheSameNameStays) {
  AdminAsOwner(
      "CREATE SCHEMA other; CREATE TABLE other.t (id int); "
      "CREATE INDEX idx_orders_total ON other.t (id)");
  Admin(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
      "'other.idx_orders_total'::regclass");
  Admin("INSERT INTO orders VALUES (3, 20)");
  const ActionResult result = Run(Up({Unique()}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Indexes(), "");
  EXPECT_EQ(Admin("SELECT count(*) FROM pg_class WHERE relname = 'idx_orders_total'"), "1\n");
  Admin("DROP SCHEMA other CASCADE");
}

TEST_P(PostgresMigrateTest, AnIndexIsBuiltAndDroppedConcurrently) {
  ActionResult result = Run(Up({Unique()}), 1);
  ASSERT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_EQ(Indexes(), "idx_orders_total|t\n");
  result = Run(Down({Unique()}, {"1"}), 2);
  ASSERT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_EQ(Fingerprint(), initial_);
}

TEST_P(PostgresMigrateTest, TheInvalidIndexOfAFailedBuildIsRemoved) {
  Admin("INSERT INTO orders VALUES (3, 20)");
  const ActionResult result = Run(Up({Unique()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_THAT(result.error_message, testing::Not(HasSubstr("(20)"))) << "row data";
  EXPECT_EQ(Indexes(), "");
  EXPECT_EQ(Fingerprint(), initial_);
}

TEST_P(PostgresMigrateTest, AKilledAgentsConcurrentBuildIsSettled) {
  // The build waits for the transaction that this holds open.
  auto blocker = engine_->migrations()->OpenForPlan("shop");
  ASSERT_TRUE(blocker.ok());
  ASSERT_TRUE((*blocker)->Execute("BEGIN ISOLATION LEVEL REPEATABLE READ", {}).ok());
  ASSERT_TRUE((*blocker)->Query("SELECT count(*) FROM orders").ok());
  KillWhile(Up({Unique()}), 1, "CREATE UNIQUE INDEX");
  if (HasFatalFailure()) return;
  EXPECT_TRUE(IsRunning("CREATE UNIQUE INDEX"));
  std::thread release([&] {
    // Recover has to wait first: the lock is the dead client's.
    EXPECT_TRUE(Await([&] { return IsRunning("SELECT pg_catalog.pg_sleep"); }));
    blocker->reset();
  });
  const ActionResult result = Recover(Up({Unique()}), 1);
  release.join();
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_THAT(result.error_reason,
              testing::AnyOf("MIGRATION_ROLLED_BACK", "INTERRUPTED_BEFORE_EFFECT"))
      << result.error_message;
  EXPECT_EQ(Indexes(), "");
  EXPECT_EQ(Fingerprint(), initial_);
}

TEST_P(PostgresMigrateTest, AKilledAgentsTransactionLeavesNothing) {
  const auto slow =
      MakeMigration("1", "slow", {"ALTER TABLE orders ADD COLUMN c int", "SELECT pg_sleep(2)"},
                    {"SELECT 1", "ALTER TABLE orders DROP COLUMN c"});
  KillWhile(Up({slow}), 1, "SELECT pg_sleep");
  if (HasFatalFailure()) return;
  const ActionResult result = Recover(Up({slow}), 1);
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "INTERRUPTED_BEFORE_EFFECT") << result.error_message;
  EXPECT_EQ(Fingerprint(), initial_);
}

// With SHARE only the statement has to wait; with ACCESS EXCLUSIVE even reading the schema has.
TEST_P(PostgresMigrateTest, ALockTimeoutIsTriedAgainUntilTheTableIsFree) {
  int number = 0;
  for (const auto& [mode, line] : {std::pair{"SHARE", "ran into a lock"},
                                   std::pair{"ACCESS EXCLUSIVE", "a table is locked"}}) {
    const std::string name = absl::StrCat("c", ++number);
    auto spec = Up({MakeMigration(absl::StrCat(number), name,
                                  {absl::StrCat("ALTER TABLE orders ADD COLUMN ", name, " int")},
                                  {absl::StrCat("ALTER TABLE orders DROP COLUMN ", name)})});
    spec.mutable_migrate()->mutable_lock_timeout()->set_nanos(200'000'000);
    spec.mutable_migrate()->set_database("shop");
    PostgresConnection::Options options;
    options.account = AccountUse::kMigrate;
    auto other = PostgresConnection::Open(engine_->spec(), options);
    ASSERT_TRUE(other.ok()) << other.status();
    ASSERT_TRUE((*other)->Execute("BEGIN").ok());
    ASSERT_TRUE((*other)->Execute(absl::StrCat("LOCK TABLE orders IN ", mode, " MODE")).ok());
    AttemptContext context(*engine_, number);
    std::thread release([&, line = line] {
      EXPECT_TRUE(Await([&] { return context.LogContains(line); })) << line;
      EXPECT_TRUE((*other)->Execute("ROLLBACK").ok());
    });
    MigrateOptions patient = Quick();
    patient.forward_lock_tries = 100;
    MigrateAction action(*clock_, patient);
    const ActionResult result = action.Run(context, spec);
    release.join();
    EXPECT_EQ(result.outcome, OUTCOME_SUCCEEDED) << mode << ": " << result.error_message;
  }
}

TEST_P(PostgresMigrateTest, ADeferredConstraintThatFailsAtCommitIsAFailure) {
  AdminAsOwner(
      "CREATE TABLE items (id int, order_id int REFERENCES orders DEFERRABLE INITIALLY "
      "DEFERRED)");
  const std::string before = Fingerprint();
  const auto orphan = MakeMigration("1", "orphan", {"INSERT INTO items VALUES (1, 99)"},
                                    {"DELETE FROM items WHERE id = 1"});
  AttemptContext context(*engine_, 1);
  const ActionResult result = Run(context, Up({orphan}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(context.steps().back().state(), work::v1::STEP_STATE_FAILED);
  EXPECT_EQ(Fingerprint(), before);
}

TEST_P(PostgresMigrateTest, AMigrationsSearchPathMovesNeitherRecordsNorFingerprint) {
  const auto moved = MakeMigration(
      "1", "moved", {"CREATE SCHEMA side", "SET search_path = side", "CREATE TABLE t (id int)"},
      {"DROP TABLE side.t", "SET search_path = public", "DROP SCHEMA side"});
  const auto broken =
      MakeMigration("2", "broken", {"CREATE TABLE nowhere.t (id int)"}, {"DROP TABLE nowhere.t"});
  const ActionResult result = Run(Up({moved, broken}));
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Fingerprint(), initial_);
}

}  // namespace
}  // namespace dbfleet::agent
