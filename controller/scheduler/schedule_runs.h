#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "controller/identity/rights.h"
#include "controller/jobs/job_manager.h"
#include "controller/schedules/due.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// How an occurrence stands, by its row and its jobs.
enum class RunState {
  kPending,
  kSubmitting,
  kRunning,
  kSucceeded,
  kFailed,
  kSkipped,
  kCancelled,
  kUnknown,  // Its jobs are no longer stored.
};

// An occurrence as people see it.
struct OccurrenceView {
  Occurrence occurrence;
  RunState state = RunState::kPending;
  std::string message;
  std::map<JobState, int64_t> jobs;
  std::vector<std::string> job_ids;  // The first of them, those that did not succeed first.
};

RunState StateOf(const Occurrence& occurrence, const std::map<JobState, int64_t>& jobs);

struct ScheduleTimesView {
  std::vector<DueTime> times;
  std::string time_zone;
  bool suspended = false;
};

// How a schedule stands.
struct ScheduleView {
  std::string name;
  std::string environment;
  std::string cron;
  std::string time_zone;
  std::string action;  // "backup"; of what is planned: its name.
  bool suspended = false;
  absl::Time next = absl::InfiniteFuture();  // With its jitter.
  std::optional<OccurrenceView> last;        // Without its jobs' ids.
  std::string problem;
};

// What people ask of schedules, and ask them to do. Thread-safe; not to be called from the store's
// writer thread.
class ScheduleRuns {
 public:
  // `wake`: something waits for the scheduler.
  ScheduleRuns(Store& store, Clock& clock, std::function<void()> wake)
      : store_(store), clock_(clock), wake_(std::move(wake)) {}

  // Those that these rights may see, by name.
  absl::StatusOr<Page<ScheduleView>> Schedules(const PageRequest& page, const Rights& rights);

  // By name ("nightly"), here and below. NOT_FOUND (SCHEDULE_NOT_FOUND).
  absl::StatusOr<ScheduleTimesView> Next(const std::string& schedule, size_t count);
  absl::StatusOr<OccurrenceView> Get(const std::string& id);
  // Newest first; also of a deleted one, until another takes its name.
  absl::StatusOr<Page<OccurrenceView>> List(const std::string& schedule, const PageRequest& page);
  // Makes an occurrence that begins now, or when `overlap` lets it. FAILED_PRECONDITION:
  // SCHEDULE_BUSY, IN_RECOVERY.
  absl::StatusOr<OccurrenceView> Run(const RequestMeta& meta, const std::string& schedule,
                                     const std::string& reason);

 private:
  Store& store_;
  Clock& clock_;
  const std::function<void()> wake_;
};

}  // namespace dbfleet::controller
