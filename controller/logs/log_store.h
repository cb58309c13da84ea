#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/logs/log_line.h"

namespace dbfleet::controller {

class JobLog;

// The logs of jobs, as agents push them, in segment files under one folder per job
// (logs/job_log.h). Apart from the store, because they are bulk: a line may be lost to a full disk
// or an old age, never a job's state.
//
// Append hands over to the executor and calls `done` once the batch is durable; batches that wait
// for each other are written together with one fsync per job. A batch that was stored before, and
// comes again because its acknowledgement was lost, adds nothing, also after a restart of either
// side: what counts as the same is agent, batch number and content together.
//
// Thread-safe. The executor must outlive the store; the destructor waits for what is being written.
class LogStore {
 public:
  struct Options {
    std::string folder;  // data_dir/logs; made when missing.
    int64_t segment_bytes = 1 << 20;
    int64_t max_job_bytes = 64 << 20;  // Beyond, the oldest lines go; a gap mark tells.
    absl::Duration retention = absl::Hours(24 * 90);
    int max_open_logs = 64;
    size_t max_queued_bytes = 64 << 20;
  };
  static absl::StatusOr<std::unique_ptr<LogStore>> Open(const Options& options, Executor* executor,
                                                        const Clock* clock);
  ~LogStore();

  struct Batch {
    std::string agent_id;
    uint64_t batch_seq = 0;
    std::vector<std::pair<std::string, LogLine>> lines;  // With the job each belongs to.
  };
  // RESOURCE_EXHAUSTED when too much is waiting or the disk is full: the agent keeps the batch and
  // sends it again. Lines whose job id is none are dropped. The caller has checked that the agent
  // may write to these jobs. `done` must not block.
  void Append(Batch batch, std::function<void(absl::Status)> done);

  struct Slice {
    std::vector<LogLine> lines;
    uint64_t next = 0;  // Where to go on reading.
  };
  // Up to `limit` lines from line number `from` on (the first is 0). Where lines are missing (size
  // cap, damaged segment) the next one's dropped_before says how many. A job without a log reads as
  // empty; INVALID_ARGUMENT for an impossible id.
  absl::StatusOr<Slice> Read(const std::string& job_id, uint64_t from, int limit) const;

  // `wake` runs after lines were added to the job, on the executor, until the subscription dies;
  // its destructor waits for a running `wake`. `wake` must not block and not touch subscriptions.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  std::unique_ptr<Subscription> Follow(const std::string& job_id, std::function<void()> wake);

  // Removes the logs that nothing was added to for longer than the retention. Returns how many.
  absl::StatusOr<int> RemoveOld();

 private:
  struct Pending {
    Batch batch;
    size_t bytes = 0;
    std::function<void(absl::Status)> done;
  };
  class Follower;

  LogStore(const Options& options, Executor* executor, const Clock* clock);

  void Flush();
  void WriteBatch(const Batch& batch, std::map<std::string, absl::Status>* touched)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(io_mutex_);
  void CloseIdleLogs() ABSL_EXCLUSIVE_LOCKS_REQUIRED(io_mutex_);
  absl::StatusOr<JobLog*> OpenLog(const std::string& job_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(io_mutex_);
  void Notify(const std::map<std::string, absl::Status>& touched);

  const Options options_;
  Executor* const executor_;
  const Clock* const clock_;

  Mutex mutex_;
  CondVar idle_;
  std::vector<Pending> pending_ ABSL_GUARDED_BY(mutex_);
  size_t pending_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex io_mutex_;  // Held while files are written or removed.
  std::map<std::string, std::unique_ptr<JobLog>> logs_ ABSL_GUARDED_BY(io_mutex_);
  uint64_t uses_ ABSL_GUARDED_BY(io_mutex_) = 0;

  Mutex followers_mutex_;
  std::multimap<std::string, Follower*> followers_ ABSL_GUARDED_BY(followers_mutex_);
};

}  // namespace dbfleet::controller
