// Executable comments are read as the server would, by flavour and version. The expectations for
// MariaDB 10.11 were tried on the server itself.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/mysql/reader.h"

namespace dbfleet::sql {
namespace {

Target At(absl::string_view name, absl::string_view version = "") {
  Target target = *ParseTarget(name);
  if (!version.empty()) target.version = *ParseVersion(version);
  return target;
}

enum Fate { kRuns, kSkips, kDepends };

// What is executed is told by what it would be: the comment holds the end of a statement that
// writes a file.
Fate FateOf(const Target& target, absl::string_view mark) {
  const Verdict verdict =
      ReadMySql(target, absl::StrCat("SELECT 1 ", mark, " INTO OUTFILE '/x' */")).verdict;
  if (verdict.safety == Safety::kSafe) return kSkips;
  return verdict.understood ? kRuns : kDepends;
}

struct Case {
  absl::string_view mark;
  Fate fate;
};

TEST(CommentsTest, MariaDb1011) {
  for (const Case& c : {Case{"/*!", kRuns},    {"/*!40101", kRuns},    {"/*!50699", kRuns},
                        {"/*!50700", kSkips},  {"/*!50701", kSkips},   {"/*!80000", kSkips},
                        {"/*!99999", kSkips},  {"/*!100000", kRuns},   {"/*!101118", kRuns},
                        {"/*!101119", kRuns},  {"/*!101120", kSkips},  {"/*!999999", kSkips},
                        {"/*M!", kRuns},       {"/*M!50700", kRuns},   {"/*M!80000", kRuns},
                        {"/*M!101119", kRuns}, {"/*M!101120", kSkips}, {"/*M!999999", kSkips},
                        {"/*m!80000", kSkips}, {"/*m!", kSkips},       {"/*!050700", kSkips},
                        {"/*", kSkips},        {"/* !", kSkips}}) {
    EXPECT_EQ(FateOf(At("mariadb", "10.11.19-MariaDB"), c.mark), c.fate) << c.mark;
  }
}

TEST(CommentsTest, AMissingPatchLevelIsNotKnown) {
  for (const Case& c : {Case{"/*!101100", kRuns},
                        {"/*!101101", kDepends},
                        {"/*!101199", kDepends},
                        {"/*!101200", kSkips},
                        {"/*!40101", kRuns}}) {
    EXPECT_EQ(FateOf(At("mariadb-10.11"), c.mark), c.fate) << c.mark;
  }
  for (const Case& c : {Case{"/*!80000", kRuns}, {"/*!80036", kDepends}, {"/*!90000", kSkips}}) {
    EXPECT_EQ(FateOf(At("mysql-8.0"), c.mark), c.fate) << c.mark;
  }
}

TEST(CommentsTest, MySql) {
  for (const Case& c : {Case{"/*!", kRuns},
                        {"/*!50700", kRuns},
                        {"/*!80000", kRuns},
                        {"/*!80036", kRuns},
                        {"/*!80037", kSkips},
                        {"/*!99999", kSkips},
                        {"/*M!", kSkips},
                        {"/*M!80000", kSkips}}) {
    EXPECT_EQ(FateOf(At("mysql", "8.0.36"), c.mark), c.fate) << c.mark;
  }
  EXPECT_EQ(FateOf(At("mysql", "5.7.44"), "/*!80000"), kSkips);
  // Six digits are read since 8.1; before, the sixth belongs to the content.
  EXPECT_EQ(FateOf(At("mysql", "8.4.2"), "/*!080000"), kDepends);
  EXPECT_EQ(ReadMySql(At("mysql", "8.0.36"), "/*!100000 DROP TABLE t */").verdict.safety,
            Safety::kDestructive);
}

TEST(CommentsTest, AnUnknownVersionTakesTheWorst) {
  for (absl::string_view dialect : {"mysql", "mariadb"}) {
    for (absl::string_view mark : {"/*!", "/*!50700", "/*!80000", "/*!100000", "/*!999999", "/*M!",
                                   "/*m!80000", "/*!1", "/*!40101"}) {
      const Verdict verdict =
          ReadMySql(At(dialect), absl::StrCat("SELECT 1 ", mark, " + 1 */")).verdict;
      EXPECT_EQ(verdict.safety, Safety::kDestructive) << mark;
      EXPECT_FALSE(verdict.understood) << mark;
    }
    // Both readings are the same.
    EXPECT_EQ(ReadMySql(At(dialect), "SELECT 1 /*! */").verdict.safety, Safety::kSafe);
    EXPECT_EQ(ReadMySql(At(dialect), "SELECT 1 /*!50000 */ + 1").verdict.safety, Safety::kSafe);
  }
}

TEST(CommentsTest, TheWorseOfBothReadingsCounts) {
  const absl::string_view hides = "/*!80050 SELECT 1 FROM ( */ DROP TABLE t /*!80050 ) */";
  EXPECT_EQ(ReadMySql(At("mysql"), hides).verdict.kind, Kind::kSchemaMigration);
  EXPECT_EQ(ReadMySql(At("mysql-8.0"), hides).verdict.kind, Kind::kSchemaMigration);
  EXPECT_EQ(ReadMySql(At("mysql"), "/*! DROP TABLE t; */ SELECT 1").verdict.kind,
            Kind::kSchemaMigration);
}

TEST(CommentsTest, WhatIsExecutedIsReadLikeTheTextAroundIt) {
  const Target maria = At("mariadb", "10.11.19");
  EXPECT_EQ(ReadMySql(maria, "/*!40101 SET NAMES utf8 */").verdict.kind, Kind::kControl);
  EXPECT_TRUE(ReadMySql(maria, "/*!40101 SET NAMES utf8 */").verdict.understood);
  EXPECT_EQ(ReadMySql(maria, "SELECT /*!40001 SQL_NO_CACHE */ * FROM t").verdict.safety,
            Safety::kSafe);
  EXPECT_EQ(ReadMySql(maria,
                      "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER x BEFORE "
                      "INSERT ON t FOR EACH ROW SET @a=1 */")
                .facts.verb,
            Verb::kCreateRoutine);
  EXPECT_EQ(ReadMySql(maria, "SELECT sleep/*!(5)*/").verdict.safety, Safety::kDestructive);
  EXPECT_EQ(ReadMySql(maria, "/*M!999999\\- enable the sandbox mode */ SELECT 1").verdict.safety,
            Safety::kSafe);
}

TEST(CommentsTest, ASkippedCommentEndsWhereTheServerEndsIt) {
  const Target maria = At("mariadb", "10.11.19");
  // A quote in it opens no string; a comment in it is skipped as a whole.
  EXPECT_EQ(ReadMySql(maria, "SELECT 1 /*!99999 ' */ INTO OUTFILE '/x' -- '").verdict.safety,
            Safety::kDestructive);
  EXPECT_EQ(ReadMySql(maria, "SELECT 1 /*!99999 /* c */ INTO OUTFILE '/x' */ + 1").verdict.safety,
            Safety::kSafe);
  EXPECT_EQ(ReadMySql(maria, "SELECT 1 /*! + 1 /* c */ + 10 */ + 100").verdict.safety,
            Safety::kSafe);
  // Servers disagree about one inside of another.
  EXPECT_FALSE(ReadMySql(maria, "SELECT 1 /*! + 1 /*! + 10 */ + 100 */").verdict.understood);
  EXPECT_EQ(ReadMySql(maria, "SELECT 1 /*!99999 + 1").verdict.safety, Safety::kDestructive);
}

}  // namespace
}  // namespace dbfleet::sql
