#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/position.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

enum class TokenKind {
  kWord,        // A bare identifier or keyword.
  kQuotedName,  // "name" (PostgreSQL), `name` (MySQL/MariaDB), with its quotes.
  kString,      // Every other quoted text, with quotes and prefix; MySQL's "..." too.
  kNumber,
  kSymbol,           // One character.
  kHint,             // A whole /*+ ... */ comment.
  kExecutableOpen,   // "/*!", "/*!50003", "/*M!": what follows up to the close may be executed.
  kExecutableClose,  // The "*/" of an executable comment.
  kDelimiter,        // ";" or what DELIMITER set, outside executable comments.
};

// Views into the lexer's input, which must outlive it.
struct Token {
  TokenKind kind = TokenKind::kSymbol;
  absl::string_view text;
  size_t offset = 0;

  bool IsWord(absl::string_view upper) const {
    return kind == TokenKind::kWord && text.size() == upper.size() &&
           absl::EqualsIgnoreCase(text, upper);
  }
  bool IsSymbol(char c) const { return kind == TokenKind::kSymbol && text[0] == c; }
  bool IsName() const { return kind == TokenKind::kWord || kind == TokenKind::kQuotedName; }
};

// What a server's settings change about where a string ends. The defaults are the servers' own.
struct LexOptions {
  bool backslash_in_single_quotes = false;  // MySQL: true, unless NO_BACKSLASH_ESCAPES.
  bool backslash_in_double_quotes = false;  // MySQL: true, unless that or ANSI_QUOTES.
  // PostgreSQL: a script is cut as psql cuts it. A backslash outside quotes is a symbol, for who
  // reads psql's commands, and ":name" is one.
  bool client_commands = false;
};
LexOptions DefaultOptions(Dialect dialect);
// Those of a server, as far as its modes are known.
LexOptions OptionsFor(const Target& target);

// Of a byte of `text`, whose first one stands at `origin`.
Position PositionAt(absl::string_view text, size_t offset, Position origin = {});

// Cuts SQL (not Redis) into tokens, in one pass and without recursion. Comments and white space are
// left out; the content of an executable comment is lexed like the text around it. Not thread-safe.
// Next returns false at the end of the text and at the first error, which status() then holds
// (INVALID_ARGUMENT, BAD_SQL, with line and column; it quotes nothing of the text).
class Lexer {
 public:
  Lexer(Dialect dialect, absl::string_view text, LexOptions options);

  // Before the first token: executable comments are read as this server would, which must outlive
  // the lexer: those that it skips are left out, with one level of comments inside.
  void ReadAs(const Target& server) { server_ = &server; }
  // Of a script that a client is to cut: who gets it, which must outlive the lexer. What that
  // server certainly skips is lexed all the same; but no delimiter that the script has used may
  // stand in it: a client that did not know the last DELIMITER command would send what follows it,
  // which nobody has judged.
  void CutFor(const Target& receiver) { receiver_ = &receiver; }
  // Some executable comment was skipped; was or was not, depending on what is not known of the
  // server (it is lexed as if it were executed); stood inside of another, which servers disagree
  // on.
  bool skipped_comment() const { return skipped_comment_; }
  bool doubtful_comment() const { return doubtful_comment_; }

  // Where the text's first byte stands in what its reader sees, for errors.
  void BeginAt(Position origin) { origin_ = origin; }

  // For text that comes in pieces: goes on at `at` in `text`, which replaces what there was, and
  // whose first byte stands at `origin` of the whole. While `more` follows, Next returns false with
  // starved() where what follows could change the token.
  void Continue(absl::string_view text, size_t at, Position origin, bool more);
  bool starved() const { return starved_; }

  bool Next(Token* token);
  const absl::Status& status() const { return status_; }

  // Why a client takes what was read since the last call for something else than a server does, so
  // that they may cut it differently; "" if it does not.
  absl::string_view TakeClientDoubt() { return std::exchange(client_doubt_, ""); }

  // What ends a statement from here on; MySQL/MariaDB only.
  void SetDelimiter(absl::string_view delimiter);
  absl::string_view delimiter() const { return delimiter_; }

  // The rest of the current line, which is skipped.
  absl::string_view TakeLine();
  size_t offset() const { return pos_; }

 private:
  bool mysql() const { return dialect_ != Dialect::kPostgres; }
  char Peek(size_t ahead) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }
  bool Emit(Token* token, TokenKind kind, size_t start);
  bool Fail(size_t at, absl::string_view problem, absl::string_view advice);
  bool NotClosed(size_t at, absl::string_view problem, absl::string_view advice);
  bool Starve(size_t at);
  bool Finish();
  bool AtDelimiter() const;
  bool AtLineComment() const;
  bool AtServersComment() const;
  void DoubtClient(absl::string_view why);
  void DoubtBehindNumber();
  void DoubtComment(absl::string_view comment, bool hint);
  void DoubtBehindComment(absl::string_view comment);
  bool CloseExecutable(Token* token);
  bool IsSkippedByReceiver(size_t opening) const;
  bool HoldsUsedDelimiter(absl::string_view comment_and_behind, size_t comment) const;
  void SkipLineComment();
  bool OpenExecutable(Token* token, bool* emitted);
  size_t SkippedEnd(size_t from) const;
  size_t BlockCommentEnd() const;
  bool LexBlockComment(Token* token, bool* emitted);
  bool LexQuoted(Token* token, TokenKind kind, size_t start, bool backslash);
  size_t QuoteEnd(size_t open, bool backslash) const;
  size_t SkipToContinuedString(size_t from, bool* open) const;
  bool LexEscapeString(Token* token, size_t start);
  bool LexColon(Token* token);
  bool LexDollar(Token* token);
  bool LexWord(Token* token);
  bool LexMySqlToken(Token* token);
  bool LexPostgresToken(Token* token);

  const Dialect dialect_;
  absl::string_view text_;
  const LexOptions options_;
  const Target* server_ = nullptr;
  const Target* receiver_ = nullptr;
  std::string delimiter_ = ";";
  std::vector<std::string> used_delimiters_ = {";"};  // So far, the present one too.
  bool too_many_delimiters_ = false;                  // To keep them all.
  size_t pos_ = 0;
  Position origin_;
  bool more_ = false;
  bool starved_ = false;
  int executable_depth_ = 0;
  bool skipped_comment_ = false;
  bool doubtful_comment_ = false;
  size_t executable_from_ = 0;  // Where the outermost executable comment begins.
  bool not_executed_ = false;   // It is skipped by who gets the script.
  bool behind_colon_ = false;   // The next byte is the second of "::".
  absl::string_view client_doubt_;
  absl::Status status_;
};

}  // namespace dbfleet::sql
