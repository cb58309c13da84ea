#include "agent/journal/database.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {
constexpr int64_t kPageBytes = 4096;
constexpr int64_t kFrameHeaderBytes = 24;
}  // namespace

absl::Status SqliteStatus(int code, absl::string_view what, const char* detail) {
  const std::string message = absl::StrCat("agent journal: ", what, ": ", detail);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                   absl::StrCat(message, "; free space on the disk of data_dir"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(absl::StatusCode::kDataLoss, "JOURNAL_CORRUPT",
                   absl::StrCat(message,
                                "; move the journal folder aside and start again: the "
                                "controller then asks a person about running work"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(absl::StatusCode::kUnavailable, "JOURNAL_LOCKED", message);
    default:
      return Error(absl::StatusCode::kInternal, "JOURNAL_ERROR", message);
  }
}

Statement& Statement::Text(int index, absl::string_view value) {
  Note(sqlite3_bind_text64(statement_.get(), index, value.data() == nullptr ? "" : value.data(),
                           value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::Blob(int index, absl::string_view value) {
  Note(sqlite3_bind_blob64(statement_.get(), index, value.data() == nullptr ? "" : value.data(),
                           value.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::Int(int index, int64_t value) {
  Note(sqlite3_bind_int64(statement_.get(), index, value));
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  sqlite3* db = sqlite3_db_handle(statement_.get());
  if (bind_error_ != SQLITE_OK) {
    return SqliteStatus(bind_error_, "bind", sqlite3_errstr(bind_error_));
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteStatus(code, sqlite3_sql(statement_.get()), sqlite3_errmsg(db));
}

absl::Status Statement::Run() {
  ASSIGN_OR_RETURN(const bool row, Step());
  (void)row;
  return absl::OkStatus();
}

int64_t Statement::IntAt(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::BytesAt(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<Database> db(new Database(raw));
  if (code != SQLITE_OK) {
    return SqliteStatus(code, absl::StrCat("open ", path),
                        raw == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(raw));
  }
  sqlite3_extended_result_codes(raw, 1);
  RETURN_IF_ERROR(db->Execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096; PRAGMA journal_mode=WAL;"
      "PRAGMA synchronous=FULL; PRAGMA cache_size=-256; PRAGMA temp_store=MEMORY;"
      "PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
  int persist = 1;
  sqlite3_file_control(raw, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  sqlite3_wal_hook(raw, &Database::OnWalCommit, db.get());
  return db;
}

Database::~Database() = default;

int Database::OnWalCommit(void* self, sqlite3* db, const char* name, int pages) {
  static_cast<Database*>(self)->wal_bytes_ = 32 + pages * (kPageBytes + kFrameHeaderBytes);
  return SQLITE_OK;
}

absl::Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return absl::OkStatus();
  return SqliteStatus(code, sql, sqlite3_errmsg(db_.get()));
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return SqliteStatus(code, sql, sqlite3_errmsg(db_.get()));
  return Statement(statement);
}

absl::StatusOr<int64_t> Database::QueryInt(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.IntAt(0) : int64_t{0};
}

absl::Status Database::CheckpointWal() {
  int total = 0;
  int moved = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &total, &moved);
  if (code != SQLITE_OK) return SqliteStatus(code, "checkpoint", sqlite3_errmsg(db_.get()));
  if (total == moved) wal_bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace dbfleet::agent
