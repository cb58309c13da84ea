#include "controller/store/sqlite/connection.h"

#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::controller::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

absl::Status StatusOf(int code, absl::string_view detail) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Error(absl::StatusCode::kAlreadyExists, "DUPLICATE", detail);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Error(absl::StatusCode::kFailedPrecondition, "BAD_REFERENCE", detail);
    default:
      break;
  }
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                   absl::StrCat(detail, "; free some space on the store's file system"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(absl::StatusCode::kUnavailable, "STORE_BUSY",
                   absl::StrCat(detail, "; another program holds the store's file"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                   absl::StrCat(detail, "; restore the store from its backup"));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Error(
          absl::StatusCode::kPermissionDenied, "STORE_ACCESS",
          absl::StrCat(detail, "; the controller's user must own the store and its folder"));
    default:
      return Error(absl::StatusCode::kInternal, "STORE_ERROR", detail);
  }
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

// A failed bind (memory, or a wrong index) leaves NULL, which every column refuses: Step reports
// it.
void Statement::BindText(int index, absl::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::BindBlob(int index, absl::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_TRANSIENT);
}

void Statement::BorrowText(int index, absl::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::BorrowBlob(int index, absl::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_STATIC);
}

void Statement::BindInt(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->Fail(code, "statement");
}

absl::Status Statement::Run() {
  ASSIGN_OR_RETURN(const bool row, Step());
  if (row) return absl::InternalError("a statement that should return nothing returned a row");
  return absl::OkStatus();
}

std::string Statement::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path) {
  // Before the first connection of the process: figures that nobody reads would cost each
  // allocation a lock.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;  // It fails when the library is in use already, which does no harm.
  sqlite3* db = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  auto connection = std::unique_ptr<Connection>(new Connection(db));
  if (code != SQLITE_OK) return connection->Fail(code, absl::StrCat("open ", path));
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return connection;
}

absl::Status Connection::Configure(bool reader) {
  // The writer checkpoints by itself, after it has answered; journal_size_limit lets the log shrink
  // again after a burst.
  RETURN_IF_ERROR(
      Execute("PRAGMA journal_mode = WAL;"
              "PRAGMA synchronous = FULL;"
              "PRAGMA foreign_keys = ON;"
              "PRAGMA trusted_schema = OFF;"
              "PRAGMA cell_size_check = ON;"
              "PRAGMA temp_store = MEMORY;"
              "PRAGMA wal_autocheckpoint = 0;"
              "PRAGMA journal_size_limit = 67108864;"));
  // The writer's mutations touch the same pages again and again: 16 MiB of them stay.
  RETURN_IF_ERROR(Execute(reader ? "PRAGMA query_only = ON" : "PRAGMA cache_size = -16384"));
  ASSIGN_OR_RETURN(Statement mode, Prepare("PRAGMA journal_mode"));
  ASSIGN_OR_RETURN(const bool row, mode.Step());
  if (row && mode.Text(0) == "wal") return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NO_WAL",
               "the file system cannot hold a write-ahead log; use a local disk");
}

Connection::~Connection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

absl::StatusOr<Statement> Connection::Prepare(absl::string_view sql) {
  auto it = statements_.find(sql);
  if (it == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return Fail(code, "prepare");
    it = statements_.emplace(std::string(sql), statement).first;
  }
  return Statement(this, it->second);
}

absl::Status Connection::Execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Fail(code, "execute");
}

absl::Status Connection::Repeat(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  return statement.Run();
}

absl::StatusOr<int64_t> Connection::QueryInt(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::InternalError(absl::StrCat("no row from ", sql));
  return statement.Int(0);
}

absl::Status Connection::Fail(int code, absl::string_view what) {
  // SQLite's messages name tables and columns, never values.
  const absl::Status status = StatusOf(
      code, absl::StrCat("the store's ", what,
                         " failed: ", db_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db_),
                         " (SQLite error ", code, ")"));
  const bool serious = status.code() != absl::StatusCode::kAlreadyExists &&
                       status.code() != absl::StatusCode::kFailedPrecondition;
  if (serious && failure_.ok()) failure_ = status;
  return status;
}

bool IsDiskFull(const absl::Status& status) { return ReasonOf(status) == "DISK_FULL"; }

}  // namespace dbfleet::controller::sqlite
