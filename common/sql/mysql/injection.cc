#include "common/sql/mysql/injection.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/text/hidden_condition.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kMaxShown = 80;

void Show(absl::string_view text, InjectionFacts* facts) {
  if (facts->text.empty()) facts->text = std::string(text.substr(0, kMaxShown));
}

bool SplitsWords(const Tok& a, const Tok& b) {
  const auto operand = [](const Tok& token) {
    return token.kind == TokenKind::kWord || token.kind == TokenKind::kNumber ||
           token.kind == TokenKind::kString || token.kind == TokenKind::kQuotedName;
  };
  return (a.kind == TokenKind::kWord && operand(b)) || (operand(a) && b.kind == TokenKind::kWord);
}

// UNI/**/ON, SELECT/**/password, OR/**/1=1: a comment alone stands between a word and what follows
// or precedes it.
void FindSplitWords(const Lexed& lexed, absl::string_view text, InjectionFacts* facts) {
  if (!absl::StrContains(text, "/*")) return;
  for (size_t i = 1; i < lexed.tokens.size(); ++i) {
    const Tok& a = lexed.tokens[i - 1];
    const Tok& b = lexed.tokens[i];
    if (!SplitsWords(a, b)) continue;
    const size_t end = a.offset + a.text.size();
    const absl::string_view gap = text.substr(end, b.offset - end);
    if (absl::StartsWith(gap, "/*") && absl::EndsWith(gap, "*/")) {
      facts->hidden_by_comment = true;
      return Show(text.substr(a.offset, b.offset + b.text.size() - a.offset), facts);
    }
  }
}

void FindHiddenCondition(const Lexed& lexed, absl::string_view text, InjectionFacts* facts) {
  if (!absl::StrContains(text, "/*")) return;
  for (size_t i = 0; i < lexed.tokens.size(); ++i) {
    const size_t end = lexed.tokens[i].offset + lexed.tokens[i].text.size();
    const size_t next = i + 1 < lexed.tokens.size() ? lexed.tokens[i + 1].offset : text.size();
    if (!HidesCondition(text.substr(end, next - end))) continue;
    facts->hidden_by_comment = true;
    Show(text.substr(lexed.tokens[i].offset), facts);
  }
}

// A comment to the end of the line, as the last of all, that is empty or holds a quote: what stood
// behind the place where a value was put in.
void FindCutOff(const Lexed& lexed, absl::string_view text, InjectionFacts* facts) {
  if (lexed.tokens.empty()) return;
  const Tok& last = lexed.tokens.back();
  const absl::string_view whole = text.substr(last.offset + last.text.size());
  const absl::string_view rest = absl::StripAsciiWhitespace(whole);
  const bool comment = absl::StartsWith(rest, "--") || absl::StartsWith(rest, "#");
  if (!comment || absl::StrContains(rest, "\n")) return;
  const absl::string_view said =
      absl::StripAsciiWhitespace(rest.substr(absl::StartsWith(rest, "#") ? 1 : 2));
  if (said.empty() || said == "+" || said == "-" ||
      said.find_first_of("'\"") != absl::string_view::npos || ContinuesCondition(said)) {
    facts->hidden_by_comment = true;
    Show(text.substr(last.offset), facts);
  }
}

}  // namespace

void FindInjection(const Lexed& lexed, absl::string_view text, InjectionFacts* facts) {
  size_t begin = 0;
  size_t statements = 0;
  for (size_t end : lexed.ends) {
    if (end > begin && ++statements == 2) {
      facts->stacked = true;
      Show(text.substr(lexed.tokens[begin].offset), facts);
    }
    begin = std::max(begin, end);
  }
  // Behind the beginning of a statement: what begins in such a comment is how dumps are written.
  if (!lexed.commented.empty() && lexed.commented[0].first > 0) {
    facts->hidden_by_comment = true;
    Show(text.substr(lexed.tokens[lexed.commented[0].first].offset), facts);
  }
  FindSplitWords(lexed, text, facts);
  FindHiddenCondition(lexed, text, facts);
  FindCutOff(lexed, text, facts);
}

}  // namespace dbfleet::sql::mysql
