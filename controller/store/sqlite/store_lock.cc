#include "controller/store/sqlite/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::controller::sqlite {
namespace {

// From linux/magic.h and the file systems' own headers.
constexpr int64_t kNetworkTypes[] = {
    0x6969,      // NFS
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB2
    0x517B,      // SMB
    0x65735546,  // FUSE
    0x01021997,  // 9p
    0x5346414F,  // AFS
    0x00C36400,  // Ceph
    0x01161970,  // GFS2
    0x7461636F,  // OCFS2
    0x0BD00BD0,  // Lustre
    0x47504653,  // GPFS
};

std::string HolderOf(int fd) {
  char text[64];
  const ssize_t size = pread(fd, text, sizeof(text), 0);
  if (size <= 0) return "";
  return absl::StrCat(" (process ",
                      SanitizeForDisplay(absl::string_view(text, static_cast<size_t>(size))), ")");
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreLock>> StoreLock::Take(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  auto lock = std::unique_ptr<StoreLock>(new StoreLock(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("flock ", path));
    return Error(absl::StatusCode::kFailedPrecondition, "STORE_IN_USE",
                 absl::StrCat(path, ": another controller", HolderOf(fd),
                              " has this store open; stop it first"));
  }
  // Only for the message above; the lock itself does not depend on it, nor on a full disk.
  const std::string holder = absl::StrCat(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, holder.data(), holder.size(), 0) < 0) return lock;
  return lock;
}

StoreLock::~StoreLock() { close(fd_); }

bool IsNetworkFileSystem(int64_t type) {
  // f_type is signed on some machines and CIFS's has the highest bit.
  return std::find(std::begin(kNetworkTypes), std::end(kNetworkTypes), type & 0xFFFFFFFF) !=
         std::end(kNetworkTypes);
}

absl::Status CheckLocalFileSystem(const std::string& folder) {
  struct statfs info;
  if (statfs(folder.c_str(), &info) != 0)
    return ErrnoStatus(errno, absl::StrCat("statfs ", folder));
  if (!IsNetworkFileSystem(static_cast<int64_t>(info.f_type))) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NETWORK_FILE_SYSTEM",
               absl::StrCat(folder, " is on a network or FUSE file system (type 0x",
                            absl::Hex(static_cast<uint32_t>(info.f_type)),
                            "), which can lose or mix up the store's writes; use a local disk"));
}

}  // namespace dbfleet::controller::sqlite
