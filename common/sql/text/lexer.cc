#include "common/sql/text/lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/sql/text/characters.h"
#include "common/sql/text/executable_comment.h"

namespace dbfleet::sql {
namespace {

// What has to be seen behind a place to know what begins there: the longest are a delimiter and the
// opening of an executable comment.
constexpr size_t kLookahead = 32;
// What has to be seen behind a token to know that it ends there.
constexpr size_t kLookbehind = 3;

constexpr absl::string_view kCommentsInside =
    "a comment stands inside a comment or a hint, where clients and servers end it at different "
    "places; write them one behind the other";

constexpr absl::string_view kLikeDelimiter =
    "a line begins with DELIMITER inside of quotes or a comment, where clients may take the line "
    "break away; write something in front of it";

// Whether the last of its lines begins so, and is not the first.
bool EndsLikeDelimiterCommand(absl::string_view text) {
  const size_t newline = text.rfind('\n');
  return newline != absl::string_view::npos &&
         absl::StartsWithIgnoreCase(text.substr(newline + 1), "delimiter");
}

// Whether a line ends with a backslash that is not escaped itself.
bool EscapesLineBreak(absl::string_view text) {
  for (size_t end = text.find('\n'); end != absl::string_view::npos;
       end = text.find('\n', end + 1)) {
    absl::string_view line = text.substr(0, end);
    absl::ConsumeSuffix(&line, "\r");
    const size_t last = line.find_last_not_of('\\');
    const size_t backslashes = line.size() - (last == absl::string_view::npos ? 0 : last + 1);
    if (backslashes % 2 == 1) return true;
  }
  return false;
}

// Whether a client takes a "/*" inside of a comment for more than two characters of it: for a mark
// of its own, or for the beginning of a "*/" that it then does not see.
bool HoldsMark(absl::string_view inside) {
  for (size_t at = inside.find("/*"); at != absl::string_view::npos;
       at = inside.find("/*", at + 2)) {
    const absl::string_view behind = inside.substr(at + 2);
    if (!behind.empty() && absl::StrContains("!+Mm/", behind.substr(0, 1))) return true;
  }
  return false;
}

// Whether a quote stands behind a backslash that is not escaped itself.
bool EscapesQuote(absl::string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && text[++i] == '\'') return true;
  }
  return false;
}

}  // namespace

Lexer::Lexer(Dialect dialect, absl::string_view text, LexOptions options)
    : dialect_(dialect), text_(text), options_(options) {
  if (const size_t nul = text.find('\0'); nul != absl::string_view::npos) {
    Fail(nul, "a NUL byte", "remove it");
  }
}

bool Lexer::Emit(Token* token, TokenKind kind, size_t start) {
  token->kind = kind;
  token->text = text_.substr(start, pos_ - start);
  token->offset = start;
  return true;
}

bool Lexer::Fail(size_t at, absl::string_view problem, absl::string_view advice) {
  const Position position = PositionAt(text_, at, origin_);
  const std::string place =
      origin_.known() ? absl::StrCat("line ", position.line, ", column ", position.column, ": ")
                      : "";
  status_ = Error(absl::StatusCode::kInvalidArgument, "BAD_SQL",
                  absl::StrCat(place, problem, "; ", advice));
  return false;
}

bool Lexer::NotClosed(size_t at, absl::string_view problem, absl::string_view advice) {
  return more_ ? Starve(at) : Fail(at, problem, advice);
}

bool Lexer::Starve(size_t at) {
  pos_ = at;
  starved_ = true;
  return false;
}

void Lexer::Continue(absl::string_view text, size_t at, Position origin, bool more) {
  if (executable_depth_ > 0)
    executable_from_ -= std::min(executable_from_, pos_ - std::min(pos_, at));
  text_ = text;
  pos_ = at;
  origin_ = origin;
  more_ = more;
  starved_ = false;
}

bool Lexer::Finish() {
  if (executable_depth_ > 0) {
    return Fail(text_.size(), "an executable comment is not closed", "close it with */");
  }
  return false;
}

absl::string_view Lexer::TakeLine() {
  const size_t start = pos_;
  const size_t newline = text_.find('\n', pos_);
  pos_ = newline == absl::string_view::npos ? text_.size() : newline;
  return text_.substr(start, pos_ - start);
}

bool Lexer::AtDelimiter() const {
  return executable_depth_ == 0 && absl::StartsWith(text_.substr(pos_), delimiter_);
}

// The third byte of a "--" is one that the server takes for the beginning of a comment; MySQL's and
// MariaDB's clients only know white space there.
bool Lexer::AtServersComment() const {
  return mysql() && text_[pos_] == '-' && Peek(1) == '-' && absl::ascii_iscntrl(Peek(2)) &&
         !absl::ascii_isspace(Peek(2)) && pos_ + 2 < text_.size();
}

bool Lexer::AtLineComment() const {
  const char c = text_[pos_];
  if (mysql()) {
    // "--" alone is two minus signs; the end of the text counts as a control character.
    return c == '#' || (c == '-' && Peek(1) == '-' &&
                        (IsSpace(dialect_, Peek(2)) || absl::ascii_iscntrl(Peek(2))));
  }
  return c == '-' && Peek(1) == '-';
}

void Lexer::DoubtClient(absl::string_view why) {
  if (client_doubt_.empty()) client_doubt_ = why;
}

void Lexer::DoubtBehindNumber() {
  if (mysql()) return;
  DoubtClient(
      "letters stand right behind a number, which versions of psql cut differently; write a space");
}

void Lexer::SkipLineComment() {
  const size_t end = text_.find_first_of(mysql() ? "\n" : "\r\n", pos_);
  pos_ = end == absl::string_view::npos ? text_.size() : end;
}

// Behind the comment that a server skips, whose content begins at `from`. Servers take comments
// inside of it into account, one level deep.
size_t Lexer::SkippedEnd(size_t from) const {
  bool inner = false;
  for (size_t i = from; i + 1 < text_.size(); ++i) {
    if (!inner && text_[i] == '/' && text_[i + 1] == '*') {
      inner = true;
      ++i;
    } else if (text_[i] == '*' && text_[i + 1] == '/') {
      if (!inner) return i + 2;
      inner = false;
      ++i;
    }
  }
  return absl::string_view::npos;
}

// `emitted` stays false where it is no executable comment, or one that is left out.
bool Lexer::OpenExecutable(Token* token, bool* emitted) {
  const size_t start = pos_;
  ExecutableComment comment{CommentFate::kExecuted, 0};
  if (server_ != nullptr) {
    comment = ReadOpening(*server_, text_.substr(pos_));
  } else {
    comment.opening = LongestOpening(text_.substr(pos_));
  }
  if (comment.opening == 0) return true;
  if (Peek(2) == 'm') DoubtClient("/*m! is a comment for some servers and clients only");
  if (server_ != nullptr && executable_depth_ > 0) doubtful_comment_ = true;
  if (comment.fate == CommentFate::kSkipped) {
    const size_t end = SkippedEnd(pos_ + comment.opening);
    if (end == absl::string_view::npos) {
      return NotClosed(start, "a comment is not closed", "close it with */");
    }
    skipped_comment_ = true;
    pos_ = end;
    return true;
  }
  if (comment.fate == CommentFate::kDepends) doubtful_comment_ = true;
  *emitted = true;
  if (executable_depth_++ == 0) {
    executable_from_ = start;
    not_executed_ = IsSkippedByReceiver(start);
  }
  pos_ += comment.opening;
  return Emit(token, TokenKind::kExecutableOpen, start);
}

size_t Lexer::BlockCommentEnd() const {
  if (mysql()) {
    const size_t close = text_.find("*/", pos_ + 2);
    return close == absl::string_view::npos ? close : close + 2;
  }
  int depth = 1;
  for (size_t i = pos_ + 2; i + 1 < text_.size();) {
    const absl::string_view pair = text_.substr(i, 2);
    if (pair == "/*") {
      ++depth;
    } else if (pair == "*/" && --depth == 0) {
      return i + 2;
    }
    i += pair == "/*" || pair == "*/" ? 2 : 1;
  }
  return absl::string_view::npos;
}

// MySQL's and MariaDB's clients take comments out, and tell them apart by marks of their own:
// behind a mark inside of a comment another "*/" has to come. A plain "/*" in there they pass over,
// as in "src/*.c". MySQL's forgets at the end of a line that it is in a hint.
void Lexer::DoubtComment(absl::string_view comment, bool hint) {
  if (!mysql()) return;
  const absl::string_view inside = comment.substr(2);
  const bool marks = hint ? absl::StrContains(inside, "/*") : HoldsMark(inside);
  const bool odd = hint && (comment.find_first_of("\\\n'\"`") != absl::string_view::npos ||
                            absl::StrContains(comment, delimiter_));
  if (marks || odd) DoubtClient(kCommentsInside);
}

// Where a comment is taken out a blank comes, but not in front of a character of several bytes: it
// comes behind those. Not if a blank stands there already.
void Lexer::DoubtBehindComment(absl::string_view comment) {
  if (!mysql()) return;
  if (IsHighByte(Peek(0))) {
    DoubtClient(
        "a character beyond ASCII stands right behind a comment, where clients write a blank "
        "elsewhere; write one behind the comment");
  }
  if (EndsLikeDelimiterCommand(comment)) DoubtClient(kLikeDelimiter);
}

// A client cuts at a delimiter wherever it stands in there or begins, be it with the last "/", and
// whether the server skips it or not.
void Lexer::SetDelimiter(absl::string_view delimiter) {
  constexpr size_t kMostKept = 64;
  delimiter_ = std::string(delimiter);
  const auto used = std::find(used_delimiters_.begin(), used_delimiters_.end(), delimiter_);
  if (used != used_delimiters_.end()) return;
  too_many_delimiters_ = used_delimiters_.size() >= kMostKept;
  if (!too_many_delimiters_) used_delimiters_.push_back(delimiter_);
}

// "/*M!" is a plain comment for MySQL, and none for MariaDB's client.
bool Lexer::IsSkippedByReceiver(size_t opening) const {
  if (receiver_ == nullptr || !mysql()) return false;
  const ExecutableComment comment = ReadOpening(*receiver_, text_.substr(opening));
  return comment.opening == 0 || comment.fate == CommentFate::kSkipped;
}

// Also one that begins in the comment and ends behind it.
bool Lexer::HoldsUsedDelimiter(absl::string_view comment_and_behind, size_t comment) const {
  return too_many_delimiters_ ||
         std::any_of(used_delimiters_.begin(), used_delimiters_.end(),
                     [&](const std::string& used) {
                       return absl::StrContains(
                           comment_and_behind.substr(0, comment + used.size() - 1), used);
                     });
}

bool Lexer::CloseExecutable(Token* token) {
  const size_t start = pos_;
  --executable_depth_;
  pos_ += 2;
  const size_t length = pos_ - executable_from_;
  if (executable_depth_ == 0 &&
      absl::StrContains(text_.substr(executable_from_, length + delimiter_.size() - 1),
                        delimiter_)) {
    DoubtClient(
        "a delimiter stands inside an executable comment, where a client ends the statement; close "
        "the comment in front of it");
  } else if (executable_depth_ == 0 && not_executed_ &&
             HoldsUsedDelimiter(text_.substr(executable_from_), length)) {
    DoubtClient(
        "; or a delimiter of this script stands inside an executable comment that the server "
        "skips: a client that does not know the DELIMITER in front executes what follows it; "
        "remove the comment, or say for which server the script is");
  }
  // "*/*": clients take its end for the beginning of another one as well.
  if (Peek(0) == '*') DoubtClient(kCommentsInside);
  return Emit(token, TokenKind::kExecutableClose, start);
}

bool Lexer::LexBlockComment(Token* token, bool* emitted) {
  const size_t start = pos_;
  if (mysql()) {
    if (executable_depth_ > 0) DoubtClient(kCommentsInside);
    const bool ok = OpenExecutable(token, emitted);
    if (!ok || *emitted || pos_ > start) return ok;
  }
  *emitted = true;
  const bool hint = Peek(2) == '+';
  const size_t end = BlockCommentEnd();
  if (end == absl::string_view::npos) {
    return NotClosed(start, "a comment is not closed", "close it with */");
  }
  pos_ = end;
  DoubtComment(text_.substr(start, end - start), hint);
  DoubtBehindComment(text_.substr(start, end - start));
  if (hint) return Emit(token, TokenKind::kHint, start);
  *emitted = false;
  return true;
}

// The position after the closing quote; npos when there is none. A doubled quote is a character.
size_t Lexer::QuoteEnd(size_t open, bool backslash) const {
  const char quote = text_[open];
  for (size_t i = open + 1; i < text_.size(); ++i) {
    if (backslash && text_[i] == '\\') {
      ++i;
    } else if (text_[i] == quote) {
      if (i + 1 >= text_.size() || text_[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return absl::string_view::npos;
}

bool Lexer::LexQuoted(Token* token, TokenKind kind, size_t start, bool backslash) {
  const size_t end = QuoteEnd(pos_, backslash);
  if (end == absl::string_view::npos) {
    return NotClosed(
        start,
        kind == TokenKind::kString ? "a string is not closed" : "a quoted name is not closed",
        absl::StrCat("close it with ", text_.substr(pos_, 1)));
  }
  // With ANSI_QUOTES MySQL's client goes on taking \" for an escaped quote.
  if (mysql() && text_[pos_] == '"' && !backslash && options_.backslash_in_single_quotes &&
      absl::StrContains(text_.substr(pos_, end - pos_), "\\")) {
    DoubtClient("a backslash stands in double quotes, where a client may take it for an escape");
  }
  const absl::string_view quoted = text_.substr(pos_, end - pos_);
  if (mysql() && EscapesLineBreak(quoted)) {
    DoubtClient(
        "a backslash stands at the end of a line in quotes, which clients take out, or read as "
        "something else; write \\n");
  }
  if (mysql() && EndsLikeDelimiterCommand(quoted)) DoubtClient(kLikeDelimiter);
  pos_ = end;
  return Emit(token, kind, start);
}

// PostgreSQL joins strings that only white space with a line break separates, and reads the later
// ones as it read the first.
size_t Lexer::SkipToContinuedString(size_t from, bool* open) const {
  bool newline = false;
  size_t i = from;
  while (i < text_.size()) {
    if (text_[i] == '-' && i + 1 < text_.size() && text_[i + 1] == '-') {
      i = std::min(text_.find_first_of("\r\n", i), text_.size());
    } else if (IsSpace(dialect_, text_[i])) {
      newline = newline || text_[i] == '\n' || text_[i] == '\r';
      ++i;
    } else {
      break;
    }
  }
  *open = i >= text_.size();
  return newline && i < text_.size() && text_[i] == '\'' ? i : absl::string_view::npos;
}

bool Lexer::LexEscapeString(Token* token, size_t start) {
  for (;;) {
    const size_t part = pos_;
    if (!LexQuoted(token, TokenKind::kString, start, true)) return false;
    if (part > start + 1 && EscapesQuote(text_.substr(part, pos_ - part))) {
      DoubtClient(
          "a string with an escaped quote goes on behind a line break, where psql takes it for "
          "another string; write it as one");
    }
    bool open = false;
    const size_t next = SkipToContinuedString(pos_, &open);
    if (open && more_) return Starve(start);
    if (next == absl::string_view::npos) return true;
    pos_ = next;
  }
}

// psql knows "::", ":=" and, as one token, the place of a variable: ":name", set or not.
bool Lexer::LexColon(Token* token) {
  const size_t start = pos_;
  const bool second = std::exchange(behind_colon_, false);
  size_t end = start + 1;
  if (!second && options_.client_commands && Peek(1) == ':') {
    behind_colon_ = true;
  } else if (!second && options_.client_commands) {
    while (end < text_.size() && IsIdentChar(text_[end]) && text_[end] != '$') ++end;
    if (more_ && end == text_.size()) return Starve(start);
    const absl::string_view name = text_.substr(start + 1, end - start - 1);
    // "[1:2]" is a slice: nobody calls a variable "2".
    const bool slice = std::all_of(name.begin(), name.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    const char next = Peek(1);
    if (!slice || next == '\'' || next == '"' || next == '{') {
      DoubtClient(
          "psql puts the value of a variable where a colon stands right in front of a name; "
          "write a space behind the colon, or the value");
    }
    if (slice) end = start + 1;
  }
  pos_ = end;
  return Emit(token, TokenKind::kSymbol, start);
}

bool Lexer::LexDollar(Token* token) {
  const size_t start = pos_;
  if (absl::ascii_isdigit(Peek(1))) {
    ++pos_;
    while (absl::ascii_isdigit(Peek(0))) ++pos_;
    if (IsIdentStart(Peek(0))) DoubtBehindNumber();  // $1a$$
    return Emit(token, TokenKind::kNumber, start);
  }
  size_t tag_end = pos_ + 1;
  while (tag_end < text_.size() && text_[tag_end] != '$' && IsIdentChar(text_[tag_end])) ++tag_end;
  if (more_ && tag_end >= text_.size()) return Starve(start);
  if (tag_end >= text_.size() || text_[tag_end] != '$') {
    ++pos_;
    return Emit(token, TokenKind::kSymbol, start);
  }
  const absl::string_view tag = text_.substr(start, tag_end + 1 - start);
  const size_t close = text_.find(tag, tag_end + 1);
  if (close == absl::string_view::npos) {
    return NotClosed(start, "a dollar-quoted string is not closed",
                     "close it with its opening tag");
  }
  pos_ = close + tag.size();
  return Emit(token, TokenKind::kString, start);
}

bool Lexer::LexWord(Token* token) {
  const size_t start = pos_;
  const bool digit = absl::ascii_isdigit(text_[pos_]);
  const auto scan = [&] {
    while (pos_ < text_.size() && IsIdentChar(text_[pos_])) {
      // A "$" cannot continue a number, where it opens a dollar quote.
      if (text_[pos_] == '$' && digit && !mysql()) break;
      if (delimiter_ != ";" && pos_ > start && AtDelimiter()) break;
      ++pos_;
    }
  };
  scan();
  if ((Peek(0) == '+' || Peek(0) == '-') && absl::ascii_isdigit(Peek(1)) &&
      IsExponentHead(text_.substr(start, pos_ - start))) {
    ++pos_;
    scan();
  }
  const bool number = digit && IsNumber(text_.substr(start, pos_ - start));
  // "1ab", "1e1$$", "1e--": one word, or a number and what follows it; versions do not agree.
  const absl::string_view text = text_.substr(start, pos_ - start);
  const bool whole = AllOf(text, absl::ascii_isdigit);
  const bool part = !whole && (Peek(0) == '$' || Peek(0) == '\'' || absl::EndsWith(text, "e") ||
                               absl::EndsWith(text, "E"));
  if (digit && (part || !number || absl::StrContains(text, 'x'))) DoubtBehindNumber();
  return Emit(token, number ? TokenKind::kNumber : TokenKind::kWord, start);
}

bool Lexer::LexMySqlToken(Token* token) {
  const size_t start = pos_;
  switch (const char c = text_[pos_]) {
    case '\'':
      return LexQuoted(token, TokenKind::kString, start, options_.backslash_in_single_quotes);
    case '"':
      return LexQuoted(token, TokenKind::kString, start, options_.backslash_in_double_quotes);
    case '`':
      return LexQuoted(token, TokenKind::kQuotedName, start, false);
    case '\\':
      // Dumps begin with "/*M!999999\- ... */", the client's own order to execute no others.
      if (executable_depth_ > 0 && Peek(1) == '-' && pos_ > 0 &&
          absl::ascii_isdigit(text_[pos_ - 1])) {
        ++pos_;
        return Emit(token, TokenKind::kSymbol, start);
      }
      return Fail(start, "a backslash outside quotes",
                  "client commands such as \\G are not SQL; remove it (for \\N write NULL)");
    default:
      if (IsIdentChar(c)) return LexWord(token);
      ++pos_;
      return Emit(token, TokenKind::kSymbol, start);
  }
}

bool Lexer::LexPostgresToken(Token* token) {
  const size_t start = pos_;
  const char c = text_[pos_];
  const char lower = absl::ascii_tolower(c);
  if (lower == 'u' && Peek(1) == '&' && (Peek(2) == '\'' || Peek(2) == '"')) {
    const TokenKind kind = Peek(2) == '"' ? TokenKind::kQuotedName : TokenKind::kString;
    pos_ += 2;
    return LexQuoted(token, kind, start, false);
  }
  if ((lower == 'e' || lower == 'b' || lower == 'x' || lower == 'n') && Peek(1) == '\'') {
    ++pos_;
    const char before = start > 0 ? text_[start - 1] : ' ';
    if (before == '.' || absl::ascii_isdigit(before)) DoubtBehindNumber();
    if (lower == 'e') return LexEscapeString(token, start);
    return LexQuoted(token, TokenKind::kString, start,
                     lower == 'n' && options_.backslash_in_single_quotes);
  }
  switch (c) {
    case '\'':
      return LexQuoted(token, TokenKind::kString, start, options_.backslash_in_single_quotes);
    case '"':
      return LexQuoted(token, TokenKind::kQuotedName, start, false);
    case '$':
      return LexDollar(token);
    case ':':
      return LexColon(token);
    case '\\':
      if (options_.client_commands) {
        ++pos_;
        return Emit(token, TokenKind::kSymbol, start);
      }
      return Fail(start, "a backslash outside quotes",
                  "psql's commands such as \\i or \\. are not SQL; remove it");
    default:
      if (IsIdentStart(c) || absl::ascii_isdigit(c)) return LexWord(token);
      if (c == '\v') {
        DoubtClient("a vertical tab is white space for some versions only; write a blank");
      }
      ++pos_;
      return Emit(token, TokenKind::kSymbol, start);
  }
}

bool Lexer::Next(Token* token) {
  while (status_.ok() && pos_ < text_.size()) {
    const size_t start = pos_;
    const char c = text_[pos_];
    if (more_ && text_.size() - pos_ < kLookahead) return Starve(start);
    if (AtDelimiter()) {
      pos_ += delimiter_.size();
      return Emit(token, TokenKind::kDelimiter, start);
    }
    bool emitted = false;
    bool ok = true;
    if (IsSpace(dialect_, c)) {
      ++pos_;
      continue;
    }
    if (AtServersComment()) {
      return Fail(
          start, "behind -- stands a control character",
          "what follows is a comment for the server and none for its client; write a space");
    }
    if (AtLineComment()) {
      if (executable_depth_ > 0) DoubtClient(kCommentsInside);
      SkipLineComment();
    } else if (c == '/' && Peek(1) == '*') {
      ok = LexBlockComment(token, &emitted);
    } else if (executable_depth_ > 0 && c == '*' && Peek(1) == '/') {
      return CloseExecutable(token);
    } else {
      emitted = true;
      ok = mysql() ? LexMySqlToken(token) : LexPostgresToken(token);
    }
    if (!ok) return false;
    if (more_ && text_.size() - pos_ < kLookbehind) return Starve(start);
    if (emitted) return true;
  }
  if (status_.ok() && more_) return Starve(pos_);
  return status_.ok() && Finish();
}

}  // namespace dbfleet::sql
