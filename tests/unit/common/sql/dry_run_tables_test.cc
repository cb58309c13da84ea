#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sql/lint/linter.h"
#include "common/sql/script_reader.h"
#include "common/sql/sql.h"

// Tables that a statement needs, or makes, and columns of INSERT, which a server would certainly
// refuse by what it has. Each was tried on MariaDB 10.11 and PostgreSQL 15.
namespace dbfleet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::string_view kMariaDb = "mariadb-10.11";
constexpr absl::string_view kPostgres = "postgresql-15";
constexpr absl::string_view kBoth[] = {kMariaDb, kPostgres};

const SchemaSnapshot& Live() {
  static const auto& snapshot = *[] {
    auto* made = new SchemaSnapshot;
    made->complete = true;
    LiveTable orders;
    orders.name = {"public", "orders"};
    orders.columns = {{"id", "int", false}, {"a", "int"}};
    orders.indexes = {{"pk", {"id"}, true, true}, {"ka", {"a"}}};
    made->Add(orders);
    LiveTable users;
    users.name = {"public", "users"};
    users.columns = {{"id", "int", false}};
    users.indexes = {{"users_pk", {"id"}, true, true}};
    made->Add(users);
    return made;
  }();
  return snapshot;
}

std::vector<std::string> Said(absl::string_view dialect, absl::string_view script) {
  const Target target = *ParseTarget(dialect);
  const LintConfig config;
  Linter linter(target, config, &Live(), Linter::Options());
  ScriptReader reader(target);
  const auto statements = Split(target, script);
  for (const Statement& statement : *statements) {
    Reading reading = reader.Read(statement);
    linter.HoldAgainstSnapshot(&reading);
    linter.Add(statement, reading);
  }
  std::vector<std::string> said;
  for (const Finding& finding : linter.Finish()) {
    if (finding.rule_id == "dbf-dry-run") said.push_back(finding.message);
  }
  return said;
}

TEST(DryRunTablesTest, AForeignKeyNeedsItsParent) {
  for (absl::string_view dialect : kBoth) {
    for (absl::string_view sql :
         {"CREATE TABLE t (id INT PRIMARY KEY, u INT REFERENCES gone (id))",
          "CREATE TABLE t (u INT, FOREIGN KEY (u) REFERENCES gone (id))",
          "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES gone (id)",
          "ALTER TABLE orders ADD COLUMN u INT REFERENCES gone (id)"}) {
      EXPECT_THAT(Said(dialect, sql), ElementsAre("there is no table gone in the snapshot"))
          << dialect << ": " << sql;
    }
    EXPECT_THAT(Said(dialect, "ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES users (zzz)"),
                ElementsAre(HasSubstr("users has no column zzz")));
    for (absl::string_view sql :
         {"ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES users (id)",
          "CREATE TABLE gone (id INT PRIMARY KEY);"
          "ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES gone (id)",
          "CREATE TABLE t (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES t (id))",
          "ALTER TABLE orders ADD COLUMN up INT, ADD FOREIGN KEY (up) REFERENCES orders (id)"}) {
      EXPECT_THAT(Said(dialect, sql), IsEmpty()) << dialect << ": " << sql;
    }
    EXPECT_THAT(
        Said(dialect,
             "DROP TABLE users; ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES users (id)"),
        ElementsAre(HasSubstr("no table users any more")));
  }
  for (absl::string_view sql :
       {"SET foreign_key_checks = 0; CREATE TABLE t (u INT, FOREIGN KEY (u) REFERENCES gone (id))",
        "SET foreign_key_checks = @old;"
        "CREATE TABLE t (u INT, FOREIGN KEY (u) REFERENCES gone (id))",
        "CREATE TABLE t (u INT, FOREIGN KEY (u) REFERENCES gone (id)) ENGINE = MyISAM"}) {
    EXPECT_THAT(Said(kMariaDb, sql), IsEmpty()) << sql;
  }
  EXPECT_THAT(Said(kMariaDb,
                   "SET foreign_key_checks = 0; SET foreign_key_checks = 1;"
                   "CREATE TABLE t (u INT, FOREIGN KEY (u) REFERENCES gone (id))"),
              ElementsAre(HasSubstr("no table gone")));
  // It reads them at the column, and ignores them.
  EXPECT_THAT(Said("mysql-8.0", "CREATE TABLE t (u INT REFERENCES gone (id))"), IsEmpty());
}

TEST(DryRunTablesTest, ARenameNeedsItsTableAndAFreeName) {
  for (absl::string_view dialect : kBoth) {
    EXPECT_THAT(Said(dialect, "ALTER TABLE orders RENAME TO users"),
                ElementsAre("there is a table users already in the snapshot"));
    for (absl::string_view sql :
         {"ALTER TABLE orders RENAME TO old",
          "ALTER TABLE users RENAME TO old; ALTER TABLE orders RENAME TO users",
          "DROP TABLE users; ALTER TABLE orders RENAME TO users"}) {
      EXPECT_THAT(Said(dialect, sql), IsEmpty()) << dialect << ": " << sql;
    }
  }
  EXPECT_THAT(Said(kMariaDb, "RENAME TABLE orders TO users"),
              ElementsAre(HasSubstr("a table users already")));
  EXPECT_THAT(Said(kMariaDb, "RENAME TABLE gone TO old"), ElementsAre(HasSubstr("no table gone")));
  for (absl::string_view sql : {"RENAME TABLE users TO old, orders TO users",
                                "RENAME TABLE orders TO swap, users TO orders, swap TO users",
                                "RENAME TABLE IF EXISTS gone TO old"}) {
    EXPECT_THAT(Said(kMariaDb, sql), IsEmpty()) << sql;
  }
  // It may be an index, or a sequence.
  EXPECT_THAT(Said(kPostgres, "ALTER TABLE ka RENAME TO kb"), IsEmpty());
}

TEST(DryRunTablesTest, ColumnsThatAnInsertSets) {
  for (absl::string_view sql :
       {"INSERT INTO orders SET a = 1, zzz = 2", "INSERT INTO orders SET zzz = (SELECT 1)",
        "INSERT INTO orders (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2, zzz = 3",
        "INSERT INTO orders SET a = 1 ON DUPLICATE KEY UPDATE orders.zzz = a + 1",
        "REPLACE INTO orders SET zzz = 1"}) {
    EXPECT_THAT(Said(kMariaDb, sql), ElementsAre(HasSubstr("orders has no column zzz"))) << sql;
  }
  for (absl::string_view sql :
       {"INSERT INTO orders SET a = 1, id = IF(1 = 1, 2, 3)",
        "INSERT INTO orders (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a) + (2 = 3)",
        "INSERT INTO orders (a) SELECT id FROM users ON DUPLICATE KEY UPDATE a = users.id"}) {
    EXPECT_THAT(Said(kMariaDb, sql), IsEmpty()) << sql;
  }
  for (absl::string_view sql :
       {"INSERT INTO orders (id) VALUES (1) ON CONFLICT (zzz) DO NOTHING",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET zzz = 1"}) {
    EXPECT_THAT(Said(kPostgres, sql), ElementsAre(HasSubstr("orders has no column zzz"))) << sql;
  }
  EXPECT_THAT(Said(kPostgres,
                   "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET "
                   "a = excluded.a"),
              IsEmpty());
}

TEST(DryRunTablesTest, WhatIsEmptiedReadByAViewOrWatchedByATrigger) {
  for (absl::string_view dialect : kBoth) {
    EXPECT_THAT(Said(dialect, "TRUNCATE TABLE gone"), ElementsAre(HasSubstr("no table gone")));
    EXPECT_THAT(Said(dialect, "CREATE VIEW v AS SELECT id FROM gone"),
                ElementsAre(HasSubstr("no table gone")));
    EXPECT_THAT(Said(dialect, "CREATE VIEW orders AS SELECT 1"),
                ElementsAre(HasSubstr("a table orders already")));
    EXPECT_THAT(Said(dialect, "CREATE VIEW v AS SELECT id FROM orders; CREATE VIEW v AS SELECT 1"),
                ElementsAre(HasSubstr("a table v already")));
    for (absl::string_view sql :
         {"CREATE VIEW v AS SELECT id FROM orders", "CREATE OR REPLACE VIEW v AS SELECT 1",
          "CREATE VIEW v AS WITH gone AS (SELECT 1 AS x) SELECT x FROM gone",
          "CREATE VIEW v AS SELECT id FROM orders; CREATE VIEW w AS SELECT id FROM v"}) {
      EXPECT_THAT(Said(dialect, sql), IsEmpty()) << dialect << ": " << sql;
    }
  }
  EXPECT_THAT(Said(kPostgres, "TRUNCATE orders, gone"), ElementsAre(HasSubstr("no table gone")));
  EXPECT_THAT(Said(kPostgres, "CREATE VIEW v AS SELECT relname FROM pg_class"), IsEmpty());
  EXPECT_THAT(Said(kPostgres, "CREATE VIEW v AS SELECT n FROM generate_series(1, 3) n"), IsEmpty());
  EXPECT_THAT(
      Said(kPostgres, "CREATE TRIGGER t BEFORE INSERT ON gone FOR EACH ROW EXECUTE FUNCTION f()"),
      ElementsAre(HasSubstr("no table gone")));
  EXPECT_THAT(Said(kPostgres, "DROP TRIGGER t ON gone"), ElementsAre(HasSubstr("no table gone")));
  EXPECT_THAT(Said(kPostgres, "DROP TRIGGER IF EXISTS t ON gone"), IsEmpty());
  EXPECT_THAT(Said(kMariaDb, "CREATE TRIGGER t BEFORE INSERT ON gone FOR EACH ROW SET @a = 1"),
              ElementsAre(HasSubstr("no table gone")));
  EXPECT_THAT(Said(kMariaDb, "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET @a = 1"),
              IsEmpty());
  EXPECT_THAT(Said(kMariaDb, "CREATE VIEW v AS SELECT seq FROM seq_1_to_3"), IsEmpty());
}

TEST(DryRunTablesTest, ARenameOfAnIndex) {
  EXPECT_THAT(Said(kMariaDb, "ALTER TABLE orders RENAME INDEX zz TO y"),
              ElementsAre(HasSubstr("orders has no index zz")));
  EXPECT_THAT(Said(kMariaDb, "ALTER TABLE orders ADD INDEX kb (id), RENAME INDEX ka TO kc"),
              IsEmpty());
  EXPECT_THAT(
      Said(kMariaDb, "CREATE INDEX kb ON orders (id); ALTER TABLE orders RENAME KEY ka TO kb"),
      ElementsAre(HasSubstr("an index kb already")));
  EXPECT_THAT(Said(kMariaDb, "ALTER TABLE orders DROP INDEX ka, ADD INDEX kb (a)"), IsEmpty());
  EXPECT_THAT(Said(kMariaDb, "ALTER TABLE orders RENAME INDEX ka TO KA"), IsEmpty());
}

TEST(DryRunTablesTest, WhatAStatementDoesNotTakeAwayIsThere) {
  // A rename of what is not there does nothing, if it says so.
  EXPECT_THAT(Said(kMariaDb, "RENAME TABLE IF EXISTS nothing TO orders; SELECT a FROM orders;"),
              IsEmpty());
  EXPECT_THAT(Said(kMariaDb, "RENAME TABLE IF EXISTS users TO orders;"),
              ElementsAre(HasSubstr("there is a table orders already")));
  // DROP TABLE leaves a view.
  EXPECT_THAT(Said(kMariaDb,
                   "CREATE VIEW v AS SELECT a FROM orders; DROP TABLE IF EXISTS v;"
                   "SELECT a FROM v;"),
              IsEmpty());
  EXPECT_THAT(
      Said(kMariaDb, "CREATE VIEW v AS SELECT a FROM orders; DROP VIEW v; SELECT a FROM v;"),
      ElementsAre(HasSubstr("there is no table v any more")));
}

// MariaDB leaves what is of another kind, with a warning.
TEST(DryRunTablesTest, DropViewAndDropSequenceLeaveTables) {
  EXPECT_THAT(Said(kMariaDb, "DROP VIEW IF EXISTS orders; SELECT a FROM orders;"), IsEmpty());
  EXPECT_THAT(Said(kMariaDb, "DROP SEQUENCE IF EXISTS orders; SELECT a FROM orders;"), IsEmpty());
  EXPECT_THAT(Said(kMariaDb, "DROP VIEW IF EXISTS orders; CREATE TABLE orders (a int);"),
              ElementsAre(HasSubstr("there is a table orders already")));
  EXPECT_THAT(Said(kMariaDb, "CREATE SEQUENCE s; DROP SEQUENCE s; CREATE TABLE s (a int);"),
              IsEmpty());
}

TEST(DryRunTablesTest, AViewOfATemporaryTableIsTemporary) {
  EXPECT_THAT(Said(kPostgres,
                   "CREATE TEMP TABLE t (a int); CREATE VIEW v AS SELECT a FROM t;"
                   "SELECT a FROM pg_temp.v; CREATE TABLE v (b int);"),
              IsEmpty());
  EXPECT_THAT(
      Said(kPostgres, "CREATE TEMP VIEW v AS SELECT a FROM orders; CREATE TABLE v (b int);"),
      IsEmpty());
  EXPECT_THAT(Said(kPostgres, "CREATE VIEW v AS SELECT a FROM orders; CREATE TABLE v (b int);"),
              ElementsAre(HasSubstr("there is a table v already")));
}

// Until the first schema of the path is made, tables are made in the next one.
TEST(DryRunTablesTest, ASchemaThatIsMadeTakesTheNextTables) {
  EXPECT_THAT(Said(kPostgres,
                   "SET search_path = s, public; CREATE TABLE x (a int);"
                   "CREATE SCHEMA s; CREATE TABLE x (a int);"),
              IsEmpty());
  EXPECT_THAT(Said(kPostgres,
                   "SET search_path = s, public; CREATE TABLE x (a int);"
                   "CREATE TABLE x (a int);"),
              ElementsAre(HasSubstr("there is a table x already")));
}

}  // namespace
}  // namespace dbfleet::sql
