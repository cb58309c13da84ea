#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Redis commands.
namespace dbfleet::sql {
namespace {

// What reads one kind of collection in steps.
absl::string_view Stepwise(absl::string_view command) {
  if (absl::StartsWith(command, "H")) return "use HSCAN <key> 0 COUNT 100";
  if (absl::StartsWith(command, "S")) return "use SSCAN <key> 0 COUNT 100";
  if (absl::StartsWith(command, "Z")) return "use ZSCAN <key> 0 COUNT 100, or name a range";
  if (command == "LRANGE") return "name a range: LRANGE <key> 0 99";
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
                       std::string(Stepwise(name)));
  }
  if (command.dangerous && !name.empty()) {
    look.Report(LintId::kRedisDangerous,
                absl::StrCat(name, " is one of those that Redis itself counts as dangerous"));
  }
}

}  // namespace dbfleet::sql
