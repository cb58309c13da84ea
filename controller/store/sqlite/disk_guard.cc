#include "controller/store/sqlite/disk_guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/log/log.h"

namespace dbfleet::controller::sqlite {

int64_t FreeBytesOf(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) return -1;
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
}

DiskGuard::DiskGuard(std::string path, int64_t bytes, FreeBytes free_bytes)
    : path_(std::move(path)), bytes_(bytes), free_bytes_(std::move(free_bytes)) {
  if (bytes_ == 0) return;
  struct stat info;
  released_ = stat(path_.c_str(), &info) != 0 || info.st_size < bytes_;
}

bool DiskGuard::IsFull() {
  if (bytes_ == 0) return false;
  const size_t slash = path_.rfind('/');
  const int64_t free = free_bytes_(slash == std::string::npos ? "." : path_.substr(0, slash + 1));
  if (free < 0) return released_;
  if (!released_ && free < bytes_ / 2) {
    Release();
  } else if (released_ && free >= 2 * bytes_ + bytes_ / 2 && MakeBallast()) {
    released_ = false;
    if (told_)
      log::Info("the store's disk has space again; all work is accepted", {{"ballast", path_}});
    told_ = false;
  }
  return released_;
}

bool DiskGuard::Release() {
  if (bytes_ == 0 || released_) return false;
  released_ = true;
  told_ = true;
  if (unlink(path_.c_str()) != 0) {
    log::Error("the store's ballast cannot be removed", {{"ballast", path_}});
    return false;
  }
  log::Error(
      "the store's disk is full: the ballast was released, and only cancel, abort and agents' "
      "events are accepted until there is space again",
      {{"ballast", path_}, {"bytes", absl::StrCat(bytes_)}});
  return true;
}

bool DiskGuard::MakeBallast() {
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool made = posix_fallocate(fd, 0, bytes_) == 0 && fsync(fd) == 0;
  close(fd);
  if (!made) unlink(path_.c_str());
  return made;
}

}  // namespace dbfleet::controller::sqlite
