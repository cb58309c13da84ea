#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/base/secret.h"

namespace dbfleet {

// Reads a whole file. NOT_FOUND, PERMISSION_DENIED, or RESOURCE_EXHAUSTED if it is larger than
// `max_bytes`. Regular files only.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes = 64 << 20);

// Writes `path` so that after a crash it holds the old content or the new, never a part: temporary
// file in the same folder, fsync, rename, fsync of the folder. RESOURCE_EXHAUSTED on a full disk.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content, int mode);

// Removes, in `folder` and below it, what calls of WriteFileAtomically left that a crash cut short:
// it may be a secret. For folders that belong to this process alone: it would take another
// process's file from under it. What cannot be removed stays.
void RemoveTemporaries(const std::string& folder);

// Reads a secret from a file, without its final newline. FAILED_PRECONDITION unless the file is a
// regular file of this user (or root) that group and others cannot read.
absl::StatusOr<Secret> ReadSecretFile(const std::string& path);

// Makes the folder and its parents. The last one gets `mode`, also if it was there already.
absl::Status MakeDirectories(const std::string& path, int mode);

// fsync of a folder, so that renames in it are durable.
absl::Status SyncDirectory(const std::string& path);

// Opens /dev/null for whichever of the descriptors 0 to 2 is closed. Call it first in main:
// otherwise a database file may become "standard error", and log lines are written into it.
void EnsureStandardDescriptors();

// A status for errno, for example `ErrnoStatus(errno, "open /x")`. ENOSPC and EDQUOT have the
// reason DISK_FULL.
absl::Status ErrnoStatus(int error, absl::string_view what);

}  // namespace dbfleet
