#include "common/sql/report/redact_redis.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/redis/command_table.h"
#include "common/sql/redis/redis.h"
#include "common/sql/report/pieces.h"
#include "common/sql/report/secret_words.h"

namespace dbfleet::sql {
namespace {

// Categories of commands on data, and commands of others whose arguments are no secrets.
constexpr absl::string_view kOfData[] = {"bitmap",    "geo",    "hash",   "hyperloglog",
                                         "keyspace",  "list",   "pubsub", "set",
                                         "sortedset", "stream", "string", "transaction"};
constexpr absl::string_view kPlain[] = {"CLIENT",   "CLUSTER", "COMMAND", "DEBUG",     "ECHO",
                                        "FAILOVER", "INFO",    "LATENCY", "LOLWUT",    "MEMORY",
                                        "MONITOR",  "OBJECT",  "PING",    "REPLICAOF", "SELECT",
                                        "SHUTDOWN", "SLAVEOF", "SLOWLOG", "SWAPDB",    "WAIT"};

bool IsHarmlessValue(absl::string_view value) {
  const std::string lower = absl::AsciiStrToLower(value);
  const size_t unit = std::min(lower.find_first_not_of("0123456789"), lower.size());
  const absl::string_view rest = absl::string_view(lower).substr(unit);
  const bool amount = unit > 0 && (rest.empty() || rest == "k" || rest == "kb" || rest == "m" ||
                                   rest == "mb" || rest == "g" || rest == "gb" || rest == "%");
  return amount || lower == "yes" || lower == "no";
}

class Command {
 public:
  explicit Command(std::vector<std::string> arguments)
      : arguments_(std::move(arguments)), hidden_(arguments_.size(), false) {}

  Redacted Run(absl::string_view line) {
    if (ShowsArguments()) {
      HideByNames();
    } else {
      HideAllButNames();
    }
    if (std::find(hidden_.begin(), hidden_.end(), true) == hidden_.end()) {
      return {std::string(line), 0, {}};
    }
    Redacted redacted;
    for (size_t i = 0; i < arguments_.size(); ++i) {
      if (hidden_[i]) redacted.hidden.Add(arguments_[i]);
      absl::StrAppend(&redacted.text, i > 0 ? " " : "",
                      hidden_[i] ? std::string(kHiddenText) : Written(arguments_[i]));
    }
    return redacted;
  }

 private:
  bool Is(size_t i, absl::string_view word) const {
    return i < arguments_.size() && absl::EqualsIgnoreCase(arguments_[i], word);
  }

  void Hide(size_t from, size_t count) {
    for (size_t i = from; i < hidden_.size() && count > 0; ++i, --count) hidden_[i] = true;
  }
  void Show(size_t i) {
    if (i < hidden_.size()) hidden_[i] = false;
  }

  static std::string Written(const std::string& argument) {
    const bool bare =
        !argument.empty() && std::all_of(argument.begin(), argument.end(), [](unsigned char c) {
          return absl::ascii_isgraph(c) && c != '"' && c != '\'';
        });
    return bare ? argument : absl::StrCat("\"", absl::CHexEscape(argument), "\"");
  }

  bool ShowsArguments() const {
    if (arguments_.empty()) return true;
    const std::string name = absl::AsciiStrToUpper(arguments_[0]);
    const RedisCommand* command = FindRedisCommand(name);
    if (command == nullptr || name == "MIGRATE" || name == "RESTORE") return false;
    // What follows is a command of any kind.
    if (name == "COMMAND" && (Is(1, "GETKEYS") || Is(1, "GETKEYSANDFLAGS"))) return false;
    const auto is_of = [&](absl::string_view word) { return HasFlag(command->categories, word); };
    return std::any_of(std::begin(kOfData), std::end(kOfData), is_of) ||
           std::find(std::begin(kPlain), std::end(kPlain), name) != std::end(kPlain);
  }

  // What is known to be none of a secret is shown: a command's words, a setting's name, an amount.
  void HideAllButNames() {
    const size_t all = arguments_.size();
    const std::string name = absl::AsciiStrToUpper(arguments_[0]);
    Hide(0, all);
    const RedisCommand* command = FindRedisCommand(name);
    if (command == nullptr) {
      // A word may be a command of a module; "AUTH x" in quotes is none.
      const bool word = std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalpha(c) || c == '.' || c == '_' || c == '-';
      });
      if (word && !name.empty()) Show(0);
      return;
    }
    Show(0);
    if (all == 1) return;
    const bool sub =
        FindRedisCommand(absl::StrCat(name, " ", absl::AsciiStrToUpper(arguments_[1]))) != nullptr;
    if (sub) Show(1);
    if (name == "HELLO" || name == "MIGRATE") ShowBesideAuth();
    if (name == "ACL") ShowRules();
    if (name == "CONFIG" && !Is(1, "SET")) ShowNames(2, 1);
    if (name == "CONFIG" && Is(1, "SET")) ShowNames(2, 2);
    if (name == "SENTINEL" && Is(1, "SET")) {
      Show(2);
      ShowNames(3, 2);
    }
    if (name == "SENTINEL" && Is(1, "CONFIG")) {
      Show(1);
      Show(2);
      ShowNames(3, 2);
    }
  }

  void ShowBesideAuth() {
    const bool hello = Is(0, "HELLO");
    for (size_t i = 1; i < arguments_.size(); ++i) {
      const bool known = !hello || IsHarmlessValue(arguments_[i]) || Is(i, "AUTH") ||
                         Is(i, "SETNAME") || Is(i - 1, "SETNAME");
      if (known) Show(i);
      if (Is(i, "AUTH")) i += hello ? 2 : 1;
      if (Is(i, "AUTH2")) i += 2;
    }
  }

  // ACL SETUSER a on ~* +@all, but not >x.
  void ShowRules() {
    Show(2);
    for (size_t i = 3; i < arguments_.size(); ++i) {
      const std::string& rule = arguments_[i];
      const bool known = !rule.empty() && absl::StrContains("~%&+-@", rule.substr(0, 1));
      const std::string lower = absl::AsciiStrToLower(rule);
      if (known || lower == "on" || lower == "off" || lower == "reset" || lower == "nopass" ||
          lower == "resetpass" || lower == "allkeys" || lower == "allcommands" ||
          lower == "resetkeys" || lower == "nocommands" || lower == "allchannels") {
        Show(i);
      }
    }
  }

  // Of settings with values behind them, or of settings alone.
  void ShowNames(size_t from, size_t step) {
    for (size_t i = from; i < arguments_.size(); i += step) {
      const std::string& name = arguments_[i];
      const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || absl::StrContains("-_*?", std::string(1, c));
      });
      if (!plain) continue;
      Show(i);
      const std::string lower = absl::AsciiStrToLower(name);
      const bool secret = absl::StrContains(lower, "pass") || absl::StrContains(lower, "auth") ||
                          NamesSecret(lower);
      if (step == 2 && i + 1 < arguments_.size() && !secret && IsHarmlessValue(arguments_[i + 1])) {
        Show(i + 1);
      }
    }
  }

  // SET user:1:password x, HSET user:1 pin x.
  void HideByNames() {
    for (size_t i = 1; i < arguments_.size(); ++i) {
      const std::string& argument = arguments_[i];
      const bool name = std::all_of(argument.begin(), argument.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || absl::StrContains(":._-*{}", std::string(1, c));
      });
      if (!SpeaksOfSecret(argument) && !(name && NamesSecret(argument))) continue;
      if (!name || HoldsUriPassword(argument)) Hide(i, 1);
      return Hide(i + 1, arguments_.size());
    }
  }

  const std::vector<std::string> arguments_;
  std::vector<bool> hidden_;
};

}  // namespace

Redacted RedactRedis(absl::string_view line) {
  auto arguments = ParseRedisCommand(line);
  // Without its quotes nothing tells where an argument ends.
  if (!arguments.ok()) return HideAll(line);
  return Command(*std::move(arguments)).Run(line);
}

}  // namespace dbfleet::sql
