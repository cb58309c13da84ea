#include "common/sql/postgres/injection.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/base/text.h"
#include "common/sql/text/cutter.h"
#include "common/sql/text/hidden_condition.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

constexpr size_t kMaxShown = 80;

// What stands behind the last token: a comment that is empty or holds a quote hides what was to
// follow the place where a value was put in.
bool CutsOff(absl::string_view rest) {
  rest = absl::StripAsciiWhitespace(rest);
  if (!absl::StartsWith(rest, "--") || absl::StrContains(rest, "\n")) return false;
  const absl::string_view said = absl::StripAsciiWhitespace(rest.substr(2));
  return said.empty() || said == "+" || said == "-" ||
         said.find_first_of("'\"") != absl::string_view::npos || ContinuesCondition(said);
}

bool SplitsWords(const Token& a, const Token& b) {
  const auto operand = [](const Token& token) {
    return token.kind == TokenKind::kWord || token.kind == TokenKind::kNumber ||
           token.kind == TokenKind::kString;
  };
  return (a.kind == TokenKind::kWord && operand(b)) || (operand(a) && b.kind == TokenKind::kWord);
}

}  // namespace

InjectionFacts FindInjection(absl::string_view text) {
  InjectionFacts facts;
  // It is all about comments and what stands behind a delimiter.
  const bool any_place = absl::StrContains(text, "--") || absl::StrContains(text, "/*") ||
                         absl::StrContains(text, ";");
  if (!any_place) return facts;
  const auto show = [&](size_t from) {
    if (facts.text.empty()) facts.text = Truncate(text.substr(from), kMaxShown);
  };
  Lexer lexer(Dialect::kPostgres, text, DefaultOptions(Dialect::kPostgres));
  StatementCutter cutter(Dialect::kPostgres);
  Token last;
  bool any = false;
  bool ended = false;
  size_t end = 0;
  for (Token token; lexer.Next(&token);) {
    if (cutter.Ends(token)) {
      ended = any;
    } else {
      if (ended && !facts.stacked) {
        facts.stacked = true;
        show(token.offset);
      }
      // UNI/**/ON, SELECT/**/password, OR/**/1=1
      const absl::string_view gap = any ? text.substr(end, token.offset - end) : "";
      if (SplitsWords(last, token) && absl::StartsWith(gap, "/*") && absl::EndsWith(gap, "*/")) {
        facts.hidden_by_comment = true;
        show(last.offset);
      }
      if (HidesCondition(gap)) {
        facts.hidden_by_comment = true;
        show(last.offset);
      }
      any = true;
    }
    last = token;
    end = token.offset + token.text.size();
  }
  if (any && (CutsOff(text.substr(end)) || HidesCondition(text.substr(end)))) {
    facts.hidden_by_comment = true;
    show(last.offset);
  }
  return facts;
}

}  // namespace dbfleet::sql::pg
