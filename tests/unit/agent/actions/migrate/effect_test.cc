#include "agent/actions/migrate/effect.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using sql::Dialect;

Effect Maria(absl::string_view text, bool atomic_data = true) {
  return EffectOf(Dialect::kMariaDb, text, sql::Classify(Dialect::kMariaDb, text), "app",
                  atomic_data);
}

Effect Postgres(absl::string_view text) {
  return EffectOf(Dialect::kPostgres, text, sql::Classify(Dialect::kPostgres, text), "app", true);
}

TEST(EffectTest, DataChangesOfTransactionalTablesShareATransactionWithTheirRecord) {
  for (absl::string_view text :
       {"INSERT INTO t VALUES (1)", "update t set a = 1", "/* why */ DELETE FROM t WHERE id = 1",
        "REPLACE INTO app.t VALUES (1)"}) {
    EXPECT_EQ(Maria(text), Effect::kAtomic) << text;
    EXPECT_EQ(Maria(text, /*atomic_data=*/false), Effect::kOpaque) << text;
  }
}

TEST(EffectTest, DdlIsFoundInTheSchema) {
  for (absl::string_view text :
       {"ALTER TABLE t ADD COLUMN a INT", "CREATE TABLE t (a INT, b INT)", "DROP TABLE t",
        "CREATE UNIQUE INDEX i ON t (a, b)", "DROP INDEX i ON t", "RENAME TABLE a TO b",
        "CREATE DEFINER = 'x'@'y' TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "CREATE OR REPLACE VIEW v AS SELECT 1", "DROP VIEW app.v",
        "ALTER TABLE t ADD COLUMN a INT, ADD UNIQUE KEY u (a, b), ALGORITHM = COPY",
        "ALTER TABLE t ALTER INDEX k IGNORED", "ALTER TABLE t MODIFY a BIGINT, COMMENT = 'x'",
        "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CREATE VIEW v AS SELECT o.id FROM orders o"}) {
    EXPECT_EQ(Maria(text), Effect::kSchema) << text;
  }
}

TEST(EffectTest, WhatMayStopHalfwayIsNeverTakenForDone) {
  for (absl::string_view text :
       {"RENAME TABLE a TO b, c TO d", "CREATE OR REPLACE TABLE t (a INT)"}) {
    EXPECT_EQ(Maria(text), Effect::kOpaque) << text;
  }
  EXPECT_EQ(Maria("DROP TABLE a, b"), Effect::kPartial);
}

TEST(EffectTest, WhatTheSchemaDoesNotShowIsOpaque) {
  for (absl::string_view text : {"CALL fill()",
                                 "TRUNCATE TABLE t",
                                 "ALTER TABLE t TRUNCATE PARTITION p0",
                                 "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
                                 "ALTER TABLE t DISCARD TABLESPACE",
                                 "ALTER TABLE t AUTO_INCREMENT = 100",
                                 "ALTER TABLE t AUTO_INCREMENT 100",
                                 "ALTER TABLE t ENGINE = InnoDB AUTO_INCREMENT 100",
                                 "ALTER TABLE t ORDER BY a",
                                 "ALTER TABLE t DROP COLUMN a, ADD COLUMN a INT",
                                 "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
                                 "DROP VIEW other.v",
                                 "CREATE PROCEDURE other.p() SELECT 1",
                                 "DROP TRIGGER IF EXISTS `other`.g",
                                 "DROP TABLE a, other.b",
                                 "CREATE OR REPLACE SEQUENCE s",
                                 "ALTER EVENT e COMMENT 'x'",
                                 "GRANT SELECT ON t TO x",
                                 "CREATE USER x",
                                 "CREATE DATABASE d",
                                 "SET GLOBAL max_connections = 5",
                                 "SET @a = f()",
                                 "ALTER TABLE other.t ADD a INT",
                                 "INSERT INTO `other`.`t` VALUES (1)",
                                 "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
                                 "DO f()"}) {
    EXPECT_EQ(Maria(text), Effect::kOpaque) << text;
  }
}

TEST(EffectTest, SessionSettingsLeaveNothing) {
  for (absl::string_view text : {"SET FOREIGN_KEY_CHECKS = 0", "SET @rows = 5", "SELECT 1",
                                 "ANALYZE TABLE t", "CREATE TEMPORARY TABLE t (a INT)"}) {
    EXPECT_EQ(Maria(text), Effect::kNone) << text;
  }
}

TEST(EffectTest, PostgresIsAtomicButForWhatItRefusesInTransactions) {
  EXPECT_EQ(Postgres("ALTER TABLE t ADD COLUMN a int"), Effect::kAtomic);
  EXPECT_EQ(Postgres("TRUNCATE t"), Effect::kAtomic);
  EXPECT_EQ(Postgres("CREATE INDEX CONCURRENTLY i ON t (a)"), Effect::kSchema);
  EXPECT_EQ(Postgres("DROP INDEX CONCURRENTLY i"), Effect::kSchema);
  EXPECT_EQ(Postgres("REINDEX INDEX CONCURRENTLY i"), Effect::kPartial);
  EXPECT_EQ(Postgres("VACUUM t"), Effect::kNone);
  EXPECT_EQ(Postgres("ALTER SYSTEM SET work_mem = '1MB'"), Effect::kOpaque);
  EXPECT_EQ(Postgres("CREATE DATABASE d"), Effect::kOpaque);
}

TEST(ConcurrentIndexTest, NamesAreFoundAsWritten) {
  EXPECT_EQ(ConcurrentIndexName("CREATE INDEX CONCURRENTLY Idx_A ON t (a)"), "idx_a");
  EXPECT_EQ(ConcurrentIndexName("create unique index concurrently if not exists \"I\" on t (a)"),
            "\"I\"");
  EXPECT_EQ(ConcurrentIndexName("DROP INDEX CONCURRENTLY IF EXISTS s.i"), "s.i");
  EXPECT_EQ(ConcurrentIndexName("/* x */ DROP INDEX CONCURRENTLY s.\"I\" CASCADE"), "s.\"I\"");
  EXPECT_EQ(ConcurrentIndexName("CREATE INDEX i ON t (a)"), "");
  EXPECT_EQ(ConcurrentIndexName("CREATE TABLE concurrently (a int)"), "");
}

absl::Status Allowed(Dialect dialect, absl::string_view text) {
  return CheckAllowed(dialect, text, sql::Classify(dialect, text), "shop");
}

TEST(CheckAllowedTest, AnotherDatabaseIsNotChangedUnderThisOnesApprovalAndBackup) {
  for (absl::string_view text :
       {"DROP TABLE other.gold",
        "DROP TABLE gold, `Other` . `b`",
        "DROP VIEW `other`.v",
        "DELETE FROM other.gold",
        "DELETE other.b FROM other.b JOIN a",
        "TRUNCATE other.gold",
        "INSERT INTO other.gold VALUES (1)",
        "UPDATE other.gold SET a = 1",
        "CREATE TABLE other.gold (id INT)",
        "RENAME TABLE gold TO other.gold",
        "RENAME TABLE other.gold TO gold",
        "ALTER TABLE gold RENAME other.gold",
        "ALTER TABLE a EXCHANGE PARTITION p WITH TABLE other.b",
        "DROP INDEX i ON other.gold",
        "CREATE TRIGGER t BEFORE INSERT ON other.x FOR EACH ROW SET @a = 1",
        "DROP PROCEDURE other.p",
        "DROP EVENT other.e",
        "DROP SEQUENCE other.s",
        "LOAD DATA INFILE 'x' INTO TABLE other.t",
        "DROP TABLE SHOP.gold",
        "DROP TABLE `sh``op`.t",
        "DROP DATABASE other",
        "DROP SCHEMA shop",
        "CREATE DATABASE other",
        "CREATE OR REPLACE DATABASE shop",
        "ALTER DATABASE other CHARACTER SET utf8mb4"}) {
    const absl::Status status = Allowed(Dialect::kMariaDb, text);
    EXPECT_EQ(ReasonOf(status), "FORBIDDEN_STATEMENT") << text;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("shop")) << text;
  }
  for (absl::string_view text :
       {"DROP TABLE shop.gold", "DROP TABLE `shop` . `gold`", "DROP TABLE `a.b`",
        "INSERT INTO gold SELECT * FROM other.gold", "CREATE TABLE gold LIKE other.gold",
        "UPDATE gold JOIN other.b ON gold.i = b.i SET gold.x = b.x",
        "ALTER DATABASE shop CHARACTER SET utf8mb4", "ALTER DATABASE CHARACTER SET utf8mb4"}) {
    EXPECT_TRUE(Allowed(Dialect::kMariaDb, text).ok()) << text << Allowed(Dialect::kMariaDb, text);
  }
  for (absl::string_view text : {"DROP DATABASE other", "CREATE DATABASE other",
                                 "ALTER DATABASE other SET work_mem = '8MB'"}) {
    EXPECT_EQ(ReasonOf(Allowed(Dialect::kPostgres, text)), "FORBIDDEN_STATEMENT") << text;
  }
  for (absl::string_view text : {"DROP TABLE other.gold", "CREATE SCHEMA other",
                                 "DROP SCHEMA other", "ALTER DATABASE shop SET work_mem = '8MB'"}) {
    EXPECT_TRUE(Allowed(Dialect::kPostgres, text).ok())
        << text << Allowed(Dialect::kPostgres, text);
  }
}

TEST(MayHoldCredentialsTest, AccountsServersAndReplicationDo) {
  for (absl::string_view text :
       {"CREATE USER y IDENTIFIED BY 'x'", "CREATE OR REPLACE USER y IDENTIFIED BY 'x'",
        "ALTER USER y IDENTIFIED BY 'x'", "SET PASSWORD FOR y = 'x'", "SET PASSWORD = 'x'",
        "GRANT SELECT ON t TO y IDENTIFIED BY 'x'", "CREATE SERVER s OPTIONS (PASSWORD 'x')",
        "CHANGE MASTER TO MASTER_PASSWORD = 'x'"}) {
    EXPECT_TRUE(MayHoldCredentials(Dialect::kMariaDb, text)) << text;
  }
  for (absl::string_view text : {"CREATE ROLE r PASSWORD 'x'", "ALTER ROLE r PASSWORD 'x'",
                                 "CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'x')",
                                 "CREATE SUBSCRIPTION s CONNECTION 'password=x' PUBLICATION p"}) {
    EXPECT_TRUE(MayHoldCredentials(Dialect::kPostgres, text)) << text;
  }
  for (absl::string_view text :
       {"CREATE FUNCTION set_password(password text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE users (password text DEFAULT 'x')", "GRANT SELECT ON t TO y"}) {
    EXPECT_FALSE(MayHoldCredentials(Dialect::kPostgres, text)) << text;
  }
}

TEST(CheckAllowedTest, WhatTakesControlFromTheRunnerIsRefused) {
  for (absl::string_view text :
       {"BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SAVEPOINT s", "USE other",
        "SET autocommit = 0", "SET SESSION tx_read_only = 1", "SET GLOBAL read_only = 1",
        "SET @@session.autocommit=0", "LOCK TABLES t WRITE", "UNLOCK TABLES",
        "SELECT RELEASE_LOCK('x')", "DO RELEASE_ALL_LOCKS()", "XA START 'x'",
        "DROP TABLE `dbfleet_step_log`", "DELETE FROM app.DBFLEET_SCHEMA_HISTORY",
        "/*!50000 USE other */"}) {
    EXPECT_EQ(ReasonOf(Allowed(Dialect::kMariaDb, text)), "FORBIDDEN_STATEMENT") << text;
  }
  for (absl::string_view text :
       {"BEGIN", "COMMIT AND CHAIN", "ABORT", "END", "SELECT pg_advisory_unlock_all()",
        "DISCARD ALL", "SET default_transaction_read_only = on", "SET ROLE other",
        "SET SESSION AUTHORIZATION other",
        "ALTER DATABASE d SET default_transaction_read_only = on",
        "CREATE INDEX CONCURRENTLY ON t (a)", "PREPARE TRANSACTION 'x'",
        "SELECT pg_terminate_backend(pg_backend_pid())", "DROP TABLE dbfleet_step_log"}) {
    EXPECT_EQ(ReasonOf(Allowed(Dialect::kPostgres, text)), "FORBIDDEN_STATEMENT") << text;
  }
}

TEST(CheckAllowedTest, OrdinaryStatementsAreLetThrough) {
  for (absl::string_view text :
       {"ALTER TABLE t ADD COLUMN `begin` INT", "SET FOREIGN_KEY_CHECKS = 0",
        "INSERT INTO t VALUES ('USE; COMMIT; autocommit')"}) {
    EXPECT_TRUE(Allowed(Dialect::kMariaDb, text).ok()) << text;
  }
  EXPECT_TRUE(Allowed(Dialect::kPostgres, "SET LOCAL ROLE other").ok());
  EXPECT_TRUE(Allowed(Dialect::kMariaDb, "ALTER TABLE t ADD COLUMN read_only INT").ok());
  EXPECT_TRUE(Allowed(Dialect::kPostgres, "CREATE INDEX CONCURRENTLY i ON t (a)").ok());
  EXPECT_TRUE(Allowed(Dialect::kPostgres, "DO $$ BEGIN PERFORM 1; END $$").ok());
}

}  // namespace
}  // namespace dbfleet::agent
