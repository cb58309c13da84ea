#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// Heredocs of Ruby, whose body stands behind whatever else is on the line of their head.
namespace dbfleet::sql {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<Statement> StatementsOf(absl::string_view file) {
  auto statements = Split(Target(kRuby), file);
  EXPECT_TRUE(statements.ok()) << file;
  return statements.ok() ? *std::move(statements) : std::vector<Statement>();
}

TEST(HostHeredocsTest, InBracesTheyBelongToTheirCall) {
  for (absl::string_view file : {"x.each { conn.execute <<~SQL }\n  DELETE FROM t\nSQL\n",
                                 "x.each { conn.execute(<<~SQL) } # why\n  DELETE FROM t\nSQL\n",
                                 "x.each do conn.execute <<~SQL; end\n  DELETE FROM t\nSQL\n"}) {
    const std::vector<Statement> statements = StatementsOf(file);
    ASSERT_FALSE(statements.empty());
    const Verdict verdict = Read(kRuby, statements.back()).verdict;
    EXPECT_TRUE(verdict.understood) << file << verdict.doubt;
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << file;
    EXPECT_THAT(statements.back().text, HasSubstr("\n  DELETE FROM t\nSQL")) << file;
    EXPECT_THAT(statements.back().text, Not(HasSubstr("}"))) << file;
  }
}

TEST(HostHeredocsTest, OneCallDoesNotReadTheTextOfAnother) {
  // Its text alone, up to the quote in the other's, would be a query.
  const std::vector<Statement> statements = StatementsOf(
      "foo(<<~A) { conn.execute <<~B }\n  SELECT 1 WHERE 'x\nA\n  DELETE FROM t -- '\nB\n");
  ASSERT_FALSE(statements.empty());
  const Verdict verdict = Read(kRuby, statements.back()).verdict;
  EXPECT_EQ(verdict.safety, Safety::kDestructive);
  EXPECT_EQ(verdict.kind, Kind::kDataFix);
}

TEST(HostHeredocsTest, EachOfOneLineHasItsOwn) {
  const std::vector<Statement> statements = StatementsOf(
      "[conn.select_all(<<~A), conn.execute(<<~B)]\n  SELECT 1\nA\n  DELETE FROM t\nB\n");
  ASSERT_EQ(statements.size(), 2);
  EXPECT_EQ(Read(kRuby, statements[0]).verdict.safety, Safety::kSafe);
  EXPECT_EQ(Read(kRuby, statements[1]).verdict.safety, Safety::kDestructive);
}

TEST(HostHeredocsTest, WhereTheTextOfAnotherStandsInsideNothingIsSafe) {
  for (const Statement& statement :
       StatementsOf("foo(<<~A, conn.select_all(\n  DELETE FROM t\nA\n  \"SELECT 1\"))\n")) {
    EXPECT_EQ(Read(kRuby, statement).verdict.safety, Safety::kDestructive) << statement.text;
  }
}

TEST(HostHeredocsTest, ACommentBehindTheHeadIsAboutTheCall) {
  const std::vector<Statement> statements = StatementsOf(
      "conn.execute(<<~SQL) # dbfleet:ignore dbf-no-where all of them\n  DELETE FROM t\nSQL\n");
  ASSERT_EQ(statements.size(), 1);
  EXPECT_THAT(statements[0].comments + statements[0].text, HasSubstr("dbf-no-where"));
}

}  // namespace
}  // namespace dbfleet::sql
