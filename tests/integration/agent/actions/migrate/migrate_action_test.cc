// Migrations on real servers: what holds for both engines.
#include "tests/integration/agent/actions/migrate/migrate_itest_util.h"

namespace dbfleet::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using v1::OUTCOME_CANCELLED;
using v1::OUTCOME_FAILED;
using v1::OUTCOME_SUCCEEDED;

work::v1::Migration Notes() {
  return MakeMigration("1", "notes",
                       {"CREATE TABLE notes (id INT PRIMARY KEY, body VARCHAR(50))",
                        "INSERT INTO notes VALUES (1, 'it''s; \\\\ fine')",
                        "ALTER TABLE orders ADD COLUMN note VARCHAR(20) DEFAULT 'x'"},
                       {"ALTER TABLE orders DROP COLUMN note", "DELETE FROM notes WHERE id = 1",
                        "DROP TABLE notes"});
}

work::v1::Migration Totals() {
  return MakeMigration(
      "2", "totals",
      {"UPDATE orders SET total = total + 1", "CREATE INDEX idx_orders_total ON orders (total)"},
      {"DROP INDEX idx_orders_total", "UPDATE orders SET total = total - 1"});
}

class MigrateActionServerTest : public MigrateServerTest {
 protected:
  work::v1::Migration TotalsHere() {
    auto migration = Totals();
    if (maria()) {
      SetContent("DROP INDEX idx_orders_total ON orders;\nUPDATE orders SET total = total - 1;\n",
                 migration.mutable_down());
    }
    return migration;
  }
  work::v1::Migration Broken() {
    return MakeMigration("3", "broken",
                         {"CREATE TABLE extra (id INT)", "ALTER TABLE orders ADD COLUMN more INT",
                          "ALTER TABLE orders ADD COLUMN id INT"},
                         {"SELECT 1", "ALTER TABLE orders DROP COLUMN more", "DROP TABLE extra"});
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, MigrateActionServerTest,
                         testing::Values(Server::kMariaDb, Server::kPostgres),
                         [](const auto& info) {
                           return info.param == Server::kPostgres ? "Postgres" : "MariaDb";
                         });

TEST_P(MigrateActionServerTest, UpAndDownAndUpAgain) {
  const std::vector<work::v1::Migration> files = {Notes(), TotalsHere()};
  ActionResult result = Run(Up(files), 1);
  ASSERT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_EQ(Applied(), "1\n2\n");
  EXPECT_NE(Fingerprint(), initial_);
  result = Run(Down(files, {"1", "2"}), 2);
  ASSERT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_THAT(result.result.migrate().rolled_back_versions(), ElementsAre("2", "1"));
  EXPECT_EQ(Applied(), "");
  EXPECT_EQ(Fingerprint(), initial_);
  result = Run(Up(files), 3);
  EXPECT_EQ(result.outcome, OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_EQ(Applied(), "1\n2\n");
}

TEST_P(MigrateActionServerTest, PlanReadsOnlyAndIsStable) {
  auto spec = Up({Notes(), TotalsHere()});
  spec.mutable_migrate()->set_database("shop");
  AttemptContext context(*engine_, 1);
  const auto plan = action_.Plan(context, spec);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->forward_size(), 5);
  EXPECT_EQ(plan->schema_fingerprint(), initial_);
  EXPECT_FALSE(plan->server_version().empty());
  EXPECT_EQ(plan->target_digest(), action_.Plan(context, spec)->target_digest());
  EXPECT_THAT(Admin(maria() ? "SHOW TABLES"
                            : "SELECT tablename FROM pg_tables WHERE schemaname = "
                              "'public'"),
              testing::Not(HasSubstr("dbfleet")));
}

TEST_P(MigrateActionServerTest, AFailureHalfWayLeavesSchemaAndDataAsBefore) {
  const ActionResult result = Run(Up({Notes(), TotalsHere(), Broken()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_THAT(result.error_message, HasSubstr("3_broken.up.sql:3"));
  EXPECT_TRUE(result.result.migrate().rolled_back());
  EXPECT_EQ(Fingerprint(), initial_);
  EXPECT_EQ(Orders(), maria() ? "1\t10\n2\t20\n" : "1|10\n2|20\n");
  EXPECT_EQ(Applied(), "");
}

TEST_P(MigrateActionServerTest, FingerprintSeesEveryKindOfChange) {
  std::vector<std::string> changes = {
      "ALTER TABLE orders ADD COLUMN c INT", "CREATE TABLE t (id INT)",
      "CREATE INDEX i ON orders (total)", "CREATE VIEW v AS SELECT id FROM orders",
      "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)"};
  if (maria()) {
    changes.push_back("CREATE TRIGGER g BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = 1");
    changes.push_back("CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1");
    changes.push_back("ALTER TABLE orders COMMENT = 'new'");
  } else {
    changes.push_back("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    changes.push_back("CREATE TYPE mood AS ENUM ('a', 'b')");
    changes.push_back("ALTER TABLE orders ENABLE ROW LEVEL SECURITY");
    changes.push_back("CREATE SEQUENCE s INCREMENT 5");
  }
  std::set<std::string> seen = {initial_};
  for (const std::string& change : changes) {
    AdminAsOwner(change);
    EXPECT_TRUE(seen.insert(Fingerprint()).second) << change;
  }
  AdminAsOwner("INSERT INTO orders (id, total) VALUES (3, 30)");
  EXPECT_FALSE(seen.insert(Fingerprint()).second) << "rows are no schema";
}

TEST_P(MigrateActionServerTest, ChangedAndOutOfOrderFilesAreRefused) {
  ASSERT_EQ(Run(Up({TotalsHere()}), 1).outcome, OUTCOME_SUCCEEDED);
  auto changed = TotalsHere();
  SetContent("UPDATE orders SET total = 0;\n", changed.mutable_up());
  EXPECT_EQ(Run(Up({changed}), 2).error_reason, "CHECKSUM_MISMATCH");
  EXPECT_EQ(Run(Up({Notes(), TotalsHere()}), 3).error_reason, "OUT_OF_ORDER");
  auto allowed = Up({Notes(), TotalsHere()});
  allowed.mutable_migrate()->set_allow_out_of_order(true);
  EXPECT_EQ(Run(allowed, 4).outcome, OUTCOME_SUCCEEDED);
}

TEST_P(MigrateActionServerTest, ALockedDatabaseIsLeftAlone) {
  auto holder = engine_->migrations()->OpenLocked("shop", absl::Seconds(5), absl::Seconds(5));
  ASSERT_TRUE(holder.ok()) << holder.status();
  EXPECT_EQ(Run(Up({Notes()}), 1).error_reason, "MIGRATION_LOCKED");
  EXPECT_EQ(Fingerprint(), initial_);
  holder->reset();
  EXPECT_EQ(Run(Up({Notes()}), 2).outcome, OUTCOME_SUCCEEDED);
}

TEST_P(MigrateActionServerTest, AStaleFenceIsRefused) {
  ASSERT_EQ(Run(Up({Notes()}), 9).outcome, OUTCOME_SUCCEEDED);
  EXPECT_EQ(Run(Up({Notes(), TotalsHere()}), 8).error_reason, "STALE_FENCE");
  EXPECT_EQ(Applied(), "1\n");
}

TEST_P(MigrateActionServerTest, CancellationStopsTheRunningStatementAndTakesAllBack) {
  const std::string slow = maria() ? "UPDATE orders SET total = total + SLEEP(60)"
                                   : "UPDATE orders SET total = total + length(pg_sleep(60)::text)";
  auto slow_version = MakeMigration("2", "slow", {"CREATE TABLE early (id INT)", slow},
                                    {"UPDATE orders SET total = total", "DROP TABLE early"});
  AttemptContext context(*engine_, 1);
  std::thread canceller([&] {
    EXPECT_TRUE(Await([&] { return IsRunning("UPDATE orders"); }));
    context.Cancel();
  });
  const ActionResult result = Run(context, Up({Notes(), slow_version}));
  canceller.join();
  EXPECT_EQ(result.outcome, OUTCOME_CANCELLED) << result.error_message;
  EXPECT_TRUE(result.result.migrate().rolled_back());
  EXPECT_EQ(Fingerprint(), initial_);
  EXPECT_EQ(Orders(), maria() ? "1\t10\n2\t20\n" : "1|10\n2|20\n");
}

TEST_P(MigrateActionServerTest, AStatementBeyondItsTimeLimitIsRolledBack) {
  auto spec = Up({Notes(), MakeMigration("2", "slow",
                                         {maria() ? "UPDATE orders SET total = total + SLEEP(60)"
                                                  : "SELECT pg_sleep(60)"},
                                         {"UPDATE orders SET total = total"})});
  spec.mutable_migrate()->mutable_statement_timeout()->set_seconds(1);
  const ActionResult result = Run(spec);
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Fingerprint(), initial_);
}

TEST_P(MigrateActionServerTest, AnUnreachableDatabaseIsAnErrorThatChangesNothing) {
  ASSERT_TRUE(server_->Stop().ok());
  const ActionResult result = Run(Up({Notes()}));
  EXPECT_EQ(result.outcome, OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "DATABASE_UNREACHABLE") << result.error_message;
  ASSERT_TRUE(server_->Start().ok());
  EXPECT_EQ(Fingerprint(), initial_);
}

TEST_P(MigrateActionServerTest, AServerThatCrashesInTheMiddleIsAskedAgainWhenItIsBack) {
  const std::string slow = maria() ? "UPDATE orders SET total = total + SLEEP(60)"
                                   : "UPDATE orders SET total = total + length(pg_sleep(60)::text)";
  const auto slow_version = MakeMigration("2", "slow", {slow}, {"UPDATE orders SET total = total"});
  AttemptContext context(*engine_, 1);
  ActionResult result;
  // The server must be started again by the thread that lives on: the kernel ends it with its
  // starter.
  std::thread runner([&] { result = Run(context, Up({Notes(), slow_version})); });
  EXPECT_TRUE(Await([&] { return IsRunning("UPDATE orders"); }));
  EXPECT_TRUE(server_->Stop(SIGKILL).ok());
  EXPECT_TRUE(server_->Start().ok());
  runner.join();
  EXPECT_EQ(result.outcome, OUTCOME_FAILED) << result.error_message;
  EXPECT_EQ(result.error_reason, "MIGRATION_ROLLED_BACK") << result.error_message;
  EXPECT_EQ(Fingerprint(), initial_);
  EXPECT_EQ(Orders(), maria() ? "1\t10\n2\t20\n" : "1|10\n2|20\n");
}

TEST_P(MigrateActionServerTest, AWrongPasswordIsAnErrorWithoutThePassword) {
  InstanceSpec spec = engine_->spec();
  spec.migrate->password_file = server_->account("inspect").password_file;
  const auto other = maria() ? MakeMysqlEngine(spec) : MakePostgresEngine(spec);
  AttemptContext context(*other, 1);
  const ActionResult result = Run(context, Up({Notes()}));
  EXPECT_EQ(result.error_reason, "DATABASE_AUTH") << result.error_message;
  EXPECT_THAT(result.error_message, testing::Not(HasSubstr(server_->account("inspect").password)));
}

}  // namespace
}  // namespace dbfleet::agent
