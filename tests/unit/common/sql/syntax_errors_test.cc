#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/sql/lint_cases.h"

// MySQL and MariaDB: what every server refuses is an error. Each was given to MariaDB 10.11.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::Not;

void ExpectRefused(std::initializer_list<const char*> statements) {
  for (const char* one : statements) {
    EXPECT_THAT(Found(Maria(), one), Contains("dbf-syntax-error 1")) << one;
    EXPECT_EQ(Read(Maria(), one).verdict.safety, Safety::kDestructive) << one;
  }
}

void ExpectNotCalledRefused(std::initializer_list<const char*> statements) {
  for (const char* one : statements) {
    EXPECT_THAT(Found(Maria(), one), Not(Contains("dbf-syntax-error 1"))) << one;
  }
}

TEST(SyntaxErrorsTest, CommasAndParenthesesWithNothingBehindThem) {
  ExpectRefused({"INSERT INTO t VALUES (1", "INSERT t VALUES (1))", "INSERT INTO t VALUES (1,)",
                 "INSERT INTO t (a,) VALUES (1)", "INSERT INTO t (,a) VALUES (1)",
                 "CREATE TABLE t (a INT,)", "CREATE TABLE t (a INT,, b INT)",
                 "ALTER TABLE t ADD c INT,", "UPDATE t SET a = 1,",
                 "UPDATE t SET a = 1, WHERE b = 1", "DROP TABLE t,", "CALL p(1,)",
                 "LOCK TABLES t READ,", "SET @a = 1,"});
  ExpectNotCalledRefused({"INSERT INTO t (a) VALUES (','), ('(')", "INSERT INTO t () VALUES ()",
                          "ALTER TABLE t ADD a INT, ORDER BY a",
                          "CREATE TABLE t (a INT PRIMARY KEY) ENGINE=InnoDB, COMMENT=','",
                          "UPDATE t SET `,` = 1 WHERE a IN (1, 2)", "HELP ','"});
}

TEST(SyntaxErrorsTest, MisspeltWordsAndNotUnknownOnes) {
  ExpectRefused({"DROP TABEL q", "ALTER TABEL x ADD a INT", "CREATE DATABSE x",
                 "CREATE UNQUE INDEX i ON q (a)", "DROP q",
                 "CREATE OR REPLACE VEIW v AS SELECT 1"});
  // Some version may know them.
  ExpectNotCalledRefused({"DROP CATALOG c", "CREATE MASKING POLICY p", "DROP TABLES q",
                          "CREATE EXTERNAL TABLE t (a INT)", "ALTER `tabel` q"});
}

TEST(SyntaxErrorsTest, ChangesOfRowsWithoutWhatTheyCannotDoWithout) {
  ExpectRefused({"UPDATE t SET", "UPDATE t a = 1", "UPDATE t SET a", "UPDATE t SET a WHERE b = 1",
                 "UPDATE t WHERE a = 1", "UPDATE t SE a = 1", "DELETE FORM t", "DELETE t",
                 "DELETE t WHERE a = 1", "INSERT INTO t", "INSERT INTO t VALUES",
                 "INSERT INTO t (a) (1)", "INSERT INOT t VALUES (1)", "TRUNCATE"});
  ExpectNotCalledRefused(
      {"UPDATE t SET a := 1 WHERE b = 1", "UPDATE d.t AS x, u SET x.a = u.a WHERE x.b = u.b",
       "UPDATE t SET d.t.a = 1 WHERE b = 1", "UPDATE IGNORE t SET a = DEFAULT WHERE b = 1",
       "DELETE t FROM t JOIN u ON t.a = u.a WHERE u.b = 1", "DELETE HISTORY FROM t",
       "INSERT d.t VALUE (1)", "REPLACE t SET a = 1", "INSERT t SELECT 1", "INSERT t (SELECT 1)",
       "INSERT INTO t TABLE u", "INSERT INTO t PARTITION (p) VALUES (1)",
       "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)"});
}

// Each refused by MariaDB 10.11 with error 1064.
TEST(SyntaxErrorsTest, MisspeltWordsOfQueries) {
  ExpectRefused({"SELECT * FORM t", "SELECT t.* FORM t", "SELECT a, * FORM t",
                 "SELECT a FROM t WERE a = 1", "SELECT a FROM t x WERE a = 1",
                 "SELECT a FROM d.t AS x WERE a IN (1)", "SELECT a FROM t WERE a > 1"});
  ExpectNotCalledRefused({"SELECT * FROM t", "SELECT a * b FROM t", "SELECT a * b c FROM t",
                          "SELECT COUNT(*) n FROM t", "SELECT a FROM t x WHERE a = 1",
                          "SELECT a FROM t TABLESAMPLE SYSTEM (10)", "SELECT a FROM t AS x",
                          "SELECT a FROM t x QUALIFY a = 1", "SELECT a FROM t, u x WHERE x.a = 1",
                          "SELECT a FROM t x JOIN u y ON x.a = y.a", "SELECT * INTO @a FROM t"});
}

TEST(SyntaxErrorsTest, RightsAndIndexesWithoutWhatTheyCannotDoWithout) {
  ExpectRefused({"GRANT SELECT ON t", "REVOKE SELECT ON t", "CREATE INDEX ON t (a)",
                 "CREATE UNIQUE INDEX ON t (a)", "CREATE OR REPLACE UNIQUE INDEX ON t (a)"});
  ExpectNotCalledRefused({"GRANT r TO u", "GRANT PROXY ON a TO b", "REVOKE ALL PRIVILEGES FROM u",
                          "CREATE INDEX i ON t (a)", "CREATE INDEX IF NOT EXISTS i ON t (a)"});
}

TEST(SyntaxErrorsTest, ATableWithoutColumns) {
  ExpectRefused({"CREATE TABLE t ()", "CREATE TABLE IF NOT EXISTS d.t ()"});
  // Engines of MariaDB may find the columns out.
  ExpectNotCalledRefused({"CREATE TABLE t ENGINE=SEQUENCE", "CREATE TABLE t SELECT 1 AS a"});
}

TEST(SyntaxErrorsTest, NothingIsCertainOfWhatAServerMaySkip) {
  const Target any(Dialect::kMySql);
  EXPECT_THAT(Found(any, "UPDATE t SET a = 1 /*!80000 , */ WHERE b = 1"),
              Not(Contains("dbf-syntax-error 1")));
  EXPECT_THAT(Found(any, "CREATE PROCEDURE p() BEGIN UPDATE t SET a = 1, WHERE b = 1; END"),
              Not(Contains("dbf-syntax-error 1")));
}

// What is missing may be what the program puts there.
TEST(SyntaxErrorsTest, NothingIsCertainOfSqlThatAProgramPutsTogether) {
  Target php(Dialect::kActiveRecordPhp);
  php.embedded = Dialect::kMariaDb;
  EXPECT_THAT(Found(php, "<?php $db->query(\"UPDATE t $set\");"),
              Not(Contains("dbf-syntax-error 1")));
  EXPECT_THAT(Found(php, "<?php $db->query(\"UPDATE t $set\");"), Contains("dbf-not-understood 1"));
  EXPECT_THAT(Found(php, "<?php $db->query('UPDATE t WHERE a = 1');"),
              Contains("dbf-syntax-error 1"));
}

TEST(SyntaxErrorsTest, TheWordThatIsMeantIsNamed) {
  const Reading reading = Read(Maria(), "DROP TABEL q");
  EXPECT_EQ(reading.verdict.doubt, "TABEL cannot stand behind DROP; write TABLE");
}

// Where a ; was forgotten, the next statement begins in the middle of one.
TEST(SyntaxErrorsTest, AMissingDelimiterIsAnErrorThatSaysSo) {
  ExpectRefused({"UPDATE a SET x = 1 WHERE id = 1\nDELETE FROM b WHERE id = 2",
                 "DELETE FROM a WHERE id = 'x'\nUPDATE b SET x = 1",
                 "ALTER TABLE a ADD c INT\nALTER TABLE b ADD c INT",
                 "ALTER TABLE a ADD c INT\nUPDATE a SET c = 1"});
  const Verdict verdict =
      Read(Maria(), "UPDATE a SET x = 1 WHERE id = 1\nDELETE FROM b WHERE id = 2").verdict;
  EXPECT_EQ(verdict.doubt,
            "DELETE begins another statement: a delimiter is missing in front of it");
  ExpectNotCalledRefused({"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1",
                          "SELECT a FROM t WHERE b = 1 FOR UPDATE",
                          "SELECT INSERT('abc', 1, 1, 'x')", "SELECT 1 AS `delete`",
                          "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW DELETE FROM u"});
}

}  // namespace
}  // namespace dbfleet::sql
