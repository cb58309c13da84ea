#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"
#include "common/sql/text/cutter.h"
#include "common/sql/text/lexer.h"
#include "common/sql/text/mysql_client.h"
#include "common/sql/text/session_watch.h"

namespace dbfleet::sql {

// Cuts a script of MySQL, MariaDB or PostgreSQL of any length into statements, one by one, keeping
// no more of it than the statement at hand. Knows quotes, dollar quotes (PostgreSQL), comments and
// nested comments, executable comments, DELIMITER (MySQL/MariaDB), and of psql's scripts:
//  - the rows behind COPY ... FROM STDIN belong to that statement, up to "\."; only where they
//  stand
//    is kept (Statement::data_begin);
//  - \restrict, \unrestrict, \echo, \timing and the like, which tell the server nothing, are left
//    out; others come as statements of their own (Statement::client_command), and what stands
//    behind one that may change the rest is marked (Statement::client_doubt), as is what a client
//    may cut differently, and all behind it;
//  - what stands between \restrict and \unrestrict, or ends a statement and is none of \g, \gset
//    and the like, is an error.
//
// Next answers nothing at the end, and the first error again and again. Errors are those of
// `source` and INVALID_ARGUMENT (BAD_SQL), with line and column: what is not closed, NUL bytes, a
// statement longer than the limit. Not thread-safe.
class StatementStream {
 public:
  // Puts up to `size` bytes into `buffer` and answers how many; 0 is the end.
  using Source = std::function<absl::StatusOr<size_t>(char* buffer, size_t size)>;
  struct Limits {
    size_t max_statement_bytes = size_t{64} << 20;  // Comments in front of it count.
    size_t chunk_bytes = size_t{256} << 10;         // What is read at a time.
  };

  // Of the target its dialect and its modes count, which decide where strings end (unknown modes
  // are taken for the server's defaults), and its version, which decides what comments it executes.
  StatementStream(const Target& target, Source source)
      : StatementStream(target, source, Limits()) {}
  StatementStream(const Target& target, Source source, Limits limits);
  StatementStream(const StatementStream&) = delete;
  StatementStream& operator=(const StatementStream&) = delete;

  absl::StatusOr<std::optional<Statement>> Next();
  // At the end: what stands behind the last statement. Comments, delimiters and the like.
  absl::string_view Rest() const { return absl::string_view(buffer_).substr(begin_); }

 private:
  absl::StatusOr<bool> Advance(Statement* statement);
  absl::Status Refill();
  absl::Status ReadChunk();
  absl::Status HaveLine();
  absl::Status Take(const Token& token, Statement* statement, bool* complete);
  absl::Status ChangeDelimiter(const Token& token);
  absl::Status ClientCommand(const Token& token, Statement* statement, bool* complete);
  absl::Status SkipCopyData(Statement* statement);
  void FollowCopy(const Token& token);
  void Doubt(absl::string_view why);
  void TakeLexersDoubt();
  void Finish(size_t end, Statement* statement);
  void KeepComments(size_t upto);
  void Drop(size_t upto);
  absl::Status EmitCommand(size_t at, absl::string_view line, Statement* statement, bool* complete);
  absl::Status EndByCommand(size_t at, absl::string_view line, absl::string_view word,
                            Statement* statement, bool* complete);
  absl::StatusOr<bool> Restrict(size_t at, absl::string_view line, absl::string_view word);
  size_t LineEnd(size_t from) const;
  bool BeginsLine(size_t at) const;
  TokenPlace PlaceOf(const Token& token) const;
  absl::string_view GapBefore(const Token& token) const;
  Position At(size_t offset) const;
  absl::Status Bad(size_t offset, absl::string_view what) const;

  const Target target_;  // In front of the lexer, which holds on to it.
  const Dialect dialect_;
  const Source source_;
  const Limits limits_;
  std::string buffer_;  // From the byte `base_` of the script on.
  size_t base_ = 0;
  Position origin_;    // Of the buffer's first byte.
  size_t marked_ = 0;  // A place in the buffer whose position is known, so that lines are
  Position mark_;      // counted once.
  bool ended_ = false;
  size_t wanted_ = 0;  // Bytes in the buffer before it is worth looking at them again.
  Lexer lexer_;
  StatementCutter cutter_;
  SessionWatch watch_;
  bool bytes_in_doubt_ = false;  // See Statement::charset_in_doubt.
  size_t begin_ = 0;  // Of the statement, in the buffer; also of what stands in front of it.
  bool has_content_ = false;
  size_t content_ = 0;
  std::string comments_;     // In front of client commands that were left out.
  std::string doubt_;        // See Statement::client_doubt; of all that follows, too.
  std::string restricted_;   // The key of psql's \restrict.
  bool untold_ = false;      // No statement came since the lexer doubted.
  bool stops_ = false;       // psql's ON_ERROR_STOP.
  int ifs_ = 0;              // psql's \if that are open.
  int copy_words_ = 0;       // Of COPY ... FROM STDIN: 1 at COPY, 2 at FROM, 3 at STDIN.
  int copy_depth_ = 0;       // Parentheses in it.
  bool behind_dot_ = false;  // The token before is ".".
  absl::Status failure_;
};

}  // namespace dbfleet::sql
