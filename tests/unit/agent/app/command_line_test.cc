#include <stdlib.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/app/commands.h"
#include "agent/app/instances.h"
#include "common/base/files.h"

namespace dbfleet::agent {
namespace {

using ::testing::HasSubstr;

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
