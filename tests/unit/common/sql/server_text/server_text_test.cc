#include "common/sql/server_text/server_text.h"

#include <gtest/gtest.h>

#include <string>

namespace dbfleet::sql {
namespace {

TEST(MatchesServerTextTest, WildcardsTakeNamesAndNumbersButNoQuotes) {
  EXPECT_TRUE(MatchesServerText("deadlock detected", "deadlock detected"));
  EXPECT_TRUE(
      MatchesServerText("relation \"a b\" does not exist", "relation \"%\" does not exist"));
  EXPECT_TRUE(MatchesServerText("Table 'a.b' doesn't exist", "Table '%' doesn't exist"));
  EXPECT_TRUE(MatchesServerText("a at row 1 at row 2", "a % row 2"));
  EXPECT_TRUE(MatchesServerText("syntax error at \"x\" y", "syntax error at ~"));
  EXPECT_FALSE(MatchesServerText("deadlock detected by 4711", "deadlock detected"));
  EXPECT_FALSE(MatchesServerText("no deadlock detected", "deadlock detected"));
  EXPECT_FALSE(MatchesServerText("relation \"a\" of \"4711\" does not exist",
                                 "relation \"%\" does not exist"));
  EXPECT_FALSE(MatchesServerText("relation \"\" does not exist", "relation \"%\" does not exist"));
  EXPECT_FALSE(MatchesServerText("", "%"));
  EXPECT_FALSE(MatchesServerText("relation", "relation \"%\""));
}

TEST(MatchesServerTextTest, LongTextsAreAnsweredFast) {
  EXPECT_FALSE(MatchesServerText(std::string(100000, 'a'), "%a%a%a%a%b"));
}

}  // namespace
}  // namespace dbfleet::sql
