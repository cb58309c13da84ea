// EXPLAIN of what changes rows: what it only plans, and what it evaluates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

struct Refused {
  absl::string_view text;
  absl::string_view reason;  // A part of it.
};

// The reason is asked for: most of these would be refused for another one as well.
void ExpectRefused(std::initializer_list<Dialect> dialects, std::initializer_list<Refused> all) {
  for (const Dialect dialect : dialects) {
    for (const Refused& refused : all) {
      const Verdict verdict = Classify(dialect, refused.text);
      EXPECT_EQ(verdict.safety, Safety::kDestructive) << refused.text;
      EXPECT_THAT(verdict.reasons, Contains(HasSubstr(std::string(refused.reason))))
          << refused.text;
    }
  }
}

// On MariaDB 10.11 those with my_function call it, and the others lock rows or may do so.
TEST(ExplainTest, OfAChangeThatEvaluatesAPartOfIt) {
  constexpr absl::string_view kCalls = "calls my_function()";
  constexpr absl::string_view kEvaluates = "evaluates parts of it";
  constexpr absl::string_view kQuery = "with a query in it";
  constexpr absl::string_view kView = "a view over several tables";
  ExpectRefused({Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres},
                {{"EXPLAIN UPDATE t SET a = 1 WHERE my_function(1) = 1", kCalls},
                 {"EXPLAIN DELETE FROM t WHERE my_function(1) = 1", kCalls},
                 {"EXPLAIN INSERT INTO t (a) VALUES (my_function(1))", kCalls}});
  ExpectRefused(
      {Dialect::kMySql, Dialect::kMariaDb},
      {{"EXPLAIN INSERT INTO t (a) VALUES (my_function(1))", kEvaluates},
       {"EXPLAIN INSERT INTO t (a) SELECT * FROM (SELECT my_function(1)) x", kCalls},
       {"EXPLAIN INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = my_function(1)", kCalls},
       {"EXPLAIN REPLACE INTO t SET a = my_function(1)", kCalls},
       {"EXPLAIN UPDATE t SET a = 1 WHERE (SELECT my_function(1))", kCalls},
       {"EXPLAIN UPDATE t SET a = my_function(1)", kCalls},
       {"EXPLAIN DELETE FROM t WHERE sleep(5)", "calls sleep()"},
       {"EXPLAIN INSERT INTO t VALUES (@a := 1)", "assigns a variable"},
       {"EXPLAIN INSERT INTO t SELECT * FROM u WHERE id = 1", kQuery},
       {"EXPLAIN INSERT INTO t SELECT 1", kQuery},
       {"EXPLAIN INSERT INTO t (a) VALUES ((SELECT 1))", kQuery},
       {"EXPLAIN INSERT INTO t (a) VALUES ((SELECT a FROM u))", kQuery},
       {"EXPLAIN INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = (SELECT 1 FROM u)", kQuery},
       {"EXPLAIN REPLACE INTO t TABLE u", kQuery},
       // t may be a view over several tables, whatever else is said of these.
       {"EXPLAIN UPDATE t SET a = 1 WHERE id = 2", kView},
       {"EXPLAIN DELETE FROM t WHERE id = 1", kView},
       {"DESC DELETE QUICK FROM t ORDER BY a, b LIMIT 3", kView},
       {"EXPLAIN UPDATE t, u SET t.a = 1 WHERE t.id = 1 AND u.id = 2", kView},
       {"EXPLAIN UPDATE t SET a = (SELECT a FROM u WHERE id = 1)", kView},
       {"EXPLAIN DELETE t FROM t JOIN u WHERE t.id = 1 AND u.id = 2", kView},
       {"EXPLAIN DELETE FROM t USING t JOIN u WHERE t.id = 1", kView},
       {"EXPLAIN WITH x AS (SELECT 1) DELETE FROM t", "something else than a query"},
       {"EXPLAIN DELETE HISTORY FROM t", kView},
       {"EXPLAIN LOAD DATA INFILE 'x' INTO TABLE t", ""}});
  constexpr absl::string_view kDefaults = "computes the columns' defaults";
  ExpectRefused({Dialect::kPostgres},
                {{"EXPLAIN WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "DELETE"},
                 // A default may call a function that is labelled immutable.
                 {"EXPLAIN INSERT INTO t (a) VALUES (1)", kDefaults},
                 {"EXPLAIN UPDATE t SET a = DEFAULT", kDefaults},
                 {"EXPLAIN UPDATE t SET (a, b) = (1, DEFAULT) WHERE id = 1", kDefaults},
                 {"EXPLAIN UPDATE t SET a = nextval('s')", "calls nextval()"},
                 {"EXPLAIN UPDATE t SET a = (SELECT a FROM u FOR UPDATE)", "locks rows"}});
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
       {"EXPLAIN REPLACE INTO t SET a = 1", "EXPLAIN INSERT INTO mysql.db (User) VALUES ('a')",
        "EXPLAIN INSERT INTO sys.sys_config (variable) VALUES ('a')",
        "EXPLAIN INSERT INTO t VALUES (1, 2) ON DUPLICATE KEY UPDATE a = 3",
        "EXPLAIN FORMAT=JSON INSERT IGNORE t SET a = 1", "ANALYZE FORMAT=JSON SELECT a FROM t",
        "DESC ANALYZE SELECT 1"}) {
    EXPECT_EQ(Classify(Dialect::kMariaDb, text).safety, Safety::kSafe) << text;
  }
}

}  // namespace
}  // namespace dbfleet::sql
