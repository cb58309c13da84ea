#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace dbfleet::controller::sqlite {

// Keeps a ballast file beside the store, and gives it up when the disk gets full, so that what must
// still be written then (cancel, abort, agents' events) has room. Once there is plenty of space
// again the ballast is made anew. Used by the writer thread only.
class DiskGuard {
 public:
  // Free bytes of a file system; statvfs in real life.
  using FreeBytes = std::function<int64_t(const std::string& path)>;

  // `bytes` 0: no ballast, never full.
  DiskGuard(std::string path, int64_t bytes, FreeBytes free_bytes);

  // Looks at the disk: gives the ballast up when less than half of its size is free, makes it again
  // when two and a half times its size is. True while it is given up: only essential work may go
  // on.
  bool IsFull();

  // A write failed for want of space: gives the ballast up. False if there was none left.
  bool Release();

 private:
  // False if it could not be made; what was made of it is removed again.
  bool MakeBallast();

  const std::string path_;
  const int64_t bytes_;
  const FreeBytes free_bytes_;
  bool released_ = true;
  bool told_ = false;  // The log says that the disk is full.
};

// Free space for unprivileged users; -1 if the file system does not say.
int64_t FreeBytesOf(const std::string& path);

}  // namespace dbfleet::controller::sqlite
