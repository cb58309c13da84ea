#include <algorithm>
#include <iterator>

#include "common/sql/redis/command_table.h"

namespace dbfleet::sql {
namespace {

struct Review {
  absl::string_view name;
  RedisDecision decision;
};

constexpr RedisDecision Safe(absl::string_view why) {
  return {Kind::kInspection, Safety::kSafe, why};
}
constexpr RedisDecision Data(absl::string_view why) {
  return {Kind::kDataFix, Safety::kDestructive, why};
}
constexpr RedisDecision Control(absl::string_view why) {
  return {Kind::kControl, Safety::kDestructive, why};
}
constexpr RedisDecision Upkeep(absl::string_view why) {
  return {Kind::kMaintenance, Safety::kDestructive, why};
}
constexpr RedisDecision Transaction() {
  RedisDecision decision = Control("is transaction control");
  decision.transaction_control = true;
  return decision;
}
constexpr RedisDecision Secret(absl::string_view why) {
  RedisDecision decision = Control(why);
  decision.credentials = true;
  return decision;
}
constexpr RedisDecision Blocks(RedisDecision decision) {
  decision.blocks_server = true;
  return decision;
}

constexpr absl::string_view kOnlyShows = "shows the server's state";
constexpr absl::string_view kOnlyHelp = "prints a help text";
constexpr absl::string_view kScript = "runs a script, which may do anything";
constexpr absl::string_view kWaits = "waits for messages and takes over the connection";
constexpr absl::string_view kSession = "changes the session that later commands run in";

// What the server's flags say wrongly for us, or do not say. To add a row: the name as in
// command_rows.cc, in its place by name; a safe one only after reading what the server does (its
// implementation, not its documentation alone), and with a line in the truth test's list of
// commands (tests/testdata/sql/redis_commands.txt).
constexpr Review kReviewed[] = {
    {"ACL CAT", Safe("shows the names of categories")},
    {"ACL GETUSER", Secret("shows the hashes of passwords")},
    {"ACL HELP", Safe(kOnlyHelp)},
    {"ACL LIST", Secret("shows the hashes of passwords")},
    {"ACL LOG", Secret("shows who tried which passwords' accounts, and RESET clears it")},
    {"ACL WHOAMI", Safe("shows one's own account")},
    {"BGREWRITEAOF", Upkeep("writes the whole data set")},
    {"BGSAVE", Upkeep("writes the whole data set")},
    {"CLIENT GETNAME", Safe(kOnlyShows)},
    {"CLIENT HELP", Safe(kOnlyHelp)},
    {"CLIENT ID", Safe(kOnlyShows)},
    {"CLIENT INFO", Safe(kOnlyShows)},
    {"CLIENT KILL", Control("ends other clients' connections")},
    {"CLIENT LIST", Safe(kOnlyShows)},
    {"CLIENT PAUSE", Blocks(Control("stops all clients"))},
    {"CLUSTER COUNTKEYSINSLOT", Safe(kOnlyShows)},
    {"CLUSTER HELP", Safe(kOnlyHelp)},
    {"CLUSTER INFO", Safe(kOnlyShows)},
    {"CLUSTER KEYSLOT", Safe("computes a number")},
    {"CLUSTER LINKS", Safe(kOnlyShows)},
    {"CLUSTER MYID", Safe(kOnlyShows)},
    {"CLUSTER NODES", Safe(kOnlyShows)},
    {"CLUSTER SHARDS", Safe(kOnlyShows)},
    {"CLUSTER SLOTS", Safe(kOnlyShows)},
    {"COMMAND COUNT", Safe(kOnlyShows)},
    {"COMMAND DOCS", Safe(kOnlyShows)},
    {"COMMAND GETKEYS", Safe("says which arguments are keys, without running the command")},
    {"COMMAND GETKEYSANDFLAGS", Safe("says which arguments are keys, without running the command")},
    {"COMMAND HELP", Safe(kOnlyHelp)},
    {"COMMAND INFO", Safe(kOnlyShows)},
    {"COMMAND LIST", Safe(kOnlyShows)},
    {"CONFIG GET", Secret("may show passwords; safe for settings by their names that hold none")},
    {"CONFIG HELP", Safe(kOnlyHelp)},
    {"CONFIG REWRITE", Control("writes the server's configuration file")},
    {"CONFIG SET", Control("changes the server's settings, which may hold passwords")},
    {"DEBUG", Blocks(Control("stops, crashes or rebuilds the server"))},
    {"DISCARD", Transaction()},
    {"ECHO", Safe("answers with its argument")},
    {"EVAL", Data(kScript)},
    {"EVALSHA", Data(kScript)},
    {"EVALSHA_RO", Data("runs a script, whose time has no limit")},
    {"EVAL_RO", Data("runs a script, whose time has no limit")},
    {"EXEC", Transaction()},
    {"FCALL", Data(kScript)},
    {"FCALL_RO", Data("runs a script, whose time has no limit")},
    {"FLUSHALL", Blocks(Data("deletes all keys of all databases"))},
    {"FLUSHDB", Blocks(Data("deletes all keys of the database"))},
    {"FUNCTION HELP", Safe(kOnlyHelp)},
    {"FUNCTION STATS", Safe(kOnlyShows)},
    {"INFO", Safe(kOnlyShows)},
    {"KEYS", Blocks({Kind::kInspection, Safety::kDestructive,
                     "blocks the server while it walks all keys; use SCAN"})},
    {"LASTSAVE", Safe(kOnlyShows)},
    {"LATENCY DOCTOR", Safe(kOnlyShows)},
    {"LATENCY GRAPH", Safe(kOnlyShows)},
    {"LATENCY HELP", Safe(kOnlyHelp)},
    {"LATENCY HISTOGRAM", Safe(kOnlyShows)},
    {"LATENCY HISTORY", Safe(kOnlyShows)},
    {"LATENCY LATEST", Safe(kOnlyShows)},
    {"MEMORY DOCTOR", Safe(kOnlyShows)},
    {"MEMORY HELP", Safe(kOnlyHelp)},
    {"MEMORY PURGE", Upkeep("works on the whole server")},
    {"MEMORY STATS", Safe(kOnlyShows)},
    {"MODULE HELP", Safe(kOnlyHelp)},
    {"MODULE LIST", Safe(kOnlyShows)},
    {"MONITOR", Secret("shows all clients' commands, passwords among them")},
    {"MULTI", Transaction()},
    {"OBJECT HELP", Safe(kOnlyHelp)},
    {"PFCOUNT", Data("may write the number that it computed into the key")},
    {"PING", Safe("answers with its argument")},
    {"PSUBSCRIBE", Control(kWaits)},
    {"PUBSUB CHANNELS", Safe(kOnlyShows)},
    {"PUBSUB HELP", Safe(kOnlyHelp)},
    {"PUBSUB NUMPAT", Safe(kOnlyShows)},
    {"PUBSUB NUMSUB", Safe(kOnlyShows)},
    {"PUBSUB SHARDCHANNELS", Safe(kOnlyShows)},
    {"PUBSUB SHARDNUMSUB", Safe(kOnlyShows)},
    {"READONLY", Control(kSession)},
    {"READWRITE", Control(kSession)},
    {"RESET", Control(kSession)},
    {"ROLE", Safe(kOnlyShows)},
    {"SAVE", Blocks(Upkeep("writes the whole data set"))},
    {"SCRIPT EXISTS", Safe(kOnlyShows)},
    {"SCRIPT HELP", Safe(kOnlyHelp)},
    {"SELECT", Control(kSession)},
    {"SHUTDOWN", Blocks(Control("stops the server"))},
    {"SLOWLOG GET", Safe("shows the slow commands, in which the server hides passwords")},
    {"SLOWLOG HELP", Safe(kOnlyHelp)},
    {"SLOWLOG LEN", Safe(kOnlyShows)},
    {"SORT", Data("writes a key with STORE; SORT_RO only reads")},
    {"SORT_RO", Safe("only reads; @dangerous for its time on long lists, which a rule flags")},
    {"SSUBSCRIBE", Control(kWaits)},
    {"SUBSCRIBE", Control(kWaits)},
    {"TIME", Safe(kOnlyShows)},
    {"TOUCH", Data("changes when keys were last used, and so what is evicted")},
    {"UNWATCH", Transaction()},
    {"WAIT", Control("waits for replicas")},
    {"WATCH", Transaction()},
    {"XGROUP HELP", Safe(kOnlyHelp)},
    {"XINFO HELP", Safe(kOnlyHelp)},
    {"XREAD", Safe("only reads, if it has no BLOCK")},
};

constexpr bool ByName(const Review& a, const Review& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kReviewed), std::end(kReviewed), ByName));

}  // namespace

bool HasFlag(absl::string_view words, absl::string_view word) {
  for (size_t at = words.find(word); at != absl::string_view::npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) {
      return true;
    }
  }
  return false;
}

const RedisCommand* FindRedisCommand(absl::string_view name) {
  const absl::Span<const RedisCommand> all = RedisCommands();
  const auto found =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const RedisCommand& row, absl::string_view n) { return row.name < n; });
  return found != all.end() && found->name == name ? &*found : nullptr;
}

bool NeedsSubcommand(const RedisCommand& command) {
  const RedisCommand* next = &command + 1;
  const absl::Span<const RedisCommand> all = RedisCommands();
  return next != all.data() + all.size() && next->name.size() > command.name.size() &&
         next->name.substr(0, command.name.size()) == command.name &&
         next->name[command.name.size()] == ' ';
}

RedisDecision DecisionFor(const RedisCommand& command) {
  const auto reviewed = std::lower_bound(
      std::begin(kReviewed), std::end(kReviewed), command.name,
      [](const Review& review, absl::string_view name) { return review.name < name; });
  if (reviewed != std::end(kReviewed) && reviewed->name == command.name) return reviewed->decision;
  if (HasFlag(command.flags, "write")) return Data("changes data, or may");
  const bool harmful =
      HasFlag(command.categories, "dangerous") || HasFlag(command.categories, "admin") ||
      HasFlag(command.categories, "blocking") || HasFlag(command.categories, "scripting") ||
      HasFlag(command.flags, "blocking") || HasFlag(command.flags, "admin");
  if (HasFlag(command.flags, "readonly") && !harmful) return Safe("the server's flag: readonly");
  return Control("is not in the list of commands known to only read");
}

}  // namespace dbfleet::sql
