#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/schedule.h"
#include "controller/domain/types.h"
#include "controller/store/queries.h"

// The parts of ReadTx and WriteTx (store.h) for schedules and their occurrences.
namespace dbfleet::controller {

class ScheduleReads {
 public:
  virtual ~ScheduleReads() = default;

  // SCHEDULE_NOT_FOUND; of deleted ones, too.
  virtual absl::StatusOr<ScheduleState> GetScheduleState(absl::string_view name) = 0;
  virtual absl::StatusOr<Page<ScheduleState>> ListScheduleStates(const PageRequest& page) = 0;
  virtual absl::StatusOr<Occurrence> GetOccurrence(absl::string_view id) = 0;
  // Of a schedule by its name, newest first.
  virtual absl::StatusOr<Page<Occurrence>> ListOccurrences(absl::string_view schedule,
                                                           const PageRequest& page) = 0;
  // Those that are open, of a schedule or of all (""), in the order of their ids: of one schedule
  // by nominal time.
  virtual absl::StatusOr<std::vector<Occurrence>> OpenOccurrences(absl::string_view schedule) = 0;
  // The same of all schedules, in one state.
  virtual absl::StatusOr<std::vector<Occurrence>> OpenOccurrencesIn(OccurrenceState state) = 0;
  // How the jobs stand whose request keys begin so; in time that grows with their number.
  virtual absl::StatusOr<std::map<JobState, int64_t>> TallyJobs(absl::string_view key_prefix) = 0;
  // Up to `limit` of those, whose keys come after `after` (""), by key.
  virtual absl::StatusOr<std::vector<Job>> JobsByKey(absl::string_view key_prefix,
                                                     absl::string_view after, int limit) = 0;
};

class ScheduleWrites {
 public:
  virtual ~ScheduleWrites() = default;

  virtual absl::Status InsertScheduleState(ScheduleState* value) = 0;
  virtual absl::Status UpdateScheduleState(ScheduleState* value) = 0;
  // ALREADY_EXISTS (OCCURRENCE_EXISTS): that one was decided before.
  virtual absl::Status InsertOccurrence(Occurrence* value) = 0;
  virtual absl::Status UpdateOccurrence(Occurrence* value) = 0;
  // Deletes up to `limit` of the schedule's ended ones behind its newest `keep`. The highest
  // nominal time among them; InfinitePast if there were none.
  virtual absl::StatusOr<absl::Time> PruneOccurrences(absl::string_view schedule, int keep,
                                                      int limit) = 0;
};

}  // namespace dbfleet::controller
