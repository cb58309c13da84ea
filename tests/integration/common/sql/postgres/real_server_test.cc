// What the reader says of statements, held against a real PostgreSQL: the locks that it names are
// those that the server takes, and what it calls safe uses up no transaction id, which every write
// would.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/sql/postgres/postgres.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::sql {
namespace {

std::string TestData(absl::string_view name) {
  std::ifstream file(absl::StrCat(DBFLEET_SOURCE_DIR, "/tests/testdata/sql/", name));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> SafeStatements() {
  std::vector<std::string> statements;
  bool safe = false;
  for (absl::string_view line : absl::StrSplit(TestData("postgres_statements.sql"), '\n')) {
    const bool begins = line == "-- safe";
    if (begins) statements.emplace_back();
    if (begins || absl::StartsWith(line, "-- destructive: ")) {
      safe = begins;
    } else if (safe) {
      absl::StrAppend(&statements.back(), line, "\n");
    }
  }
  return statements;
}

class PostgresRealServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    mini::PostgresOptions options;
    options.extra = {"-c", "autovacuum=off"};  // It uses up transaction ids of its own.
    auto launched = mini::MiniPostgres::Launch(options);
    ASSERT_TRUE(launched.ok()) << launched.status();
    server_ = std::move(*launched);
    const auto created = server_->Admin("CREATE DATABASE shop");
    ASSERT_TRUE(created.ok()) << created.status();
    const auto filled = server_->Admin(TestData("postgres_fixture.sql"), "shop");
    ASSERT_TRUE(filled.ok()) << filled.status();
    const auto more = server_->Admin(
        "CREATE TABLE parts_us (id int, region text); CREATE TABLE log_base (line text); "
        "CREATE TABLE measured (a positive); CREATE POLICY po ON orders USING (true); "
        "CREATE RULE ru AS ON DELETE TO log_lines DO ALSO NOTIFY c; "
        "CREATE TRIGGER tr BEFORE INSERT ON orders EXECUTE FUNCTION "
        "suppress_redundant_updates_trigger(); CREATE STATISTICS st ON status, note FROM orders",
        "shop");
    ASSERT_TRUE(more.ok()) << more.status();
  }
  static void TearDownTestSuite() { server_.reset(); }

  static absl::StatusOr<std::string> Run(absl::string_view statements) {
    return server_->Admin(statements, "shop");
  }

  static std::unique_ptr<mini::MiniServer> server_;
};
std::unique_ptr<mini::MiniServer> PostgresRealServerTest::server_;

// What the next transaction that writes will get.
constexpr absl::string_view kNextId = "SELECT pg_snapshot_xmax(pg_current_snapshot())";

TEST_F(PostgresRealServerTest, WhatIsCalledSafeUsesUpNoTransactionId) {
  std::string script;
  const std::vector<std::string> statements = SafeStatements();
  EXPECT_GE(statements.size(), 200u);
  for (const std::string& statement : statements) {
    ASSERT_EQ(ReadPostgres(Dialect::kPostgres, statement).verdict.safety, Safety::kSafe)
        << statement;
    // A comment may stand at its end.
    absl::StrAppend(&script, absl::StrReplaceAll(statement, {{"$1", "1"}}), "\n;\n");
  }
  const auto before = Run(kNextId);
  ASSERT_TRUE(before.ok()) << before.status();
  const auto ran = Run(script);
  EXPECT_TRUE(ran.ok()) << ran.status();
  const auto after = Run(kNextId);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*after, *before) << "one of them writes; run them one by one";
}

Blocking OfMode(absl::string_view mode) {
  if (mode == "AccessExclusiveLock") return Blocking::kReadsAndWrites;
  const bool writes =
      mode == "ExclusiveLock" || mode == "ShareRowExclusiveLock" || mode == "ShareLock";
  return writes ? Blocking::kWrites : Blocking::kNothing;
}

TEST_F(PostgresRealServerTest, LocksAreThoseThatTheServerTakes) {
  constexpr absl::string_view kStatements[] = {
      "CREATE INDEX i ON orders (total)",
      "CREATE UNIQUE INDEX i ON orders (id, note)",
      "DROP INDEX orders_status",
      "REINDEX TABLE orders",
      "REINDEX INDEX orders_status",
      "ANALYZE orders",
      "CLUSTER orders USING orders_status",
      "REFRESH MATERIALIZED VIEW totals",
      "REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
      "CREATE TABLE x (a bigint REFERENCES customers)",
      "CREATE TABLE x PARTITION OF parts DEFAULT",
      "CREATE TABLE x () INHERITS (orders)",
      "CREATE TABLE x (LIKE orders)",
      "CREATE TABLE x AS SELECT * FROM orders",
      "SELECT * INTO x FROM orders",
      "CREATE VIEW x AS SELECT * FROM orders",
      "CREATE OR REPLACE VIEW recent_orders AS SELECT * FROM orders WHERE false",
      "DROP VIEW recent_orders",
      "ALTER VIEW recent_orders RENAME TO x",
      "DROP TABLE orders CASCADE",
      "DROP MATERIALIZED VIEW totals",
      "DROP FUNCTION my_function(int)",
      "DROP TRIGGER tr ON orders",
      "DROP POLICY po ON orders",
      "DROP RULE ru ON log_lines",
      "DROP STATISTICS st",
      "DROP SCHEMA public CASCADE",
      "DROP TYPE mood CASCADE",
      "CREATE TRIGGER x BEFORE INSERT ON orders EXECUTE FUNCTION "
      "suppress_redundant_updates_trigger()",
      "CREATE RULE x AS ON INSERT TO log_lines DO ALSO NOTIFY c",
      "CREATE POLICY x ON orders USING (true)",
      "CREATE STATISTICS x ON status, active FROM orders",
      "CREATE PUBLICATION x FOR TABLE orders",
      "COMMENT ON TABLE orders IS 'x'",
      "TRUNCATE log_lines",
      "LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE",
      "LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE",
      "LOCK TABLE orders",
      "GRANT SELECT ON orders TO pg_monitor",
      "UPDATE orders SET total = 1 WHERE false",
      "MERGE INTO orders USING customers ON false WHEN MATCHED THEN DELETE",
      "INSERT INTO log_lines VALUES ('x')",
      "SELECT * FROM orders FOR UPDATE",
      "SELECT * FROM orders",
      "COPY orders TO STDOUT",
      "ALTER INDEX orders_status RENAME TO x",
      "ALTER TYPE mood ADD VALUE 'x'",
      "ALTER DOMAIN positive ADD CHECK (value < 10)",
      "ALTER DOMAIN positive SET NOT NULL",
      "ALTER DOMAIN positive ADD CONSTRAINT c CHECK (value < 10) NOT VALID",
      "ALTER SEQUENCE counter RESTART",
      "ALTER TABLE orders RENAME TO x",
      "ALTER TABLE orders RENAME total TO x",
      "ALTER TABLE orders OWNER TO pg_monitor",
      "ALTER TABLE orders ADD COLUMN x int",
      "ALTER TABLE orders ADD COLUMN x int GENERATED ALWAYS AS IDENTITY",
      "ALTER TABLE orders ALTER total SET NOT NULL",
      "ALTER TABLE orders ALTER total SET DEFAULT 1",
      "ALTER TABLE orders ALTER total SET STATISTICS 100",
      "ALTER TABLE orders ALTER total SET (n_distinct = 5)",
      "ALTER TABLE orders ALTER note SET STORAGE external",
      "ALTER TABLE orders ADD CHECK (total > 0) NOT VALID",
      "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers NOT VALID",
      "ALTER TABLE orders VALIDATE CONSTRAINT orders_customer_id_fkey",
      "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey",
      "ALTER TABLE orders ADD UNIQUE (id, total)",
      "ALTER TABLE parts ATTACH PARTITION parts_us FOR VALUES IN ('us')",
      "ALTER TABLE parts DETACH PARTITION parts_eu",
      "ALTER TABLE orders SET (fillfactor = 70)",
      "ALTER TABLE orders SET (autovacuum_enabled = false)",
      "ALTER TABLE orders SET (user_catalog_table = true)",
      "ALTER TABLE orders SET UNLOGGED",
      "ALTER TABLE orders CLUSTER ON orders_status",
      "ALTER TABLE orders DISABLE TRIGGER ALL",
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
      "ALTER TABLE log_lines INHERIT log_base"};
  for (absl::string_view statement : kStatements) {
    const auto locks = Run(absl::StrCat(
        "BEGIN; CREATE TEMP TABLE known AS SELECT oid FROM pg_class; ", statement,
        "; SELECT 'LOCK ' || mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = "
        "'relation' AND relation > 16383 AND relation IN (SELECT oid FROM known); ROLLBACK"));
    ASSERT_TRUE(locks.ok()) << statement << ": " << locks.status();
    Blocking taken = Blocking::kNothing;
    for (absl::string_view line : absl::StrSplit(*locks, '\n')) {
      if (absl::ConsumePrefix(&line, "LOCK ")) taken = std::max(taken, OfMode(line));
    }
    const Target target(Dialect::kPostgres, Version{15, 0, 0});
    const Effects effects = ReadPostgres(target, statement).verdict.effects;
    EXPECT_EQ(NameOf(effects.blocks), NameOf(taken)) << statement;
  }
}

}  // namespace
}  // namespace dbfleet::sql
