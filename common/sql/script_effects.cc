#include "common/sql/script_effects.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/script_words.h"

namespace dbfleet::sql {
namespace {

// Of statements that share a verb.
bool RunsByHead(absl::string_view head) {
  for (absl::string_view word : {"DECLARE", "EXPLAIN", "FETCH", "MOVE", "REFRESH"}) {
    if (absl::StartsWith(head, word)) return true;
  }
  return false;
}

// The last two parts of "a.b.c".
Name NameOfUse(const Target& target, absl::string_view written) {
  Name name;
  for (const Token& token : TokensOf(target, written)) {
    if (!MayBeName(target, token)) continue;
    name.schema = std::move(name.name);
    name.name = PlainName(token);
  }
  return name;
}

bool NamesIsolation(const Token& token) {
  return absl::StrContains(absl::AsciiStrToLower(token.text), "isolation");
}

// What stands there is one of the three other levels, or the server's default, and nothing else.
bool IsOtherLevel(const std::vector<Token>& tokens, size_t at) {
  if (at >= tokens.size()) return false;
  const size_t end = at + 1;
  if (tokens[at].IsWord("REPEATABLE") || tokens[at].IsWord("READ")) return true;
  const bool ends = end >= tokens.size() || tokens[end].IsSymbol(',') || tokens[end].IsSymbol(';');
  absl::string_view text = tokens[at].text;
  if (tokens[at].kind == TokenKind::kString && text.size() > 2)
    text = text.substr(1, text.size() - 2);
  for (absl::string_view level :
       {"READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "DEFAULT"}) {
    if (ends && absl::EqualsIgnoreCase(text, level)) return true;
  }
  return false;
}

}  // namespace

bool RunsCodeOfObjects(const Facts& facts, absl::string_view head) {
  switch (facts.verb) {
    case Verb::kSelect:
    case Verb::kInsert:
    case Verb::kUpdate:
    case Verb::kDelete:
    case Verb::kMerge:
    case Verb::kTruncate:
    case Verb::kCopy:
    case Verb::kAlterTable:
    case Verb::kCreateIndex:
    case Verb::kReindex:
    case Verb::kVacuum:
    case Verb::kCluster:
    case Verb::kAnalyze:
    case Verb::kOptimize:
    case Verb::kExecutesText:
      return true;
    case Verb::kCreateTable:
    case Verb::kCreateView:
      return facts.as_query;
    case Verb::kOther:
      return RunsByHead(head);
    default:
      return false;
  }
}

bool ChangesRowsOf(const Verdict& verdict) {
  return std::any_of(verdict.uses.begin(), verdict.uses.end(),
                     [](const ObjectUse& use) { return use.access == Access::kWrite; });
}

bool IsServersOwnUse(const Target& target, const std::vector<std::string>& databases,
                     const ObjectUse& use) {
  const Name name = NameOfUse(target, use.name);
  if (!target.mysql_family() || !name.schema.empty()) {
    return IsServersOwn(target.dialect, name.schema, name.name);
  }
  return std::any_of(databases.begin(), databases.end(), [&](const std::string& database) {
    return IsServersOwn(target.dialect, database, name.name);
  });
}

bool ChangesServersOwn(const Target& target, const std::vector<std::string>& databases,
                       const Facts& facts, const Verdict& verdict) {
  const bool alters = facts.verb == Verb::kAlterTable || facts.verb == Verb::kRenameTable;
  return std::any_of(verdict.uses.begin(), verdict.uses.end(), [&](const ObjectUse& use) {
    return (use.access == Access::kWrite || (alters && use.access == Access::kDefine)) &&
           IsServersOwnUse(target, databases, use);
  });
}

bool MaySetSerializable(const Target& target, absl::string_view statement) {
  const std::vector<Token> tokens = TokensOf(target, statement);
  // A server may skip what stands in a comment, or not.
  const bool marked = std::any_of(tokens.begin(), tokens.end(), IsMark);
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!NamesIsolation(tokens[i])) continue;
    size_t value = i + 1;
    const auto behind = [&](char symbol) {
      return value < tokens.size() && tokens[value].IsSymbol(symbol);
    };
    if (value < tokens.size() && tokens[value].IsWord("LEVEL")) {
      ++value;
    } else {
      if (behind(':')) ++value;
      // SET a = @@tx_isolation
      if (!behind('=')) continue;
      ++value;
    }
    if (marked || !IsOtherLevel(tokens, value)) return true;
  }
  return false;
}

}  // namespace dbfleet::sql
