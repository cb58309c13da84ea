// What the command table and the reader say, held against a real server.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/sql/redis/command_table.h"
#include "common/sql/redis/redis.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::sql {
namespace {

constexpr char kSource[] = DBFLEET_SOURCE_DIR;

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The lines of the list of commands that begin with `head`, without it.
std::vector<std::string> Listed(absl::string_view head) {
  std::vector<std::string> commands;
  for (absl::string_view line :
       absl::StrSplit(FileText(absl::StrCat(kSource, "/tests/testdata/sql/redis_commands.txt")),
                      '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(" | ", 1));
    if (absl::StartsWith(parts.first, head)) commands.emplace_back(parts.second);
  }
  return commands;
}

class RealRedisTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto launched = mini::MiniRedis::Launch({.extra = {"--enable-debug-command", "yes"}});
    ASSERT_TRUE(launched.ok()) << launched.status();
    server_ = launched->release();
    const auto filled = server_->Admin(absl::StrJoin(Listed("setup"), "\n"));
    ASSERT_TRUE(filled.ok()) << filled.status();
  }
  static void TearDownTestSuite() { delete server_; }

  static mini::MiniRedis* server_;
};
mini::MiniRedis* RealRedisTest::server_ = nullptr;

// All that a command could have changed. "rdb_changes_since_last_save" counts every write.
constexpr char kState[] =
    "ECHO state\nDEBUG DIGEST\nINFO keyspace\nCONFIG GET *\nACL LIST\nFUNCTION LIST\nPUBSUB "
    "NUMPAT\nINFO persistence\nINFO replication\nMODULE LIST\nACL LOG\nSLOWLOG LEN";

std::string StateAfter(mini::MiniServer* server, const std::string& command) {
  const auto answer = server->Admin(absl::StrCat(command, "\n", kState));
  EXPECT_TRUE(answer.ok()) << command << ": " << answer.status();
  if (!answer.ok()) return "";
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(*answer, absl::MaxSplits("state\n", 1));
  std::vector<std::string> kept;
  for (absl::string_view line : absl::StrSplit(parts.second, '\n')) {
    // What moves by itself.
    if (absl::StartsWith(line, "current_") || absl::StrContains(line, "avg_ttl") ||
        absl::StartsWith(line, "rdb_saves") || absl::StrContains(line, "cow")) {
      continue;
    }
    kept.emplace_back(line);
  }
  return absl::StrJoin(kept, "\n");
}

std::string FirstDifference(absl::string_view a, absl::string_view b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto around = [](absl::string_view text, absl::string_view::iterator at) {
    const size_t from = static_cast<size_t>(at - text.begin());
    return text.substr(from < 60 ? 0 : from - 60, 120);
  };
  return absl::StrCat("\n--- ", around(a, left), "\n+++ ", around(b, right));
}

TEST_F(RealRedisTest, TheTableIsTheServersOwn) {
  mini::Command command;
  command.argv = {"python3", absl::StrCat(kSource, "/tests/tools/redis_command_table")};
  command.identity = mini::ServerIdentity({});
  command.folder = "/tmp";
  const auto written = mini::Run(command);
  ASSERT_TRUE(written.ok()) << written.status();
  // Not EXPECT_EQ, which would print both.
  EXPECT_TRUE(*written == FileText(absl::StrCat(kSource, "/common/sql/redis/command_rows.cc")))
      << "the server's commands are not those of the table: see tests/tools/redis_command_table";
}

TEST_F(RealRedisTest, WhatIsCalledSafeChangesNothing) {
  const std::string before = StateAfter(server_, "PING");
  ASSERT_TRUE(absl::StrContains(before, "rdb_changes_since_last_save")) << before;
  int ran = 0;
  for (const std::string& command : Listed("safe")) {
    EXPECT_EQ(ReadRedis(Dialect::kRedis, command).verdict.safety, Safety::kSafe) << command;
    const std::string after = StateAfter(server_, command);
    EXPECT_TRUE(after == before) << command << FirstDifference(before, after);
    ++ran;
  }
  EXPECT_GT(ran, 100);
  // The comparison itself can fail.
  EXPECT_TRUE(StateAfter(server_, "SETNX new 1\nDEL new") != before);
}

TEST_F(RealRedisTest, EverySafeCommandOfTheTableHasBeenTried) {
  std::vector<std::string> tried;
  for (const std::string& command : Listed("safe")) {
    const Reading reading = ReadRedis(Dialect::kRedis, command);
    if (reading.facts.command.has_value()) tried.push_back(reading.facts.command->name);
  }
  for (const RedisCommand& command : RedisCommands()) {
    if (NeedsSubcommand(command) || DecisionFor(command).safety != Safety::kSafe) continue;
    const std::string name(command.name);
    // The same code prints all help texts; the others are errors on a server without a cluster,
    // an LFU policy, or anything slow.
    if (absl::EndsWith(name, " HELP") || absl::StartsWith(name, "CLUSTER ") ||
        name == "OBJECT FREQ" || name == "LATENCY GRAPH") {
      continue;
    }
    EXPECT_NE(std::find(tried.begin(), tried.end(), name), tried.end()) << name;
  }
}

TEST_F(RealRedisTest, KeysStandWhereTheServerFindsThem) {
  int compared = 0;
  std::vector<std::string> commands = Listed("safe");
  for (const std::string& command : Listed("destructive")) commands.push_back(command);
  for (const std::string& command : commands) {
    const Reading reading = ReadRedis(Dialect::kRedis, command);
    if (!reading.verdict.understood || reading.verdict.uses.empty()) continue;
    const auto answer = server_->Admin(absl::StrCat("COMMAND GETKEYS ", command));
    ASSERT_TRUE(answer.ok()) << command << ": " << answer.status();
    if (absl::StartsWith(command, "MIGRATE")) continue;  // The server names the empty key once.
    std::vector<std::string> keys;
    for (const ObjectUse& use : reading.verdict.uses) keys.push_back(use.name);
    EXPECT_EQ(absl::StrJoin(keys, " "),
              absl::StrJoin(absl::StrSplit(*answer, '\n', absl::SkipEmpty()), " "))
        << command;
    ++compared;
  }
  EXPECT_GT(compared, 80);
}

}  // namespace
}  // namespace dbfleet::sql
