// Ways in which statements have slipped past classifiers, group by group. Each line must be
// destructive in every dialect named in front of it.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/slips.h"

namespace dbfleet::sql {
namespace {

TEST(SlippedTest, Group1ExecutableComments) {
  ExpectAllDestructive({{"M", "/*! DELETE FROM t */"},
                        {"M", "SELECT 1 /*! INTO OUTFILE '/tmp/x' */"},
                        {"M", "SELECT 1 /*!50700 + 1 */"},
                        {"M", "SELECT 1 /*!999999 + 1 */"},
                        {"M", "SELECT 1 /*!100000 ; DELETE FROM t */"},
                        {"M", "SELECT 1 /*M! + 1 */"},
                        {"M", "SELECT 1 /*M!80000 + 1 */"},
                        {"M", "SELECT 1 /*m!80000 + 1 */"},
                        {"M", "/*!1*/SELECT 1"},
                        {"M", "SELECT /*!50000 sleep*/(5)"},
                        {"M", "SELECT 1 /*! /* nested */ + 1 */"}});
}

TEST(SlippedTest, Group2CommentsThatHideTheVerb) {
  ExpectAllDestructive({{"MP", "/* SELECT */ DELETE FROM t"},
                        {"MP", "-- SELECT 1\nDELETE FROM t"},
                        {"M", "# SELECT 1\nDELETE FROM t"},
                        {"M", "--SELECT 1\nDELETE FROM t"},
                        {"M", "SELECT 1 --1\n; DELETE FROM t"},
                        {"P", "/* /* */ SELECT 1; */ DELETE FROM t"},
                        {"P", "/* /* */ SELECT 1"},
                        {"P", "-- c\rDELETE FROM t"},
                        {"P", "# SELECT 1\nDELETE FROM t"},
                        {"M", "/* /* */ DELETE FROM t"},
                        {"M", "SELECT 1 /* unclosed"},
                        {"M", "SELECT sleep/**/(5)"},
                        {"M", "SELECT sleep -- x\n (5)"}});
}

TEST(SlippedTest, Group3CommonTableExpressionsAndMerge) {
  ExpectAllDestructive(
      {{"P", "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x"},
       {"P", "WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x"},
       {"P", "WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x"},
       {"P", "WITH x AS (SELECT 1), y AS (DELETE FROM t RETURNING *) SELECT 1"},
       {"P", "SELECT * FROM (WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x) AS y"},
       {"MP", "WITH x AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT * FROM x)"},
       {"MP", "WITH x AS (SELECT 1) UPDATE t SET a = 1"},
       {"P", "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"},
       {"P", "WITH x AS (SELECT 1) MERGE INTO t USING x ON true WHEN MATCHED THEN DELETE"},
       {"MP", "MERGE INTO t USING s ON (a = b) WHEN MATCHED THEN DELETE"},
       {"P",
        "WITH RECURSIVE x AS (DELETE FROM t RETURNING a) SEARCH DEPTH FIRST BY a SET b SELECT 1"},
       {"MP", "WITH x SELECT 1"}});
}

TEST(SlippedTest, Group3StatementsInThePlaceOfATable) {
  ExpectAllDestructive({{"MP", "SELECT * FROM (DELETE FROM t) x"},
                        {"MP", "SELECT * FROM (DELETE FROM t RETURNING *) x"},
                        {"MP", "SELECT * FROM (UPDATE t SET a = 1) x"},
                        {"MP", "SELECT * FROM a, (INSERT INTO t VALUES (1)) x"},
                        {"MP", "SELECT * FROM a JOIN (DROP TABLE t) x"},
                        {"M", "SELECT * FROM a, ALTER"},
                        {"M", "SELECT a DROP FROM t"},
                        {"MP", "SELECT 1 FROM t x DELETE FROM t"},
                        {"MP", "EXPLAIN SELECT * FROM (DELETE FROM t) x"}});
  for (const char* text : {"SELECT t.delete, `drop`, INSERT('a', 1, 1, 'b') FROM `alter` t",
                           "SELECT a FROM shop.`update` WHERE `create` > 1"}) {
    EXPECT_EQ(Classify(Dialect::kMariaDb, text).safety, Safety::kSafe) << text;
  }
}

TEST(SlippedTest, Group4ExplainThatExecutes) {
  ExpectAllDestructive({{"MP", "EXPLAIN ANALYZE SELECT my_function()"},
                        {"MP", "EXPLAIN ANALYZE DELETE FROM t"},
                        {"M", "ANALYZE DELETE FROM t"},
                        {"M", "ANALYZE SELECT my_function()"},
                        {"M", "ANALYZE FORMAT=JSON UPDATE t SET a = 1"},
                        {"M", "ANALYZE SELECT a FROM t FOR UPDATE"},
                        {"M", "EXPLAIN FORMAT=TREE ANALYZE DELETE FROM t"},
                        {"M", "DESC ANALYZE DELETE FROM t"},
                        {"P", "EXPLAIN (ANALYZE) DELETE FROM t"},
                        {"P", "EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM t"},
                        {"P", "EXPLAIN (VERBOSE, ANALYZE true) DELETE FROM t"},
                        {"P", "EXPLAIN (COSTS off, analyse) DELETE FROM t"},
                        {"P", "EXPLAIN VERBOSE ANALYZE SELECT 1"},
                        {"P", "EXPLAIN ANALYZE VERBOSE DELETE FROM t"},
                        {"P", "EXPLAIN (NEW_OPTION) SELECT 1"},
                        {"P", "EXPLAIN EXECUTE p"},
                        {"P", "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1"},
                        {"P", "EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT 1"},
                        {"MP", "EXPLAIN SELECT my_function()"},
                        {"M", "EXPLAIN SELECT * FROM (SELECT sleep(5)) x"},
                        {"M", "EXPLAIN FOR CONNECTION 5"},
                        {"M", "EXPLAIN INTO @a SELECT 1"}});
}

TEST(SlippedTest, Group5SelectInto) {
  ExpectAllDestructive({{"M", "SELECT a INTO OUTFILE '/tmp/x' FROM t"},
                        {"M", "SELECT a FROM t INTO DUMPFILE '/tmp/x'"},
                        {"M", "SELECT 1 INTO @a"},
                        {"M", "SELECT 1 UNION SELECT 2 INTO OUTFILE '/tmp/x'"},
                        {"M", "SELECT 1.INTO @a"},
                        {"M", "SELECT 1.5INTO @a"},
                        {"M", "SELECT.5INTO @a"},
                        {"M", "SELECT 1.e1into @a"},
                        {"M", "SELECT 1.E5INTO OUTFILE '/tmp/x'"},
                        {"M", "SELECT 1e5INTO @a"},
                        {"M", "SELECT 1e+5INTO @a"},
                        {"M", "SELECT 'a'INTO @a"},
                        {"M", "(SELECT 1 INTO @a)"},
                        {"P", "SELECT * INTO t2 FROM t"},
                        {"P", "SELECT * INTO TEMP t2 FROM t"},
                        {"P", "SELECT 1 UNION SELECT 2 INTO t2"},
                        {"P", "SELECT 1 INTO t2"},
                        {"P", "SELECT 1.5into t2"},
                        {"P", "SELECT $1into t2"}});
}

// No rollback takes a file or a sequence's next value back.
TEST(SlippedTest, Group5WhatASelectWritesIsNotRolledBack) {
  for (absl::string_view text : {"SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT NEXT VALUE FOR s",
                                 "SELECT DEFAULT(a) FROM t", "SELECT my_function()"}) {
    const Verdict verdict = Classify(Dialect::kMariaDb, text);
    EXPECT_EQ(verdict.kind, Kind::kDataFix) << text;
    EXPECT_EQ(verdict.effects.undo, Undo::kBackup) << text;
  }
  EXPECT_EQ(Classify(Dialect::kMariaDb, "SELECT a FROM t FOR UPDATE").effects.undo,
            Undo::kNothingToUndo);
}

TEST(SlippedTest, Group6FunctionsWithSideEffects) {
  ExpectAllDestructive({{"P", "SELECT ('q'::regclass).nextval"},
                        {"P", "SELECT s.pg_sleep FROM generate_series(1, 9) s"},
                        {"P", "SELECT ('primary_conninfo'::text).current_setting"},
                        {"M", "DO sleep(5)"},
                        {"M", "SET @a = f()"},
                        {"MP", "SELECT * FROM t WHERE f(a)"},
                        {"MP", "SELECT a FROM t ORDER BY f(a)"},
                        {"MP", "SELECT a FROM t GROUP BY f(a)"},
                        {"MP", "SELECT 1 FROM t JOIN u ON f(t.a)"},
                        {"MP", "SELECT lower(f(a)) FROM t"},
                        {"MP", "SELECT (f)(1)"},
                        {"P", "VALUES (f())"},
                        {"M", "VALUES (f())"},
                        {"M", "TABLE t"},
                        {"M", "SHOW TABLES WHERE f()"},
                        {"M", "SHOW STATUS WHERE sleep(5)"},
                        {"MP", "SELECT db.f(1)"},
                        {"MP", "SELECT db.lower('x')"},
                        {"M", "SELECT `sleep`(5)"},
                        {"M", "SELECT \"sleep\"(5)"},
                        {"P", "SELECT \"pg_sleep\"(5)"},
                        {"P", "SELECT \"Lower\"('x')"},
                        {"P", "SELECT public.lower('x')"},
                        {"P", "SELECT x.pg_catalog.lower('x')"},
                        {"P", "SELECT pg_catalog.pg_sleep(5)"},
                        {"P", "SELECT U&\"pg_\\0073leep\"(5)"},
                        {"P", "SELECT * FROM f()"},
                        {"P", "SELECT * FROM ROWS FROM (f())"},
                        {"P", "SELECT DISTINCT ON (a) f(b) FROM t"},
                        {"P", "SELECT 1 OPERATOR(public.+) 2"},
                        {"P", "SELECT 'x'::my_domain"},
                        {"P", "SELECT 'x'::public.text"},
                        {"P", "SELECT CAST('x' AS my_domain)"},
                        {"P", "SELECT my_domain 'x'"},
                        {"P", "SELECT public.text 'x'"},
                        {"P", "SELECT join(1)"},
                        {"P", "SELECT by(1)"},
                        {"P", "SELECT over(1)"},
                        {"P", "SELECT filter(1)"},
                        {"P", "SELECT like(1, 2)"},
                        {"P", "SELECT * FROM t TABLESAMPLE my_method(1)"},
                        {"M", "SELECT any(1)"},
                        {"M", "SELECT against(1)"},
                        {"M", "SELECT except(1)"},
                        {"M", "SELECT 1sleep(5)"},
                        {"M", "SELECT 1 or(sleep(1))"},
                        {"M", "SELECT 1.5or(sleep(1))"}});
}

// MySQL and MariaDB take these as calls of stored functions, unless IGNORE_SPACE is on.
TEST(SlippedTest, Group6BuiltInNamesWithAGapBeforeTheParenthesis) {
  ExpectAllDestructive({{"M", "SELECT count (55)"},
                        {"M", "SELECT now ()"},
                        {"M", "SELECT now\n()"},
                        {"M", "SELECT sum/**/(a) FROM t"},
                        {"M", "SELECT max -- x\n (a) FROM t"},
                        {"M", "SELECT * FROM t WHERE a = trim ('x')"},
                        {"M", "EXPLAIN SELECT count (55)"},
                        {"M", "SHOW TABLES WHERE substring (1, 2)"},
                        {"M", "SELECT insert ('a', 1, 1, 'b')"}});
  for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb}) {
    for (absl::string_view text :
         {"SELECT count(55), now()", "SELECT * FROM t WHERE a IN (1) AND EXISTS (SELECT 1)",
          "SELECT CAST(a AS CHAR (3)) FROM t"}) {
      EXPECT_EQ(Classify(dialect, text).safety, Safety::kSafe) << text;
    }
  }
  // PostgreSQL does not look at blanks there.
  EXPECT_EQ(Classify(Dialect::kPostgres, "SELECT count (1), now ()").safety, Safety::kSafe);
}

// Names that are built in only in one form, or only in newer servers, are stored functions
// elsewhere.
TEST(SlippedTest, Group6BuiltInNamesThatMayBeStoredFunctions) {
  ExpectAllDestructive({{"M", "SELECT SQL_NO_CACHE against(1)"},
                        {"M", "SELECT BINARY against(1)"},
                        {"M", "SELECT 5 MOD escape(1)"},
                        {"M", "SELECT HIGH_PRIORITY escape(1)"},
                        {"M", "SELECT CAST(columns(1) AS CHAR)"},
                        {"M", "SELECT CONVERT(columns(1), CHAR)"},
                        {"M", "SELECT json_table('1')"},
                        {"M", "SELECT a FROM t WHERE json_table('1', 2)"},
                        {"M", "SELECT over(1)"}});
  const auto destructive = [](const Target& target, absl::string_view text) {
    const Verdict verdict = Classify(target, text);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
  };
  const Target maria = *ParseTarget("mariadb-10.11");
  for (absl::string_view text :
       {"SELECT point('1')", "SELECT point()", "SELECT POINT(1, 2, 3)", "SELECT linestring()",
        "SELECT a FROM t WHERE polygon()", "SELECT geometrycollection()", "SELECT multipoint()",
        "SELECT CAST(multilinestring() AS CHAR)", "SELECT multipolygon()",
        "SELECT point(point(1, 2))"}) {
    destructive(maria, text);
  }
  for (absl::string_view text : {"SELECT over(1)", "SELECT except((1))", "SELECT intersect((1))",
                                 "SELECT a FROM t WHERE except((SELECT 1))"}) {
    destructive(*ParseTarget("mysql-5.7"), text);
  }
  destructive(*ParseTarget("mysql-8.0"), "SELECT SQL_NO_CACHE intersect((1))");
  destructive(*ParseTarget("mariadb-11.4"), "SELECT KDF('a', 'b', 2147483647, 'pbkdf2_hmac')");
  for (absl::string_view text :
       {"SELECT POINT(1, 2), LINESTRING(POINT(0, 0), POINT(1, LEAST(1, 2)))",
        "SELECT a FROM t EXCEPT (SELECT b FROM u)", "SELECT a FROM t INTERSECT ((SELECT 1))",
        "SELECT MATCH (a) AGAINST ('x'), b LIKE 'x' ESCAPE ('|') FROM t",
        "SELECT a FROM t WHERE MATCH a, t.b AGAINST ('x' IN BOOLEAN MODE)",
        "SELECT SUM(a) OVER (ORDER BY b) FROM t",
        "SELECT * FROM t, JSON_TABLE(t.a, '$[*]' COLUMNS (x INT PATH '$', NESTED PATH '$.b' "
        "COLUMNS (y INT PATH '$'))) AS j"}) {
    EXPECT_EQ(Classify(maria, text).safety, Safety::kSafe) << text;
  }
}

TEST(SlippedTest, Group6ReadingThatChangesSomething) {
  ExpectAllDestructive({{"M", "SELECT * FROM information_schema.INNODB_CMP_RESET"},
                        {"M", "SELECT * FROM information_schema.`innodb_cmpmem_reset`"},
                        {"M", "SELECT 1 FROM t JOIN INNODB_CMP_PER_INDEX_RESET r"},
                        {"M", "SELECT * FROM information_schema.ALL_PLUGINS"},
                        {"M", "SHOW PLUGINS SONAME 'ha_example.so'"}});
  // DEFAULT NEXTVAL(s) is computed anew.
  for (absl::string_view text : {"SELECT DEFAULT(a) FROM t", "SELECT DEFAULT (t.a) FROM t",
                                 "SHOW TABLES WHERE (SELECT default(a) FROM t)"}) {
    EXPECT_EQ(Classify(Dialect::kMariaDb, text).safety, Safety::kDestructive) << text;
  }
  for (absl::string_view text : {"SELECT * FROM information_schema.INNODB_CMP", "SHOW PLUGINS",
                                 "SELECT * FROM shop.all_plugins"}) {
    EXPECT_EQ(Classify(Dialect::kMariaDb, text).safety, Safety::kSafe) << text;
  }
}

TEST(SlippedTest, Group6FunctionsThatMakeHugeValues) {
  ExpectAllDestructive({{"P", "SELECT repeat('x', 1000000000)"},
                        {"P", "SELECT lpad('x', 1000000000)"},
                        {"P", "SELECT pg_catalog.rpad('x', 1000000000)"}});
}

TEST(SlippedTest, Group7SqlInsideStrings) {
  ExpectAllDestructive({{"P", "SELECT query_to_xml('DELETE FROM t', true, true, '')"},
                        {"P", "SELECT dblink_exec('x', 'DELETE FROM t')"},
                        {"P", "SELECT * FROM ts_stat('SELECT f()')"},
                        {"P", "SELECT ts_rewrite('a'::tsquery, 'SELECT f()')"},
                        {"P", "SELECT database_to_xml(true, true, '')"},
                        {"MP", "PREPARE p FROM 'DELETE FROM t'"},
                        {"P", "PREPARE p AS DELETE FROM t"},
                        {"MP", "EXECUTE p"},
                        {"M", "EXECUTE IMMEDIATE 'DELETE FROM t'"},
                        {"P", "DO $$ BEGIN DELETE FROM t; END $$"},
                        {"P", "SELECT lo_import('/etc/passwd')"}});
}

TEST(SlippedTest, Group8MariaDbWrappers) {
  ExpectAllDestructive({{"M", "SET STATEMENT max_statement_time=1 FOR DELETE FROM t"},
                        {"M", "SET STATEMENT a=1 FOR SELECT 1"},
                        {"M", "BEGIN NOT ATOMIC DELETE FROM t; END"},
                        {"M", "BEGIN DELETE FROM t; END"},
                        {"M", "IF 1 THEN DELETE FROM t; END IF"},
                        {"M", "FOR i IN 1..2 DO DELETE FROM t; END FOR"},
                        {"M", "<<l>> BEGIN DELETE FROM t; END"},
                        {"M", "CREATE OR REPLACE TABLE t (a INT)"},
                        {"MP", "DELETE FROM t RETURNING *"},
                        {"M", "REPLACE INTO t VALUES (1) RETURNING *"},
                        {"MP", "INSERT INTO t VALUES (1) RETURNING *"}});
  EXPECT_EQ(Classify(Dialect::kMariaDb, "SET STATEMENT a=1 FOR DELETE FROM t").kind,
            Kind::kDataFix);
  EXPECT_EQ(Classify(Dialect::kMariaDb, "SET STATEMENT a=1 FOR DROP TABLE t").kind,
            Kind::kSchemaMigration);
}

TEST(SlippedTest, Group9SequencesAndFiles) {
  ExpectAllDestructive({{"MP", "SELECT nextval('s')"},
                        {"MP", "SELECT setval('s', 5)"},
                        {"M", "SELECT NEXT VALUE FOR s"},
                        {"M", "SELECT next/**/value\nfor s"},
                        {"M", "SELECT SUBSTRING('abc' FROM NEXT VALUE FOR s)"},
                        {"M", "SELECT s.nextval FROM dual"},
                        {"M", "SELECT lastval(s)"},
                        {"M", "LOAD DATA INFILE '/x' INTO TABLE t"},
                        {"M", "LOAD DATA LOCAL INFILE '/x' INTO TABLE t"},
                        {"M", "LOAD XML INFILE '/x' INTO TABLE t"},
                        {"M", "XA COMMIT 'x'"},
                        {"M", "HANDLER t OPEN"},
                        {"M", "HANDLER t READ FIRST"},
                        {"M", "SELECT LOAD_FILE('/etc/passwd')"}});
}

TEST(SlippedTest, Group10Copy) {
  ExpectAllDestructive({{"P", "COPY t FROM '/x'"},
                        {"P", "COPY t TO '/x'"},
                        {"P", "COPY pg_authid TO STDOUT"},
                        {"P", "COPY (SELECT 1) TO PROGRAM 'sh'"},
                        {"P", "COPY t FROM PROGRAM 'sh'"},
                        {"P", "COPY (DELETE FROM t RETURNING *) TO STDOUT"},
                        {"P", "COPY t FROM stdin;\n1\n\\."}});
}

TEST(SlippedTest, Group11LocksAndWaits) {
  ExpectAllDestructive({{"MP", "SELECT a FROM t FOR UPDATE"},
                        {"MP", "SELECT a FROM t FOR SHARE"},
                        {"MP", "SELECT a FROM t FOR/**/UPDATE NOWAIT"},
                        {"P", "SELECT a FROM t FOR NO KEY UPDATE"},
                        {"P", "SELECT a FROM t FOR KEY SHARE SKIP LOCKED"},
                        {"MP", "SELECT * FROM (SELECT a FROM t FOR UPDATE) x"},
                        {"M", "SELECT a FROM t LOCK IN SHARE MODE"},
                        {"M", "LOCK TABLES t WRITE"},
                        {"P", "LOCK TABLE t"},
                        {"M", "SELECT GET_LOCK('a', 10)"},
                        {"M", "SELECT RELEASE_LOCK('a')"},
                        {"P", "SELECT pg_advisory_lock(1)"},
                        {"P", "SELECT pg_try_advisory_xact_lock(1)"},
                        {"M", "FLUSH TABLES WITH READ LOCK"},
                        {"M", "BACKUP STAGE START"},
                        {"M", "BACKUP LOCK t"},
                        {"M", "SELECT SLEEP(5)"},
                        {"P", "SELECT pg_sleep(5)"},
                        {"P", "SELECT pg_sleep_for('5 minutes')"},
                        {"M", "SELECT BENCHMARK(1000000, sha2('a', 512))"},
                        {"M", "SELECT MASTER_POS_WAIT('a', 1)"},
                        {"P", "SELECT pg_terminate_backend(1)"},
                        {"P", "SELECT pg_cancel_backend(1)"}});
}

TEST(SlippedTest, Group12SessionEscapes) {
  ExpectAllDestructive({{"MP", "COMMIT"},
                        {"MP", "COMMIT; DELETE FROM t"},
                        {"MP", "SET TRANSACTION READ WRITE"},
                        {"P", "SET transaction_read_only = off"},
                        {"P", "SELECT set_config('transaction_read_only', 'off', false)"},
                        {"M", "SET GLOBAL read_only = 0"},
                        {"MP", "SET ROLE admin"},
                        {"M", "SET sql_mode = 'ANSI_QUOTES'"},
                        {"M", "SELECT @a := 1"},
                        {"P", "RESET ALL"},
                        {"P", "DISCARD ALL"},
                        {"M", "SELECT /*+ SET_VAR(sql_mode='ANSI_QUOTES') */ 1"},
                        {"M", "SELECT /*+ QB_NAME(`*/`) */ 1 INTO OUTFILE '/x' -- `"},
                        // What is a string depends on NO_BACKSLASH_ESCAPES, ANSI_QUOTES and
                        // standard_conforming_strings.
                        {"M", "SELECT 'a\\', sleep(5), ' b'"},
                        {"M", "SELECT 'a\\'', sleep(5) -- '"},
                        {"M", "SELECT \"a\\\"\" , 'b'"},
                        {"P", "SELECT 'a\\', pg_sleep(5), ' b'"},
                        {"P", "SELECT 'a\\''; DELETE FROM t --'"},
                        // Character sets in which a backslash is half a character.
                        {"M", "SELECT _gbk'a'"},
                        {"M", "SELECT _sjis 'a'"},
                        {"M", "SET NAMES gbk"}});
}

TEST(SlippedTest, Group13SeveralStatementsAndOddBytes) {
  ExpectAllDestructive({{"MP", "SELECT 1; DELETE FROM t"},
                        {"MP", "SELECT 1; SELECT 2"},
                        {"MP", "SELECT 1;;DELETE FROM t;"},
                        {"M", "DELIMITER //\nSELECT 1//"},
                        {"M", "SELECT 1\\G"},
                        {"MP", "SELECT 1\\g DELETE FROM t"},
                        {"MP", absl::string_view("SELECT 1\0; DELETE FROM t", 24)},
                        {"MP", absl::string_view("SELECT '\0'", 10)},
                        {"MPR", absl::string_view("GET a\0b", 7)},
                        {"MP", "SELECT '\xff'"},
                        {"MP", "SELECT '\xbf\x27 OR 1 -- '"},
                        {"MP", "\xEF\xBB\xBFSELECT 1"},
                        {"MP", "\xC2\xA0SELECT 1"},
                        {"MP", ""},
                        {"MP", ";"},
                        {"MP", "-- nothing"},
                        {"MP", "SELECT 1)"},
                        {"R", "GET a\nDEL a"},
                        {"R", ""},
                        {"R", "GET \"a"}});
}

TEST(SlippedTest, Group13VeryDeepNesting) {
  for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres}) {
    for (size_t depth : {1000u, 200000u}) {
      const std::string open(depth, '(');
      const std::string close(depth, ')');
      for (const std::string& text :
           {absl::StrCat("SELECT ", open, "1", close), absl::StrCat(open, "SELECT 1", close),
            absl::StrCat("SELECT ", open)}) {
        EXPECT_EQ(Classify(dialect, text).safety, Safety::kDestructive);
      }
    }
  }
}

// sql_mode MSSQL quotes names with brackets, and so moves where strings begin.
TEST(SlippedTest, Group12BracketsAndBlanksOfOtherCharacterSets) {
  ExpectAllDestructive({{"M", "SELECT [sleep](5)"},
                        {"M", "SELECT [x].[f]()"},
                        {"M", "SELECT [a'b] INTO @x -- '"},
                        {"M", "SELECT 5 a\xC2\xA0INTO @k"},
                        {"M", "SELECT a\xC3\xA0LOCK IN SHARE MODE FROM t"}});
  EXPECT_EQ(Classify(Dialect::kMariaDb, "SELECT '[\xC3\xA0]' AS `[\xC3\xA0]`").safety,
            Safety::kSafe);
}

TEST(SlippedTest, Group13ASemicolonInAnExecutableComment) {
  const Target target = *ParseTarget("mariadb-10.11");
  for (absl::string_view text :
       {"SELECT 1 /*!50000 ; DROP TABLE t ; */", "SELECT 1 /*!50000 ; SET @k = 1; */",
        "SELECT 1 /*M!100000 ; */", "SHOW COUNT(*) /*!50000 WARNINGS; DROP TABLE t; */"}) {
    EXPECT_EQ(Classify(target, text).safety, Safety::kDestructive) << text;
  }
}

TEST(SlippedTest, CredentialsInOddPlaces) {
  const auto expect = [](absl::string_view database, absl::string_view text) {
    const Target target = *ParseTarget("mariadb-10.11");
    const Verdict verdict = Classify(target, text, database);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
    EXPECT_TRUE(verdict.credentials) << text;
  };
  expect("mysql", "SELECT * FROM .user");
  expect("mysql", "SELECT * FROM t JOIN .global_priv");
  expect("performance_schema", "SELECT * FROM events_statements_history");
  for (absl::string_view text :
       {"SELECT * FROM mysql.general_log", "SELECT sql_text FROM mysql.slow_log",
        "SELECT * FROM mysql.spider_tables",
        "SELECT sql_text FROM performance_schema.events_statements_history_long",
        "SELECT @@report_password", "SELECT @@global.`report_password`",
        "SHOW VARIABLES LIKE 'report_password'", "SHOW SLAVE HOSTS", "SHOW REPLICAS",
        "SHOW REPLICA HOSTS"}) {
    expect("", text);
  }
  for (absl::string_view text :
       {"SHOW VARIABLES LIKE '%password%'", "SHOW SLAVE STATUS", "SELECT @@general_log",
        "SELECT * FROM performance_schema.events_statements_summary_by_digest"}) {
    EXPECT_EQ(Classify(Dialect::kMariaDb, text).safety, Safety::kSafe) << text;
  }
}

TEST(SlippedTest, Group14RedisStepsThatAreTheWhole) {
  ExpectAllDestructive({{"R", "SCAN 0 COUNT 100000000"},
                        {"R", "scan 0 match x count 10001"},
                        {"R", "SCAN 0 COUNT 10 COUNT 99999"},
                        {"R", "SSCAN k 0 COUNT 100000000"},
                        {"R", "HSCAN k 0 COUNT 100000000"},
                        {"R", "ZSCAN k 0 MATCH a* COUNT 100000000"},
                        {"R", "XINFO STREAM s FULL COUNT 0"},
                        {"R", "XINFO STREAM s FULL COUNT 1000000"}});
  for (absl::string_view text : {"SCAN 0 COUNT 1000", "HSCAN count 0 COUNT 10",
                                 "XINFO STREAM s FULL COUNT 10", "XINFO STREAM s FULL"}) {
    EXPECT_EQ(Classify(Dialect::kRedis, text).safety, Safety::kSafe) << text;
  }
  EXPECT_TRUE(Read(Dialect::kRedis, "SCAN 0 COUNT 100000000").facts.command->unbounded);
}

TEST(SlippedTest, Group14Redis) {
  ExpectAllDestructive({{"R", "EVAL \"return 1\" 0"},
                        {"R", "EVAL_RO \"return 1\" 0"},
                        {"R", "FCALL f 0"},
                        {"R", "FCALL_RO f 0"},
                        {"R", "MULTI"},
                        {"R", "EXEC"},
                        {"R", "CONFIG SET a b"},
                        {"R", "CONFIG GET *"},
                        {"R", "CONFIG REWRITE"},
                        {"R", "DEBUG SLEEP 10"},
                        {"R", "SCRIPT FLUSH"},
                        {"R", "FUNCTION LOAD x"},
                        {"R", "MODULE LOAD x"},
                        {"R", "REPLICAOF NO ONE"},
                        {"R", "SLAVEOF a 1"},
                        {"R", "SORT a STORE b"},
                        {"R", "SORT a"},
                        {"R", "COPY a b"},
                        {"R", "GEORADIUS a 1 1 1 km STORE b"},
                        {"R", "GEORADIUS_RO a 1 1 1 km STORE b"},
                        {"R", "GETDEL a"},
                        {"R", "GETEX a EX 5"},
                        {"R", "KEYS *"},
                        {"R", "FLUSHALL"},
                        {"R", "flushdb"},
                        {"R", "\"FLUSHALL\""},
                        {"R", "\"\\x46LUSHALL\""},
                        {"R", "XREAD BLOCK 0 STREAMS s $"},
                        {"R", "BLPOP a 0"},
                        {"R", "SUBSCRIBE a"},
                        {"R", "MONITOR"},
                        {"R", "SHUTDOWN"},
                        {"R", "SAVE"},
                        {"R", "CLIENT KILL ID 1"},
                        {"R", "ACL SETUSER x"},
                        {"R", "CLUSTER RESET"},
                        {"R", "PFCOUNT a"},
                        {"R", "RENAME a b"},
                        {"R", "UNLINK a"},
                        {"R", "MEMORY PURGE"},
                        {"R", "SLOWLOG RESET"},
                        {"R", "OBJECT"},
                        {"R", "SELECT 1"},
                        {"R", "SRANDMEMBER a -1000000000"},
                        {"R", "HRANDFIELD a -20000 WITHVALUES"},
                        {"R", "ZRANDMEMBER a -9223372036854775808"},
                        {"R", "ZRANDMEMBER a -99999999999999999999"},
                        {"R", "MEMORY USAGE a samples 999999999"}});
  for (absl::string_view text :
       {"SRANDMEMBER a -5", "HRANDFIELD a 1000000", "MEMORY USAGE a", "MEMORY USAGE a SAMPLES 5"}) {
    EXPECT_EQ(Classify(Dialect::kRedis, text).safety, Safety::kSafe) << text;
  }
}

}  // namespace
}  // namespace dbfleet::sql
