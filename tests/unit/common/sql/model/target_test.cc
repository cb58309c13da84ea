#include "common/sql/model/target.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"

#include "common/base/status.h"
#include "common/sql/model/verdict.h"

namespace dbfleet::sql {
namespace {

TEST(TargetTest, NamesCarryTheVersion) {
  const auto target = ParseTarget("mariadb-10.11");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(target->dialect, Dialect::kMariaDb);
  EXPECT_EQ(target->version, (Version{10, 11, 0}));
  EXPECT_EQ(NameOf(*target), "mariadb-10.11");
}

TEST(TargetTest, ANameAloneLeavesTheVersionUnknown) {
  for (const char* name :
       {"mysql", "mariadb", "postgresql", "redis", "activerecord-php", "activerecord-ruby"}) {
    const auto target = ParseTarget(name);
    ASSERT_TRUE(target.ok()) << target.status();
    EXPECT_FALSE(target->version.known());
    EXPECT_EQ(NameOf(*target), name);
  }
}

TEST(TargetTest, TheListedVersionsAreKnown) {
  for (const char* name : {"mysql-5.7", "mysql-8.0", "mysql-8.4", "mariadb-10.6", "mariadb-11.4",
                           "postgresql-13", "postgresql-17", "redis-7"}) {
    EXPECT_TRUE(ParseTarget(name).ok()) << name;
  }
  EXPECT_TRUE(ParseTarget("mysql-5").ok());
  EXPECT_EQ(NameOf(*ParseTarget("MariaDB-10.11")), "mariadb-10.11");
}

TEST(TargetTest, WhatThereAreNoRulesForIsRefusedWithTheList) {
  for (const char* name : {"", "oracle", "mysql-5.6", "mysql-6", "mysql-7.1", "mysql-10", "postgresql-12", "postgresql-18",
                           "postgresql-x", "redis-", "activerecord-php-5"}) {
    const auto target = ParseTarget(name);
    ASSERT_FALSE(target.ok()) << name;
    EXPECT_EQ(ReasonOf(target.status()), "BAD_DIALECT");
    EXPECT_TRUE(absl::StrContains(target.status().message(), "postgresql-13")) << target.status();
  }
}

TEST(TargetTest, VersionsAreReadAsServersWriteThem) {
  EXPECT_EQ(*ParseVersion("10.11.6-MariaDB-0+deb12u1"), (Version{10, 11, 6}));
  EXPECT_EQ(*ParseVersion("8.0.36"), (Version{8, 0, 36}));
  EXPECT_EQ(*ParseVersion("150004"), (Version{15, 4, 0}));
  EXPECT_EQ(*ParseVersion("15.4 (Debian 15.4-1)"), (Version{15, 4, 0}));
  EXPECT_EQ(*ParseVersion("17beta1"), (Version{17, 0, 0}));
  EXPECT_EQ(*ParseVersion("PostgreSQL 15.8 (Debian 15.8-0+deb12u1) on x86_64-pc-linux-gnu"),
            (Version{15, 8, 0}));
  EXPECT_EQ(*ParseVersion("5.5.5-10.11.6-MariaDB"), (Version{10, 11, 6}));
  EXPECT_EQ(CountVersionParts("PostgreSQL 15.8 (Debian)"), 2);
  for (const char* text : {"", "x", "0", "-1", "9999999999"}) {
    const auto version = ParseVersion(text);
    ASSERT_FALSE(version.ok()) << text;
    EXPECT_EQ(ReasonOf(version.status()), "BAD_VERSION");
  }
}

TEST(SqlModesTest, WordsOfTheServerDecideWhatQuotesMean) {
  const auto usual = ParseSqlModes("STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION");
  ASSERT_TRUE(usual.ok()) << usual.status();
  EXPECT_TRUE(usual->known);
  EXPECT_FALSE(usual->ansi_quotes || usual->no_backslash_escapes || usual->oracle);
  EXPECT_TRUE(ParseSqlModes("no_backslash_escapes")->no_backslash_escapes);
  for (const char* quotes : {"ANSI_QUOTES", "ansi", "DB2", "MAXDB", "MSSQL", "POSTGRESQL"}) {
    EXPECT_TRUE(ParseSqlModes(quotes)->ansi_quotes) << quotes;
    EXPECT_FALSE(ParseSqlModes(quotes)->oracle) << quotes;
  }
  EXPECT_TRUE(ParseSqlModes("ORACLE")->oracle && ParseSqlModes("ORACLE")->ansi_quotes);
  EXPECT_TRUE(ParseSqlModes("")->known);
}

TEST(SqlModesTest, AMisspeltWordIsRefused) {
  for (const char* text : {"NO_BACKSLASH_ESCAPE", "ANSI QUOTES", "FOO", "ANSI;"}) {
    EXPECT_EQ(ReasonOf(ParseSqlModes(text).status()), "BAD_SQL_MODE") << text;
  }
}

TEST(EnvironmentTest, StagingIsQaAndWhatIsNotKnownIsTheStrictest) {
  EXPECT_EQ(ClassOfEnvironment("development"), EnvironmentClass::kDevelopment);
  EXPECT_EQ(ClassOfEnvironment("qa"), EnvironmentClass::kQa);
  EXPECT_EQ(ClassOfEnvironment("staging"), EnvironmentClass::kQa);
  EXPECT_EQ(ClassOfEnvironment("production"), EnvironmentClass::kProduction);
  EXPECT_EQ(ClassOfEnvironment("Development"), EnvironmentClass::kProduction);
}

TEST(SafetyInTest, WhatOnlyAddsRowsIsDestructiveInProductionAlone) {
  Verdict verdict;
  verdict.adds_only = true;
  verdict.understood = true;
  EXPECT_EQ(SafetyIn(EnvironmentClass::kDevelopment, verdict), Safety::kSafe);
  EXPECT_EQ(SafetyIn(EnvironmentClass::kQa, verdict), Safety::kSafe);
  EXPECT_EQ(SafetyIn(EnvironmentClass::kProduction, verdict), Safety::kDestructive);
}

TEST(SafetyInTest, WhatIsNotUnderstoodIsDestructiveEverywhere) {
  Verdict verdict;
  verdict.adds_only = true;
  EXPECT_EQ(SafetyIn(EnvironmentClass::kDevelopment, verdict), Safety::kDestructive);
}

}  // namespace
}  // namespace dbfleet::sql
