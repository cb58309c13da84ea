#include "common/sql/active_record/framework_calls.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

std::string Shown(absl::string_view name) { return SanitizeForDisplay(Truncate(name, 60)); }

// The last name of what is called on, in lower case: $this->redis, @redis, \Redis.
std::string LastName(absl::string_view receiver) {
  const size_t start = receiver.find_last_of("$@>.\\:");
  if (start != absl::string_view::npos) receiver.remove_prefix(start + 1);
  return absl::AsciiStrToLower(receiver);
}

bool IsRedisClient(absl::string_view holder) {
  static constexpr absl::string_view kNames[] = {"predis", "redis", "redis_client",
                                                 "redis_connection", "redisclient"};
  const std::string name = LastName(holder);
  return IsOneOf(name, kNames) || absl::EndsWith(name, "_redis");
}

// By the manuals of Redis 7, phpredis, Predis and redis-rb: what only reads, and what is about the
// connection alone.
bool OnlyReadsRedis(absl::string_view method) {
  // clang-format off
  static constexpr absl::string_view kNames[] = {
      "auth", "bitcount", "bitpos", "close", "connect", "connected?", "current", "dbsize",
      "disconnect", "disconnect!", "echo", "exists", "exists?", "get", "getbit", "getlasterror",
      "getoption", "getrange", "hexists", "hget", "hgetall", "hkeys", "hlen", "hmget", "hscan",
      "hscan_each", "hstrlen", "hvals", "id", "info", "isconnected", "lindex", "llen", "lrange",
      "mapped_hmget", "mapped_mget", "mget", "new", "pconnect", "ping", "pttl", "quit",
      "randomkey", "scan", "scan_each", "scard", "sdiff", "select", "setoption", "sinter",
      "sismember", "smembers", "sscan", "sscan_each", "strlen", "sunion", "time", "ttl", "type",
      "xlen", "xrange", "xrevrange", "zcard", "zcount", "zrange", "zrangebyscore", "zrank",
      "zrevrange", "zrevrangebyscore", "zrevrank", "zscan", "zscan_each", "zscore"};
  // clang-format on
  return IsOneOf(absl::AsciiStrToLower(method), kNames);
}

std::string DoubtOfKeys() {
  return "calls keys of a client of Redis, which blocks the server while it looks at every key; "
         "scan goes through them step by step";
}

// What asks about the object, whatever it is.
bool AsksAboutObject(absl::string_view method) {
  static constexpr absl::string_view kNames[] = {"blank?",   "inspect",     "is_a?", "nil?",
                                                 "present?", "respond_to?", "to_s"};
  return IsOneOf(method, kNames);
}

// Of select and new it is not seen that they are a client's.
bool OnlyReadsConstant(absl::string_view method) {
  return AsksAboutObject(method) ||
         (OnlyReadsRedis(method) && method != "current" && method != "new" && method != "select");
}

// Whatever is called on such a constant but the commands that read.
std::string DoubtOfConstantOfRedis(const HostChain& chain) {
  if (absl::StrContains(chain.receiver, '[')) {
    return absl::StrCat("indexes ", Shown(chain.receiver), ", by its name a client of Redis");
  }
  for (const HostCall& call : chain.calls) {
    const bool first = &call == &chain.calls[0];
    if (call.op != HostOperator::kNone) return "writes with an operator to a client of Redis";
    if (first && call.name == "keys") return DoubtOfKeys();
    if (first && !OnlyReadsConstant(call.name)) {
      return absl::StrCat("calls ", Shown(call.name),
                          " of a client of Redis, which is not known to only read");
    }
    if (!first && (NamesMethodThatWrites(call.name) || call.name.back() == '!')) {
      return absl::StrCat("calls ", Shown(call.name), " of what a client of Redis gave");
    }
  }
  return "";
}

}  // namespace

// REDIS, Shop::REDIS_POOL, CACHE_REDIS, RedisPool: by its name a constant that holds a client, or a
// pool of them. A name proves nothing, so that it allows a few commands and hides no call.
bool IsConstantOfRedis(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kClasses[] = {
      "RedisCache", "RedisConnection", "RedisConnectionPool", "RedisDb",
      "RedisPool",  "RedisStore",      "RedisWrapper"};
  if (program.php() || chain.receiver_kind != Receiver::kClass) return false;
  absl::string_view name = chain.receiver;
  name = name.substr(0, name.find('['));
  name = name.substr(name.rfind(':') + 1);
  return name == "REDIS" || absl::StartsWith(name, "REDIS_") || absl::EndsWith(name, "_REDIS") ||
         absl::StrContains(name, "_REDIS_") || IsOneOf(name, kClasses);
}

bool OnlyReadsConstantOfRedis(const HostProgram& program, const HostChain& chain) {
  return IsConstantOfRedis(program, chain) && DoubtOfConstantOfRedis(chain).empty();
}

namespace {

// Cache::getRedis(), $store->getRedis(); of Laravel's cache also Cache::connection().
bool GivesClient(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  static constexpr absl::string_view kNames[] = {"getpredis", "getredis", "getredisclient",
                                                 "redis"};
  if (!program.php() || call.is_property) return false;
  const std::string name = absl::AsciiStrToLower(call.name);
  const bool of_cache =
      chain.receiver_kind == Receiver::kClass && LastName(chain.receiver) == "cache";
  return (IsOneOf(name, kNames) && call.arguments.empty()) ||
         (of_cache && (name == "connection" || name == "lockconnection"));
}

// Redis, Redis::Namespace, Predis\Client
bool IsClassOfRedis(absl::string_view name) {
  while (!name.empty() && (name[0] == '\\' || name[0] == ':')) name.remove_prefix(1);
  return IsRedisClient(name) || absl::StartsWith(name, "Redis::") ||
         absl::StartsWith(name, "Predis\\");
}

}  // namespace

bool GivesRedis(const HostProgram& program, size_t value) {
  const HostToken& first = program[value];
  if (program.php() && first.IsName("new")) return IsClassOfRedis(program[value + 1].text);
  const std::optional<HostChain> chain = program.ChainAt(value, program.size());
  if (!chain.has_value()) {
    const bool name = first.kind == HostTokenKind::kVariable || first.kind == HostTokenKind::kName;
    return name && IsRedisClient(first.text);
  }
  const HostCall& last = chain->calls.back();
  if (GivesClient(program, *chain, last)) return true;
  // Of a class what makes one; of an object what is called so: app.redis, @store.redis.
  static constexpr absl::string_view kMakes[] = {"client", "connection", "current", "new"};
  if (chain->receiver_kind == Receiver::kClass && chain->calls.size() == 1) {
    return IsClassOfRedis(chain->receiver) && IsOneOf(absl::AsciiStrToLower(last.name), kMakes);
  }
  return (last.is_property || last.bare()) && IsRedisClient(last.name);
}

// Of the first command that the client is given.
std::string DoubtOfRedis(const HostProgram& program, const HostChain& chain,
                         const HostVariables* variables) {
  if (IsConstantOfRedis(program, chain)) return DoubtOfConstantOfRedis(chain);
  const auto held = [&](absl::string_view name) {
    return variables != nullptr && variables->MayHoldRedis(name);
  };
  bool client = chain.receiver_kind != Receiver::kNone &&
                (IsRedisClient(chain.receiver) || held(chain.receiver));
  const bool of_class = chain.receiver_kind == Receiver::kClass;
  for (const HostCall& call : chain.calls) {
    if (call.op != HostOperator::kNone) return "";
    if (!client) {
      const bool own = chain.receiver == "$this" || chain.receiver == "self";
      client = GivesClient(program, chain, call) ||
               ((call.is_property || call.bare()) &&
                (IsRedisClient(call.name) ||
                 (own && &call == &chain.calls[0] && held(absl::StrCat("->", call.name)))));
      continue;
    }
    if (call.is_property) return "";
    const bool made = of_class && &call == &chain.calls[0] && !chain.receiver.empty() &&
                      (call.name == "new" || call.name == "current");
    if (made) continue;
    // Of a hash it would compute; here it is the command that goes through everything there is.
    if (absl::EqualsIgnoreCase(call.name, "keys")) {
      return DoubtOfKeys();
    }
    if (OnlyReadsRedis(call.name) || IsPureHostFunction(call.name)) return "";
    return absl::StrCat("calls ", Shown(call.name),
                        " of a client of Redis, which is not known to only read");
  }
  return "";
}

namespace {

// Auth::login($user), Auth::guard('web')->logout(), auth()->attempt($credentials, true)
std::string DoubtOfSigningIn(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {
      "attempt",      "attemptwhen",        "basic",  "login",
      "loginusingid", "logoutotherdevices", "logout", "logoutcurrentdevice"};
  if (!program.php()) return "";
  const bool auth = chain.receiver_kind == Receiver::kClass
                        ? LastName(chain.receiver) == "auth"
                        : chain.receiver_kind == Receiver::kNone &&
                              absl::EqualsIgnoreCase(chain.calls[0].name, "auth");
  if (!auth) return "";
  const auto found = std::find_if(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
    return !call.is_property && IsOneOf(absl::AsciiStrToLower(call.name), kNames);
  });
  return found == chain.calls.end()
             ? ""
             : absl::StrCat("calls ", Shown(found->name),
                            ", which writes by what the user is remembered, or the password anew");
}

bool RunsOthers(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "artisan", "call", "callonce", "callsilent", "callsilently", "callwith", "seed"};
  return IsOneOf(absl::AsciiStrToLower(name), kNames);
}

// Of Laravel's "migrate:...", which may be shortened as far as it stays clear; not a sentence or
// the key of a translation.
bool NamesMigration(absl::string_view text) {
  static constexpr absl::string_view kNames[] = {"fresh", "install",  "make",  "refresh",
                                                 "reset", "rollback", "status"};
  if (!absl::ConsumePrefix(&text, "migrate:")) return false;
  if (text.empty()) return true;  // The program joins it with the rest.
  const auto end = std::find_if(text.begin(), text.end(), [](unsigned char c) {
    return !absl::ascii_isalnum(c) && c != '_';
  });
  const absl::string_view word = text.substr(0, static_cast<size_t>(end - text.begin()));
  return !word.empty() &&
         std::any_of(std::begin(kNames), std::end(kNames),
                     [&](absl::string_view name) { return absl::StartsWith(name, word); });
}

// 'db:wipe', 'migrate:fresh --seed', 'doctrine:schema:drop'
bool NamesCommand(absl::string_view text) {
  for (absl::string_view command :
       {"db:seed", "db:wipe", "doctrine:database:", "doctrine:fixtures:", "doctrine:migrations:",
        "doctrine:query:", "doctrine:schema:"}) {
    if (absl::StartsWith(text, command)) return true;
  }
  return NamesMigration(text);
}

// Cache::store('redis')->flush(), cache()->clear(), Rails.cache.delete_matched("*"): of one key,
// and with a life of its own, a cache is written all the time; these empty it for everybody.
std::string DoubtOfCache(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {"clear", "delete_matched", "flush", "flushlocks"};
  const absl::string_view first = chain.calls[0].name;
  const bool cache =
      program.php()
          ? (chain.receiver_kind == Receiver::kClass && LastName(chain.receiver) == "cache") ||
                (chain.receiver_kind == Receiver::kNone && absl::EqualsIgnoreCase(first, "cache"))
          : chain.receiver == "Rails" && first == "cache";
  if (!cache) return "";
  for (const HostCall& call : chain.calls) {
    if (absl::EqualsIgnoreCase(call.name, "tags")) return "";  // Only what bears them.
    if (call.is_property || !IsOneOf(absl::AsciiStrToLower(call.name), kNames)) continue;
    return absl::StrCat("calls ", Shown(call.name), ", which empties the cache");
  }
  return "";
}

// $schedule->command('db:wipe'), new ArrayInput(['command' => 'doctrine:schema:drop'])
std::string DoubtOfCommand(const HostProgram& program, const HostChain& chain) {
  if (!program.php()) {
    const bool seeds = chain.receiver == "Rails" &&
                       std::any_of(chain.calls.begin(), chain.calls.end(),
                                   [](const HostCall& call) { return call.name == "load_seed"; });
    return seeds ? "runs the seeds, which are not seen" : "";
  }
  for (const HostCall& call : chain.calls) {
    for (const HostRange& argument : call.arguments) {
      for (size_t i = argument.begin; i < argument.end; ++i) {
        const HostToken& token = program[i];
        if (token.kind == HostTokenKind::kString && !token.parts.empty() &&
            !token.parts[0].is_code && NamesCommand(token.parts[0].text)) {
          return absl::StrCat("names the command ", Shown(token.parts[0].text),
                              ", which writes where it is run");
        }
      }
    }
  }
  return "";
}

}  // namespace

std::string DoubtOfFramework(const HostProgram& program, const HostChain& chain,
                             const HostVariables& variables, bool own_call) {
  const HostCall& call = chain.calls[0];
  if (program.php() && chain.receiver == "$this" && !own_call && call.has_parens &&
      RunsOthers(call.name)) {
    return absl::StrCat("calls ", Shown(call.name),
                        ", which runs a command or seeder that is not seen");
  }
  if (std::string doubt = DoubtOfCommand(program, chain); !doubt.empty()) return doubt;
  if (std::string doubt = DoubtOfSigningIn(program, chain); !doubt.empty()) return doubt;
  if (std::string doubt = DoubtOfCache(program, chain); !doubt.empty()) return doubt;
  return DoubtOfRedis(program, chain, &variables);
}

}  // namespace dbfleet::sql
