#include <algorithm>

#include "absl/strings/ascii.h"

#include "common/sql/postgres/facts.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

// Whether a name of that many bytes may be in it: nearly no text has one, and to be sure of that
// takes no lexer. In quotes a name may hold whatever there is.
bool MayHoldName(absl::string_view text, size_t bytes) {
  if (text.size() < bytes) return false;
  if (text.find('"') != absl::string_view::npos) return true;
  size_t run = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    run = absl::ascii_isalnum(byte) || c == '_' || c == '$' || byte >= 0x80 ? run + 1 : 0;
    if (run >= bytes) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> LongNames(absl::string_view text) {
  constexpr size_t kMaxBytes = 63;
  std::vector<std::string> names;
  if (!MayHoldName(text, kMaxBytes + 1)) return names;
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
