#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dbfleet::controller::sqlite {

// A prepared statement, borrowed from its connection's cache; its destructor resets it for the next
// user. Not thread-safe. Parameters are numbered from 1, columns from 0. The same SQL must not be
// borrowed twice at a time on one connection.
class Statement {
 public:
  Statement(class Connection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  Statement(Statement&& other) noexcept
      : connection_(other.connection_), statement_(other.statement_) {
    other.statement_ = nullptr;
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  void BindText(int index, absl::string_view value);
  void BindBlob(int index, absl::string_view value);
  // The same without a copy: `value` must outlive this object.
  void BorrowText(int index, absl::string_view value);
  void BorrowBlob(int index, absl::string_view value);
  void BindInt(int index, int64_t value);

  // True: a row is there.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();

  std::string Text(int column) const;  // Also blobs.
  int64_t Int(int column) const;
  bool IsNull(int column) const;

 private:
  Connection* connection_;
  sqlite3_stmt* statement_;
};

// One SQLite connection with its prepared statements. Used by one thread at a time.
//
// Errors: ALREADY_EXISTS (DUPLICATE) for a uniqueness constraint and FAILED_PRECONDITION
// (BAD_REFERENCE) for a foreign key are the caller's to handle. All others also stay as failure()
// until it is cleared, so that a mutation that overlooks one cannot commit.
class Connection {
 public:
  // Opens or creates the file, and changes nothing in it yet.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Write-ahead log, durability and so on; call once, first. A reader refuses every write.
  // FAILED_PRECONDITION (NO_WAL) if the file system has no write-ahead log.
  absl::Status Configure(bool reader);

  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // One or more statements without parameters and rows.
  absl::Status Execute(const char* sql);
  // One such statement that comes again and again: it is parsed once.
  absl::Status Repeat(absl::string_view sql);
  // The single value of a statement such as "PRAGMA user_version".
  absl::StatusOr<int64_t> QueryInt(absl::string_view sql);

  int changes() const { return sqlite3_changes(db_); }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  sqlite3* handle() { return db_; }

  const absl::Status& failure() const { return failure_; }
  void ClearFailure() { failure_ = absl::OkStatus(); }

  // Rows that this connection need not read again; null: there are none. The cache must outlive the
  // last use of the connection, which must be the only one that writes.
  class RowCache* row_cache() const {
    return row_cache_;
  }
  void set_row_cache(class RowCache* cache) { row_cache_ = cache; }

  // The status of `code`; remembers it as failure() if it is a serious one.
  absl::Status Fail(int code, absl::string_view what);

 private:
  explicit Connection(sqlite3* db) : db_(db) {}

  sqlite3* const db_;
  absl::flat_hash_map<std::string, sqlite3_stmt*> statements_;
  absl::Status failure_;
  class RowCache* row_cache_ = nullptr;
};

// Whether this status came from a full disk.
bool IsDiskFull(const absl::Status& status);

}  // namespace dbfleet::controller::sqlite
