#include "common/sql/text/cutter.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dbfleet::sql {

bool StatementCutter::Ends(const Token& token) {
  if (token.kind == TokenKind::kDelimiter) {
    if (postgres_ && (paren_depth_ > 0 || body_depth_ > 0)) return false;
    Reset();
    return true;
  }
  if (!postgres_) return false;
  if (token.IsSymbol('(')) {
    ++paren_depth_;
  } else if (token.IsSymbol(')')) {
    if (paren_depth_ > 0) --paren_depth_;
  } else if (token.kind == TokenKind::kWord) {
    FollowWord(token);
  }
  return false;
}

void StatementCutter::Reset() {
  words_ = paren_depth_ = body_depth_ = 0;
  head_.clear();
}

// As psql tells routines apart: CREATE [OR REPLACE] FUNCTION or PROCEDURE.
void StatementCutter::FollowWord(const Token& token) {
  constexpr int kHead = 4;
  if (words_++ < kHead) {
    const bool counts = token.IsWord("CREATE") || token.IsWord("OR") || token.IsWord("REPLACE") ||
                        token.IsWord("FUNCTION") || token.IsWord("PROCEDURE");
    head_ += counts ? absl::ascii_tolower(static_cast<unsigned char>(token.text[0])) : ' ';
  }
  const bool routine = absl::StartsWith(head_, "cf") || absl::StartsWith(head_, "cp") ||
                       head_ == "corf" || head_ == "corp";
  if (!routine || paren_depth_ > 0) return;
  if (token.IsWord("BEGIN") || (body_depth_ > 0 && token.IsWord("CASE"))) {
    ++body_depth_;
  } else if (body_depth_ > 0 && token.IsWord("END")) {
    --body_depth_;
  }
}

}  // namespace dbfleet::sql
