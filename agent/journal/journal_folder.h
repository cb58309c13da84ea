#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace dbfleet::agent {

// The journal's folder, held by one process: a lock file that the kernel frees when the process
// ends. It also remembers which journal was last here and how far it had come, so that an older
// copy put back in its place is noticed: its memory of what ran is stale. Not thread-safe.
class JournalFolder {
 public:
  // Makes the folder (0700). UNAVAILABLE (JOURNAL_LOCKED) if another process holds it.
  static absl::StatusOr<std::unique_ptr<JournalFolder>> Take(const std::string& folder);
  ~JournalFolder();
  JournalFolder(const JournalFolder&) = delete;
  JournalFolder& operator=(const JournalFolder&) = delete;

  std::string database_path() const { return folder_ + "/journal.db"; }

  // True if the last life of this very journal had a higher boot sequence: an older copy.
  bool IsOlderCopy(const std::string& journal_id, uint64_t stored_boot_sequence) const;
  // To be called after the journal has committed the new boot sequence, never before: what is noted
  // here must not be ahead of an honest journal.
  absl::Status NoteBoot(const std::string& journal_id, uint64_t boot_sequence);

  // Remembers the database file; DATA_LOSS (JOURNAL_REPLACED) from CheckSameFile once the path
  // leads to another file, where commits would be lost.
  absl::Status PinFile();
  absl::Status CheckSameFile() const;

 private:
  JournalFolder(std::string folder, int lock_fd) : folder_(std::move(folder)), lock_fd_(lock_fd) {}

  const std::string folder_;
  const int lock_fd_;
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace dbfleet::agent
