#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/lint_cases.h"

// "The script made this itself" holds only where that is certain: what each of these scripts loses
// was there before it, as tried out on PostgreSQL 15 and MariaDB 10.11.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const Target& Ma() {
  static const Target& target = *new Target(Dialect::kMariaDb, {10, 11, 0});
  return target;
}

const Target& Pg() {
  static const Target& target = *new Target(Dialect::kPostgres, {15, 0, 0});
  return target;
}

TEST(LintCertaintyTest, ATableWithRowsOfOthersIsNotNew) {
  const std::string made = "CREATE TABLE n (id int PRIMARY KEY) PARTITION BY RANGE (id);";
  const std::string attached =
      made + "ALTER TABLE n ATTACH PARTITION t FOR VALUES FROM (0) TO (1000);";
  EXPECT_THAT(Found(Pg(), attached + "DROP TABLE n"), Contains("dbf-drop-table 3"));
  EXPECT_THAT(Found(Pg(), attached + "TRUNCATE n"), Contains("dbf-truncate 3"));
  EXPECT_THAT(Found(Pg(), attached + "CREATE INDEX i ON n (a)"),
              Contains("dbf-index-not-concurrent 3"));
  EXPECT_THAT(Found(Pg(), attached + "ALTER TABLE n ALTER a TYPE bigint"),
              Contains("dbf-change-column-type 3"));
  Finds(Pg(),
        {
            {"CREATE TABLE n (a int); ALTER TABLE t INHERIT n; TRUNCATE n", "dbf-truncate 3"},
            {"CREATE FOREIGN TABLE ft (id int) SERVER s; TRUNCATE ft", "dbf-truncate 2"},
            {"CREATE TABLE n (a int) PARTITION BY LIST (a);"
             "CREATE FOREIGN TABLE f PARTITION OF n FOR VALUES IN (1) SERVER s; TRUNCATE n",
             "dbf-truncate 3"},
            // Below a partition, too.
            {"CREATE TABLE n (a int) PARTITION BY LIST (a);"
             "CREATE TABLE m PARTITION OF n FOR VALUES IN (1) PARTITION BY LIST (a);"
             "ALTER TABLE m ATTACH PARTITION t FOR VALUES IN (1); DROP TABLE n",
             "dbf-drop-table 4"},
            // A new partition of an old table is used with it.
            {"CREATE TABLE m (a int); ALTER TABLE t ATTACH PARTITION m FOR VALUES IN (1);"
             "CREATE INDEX i ON m (a)",
             "dbf-index-not-concurrent 3"},
            {"CREATE TABLE n (a int); CREATE RULE r AS ON DELETE TO n DO INSTEAD DELETE FROM t;"
             "DROP TABLE n",
             "dbf-drop-table 3"},
            // What goes with its parent.
            {"SET search_path = a, public; CREATE TABLE n (a int PRIMARY KEY);"
             "CREATE TABLE m () INHERITS (n); DROP TABLE n CASCADE; DROP TABLE m",
             "dbf-drop-table 5"},
        });
  Finds(
      Ma(),
      {
          {"CREATE TABLE n (id int); ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE n;"
           "DROP TABLE n",
           "dbf-drop-table 3"},
          {"CREATE TABLE n (id int); ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE n; TRUNCATE n",
           "dbf-truncate 3"},
          {"CREATE TABLE n (id int) PARTITION BY HASH (id);"
           "ALTER TABLE n EXCHANGE PARTITION p0 WITH TABLE u; DROP TABLE n",
           "dbf-drop-table 3"},
          {"CREATE TABLE m (a int) ENGINE=MERGE UNION=(my1); TRUNCATE m", "dbf-truncate 2"},
          {"CREATE TABLE m (a int) ENGINE=FEDERATED CONNECTION='x'; TRUNCATE m", "dbf-truncate 2"},
          {"CREATE TABLE m (a int); ALTER TABLE m ENGINE=MERGE UNION=(my1); TRUNCATE m",
           "dbf-truncate 3"},
          {"CREATE TABLE m LIKE merged; TRUNCATE m", "dbf-truncate 2"},
      });
  DoesNotFind(Pg(), {
                        {"CREATE TABLE n (a int) PARTITION BY LIST (a); CREATE TABLE m (a int);"
                         "ALTER TABLE n ATTACH PARTITION m FOR VALUES IN (1); DROP TABLE n",
                         "dbf-drop-table 4"},
                        {"CREATE TABLE m PARTITION OF t FOR VALUES IN (1); CREATE INDEX i ON m (a)",
                         "dbf-index-not-concurrent 2"},
                    });
  DoesNotFind(Ma(), {{"CREATE TABLE n (id int) ENGINE=InnoDB; TRUNCATE n", "dbf-truncate 2"}});
}

TEST(LintCertaintyTest, CodeThatIsNotSeenMayRenameAndSetAnything) {
  const std::string made = "CREATE TABLE n (id int PRIMARY KEY);";
  for (const char* code :
       {"DO $$ BEGIN ALTER TABLE n RENAME TO n2; END $$", "SELECT f()", "CALL p()", "EXECUTE q",
        "EXPLAIN ANALYZE SELECT f()", "INSERT INTO u SELECT f()"}) {
    EXPECT_THAT(Found(Pg(), made + code + "; DROP TABLE n"), Contains("dbf-drop-table 3")) << code;
  }
  for (const char* code : {"CALL p1()", "EXECUTE s", "PREPARE s FROM @q"}) {
    EXPECT_THAT(Found(Ma(), made + code + "; DROP TABLE n"), Contains("dbf-drop-table 3")) << code;
  }
  Finds(Pg(),
        {{"SET lock_timeout = '5s'; DO $$ BEGIN NULL; END $$; ALTER TABLE app.t RENAME a TO b",
          "dbf-no-lock-timeout 3"},
         {"SET search_path = o; CREATE TABLE t (id int PRIMARY KEY); SELECT f(); SET search_path = "
          "o; DROP TABLE t",
          "dbf-drop-table 5"}});
  // Of a table that runs such code itself; of MySQL's temporary ones, which functions may drop.
  Finds(Pg(),
        {{"CREATE TABLE m (id int PRIMARY KEY); CREATE TABLE n (id int PRIMARY KEY DEFAULT f());"
          "INSERT INTO n (id) VALUES (DEFAULT); DROP TABLE m",
          "dbf-drop-table 4"}});
  Finds(Ma(),
        {{"CREATE TEMPORARY TABLE n (id int); SELECT f(); DROP TABLE n", "dbf-drop-table 3"}});
  // What is only kept runs nothing, and what is known changes no names.
  for (const char* code :
       {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT count(*) FROM u",
        "CREATE TRIGGER g BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION f()",
        "INSERT INTO n VALUES (1)", "UPDATE n SET a = lower(b) WHERE id = 1",
        "CREATE VIEW v AS SELECT f()", "SELECT setval('s', 1)", "GRANT SELECT ON n TO r",
        "COMMENT ON TABLE n IS 'x'", "CREATE EXTENSION IF NOT EXISTS pgcrypto",
        "ALTER TABLE n ADD COLUMN u uuid DEFAULT gen_random_uuid()", "ANALYZE n",
        "CREATE TYPE e AS ENUM ('a')"}) {
    EXPECT_THAT(Found(Pg(), made + code + "; DROP TABLE n"), Not(Contains("dbf-drop-table 3")))
        << code;
  }
  for (const char* code :
       {"INSERT INTO n (id) VALUES (1)", "UPDATE n SET a = LOWER(b) WHERE id = 1",
        "SET NAMES utf8mb4", "SET FOREIGN_KEY_CHECKS = 0", "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE n ADD COLUMN b INT",
        "CREATE TRIGGER g BEFORE INSERT ON n FOR EACH ROW SET NEW.a = 1",
        "INSERT INTO n (u) VALUES (UUID())", "GRANT SELECT ON n TO r", "ANALYZE TABLE n",
        "LOCK TABLES n WRITE", "UNLOCK TABLES"}) {
    EXPECT_THAT(Found(Ma(), made + code + "; DROP TABLE n"), Not(Contains("dbf-drop-table 3")))
        << code;
  }
}

TEST(LintCertaintyTest, SetConfigCountsOnlyWhereItIsCertainlyCalled) {
  const std::string made = "CREATE SCHEMA o; CREATE TABLE o.t (id int PRIMARY KEY);";
  const std::string call = "set_config('search_path', 'o', false)";
  for (const std::string& where :
       {"EXPLAIN SELECT " + call, "SELECT " + call + " WHERE false",
        "SELECT " + call + " FROM u WHERE a < 0", "SELECT CASE WHEN false THEN " + call + " END",
        "PREPARE p AS SELECT " + call, "CREATE VIEW v AS SELECT " + call,
        "SELECT " + call + " LIMIT 0", "SELECT 1 UNION SELECT " + call}) {
    EXPECT_THAT(Found(Pg(), made + where + "; DROP TABLE t"), Contains("dbf-drop-table 4"))
        << where;
  }
  EXPECT_THAT(Found(Pg(), made + "SELECT " + call + "; DROP TABLE t"),
              Not(Contains("dbf-drop-table 4")));
  Finds(Pg(), {{"SELECT set_config('lock_timeout', '5s', false) WHERE false;"
                "ALTER TABLE app.t RENAME a TO b",
                "dbf-no-lock-timeout 2"},
               {"-- dbfleet:up\nEXPLAIN SELECT 1 AS id INTO t;\n-- dbfleet:down\nDROP TABLE t;",
                "dbf-drop-table 2"}});
  DoesNotFind(Pg(), {{"-- dbfleet:up\nSELECT 1 AS id INTO t UNION SELECT 2;\n"
                      "-- dbfleet:down\nDROP TABLE t;",
                      "dbf-drop-table 2"}});
}

TEST(LintCertaintyTest, SchemasThatAreRenamedOrDroppedTakeTheirTablesAlong) {
  Finds(Pg(), {
                  {"CREATE SCHEMA o; CREATE TABLE o.t (id int PRIMARY KEY);"
                   "ALTER SCHEMA o RENAME TO o2; ALTER SCHEMA public RENAME TO o; DROP TABLE o.t",
                   "dbf-drop-table 5"},
                  {"SET search_path = x, public; CREATE TABLE t (id int PRIMARY KEY);"
                   "DROP SCHEMA x CASCADE; DROP TABLE t",
                   "dbf-drop-table 4"},
                  {"CREATE TABLE t (id int PRIMARY KEY); DROP OWNED BY joe; DROP TABLE t",
                   "dbf-drop-table 3"},
              });
  DoesNotFind(Pg(), {{"CREATE SCHEMA o; CREATE TABLE o.t (id int PRIMARY KEY);"
                      "ALTER SCHEMA o OWNER TO joe; DROP TABLE o.t",
                      "dbf-drop-table 4"}});
}

TEST(LintCertaintyTest, AlterIndexRenamesTablesToo) {
  Finds(Pg(), {
                  {"CREATE TABLE n (id int PRIMARY KEY); ALTER INDEX n RENAME TO n2;"
                   "ALTER INDEX t RENAME TO n; DROP TABLE n",
                   "dbf-drop-table 4"},
                  {"CREATE INDEX i9 ON t (a); ALTER INDEX i9 RENAME TO x;"
                   "ALTER INDEX old RENAME TO i9; DROP INDEX i9",
                   "dbf-drop-index-not-concurrent 4"},
                  {"CREATE INDEX i9 ON t (a); ALTER TABLE i9 RENAME TO x;"
                   "ALTER TABLE old RENAME TO i9; DROP INDEX i9",
                   "dbf-drop-index-not-concurrent 4"},
              });
  DoesNotFind(Pg(), {{"CREATE INDEX i9 ON t (a); ALTER INDEX i9 RENAME TO x; DROP INDEX x",
                      "dbf-drop-index-not-concurrent 3"}});
  Finds(Ma(), {{"CREATE INDEX i ON t (a); ALTER TABLE t RENAME INDEX i TO j, RENAME INDEX o TO i;"
                "DROP INDEX i ON t",
                "dbf-drop-visible-index 3"},
               {"CREATE INDEX i ON t (a); RENAME TABLE t TO x, u TO t; DROP INDEX i ON t",
                "dbf-drop-visible-index 3"}});
  DoesNotFind(Ma(), {{"CREATE INDEX i ON t (a); RENAME TABLE t TO u; DROP INDEX i ON u",
                      "dbf-drop-visible-index 3"}});
}

TEST(LintCertaintyTest, AnIndexGoesWithItsTable) {
  Finds(Pg(), {{"CREATE TEMP TABLE q (id int); CREATE INDEX t_n ON q (id); DROP TABLE q;"
                "DROP INDEX t_n",
                "dbf-drop-index-not-concurrent 4"},
               {"CREATE TEMP TABLE q (id int); CREATE INDEX t_n ON q (id); DROP INDEX t_n;"
                "DROP INDEX t_n",
                "dbf-drop-index-not-concurrent 4"},
               {"CREATE TABLE q (id int); CREATE INDEX t_n ON q (id); DROP TABLE q; DROP INDEX t_n",
                "dbf-drop-index-not-concurrent 4"}});
  DoesNotFind(Pg(), {{"CREATE TEMP TABLE q (id int); CREATE INDEX t_n ON q (id); DROP INDEX t_n",
                      "dbf-drop-index-not-concurrent 3"}});
}

TEST(LintCertaintyTest, AndChainLeavesATransactionOpen) {
  Finds(Pg(),
        {
            {"SET search_path = o; CREATE TABLE t (id int PRIMARY KEY); BEGIN; COMMIT AND CHAIN;"
             "SET LOCAL search_path = public; DROP TABLE t",
             "dbf-drop-table 6"},
            {"BEGIN; COMMIT AND CHAIN; CREATE INDEX CONCURRENTLY i ON app.t (a)",
             "dbf-concurrently-in-transaction 3"},
            // Whoever runs it may have begun a transaction.
            {"SET search_path = o; CREATE TABLE t (id int PRIMARY KEY);"
             "SET LOCAL search_path = public; DROP TABLE t",
             "dbf-drop-table 4"},
            {"SET search_path = o; ROLLBACK; CREATE TABLE t (id int PRIMARY KEY); DROP TABLE o.t",
             "dbf-drop-table 4"},
            // Behind the COMMIT the path is what SET said, not what it was before.
            {"CREATE TABLE a.t (id int PRIMARY KEY); SET search_path = a; BEGIN;"
             "SET search_path = b; SET LOCAL search_path = a; COMMIT; DROP TABLE t",
             "dbf-drop-table 7"},
            {"CREATE TABLE a.t (id int PRIMARY KEY); SET search_path = a; BEGIN;"
             "SET search_path = b; SAVEPOINT s; SET search_path = a; ROLLBACK TO s; DROP TABLE t",
             "dbf-drop-table 8"},
            {"BEGIN; ALTER TABLE t RENAME TO x; CREATE TABLE t (id int PRIMARY KEY); BEGIN;"
             "ROLLBACK; DROP TABLE t",
             "dbf-drop-table 6"},
        });
  DoesNotFind(Pg(), {{"SET search_path = a; CREATE TABLE t (id int PRIMARY KEY); BEGIN;"
                      "SET LOCAL search_path = b; COMMIT; DROP TABLE t",
                      "dbf-drop-table 6"}});
  Finds(Ma(), {{"BEGIN; COMMIT AND CHAIN; UPDATE t SET a = 1 WHERE id = 1",
                "dbf-uncommitted-transaction 2"},
               {"USE a; BEGIN; USE b; ROLLBACK; CREATE TABLE t (id INT PRIMARY KEY);"
                "DROP TABLE a.t",
                "dbf-drop-table 6"}});
  DoesNotFind(Ma(), {{"BEGIN; COMMIT AND NO CHAIN; UPDATE t SET a = 1 WHERE id = 1",
                      "dbf-uncommitted-transaction 2"}});
}

std::string UpDown(const std::string& up, const std::string& down) {
  return "-- dbfleet:up\n" + up + "\n-- dbfleet:down\n" + down;
}

TEST(LintCertaintyTest, AWayBackTakesAwayWhatItsWayThereLeftThere) {
  const std::string swap =
      "CREATE TABLE n (id int PRIMARY KEY); ALTER TABLE t RENAME TO x; ALTER TABLE n RENAME TO t;"
      "ALTER TABLE x RENAME TO n;";
  for (const Target& target : {Pg(), Ma()}) {
    EXPECT_THAT(Found(target, UpDown(swap, "DROP TABLE n;")), Contains("dbf-drop-table 5"));
    EXPECT_THAT(Found(target, UpDown(swap,
                                     "ALTER TABLE t RENAME TO m; ALTER TABLE n RENAME TO t;"
                                     "DROP TABLE m;")),
                Not(Contains("dbf-drop-table 7")));
    EXPECT_THAT(
        Found(target, UpDown("ALTER TABLE t ADD COLUMN b int; ALTER TABLE t RENAME COLUMN b "
                             "TO c; ALTER TABLE t RENAME COLUMN a TO b;",
                             "ALTER TABLE t DROP COLUMN b;")),
        Contains("dbf-drop-column 4"));
    EXPECT_THAT(
        Found(target, UpDown("ALTER TABLE t ADD COLUMN b int; ALTER TABLE t RENAME COLUMN b "
                             "TO c;",
                             "ALTER TABLE t DROP COLUMN c;")),
        Not(Contains("dbf-drop-column 3")));
    // What the way back itself gave the name is another one.
    EXPECT_THAT(Found(target, UpDown("CREATE TABLE c (id int PRIMARY KEY);",
                                     "ALTER TABLE c RENAME TO z; ALTER TABLE old RENAME TO c;"
                                     "DROP TABLE c;")),
                Contains("dbf-drop-table 4"));
    EXPECT_THAT(Found(target, UpDown("ALTER TABLE t ADD COLUMN b int;",
                                     "ALTER TABLE t RENAME COLUMN b TO z;"
                                     "ALTER TABLE t RENAME COLUMN a TO b;"
                                     "ALTER TABLE t DROP COLUMN b;")),
                Contains("dbf-drop-column 4"));
  }
  EXPECT_THAT(
      Found(Pg(), UpDown("BEGIN; CREATE TABLE t (id int PRIMARY KEY); ROLLBACK;", "DROP TABLE t;")),
      Contains("dbf-drop-table 4"));
  EXPECT_THAT(Found(Pg(), UpDown("BEGIN; ALTER TABLE t ADD COLUMN b int; ROLLBACK;",
                                 "ALTER TABLE t DROP COLUMN b;")),
              Contains("dbf-drop-column 4"));
  EXPECT_THAT(Found(Pg(), UpDown("CREATE TABLE c (id int PRIMARY KEY); DROP TABLE c;"
                                 "ALTER TABLE t RENAME TO c;",
                                 "DROP TABLE c;")),
              Contains("dbf-drop-table 4"));
  EXPECT_THAT(Found(Pg(), UpDown("CREATE TABLE c (id int PRIMARY KEY);",
                                 "DO $$ BEGIN NULL; END $$; DROP TABLE c;")),
              Contains("dbf-drop-table 3"));
  EXPECT_THAT(Found(Pg(), UpDown("CREATE SCHEMA s; ALTER SCHEMA s RENAME TO z;"
                                 "ALTER SCHEMA old RENAME TO s;",
                                 "DROP SCHEMA s;")),
              Contains("dbf-drop-table 4"));
  EXPECT_THAT(Found(Pg(), UpDown("CREATE TABLE p (a int) PARTITION BY LIST (a);"
                                 "ALTER TABLE p ATTACH PARTITION t FOR VALUES IN (1);",
                                 "DROP TABLE p;")),
              Contains("dbf-drop-table 3"));
}

TEST(LintCertaintyTest, OnlyACheckOfThatColumnProvesNotNull) {
  const auto set = [](const std::string& check, const char* column, const std::string& between) {
    return "ALTER TABLE app.t ADD CONSTRAINT c CHECK (" + check + ") NOT VALID; COMMIT;" + between +
           "ALTER TABLE app.t ALTER COLUMN " + column + " SET NOT NULL";
  };
  const std::string validate = "ALTER TABLE app.t VALIDATE CONSTRAINT c; COMMIT;";
  for (const char* column : {"a", "i", "k"}) {  // Letters of "check" and "is".
    EXPECT_THAT(Found(Pg(), set("n IS NOT NULL", column, validate)),
                Contains("dbf-set-not-null 5"));
  }
  EXPECT_THAT(Found(Pg(), set("a IS NOT NULL OR n = 'x'", "a", validate)),
              Contains("dbf-set-not-null 5"));
  EXPECT_THAT(Found(Pg(), set("a IS NOT NULL", "a",
                              "ALTER TABLE app.t VALIDATE CONSTRAINT other; COMMIT;")),
              Contains("dbf-set-not-null 5"));
  for (const char* check : {"a IS NOT NULL", "n > 0 AND (a IS NOT NULL AND b > 0)"}) {
    EXPECT_THAT(Found(Pg(), set(check, "a", validate)), Not(Contains("dbf-set-not-null 5")));
  }
  Finds(Pg(), {{"BEGIN; ALTER TABLE app.t ADD CONSTRAINT c CHECK (a IS NOT NULL); ROLLBACK;"
                "ALTER TABLE app.t ALTER COLUMN a SET NOT NULL",
                "dbf-set-not-null 4"},
               {"ALTER TABLE app.t ADD CHECK (a IS NOT NULL) NOT VALID; COMMIT;"
                "ALTER TABLE app.t VALIDATE CONSTRAINT other; COMMIT;"
                "ALTER TABLE app.t ALTER COLUMN a SET NOT NULL",
                "dbf-set-not-null 5"}});
}

TEST(LintCertaintyTest, WhatDropsMoreThanItNames) {
  Finds(Pg(), {{"DROP OWNED BY joe", "dbf-drop-table 1"},
               {"DROP OWNED BY CURRENT_USER CASCADE", "dbf-drop-cascade 1"},
               {"DROP EXTENSION x CASCADE", "dbf-drop-cascade 1"},
               {"DROP SERVER s CASCADE", "dbf-drop-cascade 1"}});
  DoesNotFind(Pg(), {{"DROP EXTENSION x", "dbf-drop-cascade 1"},
                     {"REVOKE SELECT ON t FROM joe CASCADE", "dbf-drop-cascade 1"}});
}

TEST(LintCertaintyTest, SmallThingsAreReadAsTheServerReadsThem) {
  const auto waits = [](const std::string& limit) {
    return Found(Pg(), "SET lock_timeout = " + limit + "; ALTER TABLE app.t RENAME a TO b");
  };
  for (const char* none : {"'100us'", "'500us'", "'0.5'", "'0.0005s'", "'0x0'"}) {
    EXPECT_THAT(waits(none), Contains(HasSubstr("dbf-no-lock-timeout"))) << none;
  }
  for (const char* some : {"'501us'", "'1.5'", "'0.001 s'", "'2min'", "' 5s'", "100"}) {
    EXPECT_THAT(waits(some), Not(Contains(HasSubstr("dbf-no-lock-timeout")))) << some;
  }
  Finds(Ma(),
        {{"SET autocommit = 'OFF'; UPDATE t SET a=1 WHERE id=1", "dbf-uncommitted-transaction 2"}});
  Finds(Pg(), {{"ALTER TABLE app.t ADD CHECK (a > 0) NOT VALID;"
                "ALTER TABLE app.t VALIDATE CONSTRAINT t_a_check",
                "dbf-validate-in-same-transaction 2"},
               {"ALTER TABLE app.t ADD FOREIGN KEY (a) REFERENCES app.u NOT VALID,"
                "VALIDATE CONSTRAINT t_a_fkey",
                "dbf-validate-in-same-transaction 1"}});
  DoesNotFind(
      Pg(), {{"ALTER TABLE app.t ADD CHECK (a > 0) NOT VALID;"
              "ALTER TABLE app.t VALIDATE CONSTRAINT old",
              "dbf-validate-in-same-transaction 2"},
             {"COPY app.t TO STDOUT; ALTER TABLE app.t ADD COLUMN b int", "dbf-mixed-ddl-dml 2"}});
  Finds(Pg(),
        {{"COPY app.t FROM '/x'; ALTER TABLE app.u ADD COLUMN b int", "dbf-mixed-ddl-dml 2"}});
  for (const char* first : {"SELECT 1;", "IF EXISTS (SELECT 1) THEN SELECT 2; END IF;",
                            "FOR r IN (SELECT 1 AS a) DO SELECT r.a; END FOR;",
                            "REPEAT SET @a=1; UNTIL 1 END REPEAT;"}) {
    EXPECT_THAT(
        Found(Ma(), std::string("DELIMITER //\nBEGIN NOT ATOMIC ") + first + " SELECT 2; END //\n"),
        Not(Contains("dbf-injection-stacked 1")))
        << first;
  }
  EXPECT_THAT(Found(Ma(), "DELIMITER //\nBEGIN NOT ATOMIC SELECT 1; END; DROP TABLE t //\n"),
              Contains("dbf-injection-stacked 1"));
}

TEST(LintCertaintyTest, EverydayMigrationsStayQuiet) {
  const char* quiet[] = {"dbf-drop-table",           "dbf-truncate",
                         "dbf-index-not-concurrent", "dbf-change-column-type",
                         "dbf-set-not-null",         "dbf-fk-not-valid",
                         "dbf-check-not-valid",      "dbf-drop-column",
                         "dbf-unique-constraint",    "dbf-unique-on-existing",
                         "dbf-rename-table",         "dbf-rename-column",
                         "dbf-drop-visible-index",   "dbf-set-not-null",
                         "dbf-add-primary-key",      "dbf-drop-index-not-concurrent"};
  const auto holds = [&](const Target& target, const std::string& script) {
    const auto found = Found(target, script);
    for (const char* rule : quiet) {
      EXPECT_THAT(found, Not(Contains(testing::StartsWith(std::string(rule) + " ")))) << script;
    }
  };
  holds(
      Pg(),
      "BEGIN; CREATE TABLE app.t (id bigint PRIMARY KEY, a int); CREATE INDEX i ON app.t (a);"
      "INSERT INTO app.t (id, a) VALUES (1, 2);"
      "ALTER TABLE app.t ADD COLUMN b text NOT NULL DEFAULT ''; ALTER TABLE app.t ADD CONSTRAINT c"
      " CHECK (a > 0); ALTER TABLE app.t ALTER a SET NOT NULL; ALTER TABLE app.t ADD CONSTRAINT u"
      " UNIQUE (a); ALTER TABLE app.t RENAME b TO c; CREATE TRIGGER g BEFORE UPDATE ON app.t FOR"
      " EACH ROW EXECUTE FUNCTION touch(); DROP INDEX"
      " app.i; ALTER TABLE app.t DROP COLUMN c; COMMIT;");
  holds(Pg(),
        "CREATE TABLE p (d date) PARTITION BY RANGE (d);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');"
        "CREATE INDEX i ON p (d); CREATE INDEX i1 ON p1 (d); DROP TABLE p1");
  holds(Ma(),
        "CREATE TABLE t (id BIGINT PRIMARY KEY, a INT, KEY k (a)) ENGINE=InnoDB;"
        "CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t MODIFY a BIGINT, ADD COLUMN b INT;"
        "INSERT INTO t (id) SELECT id FROM u WHERE id < 5; ALTER TABLE t DROP INDEX k;"
        "RENAME TABLE t TO v; ALTER TABLE v DROP COLUMN b; DROP TABLE v");
  // Rows for what the script made, behind code that nobody sees.
  holds(Pg(),
        "DO $$ BEGIN NULL; END $$; CREATE TABLE app.t (id bigint PRIMARY KEY, a int);"
        "INSERT INTO app.t (id) VALUES (1); CREATE INDEX i ON app.t (a); DROP TABLE app.t");
  holds(Ma(),
        "CREATE TABLE t (id INT PRIMARY KEY, b INT);"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1;"
        "INSERT INTO t (id) VALUES (1); INSERT INTO t SELECT f(id), 2 FROM u WHERE id > 3;"
        "ALTER TABLE t DROP COLUMN b; DROP TABLE t");
  holds(Ma(), "CREATE TABLE n LIKE t; ALTER TABLE n MODIFY a BIGINT; DROP TABLE n");
}

}  // namespace
}  // namespace dbfleet::sql
