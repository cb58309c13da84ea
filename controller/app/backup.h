#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace dbfleet::controller {

// A backup of the controller: FOLDER/store.db, FOLDER/ca/, FOLDER/audit-key/ and, written last,
// FOLDER/MANIFEST with the SHA-256 of every file; without it a folder is no backup. It holds the
// CA's and the audit trail's private keys: keep it like them. Job logs are not in it.

// Works beside a running controller. ALREADY_EXISTS (NOT_EMPTY) unless `folder` is new or empty.
absl::Status BackUp(const std::string& data_dir, const std::string& folder);

// FAILED_PRECONDITION (RESTORE_UNFINISHED) if a restore into the data directory was broken off:
// what stands there would begin as a new controller under the old authority and keys.
absl::Status CheckRestoreEnded(const std::string& data_dir);

// Into a data directory that is new or empty (FAILED_PRECONDITION, NOT_EMPTY). DATA_LOSS
// (BACKUP_DAMAGED) if a file is missing or another one. The controller's next start is in RECOVERY.
absl::Status Restore(const std::string& folder, const std::string& data_dir, absl::Time now);

}  // namespace dbfleet::controller
