#include "common/sql/text/session_watch.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace dbfleet::sql {
namespace {

// Statements that change no setting, though they may name one.
constexpr absl::string_view kHarmless[] = {"ALTER", "CREATE",  "DELETE", "DROP",  "INSERT",
                                           "READ",  "REPLACE", "SELECT", "SHOW",  "UPDATE",
                                           "USE",   "VALUES",  "WITH",   "TABLE", "EXPLAIN"};
// Those character sets of clients in which the second byte of a character may be ASCII.
constexpr absl::string_view kCharsets[] = {"BIG5", "CP932", "GB18030", "GBK", "SJIS"};

template <size_t N>
bool IsIn(const absl::string_view (&list)[N], absl::string_view word) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](absl::string_view one) { return absl::EqualsIgnoreCase(one, word); });
}

}  // namespace

void SessionWatch::Take(const Token& token) {
  if (token.kind == TokenKind::kExecutableOpen || token.kind == TokenKind::kExecutableClose) return;
  if (!begun_) {
    begun_ = true;
    looks_ = token.kind == TokenKind::kWord && !IsIn(kHarmless, token.text);
    // What it executes may be put together from pieces.
    modes_named_ = charset_named_ = token.IsWord("EXECUTE");
  }
  if (!looks_) return;
  absl::string_view text = token.text;
  if (token.kind == TokenKind::kQuotedName || token.kind == TokenKind::kString) {
    if (text.size() < 2) return;
    text = text.substr(1, text.size() - 2);
  } else if (token.kind != TokenKind::kWord) {
    return;
  }
  modes_named_ = modes_named_ || absl::EqualsIgnoreCase(text, "SQL_MODE");
  charset_named_ = charset_named_ || IsIn(kCharsets, text);
}

void SessionWatch::EndStatement() {
  modes_changed_ = modes_changed_ || modes_named_;
  charset_changed_ = charset_changed_ || charset_named_;
  begun_ = looks_ = modes_named_ = charset_named_ = false;
}

}  // namespace dbfleet::sql
