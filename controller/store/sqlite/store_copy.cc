#include "controller/store/sqlite/store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/schema.h"

namespace dbfleet::controller::sqlite {
namespace {

absl::Status CheckWhole(Connection& connection) {
  ASSIGN_OR_RETURN(Statement check, connection.Prepare("PRAGMA quick_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.Step());
  if (row && check.Text(0) == "ok") return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               absl::StrCat("the copy of the store is damaged: ", row ? check.Text(0) : ""));
}

absl::Status CopyPages(Connection& source, Connection& target) {
  sqlite3_backup* backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
  if (backup == nullptr) return target.Fail(sqlite3_errcode(target.handle()), "backup");
  // All at once: one snapshot, and the writer goes on beside it.
  const int step = sqlite3_backup_step(backup, -1);
  const int end = sqlite3_backup_finish(backup);
  if (step != SQLITE_DONE) return target.Fail(step, "backup");
  return end == SQLITE_OK ? absl::OkStatus() : target.Fail(end, "backup");
}

absl::Status SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  const int failed = fsync(fd);
  const int error = errno;
  close(fd);
  return failed == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("fsync ", path));
}

}  // namespace

absl::Status CopyStore(const std::string& from, const std::string& to) {
  if (access(from.c_str(), R_OK) != 0) return ErrnoStatus(errno, absl::StrCat("read ", from));
  const int fd = open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("create ", to));
  close(fd);
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<Connection> source, Connection::Open(from));
    RETURN_IF_ERROR(Annotate(CheckIsStore(*source), from));
    ASSIGN_OR_RETURN(const std::unique_ptr<Connection> target, Connection::Open(to));
    RETURN_IF_ERROR(CopyPages(*source, *target));
    // Without a write-ahead log beside it the copy is one file.
    RETURN_IF_ERROR(target->Execute("PRAGMA journal_mode = DELETE"));
    RETURN_IF_ERROR(CheckWhole(*target));
  }
  return SyncFile(to);
}

absl::Status MarkStore(const std::string& path, const Mark& mark) {
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open(path));
    RETURN_IF_ERROR(CheckIsStore(*connection));
    RETURN_IF_ERROR(connection->Execute("PRAGMA synchronous = FULL"));
    RETURN_IF_ERROR(PutSetting(*connection, mark.key, mark.value));
  }
  return SyncFile(path);
}

absl::StatusOr<std::string> SettingOf(const std::string& path, const std::string& key) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open(path));
  RETURN_IF_ERROR(CheckIsStore(*connection));
  return GetSetting(*connection, key);
}

absl::StatusOr<bool> HasCurrentSchema(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open(path));
  RETURN_IF_ERROR(CheckIsStore(*connection));
  ASSIGN_OR_RETURN(const int64_t version, connection->QueryInt("PRAGMA user_version"));
  return version == SchemaSteps().back().version;
}

absl::StatusOr<uint64_t> CountRecords(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open(path));
  RETURN_IF_ERROR(CheckIsStore(*connection));
  ASSIGN_OR_RETURN(const int64_t count,
                   connection->QueryInt("SELECT ifnull(max(seq), 0) FROM audit"));
  return static_cast<uint64_t>(count);
}

}  // namespace dbfleet::controller::sqlite
