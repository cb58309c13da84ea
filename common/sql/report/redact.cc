#include "common/sql/report/redact.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/sql/active_record/host_lexer.h"
#include "common/sql/report/redact_redis.h"
#include "common/sql/report/secret_words.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kHidden = "***";

// A part of a text that its lexer has cut out; what stands between them is white space and
// comments.
struct Piece {
  enum class Kind { kName, kWord, kText, kNumber, kSymbol, kComment };

  Kind kind = Kind::kSymbol;
  size_t begin = 0;
  size_t end = 0;
  bool speaks = false;  // Of a secret, by itself.
};

using Pieces = std::vector<Piece>;

Redacted Whole() { return {std::string(kHidden), 0, true}; }

// Names in accounts' statements that no password is: ALTER ROLE x PASSWORD NULL.
constexpr absl::string_view kNoPassword[] = {
    "ACCOUNT",      "AND",      "AS",         "BY",       "CURRENT",  "DEFAULT", "EXPIRE",
    "FOR",          "HISTORY",  "IDENTIFIED", "IF",       "INTERVAL", "NEVER",   "NULL",
    "OLD_PASSWORD", "OPTIONAL", "OR",         "PASSWORD", "RANDOM",   "REQUIRE", "REUSE",
    "UNTIL",        "USING",    "VALID",      "VIA",      "WITH"};

// What CREATE, ALTER, CHANGE, START and SET name where passwords follow.
constexpr absl::string_view kSecretObjects[] = {"GROUP",   "MAPPING",      "MASTER", "PASSWORD",
                                                "REPLICA", "REPLICATION",  "ROLE",   "SERVER",
                                                "SLAVE",   "SUBSCRIPTION", "USER"};

template <size_t N>
bool IsOneOf(absl::string_view word, const absl::string_view (&list)[N]) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](absl::string_view one) { return absl::EqualsIgnoreCase(one, word); });
}

// Writes a text down with what is hidden in it.
class Writer {
 public:
  Writer(absl::string_view text, size_t place) : text_(text), place_(place) {}

  void Keep(size_t end) {
    end = std::min(end, text_.size());
    if (pos_ <= place_ && place_ < end) out_.place = out_.text.size() + (place_ - pos_);
    out_.text.append(text_.data() + pos_, end - pos_);
    pos_ = end;
  }
  void Put(absl::string_view shown, size_t end) {
    if (pos_ <= place_ && place_ < end) out_.place = out_.text.size();
    absl::StrAppend(&out_.text, shown);
    pos_ = end;
    out_.hides = true;
  }
  Redacted Finish() {
    Keep(text_.size());
    if (place_ >= text_.size()) out_.place = out_.text.size();
    return std::move(out_);
  }

 private:
  const absl::string_view text_;
  const size_t place_;
  size_t pos_ = 0;
  Redacted out_;
};

class Redactor {
 public:
  Redactor(absl::string_view text, const Pieces& pieces, size_t place)
      : text_(text), pieces_(pieces), writer_(text, place) {}

  Redacted Run(bool of_sql) {
    of_accounts_ = of_sql && (DefinesAccess() || IdentifiesSomebody());
    secret_ = of_accounts_ || std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
                return piece.speaks && piece.kind != Piece::Kind::kComment;
              });
    size_t end = 0;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      Between(end, pieces_[i].begin);
      Show(i);
      end = pieces_[i].end;
    }
    Between(end, text_.size());
    return writer_.Finish();
  }

 private:
  absl::string_view Text(size_t i) const {
    return i < pieces_.size() ? text_.substr(pieces_[i].begin, pieces_[i].end - pieces_[i].begin)
                              : absl::string_view();
  }

  // CREATE OR REPLACE SERVER, ALTER USER MAPPING, CHANGE MASTER, SET PASSWORD, START SLAVE.
  bool DefinesAccess() const {
    static constexpr absl::string_view kHeads[] = {"ALTER", "CHANGE", "CREATE", "SET", "START"};
    static constexpr absl::string_view kOtherObjects[] = {
        "DATABASE", "FUNCTION", "INDEX", "PROCEDURE", "SCHEMA", "TABLE", "TRIGGER", "TYPE", "VIEW"};
    constexpr size_t kHead = 6;
    size_t words = 0;
    for (size_t i = 0; i < pieces_.size() && words < kHead; ++i) {
      if (pieces_[i].kind != Piece::Kind::kWord) continue;
      if (words++ == 0 && !IsOneOf(Text(i), kHeads)) return false;
      if (words > 1 && IsOneOf(Text(i), kSecretObjects)) return true;
      if (IsOneOf(Text(i), kOtherObjects)) return false;
    }
    return false;
  }

  // GRANT ... IDENTIFIED BY.
  bool IdentifiesSomebody() const {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (absl::EqualsIgnoreCase(Text(i), "IDENTIFIED")) return true;
    }
    return false;
  }

  // Comments, with the white space around them.
  void Between(size_t begin, size_t end) {
    const absl::string_view gap = text_.substr(begin, end - begin);
    const bool comment = gap.find_first_not_of(" \t\r\n\f\v") != absl::string_view::npos;
    const bool quotes = gap.find_first_of("'\"`$") != absl::string_view::npos;
    if (comment && (SpeaksOfSecret(gap) || (secret_ && quotes))) {
      return writer_.Put(absl::StrContains(gap, "\n") ? " /* *** */\n" : " /* *** */ ", end);
    }
    writer_.Keep(end);
  }

  bool Touches(size_t i, size_t next, char c) const {
    return next < pieces_.size() && i < pieces_.size() && Text(next) == std::string(1, c) &&
           (pieces_[i].end == pieces_[next].begin || pieces_[next].end == pieces_[i].begin);
  }

  // 'anna'@'localhost'
  bool IsOfAccount(size_t i) const {
    return Touches(i, i + 1, '@') || (i > 0 && Touches(i, i - 1, '@'));
  }

  // Without quotes: PASSWORD hunter2, which no server takes, and which is told in an error.
  bool IsBarePassword(size_t i) const {
    if (!of_accounts_ || i == 0 || IsOneOf(Text(i), kNoPassword)) return false;
    const absl::string_view before = Text(i - 1);
    return absl::EqualsIgnoreCase(before, "PASSWORD") || absl::EqualsIgnoreCase(before, "BY") ||
           (i > 1 && before == "=" && NamesSecret(Text(i - 2)));
  }

  // A number as a password: PASSWORD(12345), password = 5, 0x61.
  bool IsSecretNumber(size_t i) const {
    if (!secret_) return false;
    if (absl::StartsWithIgnoreCase(Text(i), "0x")) return true;
    const bool given = i > 1 && (Text(i - 1) == "(" || Text(i - 1) == "=" || Text(i - 1) == "=>");
    return IsBarePassword(i) || (i > 0 && pieces_[i - 1].speaks) ||
           (given && pieces_[i - 2].speaks);
  }

  void Show(size_t i) {
    const Piece& piece = pieces_[i];
    const absl::string_view text = Text(i);
    switch (piece.kind) {
      case Piece::Kind::kText: {
        if (!piece.speaks && (!secret_ || IsOfAccount(i))) break;
        const absl::string_view quote = text[0] == '"' ? "\"" : "'";
        return writer_.Put(absl::StrCat(quote, kHidden, quote), piece.end);
      }
      case Piece::Kind::kName:
        // A connection string in the place of a name.
        if (!HoldsUriPassword(text) && !(piece.speaks && absl::StrContains(text, "="))) break;
        return writer_.Put(absl::StrCat(text.substr(0, 1), kHidden, text.substr(0, 1)), piece.end);
      case Piece::Kind::kWord:
        if (!IsBarePassword(i) &&
            !(absl::ascii_isdigit(static_cast<unsigned char>(text[0])) && IsSecretNumber(i))) {
          break;
        }
        return writer_.Put(kHidden, piece.end);
      case Piece::Kind::kNumber:
        if (!IsSecretNumber(i)) break;
        return writer_.Put(kHidden, piece.end);
      case Piece::Kind::kComment:
        if (!piece.speaks && !secret_) break;
        return writer_.Put("/* *** */", piece.end);
      case Piece::Kind::kSymbol:
        break;
    }
    writer_.Keep(piece.end);
  }

  const absl::string_view text_;
  const Pieces& pieces_;
  Writer writer_;
  bool of_accounts_ = false;
  bool secret_ = false;
};

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
      piece.speaks =
          SpeaksOfSecret(token.text) || (absl::StrContains(token.text, "\\") &&
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

// `skipped`: a server that skips an executable comment ends it elsewhere, and cuts what follows
// otherwise.
bool Cut(const Target& target, absl::string_view text, LexOptions options, Pieces* pieces,
         bool* skipped) {
  options.client_commands = target.postgres();
  Lexer lexer(target.dialect, text, options);
  Token token;
  size_t end = 0;
  while (lexer.Next(&token)) {
    if (token.kind == TokenKind::kExecutableOpen) end = text.find("*/", token.offset + 2);
    if (token.kind == TokenKind::kExecutableClose && token.offset != end) *skipped = true;
    pieces->push_back(PieceOf(token));
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

// \connect of psql: of words alone it takes none for a password.
Redacted RedactClientCommand(absl::string_view text, size_t place) {
  Writer writer(text, place);
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

Redacted RedactSql(const Target& target, absl::string_view text, size_t place) {
  if (target.postgres() && absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "\\")) {
    return RedactClientCommand(text, place);
  }
  Pieces pieces;
  bool skipped = false;
  if (!Cut(target, text, OptionsFor(target), &pieces, &skipped)) return Whole();
  Redacted redacted = Redactor(text, pieces, place).Run(/*of_sql=*/true);
  const bool may_hold = redacted.hides || SpeaksOfSecret(text) || NamesSecret(text);
  if (may_hold && (skipped || MayBeCutOtherwise(target, text, pieces))) return Whole();
  return redacted;
}

// In programs nearly every text is handed over by some "connection".
bool HostNameSpeaks(absl::string_view name) {
  return NamesSecret(name) && !absl::EqualsIgnoreCase(name, "connection");
}

Piece PieceOf(const HostToken& token) {
  Piece piece;
  piece.begin = token.offset;
  piece.end = token.offset + token.text.size();
  switch (token.kind) {
    case HostTokenKind::kName:
    case HostTokenKind::kVariable:
    case HostTokenKind::kLabel:
    case HostTokenKind::kSymbol:
      piece.kind = Piece::Kind::kWord;
      piece.speaks = HostNameSpeaks(token.text);
      break;
    case HostTokenKind::kString:
    case HostTokenKind::kOther: {
      piece.kind = Piece::Kind::kText;
      std::string content;
      for (const StringPart& part : token.parts) content += part.text;
      piece.speaks = SpeaksOfSecret(token.text) || SpeaksOfSecret(content);
      break;
    }
    case HostTokenKind::kNumber:
      piece.kind = Piece::Kind::kNumber;
      break;
    default:
      break;
  }
  return piece;
}

Redacted RedactHost(const Target& target, absl::string_view text, size_t place) {
  const auto lexed = target.dialect == Dialect::kActiveRecordPhp ? LexPhp(text) : LexRuby(text);
  if (!lexed.ok()) return Whole();
  Pieces pieces;
  bool heredoc = false;
  for (const HostToken& token : lexed->tokens) {
    if (token.text.empty()) continue;
    pieces.push_back(PieceOf(token));
    heredoc = heredoc || (token.kind == HostTokenKind::kString &&
                          token.end > token.offset + token.text.size());
  }
  Redacted redacted = Redactor(text, pieces, place).Run(/*of_sql=*/false);
  // Its lines stand behind others of the program.
  return redacted.hides && heredoc ? Whole() : redacted;
}

}  // namespace

Redacted Redact(const Target& target, absl::string_view text, size_t place) {
  if (target.dialect == Dialect::kRedis) return RedactRedis(text);
  if (target.active_record()) return RedactHost(target, text, place);
  return RedactSql(target, text, place);
}

void HideSecrets(const Target& target, const Statement& statement, StatementReport* report) {
  Target server = target;
  if (statement.modes_changed) server.modes = SqlModes();
  Redacted shown = Redact(server, statement.text, statement.content);
  report->text = std::move(shown.text);
  report->content = shown.place;
  report->secret = shown.hides;
  if (!shown.hides) return;
  for (std::string& reason : report->verdict.reasons) reason = RedactSaid(reason);
}

std::string RedactSaid(absl::string_view said) {
  const size_t first = said.find_first_of("'\"");
  if (first == absl::string_view::npos) return std::string(said);
  const size_t last = said.find_last_of("'\"");
  return absl::StrCat(said.substr(0, first), kHidden,
                      last > first ? said.substr(last + 1) : absl::string_view());
}

}  // namespace dbfleet::sql
