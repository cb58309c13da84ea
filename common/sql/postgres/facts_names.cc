#include <algorithm>

#include "common/sql/postgres/facts.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {

std::vector<std::string> LongNames(absl::string_view text) {
  constexpr size_t kMaxBytes = 63;
  std::vector<std::string> names;
  // No name is longer than the text, which is nearly always short enough.
  if (text.size() <= kMaxBytes) return names;
  Lexer lexer(Dialect::kPostgres, text, DefaultOptions(Dialect::kPostgres));
  Token token;
  while (lexer.Next(&token)) {
    const size_t quotes = token.kind == TokenKind::kQuotedName ? 2 : 0;
    if (!token.IsName() || token.text.size() <= kMaxBytes + quotes) continue;
    std::string name(token.text);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    constexpr size_t kEnough = 20;
    if (names.size() >= kEnough) break;
  }
  return names;
}

}  // namespace dbfleet::sql::pg
