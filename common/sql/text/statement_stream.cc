#include "common/sql/text/statement_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/byte_order_mark.h"
#include "common/base/status.h"
#include "common/sql/text/characters.h"
#include "common/sql/text/mysql_client.h"
#include "common/sql/text/psql_commands.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kLeastChunk = 4;      // The first one holds a byte order mark.
constexpr size_t kMaxLine = 64 << 10;  // Of a client command.
constexpr absl::string_view kBehindCommand =
    "a command of psql at it or in front of it may change what it says, or where it ends; remove "
    "that, or put what it stands for into the script";

LexOptions ScriptOptions(const Target& target) {
  LexOptions options = OptionsFor(target);
  options.client_commands = target.postgres();
  return options;
}

std::string Bytes(size_t bytes) {
  constexpr size_t kMiB = size_t{1} << 20;
  return bytes >= kMiB ? absl::StrCat(bytes / kMiB, " MiB") : absl::StrCat(bytes, " bytes");
}

}  // namespace

StatementStream::StatementStream(const Target& target, Source source, Limits limits)
    : target_(target),
      dialect_(target.dialect),
      source_(std::move(source)),
      limits_{limits.max_statement_bytes, std::max(limits.chunk_bytes, kLeastChunk)},
      lexer_(target.dialect, "", ScriptOptions(target)),
      cutter_(target.dialect),
      watch_(target) {
  lexer_.CutFor(target_);
  lexer_.Continue(buffer_, 0, origin_, true);
}

Position StatementStream::At(size_t offset) const {
  const bool behind = offset >= marked_;
  const size_t from = behind ? marked_ : 0;
  return PositionAt(absl::string_view(buffer_).substr(from), offset - from,
                    behind ? mark_ : origin_);
}

absl::Status StatementStream::Bad(size_t offset, absl::string_view what) const {
  const Position position = At(offset);
  return Error(absl::StatusCode::kInvalidArgument, "BAD_SQL",
               absl::StrCat("line ", position.line, ", column ", position.column, ": ", what));
}

// Forgets the buffer up to there.
void StatementStream::Drop(size_t upto) {
  if (upto == 0) return;
  origin_ = At(upto);
  if (upto >= marked_) {
    marked_ = 0;
    mark_ = origin_;
  } else {
    marked_ -= upto;
  }
  buffer_.erase(0, upto);
  base_ += upto;
  begin_ -= std::min(begin_, upto);
  content_ -= std::min(content_, upto);
}

absl::Status StatementStream::ReadChunk() {
  const size_t size = buffer_.size();
  size_t filled = size;
  buffer_.resize(size + limits_.chunk_bytes);
  while (!ended_ && filled < buffer_.size()) {
    const size_t room = buffer_.size() - filled;
    absl::StatusOr<size_t> got = source_(buffer_.data() + filled, room);
    if (!got.ok()) {
      buffer_.resize(filled);
      return got.status();
    }
    filled += std::min(*got, room);
    ended_ = *got == 0;
  }
  buffer_.resize(filled);
  const size_t nul = buffer_.find('\0', size);
  if (nul != std::string::npos) return Bad(nul, "a NUL byte; remove it");
  if (base_ == 0 && size == 0 && absl::StartsWith(buffer_, kByteOrderMark)) {
    buffer_.erase(0, kByteOrderMark.size());
    base_ = kByteOrderMark.size();
  }
  return absl::OkStatus();
}

// More of the script behind what there is. What is cut short is looked at again only when there is
// twice as much of it, so that a long string takes time in proportion to its length.
absl::Status StatementStream::Refill() {
  const size_t at = lexer_.offset();
  const size_t keep = has_content_ ? begin_ : std::min(begin_, at);
  size_t pos = at - keep;
  Drop(keep);
  if (buffer_.size() - begin_ > limits_.max_statement_bytes) {
    return Bad(begin_,
               absl::StrCat("a statement is longer than ", Bytes(limits_.max_statement_bytes),
                            "; cut it into smaller ones, or close its quotes and parentheses. "
                            "Dumps: mysqldump --net-buffer-length=1M, pg_dump --rows-per-insert"));
  }
  const size_t before = buffer_.size();
  wanted_ = pos + 2 * (before - pos);
  do {
    RETURN_IF_ERROR(ReadChunk());
  } while (!ended_ && buffer_.size() < wanted_);
  lexer_.Continue(buffer_, pos, origin_, !ended_);
  return absl::OkStatus();
}

// Until the rest holds a whole line.
absl::Status StatementStream::HaveLine() {
  const size_t at = lexer_.offset();
  while (!ended_ && !absl::StrContains(absl::string_view(buffer_).substr(at), "\n")) {
    if (buffer_.size() - at > kMaxLine) return Bad(at, "a client's command is too long");
    RETURN_IF_ERROR(ReadChunk());
  }
  lexer_.Continue(buffer_, at, origin_, !ended_);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Statement>> StatementStream::Next() {
  RETURN_IF_ERROR(failure_);
  Statement statement;
  absl::StatusOr<bool> more = Advance(&statement);
  if (!more.ok()) {
    failure_ = more.status();
    return failure_;
  }
  if (!*more) return std::optional<Statement>();
  return std::optional<Statement>(std::move(statement));
}

absl::StatusOr<bool> StatementStream::Advance(Statement* statement) {
  Token token;
  for (;;) {
    if (lexer_.Next(&token)) {
      bool complete = false;
      RETURN_IF_ERROR(Take(token, statement, &complete));
      if (complete) return true;
      continue;
    }
    RETURN_IF_ERROR(lexer_.status());
    if (lexer_.starved()) {
      RETURN_IF_ERROR(Refill());
      continue;
    }
    TakeLexersDoubt();
    if (!has_content_ && untold_) return Bad(buffer_.size(), doubt_);
    if (!has_content_) return false;
    Finish(buffer_.size(), statement);
    begin_ = buffer_.size();
    return true;
  }
}

void StatementStream::Doubt(absl::string_view why) {
  if (doubt_.empty()) doubt_ = std::string(why);
}

void StatementStream::TakeLexersDoubt() {
  const absl::string_view why = lexer_.TakeClientDoubt();
  if (why.empty()) return;
  Doubt(why);
  untold_ = true;
}

absl::Status StatementStream::Take(const Token& token, Statement* statement, bool* complete) {
  TakeLexersDoubt();
  if (dialect_ != Dialect::kPostgres) {
    Doubt(DoubtOfMySqlClient(buffer_, token, PlaceOf(token)));
  }
  if (dialect_ != Dialect::kPostgres && !has_content_ && token.IsWord("DELIMITER")) {
    return ChangeDelimiter(token);
  }
  if (dialect_ == Dialect::kPostgres && token.IsSymbol('\\')) {
    return ClientCommand(token, statement, complete);
  }
  if (cutter_.Ends(token)) {
    *complete = has_content_;
    const bool copies = copy_words_ == 3;
    copy_words_ = 0;
    if (has_content_) Finish(token.offset, statement);
    begin_ = lexer_.offset();
    return copies && *complete ? SkipCopyData(statement) : absl::OkStatus();
  }
  if (token.kind == TokenKind::kHint) return absl::OkStatus();
  FollowCopy(token);
  watch_.Take(token);
  if (!has_content_) {
    has_content_ = true;
    content_ = token.offset;
  }
  return absl::OkStatus();
}

// COPY t (a, b) FROM STDIN, not COPY (SELECT a FROM stdin) TO ... PostgreSQL reads the same from
// STDOUT.
void StatementStream::FollowCopy(const Token& token) {
  if (dialect_ != Dialect::kPostgres) return;
  if (!has_content_) {
    copy_words_ = token.IsWord("COPY") ? 1 : 0;
    copy_depth_ = 0;
  }
  if (token.IsSymbol('(')) ++copy_depth_;
  if (token.IsSymbol(')')) --copy_depth_;
  const bool name = std::exchange(behind_dot_, token.IsSymbol('.'));  // "public.from"
  if (name) return;
  if (copy_words_ == 2) {
    copy_words_ = token.IsWord("STDIN") || token.IsWord("STDOUT") ? 3 : 0;
  } else if (copy_words_ == 1 && copy_depth_ == 0) {
    if (token.IsWord("FROM")) copy_words_ = 2;
    if (token.IsWord("TO")) copy_words_ = 0;
  }
}

void StatementStream::Finish(size_t end, Statement* statement) {
  const absl::string_view whole = absl::string_view(buffer_).substr(begin_, end - begin_);
  const absl::string_view text = absl::StripAsciiWhitespace(whole);
  const Position position = At(content_);
  marked_ = content_;
  mark_ = position;
  statement->text = std::string(text);
  statement->comments = std::exchange(comments_, "");
  statement->line = position.line;
  statement->column = position.column;
  statement->character = position.character;
  statement->content = content_ - static_cast<size_t>(text.data() - buffer_.data());
  statement->begin = base_ + static_cast<size_t>(text.data() - buffer_.data());
  statement->end = statement->begin + text.size();
  statement->modes_changed = watch_.modes_changed();
  statement->modes_known = watch_.modes_known();
  if (dialect_ != Dialect::kPostgres) {
    Doubt(DoubtOfMySqlUse(absl::string_view(buffer_).substr(content_, end - content_)));
  }
  statement->client_doubt = doubt_;
  untold_ = false;
  bytes_in_doubt_ = bytes_in_doubt_ || watch_.charset() == CharsetRisk::kAllBytes ||
                    (watch_.charset() == CharsetRisk::kHighBytes &&
                     std::any_of(whole.begin(), whole.end(), IsHighByte));
  statement->charset_in_doubt = bytes_in_doubt_;
  watch_.EndStatement();
  has_content_ = false;
}

// What is said to dbfleet in front of a client's command is about the next statement.
void StatementStream::KeepComments(size_t upto) {
  const absl::string_view head = absl::string_view(buffer_).substr(begin_, upto - begin_);
  if (absl::StrContains(head, "dbfleet:")) absl::StrAppend(&comments_, head, "\n");
}

absl::Status StatementStream::ChangeDelimiter(const Token& token) {
  RETURN_IF_ERROR(HaveLine());
  // Elsewhere the clients do not know it.
  const absl::string_view line = lexer_.TakeLine();
  if (!BeginsLine(token.offset) || (!line.empty() && line[0] != ' ' && line[0] != '\t')) {
    return Bad(token.offset, "DELIMITER begins a line, and a blank stands behind it");
  }
  const absl::string_view argument = DelimiterOf(line);
  const absl::string_view delimiter = PlainDelimiterOf(line);
  if (delimiter.empty()) {
    return Bad(token.offset,
               "DELIMITER needs 1 to 15 ASCII characters without quotes, spaces, backslashes and "
               "comments, which do not stand in its name; write for example DELIMITER //");
  }
  if (absl::StrContains(line, "\\")) {
    return Bad(token.offset,
               "a backslash stands on a line of DELIMITER, which clients then do not know; remove "
               "it from the comment");
  }
  size_t begin = token.offset;
  while (begin > 0 && (buffer_[begin - 1] == ' ' || buffer_[begin - 1] == '\t')) --begin;
  const auto length = static_cast<size_t>(delimiter.data() + delimiter.size() - &buffer_[begin]);
  if (length > kMostOfDelimiterLine) {
    return Bad(token.offset,
               "DELIMITER and its argument stand further apart than clients read; remove blanks");
  }
  // Else it may be the script's beginning, or what stands behind a byte order mark.
  const bool behind_delimiter = base_ + begin_ > kByteOrderMark.size();
  Doubt(DoubtOfMySqlDelimiter(lexer_.delimiter(), GapBefore(token), behind_delimiter, argument,
                              delimiter));
  lexer_.SetDelimiter(delimiter);
  KeepComments(lexer_.offset());
  begin_ = lexer_.offset();
  return absl::OkStatus();
}

absl::Status StatementStream::ClientCommand(const Token& token, Statement* statement,
                                            bool* complete) {
  RETURN_IF_ERROR(HaveLine());
  const size_t at = token.offset;
  absl::string_view line = absl::string_view(buffer_).substr(at, LineEnd(at) - at);
  line = line.substr(0, line.find_last_not_of(kPsqlSpaces) + 1);
  absl::string_view word = line.substr(1);
  word = word.substr(0, std::min(word.find_first_of(kPsqlSpaces), word.find('\\')));
  ASSIGN_OR_RETURN(const bool restricts, Restrict(at, line, word));
  if (has_content_) return EndByCommand(at, line, word, statement, complete);
  const bool one =
      line.find('\\', 1) == absl::string_view::npos && line.find('`') == absl::string_view::npos;
  if (word == "if") ++ifs_;
  if (word == "endif" && ifs_ > 0) --ifs_;
  if (restricts || (one && (IsHarmlessCommand(word, line) || ShowsCatalogue(line)))) {
    stops_ = stops_ || (ifs_ == 0 && StopsAtErrors(line));
    KeepComments(at);
    lexer_.TakeLine();
    begin_ = lexer_.offset();
    return absl::OkStatus();
  }
  // Inside of \if it may be left out.
  if (one && ChangesConnection(word) && ifs_ == 0) {
    watch_.TakeClientCommand(line);
    return EmitCommand(at, line, statement, complete);
  }
  // What stands behind it, not it.
  const bool breaks = !LeavesStatements(word, line);
  RETURN_IF_ERROR(EmitCommand(at, line, statement, complete));
  if (breaks) Doubt(kBehindCommand);
  return absl::OkStatus();
}

// Whether the line is a \restrict or \unrestrict that can be left out. psql refuses every other
// command between them, and goes on with the statement in front of it.
absl::StatusOr<bool> StatementStream::Restrict(size_t at, absl::string_view line,
                                               absl::string_view word) {
  if (!restricted_.empty()) {
    if (has_content_ || KeyOf(line, "unrestrict") != restricted_) {
      return Bad(at,
                 "behind \\restrict psql takes no command but \\unrestrict with the same key; "
                 "write that in front of it");
    }
    restricted_ = "";
    return true;
  }
  if (has_content_ || ifs_ > 0) return false;
  if (word == "restrict") restricted_ = KeyOf(line, word);
  return !restricted_.empty() || !KeyOf(line, "unrestrict").empty();
}

// A command comes as a statement of its own; what it does is said where it is read.
absl::Status StatementStream::EmitCommand(size_t at, absl::string_view line, Statement* statement,
                                          bool* complete) {
  KeepComments(at);
  content_ = begin_ = at;
  Finish(at + line.size(), statement);
  statement->client_command = true;
  *complete = true;
  lexer_.TakeLine();
  begin_ = lexer_.offset();
  return absl::OkStatus();
}

// "SELECT 1 \gset": the command behind the statement that it ends.
absl::Status StatementStream::EndByCommand(size_t at, absl::string_view line,
                                           absl::string_view word, Statement* statement,
                                           bool* complete) {
  if (!EndsStatement(word) || copy_words_ == 3) {
    return Bad(
        at,
        "a backslash outside quotes: psql's commands are not SQL, and stand on lines of their "
        "own; remove it, or end the statement in front of it");
  }
  const bool only_executes = OnlyExecutes(line);
  copy_words_ = 0;
  // If it fails the statement goes on behind it; \gdesc executes none. Where \if leaves it out,
  // psql forgets the text, and not how deep in parentheses it was.
  if (!only_executes || ifs_ > 0) Doubt(kBehindCommand);
  Finish(at, statement);
  cutter_.Reset();
  *complete = true;
  begin_ = at;
  if (only_executes) {
    lexer_.TakeLine();
    begin_ = lexer_.offset();
  } else {
    lexer_.Continue(buffer_, at, origin_, !ended_);  // It comes next.
  }
  return absl::OkStatus();
}

// Whether only blanks stand in front of it on its line.
bool StatementStream::BeginsLine(size_t at) const {
  while (at > 0 && (buffer_[at - 1] == ' ' || buffer_[at - 1] == '\t')) --at;
  return at > 0 ? buffer_[at - 1] == '\n' : At(0).column == 1;
}

TokenPlace StatementStream::PlaceOf(const Token& token) const {
  const size_t at = token.offset;
  const bool behind_slash = at > 0 && buffer_[at - 1] == '/';
  TokenPlace place;
  place.begins_statement = !has_content_;
  place.behind_comment = !has_content_ && absl::StrContains(GapBefore(token), "*/");
  place.begins_line = BeginsLine(at) || behind_slash;
  place.first_column = at > 0 ? behind_slash || buffer_[at - 1] == '\n' : At(0).column == 1;
  return place;
}

// What stands between a statement's first token and the delimiter in front.
absl::string_view StatementStream::GapBefore(const Token& token) const {
  return absl::string_view(buffer_).substr(begin_, token.offset - begin_);
}

size_t StatementStream::LineEnd(size_t from) const {
  return std::min(buffer_.find('\n', from), buffer_.size());
}

// The rows of COPY ... FROM STDIN begin on the next line and end with "\." or the script. Only the
// line at hand is kept.
absl::Status StatementStream::SkipCopyData(Statement* statement) {
  size_t at = lexer_.offset();
  const auto line = [&]() -> absl::StatusOr<absl::string_view> {
    while (!ended_ && buffer_.find('\n', at) == std::string::npos) {
      Drop(at);
      at = 0;
      if (buffer_.size() > limits_.max_statement_bytes) {
        return Bad(0,
                   absl::StrCat("a row of COPY is longer than ", Bytes(limits_.max_statement_bytes),
                                "; end its lines with line feeds, or load it by another way"));
      }
      RETURN_IF_ERROR(ReadChunk());
    }
    return absl::string_view(buffer_).substr(at, LineEnd(at) - at);
  };
  begin_ = at;
  if (ifs_ > 0) {
    return Bad(
        at,
        "COPY ... FROM STDIN inside of \\if: where it is left out psql executes its rows; put "
        "it in front of or behind the condition");
  }
  ASSIGN_OR_RETURN(absl::string_view rest, line());
  if (!absl::StripAsciiWhitespace(rest).empty()) {
    return Bad(at, "behind COPY ... FROM STDIN its rows have to begin on the next line");
  }
  at = std::min(at + rest.size() + 1, buffer_.size());
  const size_t data_begin = base_ + at;
  bool closed = false;
  bool rows = false;
  while (!closed) {
    ASSIGN_OR_RETURN(absl::string_view row, line());
    closed = row == "\\." || row == "\\.\r";
    if (!closed && at + row.size() >= buffer_.size() && ended_) {
      // psql takes the end of the script for the end of the rows; here it is one that was cut off.
      rows = rows || !absl::StripAsciiWhitespace(row).empty();
      if (rows) return Bad(at, "the rows of COPY ... FROM STDIN are not ended; add a line \\.");
      break;
    }
    rows = rows || !closed;
    at += row.size() + (at + row.size() < buffer_.size() ? 1 : 0);
  }
  if (closed) {
    statement->data_begin = data_begin;
    statement->data_end = base_ + at;
  }
  if (rows && !stops_) {
    Doubt(
        "if the COPY in front of it fails, psql executes its rows; write \\set ON_ERROR_STOP on in "
        "front of that");
  }
  begin_ = at;
  lexer_.Continue(buffer_, at, origin_, !ended_);
  return absl::OkStatus();
}

}  // namespace dbfleet::sql
