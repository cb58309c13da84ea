#include "agent/journal/journal_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

std::string BootFile(const std::string& folder) { return folder + "/journal.boot"; }

absl::Status Replaced(const std::string& path) {
  return Error(absl::StatusCode::kDataLoss, "JOURNAL_REPLACED",
               absl::StrCat(path,
                            " was removed or replaced while the agent was running; restart "
                            "the agent: the controller then reconciles"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<JournalFolder>> JournalFolder::Take(const std::string& folder) {
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  const std::string path = folder + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(fd);
    if (error != EWOULDBLOCK) return ErrnoStatus(error, absl::StrCat("lock ", path));
    return Error(absl::StatusCode::kUnavailable, "JOURNAL_LOCKED",
                 absl::StrCat("another dbfleet-agent already runs with the journal in ", folder,
                              "; stop it, or give this one its own data_dir"));
  }
  return std::unique_ptr<JournalFolder>(new JournalFolder(folder, fd));
}

JournalFolder::~JournalFolder() { close(lock_fd_); }

bool JournalFolder::IsOlderCopy(const std::string& journal_id,
                                uint64_t stored_boot_sequence) const {
  const absl::StatusOr<std::string> text = ReadFile(BootFile(folder_), 4096);
  if (!text.ok()) return false;
  const std::vector<std::string> words = absl::StrSplit(absl::StripAsciiWhitespace(*text), ' ');
  uint64_t noted = 0;
  return words.size() == 2 && words[0] == journal_id && absl::SimpleAtoi(words[1], &noted) &&
         noted > stored_boot_sequence;
}

absl::Status JournalFolder::NoteBoot(const std::string& journal_id, uint64_t boot_sequence) {
  return WriteFileAtomically(BootFile(folder_), absl::StrCat(journal_id, " ", boot_sequence, "\n"),
                             0600);
}

absl::Status JournalFolder::PinFile() {
  struct stat info;
  if (stat(database_path().c_str(), &info) != 0) {
    return ErrnoStatus(errno, absl::StrCat("stat ", database_path()));
  }
  device_ = info.st_dev;
  inode_ = info.st_ino;
  return absl::OkStatus();
}

absl::Status JournalFolder::CheckSameFile() const {
  struct stat info;
  if (stat(database_path().c_str(), &info) != 0 || info.st_dev != device_ ||
      info.st_ino != inode_) {
    return Replaced(database_path());
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::agent
