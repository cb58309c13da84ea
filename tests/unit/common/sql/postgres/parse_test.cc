// What is handed to the parser, what it answers, and that neither depth nor length harms it.
#include "common/sql/postgres/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/postgres/nesting.h"
#include "common/sql/postgres/postgres.h"
#include "tests/unit/common/sql/small_stack.h"

namespace dbfleet::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Repeat(absl::string_view text, size_t times) {
  std::string repeated;
  for (size_t i = 0; i < times; ++i) repeated.append(text.data(), text.size());
  return repeated;
}

// Ways to nest: what is repeated in front, the middle, what is repeated behind.
struct Nest {
  absl::string_view before;
  absl::string_view open;
  absl::string_view middle;
  absl::string_view close;
  absl::string_view after = "";
};
constexpr Nest kNests[] = {
    {"SELECT ", "(", "1", ")"},
    {"", "(", "SELECT 1", ")"},
    {"SELECT ", "(SELECT ", "1", ")"},
    {"SELECT ", "1+", "1", ""},
    {"SELECT ", "", "1", "+1"},
    {"SELECT ", "- ", "a", ""},
    {"SELECT ", "NOT ", "a", ""},
    {"SELECT a", "", "", "::text"},
    {"SELECT a", "", "", " IS NULL"},
    {"SELECT a", "", "", " COLLATE \"C\""},
    {"SELECT a", "", "", " AT TIME ZONE 'x'"},
    {"SELECT ", "f(", "1", ")"},
    {"SELECT ", "ARRAY[", "1", "]"},
    {"SELECT ", "CASE WHEN a THEN ", "1", " END"},
    {"SELECT ", "CASE WHEN ", "a", " THEN 1 END"},
    {"SELECT ", "a BETWEEN 1 AND NOT ", "b", ""},
    {"SELECT ", "a IS DISTINCT FROM NOT ", "b", ""},
    {"SELECT x.a", "", "", " + x.where"},
    {"SELECT values", "", "", " + values"},
    {"SELECT 1", "", "", " + f() WITHIN GROUP (ORDER BY 1)"},
    {"SELECT 1", "", "", " || 'a' LIKE 'b'"},
    {"SELECT 1", "", "", " UNION SELECT 1"},
    {"SELECT 1", "", "", " EXCEPT ALL SELECT a, b FROM t"},
    {"SELECT 1 FROM a", "", "", " JOIN b ON true"},
    {"SELECT 1 FROM a", "", "", " CROSS JOIN b"},
    {"SELECT 1 FROM ", "(", "a JOIN b ON true", " JOIN c ON true)"},
    {"", "WITH a AS (", "SELECT 1", ") SELECT 1"},
    {"", "SELECT 1 FROM (", "SELECT 1", ") x"},
    {"SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", "true", ")"},
    {"SELECT ", "ROW(", "1", ", 2)"},
    {"SELECT ", "a[", "1", "]"},
    {"CREATE TABLE t (a int DEFAULT ", "(1 + ", "1", ")", ")"},
    {"INSERT INTO t VALUES (", "coalesce(1, ", "2", ")", ")"},
    {"EXPLAIN SELECT ", "CASE a WHEN 1 THEN 2 ELSE ", "1", " END"},
};

std::string Nested(const Nest& nest, size_t depth) {
  return absl::StrCat(nest.before, Repeat(nest.open, depth), nest.middle, Repeat(nest.close, depth),
                      nest.after);
}

TEST(NestingTest, NoWayToNestOverflowsASmallStack) {
  OnSmallStack([] {
    for (const Nest& nest : kNests) {
      for (size_t depth : {10u, 60u, 100u, 125u, 160u, 200u, 240u, 249u, 330u, 499u, 5000u}) {
        ReadPostgres(Dialect::kPostgres, Nested(nest, depth));
      }
      const std::string deep = Nested(nest, 20000);
      EXPECT_EQ(ReadPostgres(Dialect::kPostgres, deep).verdict.safety, Safety::kDestructive)
          << deep.substr(0, 60);
    }
  });
}

TEST(NestingTest, WhatIsLongIsNotDeep) {
  for (const std::string& text :
       {absl::StrCat("SELECT 1 WHERE 1 IN (", Repeat("1, ", 20000), "1)"),
        absl::StrCat("SELECT 1 WHERE ", Repeat("(a = 1 AND b LIKE 'x') OR ", 10000), "a = 1"),
        absl::StrCat("SELECT ", Repeat("a + b AS c, ", 10000), "1"),
        absl::StrCat("SELECT CASE ", Repeat("WHEN a = 1 THEN 2 ", 10000), "END"),
        absl::StrCat("VALUES ", Repeat("(1, 'a'), ", 20000), "(1, 'a')"),
        absl::StrCat("SELECT 1", Repeat(" UNION ALL SELECT a, b FROM t WHERE c = 1", 300)),
        absl::StrCat("SELECT 1 FROM a", Repeat(" JOIN b ON a.x = b.y AND a.z = b.z", 300))}) {
    const Verdict verdict = ReadPostgres(Dialect::kPostgres, text).verdict;
    EXPECT_EQ(verdict.safety, Safety::kSafe)
        << text.substr(0, 60) << ": " << (verdict.reasons.empty() ? "" : verdict.reasons[0]);
  }
}

TEST(NestingTest, MoreWordsThanTheLimitAreNotParsed) {
  const std::string text = absl::StrCat("SELECT ", Repeat("1, ", pg::kMaxTokens), "1");
  EXPECT_THAT(pg::Parse(text).problem, HasSubstr("more than"));
  EXPECT_THAT(pg::Parse(std::string(pg::kMaxBytes + 1, ' ')).problem, HasSubstr("longer than"));
}

TEST(ParseTest, BytesThatAreNoText) {
  EXPECT_THAT(pg::Parse(absl::string_view("SELECT 1\0; DROP TABLE t", 23)).problem,
              HasSubstr("NUL"));
  EXPECT_THAT(pg::Parse("SELECT '\xff'").problem, HasSubstr("UTF-8"));
  EXPECT_THAT(pg::Parse("SELECT '\xed\xa0\x80'").problem, HasSubstr("UTF-8"));
}

TEST(ParseTest, ProblemsSayWhereAndQuoteNothing) {
  const std::string problem =
      pg::Parse("SELECT '\xc3\xa4\xc3\xa4',\n  hunter2 hunter3 hunter4").problem;
  EXPECT_THAT(problem, HasSubstr("syntax error at line 2, column 19"));
  for (absl::string_view text :
       {"SELECT 'hunter2", "SELECT \"hunter2", "CREATE ROLE u hunter2", "SELECT U&'\\hunter2'",
        "SELECT 1hunter2", "SELECT E'\\uhunter2'", "SELECT hunter2 'x' UESCAPE 'hunter2'",
        "ALTER USER u hunter2 'x'", "SELECT interval(9) 'hunter2' year",
        "CREATE USER \"none\" hunter2", "SELECT a:::hunter2", "GRANT a TO none hunter2"}) {
    EXPECT_THAT(pg::Parse(text).problem, Not(HasSubstr("hunter2"))) << text;
    EXPECT_NE(pg::Parse(text).problem, "") << text;
  }
}

TEST(ParseTest, TextsOfTheTreeAreWhatWasWritten) {
  const pg::Parsed parsed = pg::Parse("SELECT E'a\"b\\\\c\\n\\x01<>\\u00e4' AS \"x\"\"y\"");
  ASSERT_EQ(parsed.problem, "");
  const pg::Node target = parsed.statements().first()["stmt"]["targetList"].first();
  ASSERT_TRUE(target.Is("ResTarget"));
  EXPECT_EQ(target["name"].text(), "x\"y");
  EXPECT_EQ(target["val"]["sval"].text(), "a\"b\\c\n\x01<>\xc3\xa4");
  EXPECT_FALSE(target["missing"]);
  EXPECT_EQ(target["missing"]["more"].text(), "");
}

// The library writes whole numbers below zero without their value, as it does zero.
TEST(ParseTest, NumbersBelowZeroAreReadFromTheText) {
  const auto expressions = [](const std::string& text) {
    std::vector<int64_t> values;
    const pg::Parsed parsed = pg::Parse(text);
    EXPECT_EQ(parsed.problem, "") << text;
    const pg::Node root = parsed.tree.root();
    for (const pg::Slot* at = root.subtree_begin(); at != root.subtree_end(); ++at) {
      if (!at->tagged || !pg::Node(at).Is("Integer")) continue;
      values.push_back(pg::Node(at)["ival"].number(/*otherwise=*/99));
    }
    return values;
  };
  using Values = std::vector<int64_t>;
  EXPECT_EQ(expressions("SELECT -1, 0, 5, -(2), - - 3, -(-(-4)), -007, -0"),
            (Values{-1, 0, 5, -2, 3, -4, -7, 0}));
  EXPECT_EQ(expressions("SELECT 'é', -1, -/* 8 */ 9, - -- 7\n 6"), (Values{-1, -9, -6}));
  EXPECT_EQ(expressions("SELECT a FROM t LIMIT -1 OFFSET -2"), (Values{-2, -1}));
  EXPECT_EQ(expressions("CREATE TABLE t (a int DEFAULT -1, b numeric(3, -2))"),
            (Values{-1, 3, -2}));
  EXPECT_EQ(expressions("CREATE SEQUENCE s INCREMENT BY -1 MINVALUE -5 START 0 CACHE 7"),
            (Values{-1, -5, 0, 7}));
  EXPECT_EQ(expressions("SET x = -1"), (Values{-1}));
  EXPECT_EQ(expressions("SET TIME ZONE -7"), (Values{-7}));
  EXPECT_EQ(expressions("SET TRANSACTION READ WRITE"), (Values{0}));
  EXPECT_EQ(expressions("EXPLAIN (ANALYZE -1, VERBOSE 0, COSTS 0) TABLE t"), (Values{-1, 0, 0}));
  // It stands nowhere in the tree: not known, which is not zero.
  EXPECT_EQ(expressions("ALTER TABLE t ALTER c SET STATISTICS -1"), (Values{99}));
}

TEST(ParseTest, WhatIsNoTreeIsRefused) {
  for (const char* json : {"", "{", "[", "{}}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":\"x}",
                           "[1,,2]", "nul", "{\"A\":1}", "{\"a\":\"\\u1234\"}", "{\"a\":\"\\u00",
                           "{\"a\":\"\\", "{} {}", "{\"a\":1,}", "[1 2]"}) {
    pg::Tree tree;
    const bool fine = std::string(json) == "{}";
    EXPECT_EQ(tree.Build(json), fine) << json;
  }
}

TEST(ParseTest, ManyThreadsAtOnceGetTheirOwnAnswers) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      const std::string good = absl::StrCat("SELECT ", i, " FROM t", i);
      const std::string bad = absl::StrCat("SELECT 1 FROM t", i, " FOR UPDATE");
      for (int k = 0; k < 300; ++k) {
        const Verdict verdict = ReadPostgres(Dialect::kPostgres, good).verdict;
        EXPECT_EQ(verdict.safety, Safety::kSafe);
        EXPECT_EQ(verdict.tables, std::vector<std::string>{absl::StrCat("t", i)});
        EXPECT_EQ(ReadPostgres(Dialect::kPostgres, bad).verdict.safety, Safety::kDestructive);
        EXPECT_NE(pg::Parse(absl::StrCat("SELEC ", k)).problem, "");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace dbfleet::sql
