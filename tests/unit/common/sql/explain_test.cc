// EXPLAIN of what changes rows: what it only plans, and what it evaluates.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/slips.h"

namespace dbfleet::sql {
namespace {

// On MariaDB 10.11 the first five call the function, and those behind them lock rows.
TEST(ExplainTest, OfAChangeThatEvaluatesAPartOfIt) {
  ExpectAllDestructive({{"MP", "EXPLAIN UPDATE t SET a = 1 WHERE my_function(1) = 1"},
                        {"MP", "EXPLAIN DELETE FROM t WHERE my_function(1) = 1"},
                        {"M", "EXPLAIN INSERT INTO t (a) SELECT * FROM (SELECT my_function(1)) x"},
                        {"M", "EXPLAIN UPDATE t SET a = 1 WHERE (SELECT my_function(1))"},
                        {"M", "EXPLAIN DELETE FROM t WHERE sleep(5)"},
                        {"M", "EXPLAIN UPDATE t, u SET t.a = 1 WHERE t.id = 1 AND u.id = 2"},
                        {"M", "EXPLAIN UPDATE t JOIN u SET t.a = 1 WHERE t.id = 1 AND u.id = 2"},
                        {"M", "EXPLAIN UPDATE t x, t y SET x.a = 1 WHERE x.id = 1 AND y.id = 2"},
                        {"M", "EXPLAIN UPDATE t SET a = (SELECT a FROM u WHERE id = 1)"},
                        {"M", "EXPLAIN UPDATE t SET a = 1 WHERE id = (SELECT max(a) FROM t)"},
                        {"M", "EXPLAIN DELETE t FROM t WHERE id = 1"},
                        {"M", "EXPLAIN DELETE t FROM t JOIN u WHERE t.id = 1 AND u.id = 2"},
                        {"M", "EXPLAIN DELETE FROM t USING t JOIN u WHERE t.id = 1"},
                        {"M", "EXPLAIN DELETE FROM t USING t WHERE t.id = 1"},
                        {"M", "EXPLAIN INSERT INTO t SELECT * FROM u WHERE id = 1"},
                        {"M", "EXPLAIN REPLACE INTO t TABLE u"},
                        {"M", "EXPLAIN INSERT INTO t VALUES (@a := 1)"},
                        {"M", "EXPLAIN WITH x AS (SELECT 1) DELETE FROM t"},
                        {"M", "EXPLAIN DELETE HISTORY FROM t"},
                        // t may be a view over several tables.
                        {"M", "EXPLAIN UPDATE t SET a = 1 WHERE id = 2"},
                        {"M", "EXPLAIN DELETE FROM t WHERE id = 1"},
                        {"M", "DESC DELETE QUICK FROM t ORDER BY a, b LIMIT 3"},
                        {"M", "EXPLAIN LOAD DATA INFILE 'x' INTO TABLE t"},
                        {"P", "EXPLAIN WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x"},
                        // A default may call a function that is labelled immutable.
                        {"P", "EXPLAIN INSERT INTO t (a) VALUES (1)"},
                        {"P", "EXPLAIN UPDATE t SET a = nextval('s')"},
                        {"P", "EXPLAIN UPDATE t SET a = (SELECT a FROM u FOR UPDATE)"}});
}

TEST(ExplainTest, OneInsideOfTheOtherIsNotUnderstoodHoweverDeep) {
  for (const char* word : {"EXPLAIN ANALYZE ", "ANALYZE ", "DESC ANALYZE ", "EXPLAIN "}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += word;
    for (const Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres}) {
      EXPECT_EQ(Classify(dialect, text + "SELECT 1").safety, Safety::kDestructive) << word;
    }
  }
  EXPECT_EQ(Classify(Dialect::kMariaDb, "ANALYZE ANALYZE SELECT 1").safety, Safety::kDestructive);
}

TEST(ExplainTest, OfAChangeOnlyPlansIt) {
  for (absl::string_view text :
       {"EXPLAIN UPDATE t SET a = 1 WHERE id = 2", "EXPLAIN DELETE FROM t WHERE id = 1",
        "EXPLAIN ANALYZE SELECT a FROM t"}) {
    EXPECT_EQ(Classify(Dialect::kPostgres, text).safety, Safety::kSafe) << text;
  }
  for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb}) {
    for (absl::string_view text : {"EXPLAIN INSERT INTO t (a) VALUES (1), (2)", "EXPLAIN SELECT 1",
                                   "EXPLAIN ANALYZE SELECT a FROM t"}) {
      const Verdict verdict = Classify(dialect, text);
      EXPECT_EQ(verdict.safety, Safety::kSafe) << text;
      EXPECT_EQ(verdict.kind, Kind::kInspection) << text;
      EXPECT_EQ(verdict.effects.undo, Undo::kNothingToUndo) << text;
      EXPECT_FALSE(verdict.effects.locks_rows) << text;
      for (const ObjectUse& use : verdict.uses) EXPECT_EQ(use.access, Access::kRead) << text;
    }
  }
  for (absl::string_view text :
       {"EXPLAIN REPLACE INTO t SET a = 1",
        "EXPLAIN INSERT INTO t VALUES (1, 2) ON DUPLICATE KEY UPDATE a = 3",
        "EXPLAIN FORMAT=JSON INSERT IGNORE t SET a = 1", "ANALYZE FORMAT=JSON SELECT a FROM t",
        "DESC ANALYZE SELECT 1"}) {
    EXPECT_EQ(Classify(Dialect::kMariaDb, text).safety, Safety::kSafe) << text;
  }
}

}  // namespace
}  // namespace dbfleet::sql
