#include "common/sql/report/redact_redis.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/redis/redis.h"
#include "common/sql/report/secret_words.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kHidden = "***";

class Command {
 public:
  explicit Command(std::vector<std::string> arguments)
      : arguments_(std::move(arguments)), hidden_(arguments_.size(), false) {}

  Redacted Run(absl::string_view line) {
    HideByCommand();
    HideByNames();
    Redacted redacted;
    redacted.hides = std::find(hidden_.begin(), hidden_.end(), true) != hidden_.end();
    if (!redacted.hides) {
      redacted.text = std::string(line);
      return redacted;
    }
    for (size_t i = 0; i < arguments_.size(); ++i) {
      absl::StrAppend(&redacted.text, i > 0 ? " " : "",
                      hidden_[i] ? std::string(kHidden) : Written(arguments_[i]));
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

  static std::string Written(const std::string& argument) {
    const bool bare =
        !argument.empty() && std::all_of(argument.begin(), argument.end(), [](unsigned char c) {
          return absl::ascii_isgraph(c) && c != '"' && c != '\'';
        });
    return bare ? argument : absl::StrCat("\"", absl::CHexEscape(argument), "\"");
  }

  static bool IsSecretSetting(const std::string& name) {
    const std::string lower = absl::AsciiStrToLower(name);
    const bool plain = std::all_of(lower.begin(), lower.end(), [](unsigned char c) {
      return absl::ascii_isalnum(c) || c == '-' || c == '_';
    });
    return !plain || absl::StrContains(lower, "pass") || absl::StrContains(lower, "auth") ||
           NamesSecret(lower);
  }

  void HideByCommand() {
    const size_t all = arguments_.size();
    if (Is(0, "AUTH")) Hide(1, all);
    if (Is(0, "HELLO") || Is(0, "MIGRATE")) {
      for (size_t i = 1; i < all; ++i) {
        if (hidden_[i]) continue;
        if (Is(i, "AUTH")) Hide(i + 1, Is(0, "HELLO") ? 2 : 1);
        if (Is(i, "AUTH2")) Hide(i + 1, 2);
      }
    }
    if (Is(0, "ACL") && Is(1, "SETUSER")) {
      for (size_t i = 3; i < all; ++i) {
        const std::string& rule = arguments_[i];
        if (!rule.empty() && absl::StrContains("><#!", rule.substr(0, 1))) Hide(i, 1);
      }
    }
    const bool config = Is(0, "CONFIG") && Is(1, "SET");
    if (config || (Is(0, "SENTINEL") && Is(1, "SET"))) {
      for (size_t i = config ? 2 : 3; i + 1 < all; i += 2) {
        if (IsSecretSetting(arguments_[i])) Hide(i + 1, 1);
      }
    }
  }

  // SET user:1:password x; scripts.
  void HideByNames() {
    const bool script = Is(0, "EVAL") || Is(0, "EVAL_RO") || Is(0, "FUNCTION") || Is(0, "SCRIPT");
    for (size_t i = 0; i < arguments_.size(); ++i) {
      if (hidden_[i]) continue;
      const std::string& argument = arguments_[i];
      const bool authenticates =
          script && i > 0 && absl::StrContains(absl::AsciiStrToLower(argument), "auth");
      if (!SpeaksOfSecret(argument) && !authenticates) continue;
      const bool name = std::all_of(argument.begin(), argument.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || absl::StrContains(":._-*{}", std::string(1, c));
      });
      if (!name || authenticates || HoldsUriPassword(argument)) Hide(i, 1);
      const bool setting = Is(0, "CONFIG") || Is(0, "SENTINEL");
      if (!setting) return Hide(i + 1, arguments_.size());
    }
  }

  const std::vector<std::string> arguments_;
  std::vector<bool> hidden_;
};

}  // namespace

Redacted RedactRedis(absl::string_view line) {
  auto arguments = ParseRedisCommand(line);
  // Without its quotes nothing tells where an argument ends.
  if (!arguments.ok()) return {std::string(kHidden), 0, true};
  return Command(*std::move(arguments)).Run(line);
}

}  // namespace dbfleet::sql
