#include "controller/app/backup_record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "common/base/files.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/concurrency/sleep.h"
#include "common/log/log.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "controller/store/sqlite/store_copy.h"
#include "controller/store/sqlite/store_lock.h"

namespace dbfleet::controller {
namespace {

constexpr char kRequest[] = "/backup-request";
constexpr char kAnswer[] = "/backup-answer";
constexpr char kDone[] = "recorded";
constexpr int64_t kMaxBytes = 64 << 10;
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kPoll = absl::Milliseconds(50);
// A controller that is just being started again is not kept out of its store.
constexpr absl::Duration kStartsAgain = absl::Seconds(1);

AuditEntry Record(const std::string& actor, const std::string& folder) {
  return {actor, "controller.backup", "controller", "", {{"folder", folder}}};
}

// Lines, and an empty one that says that they are all. No crash is outlived by these files' use, so
// they need not be durable; the folder is nobody else's, so the file may be read by its users.
//
// Never through a link, which may appear at any time: the command may be root's, and the folder is
// the controller's.
absl::Status WriteLines(const std::string& path, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    absl::StrAppend(&text, absl::StrReplaceAll(line, {{"\n", " "}}), "\n");
  }
  text += '\n';
  unlink(path.c_str());
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("create ", path));
  const ssize_t written = write(fd, text.data(), text.size());
  int failed = written == static_cast<ssize_t>(text.size()) ? 0 : written < 0 ? errno : ENOSPC;
  if (failed == 0 && fchmod(fd, 0644) != 0) failed = errno;
  close(fd);
  return failed == 0 ? absl::OkStatus() : ErrnoStatus(failed, absl::StrCat("write ", path));
}

// Empty: not there, or not whole yet.
std::vector<std::string> ReadLines(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxBytes);
  if (!text.ok() || !absl::EndsWith(*text, "\n\n")) return {};
  std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  lines.resize(lines.size() - 2);
  return lines;
}

// Locks the folder itself, which leaves nothing behind.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder)
      : fd_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool Take() { return fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0; }

 private:
  const int fd_;
};

// Ends with the files of one request.
class Request {
 public:
  Request(const std::string& data_dir, const std::string& actor, const std::string& folder,
          absl::Time now)
      : request_(data_dir + kRequest),
        answer_(data_dir + kAnswer),
        lines_{NewUlid(now), actor, folder} {}
  ~Request() {
    unlink(request_.c_str());
    unlink(answer_.c_str());
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  absl::Status Make() {
    unlink(answer_.c_str());
    return WriteLines(request_, lines_);
  }
  // True once the record stands; an error if the controller could not make it.
  absl::StatusOr<bool> Answered() {
    const std::vector<std::string> answer = ReadLines(answer_);
    if (answer.size() != 2 || answer[0] != lines_[0]) return false;
    if (answer[1] == kDone) return true;
    return Error(
        absl::StatusCode::kFailedPrecondition, "NOT_RECORDED",
        absl::StrCat("the controller could not write the backup's audit record: ", answer[1]));
  }

 private:
  const std::string request_;
  const std::string answer_;
  const std::vector<std::string> lines_;
};

bool ControllerRuns(const std::string& store_path) {
  return ReasonOf(sqlite::StoreLock::Take(store_path + ".lock").status()) == "STORE_IN_USE";
}

// STORE_IN_USE: a controller runs, and is to be asked.
absl::Status RecordInStore(const std::string& store_path, const std::string& actor,
                           const std::string& folder, Clock& clock) {
  if (access(store_path.c_str(), R_OK) != 0) {
    return ErrnoStatus(errno, absl::StrCat("read ", store_path));
  }
  // A backup shall not be what upgrades a store.
  ASSIGN_OR_RETURN(const bool current, sqlite::HasCurrentSchema(store_path));
  if (!current) {
    return Error(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_OLD",
                 absl::StrCat(store_path,
                              " has the schema of another version of dbfleet-controller: use that "
                              "one for the backup, or start this one first, which keeps a copy of "
                              "the store as it is"));
  }
  SqliteStoreOptions options;
  options.path = store_path;
  ASSIGN_OR_RETURN(const std::unique_ptr<SqliteStore> store,
                   SqliteStore::Open(std::move(options), &clock));
  return store->MutateEssentialAndWait(
      [&](WriteTx& tx) { return tx.AppendAudit(Record(actor, folder)); });
}

}  // namespace

BackupRequests::BackupRequests(const std::string& data_dir, Store* store)
    : data_dir_(data_dir), store_(*store) {}

void BackupRequests::Answer() {
  const std::string path = data_dir_ + kRequest;
  if (access(path.c_str(), F_OK) != 0) return;
  if (RemoveIfNobodyWaits()) return;
  const std::vector<std::string> request = ReadLines(path);
  if (request.size() != 3) return;
  const std::vector<std::string> answer = ReadLines(data_dir_ + kAnswer);
  if (!answer.empty() && answer[0] == request[0]) return;
  std::string outcome = kDone;
  if (answered_ != request[0]) {
    const absl::Status status = store_.MutateEssentialAndWait(
        [&](WriteTx& tx) { return tx.AppendAudit(Record(request[1], request[2])); });
    if (status.ok()) answered_ = request[0];
    if (!status.ok()) outcome = std::string(status.message());
  }
  const absl::Status told = WriteLines(data_dir_ + kAnswer, {request[0], outcome});
  if (!told.ok()) {
    log::Error("a backup of the controller waits, and cannot be answered",
               {{"error", std::string(told.message())}});
  }
  RemoveIfNobodyWaits();  // The command may have died while the record was made.
}

bool BackupRequests::RemoveIfNobodyWaits() {
  FolderLock lock(data_dir_);  // Until all is removed: it would be the next command's.
  if (!lock.Take()) return false;
  unlink((data_dir_ + kRequest).c_str());
  unlink((data_dir_ + kAnswer).c_str());
  return true;
}

absl::Status RecordBackup(const std::string& data_dir, const std::string& folder,
                          const std::string& actor, Clock& clock) {
  const std::string store_path = data_dir + "/store.db";
  FolderLock lock(data_dir);
  if (access(data_dir.c_str(), F_OK) != 0) return ErrnoStatus(errno, data_dir);
  if (!lock.Take()) {
    return Error(absl::StatusCode::kFailedPrecondition, "BACKUP_UNDER_WAY",
                 absl::StrCat("another backup of ", data_dir, " is just beginning; try again"));
  }
  Request request(data_dir, actor, folder, clock.Now());
  const absl::Duration end = clock.Monotonic() + kPatience;
  absl::Duration unused_since = clock.Monotonic();
  bool asked = false;
  for (; clock.Monotonic() < end; SleepFor(clock, kPoll)) {
    if (ControllerRuns(store_path)) {
      unused_since = clock.Monotonic();
      if (!asked) RETURN_IF_ERROR(request.Make());
      asked = true;
    } else if (clock.Monotonic() - unused_since >= kStartsAgain) {
      const absl::Status status = RecordInStore(store_path, actor, folder, clock);
      if (ReasonOf(status) != "STORE_IN_USE") return status;
    }
    if (!asked) continue;
    ASSIGN_OR_RETURN(const bool answered, request.Answered());
    if (answered) return absl::OkStatus();
  }
  return Error(absl::StatusCode::kUnavailable, "CONTROLLER_SILENT",
               absl::StrCat("the controller that works in ", data_dir,
                            " did not write the backup's "
                            "audit record within ",
                            absl::FormatDuration(kPatience),
                            "; look at its log (one of an older version does not know how)"));
}

}  // namespace dbfleet::controller
