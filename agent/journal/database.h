#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dbfleet::agent {

class Database;

// One prepared statement. Not thread-safe; lives no longer than its Database. The first failed Bind
// is kept and returned by Step.
class Statement {
 public:
  Statement(Statement&&) = default;
  Statement& operator=(Statement&&) = default;

  Statement& Text(int index, absl::string_view value);
  Statement& Blob(int index, absl::string_view value);
  Statement& Int(int index, int64_t value);

  // True: there is a row; false: done.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();

  int64_t IntAt(int column) const;
  std::string BytesAt(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  void Note(int code) {
    if (bind_error_ == SQLITE_OK) bind_error_ = code;
  }

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int bind_error_ = SQLITE_OK;
};

// The journal's SQLite connection: WAL, synchronous=FULL, opened exclusively (so SQLite needs no
// shared-memory file, whose creation could fail on a full disk), WAL kept on close. Checkpoints are
// made by the owner. Not thread-safe.
class Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::Status Execute(const char* sql);
  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // The first column of the first row.
  absl::StatusOr<int64_t> QueryInt(absl::string_view sql);

  int64_t changes() const { return sqlite3_changes64(db_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

  // Bytes of the WAL that the next commit comes after; 0 once a checkpoint has emptied it.
  int64_t wal_bytes() const { return wal_bytes_; }
  // Moves the WAL's content into the database file, so that the WAL is written from its start
  // again.
  absl::Status CheckpointWal();

 private:
  struct Closer {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit Database(sqlite3* db) : db_(db) {}
  static int OnWalCommit(void* self, sqlite3* db, const char* name, int pages);

  std::unique_ptr<sqlite3, Closer> db_;
  int64_t wal_bytes_ = 0;
};

// A status for SQLite's result: a full disk is RESOURCE_EXHAUSTED (DISK_FULL), a damaged file
// DATA_LOSS (JOURNAL_CORRUPT).
absl::Status SqliteStatus(int code, absl::string_view what, const char* detail);

}  // namespace dbfleet::agent
