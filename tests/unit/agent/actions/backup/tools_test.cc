#include <gtest/gtest.h>

#include <csignal>

#include "absl/strings/match.h"

#include "agent/actions/backup/child_tools.h"
#include "agent/actions/backup/dump_tool.h"
#include "agent/actions/backup/mysql_grants.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

PipelineStatus Failed(const std::string& stderr_tail) {
  PipelineStatus status;
  status.processes.resize(1);
  status.processes[0].program = "tool";
  status.processes[0].exit_code = 2;
  status.processes[0].end_order = 1;
  status.processes[0].stderr_tail = stderr_tail;
  return status;
}

PipelineStatus Succeeded(const std::string& stderr_tail) {
  PipelineStatus status = Failed(stderr_tail);
  status.processes[0].exit_code = 0;
  return status;
}

std::string Reason(work::v1::Engine engine, const std::string& stderr_tail) {
  return ReasonOf(ToolFailure(engine, Failed(stderr_tail)));
}

TEST(ToolFailureTest, MessagesBecomeReasons) {
  constexpr auto kMysql = work::v1::ENGINE_MYSQL;
  constexpr auto kPostgres = work::v1::ENGINE_POSTGRESQL;
  constexpr auto kRedis = work::v1::ENGINE_REDIS;
  EXPECT_EQ(Reason(kMysql, "ERROR 1045 (28000): Access denied for user"), "DATABASE_AUTH");
  EXPECT_EQ(Reason(kMysql, "ERROR 2002 (HY000): Can't connect"), "DATABASE_UNREACHABLE");
  EXPECT_EQ(Reason(kMysql, "mariadb-dump: Got error: 1044: \"Access denied\""), "BACKUP_PRIVILEGE");
  EXPECT_EQ(Reason(kMysql, "mariadb-dump: Error 1412: Table definition has changed"),
            "SCHEMA_CHANGED");
  EXPECT_EQ(Reason(kMysql, "mariadb-dump: wrote 1045 rows and died"), "TOOL_FAILED");
  EXPECT_EQ(Reason(kPostgres, "FATAL:  password authentication failed for user"), "DATABASE_AUTH");
  EXPECT_EQ(Reason(kPostgres, "ERROR:  permission denied for table t"), "BACKUP_PRIVILEGE");
  EXPECT_EQ(Reason(kPostgres, "connection to server on socket failed: No such file"),
            "DATABASE_UNREACHABLE");
  EXPECT_EQ(Reason(kRedis, "AUTH failed: WRONGPASS invalid"), "DATABASE_AUTH");
  EXPECT_EQ(Reason(kRedis, "anything else"), "TOOL_FAILED");
}

TEST(ToolFailureTest, AFullDiskWinsOverWhatTheToolsSay) {
  PipelineStatus status = Failed("ERROR 1045 (28000)");
  status.stdout_error = "DISK_FULL: write /b/x: No space left on device";
  const absl::Status error = ToolFailure(work::v1::ENGINE_MYSQL, status);
  EXPECT_EQ(ReasonOf(error), "DISK_FULL");
  EXPECT_TRUE(absl::IsResourceExhausted(error));
}

TEST(ComplaintsTest, AnErrorWithExitStatusZeroIsNotSuccess) {
  EXPECT_EQ(ReasonOf(ClassifyComplaints(Succeeded("mariadb-dump: bob has insufficent privileges to "
                                                  "SHOW CREATE FUNCTION `f`!\n"))
                         .status()),
            "TOOL_COMPLAINED");
  EXPECT_EQ(ReasonOf(ClassifyComplaints(Succeeded("pg_dump: error: lost\n")).status()),
            "TOOL_COMPLAINED");
}

TEST(ComplaintsTest, WarningsAreKeptAndChatterIsDropped) {
  const auto warnings = ClassifyComplaints(
      Succeeded("sending REPLCONF capa eof\n\nTransfer finished with success after 187 bytes\n"
                "pg_dump: warning: there are circular foreign-key constraints on this table\n"));
  ASSERT_TRUE(warnings.ok()) << warnings.status();
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_EQ((*warnings)[0],
            "tool: pg_dump: warning: there are circular foreign-key constraints on this table");
}

TEST(ChooseDatabasesTest, OnlyWhatIsThereAndEachOnce) {
  work::v1::BackupSpec spec;
  EXPECT_EQ(*ChooseDatabases(spec, {"a", "b"}), (std::vector<std::string>{"a", "b"}));
  spec.add_databases("b");
  spec.add_databases("b");
  EXPECT_EQ(*ChooseDatabases(spec, {"a", "b"}), (std::vector<std::string>{"b"}));
  spec.add_databases("c\x1b");
  const auto missing = ChooseDatabases(spec, {"a", "b"});
  EXPECT_EQ(ReasonOf(missing.status()), "DATABASE_NOT_FOUND");
  EXPECT_FALSE(absl::StrContains(missing.status().message(), "\x1b"));
}

// --- Grants ------------------------------------------------------------------------------------

constexpr char kGood[] =
    "GRANT SELECT, SHOW VIEW, EVENT, TRIGGER, BINLOG MONITOR ON *.* TO `bk`@`localhost` IDENTIFIED "
    "BY PASSWORD '*560D'\n";

TEST(MysqlGrantsTest, GlobalRightsAreEnough) {
  EXPECT_TRUE(MysqlGrants::Parse(kGood).CheckForDump({"app"}, true, true).ok());
  EXPECT_TRUE(MysqlGrants::Parse("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`")
                  .CheckForDump({"app"}, true, true)
                  .ok());
}

TEST(MysqlGrantsTest, EachMissingRightIsNamed) {
  for (const char* privilege : {"SELECT", "SHOW VIEW", "EVENT", "TRIGGER"}) {
    std::string grants = kGood;
    const std::string word = absl::StrCat(privilege, ", ");
    ASSERT_NE(grants.find(word), std::string::npos);
    grants.erase(grants.find(word), word.size());
    const absl::Status status = MysqlGrants::Parse(grants).CheckForDump({"app"}, false, true);
    EXPECT_EQ(ReasonOf(status), "BACKUP_PRIVILEGE");
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat(privilege, " ON `app`.*")))
        << status;
  }
}

TEST(MysqlGrantsTest, RightsOnADatabaseDoNotCoverRoutinesNorOtherDatabases) {
  std::string text = "GRANT SELECT, SHOW VIEW, EVENT, TRIGGER ON `app\\_%`.* TO `x`@`%`\n";
  EXPECT_TRUE(absl::StrContains(
      MysqlGrants::Parse(text).CheckForDump({"app_1"}, false, true).message(), "mysql`.`proc`"));
  text += "GRANT SELECT ON `mysql`.`proc` TO `x`@`%`\n";
  EXPECT_TRUE(MysqlGrants::Parse(text).CheckForDump({"app_1"}, false, true).ok());
  EXPECT_FALSE(MysqlGrants::Parse(text).CheckForDump({"apple"}, false, true).ok());
  EXPECT_FALSE(MysqlGrants::Parse(text).CheckForDump({"app_1"}, false, false).ok())
      << "MySQL 8 keeps routines elsewhere";
  EXPECT_FALSE(MysqlGrants::Parse(text).CheckForDump({"app_1"}, true, true).ok())
      << "databases may exist unseen";
}

TEST(MysqlGrantsTest, NamesWithUnderscoresAreReadAsTheClientPrintsThem) {
  // `mariadb --batch` doubles the backslash of the server's "app\_1".
  const std::vector<std::string> lines = {
      "GRANT USAGE ON *.* TO `x`@`%`",
      "GRANT SELECT, SHOW VIEW, EVENT, TRIGGER ON `app\\\\_1`.* TO `x`@`%`",
      "GRANT SELECT ON `mysql`.`proc` TO `x`@`%`"};
  const absl::Status status = MysqlGrants::ParseBatch(lines).CheckForDump({"app_1"}, false, true);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_FALSE(MysqlGrants::ParseBatch(lines).CheckForDump({"appx1"}, false, true).ok());
  EXPECT_FALSE(MysqlGrants::ParseBatch({"GRANT SELECT ON `a\\nGRANT ALL ON *.* TO `x`@`%`"})
                   .HasGlobal("SELECT"));
}

TEST(MysqlGrantsTest, WhatItCannotReadGrantsNothing) {
  for (const char* line :
       {"GRANT PROXY ON ''@'%' TO 'root'@'localhost'", "GRANT `role` TO `x`@`%`",
        "GRANT SELECT (`a`), TRIGGER ON `app`.`t` TO `x`@`%`", "GRANT SELECT ON app.* TO x",
        "GRANT SELECT ON `app`.`t", "REVOKE SELECT ON *.* FROM `x`@`%`", "", "GRANT"}) {
    EXPECT_FALSE(MysqlGrants::Parse(line).HasOnDatabase("SELECT", "app")) << line;
  }
  EXPECT_TRUE(
      MysqlGrants::Parse("GRANT SELECT ON `a``b`.* TO `x`@`%`").HasOnDatabase("SELECT", "a`b"));
}

TEST(MysqlGrantsTest, PatternsMatchLikeTheServers) {
  EXPECT_TRUE(MatchesLike("app\\_%", "app_x"));
  EXPECT_FALSE(MatchesLike("app\\_%", "appxx"));
  EXPECT_TRUE(MatchesLike("a_c", "abc"));
  EXPECT_TRUE(MatchesLike("%", ""));
  EXPECT_FALSE(MatchesLike("a", "ab"));
}

}  // namespace
}  // namespace dbfleet::agent
