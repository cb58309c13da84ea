#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Redis commands.
namespace dbfleet::sql {
namespace {

// The first key, where it can be written down without quotes.
std::string KeyOf(const Look& look) {
  const auto& uses = look.verdict.uses;
  const bool plain = !uses.empty() && !uses[0].name.empty() &&
                     std::all_of(uses[0].name.begin(), uses[0].name.end(), [](unsigned char c) {
                       return absl::ascii_isgraph(c) && c != '"' && c != '\'' && c != '\\';
                     });
  return plain ? uses[0].name : "key";
}

// What reads one kind of collection in steps, or less of it.
std::string Stepwise(absl::string_view command, const std::string& key) {
  if (command == "SORT" || command == "SORT_RO") {
    return absl::StrCat("name a number: ", command, " ", key, " LIMIT 0 100");
  }
  if (absl::StartsWith(command, "H")) return absl::StrCat("use HSCAN ", key, " 0 COUNT 100");
  if (absl::StartsWith(command, "S")) return absl::StrCat("use SSCAN ", key, " 0 COUNT 100");
  if (absl::StartsWith(command, "Z")) {
    return absl::StrCat("use ZSCAN ", key, " 0 COUNT 100, or name a range");
  }
  if (command == "DUMP") return absl::StrCat("look at its size first: MEMORY USAGE ", key);
  if (command == "LRANGE") return absl::StrCat("name a range: LRANGE ", key, " 0 99");
  if (command == "XRANGE") return absl::StrCat("name a number: XRANGE ", key, " - + COUNT 100");
  if (command == "XREVRANGE") {
    return absl::StrCat("name a number: XREVRANGE ", key, " + - COUNT 100");
  }
  if (command == "XREAD") {
    return absl::StrCat("name a number: XREAD COUNT 100 STREAMS ", key, " 0");
  }
  return "";
}

}  // namespace

void CheckRedis(const Look& look) {
  if (!look.facts.command.has_value()) return;
  const CommandFacts& command = *look.facts.command;
  const std::string name = absl::AsciiStrToUpper(command.name);
  if (name == "KEYS") return look.Report(LintId::kRedisKeys);
  if (name == "FLUSHALL" || name == "FLUSHDB") {
    return look.Report(LintId::kRedisFlush, absl::StrCat(name, " removes every key"));
  }
  if (name == "DEBUG" || absl::StartsWith(name, "DEBUG ")) return look.Report(LintId::kRedisDebug);
  if (name == "CONFIG SET") return look.Report(LintId::kRedisConfigSet);
  if (name == "SAVE") return look.Report(LintId::kRedisSave);
  if (command.unbounded) {
    return look.Report(LintId::kRedisUnbounded,
                       absl::StrCat(name, " reads a whole collection, however large"),
                       command.name == "SCAN" ? "" : Stepwise(name, KeyOf(look)));
  }
  // INFO, CLIENT LIST and the like are in the server's category, too; a health check may ask them.
  if (command.dangerous && !name.empty() && look.verdict.safety != Safety::kSafe) {
    look.Report(LintId::kRedisDangerous,
                absl::StrCat(name, " is one of those that Redis itself counts as dangerous"));
  }
}

}  // namespace dbfleet::sql
