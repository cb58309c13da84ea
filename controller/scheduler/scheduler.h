#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/ticker.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/job_manager.h"
#include "controller/resources/schedule_source.h"
#include "controller/scheduler/submission.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

struct SchedulerOptions {
  absl::Duration tick = absl::Seconds(1);
  // Between looks at whether begun occurrences are over.
  absl::Duration settle = absl::Seconds(5);
  // Jobs that are made, or taken back, in one transaction.
  int chunk = 50;
  // Transactions that are under way beside each other; the store commits them together.
  int group = 64;
  // Ended occurrences that are kept of each schedule.
  int keep = 1000;
  // After an error of the store, one schedule is left alone so long; the others go on.
  absl::Duration retry_after = absl::Seconds(10);
};

// Makes jobs of schedules when their time comes.
//
// What is due, and what it means, is worked out on a reader; the transaction that writes it looks
// again at all that it rests on (the schedule's state and resource, the occurrence) and is given up
// if any of it changed, to be worked out anew with the next tick. Each occurrence is one row whose
// id is its identity, written before or together with its first jobs; how far it has come stands in
// the row, so that whoever finds it after a crash goes on there. How its jobs stand is never stored
// here: it is read from the jobs. Every schedule is a transaction of its own, so that none holds up
// or undoes another.
//
// While RECOVERY is demanded nothing is decided. After it nothing that is older runs by itself:
// agents may have done it under the lost life of the controller.
//
// Thread-safe; works on `executor`'s one thread, which nobody else may use. Stop() before the
// executor is shut down. What is passed in outlives the scheduler.
class Scheduler {
 public:
  Scheduler(SchedulerOptions options, Store& store, JobManager& jobs, JobHub& hub,
            ScheduleSource& source, Clock& clock, Executor& executor, metrics::Registry& metrics);

  void Start() { ticker_.Start(); }
  // Nothing is begun any more; waits for what the executor has in hand.
  void Stop() { ticker_.Stop(); }
  // Looks now, and not with the next tick: something was asked for.
  void Wake() { ticker_.Wake(); }

  // One look, on the executor's thread.
  void Tick();

 private:
  using Mutation = std::function<absl::Status(WriteTx&)>;
  // A transaction and what its outcome means.
  struct Work {
    std::string schedule;
    Mutation mutation;
    std::function<void(const absl::Status&)> done;  // On the scheduler's thread.
  };
  // What is written about one schedule whose time has come.
  struct Decision;

  // All of them, `group` beside each other; returns when the last has ended.
  void RunAll(std::vector<Work> work);
  bool Rests(const std::string& schedule) const;
  void NoteFailure(const std::string& schedule, const absl::Status& status);

  // decide.cc: occurrences whose time has come.
  void Refresh(std::shared_ptr<const ScheduleBook> book, absl::Time now);
  bool FollowClock(std::vector<ScheduleState>* states, absl::Time now);
  void SetNext(const std::string& schedule, absl::Time at);
  void DecideDue(absl::Time now);
  absl::StatusOr<Decision> Plan(const DeclaredSchedule& schedule, absl::Time now);
  absl::Status Write(WriteTx& tx, const Decision& decision);
  const DeclaredSchedule* Declared(const std::string& schedule) const;

  // open.cc: occurrences that are under way.
  void StepOpen(absl::Time now);
  void BeginWaiting(absl::Time now);
  // True if there is more to do.
  bool SubmitRound();
  void SubmitOneByOne(const Chunk& chunk);
  Work WorkFor(Chunk chunk, std::function<void(const absl::Status&)> done);
  void SettleSubmitted(absl::Time now);

  // restored.cc
  void SettleRestore(const std::string& recovery);
  // Up to a chunk of its jobs that have not ended; `begun_too` or only those that have not begun.
  // True if none is left.
  absl::StatusOr<bool> CancelJobsOf(const Occurrence& occurrence, bool begun_too,
                                    const std::string& why);

  const SchedulerOptions options_;
  Store& store_;
  JobManager& jobs_;
  JobHub& hub_;
  ScheduleSource& source_;
  Clock& clock_;
  metrics::Gauge& schedules_gauge_;
  metrics::Counter& begun_total_;
  metrics::Counter& skipped_total_;
  metrics::Counter& failures_total_;

  // The executor's thread only.
  Submitter submitter_;
  std::shared_ptr<const ScheduleBook> book_;
  absl::Duration wall_offset_;                          // Now() less Monotonic(), as of `queue_`.
  std::set<std::pair<absl::Time, std::string>> queue_;  // When to look at which schedule.
  std::map<std::string, absl::Time> next_;              // The same by schedule.
  std::map<std::string, absl::Duration> resting_;       // Until when, monotonic.
  absl::Duration settled_at_ = -absl::InfiniteDuration();

  Ticker ticker_;  // The last: it dies before what its ticks use.
};

// The setting that holds which end of a RECOVERY schedules know of.
inline constexpr char kRecoveryHandled[] = "schedules.recovered";

// Occurrence.reason of one whose declarer may not have it done any more.
inline constexpr char kNotEntitled[] = "NOT_ENTITLED";

// Whether the jobs tell that a submitted occurrence is over.
absl::StatusOr<bool> JobsHaveEnded(ReadTx& tx, const Occurrence& occurrence);

// What the request keys of an occurrence's jobs begin with.
std::string JobKeysOf(const Occurrence& occurrence);

// "schedules/nightly": whose jobs they are.
std::string AccountOf(const Occurrence& occurrence);

// A record about an occurrence. Empty details are left out.
absl::Status AuditOccurrence(WriteTx& tx, absl::string_view actor, absl::string_view action,
                             const Occurrence& occurrence, absl::string_view environment,
                             std::map<std::string, std::string> details = {});

// It does not run.
void EndUnrun(OccurrenceState state, absl::string_view reason, absl::string_view message,
              absl::Time now, Occurrence* occurrence);

// A new one, not yet stored.
Occurrence NewOccurrence(const ScheduleState& state, absl::Time nominal, absl::Time due,
                         absl::Time now);

// It begins: its jobs are made from now on, by what the schedule says now.
void Begin(const DeclaredSchedule& schedule, absl::Time now, Occurrence* occurrence);

// Decides that all begun ones are cancelled, but for `by`, which has begun.
absl::Status CancelOthers(WriteTx& tx, const Occurrence& by, std::vector<Occurrence> open,
                          absl::Time now);

}  // namespace dbfleet::controller
