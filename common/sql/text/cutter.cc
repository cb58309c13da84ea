#include "common/sql/text/cutter.h"

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
  create_ = routine_ = false;
}

void StatementCutter::FollowWord(const Token& token) {
  // FUNCTION is the second word, or the fourth after OR REPLACE.
  constexpr int kHead = 4;
  if (words_ < kHead) {
    if (words_ == 0) create_ = token.IsWord("CREATE");
    if (create_ && (token.IsWord("FUNCTION") || token.IsWord("PROCEDURE"))) routine_ = true;
    ++words_;
  }
  if (!routine_ || paren_depth_ > 0) return;
  if (token.IsWord("BEGIN") || (body_depth_ > 0 && token.IsWord("CASE"))) {
    ++body_depth_;
  } else if (body_depth_ > 0 && token.IsWord("END")) {
    --body_depth_;
  }
}

}  // namespace dbfleet::sql
