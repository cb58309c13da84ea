#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

#include "common/base/text.h"
#include "common/sql/redis/redis.h"

namespace dbfleet::sql {
namespace {

// Commands that only read. Not here: what waits (BLOCK), and CONFIG GET, which shows passwords.
// clang-format off
constexpr std::string_view kSafe[] = {
    "BITCOUNT", "BITFIELD_RO", "BITPOS", "DBSIZE", "ECHO", "EXISTS", "EXPIRETIME", "GEODIST",
    "GEOHASH", "GEOPOS", "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO", "GEOSEARCH", "GET", "GETBIT",
    "GETRANGE", "HEXISTS", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HRANDFIELD", "HSCAN",
    "HSTRLEN", "HVALS", "INFO", "LASTSAVE", "LINDEX", "LLEN", "LPOS", "LRANGE", "MGET",
    "PEXPIRETIME", "PING", "PTTL", "RANDOMKEY", "ROLE", "SCAN", "SCARD", "SDIFF", "SINTER",
    "SINTERCARD", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "SORT_RO", "SRANDMEMBER", "SSCAN",
    "STRLEN", "SUBSTR", "SUNION", "TIME", "TTL", "TYPE", "XLEN", "XPENDING", "XRANGE",
    "XREVRANGE", "ZCARD", "ZCOUNT", "ZINTERCARD", "ZLEXCOUNT", "ZMSCORE", "ZRANDMEMBER", "ZRANGE",
    "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK", "ZREVRANGE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE",
    "ZREVRANK", "ZSCAN", "ZSCORE"};
// clang-format on
static_assert(std::is_sorted(std::begin(kSafe), std::end(kSafe)));

// The same for commands with a subcommand.
// clang-format off
constexpr std::string_view kSafeSub[] = {
    "ACL WHOAMI", "CLIENT GETNAME", "CLIENT ID", "CLIENT INFO", "CLIENT LIST",
    "CLUSTER COUNTKEYSINSLOT", "CLUSTER INFO", "CLUSTER KEYSLOT", "CLUSTER MYID", "CLUSTER NODES",
    "CLUSTER SHARDS", "CLUSTER SLOTS", "COMMAND COUNT", "COMMAND DOCS", "COMMAND INFO",
    "COMMAND LIST", "LATENCY DOCTOR", "LATENCY HISTORY", "LATENCY LATEST", "MEMORY DOCTOR",
    "MEMORY STATS", "MEMORY USAGE", "MODULE LIST", "OBJECT ENCODING", "OBJECT FREQ",
    "OBJECT IDLETIME", "OBJECT REFCOUNT", "PUBSUB CHANNELS", "PUBSUB NUMPAT", "PUBSUB NUMSUB",
    "SLOWLOG GET", "SLOWLOG LEN", "XINFO CONSUMERS", "XINFO GROUPS", "XINFO STREAM"};
// clang-format on
static_assert(std::is_sorted(std::begin(kSafeSub), std::end(kSafeSub)));

// Commands that change data, or run code that may.
// clang-format off
constexpr std::string_view kData[] = {
    "APPEND", "BITFIELD", "BITOP", "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP",
    "BZPOPMAX", "BZPOPMIN", "COPY", "DECR", "DECRBY", "DEL", "EVAL", "EVALSHA", "EVALSHA_RO",
    "EVAL_RO", "EXPIRE", "EXPIREAT", "FCALL", "FCALL_RO", "FLUSHALL", "FLUSHDB", "GEOADD",
    "GEORADIUS", "GEORADIUSBYMEMBER", "GEOSEARCHSTORE", "GETDEL", "GETEX", "GETSET", "HDEL",
    "HINCRBY", "HINCRBYFLOAT", "HMSET", "HSET", "HSETNX", "INCR", "INCRBY", "INCRBYFLOAT",
    "LINSERT", "LMOVE", "LMPOP", "LPOP", "LPUSH", "LPUSHX", "LREM", "LSET", "LTRIM", "MIGRATE",
    "MOVE", "MSET", "MSETNX", "PERSIST", "PEXPIRE", "PEXPIREAT", "PFADD", "PFCOUNT", "PFMERGE",
    "PSETEX", "RENAME", "RENAMENX", "RESTORE", "RPOP", "RPOPLPUSH", "RPUSH", "RPUSHX", "SADD",
    "SDIFFSTORE", "SET", "SETBIT", "SETEX", "SETNX", "SETRANGE", "SINTERSTORE", "SMOVE", "SORT",
    "SPOP", "SREM", "SUNIONSTORE", "SWAPDB", "TOUCH", "UNLINK", "XACK", "XADD", "XAUTOCLAIM",
    "XCLAIM", "XDEL", "XGROUP", "XREADGROUP", "XSETID", "XTRIM", "ZADD", "ZDIFFSTORE", "ZINCRBY",
    "ZINTERSTORE", "ZMPOP", "ZPOPMAX", "ZPOPMIN", "ZRANGESTORE", "ZREM", "ZREMRANGEBYLEX",
    "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZUNIONSTORE"};
// clang-format on
static_assert(std::is_sorted(std::begin(kData), std::end(kData)));

// Commands that write whole snapshots.
// clang-format off
constexpr std::string_view kUpkeep[] = {
    "BGREWRITEAOF", "BGSAVE", "SAVE"};
// clang-format on
static_assert(std::is_sorted(std::begin(kUpkeep), std::end(kUpkeep)));

// Transaction control.
// clang-format off
constexpr std::string_view kTransaction[] = {
    "DISCARD", "EXEC", "MULTI", "UNWATCH", "WATCH"};
// clang-format on
static_assert(std::is_sorted(std::begin(kTransaction), std::end(kTransaction)));

bool IsIn(absl::Span<const std::string_view> list, const std::string& word) {
  return std::binary_search(list.begin(), list.end(), std::string_view(word));
}

Verdict Destructive(Kind kind, std::string reason) {
  Verdict verdict;
  verdict.kind = kind;
  verdict.reasons.push_back(std::move(reason));
  return verdict;
}

bool HasArgument(const std::vector<std::string>& arguments, absl::string_view word) {
  return std::any_of(arguments.begin() + 1, arguments.end(), [&](const std::string& argument) {
    return absl::EqualsIgnoreCase(argument, word);
  });
}

Verdict Safe() {
  Verdict verdict;
  verdict.kind = Kind::kInspection;
  verdict.safety = Safety::kSafe;
  return verdict;
}

Verdict ClassifyCommand(const std::vector<std::string>& arguments) {
  const std::string name = absl::AsciiStrToUpper(arguments[0]);
  const std::string shown = SanitizeForDisplay(Truncate(name, 40));
  if (name == "KEYS") {
    return Destructive(Kind::kInspection,
                       "KEYS blocks the server while it walks all keys; use SCAN");
  }
  if (name == "XREAD" && !HasArgument(arguments, "BLOCK")) return Safe();
  if (IsIn(kSafe, name)) {
    // None of these takes STORE; should a version learn it, the command is not what it was.
    const bool of_a_storing_family = absl::StartsWith(name, "GEO") ||
                                     absl::StartsWith(name, "SORT") ||
                                     absl::StartsWith(name, "ZRANGE");
    const bool stores = HasArgument(arguments, "STORE") || HasArgument(arguments, "STOREDIST");
    if (!of_a_storing_family || !stores) return Safe();
    return Destructive(Kind::kDataFix, absl::StrCat(shown, " with STORE writes a key"));
  }
  if (arguments.size() > 1) {
    const std::string with_sub = absl::StrCat(name, " ", absl::AsciiStrToUpper(arguments[1]));
    if (IsIn(kSafeSub, with_sub)) return Safe();
    if (with_sub == "MEMORY PURGE") {
      return Destructive(Kind::kMaintenance, "MEMORY PURGE works on the whole server");
    }
  }
  if (name == "ACL" || name == "CONFIG") {
    return Destructive(Kind::kControl,
                       absl::StrCat(shown, " may show passwords or their hashes, or change them"));
  }
  if (IsIn(kData, name)) {
    return Destructive(Kind::kDataFix, absl::StrCat(shown, " changes data, or may"));
  }
  if (IsIn(kUpkeep, name)) {
    return Destructive(Kind::kMaintenance, absl::StrCat(shown, " writes the whole data set"));
  }
  if (IsIn(kTransaction, name)) {
    Verdict verdict = Destructive(Kind::kControl, absl::StrCat(shown, " is transaction control"));
    verdict.transactional = false;
    verdict.transaction_control = true;
    return verdict;
  }
  Verdict verdict =
      Destructive(Kind::kControl, absl::StrCat(shown,
                                               " is not in the list of commands known to "
                                               "only read"));
  verdict.transactional = false;
  return verdict;
}

}  // namespace

Verdict ClassifyRedis(absl::string_view text) {
  const absl::StatusOr<std::vector<Statement>> lines = SplitRedis(text);
  if (!lines.ok()) {
    return Destructive(Kind::kControl,
                       absl::StrCat("it cannot be read: ", lines.status().message()));
  }
  if (lines->size() != 1) {
    Verdict verdict = Destructive(Kind::kDataFix, lines->empty() ? "there is no command in it"
                                                                 : "it is more than one command");
    for (const Statement& line : *lines) {
      const Verdict one = ClassifyRedis(line.text);
      verdict.transactional = verdict.transactional && one.transactional;
      verdict.transaction_control = verdict.transaction_control || one.transaction_control;
    }
    return verdict;
  }
  const absl::StatusOr<std::vector<std::string>> arguments = ParseRedisCommand((*lines)[0].text);
  if (!arguments.ok() || arguments->empty()) {
    return Destructive(Kind::kControl, "it cannot be read");
  }
  return ClassifyCommand(*arguments);
}

}  // namespace dbfleet::sql
