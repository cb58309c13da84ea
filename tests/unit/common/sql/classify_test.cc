#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Dialect kMy = Dialect::kMySql;
constexpr Dialect kMa = Dialect::kMariaDb;
constexpr Dialect kPg = Dialect::kPostgres;
constexpr Dialect kRe = Dialect::kRedis;

std::string Reasons(const Verdict& verdict) { return absl::StrJoin(verdict.reasons, "; "); }

void ExpectSafe(Dialect dialect, absl::string_view text) {
  const Verdict verdict = Classify(dialect, text);
  EXPECT_EQ(verdict.safety, Safety::kSafe) << text << "\n  " << Reasons(verdict);
  EXPECT_EQ(verdict.kind, Kind::kInspection) << text;
  EXPECT_TRUE(verdict.reasons.empty()) << text;
  EXPECT_TRUE(verdict.transactional) << text;
  EXPECT_FALSE(verdict.transaction_control) << text;
}

Verdict ExpectDestructive(Dialect dialect, absl::string_view text, Kind kind) {
  const Verdict verdict = Classify(dialect, text);
  EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
  EXPECT_EQ(NameOf(verdict.kind), NameOf(kind)) << text;
  EXPECT_FALSE(verdict.reasons.empty()) << text;
  return verdict;
}

TEST(ClassifyTest, PlainReadsAreSafe) {
  for (Dialect dialect : {kMy, kMa, kPg}) {
    for (absl::string_view text :
         {"SELECT 1",
          "select id, name from users where id = 5",
          "SELECT 1;",
          "(SELECT 1)",
          "SELECT count(*) FROM t",
          "SELECT a.id FROM a JOIN b ON (a.id = b.id) WHERE b.x IN (1, 2)",
          "SELECT 1 UNION ALL (SELECT 2)",
          "SELECT * FROM (SELECT 1 AS a) AS t",
          "WITH x AS (SELECT 1) SELECT * FROM x",
          "WITH RECURSIVE x (a, b) AS (SELECT 1, 2 UNION ALL SELECT a, b FROM x), y AS (SELECT 1) "
          "SELECT * FROM x, y",
          "SELECT CASE WHEN a > (1 + 2) THEN 'x' ELSE 'y' END FROM t",
          "SELECT EXISTS (SELECT 1 FROM t WHERE a LIKE 'x%')",
          "SELECT coalesce(max(a), 0), now() FROM t GROUP BY (b) ORDER BY (c) LIMIT 5",
          "SELECT substring(a FROM 1 FOR 3) FROM t",
          "SELECT 'DELETE FROM t; -- it''s text'",
          "/* a note */ SELECT /* another */ 1 -- end",
          "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",
          "SELECT CAST(a AS CHAR(3)) FROM t",
          "SELECT 1.5, 1e5, 1e+5",
          "EXPLAIN SELECT 1",
          "EXPLAIN WITH x AS (SELECT 1) SELECT * FROM x"}) {
      ExpectSafe(dialect, text);
    }
  }
}

TEST(ClassifyTest, MySqlReadsAreSafe) {
  for (Dialect dialect : {kMy, kMa}) {
    for (absl::string_view text :
         {"SHOW TABLES",
          "SHOW FULL PROCESSLIST",
          "SHOW CREATE TABLE `a`.`b`",
          "SHOW GLOBAL STATUS LIKE 'Threads%'",
          "SHOW COLUMNS FROM t WHERE Field = upper('a')",
          "SHOW ENGINE INNODB STATUS",
          "SHOW PROCEDURE STATUS",
          "SHOW CREATE PROCEDURE p",
          "SHOW REPLICA STATUS",
          "DESCRIBE t",
          "DESC db.t col",
          "EXPLAIN t",
          "DESCRIBE t 'a%'",
          "EXPLAIN FORMAT=JSON SELECT 1",
          "EXPLAIN EXTENDED SELECT 1",
          "SELECT `a``b` FROM `t` FORCE INDEX FOR ORDER BY (i)",
          "SELECT @a, @@global.version",
          "SELECT if(a, concat(b, 'x'), replace(c, 'd', 'e')) FROM t # note",
          "SELECT group_concat(a ORDER BY b SEPARATOR ', ') FROM t PARTITION (p0)",
          "SELECT a FROM t WHERE MATCH(a) AGAINST ('x' IN BOOLEAN MODE)",
          "SELECT _utf8mb4'x'",
          "SELECT insert('abc', 1, 1, 'x')",
          "SELECT 0x1f",
          "SELECT /*+ MAX_EXECUTION_TIME(100) */ 1",
          "SELECT 'a\\nb'",
          "SELECT a FROM t WHERE id = ?"}) {
      ExpectSafe(dialect, text);
    }
  }
}

TEST(ClassifyTest, PostgresReadsAreSafe) {
  for (absl::string_view text :
       {"VALUES (1, 'a'), (2, 'b')",
        "SHOW TIME ZONE",
        "SHOW transaction_isolation",
        "SHOW pg_stat.x",
        "EXPLAIN (FORMAT json, VERBOSE true, COSTS off) SELECT 1",
        "EXPLAIN VERBOSE SELECT 1",
        "EXPLAIN (SELECT 1)",
        "SELECT DISTINCT ON (a) a, lower(b) FROM t",
        "SELECT a::text, b::numeric(10,2) FROM t",
        "SELECT a::pg_catalog.int4, CAST(b AS double precision) FROM t",
        "SELECT pg_catalog.pg_size_pretty(pg_total_relation_size('t'::regclass))",
        "SELECT $$DELETE$$, $x$ ; $x$, E'it\\\\s', U&'\\0061', U&\"a\" FROM t",
        "SELECT array_agg(a ORDER BY b) FILTER (WHERE c) FROM t",
        "SELECT * FROM generate_series(1, 3) AS g(n)",
        "SELECT * FROM a JOIN LATERAL (SELECT 1) AS b ON true",
        "SELECT a FROM t WHERE b = ANY($1)",
        "SELECT a @> '{}'::jsonb, b->>'x', c ? 'd', e || 'f' FROM t",
        "SELECT x[1:2], ARRAY[1,2], ARRAY(SELECT 1) FROM t",
        "SELECT date '2020-01-01' + interval '1 day', now() AT TIME ZONE 'utc'",
        "SELECT extract(epoch FROM a), position('x' IN b), trim(both 'x' FROM c) FROM t",
        "WITH x AS NOT MATERIALIZED (SELECT 1) SELECT * FROM x",
        "SELECT a FROM t WHERE b LIKE ('x')",
        "SELECT a, count(*) FROM t GROUP BY GROUPING SETS ((a), ())",
        "SELECT a # b, a -- c\n FROM t /* /* nested */ */",
        "SELECT percentile_cont(0.5) WITHIN GROUP "
        "(ORDER BY a) FROM t"}) {
    ExpectSafe(kPg, text);
  }
}

TEST(ClassifyTest, RedisReadsAreSafe) {
  for (absl::string_view text : {"GET a",
                                 "get a",
                                 "\"GET\" a",
                                 "MGET a b",
                                 "TTL a",
                                 "SCAN 0 MATCH x* COUNT 100",
                                 "HGETALL h",
                                 "HGET h STORE",
                                 "ZRANGE z 0 -1 WITHSCORES",
                                 "LRANGE l 0 10",
                                 "INFO",
                                 "INFO memory",
                                 "DBSIZE",
                                 "MEMORY USAGE a",
                                 "OBJECT ENCODING a",
                                 "SLOWLOG GET 10",
                                 "CLIENT LIST",
                                 "PING",
                                 "XREAD COUNT 1 STREAMS s 0",
                                 "SORT_RO l",
                                 "# note\nGET a"}) {
    ExpectSafe(kRe, text);
  }
}

struct Case {
  Dialect dialect;
  Kind kind;
  absl::string_view text;
};

TEST(ClassifyTest, KindsFollowTheTable) {
  const Case cases[] = {
      {kMa, Kind::kDataFix, "INSERT INTO t VALUES (1)"},
      {kMa, Kind::kDataFix, "REPLACE t SELECT 1"},
      {kMa, Kind::kDataFix, "UPDATE t SET a = 1"},
      {kMa, Kind::kDataFix, "WITH x AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT * FROM x)"},
      {kMa, Kind::kDataFix, "LOAD DATA INFILE 'x' INTO TABLE t"},
      {kMa, Kind::kDataFix, "CALL p()"},
      {kMa, Kind::kSchemaMigration, "CREATE TABLE t (a INT)"},
      {kMa, Kind::kSchemaMigration, "CREATE OR REPLACE TABLE t (a INT)"},
      {kMa, Kind::kSchemaMigration, "ALTER TABLE t ADD INDEX i (a)"},
      {kMa, Kind::kSchemaMigration, "CREATE UNIQUE INDEX i ON t (a)"},
      {kMa, Kind::kSchemaMigration, "RENAME TABLE a TO b"},
      {kMa, Kind::kSchemaMigration, "TRUNCATE t"},
      {kMa, Kind::kQueryOptimization, "CREATE INDEX i ON t (a)"},
      {kMa, Kind::kQueryOptimization, "CREATE FULLTEXT INDEX i ON t (a)"},
      {kMa, Kind::kQueryOptimization, "DROP INDEX i ON t"},
      {kMa, Kind::kMaintenance, "ANALYZE TABLE t"},
      {kMa, Kind::kMaintenance, "ANALYZE LOCAL TABLE t"},
      {kMa, Kind::kMaintenance, "OPTIMIZE TABLE t"},
      {kMa, Kind::kMaintenance, "CHECK TABLE t"},
      {kMa, Kind::kMaintenance, "REPAIR TABLE t"},
      {kMa, Kind::kControl, "SET @a = 1"},
      {kMa, Kind::kControl, "GRANT SELECT ON t TO u"},
      {kMa, Kind::kControl, "CREATE USER u IDENTIFIED BY 'p'"},
      {kMa, Kind::kControl, "BEGIN"},
      {kMa, Kind::kControl, "FLUSH TABLES"},
      {kMa, Kind::kControl, "SHUTDOWN"},
      {kMa, Kind::kControl, "frobnicate"},
      {kPg, Kind::kDataFix, "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE"},
      {kPg, Kind::kDataFix, "COPY t FROM stdin"},
      {kPg, Kind::kSchemaMigration, "COMMENT ON TABLE t IS 'x'"},
      {kPg, Kind::kSchemaMigration, "ALTER TYPE e ADD VALUE 'x'"},
      {kPg, Kind::kSchemaMigration, "SELECT * INTO t2 FROM t"},
      {kPg, Kind::kSchemaMigration, "DO $$ BEGIN END $$"},
      {kPg, Kind::kSchemaMigration, "CREATE DATABASE d"},
      {kPg, Kind::kSchemaMigration, "ALTER TABLE t SET TABLESPACE s"},
      {kPg, Kind::kQueryOptimization, "CREATE INDEX CONCURRENTLY i ON t (a)"},
      {kPg, Kind::kQueryOptimization, "DROP INDEX i"},
      {kPg, Kind::kQueryOptimization, "CREATE STATISTICS s ON a, b FROM t"},
      {kPg, Kind::kMaintenance, "VACUUM t"},
      {kPg, Kind::kMaintenance, "REINDEX TABLE t"},
      {kPg, Kind::kMaintenance, "REFRESH MATERIALIZED VIEW v"},
      {kPg, Kind::kControl, "SET search_path = x"},
      {kPg, Kind::kControl, "ALTER SYSTEM SET a = 1"},
      {kPg, Kind::kControl, "CREATE ROLE r"},
      {kPg, Kind::kControl, "LOCK TABLE t"},
      {kRe, Kind::kDataFix, "SET a b"},
      {kRe, Kind::kDataFix, "FLUSHALL"},
      {kRe, Kind::kMaintenance, "BGSAVE"},
      {kRe, Kind::kControl, "CONFIG GET requirepass"},
      {kRe, Kind::kControl, "NEWCOMMAND x"},
  };
  for (const Case& c : cases) ExpectDestructive(c.dialect, c.text, c.kind);
}

TEST(ClassifyTest, ASelectThatDoesMoreThanReadIsNoInspection) {
  ExpectDestructive(kMa, "SELECT setval(s, 1)", Kind::kDataFix);
  ExpectDestructive(kMa, "SELECT a INTO OUTFILE '/tmp/x' FROM t", Kind::kDataFix);
  ExpectDestructive(kPg, "SELECT my_function()", Kind::kDataFix);
  // A lock is still a read.
  ExpectDestructive(kPg, "SELECT a FROM t FOR UPDATE", Kind::kInspection);
}

TEST(ClassifyTest, MySqlSaysWhatCommitsByItself) {
  for (absl::string_view text :
       {"INSERT INTO t VALUES (1)", "UPDATE t SET a=1", "SELECT sleep(1)",
        "CREATE TEMPORARY TABLE t (a INT)", "DROP TEMPORARY TABLE t", "SET NAMES utf8mb4"}) {
    EXPECT_TRUE(Classify(kMa, text).transactional) << text;
  }
  for (absl::string_view text :
       {"CREATE TABLE t (a INT)", "ALTER TABLE t ADD a INT", "TRUNCATE t", "GRANT SELECT ON t TO u",
        "ANALYZE TABLE t", "CALL p()", "SET PASSWORD = 'x'", "frobnicate",
        "CREATE INDEX i ON t (a)", "/*! INSERT INTO t VALUES (1) */; DROP TABLE t"}) {
    EXPECT_FALSE(Classify(kMa, text).transactional) << text;
  }
}

TEST(ClassifyTest, PostgresSaysWhatCannotRunInATransaction) {
  for (absl::string_view text :
       {"CREATE TABLE t (a int)", "CREATE INDEX i ON t (a)", "DROP INDEX i", "REINDEX TABLE t",
        "ALTER TYPE e ADD VALUE 'x'", "REFRESH MATERIALIZED VIEW CONCURRENTLY v", "ANALYZE t",
        "CLUSTER t USING i", "ALTER DATABASE d SET work_mem = '1MB'", "TRUNCATE t", "GRANT r TO u",
        "ALTER TABLE t DETACH PARTITION p", "LOCK TABLE t"}) {
    EXPECT_TRUE(Classify(kPg, text).transactional) << text;
  }
  for (absl::string_view text :
       {"CREATE INDEX CONCURRENTLY i ON t (a)", "create unique index concurrently i on t (a)",
        "DROP INDEX CONCURRENTLY i", "REINDEX TABLE CONCURRENTLY t",
        "REINDEX (CONCURRENTLY) TABLE t", "REINDEX DATABASE d", "REINDEX SCHEMA s", "VACUUM",
        "VACUUM (FULL) t", "CREATE DATABASE d", "DROP DATABASE d", "ALTER SYSTEM SET a = 1",
        "CREATE TABLESPACE s LOCATION '/x'", "CLUSTER",
        "ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "ALTER DATABASE d SET TABLESPACE s",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", "DISCARD ALL"}) {
    EXPECT_FALSE(Classify(kPg, text).transactional) << text;
  }
}

TEST(ClassifyTest, TransactionControlIsNamed) {
  for (Dialect dialect : {kMy, kMa, kPg}) {
    for (absl::string_view text :
         {"BEGIN", "START TRANSACTION READ WRITE", "COMMIT", "rollback", "ROLLBACK TO s",
          "SAVEPOINT s", "RELEASE SAVEPOINT s", "SET TRANSACTION READ WRITE",
          "SET SESSION TRANSACTION READ ONLY"}) {
      EXPECT_TRUE(Classify(dialect, text).transaction_control) << text;
    }
  }
  for (absl::string_view text : {"SET autocommit = 0", "XA START 'x'", "LOCK TABLES t WRITE",
                                 "SET @@session.autocommit=1", "UNLOCK TABLES", "BEGIN WORK"}) {
    EXPECT_TRUE(Classify(kMa, text).transaction_control) << text;
  }
  for (absl::string_view text : {"END", "ABORT", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'",
                                 "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"}) {
    EXPECT_TRUE(Classify(kPg, text).transaction_control) << text;
  }
  for (absl::string_view text : {"MULTI", "exec", "DISCARD", "WATCH a"}) {
    EXPECT_TRUE(Classify(kRe, text).transaction_control) << text;
  }
  EXPECT_TRUE(Classify(kPg, "SELECT 1; COMMIT").transaction_control);
}

TEST(ClassifyTest, WhatStandsInABodyIsNoTransactionControl) {
  const Verdict procedure = ExpectDestructive(
      kMa, "CREATE PROCEDURE p() BEGIN START TRANSACTION; UPDATE t SET a=1; COMMIT; END",
      Kind::kSchemaMigration);
  EXPECT_FALSE(procedure.transaction_control);
  const Verdict function =
      ExpectDestructive(kPg, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
                        Kind::kSchemaMigration);
  EXPECT_FALSE(function.transaction_control);
  EXPECT_TRUE(function.transactional);
}

TEST(ClassifyTest, TablesAreNamedAsWritten) {
  const auto tables = [](Dialect dialect, absl::string_view text) {
    return Classify(dialect, text).tables;
  };
  EXPECT_THAT(tables(kMa, "SELECT * FROM a, `b` x JOIN c.d ON a.i = d.i LEFT JOIN e USING (i)"),
              ElementsAre("a", "`b`", "c.d", "e"));
  EXPECT_THAT(tables(kMa, "UPDATE LOW_PRIORITY t SET a = (SELECT max(b) FROM s)"),
              ElementsAre("t", "s"));
  EXPECT_THAT(tables(kMa, "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2"),
              ElementsAre("t"));
  EXPECT_THAT(tables(kMa, "INSERT IGNORE t SELECT 1"), ElementsAre("t"));
  EXPECT_THAT(tables(kMa, "DROP TABLE IF EXISTS a, b"), ElementsAre("a", "b"));
  EXPECT_THAT(tables(kMa, "RENAME TABLE a TO b, c TO d"), ElementsAre("a", "c"));
  EXPECT_THAT(tables(kMa, "TRUNCATE t"), ElementsAre("t"));
  EXPECT_THAT(tables(kMa, "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (i) ON DELETE CASCADE"),
              ElementsAre("t"));
  EXPECT_THAT(tables(kPg, "CREATE INDEX i ON ONLY s.t (a)"), ElementsAre("s.t"));
  EXPECT_THAT(tables(kPg, "DELETE FROM \"A\".\"b c\" USING x WHERE a IS DISTINCT FROM b"),
              ElementsAre("\"A\".\"b c\"", "x"));
  EXPECT_THAT(tables(kPg, "WITH w AS (SELECT 1 FROM a) SELECT extract(day FROM d) FROM w, b"),
              ElementsAre("a", "b"));
  EXPECT_THAT(tables(kPg, "SELECT * FROM generate_series(1, 2), t FOR UPDATE"), ElementsAre("t"));
  EXPECT_THAT(tables(kPg, "VACUUM FULL t"), ElementsAre("t"));
  EXPECT_THAT(tables(kPg, "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1"),
              ElementsAre("t"));
}

TEST(ClassifyTest, KeysIsRefusedInFavourOfScan) {
  const Verdict verdict = ExpectDestructive(kRe, "KEYS *", Kind::kInspection);
  EXPECT_THAT(Reasons(verdict), HasSubstr("SCAN"));
}

TEST(ClassifyTest, ReasonsShowNoLiterals) {
  for (absl::string_view text : {"CREATE USER u IDENTIFIED BY 'hunter2'", "SELECT f('hunter2')",
                                 "SELECT 'hunter2", "SET PASSWORD = 'hunter2'; SELECT 1"}) {
    for (Dialect dialect : {kMa, kPg, kRe}) {
      EXPECT_THAT(Reasons(Classify(dialect, text)), ::testing::Not(HasSubstr("hunter2")));
    }
  }
  EXPECT_THAT(Reasons(Classify(kRe, "AUTH hunter2")), ::testing::Not(HasSubstr("hunter2")));
}

TEST(ClassifyTest, ReasonsNameWhatIsMissingFromTheList) {
  EXPECT_THAT(Reasons(Classify(kMa, "SELECT sleep(1)")), HasSubstr("calls sleep()"));
  EXPECT_THAT(Reasons(Classify(kMa, "SELECT 1; SELECT 2")), HasSubstr("more than one"));
  EXPECT_THAT(Reasons(Classify(kPg, "EXPLAIN ANALYZE DELETE FROM t")), HasSubstr("executes"));
}

TEST(ClassifyTest, KindsAndClassesHaveNames) {
  EXPECT_EQ(NameOf(Kind::kInspection), "inspection");
  EXPECT_EQ(NameOf(Kind::kDataFix), "data-fix");
  EXPECT_EQ(NameOf(Kind::kSchemaMigration), "schema-migration");
  EXPECT_EQ(NameOf(Kind::kQueryOptimization), "query-optimization");
  EXPECT_EQ(NameOf(Kind::kMaintenance), "maintenance");
  EXPECT_EQ(NameOf(Kind::kControl), "control");
  EXPECT_EQ(NameOf(Safety::kSafe), "safe");
  EXPECT_EQ(NameOf(Safety::kDestructive), "destructive");
}

}  // namespace
}  // namespace dbfleet::sql
