#include "agent/journal/wal_room.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

// Rounding up keeps the number of allocations small when many attempts come in.
constexpr int64_t kChunkBytes = 256 << 10;

absl::Status AppendZeros(int fd, int64_t from, int64_t to, const std::string& path) {
  const std::string zeros(64 << 10, '\0');
  while (from < to) {
    const ssize_t n = pwrite(fd, zeros.data(), std::min<int64_t>(zeros.size(), to - from), from);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("reserve room in ", path));
    from += n;
  }
  return absl::OkStatus();
}

absl::Status Allocate(int fd, int64_t bytes, const std::string& path) {
  if (fallocate(fd, 0, 0, bytes) == 0) return absl::OkStatus();
  if (errno != EOPNOTSUPP) return ErrnoStatus(errno, absl::StrCat("reserve room in ", path));
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  return AppendZeros(fd, info.st_size, bytes, path);
}

}  // namespace

void WalRoom::Measure() {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0) return;
  allocated_ = std::min<int64_t>(info.st_size, info.st_blocks * 512);
}

absl::Status WalRoom::Ensure(int64_t bytes) {
  if (bytes <= allocated_) return absl::OkStatus();
  const int64_t wanted = (bytes + kChunkBytes - 1) / kChunkBytes * kChunkBytes;
  // SQLite holds no POSIX lock on the WAL file, so closing this descriptor drops none.
  const int fd = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path_));
  absl::Status status = Allocate(fd, wanted, path_);
  if (status.ok()) status = DBFLEET_FAILPOINT_STATUS("journal.room.before", "");
  if (status.ok() && fsync(fd) != 0) status = ErrnoStatus(errno, absl::StrCat("fsync ", path_));
  close(fd);
  DBFLEET_FAILPOINT("journal.room.after");
  if (status.ok()) allocated_ = wanted;
  return status;
}

}  // namespace dbfleet::agent
