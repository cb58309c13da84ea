#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/redis/answer_size.h"
#include "common/sql/redis/command_table.h"
#include "common/sql/redis/keys.h"
#include "common/sql/redis/redis.h"

namespace dbfleet::sql {
namespace {

using Arguments = std::vector<std::string>;

bool HasArgument(const Arguments& arguments, absl::string_view word, size_t from) {
  return from < arguments.size() &&
         std::any_of(arguments.begin() + static_cast<ptrdiff_t>(from), arguments.end(),
                     [&](const std::string& a) { return absl::EqualsIgnoreCase(a, word); });
}

Reading NotUnderstood(Kind kind, std::string reason) {
  Reading reading;
  reading.verdict.kind = kind;
  reading.verdict.transactional = false;
  reading.verdict.doubt = reason;
  reading.verdict.reasons.push_back(std::move(reason));
  return reading;
}

bool OnlyAdds(absl::string_view name, const Arguments& arguments) {
  if (name == "SETNX" || name == "MSETNX" || name == "HSETNX") return true;
  // Behind the key and its value, where every word is an option.
  return name == "SET" && HasArgument(arguments, "NX", 3) && !HasArgument(arguments, "XX", 3);
}

// COUNT of what goes through a collection in steps: how much is done while nobody else is served.
// Behind `from`; each COUNT counts, and 0 is all.
bool CountsFar(const Arguments& arguments, size_t from, bool zero_is_all) {
  for (size_t i = from; i < arguments.size(); ++i) {
    if (!absl::EqualsIgnoreCase(arguments[i], "COUNT")) continue;
    int64_t count = 0;
    if (i + 1 == arguments.size() || !absl::SimpleAtoi(arguments[i + 1], &count)) return true;
    if (count > kMostElements || (zero_is_all && count <= 0)) return true;
    ++i;
  }
  return false;
}

// What the arguments make worse than the command is by itself.
struct Worse {
  absl::string_view why;  // "" if nothing.
  Kind kind = Kind::kInspection;
  bool unbounded = false;  // While it goes on nobody else is served.
};

Worse WorsenedBy(absl::string_view name, const Arguments& arguments) {
  if (name == "XREAD") {
    // Behind STREAMS stand keys and places only.
    for (size_t i = 1; i < arguments.size(); ++i) {
      if (absl::EqualsIgnoreCase(arguments[i], "STREAMS")) break;
      if (absl::EqualsIgnoreCase(arguments[i], "BLOCK")) return {"with BLOCK waits"};
    }
  }
  // None of these takes STORE; should a version learn it, the command is not what it was.
  const bool of_a_storing_family = absl::StartsWith(name, "GEO") ||
                                   absl::StartsWith(name, "SORT") ||
                                   absl::StartsWith(name, "ZRANGE");
  if (of_a_storing_family &&
      (HasArgument(arguments, "STORE", 2) || HasArgument(arguments, "STOREDIST", 2))) {
    return {"with STORE writes a key", Kind::kDataFix};
  }
  // With a negative count they draw the same elements again and again.
  if ((name == "SRANDMEMBER" || name == "HRANDFIELD" || name == "ZRANDMEMBER") &&
      arguments.size() > 2) {
    int64_t count = 0;
    if (!absl::SimpleAtoi(arguments[2], &count) || count < -kMostElements) {
      return {"with such a negative count makes an answer of any size while nobody else is served",
              Kind::kInspection, true};
    }
  }
  // SAMPLES 0 is the whole value; it is as slow as the value is large, and blocks the server.
  if (name == "MEMORY USAGE" && HasArgument(arguments, "SAMPLES", 3)) {
    if (arguments.back() == "0") {
      return {"with SAMPLES 0 walks the whole value while nobody else is served", Kind::kInspection,
              true};
    }
    int64_t samples = 0;
    if (!absl::SimpleAtoi(arguments.back(), &samples) || samples > kMostElements) {
      return {"with so many SAMPLES walks the whole value while nobody else is served",
              Kind::kInspection, true};
    }
  }
  const bool scans = name == "SCAN" || name == "SSCAN" || name == "HSCAN" || name == "ZSCAN";
  if (scans && CountsFar(arguments, name == "SCAN" ? 2 : 3, false)) {
    return {"with so high a COUNT goes through all of it while nobody else is served",
            Kind::kInspection, true};
  }
  if (name == "XINFO STREAM" && CountsFar(arguments, 3, true)) {
    return {"with such a COUNT shows the whole stream while nobody else is served",
            Kind::kInspection, true};
  }
  return {};
}

void Worsen(absl::string_view name, const Worse& worse, Verdict* verdict) {
  verdict->safety = Safety::kDestructive;
  verdict->kind = Heavier(verdict->kind, worse.kind);
  verdict->reasons.push_back(absl::StrCat(name, " ", worse.why));
}

// Settings that hold no secret, by their whole names. Source: redis.conf of Redis 7.
bool ShowsPlainSettings(absl::string_view name, const Arguments& arguments) {
  static constexpr absl::string_view kPlain[] = {"activedefrag",
                                                 "appendfsync",
                                                 "appendonly",
                                                 "client-output-buffer-limit",
                                                 "cluster-enabled",
                                                 "databases",
                                                 "hz",
                                                 "io-threads",
                                                 "latency-monitor-threshold",
                                                 "lazyfree-lazy-eviction",
                                                 "lazyfree-lazy-expire",
                                                 "lazyfree-lazy-server-del",
                                                 "loglevel",
                                                 "maxclients",
                                                 "maxmemory",
                                                 "maxmemory-clients",
                                                 "maxmemory-policy",
                                                 "maxmemory-samples",
                                                 "min-replicas-max-lag",
                                                 "min-replicas-to-write",
                                                 "notify-keyspace-events",
                                                 "port",
                                                 "proto-max-bulk-len",
                                                 "rdbcompression",
                                                 "repl-backlog-size",
                                                 "repl-timeout",
                                                 "save",
                                                 "slowlog-log-slower-than",
                                                 "slowlog-max-len",
                                                 "stop-writes-on-bgsave-error",
                                                 "tcp-backlog",
                                                 "tcp-keepalive",
                                                 "timeout"};
  if (name != "CONFIG GET" || arguments.size() < 3) return false;
  return std::all_of(arguments.begin() + 2, arguments.end(), [](const std::string& setting) {
    return std::any_of(std::begin(kPlain), std::end(kPlain), [&](absl::string_view plain) {
      return absl::EqualsIgnoreCase(plain, setting);
    });
  });
}

Reading ReadKnown(const RedisCommand& command, const Arguments& arguments) {
  RedisDecision decision = DecisionFor(command);
  if (ShowsPlainSettings(command.name, arguments)) {
    decision = {Kind::kInspection, Safety::kSafe, ""};
  }
  RedisKeys keys = FindRedisKeys(command, arguments);
  Reading reading;
  Verdict& verdict = reading.verdict;
  verdict.kind = decision.kind;
  verdict.safety = decision.safety;
  verdict.understood = keys.complete;
  verdict.uses = std::move(keys.uses);
  verdict.transaction_control = decision.transaction_control;
  verdict.credentials = decision.credentials;
  verdict.transactional = decision.kind != Kind::kControl && !HasFlag(command.flags, "no_multi");
  if (decision.safety == Safety::kDestructive) {
    verdict.reasons.push_back(absl::StrCat(command.name, " ", decision.note));
  }
  const Worse worse = WorsenedBy(command.name, arguments);
  if (!worse.why.empty()) Worsen(command.name, worse, &verdict);
  if (!verdict.understood) {
    verdict.safety = Safety::kDestructive;
    verdict.doubt = absl::StrCat(command.name, ": its keys are not where they should stand");
    verdict.reasons.push_back(verdict.doubt);
  }
  const bool asynchronous = HasArgument(arguments, "ASYNC", 1);
  if (decision.blocks_server && !asynchronous) {
    verdict.effects.blocks = Blocking::kReadsAndWrites;
  }
  verdict.adds_only = OnlyAdds(command.name, arguments);
  verdict.effects.undo = verdict.kind == Kind::kInspection ? Undo::kNothingToUndo
                         : verdict.adds_only               ? Undo::kInverse
                                                           : Undo::kBackup;
  reading.facts.complete = verdict.understood;
  CommandFacts& facts = reading.facts.command.emplace();
  facts.name = std::string(command.name);
  facts.unbounded = IsUnboundedRead(command.name, arguments) || worse.unbounded;
  facts.dangerous = HasFlag(command.categories, "dangerous");
  return reading;
}

Reading ReadCommand(const Arguments& arguments) {
  std::string name = absl::AsciiStrToUpper(arguments[0]);
  // A space inside an argument is not the space before a subcommand.
  const RedisCommand* command = absl::StrContains(name, ' ') ? nullptr : FindRedisCommand(name);
  if (command != nullptr && NeedsSubcommand(*command) && arguments.size() > 1) {
    absl::StrAppend(&name, " ", absl::AsciiStrToUpper(arguments[1]));
    command = absl::StrContains(arguments[1], ' ') ? nullptr : FindRedisCommand(name);
  }
  if (command == nullptr) {
    // A word that is no subcommand may be anything; a reason shows no arguments.
    const std::string head = absl::AsciiStrToUpper(arguments[0]);
    const bool is_sub = !absl::StrContains(head, ' ') && FindRedisCommand(head) != nullptr;
    return NotUnderstood(
        Kind::kControl,
        absl::StrCat(SanitizeForDisplay(Truncate(head, 40)), is_sub ? " with this subcommand" : "",
                     " is not in the list of commands known to only read"));
  }
  const int count = static_cast<int>(arguments.size());
  // COMMAND alone lists all of them.
  const bool incomplete = NeedsSubcommand(*command) && command->arity != -1;
  if (incomplete || (command->arity >= 0 && count != command->arity) ||
      (command->arity < 0 && count < -command->arity)) {
    Reading reading =
        NotUnderstood(DecisionFor(*command).kind,
                      absl::StrCat(command->name,
                                   " has a wrong number of arguments, so it is not what it seems"));
    reading.verdict.transaction_control = DecisionFor(*command).transaction_control;
    return reading;
  }
  return ReadKnown(*command, arguments);
}

}  // namespace

Reading ReadRedis(const Target& target, absl::string_view text) {
  const absl::StatusOr<std::vector<Statement>> lines = SplitRedis(text);
  if (!lines.ok()) {
    return NotUnderstood(Kind::kControl,
                         absl::StrCat("it cannot be read: ", lines.status().message()));
  }
  if (lines->size() != 1) {
    Reading reading = NotUnderstood(Kind::kDataFix, lines->empty() ? "there is no command in it"
                                                                   : "it is more than one command");
    reading.verdict.transactional = true;
    reading.facts.injection.stacked = !lines->empty();
    for (const Statement& line : *lines) {
      const Verdict one = ReadRedis(target, line.text).verdict;
      reading.verdict.transactional = reading.verdict.transactional && one.transactional;
      reading.verdict.transaction_control =
          reading.verdict.transaction_control || one.transaction_control;
    }
    return reading;
  }
  const absl::StatusOr<Arguments> arguments = ParseRedisCommand((*lines)[0].text);
  if (!arguments.ok() || arguments->empty()) {
    return NotUnderstood(Kind::kControl, "it cannot be read");
  }
  return ReadCommand(*arguments);
}

}  // namespace dbfleet::sql
