#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/lint_cases.h"

// Which table a name stands for, where a script's names may stand for others than it seems; what
// is said beside another finding; which statements are one. Most scripts were run on a server.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// As the command line does it, which holds readings against the snapshot.
std::vector<std::string> FoundWith(const SchemaSnapshot& snapshot, absl::string_view script) {
  const auto statements = Split(Postgres(), script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  const LintConfig config;
  Linter linter(Postgres(), config, &snapshot);
  ScriptReader reader(Postgres());
  for (const Statement& statement : *statements) {
    Reading reading = reader.Read(statement);
    linter.HoldAgainstSnapshot(&reading);
    linter.Add(statement, reading);
  }
  std::vector<std::string> found;
  for (const Finding& finding : linter.Finish()) {
    found.push_back(finding.rule_id + " " + std::to_string(finding.statement + 1));
  }
  return found;
}

// Where names without a schema are looked for is not known at first: in any of those that the
// script names.
TEST(LintNamesTest, ADropOrRenameByAnotherSpellingTakesTheMadeTableAway) {
  Finds(Postgres(),
        {
            {"CREATE TABLE n (id int); DROP TABLE public.n; ALTER TABLE t RENAME TO n; "
             "DROP TABLE n",
             "dbf-drop-table 4"},
            {"CREATE TABLE n (id int); DROP TABLE IF EXISTS public.n; "
             "CREATE SCHEMA o2 CREATE TABLE t (id int); ALTER TABLE t RENAME TO n; DROP TABLE n",
             "dbf-drop-table 5"},
            {"CREATE TABLE n (id int); ALTER TABLE public.n RENAME TO x; "
             "ALTER TABLE public.t RENAME TO n; DROP TABLE n",
             "dbf-drop-table 4"},
            {"CREATE TABLE public.n (id int); DROP TABLE n; ALTER TABLE t RENAME TO n; "
             "DROP TABLE public.n",
             "dbf-drop-table 4"},
            // The second schema of the path.
            {"SET search_path = public, o; CREATE TABLE o.y (id int); ALTER TABLE o.t INHERIT y; "
             "TRUNCATE o.y",
             "dbf-truncate 4"},
            {"CREATE TABLE n (id int); DROP TABLE public.n; ALTER TABLE o.n SET SCHEMA public; "
             "TRUNCATE n",
             "dbf-truncate 4"},
        });
  Finds(Maria(), {
                     {"CREATE TABLE n (id BIGINT PRIMARY KEY); DROP TABLE d.n; "
                      "RENAME TABLE d.t TO d.n; DROP TABLE n",
                      "dbf-drop-table 4"},
                     {"CREATE TABLE d.n (id BIGINT PRIMARY KEY); DROP TABLE n; "
                      "ALTER TABLE t RENAME TO n; DROP TABLE d.n",
                      "dbf-drop-table 4"},
                 });
  // Other schemas, and what is a temporary table, are none of them.
  DoesNotFind(
      Postgres(),
      {
          {"SET search_path = public; CREATE TABLE n (id int); DROP TABLE o.n; "
           "DROP TABLE n",
           "dbf-drop-table 4"},
          {"CREATE TABLE n (id int); CREATE TEMP TABLE n (id int); DROP TABLE n; "
           "DROP TABLE n",
           "dbf-drop-table 4"},
          {"CREATE TABLE n (id int); ALTER TABLE n RENAME TO x; DROP TABLE x", "dbf-drop-table 3"},
      });
}

// A path that may be one with pg_temp behind other schemas, where their tables stand before
// temporary ones.
TEST(LintNamesTest, ATemporaryTableMayStandBehindOthers) {
  Finds(Postgres(),
        {
            {"CREATE TEMP TABLE t (id int); "
             "SELECT 1 WHERE set_config('search_path', 'public, pg_temp', false) IS NULL; "
             "DROP TABLE t",
             "dbf-drop-table 3"},
            {"SET search_path = public, pg_temp; CREATE TEMP TABLE t (id int); "
             "SET LOCAL search_path = public; DROP TABLE t",
             "dbf-drop-table 4"},
            {"SET search_path = public, pg_temp; ALTER SCHEMA o RENAME TO o2; "
             "CREATE TEMP TABLE t (id int); ALTER TABLE t RENAME TO y",
             "dbf-rename-table 4"},
            {"BEGIN; SET search_path = o, pg_temp; SAVEPOINT s; SET search_path = o; "
             "CREATE TEMP TABLE t (id int); ROLLBACK TO s; CREATE TEMP TABLE t (id int); "
             "DROP TABLE t",
             "dbf-drop-table 8"},
        });
  DoesNotFind(
      Postgres(),
      {
          {"DO 'BEGIN END'; CREATE TEMP TABLE t (id int); DROP TABLE t", "dbf-drop-table 3"},
          {"SELECT set_config('search_path', 'app', false); CREATE TEMP TABLE t (id int); "
           "DROP TABLE t",
           "dbf-drop-table 3"},
          {"SET LOCAL search_path = app; CREATE TEMP TABLE t (id int); DROP TABLE t",
           "dbf-drop-table 3"},
      });
}

// A name that may be a.x, which was there before, is not b.x.
TEST(LintNamesTest, ATableBehindInThePathIsNotTheOneOfTheName) {
  const std::string check =
      "ALTER TABLE b.x ADD CONSTRAINT c CHECK (n IS NOT NULL) NOT VALID;"
      "ALTER TABLE b.x VALIDATE CONSTRAINT c;";
  const std::string set_not_null = "ALTER TABLE x ALTER n SET NOT NULL";
  const std::string last = "dbf-set-not-null 4";
  EXPECT_THAT(Found(Postgres(), "SET search_path = a, b;" + check + set_not_null), Contains(last));
  EXPECT_THAT(Found(Postgres(), "SET search_path = b, a;" + check + set_not_null),
              Not(Contains(last)));
  // One that is dropped is not in front; what is between may be.
  const std::string dropped = "CREATE TABLE a.x (n int); DROP TABLE a.x;" + check + set_not_null;
  EXPECT_THAT(Found(Postgres(), "SET search_path = a, b;" + dropped),
              Not(Contains("dbf-set-not-null 6")));
  EXPECT_THAT(Found(Postgres(), "SET search_path = a, m, b;" + dropped),
              Contains("dbf-set-not-null 6"));
  Finds(Postgres(),
        {
            // The CHECK is a.x's, or b.x's, which may have lost it again.
            {"SET search_path = a, b; CREATE TABLE b.x (n int);"
             "ALTER TABLE x ADD CONSTRAINT c CHECK (n IS NOT NULL) NOT VALID;"
             "ALTER TABLE x VALIDATE CONSTRAINT c; ALTER TABLE b.x ALTER n SET NOT NULL",
             "dbf-set-not-null 5"},
            {"SET search_path = a, b; ALTER TABLE b.x ADD CONSTRAINT c CHECK (n IS NOT NULL);"
             "ALTER TABLE x DROP CONSTRAINT c; ALTER TABLE b.x ALTER n SET NOT NULL",
             "dbf-set-not-null 4"},
            {"SET search_path = a, b; ALTER TABLE x ADD k int; DROP TABLE b.x;"
             "CREATE TABLE b.x (id int); ALTER TABLE t INHERIT x; TRUNCATE b.x",
             "dbf-truncate 6"},
        });
  DoesNotFind(Postgres(), {{"SET search_path = a, b; ALTER TABLE b.x ADD k int;"
                            "ALTER TABLE x ADD m int",
                            "dbf-merge-alters 2"},
                           {"SET search_path = a, b; ALTER TABLE b.x ADD k int;"
                            "ALTER TABLE x ADD m int",
                            "dbf-merge-alters 3"}});
}

// PostgreSQL makes tables in the first schema of the path that is there.
TEST(LintNamesTest, TheFirstSchemaOfThePathMayNotBeThere) {
  Finds(Postgres(),
        {
            {"SET search_path = nosuch, public; CREATE TABLE x (id int PRIMARY KEY);"
             "DROP TABLE public.x; ALTER TABLE public.old RENAME TO x; TRUNCATE x",
             "dbf-truncate 5"},
            {"SET search_path = nosuch, public; CREATE TABLE x (id int PRIMARY KEY);"
             "ALTER TABLE public.x RENAME TO y; ALTER TABLE public.old RENAME TO x; TRUNCATE x",
             "dbf-truncate 5"},
            {"SET search_path = nosuch, public; CREATE TABLE x (id int PRIMARY KEY);"
             "DROP TABLE public.x; ALTER TABLE public.old RENAME TO x; DROP TABLE x",
             "dbf-drop-table 5"},
            {"SET search_path = nosuch, public; CREATE TABLE x (id int PRIMARY KEY);"
             "ALTER TABLE t INHERIT public.x; TRUNCATE x",
             "dbf-truncate 4"},
            {"SET search_path = nosuch, public; CREATE TABLE x (id int PRIMARY KEY);"
             "SET search_path = public; ALTER TABLE t INHERIT x; SET search_path = nosuch, public;"
             "TRUNCATE x",
             "dbf-truncate 6"},
            // Another path with the same first schema.
            {"SET search_path = nosuch, public; CREATE TABLE x (id int PRIMARY KEY);"
             "SET search_path = nosuch, o; DROP TABLE x",
             "dbf-drop-table 4"},
            // Its CHECK went with it.
            {"SET search_path = nosuch, public; CREATE TABLE x (id int);"
             "ALTER TABLE x ADD CONSTRAINT c CHECK (id IS NOT NULL); DROP TABLE public.x;"
             "ALTER TABLE public.old RENAME TO x; ALTER TABLE x ALTER id SET NOT NULL",
             "dbf-set-not-null 6"},
            {"SET search_path = nosuch, public; CREATE TABLE x (id int PRIMARY KEY);"
             "CREATE SCHEMA nosuch; DROP TABLE public.x; ALTER TABLE public.old RENAME TO x;"
             "TRUNCATE x",
             "dbf-truncate 6"},
        });
  DoesNotFind(Postgres(),
              {
                  {"SET search_path = a, public; CREATE TABLE x (id int PRIMARY KEY); TRUNCATE x",
                   "dbf-truncate 3"},
                  {"CREATE SCHEMA a; SET search_path = a, public;"
                   "CREATE TABLE x (id int PRIMARY KEY); DROP TABLE public.x; TRUNCATE x",
                   "dbf-truncate 5"},
                  {"SET search_path = a, public; CREATE TABLE a.x (id int PRIMARY KEY);"
                   "DROP TABLE public.x; TRUNCATE x",
                   "dbf-truncate 4"},
              });
}

// A table without ENGINE has the session's, whose rows may be other tables'.
TEST(LintNamesTest, TheSessionsEngineMayKeepOthersRows) {
  for (const char* set :
       {"SET default_storage_engine=MRG_MyISAM", "SET @@session.storage_engine = 'merge'",
        "SET a = 1, `default_storage_engine` := CONCAT('mrg', '_myisam')",
        "SET default_storage_engine=@engine", "SET enforce_storage_engine=MRG_MyISAM",
        "SET SESSION default_tmp_storage_engine=MRG_MyISAM"}) {
    const std::string script =
        std::string(set) + "; CREATE TABLE m (id INT PRIMARY KEY) UNION=(old); TRUNCATE m";
    EXPECT_THAT(Found(Maria(), script), Contains("dbf-truncate 3")) << set;
  }
  Finds(Maria(), {{"SET STATEMENT default_storage_engine=MRG_MyISAM FOR "
                   "CREATE TABLE m (id INT PRIMARY KEY) UNION=(old); TRUNCATE m",
                   "dbf-truncate 2"},
                  {"SET default_storage_engine=MERGE; SET default_storage_engine=DEFAULT;"
                   "CREATE TABLE m (id INT PRIMARY KEY); TRUNCATE m",
                   "dbf-truncate 4"}});
  DoesNotFind(
      Maria(),
      {{"SET default_storage_engine=InnoDB; CREATE TABLE m (id INT PRIMARY KEY); TRUNCATE m",
        "dbf-truncate 3"},
       {"SET default_storage_engine='MERGE'; SET default_storage_engine='InnoDB';"
        "CREATE TABLE m (id INT PRIMARY KEY); TRUNCATE m",
        "dbf-truncate 4"},
       {"SET default_storage_engine=MERGE;"
        "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=InnoDB; TRUNCATE m",
        "dbf-truncate 3"}});
}

// lower_case_table_names: D and d are one database on some servers.
TEST(LintNamesTest, DatabasesThatDifferInLetterCaseMayBeOne) {
  Finds(Maria(),
        {
            {"CREATE TABLE d.x (id INT PRIMARY KEY); RENAME TABLE D.x TO D.y, D.old TO D.x;"
             "DROP TABLE d.x",
             "dbf-drop-table 3"},
            {"CREATE TABLE d.x (id INT PRIMARY KEY); DROP TABLE D.x; RENAME TABLE D.old TO D.x;"
             "DROP TABLE d.x",
             "dbf-drop-table 4"},
            {"CREATE TABLE d.x (id INT PRIMARY KEY); ALTER TABLE D.x IMPORT TABLESPACE;"
             "TRUNCATE d.x",
             "dbf-truncate 3"},
            {"CREATE TEMPORARY TABLE d.x (id INT PRIMARY KEY); DROP TABLE D.x; DROP TABLE d.x",
             "dbf-drop-table 3"},
        });
  DoesNotFind(Maria(), {{"CREATE TABLE d.x (id INT PRIMARY KEY); DROP TABLE e.x; DROP TABLE d.x",
                         "dbf-drop-table 3"}});
}

// MariaDB drops a table of that name for it, and with a sequence the number where it stands.
TEST(LintNamesTest, AReplacedSequenceDropsATable) {
  Finds(Maria(), {{"CREATE OR REPLACE SEQUENCE orders", "dbf-drop-table 1"}});
  DoesNotFind(Maria(), {{"CREATE SEQUENCE orders", "dbf-drop-table 1"},
                        {"CREATE TABLE o (id BIGINT PRIMARY KEY); CREATE OR REPLACE SEQUENCE o",
                         "dbf-drop-table 2"}});
}

// What another rule says of the statement hides a copy only if it is about that.
TEST(LintNamesTest, ACopyIsSaidBesideOtherFindings) {
  Finds(Postgres(), {
                        {"ALTER TABLE a.t ALTER x SET DEFAULT 1; ALTER TABLE a.t SET UNLOGGED",
                         "dbf-table-rebuild 2"},
                        {"ALTER TABLE a.t ALTER x SET DEFAULT 1; ALTER TABLE a.t SET TABLESPACE s",
                         "dbf-table-rebuild 2"},
                    });
  Finds(Maria(),
        {
            {"ALTER TABLE t ENGINE=MyISAM", "dbf-table-rebuild 1"},
            {"ALTER TABLE t COMMENT='x'; ALTER TABLE t ADD CHECK (a > 0)", "dbf-table-rebuild 2"},
            {"ALTER TABLE t COMMENT='x'; ALTER TABLE t PARTITION BY HASH (id) "
             "PARTITIONS 4",
             "dbf-table-rebuild 2"},
        });
  DoesNotFind(Maria(), {{"ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", "dbf-table-rebuild 1"},
                        {"TRUNCATE t", "dbf-table-rebuild 1"}});
  DoesNotFind(Postgres(), {{"ALTER TABLE t ALTER a TYPE bigint", "dbf-table-rebuild 1"},
                           {"TRUNCATE t", "dbf-table-rebuild 1"},
                           {"REFRESH MATERIALIZED VIEW CONCURRENTLY mv", "dbf-table-rebuild 1"}});
}

// A snapshot's type holds for a column that the script has left alone.
TEST(LintNamesTest, WhatTheScriptDidBeforeDecidesWhatASnapshotTells) {
  SchemaSnapshot snapshot;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.columns = {{"id", "integer"}, {"name", "character varying(20)"}};
  snapshot.Add(orders);
  const std::string index = "CREATE INDEX CONCURRENTLY i ON app.orders (id);";
  const std::string widens = "ALTER TABLE app.orders ALTER name TYPE varchar(30);";
  EXPECT_THAT(FoundWith(snapshot, index + widens), Not(Contains("dbf-table-rebuild 2")));
  const std::string shortens = "ALTER TABLE app.orders ALTER name TYPE text;" + widens;
  EXPECT_THAT(FoundWith(snapshot, shortens), Contains("dbf-change-column-type 2"));
  EXPECT_THAT(FoundWith(snapshot, shortens), Not(Contains("dbf-change-column-type 1")));
}

// MariaDB takes them outside of routines, each as one statement; not so MySQL.
TEST(LintNamesTest, CompoundStatementsAreOne) {
  for (const char* script :
       {"IF 1 = 1 THEN SELECT 1; ELSE SELECT 2; END IF", "FOR i IN 1..3 DO SELECT i; END FOR",
        "WHILE 1 = 0 DO SELECT 1; SELECT 2; END WHILE", "REPEAT SELECT 1; UNTIL 1 = 1 END REPEAT",
        "CASE WHEN 1 = 1 THEN SELECT 1; END CASE", "LOOP SELECT 1; END LOOP",
        "IF 1 = 1 THEN IF 2 = 2 THEN SELECT 1; END IF; BEGIN SELECT 3; END; END IF"}) {
    const std::string delimited = std::string("DELIMITER //\n") + script + "//\n";
    EXPECT_THAT(Found(Maria(), delimited), Not(Contains("dbf-injection-stacked 1"))) << script;
    EXPECT_THAT(Found(Maria(), delimited), Contains("dbf-not-understood 1")) << script;
    EXPECT_EQ(Classify(Maria(), script).safety, Safety::kDestructive) << script;
    EXPECT_THAT(Found(Maria(), delimited.substr(0, delimited.size() - 3) + "; DROP TABLE t//\n"),
                Contains("dbf-injection-stacked 1"))
        << script;
    EXPECT_THAT(Found(Target(Dialect::kMySql, {8, 0, 0}), delimited),
                Contains("dbf-injection-stacked 1"))
        << script;
  }
}

// A CHECK proves a partition's bounds if it is about the column that the rows are parted by.
TEST(LintNamesTest, ACheckOfAnotherColumnProvesNoBounds) {
  const std::string parent = "CREATE TABLE m (id int, made date NOT NULL) PARTITION BY RANGE (id);";
  const std::string list = "CREATE TABLE m (id int, made date) PARTITION BY LIST ((id + 1));";
  const std::string check =
      "ALTER TABLE t ADD CONSTRAINT c CHECK (id >= 0 AND id < 9 AND id IS NOT NULL) NOT VALID;"
      "ALTER TABLE t VALIDATE CONSTRAINT c;";
  const std::string other =
      "ALTER TABLE t ADD CONSTRAINT c CHECK (x >= 0 AND x < 9 AND x IS NOT NULL) NOT VALID;"
      "ALTER TABLE t VALIDATE CONSTRAINT c;";
  const std::string attach = "ALTER TABLE m ATTACH PARTITION t FOR VALUES FROM (0) TO (9)";
  EXPECT_THAT(Found(Postgres(), parent + check + attach), Not(Contains("dbf-attach-partition 4")));
  EXPECT_THAT(Found(Postgres(), parent + other + attach), Contains("dbf-attach-partition 4"));
  EXPECT_THAT(Found(Postgres(), list + check + attach), Contains("dbf-attach-partition 4"));
  // Of a table that was there before the key is not known.
  EXPECT_THAT(Found(Postgres(), check + attach), Not(Contains("dbf-attach-partition 3")));
}

TEST(LintNamesTest, WhatIsSaidCanBeRun) {
  EXPECT_THAT(Said(Postgres(), "ALTER TYPE mood ADD VALUE 'n''ew'"),
              HasSubstr("ADD VALUE 'n''ew' AFTER"));
  EXPECT_THAT(Said(Postgres(), "ALTER TYPE mood RENAME VALUE 'a' TO 'it''s'"),
              HasSubstr("ADD VALUE 'it''s'"));
  EXPECT_THAT(Said(Postgres(), "REFRESH MATERIALIZED VIEW app.mv"),
              HasSubstr("REFRESH MATERIALIZED VIEW CONCURRENTLY app.mv"));
  EXPECT_THAT(Said(Postgres(), "DROP INDEX app.i2 CASCADE"),
              HasSubstr("drop what depends on app.i2 by name"));
  // The second CHECK has a name of its own, and advice of its own.
  const std::string checks = Said(Postgres(), "ALTER TABLE t ADD CHECK (a > 0), ADD CHECK (b > 0)");
  EXPECT_THAT(checks, HasSubstr("CONSTRAINT chk_t CHECK (a > 0)"));
  EXPECT_THAT(checks, HasSubstr("CONSTRAINT chk_t_2 CHECK (b > 0)"));
}

// One schema for each tenant: what is done to one table is not held against all of that name.
TEST(LintNamesTest, ManyTablesOfOneNameAreReadInLinearTimeAndAreInDoubt) {
  constexpr int kTables = 20'000;
  constexpr std::clock_t kMostSeconds = 10;  // Of the processor; the square took some thirty.
  std::string few, many;
  for (int i = 0; i < kTables; ++i) {
    absl::StrAppend(i < 500 ? &few : &many, "CREATE TABLE s", i, ".t(id int primary key);\n");
  }
  const std::clock_t begin = std::clock();
  for (const Target& target : {Maria(), Postgres()}) {
    EXPECT_THAT(Said(target, few + "DROP TABLE s7.t"), Not(HasSubstr("dbf-drop-table")));
    std::string drops;
    for (int i = 0; i < kTables; ++i) absl::StrAppend(&drops, "DROP TABLE s", i, ".t;\n");
    EXPECT_THAT(Said(target, few + many + drops), HasSubstr("dbf-drop-table"));
  }
  EXPECT_LT(std::clock() - begin, 2 * kMostSeconds * CLOCKS_PER_SEC);
}

// The view's rule calls set_config, for search_path as for any other.
TEST(LintNamesTest, WhoeverChangesPgSettingsChangesSettings) {
  Finds(Postgres(),
        {{"SET search_path = a; CREATE TABLE x (id int);"
          "UPDATE pg_settings SET setting = 'b' WHERE name = 'search_path'; TRUNCATE x",
          "dbf-truncate 4"},
         {"SET search_path = a; CREATE TABLE x (id int);"
          "WITH w AS (UPDATE pg_catalog.pg_settings p SET setting = 'b' RETURNING 1) SELECT 1;"
          "TRUNCATE x",
          "dbf-truncate 4"},
         {"SET lock_timeout = '1s'; UPDATE pg_settings SET setting = '0';"
          "ALTER TABLE t ADD COLUMN a int",
          "dbf-no-lock-timeout 3"}});
  DoesNotFind(Postgres(), {{"SET search_path = a; CREATE TABLE x (id int);"
                            "SELECT setting FROM pg_settings; TRUNCATE x",
                            "dbf-truncate 4"},
                           {"SET search_path = a; CREATE TABLE x (id int);"
                            "EXPLAIN UPDATE pg_settings SET setting = 'b'; TRUNCATE x",
                            "dbf-truncate 4"},
                           {"SET search_path = a; CREATE TABLE x (id int);"
                            "UPDATE app.pg_settings SET setting = 'b' WHERE id = 1; TRUNCATE x",
                            "dbf-truncate 4"}});
}

// PostgreSQL keeps a CHECK with its column, and may keep it under another table's name for that: it
// is not followed, so that the finding stands.
TEST(LintNamesTest, ACheckProvesNothingOnceAColumnOrConstraintWasRenamedOrDropped) {
  const std::string check =
      "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL AND y > z + 1) NOT VALID;"
      "ALTER TABLE t VALIDATE CONSTRAINT c;";
  const std::string not_null = "ALTER TABLE t ALTER a SET NOT NULL";
  const auto found = [&](absl::string_view between) {
    const std::vector<std::string> all = Found(Postgres(), absl::StrCat(check, between, not_null));
    return std::any_of(all.begin(), all.end(), [](const std::string& one) {
      return absl::StartsWith(one, "dbf-set-not-null ");
    });
  };
  EXPECT_FALSE(found(""));
  for (absl::string_view between :
       {"ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME z TO a;",
        "ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME b TO a;",
        "ALTER TABLE t DROP COLUMN a; ALTER TABLE t RENAME z TO a;",
        "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a int DEFAULT 1;",
        "ALTER TABLE t DROP COLUMN y;", "ALTER TABLE t DROP CONSTRAINT c;",
        "ALTER TABLE t RENAME CONSTRAINT c TO d; ALTER TABLE t DROP CONSTRAINT d;",
        // Down to the heirs, also to those of before the script.
        "ALTER TABLE t INHERIT m; ALTER TABLE m RENAME a TO b; ALTER TABLE m RENAME z TO a;",
        "ALTER TABLE m ATTACH PARTITION t FOR VALUES IN (1); ALTER TABLE m RENAME a TO b;",
        "ALTER TABLE m RENAME a TO b; ALTER TABLE m RENAME z TO a;", "ALTER TABLE m DROP COLUMN a;",
        "ALTER TABLE m RENAME CONSTRAINT c TO d;",
        // Other spellings that it takes of a table.
        "ALTER VIEW t RENAME a TO b; ALTER VIEW t RENAME z TO a;",
        "ALTER MATERIALIZED VIEW t RENAME a TO b; ALTER MATERIALIZED VIEW t RENAME z TO a;",
        "ALTER TYPE t RENAME ATTRIBUTE a TO b; ALTER TYPE t RENAME ATTRIBUTE z TO a;"}) {
    EXPECT_TRUE(found(between)) << between;
  }
  for (absl::string_view between :
       {"ALTER TABLE t RENAME ab TO ba;", "ALTER TABLE t DROP COLUMN q;",
        "ALTER TABLE t DROP CONSTRAINT other;", "ALTER TABLE m DROP CONSTRAINT other;",
        "ALTER TABLE m RENAME TO n;", "ALTER VIEW a RENAME TO b;"}) {
    EXPECT_FALSE(found(between)) << between;
  }
  // The server gave it a name.
  const std::string unnamed =
      "ALTER TABLE t ADD CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT "
      "t_a_check;";
  EXPECT_THAT(Found(Postgres(), unnamed + not_null), Not(Contains("dbf-set-not-null 3")));
  EXPECT_THAT(Found(Postgres(), unnamed + "ALTER TABLE t DROP CONSTRAINT t_a_check;" + not_null),
              Contains("dbf-set-not-null 4"));
}

TEST(LintNamesTest, APartitionsKeyIsInDoubtOnceAColumnOfItsNameWasRenamed) {
  const std::string parent =
      "CREATE TABLE m PARTITION OF g FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (made);";
  const std::string check =
      "ALTER TABLE t ADD CONSTRAINT c CHECK (made >= 0 AND made < 9 AND made IS NOT NULL) NOT "
      "VALID; ALTER TABLE t VALIDATE CONSTRAINT c;";
  const std::string attach = "ALTER TABLE m ATTACH PARTITION t FOR VALUES FROM (0) TO (9)";
  EXPECT_THAT(Found(Postgres(), parent + check + attach), Not(Contains("dbf-attach-partition 4")));
  for (const std::string table : {"m", "g"}) {
    const std::string swap = "ALTER TABLE " + table + " RENAME made TO was; ALTER TABLE " + table +
                             " RENAME id TO made;";
    EXPECT_THAT(Found(Postgres(), parent + swap + check + attach),
                Contains("dbf-attach-partition 6"))
        << table;
  }
}

// Programs use it by its parent's name.
TEST(LintNamesTest, APartOfATableThatWasThereIsInUse) {
  Finds(Postgres(), {{"CREATE TABLE x PARTITION OF orders FOR VALUES FROM (1) TO (2); DROP TABLE x",
                      "dbf-drop-table 2"},
                     {"CREATE TABLE x (id int) INHERITS (orders); TRUNCATE x", "dbf-truncate 2"},
                     // Both wait for those who use the other one.
                     {"CREATE TABLE x PARTITION OF orders DEFAULT", "dbf-no-lock-timeout 1"},
                     {"SET lock_timeout = '1s'; CREATE TABLE x PARTITION OF orders DEFAULT;"
                      "RESET lock_timeout; DROP TABLE x",
                      "dbf-no-lock-timeout 4"}});
  DoesNotFind(Postgres(),
              {// It is small yet.
               {"CREATE TABLE x PARTITION OF orders DEFAULT; CREATE INDEX ON x (a)",
                "dbf-index-not-concurrent 2"},
               {"CREATE TABLE x (id int) INHERITS (orders)", "dbf-no-lock-timeout 1"},
               {"CREATE TABLE o (id int) PARTITION BY RANGE (id);"
                "CREATE TABLE x PARTITION OF o DEFAULT",
                "dbf-no-lock-timeout 2"},
               {"CREATE TABLE o (id int) PARTITION BY RANGE (id);"
                "CREATE TABLE x PARTITION OF o FOR VALUES FROM (1) TO (2); DROP TABLE x",
                "dbf-drop-table 3"}});
}

}  // namespace
}  // namespace dbfleet::sql
