#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace dbfleet::agent {

// Disk space that belongs to the journal whatever else fills the disk: the WAL file is kept
// allocated beyond its content, and a commit overwrites that. The journal counts what it has
// promised to accepted attempts; a write that could be refused must leave that much. Not
// thread-safe.
class WalRoom {
 public:
  // `path` is the WAL's; it exists once the database was written.
  explicit WalRoom(std::string path) : path_(std::move(path)) {}

  // Learns how much an earlier life left allocated.
  void Measure();
  // Makes the file at least `bytes` long on allocated blocks. RESOURCE_EXHAUSTED (DISK_FULL).
  absl::Status Ensure(int64_t bytes);

  int64_t allocated() const { return allocated_; }

 private:
  const std::string path_;
  int64_t allocated_ = 0;
};

}  // namespace dbfleet::agent
