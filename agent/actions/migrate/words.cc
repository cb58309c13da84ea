#include "absl/strings/ascii.h"

#include "agent/actions/migrate/effect.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::agent {

std::vector<std::string> Words(sql::Dialect dialect, absl::string_view text) {
  std::vector<std::string> words;
  sql::Lexer lexer(dialect, text, sql::DefaultOptions(dialect));
  // An error ends the list; the splitter has refused such statements before.
  for (sql::Token token; lexer.Next(&token);) {
    switch (token.kind) {
      case sql::TokenKind::kWord:
        words.push_back(absl::AsciiStrToUpper(token.text));
        break;
      case sql::TokenKind::kString:
        words.emplace_back("'");
        break;
      case sql::TokenKind::kExecutableOpen:
        words.emplace_back("/*!");
        break;
      case sql::TokenKind::kHint:
      case sql::TokenKind::kExecutableClose:
      case sql::TokenKind::kDelimiter:
        break;
      default:
        words.emplace_back(token.text);
    }
  }
  return words;
}

}  // namespace dbfleet::agent
