#include <cppconn/exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "agent/engines/mysql/mysql_connection.h"
#include "agent/engines/mysql/mysql_probe.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

absl::Status Map(int number, const std::string& state, const std::string& text) {
  return MysqlStatus(::sql::SQLException(text, state, number));
}

TEST(MysqlStatusTest, MapsToTheDocumentedCodes) {
  const struct {
    int number;
    absl::StatusCode code;
    const char* reason;
  } kCases[] = {
      {2002, absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
      {2006, absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
      {2013, absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
      {1040, absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
      {1045, absl::StatusCode::kUnauthenticated, "DATABASE_AUTH"},
      {1698, absl::StatusCode::kUnauthenticated, "DATABASE_AUTH"},
      {1969, absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"},
      {3024, absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"},
      {1205, absl::StatusCode::kAborted, "LOCK_TIMEOUT"},
      {1317, absl::StatusCode::kCancelled, "INTERRUPTED"},
      {1792, absl::StatusCode::kPermissionDenied, "READ_ONLY_SESSION"},
      {1064, absl::StatusCode::kInvalidArgument, "BAD_SQL"},
      {1050, absl::StatusCode::kFailedPrecondition, "DATABASE_ERROR"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = Map(c.number, "HY000", "text");
    EXPECT_EQ(status.code(), c.code) << c.number;
    EXPECT_EQ(ReasonOf(status), c.reason) << c.number;
  }
}

TEST(MysqlStatusTest, NamesOfObjectsStayAndValuesGo) {
  EXPECT_THAT(std::string(Map(1146, "42S02", "Table 'shop.orders' doesn't exist").message()),
              HasSubstr("shop.orders"));
  const std::string duplicate(
      Map(1062, "23000", "Duplicate entry 'ann@example.org' for key 'email'").message());
  EXPECT_THAT(duplicate, Not(HasSubstr("ann")));
  EXPECT_THAT(duplicate, HasSubstr("1062"));
  EXPECT_THAT(
      std::string(Map(1064, "42000", "... near 'IDENTIFIED BY 's3cret'' at line 1").message()),
      Not(HasSubstr("s3cret")));
}

TEST(MysqlStatusTest, TextOfSignalsIsNotShown) {
  EXPECT_THAT(std::string(Map(1644, "45000", "customer 4711 is blocked").message()),
              Not(HasSubstr("4711")));
}

TEST(MysqlStatusTest, ASignalWithANumberOfTheServersIsNotShown) {
  const struct {
    int number;
    const char* text;
  } kSignals[] = {{1452, "customer 4711 is blocked"},
                  {1062, "customer 4711 is there already"},
                  {1146, "no orders of 4711"},
                  {1452, "Duplicate entry '4711' for key 'PRIMARY'"},
                  {9999, "4711"},
                  {2013, "4711"}};
  for (const auto& signal : kSignals) {
    const std::string shown(Map(signal.number, "23000", signal.text).message());
    EXPECT_THAT(shown, Not(HasSubstr("4711"))) << signal.text;
    EXPECT_THAT(shown, HasSubstr(absl::StrCat("error ", signal.number)));
  }
}

TEST(MysqlStatusTest, TheServersOwnTextsAreShown) {
  const struct {
    int number;
    const char* text;
  } kTexts[] = {
      {1452,
       "Cannot add or update a child row: a foreign key constraint fails (`a`.`b`, CONSTRAINT "
       "`c` FOREIGN KEY (`d`) REFERENCES `e` (`f`))"},
      {1091, "Can't DROP COLUMN `a`; check that it exists"},
      {1091, "Can't DROP 'a'; check that column/key exists"},
      {1054, "Unknown column 'a' in 'field list'"},
      {1142, "INSERT command denied to user 'a'@'localhost' for table `b`.`c`"},
      {4025, "CONSTRAINT `a` failed for `b`.`c`"},
      {2002, "Can't connect to local server through socket '/run/x.sock' (2)"}};
  for (const auto& c : kTexts) {
    EXPECT_THAT(std::string(Map(c.number, "HY000", c.text).message()), HasSubstr(c.text));
  }
}

TEST(MysqlStatusTest, TerminalEscapesAreMadeVisible) {
  EXPECT_THAT(std::string(Map(1146, "42S02", "Table 'a\x1b[2J' doesn't exist").message()),
              Not(HasSubstr("\x1b")));
}

TEST(MysqlInterruptTest, ANumberMeansASessionOnTheSameServerInTheSameRunOnly) {
  const MysqlServer mine{"db1", "3306", "1"};
  EXPECT_TRUE(IsSameRun(mine, mine, absl::Hours(1), absl::Seconds(90)));
  EXPECT_TRUE(IsSameRun(mine, mine, absl::Seconds(9), absl::Milliseconds(9900)))
      << "it tells whole seconds";
  EXPECT_FALSE(IsSameRun(mine, mine, absl::Seconds(60), absl::Seconds(90)))
      << "started anew since the session began";
  for (const MysqlServer& other : {MysqlServer{"db2", "3306", "1"}, MysqlServer{"db1", "3307", "1"},
                                   MysqlServer{"db1", "3306", "2"}}) {
    EXPECT_FALSE(IsSameRun(mine, other, absl::Hours(1), absl::Seconds(90)));
  }
}

TEST(MysqlGrantsTest, HoldsPlaceholdersAndTheConfiguredNames) {
  InstanceSpec spec;
  spec.name = "orders";
  spec.endpoint.host = "db1";
  spec.inspect = AccountConfig{"o'brien", ""};
  spec.default_database = "my_shop";
  const std::string grants = MysqlGrants(spec);
  EXPECT_THAT(grants, HasSubstr("'o''brien'@'%' IDENTIFIED BY '<password of inspect>'"));
  EXPECT_THAT(grants, HasSubstr("'dbfleet_backup'@'%' IDENTIFIED BY '<password of backup>'"));
  // "_" unescaped would grant on "myXshop" as well.
  EXPECT_THAT(grants, HasSubstr("ON `my\\_shop`.* TO 'dbfleet_migrate'@'%'"));
}

}  // namespace
}  // namespace dbfleet::agent
