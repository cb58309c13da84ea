#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/audit/checkpoint.h"
#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/audit/audit_keys.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// A signed checkpoint with its text.
struct IssuedCheckpoint {
  audit::Checkpoint checkpoint;
  std::string text;
};

// Signs checkpoints of the audit trail: at the start, at the end, every `interval` and every
// `records` records, when there are new ones. A checkpoint is stored in a table of its own and is
// no audit record, or each would call for the next. It is signed from what is committed, and given
// to the listener only once it is durable itself; after a crash between, the next start signs anew.
// Of those that follow each other closely, only some are kept (see Thin in the .cc).
//
// Order: Open, SetListener, Start, ..., Stop. Thread-safe. The store, the keys, the clock and the
// executor (a serial one) outlive it; Stop is called after the executor has ended, before the store
// does.
class Checkpointer {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(60);
    uint64_t records = 1000;
  };

  // Makes the log's identity at the first start, and audits it and every change of the key.
  // DATA_LOSS (AUDIT_TREE_DAMAGED) if the stored tree is not the one that was last signed.
  static absl::StatusOr<std::unique_ptr<Checkpointer>> Open(Options options, Store& store,
                                                            const AuditKeys& keys, Clock& clock,
                                                            Executor& executor,
                                                            metrics::Registry& metrics);
  ~Checkpointer();

  // Called on the executor with each new checkpoint. Set once.
  void SetListener(std::function<void(std::shared_ptr<const IssuedCheckpoint>)> listener);

  // Signs the first one before it returns.
  absl::Status Start();
  // The trail has so many records now. Called on the store's writer thread; does not block.
  void OnHead(uint64_t seq);
  void Stop();

  // Null before the first.
  std::shared_ptr<const IssuedCheckpoint> Latest() const;

 private:
  Checkpointer(Options options, Store& store, const AuditKeys& keys, Clock& clock,
               Executor& executor, metrics::Registry& metrics);

  absl::Status Sign();
  void SignAndLog();
  void Post();
  void ScheduleTimer();
  absl::Status Put(const IssuedCheckpoint& issued);

  const Options options_;
  Store& store_;
  const AuditKeys& keys_;
  Clock& clock_;
  Executor& executor_;
  metrics::Counter& signed_total_;
  metrics::Counter& failures_total_;
  metrics::Gauge& size_gauge_;
  std::function<void(std::shared_ptr<const IssuedCheckpoint>)> listener_;
  std::atomic<uint64_t> signed_size_{0};
  std::atomic<bool> posted_{false};

  mutable Mutex mutex_;
  std::shared_ptr<const IssuedCheckpoint> latest_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Clock::Timer> timer_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dbfleet::controller
