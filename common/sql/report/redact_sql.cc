#include "common/sql/report/redact_sql.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/report/secret_words.h"
#include "common/sql/report/statement_values.h"
#include "common/sql/text/executable_comment.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql {
namespace {

// Of N'x' and E'x' too.
absl::string_view Inside(absl::string_view text) {
  const size_t open = text.find(text.back());
  return open + 1 < text.size() ? text.substr(open + 1, text.size() - open - 2) : text;
}

Piece PieceOf(const Token& token) {
  Piece piece;
  piece.begin = token.offset;
  piece.end = token.offset + token.text.size();
  switch (token.kind) {
    case TokenKind::kWord:
      piece.kind = Piece::Kind::kWord;
      piece.speaks = NamesSecret(token.text);
      break;
    case TokenKind::kQuotedName:
      piece.kind = Piece::Kind::kName;
      // One that is written with escapes may be any.
      piece.speaks = NamesSecret(token.text.substr(1, token.text.size() - 2)) ||
                     (absl::StrContains(token.text, "\\") && token.text[0] != '`');
      break;
    case TokenKind::kString:
      piece.kind = Piece::Kind::kText;
      // So may U&'...' and E'\x70...'.
      piece.speaks = SpeaksOfSecret(token.text) || NamesSecretSetting(Inside(token.text)) ||
                     (absl::StrContains(token.text, "\\") &&
                      absl::StrContains("eEuU", token.text.substr(0, 1)));
      break;
    case TokenKind::kNumber:
      piece.kind = Piece::Kind::kNumber;
      break;
    case TokenKind::kHint:
      piece.kind = Piece::Kind::kComment;
      piece.speaks = SpeaksOfSecret(token.text);
      break;
    default:
      break;
  }
  return piece;
}

// "/*M!999999\- enable the sandbox mode */" at the head of MariaDB's dumps: a comment for every
// server, whose words are none of a statement.
bool IsOfNoServer(absl::string_view comment) { return absl::StartsWith(comment, "/*M!999999"); }

// In front of a statement, whose first word says what it is: a comment for this server.
bool IsSkipped(const Target& target, absl::string_view comment) {
  const ExecutableComment read = ReadOpening(target, comment);
  return target.mysql_family() && (read.opening == 0 || read.fate == CommentFate::kSkipped);
}

// `skipped`: a server that skips an executable comment ends it elsewhere, and cuts what follows
// otherwise.
bool Cut(const Target& target, absl::string_view text, LexOptions options, Pieces* pieces,
         bool* skipped) {
  options.client_commands = target.postgres();
  Lexer lexer(target.dialect, text, options);
  Token token;
  size_t end = 0;
  bool dead = false;
  while (lexer.Next(&token)) {
    if (token.kind == TokenKind::kExecutableOpen && end < token.offset + 2) {
      end = text.find("*/", token.offset + 2);
      const absl::string_view comment = text.substr(token.offset);
      dead = IsOfNoServer(comment) || (pieces->empty() && IsSkipped(target, comment));
    }
    if (token.kind == TokenKind::kExecutableClose && token.offset != end) *skipped = true;
    if (!dead) {
      pieces->push_back(PieceOf(token));
    } else if (token.offset > end) {
      return false;  // It ends elsewhere than the comment that it is.
    } else if (token.kind == TokenKind::kExecutableClose) {
      dead = false;
    }
  }
  return lexer.status().ok();
}

// Whether with these options the text is cut into the same pieces.
bool IsCutSo(const Target& target, absl::string_view text, LexOptions options,
             const Pieces& pieces) {
  options.client_commands = target.postgres();
  Lexer lexer(target.dialect, text, options);
  Token token;
  size_t i = 0;
  for (; lexer.Next(&token); ++i) {
    if (i >= pieces.size() || token.offset != pieces[i].begin ||
        token.offset + token.text.size() != pieces[i].end) {
      return false;
    }
  }
  return lexer.status().ok() && i == pieces.size();
}

// Whether another setting of the server, which is not known, ends its strings elsewhere.
bool MayBeCutOtherwise(const Target& target, absl::string_view text, const Pieces& usual) {
  if (!absl::StrContains(text, "\\") || target.modes.known) return false;
  static constexpr LexOptions kOthers[] = {
      {true, true, false}, {true, false, false}, {false, false, false}};
  return std::any_of(std::begin(kOthers), std::end(kOthers), [&](const LexOptions& options) {
    return !IsCutSo(target, text, options, usual);
  });
}

// Of a text of a program. Its quotes may be another language's; a statement's kind stands in front
// of its literals.
Pieces PiecesOf(Dialect dialect, absl::string_view text) {
  Lexer lexer(dialect, text, DefaultOptions(dialect));
  Pieces pieces;
  Token token;
  while (lexer.Next(&token)) pieces.push_back(PieceOf(token));
  return pieces;
}

// \connect of psql: of words alone it takes none for a password.
Redacted RedactClientCommand(absl::string_view text, size_t place) {
  RedactedWriter writer(text, place);
  const size_t arguments = std::min(text.find_first_of(" \t"), text.size());
  const absl::string_view rest = text.substr(arguments);
  const bool plain = std::all_of(rest.begin(), rest.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(" \t._-", std::string(1, c));
  });
  if (!plain || SpeaksOfSecret(text)) {
    writer.Keep(arguments);
    writer.Put(" ***", text.size());
  }
  return writer.Finish();
}

}  // namespace

Redacted RedactSql(const Target& target, absl::string_view text, size_t place) {
  if (target.postgres() && absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "\\")) {
    return RedactClientCommand(text, place);
  }
  Pieces pieces;
  bool skipped = false;
  if (!Cut(target, text, OptionsFor(target), &pieces, &skipped)) return HideAll(text);
  const PiecedText pieced(text, pieces);
  Redacted redacted = HidePieces(pieced, HidingOf(pieced, target.postgres()), place);
  const bool may_hold = !redacted.hidden.empty() || SpeaksOfSecret(text) || NamesSecret(text);
  if (may_hold && (skipped || MayBeCutOtherwise(target, text, pieces))) return HideAll(text);
  return redacted;
}

bool HidesLiterals(Dialect dialect, absl::string_view text) {
  const Pieces pieces = PiecesOf(dialect, text);
  const PiecedText pieced(text, pieces);
  return BeginsStatement(pieced) && !ShowsLiterals(pieced);
}

bool IsSqlStatement(Dialect dialect, absl::string_view text) {
  const Pieces pieces = PiecesOf(dialect, text);
  return IsStatement(PiecedText(text, pieces), 0);
}

}  // namespace dbfleet::sql
