#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/rules.h"
#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Dialect kMa = Dialect::kMariaDb;
constexpr Dialect kPg = Dialect::kPostgres;
constexpr Dialect kRe = Dialect::kRedis;

// What this file is about; lint_rules_test.cc has every rule.
const std::set<std::string>& Watched() {
  static const auto& watched = *new std::set<std::string>{
      "dbf-no-where",       "dbf-drop-table",           "dbf-drop-column",
      "dbf-truncate",       "dbf-index-not-concurrent", "dbf-not-null-without-default",
      "dbf-money-as-float", "dbf-no-primary-key",       "dbf-select-star",
      "dbf-redis-keys",     "dbf-redis-unbounded-read"};
  return watched;
}

std::vector<Finding> FindingsOf(Dialect dialect, absl::string_view script) {
  const auto statements = Split(dialect, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::vector<Finding> found;
  for (const Finding& finding : Lint(dialect, *statements)) {
    if (Watched().count(finding.rule_id) > 0) found.push_back(finding);
  }
  return found;
}

std::vector<std::string> Found(Dialect dialect, absl::string_view script) {
  std::vector<std::string> ids;
  for (const Finding& finding : FindingsOf(dialect, script)) ids.push_back(finding.rule_id);
  return ids;
}

TEST(LintTest, AQueryOfOneTableSaysWhich) {
  for (Dialect dialect : {kMa, kPg}) {
    const auto of = [dialect](absl::string_view sql) { return Read(dialect, sql).facts.objects; };
    ASSERT_EQ(of("SELECT a FROM s.t x WHERE b = 1").size(), 1u);
    EXPECT_EQ(of("SELECT a FROM s.t x WHERE b = 1")[0].schema, "s");
    EXPECT_EQ(of("SELECT a FROM s.t x WHERE b = 1")[0].name, "t");
    EXPECT_THAT(of("SELECT a FROM t JOIN u ON t.a = u.a"), IsEmpty());
    EXPECT_THAT(of("SELECT a FROM t WHERE a IN (SELECT b FROM t)"), IsEmpty());
    EXPECT_THAT(of("WITH t AS (SELECT 1) SELECT * FROM t"), IsEmpty());
  }
}

TEST(LintTest, TheSafeFormKeepsSchemasAndSaysWhatIsRebuilt) {
  const auto advice = [](absl::string_view sql, absl::string_view rule) -> std::string {
    const auto statements = Split(kPg, sql);
    EXPECT_TRUE(statements.ok()) << statements.status();
    for (const Finding& finding : Lint(kPg, *statements)) {
      if (finding.rule_id == rule) return finding.advice;
    }
    return "";
  };
  EXPECT_THAT(advice("DROP INDEX app.idx_orders_a", "dbf-drop-index-not-concurrent"),
              testing::HasSubstr("DROP INDEX CONCURRENTLY app.idx_orders_a,"));
  EXPECT_EQ(advice("REINDEX TABLE app.orders", "dbf-reindex-not-concurrent"),
            "write REINDEX TABLE CONCURRENTLY app.orders");
  EXPECT_EQ(advice("REINDEX INDEX app.i", "dbf-reindex-not-concurrent"),
            "write REINDEX INDEX CONCURRENTLY app.i");
}

TEST(LintTest, UpdateAndDeleteNeedAWhere) {
  for (Dialect dialect : {kMa, kPg}) {
    EXPECT_THAT(Found(dialect, "DELETE FROM t"), ElementsAre("dbf-no-where"));
    EXPECT_THAT(Found(dialect, "UPDATE t SET a = (SELECT b FROM s WHERE c = 1)"),
                ElementsAre("dbf-no-where"));
    EXPECT_THAT(Found(dialect, "DELETE FROM t WHERE a = 1"), IsEmpty());
    EXPECT_THAT(Found(dialect, "WITH x AS (SELECT 1) UPDATE t SET a = 1"),
                ElementsAre("dbf-no-where"));
  }
  EXPECT_THAT(Found(kPg, "WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x WHERE a = 1"),
              ElementsAre("dbf-no-where"));
  EXPECT_THAT(Found(kPg, "WITH x AS (DELETE FROM t WHERE b = 1 RETURNING a) SELECT a FROM x"),
              IsEmpty());
  EXPECT_THAT(Found(kMa, "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2"), IsEmpty());
}

TEST(LintTest, LossIsNamed) {
  EXPECT_THAT(Found(kMa, "DROP TABLE t"), ElementsAre("dbf-drop-table"));
  EXPECT_THAT(Found(kPg, "DROP SCHEMA s CASCADE"), ElementsAre("dbf-drop-table"));
  EXPECT_THAT(Found(kMa, "DROP TEMPORARY TABLE t"), IsEmpty());
  EXPECT_THAT(Found(kMa, "TRUNCATE t"), ElementsAre("dbf-truncate"));
  EXPECT_THAT(Found(kMa, "ALTER TABLE t TRUNCATE PARTITION p"), ElementsAre("dbf-truncate"));
}

TEST(LintTest, DroppedColumnsAreToldFromOtherDrops) {
  EXPECT_THAT(Found(kMa, "ALTER TABLE t DROP COLUMN a"), ElementsAre("dbf-drop-column"));
  EXPECT_THAT(Found(kMa, "ALTER TABLE t DROP a"), ElementsAre("dbf-drop-column"));
  EXPECT_THAT(Found(kMa, "ALTER TABLE t ADD b INT, DROP `a`"), ElementsAre("dbf-drop-column"));
  EXPECT_THAT(Found(kPg, "ALTER TABLE t DROP IF EXISTS a"), ElementsAre("dbf-drop-column"));
  for (absl::string_view text : {"ALTER TABLE t DROP INDEX i", "ALTER TABLE t DROP CONSTRAINT c",
                                 "ALTER TABLE t ALTER COLUMN a DROP DEFAULT"}) {
    EXPECT_THAT(Found(kMa, text), IsEmpty()) << text;
  }
  EXPECT_THAT(Found(kMa, "ALTER TABLE t DROP PRIMARY KEY"), ElementsAre("dbf-no-primary-key"));
  EXPECT_THAT(Found(kPg, "ALTER TABLE t ALTER a DROP NOT NULL"), IsEmpty());
}

TEST(LintTest, PostgresIndexesAreBuiltConcurrently) {
  EXPECT_THAT(Found(kPg, "CREATE INDEX i ON t (a)"), ElementsAre("dbf-index-not-concurrent"));
  EXPECT_THAT(Found(kPg, "CREATE UNIQUE INDEX i ON t (a)"),
              ElementsAre("dbf-index-not-concurrent"));
  EXPECT_THAT(Found(kPg, "CREATE INDEX CONCURRENTLY i ON t (a)"), IsEmpty());
  EXPECT_THAT(Found(kMa, "CREATE INDEX i ON t (a)"), IsEmpty());
  // Nobody writes to a table that is only now made.
  EXPECT_THAT(Found(kPg, "CREATE TABLE t (a int PRIMARY KEY); CREATE INDEX i ON t (a)"), IsEmpty());
}

TEST(LintTest, ANewNotNullColumnNeedsADefault) {
  for (Dialect dialect : {kMa, kPg}) {
    EXPECT_THAT(Found(dialect, "ALTER TABLE t ADD COLUMN a INT NOT NULL"),
                ElementsAre("dbf-not-null-without-default"));
    EXPECT_THAT(Found(dialect, "ALTER TABLE t ADD a VARCHAR(10) NOT NULL, ADD b INT DEFAULT 1"),
                ElementsAre("dbf-not-null-without-default"));
    for (absl::string_view text :
         {"ALTER TABLE t ADD a INT NOT NULL DEFAULT 0", "ALTER TABLE t ADD a INT",
          "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL)",
          "ALTER TABLE t ADD a INT CHECK (a IS NOT NULL)",
          "ALTER TABLE t ADD a INT GENERATED ALWAYS AS (1) STORED NOT NULL"}) {
      EXPECT_THAT(Found(dialect, text), IsEmpty()) << text;
    }
  }
  EXPECT_THAT(Found(kMa, "ALTER TABLE t ADD (a INT DEFAULT 1, b INT NOT NULL)"),
              ElementsAre("dbf-not-null-without-default"));
}

TEST(LintTest, MoneyIsNoFloat) {
  EXPECT_THAT(Found(kMa, "CREATE TABLE t (id INT PRIMARY KEY, total_price DOUBLE)"),
              ElementsAre("dbf-money-as-float"));
  EXPECT_THAT(Found(kPg, "ALTER TABLE t ADD amount real"), ElementsAre("dbf-money-as-float"));
  EXPECT_THAT(Found(kPg, "ALTER TABLE t ALTER COLUMN balance SET DATA TYPE double precision"),
              ElementsAre("dbf-money-as-float"));
  EXPECT_THAT(Found(kMa, "CREATE TABLE t (id INT PRIMARY KEY, `Cost` FLOAT)"),
              ElementsAre("dbf-money-as-float"));
  EXPECT_THAT(Found(kMa, "CREATE TABLE t (id INT PRIMARY KEY, totality FLOAT, price DECIMAL(9,2))"),
              IsEmpty());
}

TEST(LintTest, TablesHaveAPrimaryKey) {
  EXPECT_THAT(Found(kMa, "CREATE TABLE t (a INT)"), ElementsAre("dbf-no-primary-key"));
  EXPECT_THAT(Found(kPg, "CREATE TABLE IF NOT EXISTS s.t (a int)"),
              ElementsAre("dbf-no-primary-key"));
  for (absl::string_view text :
       {"CREATE TABLE t (a INT PRIMARY KEY)", "CREATE TABLE t (a INT, PRIMARY KEY (a))",
        "CREATE TABLE t LIKE s", "CREATE TABLE t (LIKE s)", "CREATE TEMPORARY TABLE t (a INT)",
        "CREATE TABLE t (a INT); ALTER TABLE t ADD PRIMARY KEY (a)"}) {
    EXPECT_THAT(Found(kMa, text), IsEmpty()) << text;
  }
  EXPECT_THAT(Found(kPg, "CREATE TABLE p PARTITION OF t FOR VALUES FROM (1) TO (2)"), IsEmpty());
}

TEST(LintTest, SelectStarIsNoted) {
  EXPECT_THAT(Found(kMa, "SELECT * FROM t"), ElementsAre("dbf-select-star"));
  EXPECT_THAT(Found(kMa, "SELECT a, t.* FROM t"), ElementsAre("dbf-select-star"));
  EXPECT_THAT(Found(kMa, "SELECT count(*), 2 * 3 FROM t"), IsEmpty());
  EXPECT_THAT(Found(kMa, "SELECT 1 WHERE EXISTS (SELECT * FROM t)"), IsEmpty());
}

TEST(LintTest, RedisReadsOfEverythingAreNoted) {
  EXPECT_THAT(Found(kRe, "KEYS user:*"), ElementsAre("dbf-redis-keys"));
  EXPECT_THAT(Found(kRe, "hgetall h\nSMEMBERS s\nLRANGE l 0 -1"),
              ElementsAre("dbf-redis-unbounded-read", "dbf-redis-unbounded-read",
                          "dbf-redis-unbounded-read"));
  EXPECT_THAT(Found(kRe, "LRANGE l 0 10\nSCAN 0"), IsEmpty());
}

TEST(LintTest, FindingsNameTheirStatement) {
  const std::vector<Finding> findings = FindingsOf(kMa, "SELECT 1; DROP TABLE a; DELETE FROM b");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].statement, 1);
  EXPECT_EQ(findings[1].statement, 2);
  EXPECT_EQ(findings[1].severity, Severity::kError);
  EXPECT_FALSE(findings[1].advice.empty());
}

TEST(LintTest, RulesHaveOneIdEachAndAreComplete) {
  std::set<std::string> ids;
  for (const LintRule& rule : LintRules()) {
    EXPECT_TRUE(absl::StartsWith(rule.id, "dbf-"));
    EXPECT_FALSE(rule.message.empty());
    EXPECT_FALSE(rule.advice.empty());
    EXPECT_TRUE(ids.insert(std::string(rule.id)).second) << rule.id;
  }
  EXPECT_EQ(RuleOf(LintId::kIgnoreUnused).id, LintRules().back().id);
}

// Of the script, not of the statement.
bool FindsTautology(Dialect dialect, absl::string_view sql) {
  const auto statements = Split(dialect, sql);
  for (const Finding& finding : Lint(dialect, *statements)) {
    if (finding.rule_id == "dbf-injection-tautology") return true;
  }
  return false;
}

TEST(LintTest, AConditionThatAlwaysHoldsIsSeenInEachOfItsForms) {
  for (Dialect dialect : {kMa, kPg}) {
    for (absl::string_view condition :
         {"1 = 1", "NOT 1=2", "NOT (1 = 2)", "'a' LIKE 'a'", "'a' LIKE '%'", "1 IN (1,2)",
          "3 IN (1, 2, 3)", "1 BETWEEN 0 AND 2", "2>1", "(1)=(1)", "((1)) = (1)", "'a' IN ('a')"}) {
      EXPECT_TRUE(
          FindsTautology(dialect, absl::StrCat("SELECT a FROM t WHERE b = 5 OR ", condition)))
          << condition;
      EXPECT_TRUE(FindsTautology(dialect, absl::StrCat("SELECT a FROM t WHERE ", condition)))
          << condition;
    }
    for (absl::string_view condition :
         {"1 = 2", "'a' LIKE 'b'", "1 IN (2,3)", "3 BETWEEN 0 AND 2", "1>2", "(1)=(2)",
          "a IN (1, 2)", "a LIKE 'a'", "1 IN (a, 2)", "'a' NOT LIKE 'a'", "1 NOT IN (1)"}) {
      EXPECT_FALSE(
          FindsTautology(dialect, absl::StrCat("SELECT a FROM t WHERE b = 5 OR ", condition)))
          << condition;
    }
  }
}

TEST(LintTest, ACommentThatHoldsTheRestOfAConditionIsSeen) {
  const auto hides = [](Dialect dialect, absl::string_view sql) {
    return Read(dialect, sql).facts.injection.hidden_by_comment;
  };
  for (Dialect dialect : {kMa, kPg}) {
    EXPECT_TRUE(hides(dialect, "SELECT a FROM t WHERE b = 'x' /* ' AND pw='' */"));
    EXPECT_TRUE(hides(dialect, "SELECT a FROM t WHERE b = 'x' /*' or pw = ''*/ LIMIT 1"));
    EXPECT_FALSE(hides(dialect, "SELECT a FROM t WHERE b = 'x' /* don't and a = b */ LIMIT 1"));
    EXPECT_FALSE(hides(dialect, "SELECT a FROM t WHERE b = '/* \" AND c = 1' LIMIT 1"));
  }
}

// Which findings are silenced, by statement.
std::vector<std::string> Silenced(const Target& target, absl::string_view script) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::vector<std::string> found;
  for (const Finding& finding : Lint(target, *statements)) {
    const bool about = absl::StartsWith(finding.rule_id, "dbf-ignore");
    if (!finding.ignored && !about) continue;
    found.push_back(std::to_string(finding.statement) + " " + finding.rule_id);
  }
  return found;
}

TEST(LintIgnoreTest, BehindADelimiterOnItsLineItIsAboutTheStatementThatEndsThere) {
  for (Dialect dialect : {kMa, kPg}) {
    EXPECT_THAT(Silenced(dialect,
                         "DROP TABLE a; -- dbfleet:ignore dbf-drop-table x\n"
                         "DROP TABLE b;\n"),
                ElementsAre("0 dbf-drop-table"));
    EXPECT_THAT(Silenced(dialect, "SELECT 1;\nDROP TABLE b; -- dbfleet:ignore dbf-drop-table x"),
                ElementsAre("1 dbf-drop-table"));
    EXPECT_THAT(Silenced(dialect, "SELECT 1; -- dbfleet:ignore dbf-drop-table x\nDROP TABLE b"),
                ElementsAre("0 dbf-ignore-unused"));
    EXPECT_THAT(Silenced(dialect, "SELECT 1;\n-- dbfleet:ignore dbf-drop-table x\nDROP TABLE b"),
                ElementsAre("1 dbf-drop-table"));
    EXPECT_THAT(Silenced(dialect, "SELECT 1; /* dbfleet:ignore dbf-drop-table x */ DROP TABLE b"),
                ElementsAre("1 dbf-drop-table"));
    EXPECT_THAT(Silenced(dialect, "DROP TABLE b;\n-- dbfleet:ignore dbf-drop-table x\n"),
                ElementsAre("0 dbf-ignore-unused"));
  }
}

TEST(LintIgnoreTest, WhatIsMeantToSilenceAndDoesNotIsSaid) {
  for (absl::string_view comment :
       {"DBFLEET:IGNORE dbf-drop-table x", "dbfleet:ignore: dbf-drop-table x",
        "dbfleet: ignore dbf-drop-table x", "dbfleet:ignored dbf-drop-table x",
        "dbfleet-ignore dbf-drop-table x", "Dbfleet:Ignore dbf-drop-table x"}) {
    EXPECT_THAT(Silenced(kPg, "-- " + std::string(comment) + "\nDROP TABLE b"),
                ElementsAre("0 dbf-ignore-unknown-rule"))
        << comment;
  }
  EXPECT_THAT(Silenced(kPg, "-- dbfleet ignores nothing here, does it?\nSELECT 1"),
              ElementsAre("0 dbf-ignore-unknown-rule"));
  EXPECT_THAT(Silenced(kPg, "-- dbfleet is told nothing\nSELECT 1"), IsEmpty());
}

TEST(LintPlacesTest, SyntaxErrorsNameTheLineOfTheFile) {
  struct {
    Dialect dialect;
    const char* script;
    const char* place;
  } cases[] = {
      {Dialect::kPostgres, "SELECT 1;\n\n-- why\nSELECT a\n  FROM t WHERE b c d;\n",
       "at line 5, column 18"},
      {Dialect::kPostgres, "SELECT 1;   SELECT a b c;", "at line 1, column 24"},
      {Dialect::kPostgres, "SELECT 1;\n/* why */ FROBNICATE t", "at line 2, column 11"},
      {Dialect::kMariaDb, "SELECT 1;\n\n-- why\nCREATE TABLE t (\n  a INT,\n  5);\n",
       "from line 6, column 3 on"},
  };
  for (const auto& c : cases) {
    const auto statements = Split(c.dialect, c.script);
    ASSERT_TRUE(statements.ok()) << statements.status();
    const Verdict verdict = Read(c.dialect, statements->back()).verdict;
    EXPECT_FALSE(verdict.understood) << c.script;
    EXPECT_THAT(verdict.doubt, testing::HasSubstr(c.place)) << c.script;
  }
}

TEST(LintPlacesTest, SqlInsideOfAProgramHasNoPlaceOfItsOwn) {
  Target target(Dialect::kActiveRecordRuby);
  for (const Dialect embedded : {Dialect::kPostgres, Dialect::kMariaDb}) {
    target.embedded = embedded;
    const auto statements = Split(target, "\n\nUser.find_by_sql(\"SELECT a FROM t (5) 7\")");
    ASSERT_EQ(statements->size(), 1u);
    for (const std::string& reason : Read(target, statements->front()).verdict.reasons) {
      EXPECT_THAT(reason, testing::Not(testing::HasSubstr("line 1"))) << reason;
    }
  }
}

}  // namespace
}  // namespace dbfleet::sql
