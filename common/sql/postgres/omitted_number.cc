#include "common/sql/postgres/omitted_number.h"

#include "absl/strings/numbers.h"

#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

// What the first number behind `from` is with the signs in front of it: "- (-/* */(-3))" is -3.
// The parser folds signs and parentheses into the number, whose position is that of the first sign.
std::optional<int64_t> SignedNumber(absl::string_view text, int64_t from, bool named) {
  Lexer lexer(Dialect::kPostgres, text.substr(static_cast<size_t>(from)),
              DefaultOptions(Dialect::kPostgres));
  Token token;
  bool negative = false;
  while (lexer.Next(&token)) {
    if (token.kind == TokenKind::kNumber) {
      int64_t value = 0;
      if (!absl::SimpleAtoi(token.text, &value)) return std::nullopt;
      return negative ? -value : value;
    }
    if (token.IsSymbol('-')) {
      negative = !negative;
    } else if (!token.IsSymbol('(') && !(named && (token.IsName() || token.IsSymbol('=')))) {
      return 0;
    }
  }
  return 0;
}

}  // namespace

std::optional<int64_t> OmittedNumber(absl::string_view text, Node integer) {
  const Node around = integer.parent();
  // An option's position is that of its name: INCREMENT BY -1, (ANALYZE = 0).
  const bool named = around.Is("DefElem");
  if (!named && !around.Is("A_Const")) return std::nullopt;
  const int64_t at = around["location"].number(named ? 0 : -1);
  // The parser's own constants stand nowhere; those of them that are not written are zeros.
  if (at < 0) return 0;
  if (static_cast<uint64_t>(at) >= text.size()) return std::nullopt;
  std::optional<int64_t> value = SignedNumber(text, at, named);
  // Another number than the node's: what was left out is not above zero.
  if (value.has_value() && *value > 0) value.reset();
  return value;
}

}  // namespace dbfleet::sql::pg
