#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/lint_cases.h"

// Advice that a server would refuse is none. Each form here was run on PostgreSQL 15 or MariaDB
// 10.11, those for a second run twice.
namespace dbfleet::sql {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// "message > advice" of the rule's findings, each in a line.
std::string Said(const Target& target, absl::string_view script, absl::string_view rule,
                 const SchemaSnapshot* snapshot = nullptr) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  if (!statements.ok()) return "";
  const LintConfig config;
  Linter linter(target, config, snapshot);
  ScriptReader reader(target);
  for (const Statement& statement : *statements) linter.Add(statement, reader.Read(statement));
  std::string said;
  for (const Finding& finding : linter.Finish()) {
    if (finding.rule_id == rule)
      absl::StrAppend(&said, finding.message, " > ", finding.advice, "\n");
  }
  return said;
}

struct AdviceCase {
  const char* sql;
  const char* says;  // "": nothing.
};

void Says(const Target& target, absl::string_view rule, const std::vector<AdviceCase>& cases,
          const SchemaSnapshot* snapshot = nullptr) {
  for (const AdviceCase& c : cases) {
    const std::string said = Said(target, c.sql, rule, snapshot);
    if (*c.says == '\0') {
      EXPECT_EQ(said, "") << c.sql;
    } else {
      EXPECT_THAT(said, HasSubstr(c.says)) << c.sql;
    }
  }
}

Target PostgresOf(int major) { return Target(Dialect::kPostgres, {major, 0, 0}); }

TEST(TrueAdviceTest, WhatMakesAStatementRepeatableIsWhatItsGrammarHas) {
  Says(Postgres(), "dbf-not-idempotent",
       {{"CREATE TABLE app.t (id bigint)", "write IF NOT EXISTS,"},
        {"CREATE MATERIALIZED VIEW app.mv AS SELECT 1 AS a", "write IF NOT EXISTS,"},
        {"CREATE VIEW app.v AS SELECT 1 AS a", "write OR REPLACE,"},
        {"CREATE FOREIGN TABLE app.f (id int) SERVER s", "write IF NOT EXISTS,"},
        {"CREATE FOREIGN TABLE IF NOT EXISTS app.f (id int) SERVER s", ""},
        {"CREATE EXTENSION hstore", "write IF NOT EXISTS,"},
        {"CREATE EXTENSION IF NOT EXISTS hstore", ""},
        {"CREATE SERVER s FOREIGN DATA WRAPPER w", "write IF NOT EXISTS,"},
        {"CREATE USER MAPPING FOR bob SERVER s", "write IF NOT EXISTS,"},
        {"CREATE STATISTICS st ON a, b FROM app.t", "write IF NOT EXISTS,"},
        {"CREATE COLLATION c FROM \"C\"", "write IF NOT EXISTS,"},
        {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "write OR REPLACE,"},
        {"CREATE RULE r AS ON INSERT TO app.t DO NOTHING", "write OR REPLACE,"},
        {"CREATE AGGREGATE ag(int) (sfunc = int4pl, stype = int)", "write OR REPLACE,"},
        {"CREATE TRIGGER tr AFTER INSERT ON app.t EXECUTE FUNCTION f()", "write OR REPLACE,"},
        {"CREATE CONSTRAINT TRIGGER tr AFTER INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION f()",
         "write DROP ... IF EXISTS in front of it"},
        {"CREATE POLICY p ON app.t", "write DROP ... IF EXISTS in front of it"},
        {"CREATE ROLE x", "look into the server's catalog"},
        {"CREATE DATABASE x", "look into the server's catalog"},
        {"CREATE TABLESPACE x LOCATION '/x'", "look into the server's catalog"},
        {"CREATE DOMAIN app.d AS int", "making the domain app.d fails"},
        {"CREATE SCHEMA s", "write IF NOT EXISTS,"},
        {"CREATE SCHEMA s CREATE TABLE x (id bigint PRIMARY KEY)",
         "in statements of their own, each with IF NOT EXISTS"},
        {"CREATE INDEX ON app.t (a)", "write CREATE INDEX IF NOT EXISTS idx_t_a in front of ON"},
        {"CREATE UNIQUE INDEX CONCURRENTLY ON app.t (a)",
         "write CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_t_a"},
        {"CREATE INDEX i ON app.t (a)", "write IF NOT EXISTS,"},
        {"DROP TRIGGER tr ON app.t", "write IF EXISTS,"},
        {"DROP ROLE x", "write IF EXISTS,"},
        {"DROP OWNED BY bob", ""},
        {"ALTER TYPE app.ty ADD ATTRIBUTE b int", "ADD ATTRIBUTE knows no IF NOT EXISTS"},
        {"ALTER TYPE app.ty DROP ATTRIBUTE b", "write DROP ATTRIBUTE IF EXISTS b"},
        {"ALTER TABLE app.t ADD COLUMN b int", "write ADD COLUMN IF NOT EXISTS b"},
        {"ALTER TABLE app.t DROP COLUMN b", "write DROP COLUMN IF EXISTS b"},
        {"ALTER TABLE app.t DROP CONSTRAINT b", "write DROP CONSTRAINT IF EXISTS b"},
        {"ALTER TABLE app.t ADD CONSTRAINT x PRIMARY KEY USING INDEX i",
         "look into pg_constraint whether x is there already"},
        {"ALTER TABLE app.t ADD CONSTRAINT x UNIQUE (a)", "DROP CONSTRAINT IF EXISTS x"}});
  EXPECT_THAT(Said(Postgres(), "CREATE INDEX ON app.t (a)", "dbf-not-idempotent"),
              Not(HasSubstr("fails")));
  Says(PostgresOf(13), "dbf-not-idempotent",
       {{"CREATE TRIGGER tr AFTER INSERT ON app.t EXECUTE FUNCTION f()",
         "write DROP ... IF EXISTS in front of it"}});
}

TEST(TrueAdviceTest, AWiderKeyKeepsItsNumbering) {
  Says(Postgres(), "dbf-int-key",
       {{"CREATE TABLE app.t (id serial PRIMARY KEY)",
         "is serial: its numbers end at 2147483647 > write bigserial in place of serial"},
        {"CREATE TABLE app.t (id smallserial PRIMARY KEY)", "write bigserial in place of"},
        {"CREATE TABLE app.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
         "is int: its numbers end at 2147483647 > write bigint in place of int"}});
  Says(Maria(), "dbf-int-key",
       {{"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)",
         "write BIGINT UNSIGNED in place of INT"}});
}

TEST(TrueAdviceTest, APrimaryKeyIsOneThatTheTableCanHave) {
  Says(Postgres(), "dbf-no-primary-key",
       {{"CREATE TABLE app.x (id int)", "ALTER TABLE app.x ADD PRIMARY KEY (id)"},
        {"CREATE TABLE app.x (a int)", "ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY"},
        {"CREATE TABLE app.x (n bigserial, a int)", "ADD PRIMARY KEY (n)"},
        {"CREATE TABLE app.x AS SELECT 1 AS id", "over columns whose values differ; or, if it has"},
        {"CREATE TABLE app.x (a int, ts date) PARTITION BY RANGE (ts)",
         "ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY, ADD PRIMARY KEY (id, ts)"},
        {"CREATE TABLE app.x (a int) PARTITION BY RANGE ((a + 1))", "can have none"},
        {"CREATE FOREIGN TABLE app.f (id int) SERVER s", ""}});
  Says(Maria(), "dbf-no-primary-key",
       {{"CREATE TABLE t (id SERIAL)", "ALTER TABLE t ADD PRIMARY KEY (id)"},
        {"CREATE TABLE t (n INT AUTO_INCREMENT UNIQUE)", "ADD PRIMARY KEY (n)"},
        {"ALTER TABLE t DROP PRIMARY KEY", "or, if it has no column id, ADD COLUMN"}});
}

TEST(TrueAdviceTest, TriggersAndEventsHaveNoSqlSecurity) {
  for (const char* sql :
       {"CREATE DEFINER=root@localhost TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
        "CREATE DEFINER=root@localhost EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1"}) {
    EXPECT_THAT(Said(Maria(), sql, "dbf-definer"),
                AllOf(HasSubstr("leave out DEFINER"), Not(HasSubstr("SQL SECURITY INVOKER"))))
        << sql;
  }
  Says(Maria(), "dbf-definer",
       {{"CREATE DEFINER=root@localhost VIEW v AS SELECT 1 AS a", "write SQL SECURITY INVOKER"}});
}

SchemaSnapshot Large() {
  SchemaSnapshot snapshot;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.rows = 5'000'000;
  orders.columns = {{"id", "bigint"},
                    {"customer_id", "bigint"},
                    {"made", "timestamp without time zone"},
                    {"seen", "timestamp with time zone"}};
  orders.indexes = {{"orders_pkey", {"id"}, true, true}};
  orders.published = true;
  orders.replica_identity = "nothing";
  snapshot.Add(orders);
  return snapshot;
}

TEST(TrueAdviceTest, AnIndexOverACallNeedsOneThatIsImmutable) {
  const SchemaSnapshot snapshot = Large();
  Says(Postgres(), "dbf-function-on-column",
       {{"SELECT id FROM app.orders WHERE lower(note) = 'x'", "((lower(note)))"},
        {"SELECT id FROM app.orders WHERE date(made) = '2024-01-01'", "((date(made)))"},
        {"SELECT id FROM app.orders WHERE to_char(made, 'Y') = 'x'", "itself with a range\n"},
        {"SELECT id FROM app.orders WHERE date(seen) = '2024-01-01'", "itself with a range\n"}},
       &snapshot);
  Says(Postgres(), "dbf-function-on-column",
       {{"SELECT id FROM app.orders WHERE date(made) = '2024-01-01'", "itself with a range\n"}});
  Says(Maria(), "dbf-function-on-column",
       {{"SELECT id FROM t WHERE date_format(d, '%Y') = 'x'", "itself with a range\n"},
        {"SELECT id FROM t WHERE DATE(d) = '2024-01-01'", "AS (DATE(d)) VIRTUAL"}});
}

TEST(TrueAdviceTest, MariaDbReadsDatesFromAnIndexSince111) {
  const Target maria(Dialect::kMariaDb, {11, 1, 0});
  Says(maria, "dbf-function-on-column",
       {{"SELECT id FROM t WHERE DATE(d) = '2024-01-01'", ""},
        {"SELECT id FROM t WHERE YEAR(d) = 2024", ""},
        {"SELECT id FROM t WHERE MONTH(d) = 1", "keeps an index"},
        {"SELECT id FROM t WHERE YEAR(d) = 2024 AND LOWER(a) = 'x'", "keeps an index"}});
}

TEST(TrueAdviceTest, ATypeIsNotSaidToStayWhereItDoesNot) {
  Says(Postgres(), "dbf-change-column-type",
       {{"ALTER TABLE app.t ALTER a TYPE bigint", "unless that is its type already"},
        {"ALTER TABLE app.t ALTER a TYPE varchar(30)", "unless it only makes it longer"},
        {"ALTER TABLE app.t ALTER a TYPE text", "unless it was varchar or text"}});
  Says(Maria(), "dbf-change-column-type",
       {{"ALTER TABLE t MODIFY a BIGINT", "unless that is its type already"},
        {"ALTER TABLE t MODIFY a VARCHAR(30)", "unless it only makes a VARCHAR longer"}});
}

TEST(TrueAdviceTest, AFullScanIsNoneWhereAnIndexServes) {
  const SchemaSnapshot snapshot = Large();
  for (const Target& target : {Postgres(), Maria()}) {
    Says(target, "dbf-full-scan",
         {{"CREATE INDEX i ON app.orders (customer_id); "
           "SELECT id FROM app.orders WHERE customer_id = 5",
           ""},
          {"SELECT id FROM app.orders WHERE customer_id = 5", "no index"},
          {"SELECT MAX(id) FROM app.orders", ""},
          {"SELECT MIN(id) AS a, MAX(id) FROM app.orders", ""},
          {"SELECT MAX(customer_id) FROM app.orders", "reads all of app.orders"},
          {"SELECT MAX(id), COUNT(*) FROM app.orders", "reads all of app.orders"},
          {"SELECT MAX(id) FROM app.orders GROUP BY customer_id", "reads all of app.orders"}},
         &snapshot);
  }
  Says(Postgres(), "dbf-full-scan",
       {{"CREATE INDEX i ON app.orders (customer_id); DROP INDEX app.i; "
         "SELECT id FROM app.orders WHERE customer_id = 5",
         "no index"},
        {"CREATE INDEX i ON app.orders (customer_id) WHERE id > 5; "
         "SELECT id FROM app.orders WHERE customer_id = 5",
         "no index"}},
       &snapshot);
}

TEST(TrueAdviceTest, AReplicaIdentityIsThePrimaryKeyWhereThereIsOne) {
  const SchemaSnapshot snapshot = Large();
  Says(Postgres(), "dbf-replica-identity",
       {{"UPDATE app.orders SET customer_id = 1 WHERE id = 1", "REPLICA IDENTITY DEFAULT"}},
       &snapshot);
}

TEST(TrueAdviceTest, TheVersionThatIsTakenIsNamed) {
  const char* sql = "ALTER TABLE t ADD COLUMN a INT";
  Says(Target(Dialect::kMySql, {8, 0, 0}), "dbf-table-rebuild",
       {{sql, "(in the worst version of MySQL 8.0; name yours with --server-version)"}});
  Says(Target(Dialect::kMySql, {8, 0, 30}), "dbf-table-rebuild", {{sql, ""}});
}

TEST(TrueAdviceTest, AConditionThatHoldsWhateverThereIsIsNone) {
  for (const Target& target : {Postgres(), Maria()}) {
    Says(target, "dbf-no-where",
         {{"DELETE FROM app.t WHERE id IS NOT NULL OR id IS NULL", "app.t"},
          {"DELETE FROM app.t WHERE id IS NULL OR a = 1 OR id IS NOT NULL", "app.t"},
          {"DELETE FROM app.t WHERE id IS NOT NULL OR a IS NULL", ""},
          {"DELETE FROM app.t WHERE id IS NOT NULL AND id IS NULL", ""}});
  }
}

TEST(TrueAdviceTest, TriggersRulesAndPoliciesWaitForTheirTable) {
  for (const char* sql :
       {"DROP TRIGGER tr ON app.orders", "DROP POLICY p ON app.orders",
        "CREATE POLICY p ON app.orders", "ALTER POLICY p ON app.orders TO bob",
        "CREATE TRIGGER tr AFTER INSERT ON app.orders EXECUTE FUNCTION f()",
        "CREATE RULE r AS ON INSERT TO app.orders DO NOTHING", "DROP RULE r ON app.orders"}) {
    EXPECT_THAT(Said(Postgres(), sql, "dbf-no-lock-timeout"), HasSubstr("the lock on app.orders"))
        << sql;
    EXPECT_EQ(
        Said(Postgres(), absl::StrCat("SET lock_timeout = '5s'; ", sql), "dbf-no-lock-timeout"), "")
        << sql;
    EXPECT_EQ(
        Said(Postgres(), absl::StrCat("CREATE TABLE app.orders (id bigint PRIMARY KEY); ", sql),
             "dbf-no-lock-timeout"),
        "")
        << sql;
  }
}

}  // namespace
}  // namespace dbfleet::sql
