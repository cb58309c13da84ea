#include "controller/cli/sql_series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbfleet::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SqlSeriesTest, AFilesNameSaysItsVersion) {
  EXPECT_THAT(VersionOfFile("db/0007_add_x.up.sql"), ElementsAre("7"));
  EXPECT_THAT(VersionOfFile("db/V7__Add_x.sql"), ElementsAre("7"));
  EXPECT_THAT(VersionOfFile("V1.02_3__x.sql"), ElementsAre("1", "2", "3"));
  for (const char* other : {"x.sql", "Vx__y.sql", "V1_x.sql", "R__views.sql", "V1__x.txt", "-"}) {
    EXPECT_THAT(VersionOfFile(other), IsEmpty()) << other;
  }
}

TEST(SqlSeriesTest, VersionsOfOneFolderStandInTheirOrder) {
  std::vector<std::string> files = {"db/V1__a.sql", "db/V10__b.sql", "db/V2__c.sql"};
  EXPECT_TRUE(SortSeries(&files));
  EXPECT_THAT(files, ElementsAre("db/V1__a.sql", "db/V2__c.sql", "db/V10__b.sql"));
  files = {"db/V10__b.sql", "db/x.sql", "db/V2__c.sql"};
  EXPECT_FALSE(SortSeries(&files));
  EXPECT_THAT(files, ElementsAre("db/V2__c.sql", "db/x.sql", "db/V10__b.sql"));
  for (std::vector<std::string> others :
       {std::vector<std::string>{"b.sql", "V1__a.sql"}, {"x/V2__a.sql", "y/V1__a.sql"}}) {
    const std::vector<std::string> before = others;
    EXPECT_FALSE(SortSeries(&others));
    EXPECT_EQ(others, before);
  }
}

TEST(SqlSeriesTest, AppliedVersionsAreTheSameHoweverTheyAreWritten) {
  EXPECT_TRUE(IsAmong({"7"}, {"0001", "0007"}));
  EXPECT_TRUE(IsAmong({"1", "2"}, {"1.2"}));
  EXPECT_TRUE(IsAmong({"7"}, {"V1", "V7"}));
  EXPECT_FALSE(IsAmong({"1", "2"}, {"1", "2"}));
  EXPECT_FALSE(IsAmong({}, {""}));
}

}  // namespace
}  // namespace dbfleet::cli
