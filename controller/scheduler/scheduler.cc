#include "controller/scheduler/scheduler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/log/log.h"
#include "controller/audit/recovery.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {

std::string JobKeysOf(const Occurrence& occurrence) {
  return absl::StrCat(AccountOf(occurrence), " ", occurrence.id, "/");
}

std::string AccountOf(const Occurrence& occurrence) {
  return absl::StrCat("schedules/", occurrence.schedule);
}

absl::StatusOr<bool> JobsHaveEnded(ReadTx& tx, const Occurrence& occurrence) {
  ASSIGN_OR_RETURN(const auto tally, tx.TallyJobs(JobKeysOf(occurrence)));
  for (const auto& [state, count] : tally) {
    if (!IsTerminal(state)) return false;
  }
  return true;
}

absl::Status AuditOccurrence(WriteTx& tx, absl::string_view actor, absl::string_view action,
                             const Occurrence& occurrence, absl::string_view environment,
                             std::map<std::string, std::string> details) {
  details["occurrence"] = occurrence.id;
  details["nominal"] = absl::FormatTime(absl::RFC3339_sec, occurrence.nominal, absl::UTCTimeZone());
  std::erase_if(details, [](const auto& detail) { return detail.second.empty(); });
  return tx.AppendAudit({std::string(actor), std::string(action), AccountOf(occurrence),
                         std::string(environment), std::move(details)});
}

void EndUnrun(OccurrenceState state, absl::string_view reason, absl::string_view message,
              absl::Time now, Occurrence* occurrence) {
  occurrence->state = state;
  occurrence->reason = std::string(reason);
  occurrence->message = std::string(message);
  occurrence->end_time = now;
}

Occurrence NewOccurrence(const ScheduleState& state, absl::Time nominal, absl::Time due,
                         absl::Time now) {
  Occurrence occurrence;
  occurrence.id = OccurrenceId(state.uid, nominal);
  occurrence.schedule = state.name;
  occurrence.uid = state.uid;
  occurrence.nominal = nominal;
  occurrence.due_time = due;
  occurrence.create_time = now;
  return occurrence;
}

void Begin(const DeclaredSchedule& schedule, absl::Time now, Occurrence* occurrence) {
  occurrence->state = OccurrenceState::kSubmitting;
  occurrence->begin_time = now;
  occurrence->spec_blob = schedule.spec.SerializeAsString();
}

absl::Status CancelOthers(WriteTx& tx, const Occurrence& by, std::vector<Occurrence> open,
                          absl::Time now) {
  for (Occurrence& other : open) {
    if (other.id == by.id || other.cancel_requested) continue;
    if (other.state == OccurrenceState::kPending) {
      EndUnrun(OccurrenceState::kSkipped, "SUPERSEDED",
               absl::StrCat("a later run, ", by.id, ", has begun"), now, &other);
    } else {
      other.cancel_requested = true;
      other.reason = "SUPERSEDED";
      other.message = absl::StrCat("cancelled by a later run, ", by.id);
    }
    RETURN_IF_ERROR(tx.UpdateOccurrence(&other));
  }
  return absl::OkStatus();
}

Scheduler::Scheduler(SchedulerOptions options, Store& store, JobManager& jobs, JobHub& hub,
                     ScheduleSource& source, Clock& clock, Executor& executor,
                     metrics::Registry& metrics)
    : options_(options),
      store_(store),
      jobs_(jobs),
      hub_(hub),
      source_(source),
      clock_(clock),
      schedules_gauge_(metrics.GetGauge("dbfleet_schedules", "Declared schedules.")),
      begun_total_(metrics.GetCounter("dbfleet_schedule_runs_total",
                                      "Runs of schedules that began since the start.")),
      skipped_total_(metrics.GetCounter("dbfleet_schedule_skips_total",
                                        "Runs of schedules that were skipped since the start.")),
      failures_total_(metrics.GetCounter(
          "dbfleet_schedule_failures_total",
          "Looks at a schedule that failed since the start; they are repeated.")),
      submitter_(jobs),
      ticker_(options.tick, clock, executor, [this] { Tick(); }) {}

void Scheduler::Tick() {
  const absl::Time now = clock_.Now();
  bool in_recovery = false;
  std::string recovered, handled;
  std::shared_ptr<const ScheduleBook> book;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(in_recovery, InRecovery(tx));
    ASSIGN_OR_RETURN(recovered, LastRecovery(tx));
    ASSIGN_OR_RETURN(handled, tx.GetSetting(kRecoveryHandled));
    ASSIGN_OR_RETURN(book, source_.Read(tx));
    return absl::OkStatus();
  });
  if (!status.ok()) {
    NoteFailure("", status);
    return;
  }
  schedules_gauge_.Set(static_cast<double>(book->schedules.size()));
  if (in_recovery) return;
  if (recovered != handled) {
    SettleRestore(recovered);
    return;
  }
  if (book != book_ || absl::AbsDuration(now - absl::UnixEpoch() - clock_.Monotonic() -
                                         wall_offset_) > absl::Seconds(2)) {
    Refresh(std::move(book), now);
  }
  DecideDue(now);
  StepOpen(now);
}

namespace {

// Shared with the store's callbacks, the last of which may still be on its way out when the waiter
// goes on.
struct Outcomes {
  Mutex mutex;
  CondVar changed;
  size_t left ABSL_GUARDED_BY(mutex) = 0;
  std::vector<absl::Status> of ABSL_GUARDED_BY(mutex);
};

}  // namespace

void Scheduler::RunAll(std::vector<Work> work) {
  for (size_t begin = 0; begin < work.size(); begin += options_.group) {
    const size_t size = std::min<size_t>(work.size() - begin, options_.group);
    auto outcomes = std::make_shared<Outcomes>();
    {
      MutexLock lock(&outcomes->mutex);
      outcomes->left = size;
      outcomes->of.resize(size);
    }
    for (size_t i = 0; i < size; ++i) {
      store_.Mutate(std::move(work[begin + i].mutation), [outcomes, i](absl::Status status) {
        MutexLock lock(&outcomes->mutex);
        outcomes->of[i] = std::move(status);
        if (--outcomes->left == 0) outcomes->changed.SignalAll();
      });
    }
    std::vector<absl::Status> ended;
    {
      MutexLock lock(&outcomes->mutex);
      while (outcomes->left > 0) outcomes->changed.Wait(&outcomes->mutex);
      ended = std::move(outcomes->of);
    }
    for (size_t i = 0; i < size; ++i) {
      if (work[begin + i].done) work[begin + i].done(ended[i]);
    }
  }
}

bool Scheduler::Rests(const std::string& schedule) const {
  const auto rests = resting_.find(schedule);
  return rests != resting_.end() && rests->second > clock_.Monotonic();
}

void Scheduler::NoteFailure(const std::string& schedule, const absl::Status& status) {
  if (absl::IsAborted(status)) return;  // Worked out anew with the next tick.
  failures_total_.Increment();
  log::Error("a schedule could not be looked at; it is tried again",
             {{"schedule", schedule}, {"why", std::string(status.message())}});
  if (!schedule.empty()) resting_[schedule] = clock_.Monotonic() + options_.retry_after;
}

}  // namespace dbfleet::controller
