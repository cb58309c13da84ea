#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

struct SqliteStoreOptions {
  std::string path;                      // Its folder is made if it is missing (mode 0700).
  int readers = 4;                       // Reads that can go on at the same time.
  int64_t ballast_bytes = 16 << 20;      // 0: none.
  size_t row_cache_bytes = 16 << 20;     // Rows that the writer need not read again; 0: none.
  metrics::Registry* metrics = nullptr;  // dbfleet_store_*; must outlive the store.

  // Called on the writer thread after each COMMIT that added audit records, before the `done`s,
  // with the last record's number and hash (32 raw bytes): where checkpoints will be signed. Must
  // not block.
  std::function<void(uint64_t seq, const std::string& hash)> on_audit_head;

  // For tests. `fatal` is called instead of ending the process; when it returns, the store answers
  // nothing that waits. `free_bytes` stands in for statvfs.
  std::function<void(const absl::Status&)> fatal;
  std::function<int64_t(const std::string& path)> free_bytes;
};

// The store in one SQLite file (write-ahead log, synchronous = FULL): one writer thread with group
// commit (sqlite/writer.h), some readers. Beside PATH lie PATH-wal, PATH-shm, PATH.lock and
// PATH.ballast. Thread-safe. Calls must have ended before the destructor, which runs what waits.
//
// Why an error of COMMIT ends the process: whether the group is on the disk is then unknown. Told
// "failed", a caller tries again, and does things twice that did commit; told "done", it relies on
// what a crash takes back; and after a failed fsync the kernel may report the next one as a success
// without having written the pages. Only reading the log anew tells, so nothing is answered, the
// process ends (status 70) and the service manager starts it again; every caller then sees what
// really is. A full disk is the exception: the outcome is known then.
class SqliteStore : public Store {
 public:
  // Opens or makes the store, upgrades its schema (of the store as it was before, a copy stays
  // beside it: sqlite/upgrade_copy.h), takes a new epoch. A new store gets the environments
  // development, qa and production with their default policies, audited as
  // "environment.create" by "system/controller".
  //
  // FAILED_PRECONDITION: STORE_IN_USE, NETWORK_FILE_SYSTEM, SCHEMA_TOO_NEW, NOT_A_STORE, NO_WAL;
  // RESOURCE_EXHAUSTED (DISK_FULL); DATA_LOSS (STORE_CORRUPT, AUDIT_CORRUPT); PERMISSION_DENIED.
  // `clock` must outlive the store.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(SqliteStoreOptions options,
                                                           const Clock* clock);
  ~SqliteStore() override;

  void Mutate(Mutation mutation, Done done) override;
  void MutateEssential(Mutation mutation, Done done) override;
  void MutateRepeatable(Mutation mutation, Done done) override;
  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override;
  uint64_t epoch() const override;
  const std::string& life() const override;

 private:
  struct Parts;
  explicit SqliteStore(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace dbfleet::controller
