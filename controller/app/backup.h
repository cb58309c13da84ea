#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/time/clock.h"

namespace dbfleet::controller {

// A backup of the controller: FOLDER/store.db, FOLDER/ca/, FOLDER/audit-key/ and, written last,
// FOLDER/MANIFEST with when it was made, the number of audit records and the SHA-256 of every file;
// without it a folder is no backup. It holds the CA's and the audit trail's private keys: keep it
// like them. Job logs are not in it.

struct BackupFacts {
  std::string time;      // RFC 3339, UTC; "" in a backup of a version that did not note it.
  uint64_t records = 0;  // The audit records 1 to this one are in it.
};

// Works beside a running controller. Audited as `controller.backup` by `actor` before anything is
// copied (app/backup_record.h); without a record there is no backup. FAILED_PRECONDITION
// (NOT_EMPTY) unless `folder` is new or empty; INVALID_ARGUMENT (BACKUP_INSIDE_DATA) if it lies
// inside of the data directory. What a failed backup has made in the folder is removed.
absl::StatusOr<BackupFacts> BackUp(const std::string& data_dir, const std::string& folder,
                                   const std::string& actor, Clock& clock);

// FAILED_PRECONDITION (RESTORE_UNFINISHED) if a restore into the data directory was broken off:
// what stands there would begin as a new controller under the old authority and keys.
absl::Status CheckRestoreEnded(const std::string& data_dir);

// Into a data directory that is new or empty (FAILED_PRECONDITION, NOT_EMPTY). DATA_LOSS
// (BACKUP_DAMAGED) if a file is missing or another one. The controller's next start is in RECOVERY.
absl::StatusOr<BackupFacts> Restore(const std::string& folder, const std::string& data_dir,
                                    absl::Time now);

// "made at TIME, with the audit records 1 to N".
std::string Describe(const BackupFacts& facts);

}  // namespace dbfleet::controller
