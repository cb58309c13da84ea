#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dbfleet::controller::sqlite {

// The exclusive lock on a store, held while the object lives; the kernel drops it with the process.
class StoreLock {
 public:
  // FAILED_PRECONDITION (STORE_IN_USE) if another controller, also one in this process, has it.
  static absl::StatusOr<std::unique_ptr<StoreLock>> Take(const std::string& path);
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  explicit StoreLock(int fd) : fd_(fd) {}

  const int fd_;
};

// File systems of other machines, by statfs's f_type: their locks and their shared memory are not
// what SQLite's write-ahead log needs. FUSE counts, for what is behind it is not known.
bool IsNetworkFileSystem(int64_t type);

// FAILED_PRECONDITION (NETWORK_FILE_SYSTEM) if the folder is on one.
absl::Status CheckLocalFileSystem(const std::string& folder);

}  // namespace dbfleet::controller::sqlite
