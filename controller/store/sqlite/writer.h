#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

#include "common/audit/tiles.h"
#include "common/base/failpoint.h"
#include "common/concurrency/mutex.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/disk_guard.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/sqlite/row_cache.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/store.h"

namespace dbfleet::controller::sqlite {

// The store's one writer thread and its group commit.
//
// It takes all mutations that wait (up to a limit) as one group: BEGIN IMMEDIATE, a savepoint for
// each mutation, COMMIT, then their `done`s in order. A mutation that fails is rolled back to its
// savepoint, together with the end of the audit chain. What a failed mutation is told also waits
// for the COMMIT: it may have read what its neighbours wrote.
//
// Neighbours that are repeatable share a savepoint, since most succeed: when one fails, all of them
// go back and run again, each in its own. The outcome is the same: of a savepoint that is released
// nothing is to be seen, and one that is rolled back leaves the store, the chain and the rows in
// hand as they were.
//
// Full disk: SQLITE_FULL comes from a write that did not happen, at the latest that of the log's
// commit mark, so after ROLLBACK nothing of the group can come back. Its mutations are told
// DISK_FULL; the essential ones run once more, from a fresh copy, with the ballast's space.
//
// Any other error of COMMIT, or of a ROLLBACK or checkpoint: `fatal`; see sqlite_store.h.
//
// Thread-safe. Add may be called from `done`. Stop once, before the destructor.
class Writer {
 public:
  struct Options {
    std::unique_ptr<Connection> connection;
    const PageTokens* tokens;
    const Clock* clock;
    ChainHead head;
    audit::TreeAppender tree;  // Over the records up to `head`.
    std::unique_ptr<DiskGuard> disk;
    size_t row_cache_bytes = 0;
    metrics::Registry* metrics;  // May be null.
    std::function<void(const absl::Status&)> fatal;
    std::function<void(const ChainHead&)> on_head;  // After a COMMIT that moved it; may be null.
  };

  explicit Writer(Options options);
  ~Writer();

  // UNAVAILABLE (STORE_CLOSED), answered at once, after Stop or a fatal error; RESOURCE_EXHAUSTED
  // (STORE_OVERLOADED) likewise when too many unessential ones wait.
  enum class Kind { kOnce, kRepeatable, kEssential };
  void Add(Store::Mutation mutation, Store::Done done, Kind kind);

  // Runs what was added, then ends the thread.
  void Stop();

 private:
  struct Item {
    Store::Mutation mutation;
    Store::Done done;
    Kind kind = Kind::kOnce;
    absl::Status status;

    bool essential() const { return kind == Kind::kEssential; }
    bool repeatable() const { return kind != Kind::kOnce; }
  };
  enum class GroupEnd { kDone, kDiskFull, kFatal };
  struct Metrics;

  void Run();
  std::vector<Item> TakeGroup();
  // False after a fatal error: nothing of the group was answered.
  bool Process(std::vector<Item>* group);
  // Runs and commits the group; the items' outcomes are in their `status`.
  GroupEnd TryCommit(std::vector<Item>* group);
  // All of them in one savepoint. False: nothing of them is left.
  bool RunTogether(absl::Span<Item> items);
  void RunMutation(Item* item);
  // Rolls the savepoint back.
  void UndoTo(const ChainHead& head, size_t leaves);
  static size_t Neighbours(const std::vector<Item>& group, size_t from);
  // False after SQLite ended the transaction, or the disk was full: the whole group goes.
  bool GroupGoesOn() const;
  // Ends the open transaction without effect.
  GroupEnd Abandon(std::vector<Item>* group, const absl::Status& why);
  GroupEnd Fatal(const absl::Status& status);
  bool CheckpointIfDue();

  // Constant after construction, used by the writer thread only.
  const std::unique_ptr<Connection> connection_;
  const PageTokens* const tokens_;
  const Clock* const clock_;
  const std::unique_ptr<DiskGuard> disk_;
  const std::unique_ptr<Metrics> metrics_;
  const std::function<void(const absl::Status&)> fatal_;
  const std::function<void(const ChainHead&)> on_head_;

  // The writer thread's own.
  RowCache rows_;
  ChainHead head_;                       // Committed.
  ChainHead next_head_;                  // With the group that is being written.
  audit::TreeAppender tree_;             // Committed.
  std::vector<std::string> new_leaves_;  // Of the group's records.
  failpoint::Tags actions_;              // Of the group's audit records.
  int wal_pages_ = 0;

  Mutex mutex_;
  CondVar added_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace dbfleet::controller::sqlite
