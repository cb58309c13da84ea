#include "controller/cli/usage.h"

#include <set>

#include "CLI/CLI.hpp"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "controller/cli/table.h"
#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class UsageTest : public CliTest {};

TEST_F(UsageTest, AnUnknownWordIsNamedWithTheNearestCommand) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"chnage"}, "unknown command \"chnage\" (did you mean \"change\"?)"},
      {{"-o", "json", "jobs", "list"}, "unknown command \"jobs\" (did you mean \"job\"?)"},
      {{"job", "lisst"}, "unknown command \"job lisst\" (did you mean \"list\"?)"},
      {{"job", "--context", "x", "gte", "y"},
       "unknown command \"job gte\" (did you mean \"get\"?)"},
      {{"approve", "01J"}, "(did you mean \"change approve\" or \"proposal approve\"?)"},
      {{"frobnicate"}, "unknown command \"frobnicate\"; see: dbfleet --help"},
      {{"job", "wait", "x", "--tiemout", "5m"}, "\"--tiemout\" (did you mean \"--timeout\"?)"},
      {{"job", "wait", "x", "--tiemout=5m"}, "unknown option \"--tiemout\""},
      {{"job"}, "\"job\" wants one of list, get"},
      {{}, "a command is missing"},
      {{"job", "get", "a", "surplus"}, "surplus"},
  };
  for (const auto& [arguments, wanted] : cases) {
    EXPECT_EQ(RunCli(arguments), 2) << absl::StrJoin(arguments, " ");
    EXPECT_THAT(err_, HasSubstr(wanted));
    EXPECT_EQ(out_, "");
  }
}

// As every other error: who says it, what, and where to look.
TEST_F(UsageTest, AMissingOptionIsToldInTheUsualForm) {
  EXPECT_EQ(RunCli({"change", "break-glass", "01J", "--waive", "approvals", "--reason", "R"}), 2);
  EXPECT_EQ(err_, "dbfleet: --for is required; see: dbfleet change break-glass --help\n");
}

TEST_F(UsageTest, VersionAsAnOptionSaysTheSameAsTheCommand) {
  ASSERT_EQ(RunCli({"version", "--client"}), 0);
  const std::string wanted = out_;
  EXPECT_EQ(RunCli({"--version"}), 0);
  EXPECT_EQ(out_, wanted);
  EXPECT_EQ(err_, "");
  ASSERT_EQ(RunCli({"version", "--client", "-o", "json"}), 0);
  const std::string json = out_;
  EXPECT_EQ(RunCli({"--version", "-o", "json"}), 0);
  EXPECT_EQ(out_, json);
}

TEST_F(UsageTest, TheHelpOfTheWholeCommandIsShort) {
  ASSERT_EQ(RunCli({"--help"}), 0);
  const std::vector<std::string> lines = absl::StrSplit(out_, '\n');
  EXPECT_LE(lines.size(), 40u);
  for (const std::string& line : lines) EXPECT_LE(DisplayWidth(line), 80u) << line;
  for (const char* word : {"login", "completion", "--output", "--context", "--version"}) {
    EXPECT_THAT(out_, HasSubstr(word));
  }
}

// The commands as `completion bash` knows them: "job list".
std::set<std::string> Commands(const std::string& script) {
  std::set<std::string> commands;
  const size_t from = script.find("_dbfleet_verbs() {");
  for (absl::string_view line :
       absl::StrSplit(script.substr(from, script.find("\n}\n", from) - from), '\n')) {
    const std::vector<std::string> parts = absl::StrSplit(line, '"');
    if (parts.size() == 5 && parts[3].empty()) commands.insert(parts[1]);  // A leaf.
  }
  return commands;
}

TEST_F(UsageTest, TheHelpOfEveryCommandHasAnExampleAndTheGlobalOptions) {
  ASSERT_EQ(RunCli({"completion", "bash"}), 0);
  const std::set<std::string> commands = Commands(out_);
  EXPECT_GT(commands.size(), 40u);
  for (const std::string& command : commands) {
    std::vector<std::string> arguments = absl::StrSplit(command, ' ');
    arguments.push_back("--help");
    ASSERT_EQ(RunCli(arguments), 0) << command;
    EXPECT_THAT(out_, HasSubstr("Example")) << command;
    EXPECT_THAT(out_, HasSubstr(absl::StrCat("\n  dbfleet ", command))) << command;
    EXPECT_THAT(out_, HasSubstr("-o, --output")) << command;
    EXPECT_THAT(out_, HasSubstr("--context")) << command;
  }
  for (const auto& [command, examples] : Examples()) {
    EXPECT_TRUE(commands.count(command) == 1) << command;
  }
}

std::vector<std::string> SplitExample(const std::string& example) {
  std::vector<std::string> words;
  const std::vector<std::string> parts = absl::StrSplit(example, '"');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i % 2 == 1) {
      words.push_back(parts[i]);
      continue;
    }
    for (absl::string_view word : absl::StrSplit(parts[i], ' ', absl::SkipEmpty())) {
      words.emplace_back(word);
    }
  }
  return words;
}

TEST_F(UsageTest, EveryExampleIsACommandLineThatHolds) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);  // Some write files.
  for (const auto& [command, examples] : Examples()) {
    for (const std::string& example : examples) {
      std::vector<std::string> words = SplitExample(example);
      ASSERT_EQ(words.front(), "dbfleet");
      words.erase(words.begin());
      EXPECT_NE(RunCli(words), 2) << example << ": " << err_;
    }
  }
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace dbfleet::cli
