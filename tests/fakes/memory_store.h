#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// A Store in memory, for unit tests: the whole contract of controller/store/store.h over maps,
// but for notifications.
//
// A mutation runs at once on the caller's thread, on copies of the tables that it touches, so that
// one which fails leaves nothing behind; `done` is called right after, before Mutate returns, with
// no lock held. Readers see the last committed snapshot and never wait for a mutation. Audit rows
// carry real hashes. Starts empty, also without environments. Insert* set version 1. Thread-safe;
// a mutation must not call Mutate (the real store would not deadlock there, but would be wrong
// too).
class MemoryStore : public Store {
 public:
  // `clock` gives the audit records their time and must outlive the store.
  explicit MemoryStore(const Clock* clock, uint64_t epoch = 1);
  ~MemoryStore() override;

  void Mutate(Mutation mutation, Done done) override;
  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override;
  uint64_t epoch() const override { return epoch_; }
  const std::string& life() const override { return life_; }

  // The next `count` mutations fail with `status` instead of committing; their functions still run.
  void FailCommits(int count, const absl::Status& status);

  // A former start of a controller on this store.
  void AddStart(uint64_t epoch, uint64_t audit_size, const std::string& life = "");

  // From now on the job cannot be read (DATA_LOSS), or again.
  void DamageJob(const std::string& id, bool damaged = true);

  // Mutations that committed.
  int commits() const;
  // The whole trail, oldest first.
  std::vector<AuditRow> Audit();

  struct Tables;

 private:
  absl::Status RunAndCommit(const Mutation& mutation) ABSL_LOCKS_EXCLUDED(writer_mutex_);

  const Clock* const clock_;
  const uint64_t epoch_;
  const std::string life_ = "the present life";
  Mutex writer_mutex_;  // Held through a mutation; taken before snapshot_mutex_.
  mutable Mutex snapshot_mutex_;
  std::shared_ptr<const Tables> tables_ ABSL_GUARDED_BY(snapshot_mutex_);
  int commits_ ABSL_GUARDED_BY(snapshot_mutex_) = 0;
  int failures_left_ ABSL_GUARDED_BY(snapshot_mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(snapshot_mutex_);
};

}  // namespace dbfleet::controller
