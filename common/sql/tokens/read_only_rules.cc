#include "common/sql/tokens/read_only_rules.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/tokens/functions.h"

namespace dbfleet::sql {
namespace {

std::string NameFor(const Token& token) { return SanitizeForDisplay(Truncate(token.text, 64)); }

std::string CallObjection(const Token& name) {
  if (!name.IsName()) return "an opening parenthesis where none is expected";
  return absl::StrCat("calls ", NameFor(name),
                      "(), which is not in the list of functions known to "
                      "only read");
}

// An operand's end, an operator or a comma: behind a symbol a parenthesis only groups.
bool Groups(TokenView tokens, ptrdiff_t i) {
  return i == 0 || (tokens[i - 1].kind == TokenKind::kSymbol && !tokens[i - 1].IsSymbol(')') &&
                    !tokens[i - 1].IsSymbol(']') && !tokens[i - 1].IsSymbol('.') &&
                    !tokens[i - 1].IsSymbol('@'));
}

bool EndsOperand(const Token& token) {
  return token.kind == TokenKind::kString || token.kind == TokenKind::kNumber ||
         token.kind == TokenKind::kQuotedName || token.IsSymbol(')') || token.IsSymbol(']') ||
         (token.kind == TokenKind::kWord && !IsPostgresReserved(token));
}

// Whether nothing, not even a comment, stands between the two.
bool Touches(const Token& name, const Token& paren) {
  return name.offset + name.text.size() == paren.offset;
}

bool SelectFollows(TokenView tokens, ptrdiff_t paren) { return tokens[paren + 1].IsWord("SELECT"); }

// The type at `i`, which may be written with pg_catalog in front.
std::string TypeObjection(TokenView tokens, ptrdiff_t i) {
  if (tokens[i].IsWord("PG_CATALOG") && tokens[i + 1].IsSymbol('.')) i += 2;
  // A name with something in front of it is not the built-in type of that name.
  if (IsPostgresType(tokens[i]) && !tokens[i + 1].IsSymbol('.')) return "";
  return absl::StrCat("converts to ", NameFor(tokens[i]), ", which is not a built-in type");
}

}  // namespace

std::string MySqlParenObjection(Dialect dialect, TokenView tokens, ptrdiff_t i) {
  if (Groups(tokens, i)) return "";
  const Token& name = tokens[i - 1];
  const Token& before = tokens[i - 2];
  if (name.kind != TokenKind::kWord || before.IsSymbol('.') || before.IsSymbol('@')) {
    return CallObjection(name);
  }
  if (IsMySqlWordBeforeParen(name)) return "";
  if (before.IsWord("AS")) return "";  // CAST(x AS CHAR(3)).
  if (IsPureMySqlFunction(dialect, name)) {
    // Without IGNORE_SPACE, count (x) and now () call stored functions of those names. Asked of
    // every name, for which of them are like that depends on the server's version.
    if (Touches(name, tokens[i])) return "";
    return absl::StrCat("calls ", NameFor(name), " () with something between the name and its ",
                        "parenthesis, so it may be a stored function; write ", NameFor(name), "(");
  }
  // Not reserved everywhere, so they could be stored functions; these forms could not.
  if (SelectFollows(tokens, i) && (name.IsWord("EXCEPT") || name.IsWord("INTERSECT") ||
                                   name.IsWord("ANY") || name.IsWord("SOME"))) {
    return "";
  }
  if (name.IsWord("AGAINST") && before.IsSymbol(')')) return "";
  if (name.IsWord("PARTITION") && EndsOperand(before)) return "";
  return CallObjection(name);
}

std::string PostgresParenObjection(TokenView tokens, ptrdiff_t i) {
  if (Groups(tokens, i)) return "";
  const Token& name = tokens[i - 1];
  const Token& before = tokens[i - 2];
  const bool after_as = before.IsWord("AS");
  if (name.IsName() && after_as) return "";  // AS t(a, b); CAST(x AS numeric(10,2)).
  if (name.kind != TokenKind::kWord) return CallObjection(name);
  if (before.IsSymbol('.')) {
    const bool catalog = tokens[i - 3].IsWord("PG_CATALOG") && !tokens[i - 4].IsSymbol('.');
    return catalog && IsPurePostgresFunction(name) ? "" : CallObjection(name);
  }
  if (IsPostgresWordBeforeParen(name) || IsPurePostgresFunction(name)) return "";
  const bool cast = before.IsSymbol(':') && tokens[i - 3].IsSymbol(':');
  if (cast && IsPostgresType(name)) return "";
  if (name.IsWord("VARYING") && (before.IsWord("CHARACTER") || before.IsWord("BIT"))) return "";
  if ((name.IsWord("OVER") || name.IsWord("FILTER")) && before.IsSymbol(')')) return "";
  if (name.IsWord("BY") &&
      (before.IsWord("GROUP") || before.IsWord("ORDER") || before.IsWord("PARTITION"))) {
    return "";
  }
  if (name.IsWord("SETS") && before.IsWord("GROUPING")) return "";
  if (name.IsWord("MATERIALIZED") && before.IsWord("NOT")) return "";
  if (name.IsWord("JOIN") && SelectFollows(tokens, i)) return "";
  if ((name.IsWord("LIKE") || name.IsWord("ILIKE")) && EndsOperand(before)) return "";
  return CallObjection(name);
}

std::string MySqlTokenObjection(TokenView tokens, ptrdiff_t i) {
  const Token& token = tokens[i];
  if (token.IsSymbol(':')) return "assigns a variable";
  if (token.IsSymbol('{') || token.IsSymbol('}')) return "contains an ODBC escape";
  static constexpr absl::string_view kCharsets[] = {"_utf8",   "_utf8mb3", "_utf8mb4",
                                                    "_binary", "_ascii",   "_latin1"};
  if (token.kind == TokenKind::kWord && token.text[0] == '_' &&
      tokens[i + 1].kind == TokenKind::kString) {
    for (absl::string_view charset : kCharsets) {
      if (absl::EqualsIgnoreCase(token.text, charset)) return "";
    }
    return "a character set that may change where a string ends";
  }
  return "";
}

std::string PostgresTokenObjection(TokenView tokens, ptrdiff_t i, bool in_cast) {
  const Token& token = tokens[i];
  if (token.IsSymbol(':') && tokens[i - 1].IsSymbol(':')) return TypeObjection(tokens, i + 1);
  if (in_cast && token.IsWord("AS")) return TypeObjection(tokens, i + 1);
  if (token.kind == TokenKind::kString && tokens[i - 1].IsName() &&
      !IsPostgresWordBeforeString(tokens[i - 1])) {
    if (!tokens[i - 2].IsSymbol('.') && IsPostgresType(tokens[i - 1])) return "";
    return "a string behind a name that is not a built-in type";
  }
  return "";
}

}  // namespace dbfleet::sql
