#include <stdlib.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/app/account_rights.h"
#include "agent/app/commands.h"
#include "agent/app/instances.h"
#include "agent/config/agent_config.h"
#include "common/base/files.h"

namespace dbfleet::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

int RunMain(std::vector<std::string> words) {
  words.insert(words.begin(), "dbfleet-agent");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return Main(static_cast<int>(words.size()), argv.data());
}

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    config_ = folder_ + "/agent.yaml";
    Write(absl::StrCat("name: db1\ncontroller: 127.0.0.1:1\ndata_dir: ", folder_,
                       "/data\nbackup_dir: ", folder_, "/backups\n",
                       "instances:\n  - name: cache\n    engine: redis\n    socket: ", folder_,
                       "/nothing.sock\n    accounts:\n      inspect:\n        user: default\n"));
  }
  ~CommandLineTest() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(config_, text, 0600).ok());
  }

  std::string folder_;
  std::string config_;
};

TEST_F(CommandLineTest, WrongUsageIsTwo) {
  EXPECT_EQ(RunMain({}), 2);
  EXPECT_EQ(RunMain({"fly"}), 2);
  EXPECT_EQ(RunMain({"run"}), 2);
  EXPECT_EQ(RunMain({"run", "--config"}), 2);
  EXPECT_EQ(RunMain({"enroll", "--config", config_}), 2);
  EXPECT_EQ(RunMain({"--help"}), 0);
  EXPECT_EQ(RunMain({"version"}), 0);
  EXPECT_EQ(RunMain({"--version"}), 0);
}

TEST_F(CommandLineTest, ABadOrMissingConfigurationIsTwo) {
  Write("name: [\n");
  EXPECT_EQ(RunMain({"check-config", "--config", config_}), 2);
  EXPECT_EQ(RunMain({"run", "--config", config_}), 2);
  EXPECT_EQ(RunMain({"run", "--config", folder_ + "/absent.yaml"}), 2);
}

TEST_F(CommandLineTest, WithoutIdentityAndTokenTheAgentDoesNotStart) {
  EXPECT_EQ(RunMain({"run", "--config", config_}), 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/data/journal"));
}

TEST_F(CommandLineTest, CheckConfigNamesTheAccountThatDoesNotWork) {
  std::ostringstream out;
  EXPECT_EQ(CheckConfig(config_, out), 1);
  EXPECT_THAT(out.str(), HasSubstr("cache"));
  EXPECT_THAT(out.str(), HasSubstr("inspect"));
  EXPECT_THAT(out.str(), HasSubstr("(none)"));
}

TEST_F(CommandLineTest, GrantsKnowsItsInstances) {
  std::ostringstream out;
  EXPECT_EQ(PrintGrants(config_, "cache", out), 0);
  EXPECT_FALSE(out.str().empty());
  EXPECT_EQ(PrintGrants(config_, "other", out), 1);
}

TEST_F(CommandLineTest, GrantsNeedsNoPasswordFilesWhichOthersDo) {
  Write(absl::StrCat(
      "name: db1\ncontroller: 127.0.0.1:1\ndata_dir: ", folder_, "/data\nbackup_dir: ", folder_,
      "/backups\n", "instances:\n  - name: orders\n    engine: postgresql\n    socket: ", folder_,
      "\n    accounts:\n      migrate:\n        user: m\n        password_file: ", folder_,
      "/not-there-yet\n"));
  std::ostringstream out;
  EXPECT_EQ(PrintGrants(config_, "", out), 0);
  EXPECT_THAT(out.str(), HasSubstr("CREATE ROLE \"m\""));
  EXPECT_THAT(out.str(), HasSubstr("GRANT <owner> TO \"m\"")) << "nobody could be asked";
  EXPECT_EQ(CheckConfig(config_, out), 2);
}

TEST_F(CommandLineTest, AnUnknownCommandIsNamed) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunMain({"witnes", "show"}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("dbfleet-agent: unknown command \"witnes\" (did you mean \"witness\"?)"));
}

TEST_F(CommandLineTest, AllProblemsComeAtOnceAlsoBesideUnknownFields) {
  Write("contoller: a:1\nwhatever: 1\nanything: 2\nname: \"\"\n");
  const absl::Status status = LoadConfig(config_).status();
  for (const char* part : {"contoller", "whatever", "data_dir: is missing", "name: is missing"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  }
  const std::string text(status.message());
  EXPECT_EQ(text.find("known here"), text.rfind("known here")) << "the list stands there once";
}

InstanceSpec MariaDb() {
  InstanceSpec spec;
  spec.engine = work::v1::ENGINE_MYSQL;
  spec.inspect = {"i", ""};
  spec.backup = {"b", ""};
  spec.migrate = {"m", ""};
  return spec;
}

std::string Missing(AccountUse use, const std::vector<std::string>& grants) {
  return absl::StrJoin(MissingMysqlRights(MariaDb(), use, true, grants, {"shop", "common"}), "; ");
}

TEST(MissingMysqlRightsTest, NothingIsMissingWithWhatGrantsPrints) {
  EXPECT_EQ(Missing(AccountUse::kInspect,
                    {"GRANT SELECT, PROCESS, BINLOG MONITOR, SHOW VIEW, SLAVE MONITOR ON *.* TO "
                     "`i`@`localhost`"}),
            "");
  EXPECT_EQ(
      Missing(AccountUse::kBackup,
              {"GRANT SELECT, RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR, SHOW VIEW, EVENT, "
               "TRIGGER, SLAVE MONITOR ON *.* TO `b`@`localhost`"}),
      "");
  EXPECT_EQ(Missing(AccountUse::kMigrate, {"GRANT USAGE ON *.* TO `m`@`localhost`",
                                           "GRANT ALL PRIVILEGES ON `shop`.* TO `m`@`localhost`"}),
            "");
}

TEST(MissingMysqlRightsTest, AnAccountWithoutRightsIsToldWhatItLacks) {
  const std::vector<std::string> none = {"GRANT USAGE ON *.* TO `x`@`localhost`"};
  EXPECT_EQ(Missing(AccountUse::kInspect, none),
            "GRANT SELECT, PROCESS, SLAVE MONITOR ON *.* TO 'i'");
  const std::string backup = Missing(AccountUse::kBackup, none);
  EXPECT_THAT(backup, HasSubstr("GRANT PROCESS, REPLICATION CLIENT, RELOAD ON *.* TO 'b'"));
  EXPECT_THAT(backup, HasSubstr("TRIGGER ON `shop`.*"));
  EXPECT_THAT(Missing(AccountUse::kMigrate, none), HasSubstr("ON `<database>`.* TO 'm'"));
}

TEST(MissingMysqlRightsTest, AMigrationAccountWithHalfTheRightsOfADatabaseIsToldTheOthers) {
  const std::string text =
      Missing(AccountUse::kMigrate, {"GRANT SELECT, INSERT, ALTER ON `shop`.* TO `m`@`localhost`"});
  EXPECT_THAT(text, HasSubstr("GRANT UPDATE, DELETE, CREATE, DROP, INDEX"));
  EXPECT_THAT(text, HasSubstr("ON `shop`.* TO 'm'"));
  EXPECT_THAT(text, Not(HasSubstr("common"))) << "it is not meant to be changed";
}

TEST(SpecsOfTest, CarriesEverythingOver) {
  config::v1::AgentConfig config;
  auto* instance = config.add_instances();
  instance->set_name("orders");
  instance->set_engine("postgresql");
  instance->set_host("h");
  instance->set_port(5433);
  instance->set_default_database("shop");
  instance->mutable_accounts()->mutable_backup()->set_user("b");
  instance->mutable_accounts()->mutable_backup()->set_password_file("/p");
  const InstanceSpec spec = SpecsOf(config)[0];
  EXPECT_EQ(spec.engine, work::v1::ENGINE_POSTGRESQL);
  EXPECT_EQ(spec.endpoint.Describe(), "h:5433");
  EXPECT_EQ(spec.default_database, "shop");
  EXPECT_FALSE(spec.inspect.has_value());
  ASSERT_TRUE(spec.backup.has_value());
  EXPECT_EQ(spec.backup->password_file, "/p");
}

}  // namespace
}  // namespace dbfleet::agent
