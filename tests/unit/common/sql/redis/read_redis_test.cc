#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/sql/redis/command_table.h"
#include "common/sql/redis/redis.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Reading Read(absl::string_view text) { return ReadRedis(Dialect::kRedis, text); }

std::string UsesOf(absl::string_view text) {
  return absl::StrJoin(Read(text).verdict.uses, " ", [](std::string* out, const ObjectUse& use) {
    absl::StrAppend(out, use.name, ":", NameOf(use.access));
  });
}

TEST(ReadRedisTest, EveryCommandOfTheListIsCalledWhatTheListSays) {
  std::ifstream file(DBFLEET_SOURCE_DIR "/tests/testdata/sql/redis_commands.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line[0] == '#' || absl::StartsWith(line, "setup")) continue;
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(" | ", 1));
    const std::vector<std::string> words = absl::StrSplit(parts[0], ' ');
    const Verdict verdict = Read(parts[1]).verdict;
    EXPECT_EQ(NameOf(verdict.safety), words[0]) << parts[1];
    EXPECT_EQ(NameOf(verdict.kind), words.size() > 1 ? words[1] : "inspection") << parts[1];
    EXPECT_EQ(verdict.adds_only, words.back() == "adds") << parts[1];
    EXPECT_EQ(verdict.reasons.empty(), words[0] == "safe") << parts[1];
    EXPECT_EQ(verdict.understood || words[0] == "destructive", true) << parts[1];
    ++cases;
  }
  EXPECT_GT(cases, 200);
}

TEST(ReadRedisTest, NoCommandThatTheServerCallsWritingIsSafe) {
  int safe = 0;
  for (const RedisCommand& command : RedisCommands()) {
    const RedisDecision decision = DecisionFor(command);
    EXPECT_FALSE(decision.note.empty()) << command.name;
    if (decision.safety != Safety::kSafe) continue;
    ++safe;
    EXPECT_FALSE(HasFlag(command.flags, "write")) << command.name;
    EXPECT_FALSE(decision.transaction_control || decision.credentials || decision.blocks_server)
        << command.name;
    EXPECT_EQ(decision.kind, Kind::kInspection) << command.name;
  }
  EXPECT_GT(safe, 100);
}

TEST(ReadRedisTest, KeysAreNamedWithWhatIsDoneToThem) {
  EXPECT_EQ(UsesOf("GET a"), "a:read");
  EXPECT_EQ(UsesOf("MGET a \"b c\""), "a:read b c:read");
  EXPECT_EQ(UsesOf("MSET a 1 b 2"), "a:write b:write");
  EXPECT_EQ(UsesOf("COPY a b"), "a:read b:write");
  EXPECT_EQ(UsesOf("ZUNIONSTORE d 2 x y WEIGHTS 1 2"), "d:write x:read y:read");
  EXPECT_EQ(UsesOf("GEORADIUS g 1 2 3 km STORE d"), "g:read d:write");
  EXPECT_EQ(UsesOf("XREAD COUNT 5 STREAMS a b 0 0"), "a:read b:read");
  EXPECT_EQ(UsesOf("MIGRATE h 6379 \"\" 0 10 KEYS a b"), ":write a:write b:write");
  EXPECT_EQ(UsesOf("EVAL x 2 k1 k2 v"), "k1:write k2:write");
  EXPECT_EQ(UsesOf("SORT l BY x STORE d"), "l:read d:write");
  EXPECT_EQ(UsesOf("SSUBSCRIBE c"), "");
  EXPECT_EQ(UsesOf("DEL \"a\\x1b[0m\""), "a\\x1b[0m:write");
}

TEST(ReadRedisTest, NumbersOfKeysThatCannotBeAreNotUnderstood) {
  for (absl::string_view text : {"ZUNION 3 x y", "ZUNION -1 x y", "ZUNION 2147483648 x y",
                                 "SINTERCARD 99 a", "EVAL x 5 k"}) {
    EXPECT_FALSE(Read(text).verdict.understood) << text;
  }
}

TEST(ReadRedisTest, EffectsSayWhatBlocksAndWhatCanBeTakenBack) {
  EXPECT_EQ(Read("KEYS *").verdict.effects.blocks, Blocking::kReadsAndWrites);
  EXPECT_EQ(Read("FLUSHALL").verdict.effects.blocks, Blocking::kReadsAndWrites);
  EXPECT_EQ(Read("FLUSHALL ASYNC").verdict.effects.blocks, Blocking::kNothing);
  EXPECT_EQ(Read("GET a").verdict.effects.blocks, Blocking::kNothing);
  EXPECT_EQ(Read("GET a").verdict.effects.undo, Undo::kNothingToUndo);
  EXPECT_EQ(Read("SETNX a 1").verdict.effects.undo, Undo::kInverse);
  EXPECT_EQ(Read("DEL a").verdict.effects.undo, Undo::kBackup);
}

TEST(ReadRedisTest, WhatShowsPasswordsIsMarked) {
  for (absl::string_view text : {"CONFIG GET *", "ACL LIST", "ACL GETUSER default", "MONITOR"}) {
    EXPECT_TRUE(Read(text).verdict.credentials) << text;
  }
  EXPECT_FALSE(Read("CONFIG SET a b").verdict.credentials);
  for (absl::string_view text : {"CONFIG GET maxmemory", "config get MAXMEMORY save timeout"}) {
    EXPECT_EQ(Read(text).verdict.safety, Safety::kSafe) << text;
    EXPECT_EQ(Read(text).verdict.kind, Kind::kInspection) << text;
    EXPECT_FALSE(Read(text).verdict.credentials) << text;
  }
  for (absl::string_view text : {"CONFIG GET requirepass", "CONFIG GET maxmemory masterauth",
                                 "CONFIG GET max*", "CONFIG GET tls-key-file-pass"}) {
    EXPECT_EQ(Read(text).verdict.safety, Safety::kDestructive) << text;
    EXPECT_TRUE(Read(text).verdict.credentials) << text;
  }
}

TEST(ReadRedisTest, OnlyWhatMayStandInATransactionIsTransactional) {
  for (absl::string_view text : {"SET a 1", "GET a", "FLUSHALL", "BGSAVE"}) {
    EXPECT_TRUE(Read(text).verdict.transactional) << text;
  }
  for (absl::string_view text : {"SAVE", "MULTI", "WAIT 1 1", "SUBSCRIBE c", "NEW", "SHUTDOWN"}) {
    EXPECT_FALSE(Read(text).verdict.transactional) << text;
  }
}

TEST(ReadRedisTest, FactsNameTheCommandAndWhetherItsAnswerHasABound) {
  EXPECT_EQ(Read("config set a b").facts.command->name, "CONFIG SET");
  EXPECT_TRUE(Read("KEYS *").facts.command->dangerous);
  EXPECT_FALSE(Read("GET a").facts.command->dangerous);
  EXPECT_FALSE(Read("NEW a").facts.command.has_value());
  for (absl::string_view text :
       {"KEYS *", "SMEMBERS s", "hgetall h", "HKEYS h", "HVALS h", "LRANGE l 0 -1", "ZRANGE z 0 -1",
        "ZREVRANGE z 0 -1 WITHSCORES", "XRANGE s - +", "XREVRANGE s + -", "SORT_RO l",
        "ZRANGEBYSCORE z -inf +inf", "ZRANGE z - + BYLEX", "SUNION a b", "ZINTER 1 z",
        // Bounds that bound nothing.
        "LRANGE l 0 99999999", "LRANGE l 5 -2", "LRANGE l -99999999 -1", "LRANGE l -99999 99999",
        "ZRANGE z 0 99999 REV", "XRANGE s - + COUNT 99999999", "XRANGE s 5-0 + COUNT 99999999",
        "XRANGE s - + COUNT 5 COUNT 99999999", "XRANGE s 0 18446744073709551615", "XRANGE s 0-1 +",
        "XREVRANGE s + 0", "XREVRANGE s (+ 0-0", "XREAD STREAMS a b 5-0 0",
        "XREAD COUNT 0 STREAMS a 0", "XREAD COUNT -1 STREAMS a 0-0", "SORT_RO l LIMIT 0 -1",
        "SORT_RO l BY LIMIT GET x", "SORT_RO l LIMIT 0 5 LIMIT 0 99999999",
        "ZRANGEBYSCORE z (-inf inf LIMIT 0 -1", "ZRANGEBYSCORE z 1 2 LIMIT 0 99999999",
        "ZREVRANGEBYSCORE z 1e999 -1e999", "ZRANGE z -inf +inf BYSCORE LIMIT 0 -5",
        "SRANDMEMBER s 99999999", "HRANDFIELD h 99999999 WITHVALUES", "LPOS l x COUNT 0",
        "LPOS l x RANK 1 COUNT 99999999", "XPENDING s g - + 99999999",
        "XPENDING s g IDLE 1 - + 99999999"}) {
    EXPECT_TRUE(Read(text).facts.command->unbounded) << text;
  }
  for (absl::string_view text : {"GET a",
                                 "LRANGE l 0 10",
                                 "ZRANGE z 0 9",
                                 "XRANGE s - + COUNT 10",
                                 "SORT_RO l LIMIT 0 5",
                                 "ZRANGEBYSCORE z -inf +inf LIMIT 0 5",
                                 "ZRANGEBYSCORE z 5 +inf",
                                 "SCAN 0",
                                 "HGET h f",
                                 "LRANGE l -10 -1",
                                 "LRANGE l -5 99999999",
                                 "LRANGE l 99999990 99999999",
                                 "LRANGE l a b",
                                 "XRANGE s - + COUNT -1",
                                 "XRANGE s - + COUNT 0",
                                 "XRANGE s 5-0 6-0",
                                 "XREVRANGE s + 7-0",
                                 "XREAD STREAMS a $",
                                 "XREAD COUNT 10 STREAMS COUNT 0",
                                 "SORT_RO l LIMIT 0 5 BY LIMIT",
                                 "SRANDMEMBER s 5",
                                 "LPOS l x",
                                 "LPOS l x COUNT 3",
                                 "XPENDING s g",
                                 "XPENDING s g - + 10"}) {
    EXPECT_FALSE(Read(text).facts.command->unbounded) << text;
  }
}

TEST(ReadRedisTest, SeveralCommandsAreStacked) {
  const Reading reading = Read("GET a\nFLUSHALL");
  EXPECT_EQ(reading.verdict.safety, Safety::kDestructive);
  EXPECT_THAT(reading.verdict.reasons, ElementsAre(HasSubstr("more than one")));
  EXPECT_TRUE(reading.facts.injection.stacked);
  EXPECT_FALSE(Read("GET a").facts.injection.stacked);
  EXPECT_FALSE(Read("").facts.injection.stacked);
}

TEST(ReadRedisTest, ReasonsShowNoArguments) {
  for (absl::string_view text :
       {"AUTH hunter2", "CONFIG SET requirepass hunter2", "SET a hunter2", "ACL SETUSER x >hunter2",
        "ZUNION hunter2 a", "CONFIG hunter2 x"}) {
    for (const std::string& reason : Read(text).verdict.reasons) {
      EXPECT_THAT(absl::AsciiStrToLower(reason), testing::Not(HasSubstr("hunter2"))) << text;
    }
  }
}

}  // namespace
}  // namespace dbfleet::sql
