#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/lint_cases.h"

// What a script did so far decides what rules say of its later statements, through the readers.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::Not;

TEST(LintStateTest, MariaDbATableCountsAsMadeOnlyIfThatIsCertain) {
  Finds(
      Maria(),
      {
          {"CREATE TABLE IF NOT EXISTS orders (id BIGINT PRIMARY KEY); DROP TABLE orders",
           "dbf-drop-table 2"},
          {"CREATE TABLE IF NOT EXISTS o (id BIGINT PRIMARY KEY); ALTER TABLE o DROP COLUMN a",
           "dbf-drop-column 2"},
          {"CREATE TABLE IF NOT EXISTS o (id BIGINT PRIMARY KEY); TRUNCATE o", "dbf-truncate 2"},
          {"CREATE TABLE IF NOT EXISTS o (id BIGINT PRIMARY KEY); CREATE UNIQUE INDEX i ON o (a)",
           "dbf-unique-on-existing 2"},
          {"CREATE TEMPORARY TABLE orders (a int); DROP TABLE shop.orders", "dbf-drop-table 2"},
          {"CREATE TEMPORARY TABLE orders (a int); DROP TEMPORARY TABLE orders; DROP TABLE orders",
           "dbf-drop-table 3"},
          {"CREATE TEMPORARY TABLE orders (a int); DROP TABLE orders; DROP TABLE orders",
           "dbf-drop-table 3"},
          {"CREATE TEMPORARY TABLE orders (a int); USE other; DROP TABLE orders",
           "dbf-drop-table 3"},
          {"CREATE TABLE orders (id BIGINT PRIMARY KEY); USE other; DROP TABLE orders",
           "dbf-drop-table 3"},
          {"CREATE TABLE orders (id BIGINT PRIMARY KEY); DROP TABLE ORDERS", "dbf-drop-table 2"},
          {"CREATE TABLE t (id BIGINT PRIMARY KEY); ALTER TABLE t RENAME TO u; DROP TABLE t",
           "dbf-drop-table 3"},
          {"RENAME TABLE orders TO old; CREATE TABLE orders (id INT PRIMARY KEY); DROP TABLE old",
           "dbf-drop-table 3"},
          {"CREATE INDEX IF NOT EXISTS i ON t (a); DROP INDEX i ON t", "dbf-drop-visible-index 2"},
          {"CREATE INDEX i ON t (a); DROP INDEX i ON u", "dbf-drop-visible-index 2"},
      });
  DoesNotFind(
      Maria(),
      {
          {"CREATE TABLE orders (id BIGINT PRIMARY KEY); DROP TABLE orders", "dbf-drop-table 2"},
          {"CREATE TEMPORARY TABLE IF NOT EXISTS o (a int); DROP TABLE o", "dbf-drop-table 2"},
          {"USE a; CREATE TABLE o (id BIGINT PRIMARY KEY); DROP TABLE a.o", "dbf-drop-table 3"},
          {"CREATE TABLE t (id BIGINT PRIMARY KEY); ALTER TABLE t RENAME TO u; DROP TABLE u",
           "dbf-drop-table 3"},
          // DDL is not rolled back there.
          {"BEGIN; CREATE TABLE o (id BIGINT PRIMARY KEY); ROLLBACK; DROP TABLE o",
           "dbf-drop-table 4"},
          {"CREATE INDEX i ON t (a); DROP INDEX i ON t", "dbf-drop-visible-index 2"},
      });
}

TEST(LintStateTest, PostgresATableCountsAsMadeOnlyIfThatIsCertain) {
  Finds(
      Postgres(),
      {
          {"CREATE TABLE IF NOT EXISTS app.t (id bigint PRIMARY KEY); CREATE INDEX i ON app.t (a)",
           "dbf-index-not-concurrent 2"},
          {"CREATE TABLE IF NOT EXISTS app.t (id bigint PRIMARY KEY);"
           "ALTER TABLE app.t ALTER a SET NOT NULL",
           "dbf-set-not-null 2"},
          {"CREATE TABLE IF NOT EXISTS app.t (id bigint PRIMARY KEY);"
           "ALTER TABLE app.t ADD CONSTRAINT c CHECK (a > 0)",
           "dbf-check-not-valid 2"},
          {"CREATE TEMP TABLE t (a int); DROP TABLE app.t", "dbf-drop-table 2"},
          {"CREATE TEMP TABLE t (a int); TRUNCATE public.t", "dbf-truncate 2"},
          {"CREATE TEMP TABLE t (a int) ON COMMIT DROP; DROP TABLE t", "dbf-drop-table 2"},
          {"BEGIN; CREATE TEMP TABLE t (a int) ON COMMIT DROP; COMMIT; DROP TABLE t",
           "dbf-drop-table 4"},
          {"SET search_path = app, pg_temp; CREATE TEMP TABLE t (a int); DROP TABLE t",
           "dbf-drop-table 3"},
          {"CREATE TABLE t (id bigint PRIMARY KEY); DROP TABLE b.t", "dbf-drop-table 2"},
          {"CREATE TABLE b.t (id bigint PRIMARY KEY); DROP TABLE t", "dbf-drop-table 2"},
          {"CREATE TABLE a.t (id bigint PRIMARY KEY); DROP TABLE b.t", "dbf-drop-table 2"},
          {"CREATE TABLE \"T\" (id bigint PRIMARY KEY); DROP TABLE t", "dbf-drop-table 2"},
          {"CREATE TABLE a.t (id bigint PRIMARY KEY); DROP TABLE a.t; DROP TABLE a.t",
           "dbf-drop-table 3"},
          {"BEGIN; CREATE TABLE app.t (id bigint PRIMARY KEY); ROLLBACK; DROP TABLE app.t",
           "dbf-drop-table 4"},
          {"BEGIN; SAVEPOINT s; CREATE TABLE app.t (id bigint PRIMARY KEY); ROLLBACK TO s;"
           "DROP TABLE app.t",
           "dbf-drop-table 5"},
          {"BEGIN; CREATE INDEX i ON app.t (a); ROLLBACK; DROP INDEX app.i",
           "dbf-drop-index-not-concurrent 4"},
          {"SET search_path = a; CREATE TABLE t (id bigint PRIMARY KEY); SET search_path = b;"
           "DROP TABLE t",
           "dbf-drop-table 4"},
          {"CREATE TABLE t (id bigint PRIMARY KEY); SELECT set_config('search_path', 'b', false);"
           "DROP TABLE t",
           "dbf-drop-table 3"},
          {"CREATE TABLE t (id bigint PRIMARY KEY); RESET ALL; DROP TABLE t", "dbf-drop-table 3"},
          {"CREATE TABLE app.t (id bigint PRIMARY KEY);\n\\c other\nDROP TABLE app.t;",
           "dbf-drop-table 3"},
          {"CREATE TABLE app.t (id bigint PRIMARY KEY);\n\\connect - joe\nDROP TABLE app.t;",
           "dbf-drop-table 3"},
          {"BEGIN; UPDATE app.t SET a = 1 WHERE id = 1;\n\\c other\n",
           "dbf-uncommitted-transaction 1"},
          {"CREATE TABLE app (id bigint PRIMARY KEY); DROP SCHEMA app", "dbf-drop-table 2"},
          {"CREATE TABLE app.t (id bigint PRIMARY KEY); ALTER TABLE t RENAME TO u;"
           "DROP TABLE app.u",
           "dbf-drop-table 3"},
      });
  DoesNotFind(
      Postgres(),
      {
          {"CREATE TABLE app.t (id bigint PRIMARY KEY); DROP TABLE app.t", "dbf-drop-table 2"},
          {"CREATE TEMP TABLE t (a int); DROP TABLE t", "dbf-drop-table 2"},
          {"CREATE TEMP TABLE t (a int); DROP TABLE pg_temp.t", "dbf-drop-table 2"},
          {"BEGIN; CREATE TABLE app.t (id bigint PRIMARY KEY); COMMIT; DROP TABLE app.t",
           "dbf-drop-table 4"},
          {"SET search_path = a; CREATE TABLE t (id bigint PRIMARY KEY); DROP TABLE a.t",
           "dbf-drop-table 3"},
          {"SET search_path = a; CREATE TABLE t (id bigint PRIMARY KEY);"
           "CREATE INDEX i ON t (a); SET search_path = b; CREATE INDEX i ON t (a)",
           "dbf-duplicate-index 5"},
          {"CREATE SCHEMA s CREATE TABLE t (id bigint PRIMARY KEY); DROP TABLE s.t",
           "dbf-drop-table 2"},
      });
}

TEST(LintStateTest, WhatACompleteSnapshotDoesNotHaveIsMade) {
  SchemaSnapshot snapshot;
  LiveTable orders;
  orders.name = {"shop", "orders"};
  snapshot.Add(orders);
  const char* made = "CREATE TABLE IF NOT EXISTS shop.t (id BIGINT PRIMARY KEY); DROP TABLE shop.t";
  EXPECT_THAT(Found(Maria(), made, &snapshot), Contains("dbf-drop-table 2"));
  snapshot.complete = true;
  EXPECT_THAT(Found(Maria(), made, &snapshot), Not(Contains("dbf-drop-table 2")));
  // Nor if something was given that name before.
  const char* moved =
      "RENAME TABLE shop.orders TO shop.t; CREATE TABLE IF NOT EXISTS shop.t (id BIGINT);"
      "DROP TABLE shop.t";
  EXPECT_THAT(Found(Maria(), moved, &snapshot), Contains("dbf-drop-table 3"));
  EXPECT_THAT(
      Found(Maria(), "CREATE TABLE IF NOT EXISTS Orders (id INT); DROP TABLE Orders", &snapshot),
      Contains("dbf-drop-table 2"));
}

TEST(LintStateTest, AKeyThatIsNearlyFullIsNamedOnce) {
  SchemaSnapshot snapshot;
  LiveTable orders;
  orders.name = {"shop", "orders"};
  orders.next_number = 2'000'000'000;
  orders.columns = {{"id", "int", false, true}};
  snapshot.Add(orders);
  const std::vector<std::string> found =
      Found(Maria(),
            "CREATE TABLE IF NOT EXISTS shop.orders (id INT PRIMARY KEY);"
            "ALTER TABLE shop.orders ADD COLUMN a INT; INSERT INTO shop.orders (a) VALUES (1);"
            "ALTER TABLE shop.orders ADD COLUMN b INT",
            &snapshot);
  EXPECT_THAT(found, Contains("dbf-int-key-capacity 2"));
  EXPECT_THAT(found, Contains(testing::StartsWith("dbf-int-key-capacity")).Times(1));
}

TEST(LintStateTest, ReplacingATableDropsItsRows) {
  Finds(Maria(), {
                     {"CREATE OR REPLACE TABLE o (id BIGINT PRIMARY KEY)", "dbf-drop-table 1"},
                     {"CREATE TABLE IF NOT EXISTS o (id BIGINT PRIMARY KEY);"
                      "CREATE OR REPLACE TABLE o (id BIGINT PRIMARY KEY)",
                      "dbf-drop-table 2"},
                 });
  DoesNotFind(Maria(), {
                           {"CREATE OR REPLACE TEMPORARY TABLE o (id BIGINT)", "dbf-drop-table 1"},
                           {"CREATE TABLE o (id BIGINT PRIMARY KEY);"
                            "CREATE OR REPLACE TABLE o (id BIGINT PRIMARY KEY)",
                            "dbf-drop-table 2"},
                       });
}

TEST(LintStateTest, AWayBackTakesAwayWhatItsWayThereMade) {
  Finds(Maria(),
        {
            {"-- dbfleet:up\nCREATE TABLE c (id BIGINT PRIMARY KEY);\n"
             "-- dbfleet:down\nDROP TABLE c; DROP TABLE customers;",
             "dbf-drop-table 3"},
            {"-- dbfleet:up\nALTER TABLE c ADD COLUMN q INT;\n-- dbfleet:down\nDROP TABLE c;",
             "dbf-drop-table 2"},
            {"-- dbfleet:up\nALTER TABLE c ADD COLUMN q INT;\n"
             "-- dbfleet:down\nALTER TABLE c DROP COLUMN z;",
             "dbf-drop-column 2"},
            {"-- dbfleet:up\nRENAME TABLE a TO b;\n-- dbfleet:down\nDROP TABLE b;",
             "dbf-drop-table 2"},
        });
  DoesNotFind(Maria(),
              {
                  {"-- dbfleet:up\nCREATE TABLE IF NOT EXISTS c (id BIGINT PRIMARY KEY);\n"
                   "-- dbfleet:down\nDROP TABLE c;",
                   "dbf-drop-table 2"},
                  {"-- dbfleet:up\nALTER TABLE c ADD COLUMN q INT;\n"
                   "-- dbfleet:down\nALTER TABLE c DROP COLUMN q;",
                   "dbf-drop-column 2"},
                  {"-- dbfleet:up\nRENAME TABLE a TO b;\n-- dbfleet:down\nRENAME TABLE b TO a;",
                   "dbf-rename-table 2"},
                  {"-- dbfleet:up\nCREATE INDEX i ON t (a);\n-- dbfleet:down\nDROP INDEX i ON t;",
                   "dbf-drop-visible-index 2"},
              });
}

TEST(LintStateTest, ALockTimeoutIsSetIfItLimitsTheStatement) {
  const std::string alter = "ALTER TABLE app.t RENAME COLUMN a TO b";
  const auto waits = [&](const std::string& before) {
    const auto found = Found(Postgres(), before + alter);
    return std::any_of(found.begin(), found.end(), [](const std::string& id) {
      return id.rfind("dbf-no-lock-timeout", 0) == 0;
    });
  };
  for (const char* none :
       {"", "SET lock_timeout = 0;", "SET lock_timeout = '0ms';", "SET lock_timeout TO DEFAULT;",
        "SET lock_timeout = '5s'; RESET lock_timeout;", "SET lock_timeout = '5s'; RESET ALL;",
        "SET LOCAL lock_timeout = '5s';", "BEGIN; SET LOCAL lock_timeout = '5s'; COMMIT;",
        "BEGIN; SET lock_timeout = '5s'; ROLLBACK;",
        "SELECT set_config('lock_timeout', '0', false);",
        "SELECT set_config('lock_timeout', '5s', true);",
        "SELECT set_config('lock_timeout', '5s', 't'::bool);",
        "SET lock_timeout = '5s';\n\\c db\n"}) {
    EXPECT_TRUE(waits(none)) << none;
  }
  for (const char* some :
       {"SET lock_timeout = '5s';", "SET lock_timeout = 500;", "SET statement_timeout = '1min';",
        "BEGIN; SET LOCAL lock_timeout = '5s';", "SELECT set_config('lock_timeout', '5s', false);",
        "SELECT pg_catalog.set_config('lock_timeout', '5s', false);"}) {
    EXPECT_FALSE(waits(some)) << some;
  }
  Finds(Postgres(), {{"LOCK TABLE app.t", "dbf-no-lock-timeout 1"}});
  DoesNotFind(Postgres(), {{"LOCK TABLE app.t NOWAIT", "dbf-no-lock-timeout 1"}});
}

TEST(LintStateTest, EveryTableOfTheScriptNeedsAKey) {
  Finds(Postgres(),
        {
            {"CREATE TABLE app.t AS SELECT 1 AS a", "dbf-no-primary-key 1"},
            {"SELECT a INTO app.t FROM app.u", "dbf-no-primary-key 1"},
            {"CREATE SCHEMA x CREATE TABLE t (id int)", "dbf-no-primary-key 1"},
            {"CREATE TABLE t (id int PRIMARY KEY); DROP TABLE t; CREATE TABLE t (a int)",
             "dbf-no-primary-key 3"},
            {"CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; CREATE TABLE t (b int)",
             "dbf-no-primary-key 1"},
            {"CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; CREATE TABLE t (b int)",
             "dbf-no-primary-key 3"},
        });
  Finds(Maria(), {
                     {"CREATE TABLE t SELECT 1 AS a", "dbf-no-primary-key 1"},
                     {"ALTER TABLE t DROP PRIMARY KEY", "dbf-no-primary-key 1"},
                     {"CREATE TABLE t (id INT PRIMARY KEY); ALTER TABLE t DROP PRIMARY KEY",
                      "dbf-no-primary-key 1"},
                 });
  DoesNotFind(Maria(),
              {
                  {"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b)", "dbf-no-primary-key 1"},
                  {"CREATE TABLE t (id INT PRIMARY KEY) SELECT 1 AS id", "dbf-no-primary-key 1"},
                  {"CREATE TABLE t LIKE u", "dbf-no-primary-key 1"},
              });
  DoesNotFind(Postgres(), {{"CREATE TEMP TABLE t AS SELECT 1 AS a", "dbf-no-primary-key 1"}});
}

TEST(LintStateTest, OnlyACheckThatCouldBeTheBoundProvesAPartition) {
  const std::string before = "ALTER TABLE app.c ADD CONSTRAINT k CHECK ";
  const std::string behind =
      " NOT VALID; COMMIT; ALTER TABLE app.c VALIDATE CONSTRAINT k; COMMIT;"
      "ALTER TABLE app.p ATTACH PARTITION app.c FOR VALUES ";
  Finds(Postgres(),
        {{(before + "(name <> '')" + behind + "IN ('100')").c_str(), "dbf-attach-partition 5"}});
  Finds(
      Postgres(),
      {{(before + "(d >= '2024-01-01')" + behind + "FROM ('2024-01-01') TO ('2024-02-01')").c_str(),
        "dbf-attach-partition 5"}});
  DoesNotFind(Postgres(), {{(before + "(d IS NOT NULL AND d >= '2024-01-01' AND d < '2024-02-01')" +
                             behind + "FROM ('2024-01-01') TO ('2024-02-01')")
                                .c_str(),
                            "dbf-attach-partition 5"}});
  for (const char* check : {"(n = '100' AND n IS NOT NULL)", "(n IN ('100') AND n IS NOT NULL)",
                            "(n IS NOT NULL AND (n = ANY (ARRAY['100']) AND m > 0))"}) {
    DoesNotFind(Postgres(), {{(before + check + behind + "IN ('100', '200')").c_str(),
                              "dbf-attach-partition 5"}});
  }
  DoesNotFind(
      Postgres(),
      {{(before + "(n IS NOT NULL AND n >= -5 AND n < 0)" + behind + "FROM (-5) TO (0)").c_str(),
        "dbf-attach-partition 5"},
       {(before + "(n IS NOT NULL AND n >= 5)" + behind + "FROM (5) TO (MAXVALUE)").c_str(),
        "dbf-attach-partition 5"}});
  // The same numbers in another sense; NULLs; a wider range; another column.
  for (const char* check :
       {"(a <> 0 AND a <> 1000)", "(a >= 0 AND a < 1000)", "(a IS NOT NULL OR a >= 0 AND a < 1000)",
        "(a IS NOT NULL AND a >= 0 AND a <= 1000)", "(a IS NOT NULL AND a >= 0 AND b < 1000)",
        "(b IS NOT NULL AND a >= 0 AND a < 1000)"}) {
    Finds(Postgres(),
          {{(before + check + behind + "FROM (0) TO (1000)").c_str(), "dbf-attach-partition 5"}});
  }
}

TEST(LintStateTest, ValidatedTooEarlyAndNeverCommitted) {
  Finds(Postgres(), {{"ALTER TABLE app.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID,"
                      "VALIDATE CONSTRAINT c",
                      "dbf-validate-in-same-transaction 1"}});
  // Whether a script is one transaction is its runner's choice.
  const LintConfig config;
  Linter linter(Postgres(), config, nullptr);
  const auto statements = Split(Postgres(),
                                "ALTER TABLE app.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;"
                                "ALTER TABLE app.t VALIDATE CONSTRAINT c");
  for (const Statement& statement : *statements) linter.Add(statement, Read(Postgres(), statement));
  EXPECT_THAT(linter.Finish(),
              Contains(testing::Field(&Finding::message, testing::HasSubstr("in one script"))));
  Finds(Maria(),
        {
            {"SET autocommit=0; UPDATE t SET a=1 WHERE id=1", "dbf-uncommitted-transaction 2"},
            {"SET @@session.autocommit = OFF; UPDATE t SET a=1 WHERE id=1",
             "dbf-uncommitted-transaction 2"},
        });
  DoesNotFind(
      Maria(),
      {
          {"SET autocommit=0; UPDATE t SET a=1 WHERE id=1; COMMIT",
           "dbf-uncommitted-transaction 2"},
          {"SET autocommit=0; UPDATE t SET a=1 WHERE id=1; SET autocommit=1",
           "dbf-uncommitted-transaction 2"},
          {"SET autocommit=1; UPDATE t SET a=1 WHERE id=1", "dbf-uncommitted-transaction 2"},
          {"BEGIN; SAVEPOINT s; UPDATE t SET a=1 WHERE id=1; ROLLBACK TO s; COMMIT",
           "dbf-explicit-commit 4"},
      });
}

}  // namespace
}  // namespace dbfleet::sql
