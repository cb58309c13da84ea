#include "agent/config/agent_config.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using ::testing::HasSubstr;

class AgentConfigTest : public ::testing::Test {
 protected:
  AgentConfigTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    Write("password", "s3cret\n", 0600);
  }
  ~AgentConfigTest() override { std::filesystem::remove_all(folder_); }
  std::string Write(const std::string& name, const std::string& text, int mode) {
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/" + name, text, mode).ok());
    return folder_ + "/" + name;
  }
  std::string Good() {
    return absl::StrCat(
        "name: db1\ncontroller: controller.example:7443\ndata_dir: /var/lib/dbfleet-agent\n"
        "backup_dir: /var/backups/dbfleet\ninstances:\n"
        "  - name: orders\n    engine: mysql\n    socket: /run/mysqld/mysqld.sock\n"
        "    accounts:\n      inspect:\n        user: dbfleet_inspect\n        password_file: ",
        folder_, "/password\n");
  }
  absl::StatusOr<LoadedConfig> Load(const std::string& text) {
    return LoadConfig(Write("agent.yaml", text, 0600));
  }

  std::string folder_;
};

TEST_F(AgentConfigTest, FillsInTheDefaults) {
  const auto loaded = Load(Good() + "  - name: cache\n    engine: redis\n    host: 10.0.0.7\n");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.check_interval().seconds(), 60);
  EXPECT_EQ(loaded->config.metrics_interval().seconds(), 15);
  EXPECT_EQ(loaded->config.journal_max_bytes(), 64 << 20);
  EXPECT_EQ(loaded->config.metrics_listen(), "127.0.0.1:0");
  EXPECT_EQ(loaded->config.instances(1).port(), 6379);
}

TEST_F(AgentConfigTest, NamesAllProblemsInOneError) {
  Write("open", "x", 0644);
  const auto loaded = Load(absl::StrCat(
      "name: DB1\ncontroller: nowhere\ndata_dir: relative\ninstances:\n"
      "  - name: orders\n    engine: oracle\n    host: h\n    port: 70000\n"
      "  - name: orders\n    engine: mysql\n"
      "  - name: pay\n    engine: postgresql\n    host: h\n    accounts:\n"
      "      backup:\n        password_file: ",
      folder_, "/open\n", "check_interval: 0s\njournal_max_bytes: 5\nlog:\n  level: loud\n"));
  ASSERT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(loaded.status()), "BAD_CONFIG");
  const std::string message(loaded.status().message());
  for (const char* part :
       {"name", "controller: \"nowhere\"", "data_dir: \"relative\"", "backup_dir: is missing",
        "\"oracle\" is unknown", "70000 is not a port", "the name of an earlier instance",
        "needs a socket, or a host", "accounts.backup.user: is missing", "/open", "check_interval",
        "journal_max_bytes", "\"loud\""}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
}

TEST_F(AgentConfigTest, OneServerUnderTwoNamesIsRefused) {
  const auto loaded =
      Load(Good() + "  - name: again\n    engine: mysql\n    socket: /run/mysqld/mysqld.sock\n");
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("the address of an earlier"));
}

TEST_F(AgentConfigTest, UnknownFieldsAreRefused) {
  EXPECT_EQ(ReasonOf(Load(Good() + "controler: x\n").status()), "BAD_YAML");
}

TEST_F(AgentConfigTest, TheErrorDoesNotShowAPassword) {
  Write("password", "s3cret\n", 0644);
  const auto loaded = Load(Good());
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(std::string(loaded.status().message()), ::testing::Not(HasSubstr("s3cret")));
}

TEST_F(AgentConfigTest, TheLocalPolicyForbidsPerActionAndPerInstance) {
  const std::string policy =
      Write("policy.yaml", "forbid:\n  - backup\n  - migrate:orders\n", 0600);
  const auto loaded = Load(absl::StrCat(Good(), "local_policy_file: ", policy, "\n"));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(loaded->policy.Forbids("backup", "anything"));
  EXPECT_TRUE(loaded->policy.Forbids("migrate", "orders"));
  EXPECT_FALSE(loaded->policy.Forbids("migrate", "other"));
  EXPECT_THAT(loaded->policy.ForbiddenOn("orders"), ::testing::ElementsAre("backup", "migrate"));
}

TEST_F(AgentConfigTest, AMisspeltBanIsAnError) {
  for (const char* entry : {"migrations", "migrate:order", "migrate:"}) {
    const std::string policy =
        Write("policy.yaml", absl::StrCat("forbid: [\"", entry, "\"]\n"), 0600);
    const auto loaded = Load(absl::StrCat(Good(), "local_policy_file: ", policy, "\n"));
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument) << entry;
  }
}

TEST_F(AgentConfigTest, AMissingPolicyFileIsAnErrorNotAnEmptyPolicy) {
  EXPECT_FALSE(Load(Good() + "local_policy_file: /nonexistent/policy.yaml\n").ok());
}

}  // namespace
}  // namespace dbfleet::agent
