#pragma once

#include <string>

#include "absl/status/status.h"

#include "common/time/clock.h"
#include "controller/store/store.h"

// The audit record of a backup of the controller itself (`controller.backup`), which is committed
// before anything is copied, so that the copy has it. A store has one writer: a running controller
// is asked for the record by a file, DATA_DIR/backup-request, and answers in another,
// DATA_DIR/backup-answer; where none runs the store is opened for it. Both files are gone at the
// end.
namespace dbfleet::controller {

// The running controller's side. Answer() looks once, and is to be called about each second, by one
// thread at a time. A request whose command has died is removed without a record.
class BackupRequests {
 public:
  // The store must outlive it.
  BackupRequests(const std::string& data_dir, Store* store);
  void Answer();

 private:
  bool RemoveIfNobodyWaits();

  const std::string data_dir_;
  Store& store_;
  std::string answered_;  // The last request's id, so that a lost answer makes no second record.
};

// The command's side: returns once there is the record of a backup into `folder` by `actor`.
// FAILED_PRECONDITION: BACKUP_UNDER_WAY; SCHEMA_TOO_OLD, where no controller runs and the store is
// an older program's. UNAVAILABLE (CONTROLLER_SILENT) if a running controller does not answer.
absl::Status RecordBackup(const std::string& data_dir, const std::string& folder,
                          const std::string& actor, Clock& clock);

}  // namespace dbfleet::controller
