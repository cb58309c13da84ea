#include "common/sql/script_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

constexpr Dialect kMa = Dialect::kMariaDb;
constexpr Dialect kPg = Dialect::kPostgres;

Target Server(Dialect dialect) {
  Target target(dialect);
  if (dialect == kMa) {
    target.version = {10, 11, 6};
    target.modes = *ParseSqlModes("");
  }
  return target;
}

Verdict Last(const Target& target, absl::string_view script) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << script << ": " << statements.status();
  ScriptReader reader(target);
  Verdict verdict;
  for (const Statement& statement : *statements) verdict = reader.Read(statement).verdict;
  return verdict;
}

void ExpectLast(Safety safety, Dialect dialect, const std::vector<std::string>& scripts) {
  for (absl::string_view script : scripts) {
    const Verdict verdict = Last(Server(dialect), script);
    EXPECT_EQ(verdict.safety, safety) << script << ": " << testing::PrintToString(verdict.reasons);
  }
}

// What is not known to be harmless to show makes nothing for what follows.
TEST(ScriptReaderTest, WhatIsOnlyShownHidesNothing) {
  ExpectLast(Safety::kSafe, kMa,
             {"SHOW GRANTS FOR 'a'@'%'; SELECT lower(a) FROM t",
              "SHOW EXPLAIN FOR 5; SELECT lower(a) FROM t",
              "SHOW QUERY_CACHE_INFO; SHOW CREATE USER root@localhost; SELECT a FROM t"});
  ExpectLast(Safety::kDestructive, kMa,
             {"SHOW x WHERE f(1) = 2; SELECT lower(a) FROM t",
              "SHOW x /*! ; CREATE FUNCTION f() RETURNS int RETURN 1 */; SELECT a FROM t",
              "DELIMITER //\nSHOW x; CREATE VIEW t AS SELECT wipe()//\nSELECT a FROM t//",
              "SHOWS x; SELECT a FROM t",
              // Where it begins is known as little as what the other one says.
              "NO STATEMENT; SHOW TABLES"});
  ExpectLast(Safety::kDestructive, kPg, {"NO STATEMENT; SHOW search_path"});
}

TEST(ScriptReaderTest, WhatTheScriptMadeIsNotReadUnlessItOnlyReads) {
  ExpectLast(
      Safety::kDestructive, kPg,
      {"CREATE VIEW v AS SELECT nextval('s'); SELECT * FROM v",
       "CREATE VIEW v AS SELECT nextval('s'); SELECT a FROM public.\"v\" WHERE a = 1",
       "CREATE TEMP VIEW orders AS SELECT wipe(); TABLE orders",
       "CREATE VIEW v AS SELECT wipe(); CREATE VIEW w AS SELECT * FROM v; SELECT * FROM w",
       "CREATE VIEW v AS SELECT wipe(); ALTER VIEW v RENAME TO w; SELECT * FROM w",
       "CREATE VIEW v AS SELECT wipe(); ALTER TABLE v RENAME TO w; SELECT * FROM w",
       "CREATE VIEW v AS SELECT wipe(); SELECT * FROM U&\"\\0076\"",
       "CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT wipe()'; SELECT lower(1)",
       "CREATE FUNCTION a(t) RETURNS int LANGUAGE sql AS 'SELECT wipe()'; SELECT t.a FROM t",
       "CREATE AGGREGATE max(t) (SFUNC = f, STYPE = int); SELECT max(a) FROM t",
       "CREATE RULE \"_RETURN\" AS ON SELECT TO t DO INSTEAD SELECT wipe(); SELECT * FROM t",
       "CREATE POLICY p ON t USING (wipe()); SELECT * FROM t",
       "CREATE FOREIGN TABLE f (a int) SERVER s OPTIONS (program 'x'); SELECT * FROM f",
       "CREATE FOREIGN TABLE f PARTITION OF p DEFAULT SERVER s; SELECT * FROM p",
       "CREATE FOREIGN TABLE f (a int) SERVER s; ALTER TABLE f INHERIT p; SELECT * FROM p",
       "CREATE OPERATOR + (FUNCTION = wipe, LEFTARG = int, RIGHTARG = text); SELECT 1 + 'a'",
       "CREATE CAST (int AS text) WITH FUNCTION wipe(int) AS IMPLICIT; SELECT 'a' FROM t",
       "SET search_path = app, pg_catalog; SELECT lower('A')",
       "SELECT set_config('search_path', 'app,pg_catalog', false); SELECT lower('A')",
       "SELECT set_config('search_' || 'path', 'x', false); SELECT lower('A')",
       "CREATE SCHEMA s CREATE VIEW v AS SELECT wipe(); SELECT * FROM s.v"});
  ExpectLast(
      Safety::kDestructive, kMa,
      {"CREATE VIEW v AS SELECT wipe(); SELECT * FROM v",
       "CREATE VIEW v AS SELECT wipe(); SELECT * FROM app.`V`",
       "CREATE OR REPLACE ALGORITHM=MERGE VIEW v (a) AS SELECT wipe(); TABLE v",
       "ALTER VIEW v AS SELECT wipe(); SELECT * FROM v",
       "CREATE VIEW v AS SELECT wipe(); RENAME TABLE v TO w; SELECT * FROM w",
       "CREATE TABLE f (a int) ENGINE=FEDERATED CONNECTION='mysql://h/d/v'; SELECT * FROM f",
       "CREATE TABLE f (a int) ENGINE=CONNECT; SELECT * FROM f",
       "ALTER TABLE f ENGINE=SPIDER; SELECT * FROM f",
       "CREATE TABLE f (a int) ENGINE 'FEDERATED'; SELECT * FROM f",
       "CREATE TABLE f (a int) ENGINE=FEDERATED; CREATE TABLE g LIKE f; SELECT * FROM g",
       "CREATE TABLE f (a int) ENGINE=FEDERATED; CREATE TABLE g (a int) ENGINE=MERGE UNION=(f); "
       "SELECT * FROM g",
       "CREATE TABLE f (a int) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5) ENGINE = "
       "FEDERATED); SELECT * FROM f",
       "SET default_storage_engine = 'FEDERATED'; CREATE TABLE f (a int); SELECT * FROM f"});
}

// A view that was there before may read what has another meaning now.
TEST(ScriptReaderTest, WhatIsPutUnderViewsThatAreThereMakesThemUnknown) {
  ExpectLast(
      Safety::kDestructive, kPg,
      {"CREATE OR REPLACE VIEW v AS SELECT wipe() AS a; SELECT * FROM w",
       "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'x'; SELECT * FROM w",
       "DROP VIEW v; CREATE VIEW v AS SELECT wipe(); SELECT * FROM w",
       "DROP FUNCTION f(); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'x'; TABLE w",
       "ALTER VIEW v RENAME TO o; CREATE VIEW v AS SELECT wipe(); SELECT * FROM w",
       "CREATE POLICY p ON t USING (wipe()); SELECT * FROM w",
       "ALTER TABLE t ENABLE RULE r; SELECT * FROM w",
       "ALTER TABLE t ENABLE ROW LEVEL SECURITY; SELECT * FROM t",
       "CREATE FOREIGN TABLE f (a int) SERVER s; ALTER TABLE f INHERIT p; SELECT * FROM w",
       "ALTER SYSTEM SET search_path = app, pg_catalog; SELECT pg_reload_conf(); SELECT lower('A')",
       "ALTER SYSTEM SET search_path = app, pg_catalog; SELECT lower('A')",
       "ALTER ROLE r SET search_path TO app, pg_catalog; SELECT lower('A')",
       "CREATE FUNCTION \"É\"() RETURNS int LANGUAGE sql AS 'x'; SELECT é FROM t",
       "CREATE VIEW v AS SELECT wipe(); SELECT * FROM é"});
  ExpectLast(Safety::kDestructive, kMa,
             {"CREATE OR REPLACE VIEW v AS SELECT wipe(); SELECT * FROM w",
              "CREATE VIEW v AS SELECT wipe(); SELECT * FROM w",
              "DROP VIEW v; CREATE VIEW v AS SELECT wipe(); SELECT * FROM w",
              "CREATE OR REPLACE FUNCTION f() RETURNS int RETURN 1; SELECT * FROM w",
              "CREATE TABLE f (a int) ENGINE=FEDERATED; SELECT * FROM w",
              "CREATE VIEW `É` AS SELECT wipe(); SELECT * FROM é",
              "CREATE VIEW cafe AS SELECT wipe(); SELECT * FROM café",
              "CREATE VIEW v AS SELECT wipe(); SELECT 1 AS v, (SELECT a FROM v)",
              "CREATE VIEW v AS SELECT wipe(); SELECT 1 AS a UNION TABLE v",
              "CREATE VIEW v AS SELECT wipe(); SELECT 1 FROM /*!99999 x AS */ v"});
  // What reads nothing may use the view's name for something else.
  ExpectLast(Safety::kSafe, kMa,
             {"CREATE VIEW v AS SELECT wipe(); SELECT 1 AS v",
              "CREATE VIEW v AS SELECT wipe(); SELECT 1 `v`",
              "CREATE VIEW v AS SELECT wipe(); SELECT 1 AS v ORDER BY v"});
  ExpectLast(Safety::kSafe, kPg,
             {"CREATE OR REPLACE VIEW v AS SELECT a FROM t; SELECT * FROM w",
              "CREATE OR REPLACE VIEW v AS SELECT wipe(); SELECT 1",
              "CREATE VIEW v AS SELECT wipe(); SELECT v.a FROM t v",
              "CREATE VIEW v AS SELECT wipe(); SELECT a AS v FROM t",
              "CREATE MATERIALIZED VIEW m AS SELECT a FROM t; SELECT * FROM m"});
}

TEST(ScriptReaderTest, ConnectOfPsqlChangesNoMeaningOnTheSameServer) {
  ExpectLast(Safety::kSafe, kPg,
             {"\\connect d\n", "\\c d u\nSELECT * FROM t", "\\encoding UTF8\nSELECT 1"});
  ExpectLast(
      Safety::kDestructive, kPg,
      {"\\connect d u h\n", "\\connect 'host=h'\nSELECT * FROM t", "\\c postgresql://h/d\nSELECT 1",
       "CREATE VIEW v AS SELECT wipe();\n\\c d\nSELECT * FROM v"});
}

TEST(ScriptReaderTest, ConnectOfPsqlAsAnotherRoleChangesTheSession) {
  ExpectLast(Safety::kDestructive, kPg, {"\\c d u\n", "\\c - u\n", "\\connect d u\n"});
  ExpectLast(Safety::kSafe, kPg, {"\\c\n", "\\c d\n", "\\c d -\n"});
}

TEST(ScriptReaderTest, WhatATableComputesOfNewRowsMayDoAnything) {
  for (absl::string_view made :
       {"CREATE TABLE t (a int DEFAULT wipe())", "CREATE TABLE t (a int CHECK (wipe(a)))",
        "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (wipe(a)) STORED)",
        "ALTER TABLE t ADD CHECK (wipe(a)) NOT VALID", "ALTER TABLE t ALTER a SET DEFAULT wipe()",
        "ALTER TABLE t ENABLE TRIGGER r", "ALTER TABLE t ENABLE ALWAYS TRIGGER r",
        "CREATE INDEX i ON t (wipe(a))", "CREATE UNIQUE INDEX i ON t (a) WHERE wipe(a)"}) {
    EXPECT_FALSE(Last(kPg, absl::StrCat(made, "; INSERT INTO t VALUES (1)")).adds_only) << made;
  }
  for (absl::string_view made :
       {"CREATE TABLE t (a int DEFAULT 5, b timestamptz DEFAULT now(), c text DEFAULT lower('A'))",
        "CREATE TABLE t (a numeric(10, 2) CHECK (a > 0))"}) {
    EXPECT_TRUE(Last(kPg, absl::StrCat(made, "; INSERT INTO t VALUES (1)")).adds_only) << made;
  }
  for (absl::string_view made :
       {"CREATE TABLE t (a int DEFAULT (wipe()))", "CREATE TABLE t (a int, CHECK (a > wipe(a)))",
        "CREATE TABLE t (a int, b int AS (sleep(a)) STORED)",
        "ALTER TABLE t ALTER a SET DEFAULT (wipe())"}) {
    EXPECT_FALSE(Last(Server(kMa), absl::StrCat(made, "; INSERT INTO t VALUES (1)")).adds_only)
        << made;
  }
  EXPECT_TRUE(Last(Server(kMa),
                   "CREATE TABLE t (a decimal(10, 2) DEFAULT 5, b datetime DEFAULT now(), KEY (a), "
                   "c int AS (abs(a)) STORED, CHECK (a IN (1, 2) AND (a > 0))); "
                   "INSERT INTO t VALUES (1)")
                  .adds_only);
}

TEST(ScriptReaderTest, UnseenCodeMayHaveMadeAnything) {
  ExpectLast(
      Safety::kDestructive, kPg,
      {"DO $$ BEGIN END $$; SELECT * FROM t", "CALL p(); SELECT * FROM t",
       "SELECT my_function(); SELECT * FROM t", "UPDATE t SET a = my_function(); SELECT * FROM t",
       "EXECUTE p; SELECT * FROM t", "CREATE EXTENSION x; SELECT * FROM t",
       "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y; SELECT * FROM t", "LOAD 'x'; SELECT * FROM t",
       "CREATE TABLE u AS EXECUTE p; SELECT * FROM t", "EXPLAIN ANALYZE EXECUTE p; SELECT * FROM t",
       "SELECT FROM WHERE; SELECT * FROM t"});
  ExpectLast(Safety::kDestructive, kMa,
             {"CALL p(); SELECT * FROM t", "EXECUTE IMMEDIATE 'x'; SELECT * FROM t",
              "INSTALL SONAME 'x'; SELECT * FROM t", "KLINGON; SELECT * FROM t"});
}

// Each of these let code run that was there, in the search_path of evil, pg_catalog for whatever
// follows, as tried out on PostgreSQL 15.
TEST(ScriptReaderTest, WhateverRunsUnknownCodeDoubtsWhatFollows) {
  for (absl::string_view first :
       {"SELECT query_to_xml('select sp()', true, true, '')",
        "SELECT xpath_table('k', 'd', 't', 'x', 'y')", "SELECT * FROM ts_stat('select sp()')",
        "SELECT dblink_exec('SELECT sp()')", "SELECT lo_mine()", "SELECT pg_advisory_mine(1)",
        "SELECT a OPERATOR(evil.+) 1 FROM words", "SELECT a::evil_domain FROM words",
        "SELECT (words).evilf FROM words", "SELECT * FROM words TABLESAMPLE mine(1)",
        "UPDATE words SET a = a::evil_domain", "DELETE FROM words WHERE a OPERATOR(evil.+) 1 = 'x'",
        "INSERT INTO words (a) SELECT a OPERATOR(evil.+) 1 FROM words",
        "MERGE INTO words USING t ON a OPERATOR(evil.+) b WHEN MATCHED THEN DELETE",
        "ALTER TABLE words ADD CONSTRAINT c CHECK (a OPERATOR(evil.+) 1 IS NOT NULL)",
        "ALTER TABLE words ALTER a TYPE evil_domain", "ALTER TABLE words ADD b evil_domain",
        "ALTER TABLE words SET ACCESS METHOD mine", "SET default_table_access_method = mine",
        "CREATE TABLE n AS SELECT a::evil_domain FROM words", "CREATE TABLE n (a int) USING mine",
        "CREATE TABLE n USING mine AS SELECT 1",
        "COPY (SELECT a::evil_domain FROM words) TO STDOUT", "COPY words FROM PROGRAM 'x'",
        "COPY words TO '/tmp/x'", "EXPLAIN ANALYZE SELECT a::evil_domain FROM words",
        // The ninth reason is as good as the first.
        "SELECT pg_sleep(1), nextval('a'), setseed(1), pg_advisory_lock(1), txid_current(), "
        "pg_notify('a', 'b'), pg_reload_conf(), pg_stat_reset(), pg_switch_wal(), sp()"}) {
    ExpectLast(Safety::kDestructive, kPg, {absl::StrCat(first, "; SELECT lower('A')")});
  }
  ExpectLast(Safety::kSafe, kPg,
             {"SELECT pg_advisory_lock(1); SELECT nextval('s'), pg_sleep(1); SELECT lower('A')",
              "SELECT lo_create(0), pg_stat_reset(), pg_ls_dir('.'); SELECT lower('A')",
              "UPDATE words SET a = a || 'x'::text; ALTER TABLE words ADD b varchar(5) DEFAULT "
              "lower('A'), ADD CHECK (b ~~ 'x'); SELECT lower(a) FROM words",
              "CREATE TYPE mood AS ENUM ('a'); COMMENT ON TYPE mood IS 'x'; DROP TYPE mood; "
              "DROP FUNCTION f(mood); ALTER FUNCTION g(mood) OWNER TO x; SELECT lower('A')"});
}

// What is labelled immutable is computed when the object is made, and by whatever plans a query.
TEST(ScriptReaderTest, BoundsAndIndexesAreComputedAtOnce) {
  for (absl::string_view first :
       {"CREATE TABLE p1 PARTITION OF p FOR VALUES IN (sp())",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (sp()) TO (5)",
        "CREATE TABLE p (a int) PARTITION BY RANGE ((imm(1) + a))",
        "CREATE TABLE p (a int) PARTITION BY RANGE (a mine_ops)",
        "CREATE TABLE p (a int, CHECK (imm(1) = 1))",
        "CREATE TABLE p (a int CHECK (a OPERATOR(evil.+) 1 = 1))",
        "CREATE TABLE p (a int, EXCLUDE USING gist (a WITH evil.=))",
        "CREATE TABLE p (a int, EXCLUDE USING gist (a WITH =) WHERE (imm(1) = 1))",
        "CREATE TABLE p (a int, EXCLUDE USING mine (a WITH =))",
        "ALTER TABLE p ATTACH PARTITION q FOR VALUES IN (sp())",
        "CREATE INDEX i ON words ((a || imm(1)::text))",
        "CREATE INDEX i ON words (a) WHERE imm(1) = 1", "CREATE INDEX i ON words (a evil_ops)",
        "CREATE INDEX i ON words (a evil.text_ops)", "CREATE INDEX i ON words USING mine (a)",
        "CREATE INDEX i ON words ((a OPERATOR(evil.+) 1))"}) {
    ExpectLast(Safety::kDestructive, kPg, {absl::StrCat(first, "; SELECT lower('A')")});
  }
  ExpectLast(Safety::kSafe, kPg,
             {"CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1, lower('A')); SELECT * FROM p1",
              "CREATE TABLE p (a int, CHECK (a > 0), EXCLUDE USING gist (a WITH =)) PARTITION BY "
              "RANGE (a int4_ops, (a + 1)); SELECT * FROM p",
              "CREATE INDEX i ON words USING gin (a jsonb_path_ops); CREATE INDEX j ON words "
              "(lower(a) pg_catalog.text_pattern_ops) WHERE a > 'b'; SELECT * FROM words"});
}

// The code of the script's own objects, where the statement that runs it is no query.
TEST(ScriptReaderTest, WhatMayRunWhatTheScriptMadeDoubtsWhatFollows) {
  for (absl::string_view script :
       {"CREATE TABLE td (a int DEFAULT sp()); INSERT INTO td DEFAULT VALUES",
        "CREATE TABLE td (a evil_domain); INSERT INTO td VALUES (1)",
        "CREATE TABLE td (a int GENERATED ALWAYS AS (sp()) STORED); INSERT INTO td VALUES (1)",
        "CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f(); INSERT INTO t VALUES (1)",
        "CREATE TRIGGER g BEFORE UPDATE ON t EXECUTE FUNCTION f(); UPDATE t SET a = 1",
        "CREATE TRIGGER g BEFORE TRUNCATE ON t EXECUTE FUNCTION f(); TRUNCATE t",
        "CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f(); COPY t FROM '/tmp/x'",
        "CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f(); MERGE INTO t USING u ON true "
        "WHEN MATCHED THEN DELETE",
        // By ON DELETE CASCADE.
        "CREATE TRIGGER g BEFORE DELETE ON child EXECUTE FUNCTION f(); DELETE FROM parent",
        "CREATE RULE r AS ON INSERT TO t DO ALSO SELECT sp(); INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT sp() AS x; SELECT * FROM v",
        "CREATE VIEW v AS SELECT sp() AS x; INSERT INTO t SELECT x FROM v",
        "CREATE VIEW v AS SELECT sp() AS x; DELETE FROM t WHERE a IN (SELECT x FROM v)",
        "CREATE VIEW v AS SELECT sp() AS x; EXPLAIN ANALYZE SELECT * FROM v",
        "CREATE VIEW v AS SELECT sp() AS x; COPY (SELECT * FROM v) TO STDOUT",
        "CREATE VIEW v AS SELECT sp() AS x; CREATE TABLE n AS SELECT * FROM v",
        "CREATE VIEW v AS SELECT sp() AS x; CREATE MATERIALIZED VIEW n AS SELECT * FROM v",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'x'; UPDATE t SET a = 1",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'x'; ANALYZE t",
        "CREATE OR REPLACE VIEW v AS SELECT sp() AS x; REFRESH MATERIALIZED VIEW m"}) {
    ExpectLast(Safety::kDestructive, kPg, {absl::StrCat(script, "; SELECT lower('A')")});
  }
}

// They say what names mean.
TEST(ScriptReaderTest, BehindAChangeOfTheServersOwnTablesNothingIsKnown) {
  for (absl::string_view first :
       {"UPDATE pg_operator SET oprcode = 'evil'::regproc WHERE oprname = '||'",
        "UPDATE pg_catalog.\"pg_proc\" SET prosrc = 'x'", "INSERT INTO pg_cast VALUES (1)",
        "WITH x AS (UPDATE pg_class SET relname = 'x' RETURNING 1) SELECT * FROM x",
        "DELETE FROM pg_rewrite", "TRUNCATE pg_catalog.pg_rewrite", "COPY pg_proc FROM '/tmp/x'",
        "MERGE INTO pg_proc USING t ON true WHEN MATCHED THEN DELETE",
        "ALTER TABLE pg_operator ADD x int",
        "CREATE VIEW v AS SELECT * FROM pg_proc; UPDATE v SET prosrc = 'x'"}) {
    ExpectLast(Safety::kDestructive, kPg, {absl::StrCat(first, "; SELECT a || 'x' FROM words")});
  }
  ExpectLast(Safety::kDestructive, kMa,
             {"UPDATE mysql.proc SET body = 'x'; SELECT a FROM t",
              "USE mysql; UPDATE proc SET body = 'x'; USE shop; SELECT a FROM t"});
  ExpectLast(Safety::kSafe, kPg,
             {"SELECT * FROM pg_class; GRANT SELECT ON pg_catalog.pg_class TO x; SELECT a FROM t",
              "CREATE TABLE n AS SELECT relname FROM pg_class; SELECT a FROM n"});
}

// A query locks the rows that it reads, as LOCK IN SHARE MODE does.
TEST(ScriptReaderTest, BehindTheLevelSerializableQueriesLockRows) {
  for (absl::string_view set :
       {"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET TRANSACTION READ WRITE, "
        "ISOLATION LEVEL SERIALIZABLE",
        "SET tx_isolation = 'SERIALIZABLE'",
        "SET @@session.transaction_isolation := 'serializable'", "SET `tx_isolation` = 3",
        "SET GLOBAL transaction_isolation = @level", "SET a = 1, tx_isolation = concat('S', 'x')",
        // What a stored function sets stays set, as tried out on MariaDB 10.11.
        "SELECT mine()", "UPDATE t SET a = mine(a)", "SELECT count (a) FROM u",
        "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET SESSION tx_isolation = "
        "'SERIALIZABLE'",
        "SET TRANSACTION ISOLATION LEVEL /*!99999 READ COMMITTED */ /*!50000 SERIALIZABLE */"}) {
    for (absl::string_view query :
         {"SELECT a FROM t", "SELECT 1 FROM (SELECT a FROM t) x", "EXPLAIN SELECT a FROM t",
          "(SELECT a FROM t) UNION SELECT 1"}) {
      const Verdict verdict = Last(Server(kMa), absl::StrCat(set, "; START TRANSACTION; ", query));
      EXPECT_EQ(verdict.safety, Safety::kDestructive) << set << query;
      EXPECT_TRUE(verdict.effects.locks_rows) << set << query;
      EXPECT_TRUE(verdict.understood) << set << query;
    }
    ExpectLast(Safety::kSafe, kMa,
               {absl::StrCat(set, "; SELECT 1"), absl::StrCat(set, "; SHOW TABLES"),
                absl::StrCat(set, "; DESCRIBE t")});
  }
  ExpectLast(Safety::kSafe, kMa,
             {"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT a FROM t",
              "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT a FROM t",
              "SET tx_isolation = 'READ-COMMITTED'; SELECT a FROM t",
              "SET transaction_isolation = DEFAULT, autocommit = 0; SELECT a FROM t",
              "SET @old = @@tx_isolation; SELECT a FROM t",
              "SELECT sleep(1), get_lock('a', 1), count(a) FROM u; SELECT a FROM t",
              "CREATE TABLE isolation (isolation int); UPDATE isolation SET isolation = 3; "
              "SELECT a FROM t"});
}

TEST(ScriptReaderTest, WhatChangesNoMeaningLeavesTheRestSafe) {
  ExpectLast(Safety::kSafe, kPg,
             {"CREATE VIEW v AS SELECT a FROM t; SELECT * FROM v",
              "CREATE VIEW v AS SELECT wipe(); SELECT * FROM t",
              "CREATE TABLE v (a int DEFAULT f()); SELECT * FROM v",
              "CREATE TABLE v (a int DEFAULT 5 CHECK (a > 0)); INSERT INTO v VALUES (1); "
              "SELECT * FROM v",
              "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON "
              "FUNCTION f() TO x; COMMENT ON FUNCTION f() IS 'x'; UPDATE t SET a = 1; SELECT 1",
              "CREATE TABLE v AS SELECT 1 AS a; SELECT * FROM v",
              "CREATE MATERIALIZED VIEW v AS SELECT 1 AS a; SELECT * FROM v",
              "SET search_path = app, public; SET lock_timeout = '1s'; SELECT lower(a) FROM t",
              "SET search_path TO pg_catalog, app; SELECT lower(a) FROM t",
              "SELECT pg_catalog.set_config('search_path', '', false); SELECT lower(a) FROM t",
              "SELECT setval('s', 1); SELECT * FROM t",
              "BEGIN; UPDATE t SET a = 1; DELETE FROM t WHERE a = 2; COMMIT; SELECT * FROM t",
              "CREATE INDEX CONCURRENTLY i ON t (a); ANALYZE t; SELECT * FROM t",
              "CREATE SCHEMA s; GRANT SELECT ON t TO x; COMMENT ON TABLE t IS 'x'; SELECT 1 FROM t",
              "DROP VIEW v; ALTER TABLE t ADD COLUMN b int; SELECT b FROM t",
              "DO $$ BEGIN END $$; SHOW lock_timeout"});
  ExpectLast(
      Safety::kSafe, kMa,
      {"CREATE VIEW v AS SELECT a FROM t; SELECT * FROM v",
       "CREATE TABLE v (a int) ENGINE=InnoDB; SELECT * FROM v",
       "USE shop; SET NAMES utf8mb4; SELECT * FROM user", "UPDATE t SET a = 1; SELECT a FROM t",
       "LOCK TABLES t WRITE; UNLOCK TABLES; OPTIMIZE TABLE t; SELECT a FROM t",
       "CREATE USER a@b IDENTIFIED BY 'x'; GRANT SELECT ON d.* TO a@b; SELECT 1 FROM t"});
}

TEST(ScriptReaderTest, ATriggerOfTheScriptRunsWhereRowsAreAdded) {
  const std::string made = "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();";
  EXPECT_FALSE(Last(kPg, made + "INSERT INTO t VALUES (1)").adds_only);
  EXPECT_TRUE(Last(kPg, made + "INSERT INTO u VALUES (1)").adds_only);
  EXPECT_EQ(Last(kPg, made + "SELECT * FROM t").safety, Safety::kSafe);
}

TEST(ScriptReaderTest, TheDatabaseIsThatOfTheLastUse) {
  for (absl::string_view script :
       {"USE mysql; SELECT * FROM user", "USE `mysql`; SELECT * FROM (SELECT * FROM user) x",
        "/*!99999 USE mysql */; SELECT * FROM user",
        "USE mysql; /*!99999 USE shop */; TABLE user"}) {
    EXPECT_TRUE(Last(Server(kMa), script).credentials) << script;
  }
  EXPECT_FALSE(Last(Server(kMa), "USE mysql; USE shop; SELECT * FROM user").credentials);
}

// In NO_BACKSLASH_ESCAPES the second statement is a string, and DROP TABLE is one of its own.
TEST(ScriptReaderTest, BehindAStringWhoseEndIsNotKnownNothingIs) {
  const std::string tail = " SELECT 'a\\'; SELECT ' ; SELECT 1 '; DROP TABLE t; -- ';";
  EXPECT_EQ(Last(Dialect::kMariaDb, tail).safety, Safety::kDestructive);
  EXPECT_EQ(Last(kPg, "SELECT 'a\\' ; SELECT 1 \"; DROP TABLE t; -- \"").safety,
            Safety::kDestructive);
  EXPECT_EQ(Last(Server(kMa), "SET sql_mode = @x;" + tail).safety, Safety::kDestructive);
  EXPECT_EQ(Last(Server(kMa), "SET sql_mode = '';" + tail).safety, Safety::kSafe)
      << "they are known again";
  EXPECT_EQ(Last(Server(kMa), tail).safety, Safety::kSafe) << "its modes are known";
  // A server that skips the comment ends it at the first "*/".
  EXPECT_EQ(Last(Server(kMa), "/*!99999 ' */ SELECT ' */; SELECT ' ; DROP TABLE t; -- '").safety,
            Safety::kDestructive);
  EXPECT_EQ(Last(kMa, "SELECT 'a\\n'; SELECT 1").safety, Safety::kSafe);
  EXPECT_EQ(Last(Server(kMa), "/*!40101 SET NAMES 'utf8' */; SELECT 1").safety, Safety::kSafe);
}

// mariadb-dump writes a view's stand-in between the tables.
TEST(ScriptReaderTest, RowsForATableThatTheScriptMadeReadNoView) {
  const std::string view = "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT mine(1) AS a;";
  const std::string table =
      view + "DROP TABLE IF EXISTS `w`; CREATE TABLE `w` (a int) ENGINE=InnoDB;";
  const std::string insert = "INSERT INTO `w` VALUES (1)";
  EXPECT_TRUE(Last(Server(kMa), table +
                                    "LOCK TABLES `w` WRITE; /*!40000 ALTER TABLE `w` DISABLE "
                                    "KEYS */;" +
                                    insert)
                  .understood);
  EXPECT_TRUE(Last(Server(kMa), table + insert).adds_only);
  // What may be another one, or read something.
  for (const std::string& script :
       {view + insert, table + "INSERT INTO u VALUES (1)", table + "DROP TABLE w;" + insert,
        table + "INSERT INTO w SELECT a FROM u",
        table + "CREATE TABLE u (a int) ENGINE=InnoDB;" + insert,
        view + "CREATE TABLE IF NOT EXISTS w (a int) ENGINE=InnoDB;" + insert,
        table + "USE other;" + insert, view + "CREATE TABLE w (a int) ENGINE=FEDERATED;" + insert,
        view + "CREATE TEMPORARY TABLE w (a int) ENGINE=InnoDB;" + insert}) {
    EXPECT_FALSE(Last(Server(kMa), script).understood) << script;
  }
}

TEST(ScriptReaderTest, ACauseIsToldOnceAndReferredToThen) {
  const auto all = [](Dialect dialect, absl::string_view script) {
    std::vector<Verdict> verdicts;
    ScriptReader reader(Server(dialect));
    const auto statements = Split(Server(dialect), script);
    for (const Statement& statement : *statements) {
      verdicts.push_back(reader.Read(statement).verdict);
    }
    return verdicts;
  };
  struct {
    Dialect dialect;
    const char* script;
    const char* reason;
  } cases[] = {{kPg, "SELECT mine();\nSELECT 1;\n\nSELECT a FROM t;",
                "in doubt since the statement at line 1"},
               {kMa, "SELECT 1;\nSELECT 1 --/* a */ 1;\n\nSELECT a FROM t",
                "in doubt for the reason that is told at line 2"}};
  for (const auto& [dialect, script, reason] : cases) {
    const std::vector<Verdict> verdicts = all(dialect, script);
    ASSERT_EQ(verdicts.size(), 3u) << script;
    EXPECT_GT(verdicts[1].reasons[0].size(), 60u) << script;
    EXPECT_THAT(verdicts[2].reasons, testing::ElementsAre(reason));
    EXPECT_EQ(verdicts[2].doubt, verdicts[2].reasons[0]);
    EXPECT_EQ(verdicts[2].safety, Safety::kDestructive);
  }
}

}  // namespace
}  // namespace dbfleet::sql
