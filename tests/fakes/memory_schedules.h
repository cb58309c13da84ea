#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "tests/fakes/memory_tables.h"

namespace dbfleet::controller {
namespace memory {

// Of the jobs whose request keys begin with `prefix`.
inline std::map<JobState, int64_t> TallyOf(const MemoryTable<Job>& jobs, absl::string_view prefix) {
  std::map<JobState, int64_t> tally;
  for (const auto& [id, job] : jobs.rows()) {
    if (absl::StartsWith(job.request_key, prefix)) ++tally[job.state];
  }
  return tally;
}

inline std::vector<Job> ByKey(const MemoryTable<Job>& jobs, absl::string_view prefix,
                              absl::string_view after, int limit) {
  std::map<std::string, Job> found;
  for (const auto& [id, job] : jobs.rows()) {
    if (absl::StartsWith(job.request_key, prefix) && job.request_key > after) {
      found.emplace(job.request_key, job);
    }
  }
  std::vector<Job> jobs_by_key;
  for (auto& [key, job] : found) {
    if (static_cast<int>(jobs_by_key.size()) < limit) jobs_by_key.push_back(std::move(job));
  }
  return jobs_by_key;
}

inline absl::Time Prune(MemoryTable<Occurrence>* table, absl::string_view schedule, int keep,
                        int limit) {
  std::vector<Occurrence> ended =
      Select(*table, [&](const Occurrence& o) { return o.schedule == schedule && !o.IsOpen(); });
  absl::Time until = absl::InfinitePast();
  for (int i = static_cast<int>(ended.size()) - keep - 1; i >= 0 && limit > 0; --i, --limit) {
    until = std::max(until, ended[i].nominal);
    table->Mutable().erase(ended[i].id);
  }
  return until;
}

}  // namespace memory

// The part of a transaction that is about schedules.
class MemoryScheduleTx : public WriteTx {
 public:
  explicit MemoryScheduleTx(MemoryStore::Tables* tables) : t_(*tables) {}

  absl::StatusOr<ScheduleState> GetScheduleState(absl::string_view name) override {
    return memory::Get(t_.schedules, "schedule", name);
  }
  absl::StatusOr<Page<ScheduleState>> ListScheduleStates(const PageRequest& page) override {
    return memory::List(t_.schedules, "schedules", page, [](const ScheduleState&) { return true; });
  }
  absl::StatusOr<Occurrence> GetOccurrence(absl::string_view id) override {
    return memory::Get(t_.occurrences, "occurrence", id);
  }
  absl::StatusOr<Page<Occurrence>> ListOccurrences(absl::string_view schedule,
                                                   const PageRequest& page) override {
    return memory::ListNewestFirst(t_.occurrences, absl::StrCat("occurrences ", schedule), page,
                                   [&](const Occurrence& o) { return o.schedule == schedule; });
  }
  absl::StatusOr<std::vector<Occurrence>> OpenOccurrences(absl::string_view schedule) override {
    return memory::Select(t_.occurrences, [&](const Occurrence& o) {
      return o.IsOpen() && (schedule.empty() || o.schedule == schedule);
    });
  }
  absl::StatusOr<std::vector<Occurrence>> OpenOccurrencesIn(OccurrenceState state) override {
    return memory::Select(t_.occurrences,
                          [&](const Occurrence& o) { return o.IsOpen() && o.state == state; });
  }
  absl::StatusOr<std::map<JobState, int64_t>> TallyJobs(absl::string_view prefix) override {
    return memory::TallyOf(t_.jobs, prefix);
  }
  absl::StatusOr<std::vector<Job>> JobsByKey(absl::string_view prefix, absl::string_view after,
                                             int limit) override {
    return memory::ByKey(t_.jobs, prefix, after, limit);
  }

  absl::Status InsertScheduleState(ScheduleState* value) override {
    return memory::Insert(&t_.schedules, "schedule", value->name, value);
  }
  absl::Status UpdateScheduleState(ScheduleState* value) override {
    return memory::Update(&t_.schedules, "schedule", value->name, value);
  }
  absl::Status InsertOccurrence(Occurrence* value) override {
    return memory::Insert(&t_.occurrences, "occurrence", value->id, value);
  }
  absl::Status UpdateOccurrence(Occurrence* value) override {
    return memory::Update(&t_.occurrences, "occurrence", value->id, value);
  }
  absl::StatusOr<absl::Time> PruneOccurrences(absl::string_view schedule, int keep,
                                              int limit) override {
    return memory::Prune(&t_.occurrences, schedule, keep, limit);
  }

 protected:
  MemoryStore::Tables& t_;
};

}  // namespace dbfleet::controller
