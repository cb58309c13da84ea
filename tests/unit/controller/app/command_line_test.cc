#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "controller/app/commands.h"
#include "controller/app/controller_config.h"

namespace dbfleet::controller {
namespace {

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/controller.yaml";
  }
  ~CommandLineTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& more) {
    const std::string text = absl::StrCat("data_dir: ", folder_, "/data\n", more);
    ASSERT_TRUE(WriteFileAtomically(path_, text, 0600).ok());
  }
  static int Main(std::vector<std::string> words) {
    words.insert(words.begin(), "dbfleet-controller");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return RunCommandLine(static_cast<int>(words.size()), argv.data());
  }

  std::string folder_;
  std::string path_;
};

TEST_F(CommandLineTest, ABadOrMissingConfigurationIsTwoAndMakesNothing) {
  for (const char* text : {"listen: [\n", "lisen: x:1\n", "lease: 1s\n", "log:\n  level: loud\n"}) {
    Write(text);
    EXPECT_EQ(Main({"check-config", "--config", path_}), 2) << text;
    EXPECT_EQ(Main({"run", "--config", path_}), 2) << text;
  }
  EXPECT_EQ(Main({"run", "--config", folder_ + "/missing.yaml"}), 2);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/data"));
  Write("");
  EXPECT_EQ(Main({"check-config", "--config", path_}), 0);
}

TEST_F(CommandLineTest, AnUnknownLogLevelIsNamedWithWhatIsKnown) {
  Write("log:\n  level: loud\n  format: xml\n");
  const absl::Status status = LoadConfig(path_).status();
  for (const char* part :
       {"log.level", "loud", "debug, info, warn or error", "log.format", "xml"}) {
    EXPECT_TRUE(absl::StrContains(status.message(), part)) << status;
  }
}

TEST_F(CommandLineTest, UnknownFieldsAndWrongValuesComeInOneError) {
  Write("lisen: x:1\nlog:\n  level: loud\nadvertise: [\"a b\", db.example, \"[::1]:7443\"]\n");
  const absl::Status status = LoadConfig(path_).status();
  for (const char* part : {"lisen", "log.level", "advertise[0]: is \"a b\""}) {
    EXPECT_TRUE(absl::StrContains(status.message(), part)) << status;
  }
  for (const char* good : {"advertise[1]", "advertise[2]"}) {
    EXPECT_FALSE(absl::StrContains(status.message(), good)) << status;
  }
}

TEST_F(CommandLineTest, WhereARestoreWasBrokenOffNothingIsStarted) {
  Write("");
  const std::string data = folder_ + "/data";
  std::filesystem::create_directory(data);
  ASSERT_TRUE(WriteFileAtomically(data + "/store.db.unfinished", "", 0600).ok());
  EXPECT_EQ(Main({"run", "--config", path_}), 1);
  EXPECT_EQ(Main({"recover", "--reason", "why", "--config", path_}), 1);
  EXPECT_FALSE(std::filesystem::exists(data + "/store.db"));
}

TEST_F(CommandLineTest, RecoveringWhereThereIsNoStoreMakesNone) {
  Write("");
  const std::string data = folder_ + "/data";
  std::filesystem::create_directory(data);
  EXPECT_EQ(Main({"recover", "--reason", "why", "--config", path_}), 1);
  EXPECT_TRUE(std::filesystem::is_empty(data)) << "a restore wants an empty folder";
}

TEST_F(CommandLineTest, AnUnknownCommandIsNamed) {
  const auto said = [](std::vector<std::string> words) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(Main(std::move(words)), 2);
    return testing::internal::GetCapturedStderr();
  };
  const std::string bogus = said({"bogus"});
  EXPECT_TRUE(absl::StrContains(bogus, "dbfleet-controller: unknown command \"bogus\"")) << bogus;
  const std::string near = said({"audit-key", "rotat"});
  EXPECT_TRUE(absl::StrContains(near, "\"audit-key rotat\" (did you mean \"rotate\"?)")) << near;
  const std::string none = said({});
  EXPECT_TRUE(absl::StrContains(none, "one of run, check-config, backup")) << none;
}

TEST_F(CommandLineTest, WrongUsageIsTwo) {
  EXPECT_EQ(Main({}), 2);
  EXPECT_EQ(Main({"fly"}), 2);
  EXPECT_EQ(Main({"run"}), 2);
  EXPECT_EQ(Main({"--help"}), 0);
  EXPECT_EQ(Main({"--version"}), 0);
}

}  // namespace
}  // namespace dbfleet::controller
