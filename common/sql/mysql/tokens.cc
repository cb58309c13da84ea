#include "common/sql/mysql/tokens.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::sql::mysql {
namespace {

// Whether a server with another sql_mode would see strings end elsewhere, and so might execute what
// looks like text.
bool DependsOnModes(const Target& target, absl::string_view text, const std::vector<Token>& usual) {
  for (LexOptions other : {LexOptions{true, false, false}, LexOptions{false, false, false}}) {
    Lexer lexer(target.dialect, text, other);
    if (target.version.known()) lexer.ReadAs(target);
    Token token;
    size_t i = 0;
    while (lexer.Next(&token)) {
      if (i >= usual.size() || token.kind != usual[i].kind || token.offset != usual[i].offset ||
          token.text.size() != usual[i].text.size()) {
        return true;
      }
      ++i;
    }
    if (!lexer.status().ok() || i != usual.size()) return true;
  }
  return false;
}

// MySQL does not end a hint at a "*/" inside of quotes, so that with quotes its end is not known.
bool IsDoubtfulHint(absl::string_view hint) {
  if (hint.find_first_of("`'\"") != absl::string_view::npos) return true;
  const std::string upper = absl::AsciiStrToUpper(hint);
  return absl::StrContains(upper, "SET") || absl::StrContains(upper, "RESOURCE_GROUP");
}

// NEXTVAL stays a word behind a dot: "sequence.nextval" advances it.
Word MeaningOf(const Token& token, const std::vector<Tok>& before) {
  const Word word = WordOf(token.text);
  if (word == 0 || before.empty()) return word;
  const Tok& last = before.back();
  if (!last.IsSymbol('.') && !last.IsSymbol('@')) return word;
  if (last.offset + 1 != token.offset) return word;
  if (last.IsSymbol('@')) return 0;
  // "1." is a number, and what follows it is a word.
  const bool name = before.size() > 1 && before[before.size() - 2].IsName();
  return name && word != K("NEXTVAL") ? Word{0} : word;
}

void Take(const Target& target, const Token& token, size_t* open, Lexed* lexed) {
  constexpr size_t kClosed = static_cast<size_t>(-1);
  switch (token.kind) {
    case TokenKind::kExecutableOpen:
      if (*open == kClosed) *open = lexed->tokens.size();
      return;
    case TokenKind::kExecutableClose:
      if (*open != kClosed && *open < lexed->tokens.size()) {
        lexed->commented.emplace_back(*open, lexed->tokens.size());
      }
      *open = kClosed;
      return;
    case TokenKind::kHint:
      lexed->doubtful_hint = lexed->doubtful_hint || IsDoubtfulHint(token.text);
      return;
    case TokenKind::kDelimiter:
      lexed->ends.push_back(lexed->tokens.size());
      return;
    default:
      break;
  }
  Tok tok;
  static_cast<Token&>(tok) = token;
  const bool ansi = target.modes.known && (target.modes.ansi_quotes || target.modes.oracle);
  if (ansi && token.kind == TokenKind::kString && token.text[0] == '"') {
    tok.kind = TokenKind::kQuotedName;
  } else if (token.kind == TokenKind::kWord) {
    tok.word = MeaningOf(token, lexed->tokens);
  }
  lexed->tokens.push_back(tok);
}

}  // namespace

const Tok Toks::kNothing = [] {
  Tok token;
  token.kind = TokenKind::kDelimiter;
  return token;
}();

bool Toks::HasWord(Word word) const {
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Tok& t) { return t.word == word; });
}

ptrdiff_t Toks::AfterParen(ptrdiff_t open) const {
  int depth = 0;
  for (ptrdiff_t i = open; i < size(); ++i) {
    if ((*this)[i].IsSymbol('(')) ++depth;
    if ((*this)[i].IsSymbol(')') && --depth == 0) return i + 1;
  }
  return size();
}

Lexed Lex(const Target& target, absl::string_view text, Position origin) {
  Lexed lexed;
  Lexer lexer(target.dialect, text, OptionsFor(target));
  lexer.BeginAt(origin);
  if (target.version.known()) lexer.ReadAs(target);
  lexed.tokens.reserve(text.size() / 5 + 4);
  const bool compare = !target.modes.known && absl::StrContains(text, "\\");
  std::vector<Token> raw;
  Token token;
  size_t open = static_cast<size_t>(-1);
  while (lexer.Next(&token)) {
    if (compare) raw.push_back(token);
    Take(target, token, &open, &lexed);
  }
  lexed.status = lexer.status();
  if (!lexed.status.ok()) return lexed;
  lexed.doubtful_quotes = compare && DependsOnModes(target, text, raw);
  lexed.doubtful_comment =
      lexer.doubtful_comment() || (!target.version.known() && !lexed.commented.empty());
  if (lexed.ends.empty() || lexed.ends.back() < lexed.tokens.size()) {
    lexed.ends.push_back(lexed.tokens.size());
  }
  return lexed;
}

Lexed WithoutCommented(const Lexed& lexed) {
  Lexed rest = lexed;
  rest.tokens.clear();
  rest.ends.clear();
  rest.commented.clear();
  size_t comment = 0;
  size_t end = 0;
  for (size_t i = 0; i <= lexed.tokens.size(); ++i) {
    while (end < lexed.ends.size() && lexed.ends[end] == i) {
      rest.ends.push_back(rest.tokens.size());
      ++end;
    }
    while (comment < lexed.commented.size() && lexed.commented[comment].second <= i) ++comment;
    if (i == lexed.tokens.size()) break;
    if (comment < lexed.commented.size() && lexed.commented[comment].first <= i) continue;
    rest.tokens.push_back(lexed.tokens[i]);
  }
  return rest;
}

std::string Unquoted(const Tok& token) {
  if (token.kind == TokenKind::kWord) return std::string(token.text);
  const absl::string_view text = token.text;
  const bool quoted = text.size() >= 2 && (text.front() == '`' || text.front() == '"');
  if (!quoted) return "";
  const absl::string_view quote = text.substr(0, 1);
  const absl::string_view inside = text.substr(1, text.size() - 2);
  if (!absl::StrContains(inside, quote)) return std::string(inside);
  return absl::StrReplaceAll(inside, {{absl::StrCat(quote, quote), quote}});
}

absl::string_view Inside(const Tok& token) {
  if (!token.IsText() || token.text.size() < 2) return "";
  return token.text.substr(1, token.text.size() - 2);
}

}  // namespace dbfleet::sql::mysql
