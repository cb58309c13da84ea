#include "common/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet {
namespace {

constexpr int kTemporaryBytes = 6;  // Random ones in a temporary file's name.

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  // close() can report a write error that nothing else reported (NFS, quotas).
  int Close() { return close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

std::string DirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// The file's name for the failpoints, with what is different each time taken out.
[[maybe_unused]] std::string TagOf(const std::string& path) {
  std::string tag;
  std::string word;
  const auto flush = [&] {
    const bool random = word.size() >= 8 && std::any_of(word.begin(), word.end(), isdigit);
    tag += random ? "*" : word;
    word.clear();
  };
  for (const char c : std::filesystem::path(path).filename().string()) {
    if (absl::ascii_isalnum(c)) {
      word += c;
    } else {
      flush();
      tag += c;
    }
  }
  flush();
  return tag;
}

absl::Status WriteAll(int fd, absl::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, absl::StrCat("write ", path));
    }
    content.remove_prefix(n);
  }
  return absl::OkStatus();
}

absl::Status WriteAndSync(const std::string& path, absl::string_view content, int mode) {
  FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (fd.get() < 0) return ErrnoStatus(errno, absl::StrCat("create ", path));
  if (fchmod(fd.get(), mode) != 0) return ErrnoStatus(errno, absl::StrCat("chmod ", path));
  RETURN_IF_ERROR(WriteAll(fd.get(), content, path));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("fsync ", path));
  if (fd.Close() != 0) return ErrnoStatus(errno, absl::StrCat("close ", path));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadDescriptor(int fd, const std::string& path, int64_t max_bytes) {
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, absl::StrCat("read ", path));
    }
    if (n == 0) return content;
    content.append(buffer, n);
    if (static_cast<int64_t>(content.size()) > max_bytes) {
      return Error(absl::StatusCode::kResourceExhausted, "FILE_TOO_LARGE",
                   absl::StrCat(path, " is larger than ", max_bytes, " bytes"));
    }
  }
}

}  // namespace

absl::Status ErrnoStatus(int error, absl::string_view what) {
  const std::string message = absl::StrCat(what, ": ", strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Error(absl::StatusCode::kNotFound, "FILE_NOT_FOUND", message);
    case EACCES:
    case EPERM:
    case EROFS:
      return Error(absl::StatusCode::kPermissionDenied, "FILE_PERMISSION", message);
    case EEXIST:
      return Error(absl::StatusCode::kAlreadyExists, "FILE_EXISTS", message);
    case ENOSPC:
    case EDQUOT:
      return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", message);
    default:
      return Error(absl::StatusCode::kInternal, "IO_ERROR", message);
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return Error(absl::StatusCode::kInvalidArgument, "NOT_A_FILE",
                 absl::StrCat(path, " is not a regular file"));
  }
  return ReadDescriptor(fd.get(), path, max_bytes);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content, int mode) {
  const std::string temporary = absl::StrCat(path, ".", RandomHex(kTemporaryBytes), ".tmp");
  absl::Status status = DBFLEET_FAILPOINT_STATUS("file.write.before", TagOf(path));
  if (status.ok()) status = WriteAndSync(temporary, content, mode);
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  DBFLEET_FAILPOINT_TAGGED("file.rename.before", TagOf(path));
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return ErrnoStatus(error, absl::StrCat("rename to ", path));
  }
  status = SyncDirectory(DirectoryOf(path));
  DBFLEET_FAILPOINT_TAGGED("file.rename.after", TagOf(path));
  return status;
}

void RemoveTemporaries(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  auto it = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied,
                                             error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (!it->is_regular_file(error) || it->is_symlink(error)) continue;
    const std::string name = it->path().filename().string();
    // NAME.<12 hex digits>.tmp
    const size_t tail = 1 + 2 * kTemporaryBytes + 4;
    if (name.size() <= tail || !absl::EndsWith(name, ".tmp")) continue;
    const absl::string_view middle = absl::string_view(name).substr(name.size() - tail);
    const bool ours =
        middle[0] == '.' && std::all_of(middle.begin() + 1, middle.end() - 4,
                                        [](char c) { return absl::ascii_isxdigit(c); });
    if (ours) unlink(it->path().c_str());
  }
}

absl::StatusOr<Secret> ReadSecretFile(const std::string& path) {
  constexpr int64_t kMaxSecretBytes = 64 << 10;
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0 ||
      (info.st_uid != geteuid() && info.st_uid != 0)) {
    return Error(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_MODE",
                 absl::StrCat(path,
                              " must be a regular file of this user with mode 0600; run: chmod "
                              "600 ",
                              path));
  }
  ASSIGN_OR_RETURN(std::string content, ReadDescriptor(fd.get(), path, kMaxSecretBytes));
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  return Secret(std::move(content));
}

absl::Status MakeDirectories(const std::string& path, int mode) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("mkdir ", path));
  if (chmod(path.c_str(), mode) != 0) return ErrnoStatus(errno, absl::StrCat("chmod ", path));
  return absl::OkStatus();
}

void EnsureStandardDescriptors() {
  int fd = 0;
  // open() gives the lowest free number, so this ends as soon as 0 to 2 are taken.
  while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= 2) {
  }
  if (fd > 2) close(fd);
}

absl::Status SyncDirectory(const std::string& path) {
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("fsync ", path));
  return absl::OkStatus();
}

}  // namespace dbfleet
