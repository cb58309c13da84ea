// Scheduler's part for occurrences that are under way (see scheduler.h).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/audit/recovery.h"
#include "controller/scheduler/run_tokens.h"
#include "controller/scheduler/scheduler.h"

namespace dbfleet::controller {
namespace {

// Pieces of each occurrence that are made before other things have their turn.
constexpr int kRounds = 20;

enum class Verdict { kLeave, kBegin, kBeginAndCancel, kDeleted, kSuspended, kTooLate };

// What becomes of one that waits. `open`: all open ones of the schedule.
Verdict Judge(const Occurrence& occurrence, const ScheduleState& state,
              const DeclaredSchedule* schedule, const std::vector<Occurrence>& open,
              const std::set<std::string>& ended, absl::Time now) {
  if (state.deleted || state.uid != occurrence.uid) return Verdict::kDeleted;
  if (schedule == nullptr) return Verdict::kLeave;  // It cannot be read just now.
  if (schedule->suspended && occurrence.requester.empty()) return Verdict::kSuspended;
  if (now > occurrence.nominal + schedule->times.start_within) return Verdict::kTooLate;
  OpenOccurrencesOf count;
  for (const Occurrence& other : open) {
    const bool begun = other.state != OccurrenceState::kPending && ended.count(other.id) == 0;
    if (begun && other.id != occurrence.id) ++count.running;
  }
  switch (DecideWaiting(schedule->overlap, count, occurrence.missed).step) {
    case BeginStep::kBegin:
      return Verdict::kBegin;
    case BeginStep::kBeginAndCancel:
      return Verdict::kBeginAndCancel;
    default:
      return Verdict::kLeave;
  }
}

// Where it was to run; "" if that is not known any more.
std::string PlaceOf(const Occurrence& occurrence, const DeclaredSchedule* schedule) {
  resource::v1::ScheduleSpec begun;
  if (begun.ParseFromString(occurrence.spec_blob) && !begun.environment().empty()) {
    return begun.environment();
  }
  return schedule == nullptr ? "" : schedule->environment;
}

absl::Status Unrun(WriteTx& tx, OccurrenceState state, absl::string_view reason,
                   absl::string_view message, absl::Time now, Occurrence occurrence,
                   const DeclaredSchedule* schedule) {
  EndUnrun(state, reason, message, now, &occurrence);
  RETURN_IF_ERROR(tx.UpdateOccurrence(&occurrence));
  return AuditOccurrence(tx, AccountOf(occurrence),
                         state == OccurrenceState::kSkipped ? "schedule.skip" : "schedule.cancel",
                         occurrence, PlaceOf(occurrence, schedule),
                         {{"reason", std::string(reason)}, {"message", std::string(message)}});
}

// Of each schedule the oldest whose time has come; missed ones only if there is no other, and in
// the order of their times: one that is not due yet, as it was missed by an earlier absence, holds
// up those behind it. `pending`: by schedule, uid and time.
std::vector<Occurrence> FirstOfEach(const std::vector<Occurrence>& pending, absl::Time now) {
  std::map<std::string, const Occurrence*> first;
  const Occurrence* oldest_missed = nullptr;  // Of the present uid.
  for (const Occurrence& occurrence : pending) {
    if (occurrence.missed) {
      const bool same = oldest_missed != nullptr && oldest_missed->uid == occurrence.uid;
      if (!same) oldest_missed = &occurrence;
      if (same && oldest_missed->due_time > now) continue;
    }
    if (occurrence.due_time > now) continue;
    const Occurrence*& best = first[occurrence.schedule];
    if (best == nullptr || (best->missed && !occurrence.missed)) best = &occurrence;
  }
  std::vector<Occurrence> chosen;
  for (const auto& [schedule, occurrence] : first) chosen.push_back(*occurrence);
  return chosen;
}

// A waiting occurrence as a reader saw it.
struct Waiting {
  Occurrence occurrence;
  std::optional<DeclaredSchedule> schedule;
  std::set<std::string> ended;
  absl::Time now;
};

absl::Status BeginOne(WriteTx& tx, const Waiting& waiting) {
  ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
  ASSIGN_OR_RETURN(Occurrence occurrence, tx.GetOccurrence(waiting.occurrence.id));
  if (in_recovery || occurrence.state != OccurrenceState::kPending) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ScheduleState state, tx.GetScheduleState(occurrence.schedule));
  const DeclaredSchedule* const schedule =
      waiting.schedule.has_value() ? &*waiting.schedule : nullptr;
  std::string not_entitled;
  if (schedule != nullptr && !state.deleted) {
    ASSIGN_OR_RETURN(const Resource resource, tx.GetResource(AccountOf(occurrence)));
    // Who ran it by hand answers for that run.
    ASSIGN_OR_RETURN(
        not_entitled,
        WhyNotEntitled(tx, occurrence.requester.empty() ? resource.editor : occurrence.requester,
                       schedule->environment));
    if (not_entitled.empty()) {
      ASSIGN_OR_RETURN(not_entitled, WhyRunTokenEnded(tx, occurrence, waiting.now));
    }
    if (resource.version != schedule->version) {
      return Error(absl::StatusCode::kAborted, "STALE", "the schedule was changed meanwhile");
    }
  }
  ASSIGN_OR_RETURN(std::vector<Occurrence> open, tx.OpenOccurrences(occurrence.schedule));
  const Verdict verdict = Judge(occurrence, state, schedule, open, waiting.ended, waiting.now);
  switch (verdict) {
    case Verdict::kLeave:
      return absl::OkStatus();
    case Verdict::kDeleted:
      return Unrun(tx, OccurrenceState::kCancelled, "SCHEDULE_DELETED",
                   "the schedule was deleted, or moved to another environment, before it began",
                   waiting.now, std::move(occurrence), schedule);
    case Verdict::kSuspended:
      return Unrun(tx, OccurrenceState::kSkipped, "SUSPENDED",
                   "the schedule was suspended before it began", waiting.now, std::move(occurrence),
                   schedule);
    case Verdict::kTooLate:
      return Unrun(tx, OccurrenceState::kSkipped, "TOO_LATE",
                   "it could not begin within the schedule's start_within", waiting.now,
                   std::move(occurrence), schedule);
    case Verdict::kBegin:
    case Verdict::kBeginAndCancel:
      break;
  }
  if (!not_entitled.empty()) {
    return Unrun(tx, OccurrenceState::kSkipped, kNotEntitled, not_entitled, waiting.now,
                 std::move(occurrence), schedule);
  }
  for (Occurrence& other : open) {
    if (waiting.ended.count(other.id) == 0) continue;
    other.end_time = waiting.now;
    RETURN_IF_ERROR(tx.UpdateOccurrence(&other));
  }
  std::erase_if(open, [](const Occurrence& other) { return !other.IsOpen(); });
  Begin(*schedule, waiting.now, &occurrence);
  RETURN_IF_ERROR(tx.UpdateOccurrence(&occurrence));
  RETURN_IF_ERROR(AuditOccurrence(
      tx, AccountOf(occurrence), "schedule.begin", occurrence, schedule->environment,
      {{"missed", occurrence.missed ? "true" : ""}, {"requester", occurrence.requester}}));
  if (verdict == Verdict::kBegin) return absl::OkStatus();
  return CancelOthers(tx, occurrence, std::move(open), waiting.now);
}

// No more jobs are made; those that are there go on, or are cancelled.
absl::Status StopSubmitting(WriteTx& tx, const std::string& id, absl::string_view reason,
                            absl::string_view message, absl::Time now) {
  ASSIGN_OR_RETURN(Occurrence occurrence, tx.GetOccurrence(id));
  if (occurrence.state != OccurrenceState::kSubmitting) return absl::OkStatus();
  if (occurrence.jobs == 0) {
    return Unrun(tx, OccurrenceState::kCancelled, reason, message, now, std::move(occurrence),
                 nullptr);
  }
  occurrence.state = OccurrenceState::kSubmitted;
  occurrence.reason = std::string(reason);
  occurrence.message = std::string(message);
  RETURN_IF_ERROR(tx.UpdateOccurrence(&occurrence));
  return AuditOccurrence(tx, AccountOf(occurrence), "schedule.cancel", occurrence,
                         PlaceOf(occurrence, nullptr),
                         {{"reason", std::string(reason)}, {"message", std::string(message)}});
}

}  // namespace

void Scheduler::StepOpen(absl::Time now) {
  BeginWaiting(now);
  bool more = true;
  for (int round = 0; more && round < kRounds; ++round) more = SubmitRound();
  if (clock_.Monotonic() - settled_at_ >= options_.settle) {
    settled_at_ = clock_.Monotonic();
    SettleSubmitted(now);
  }
  if (more) Wake();
}

void Scheduler::BeginWaiting(absl::Time now) {
  std::vector<Work> work;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Occurrence> pending,
                     tx.OpenOccurrencesIn(OccurrenceState::kPending));
    for (const Occurrence& occurrence : FirstOfEach(pending, now)) {
      if (Rests(occurrence.schedule)) continue;
      Waiting waiting{occurrence, std::nullopt, {}, now};
      const DeclaredSchedule* const schedule = Declared(occurrence.schedule);
      if (schedule != nullptr) waiting.schedule = *schedule;
      ASSIGN_OR_RETURN(const ScheduleState state, tx.GetScheduleState(occurrence.schedule));
      ASSIGN_OR_RETURN(const std::vector<Occurrence> open, tx.OpenOccurrences(occurrence.schedule));
      for (const Occurrence& other : open) {
        if (other.state != OccurrenceState::kSubmitted) continue;
        ASSIGN_OR_RETURN(const bool ended, JobsHaveEnded(tx, other));
        if (ended) waiting.ended.insert(other.id);
      }
      const Verdict verdict = Judge(occurrence, state, schedule, open, waiting.ended, now);
      if (verdict == Verdict::kLeave) continue;
      const bool begins = verdict == Verdict::kBegin || verdict == Verdict::kBeginAndCancel;
      work.push_back({occurrence.schedule,
                      [waiting = std::move(waiting)](WriteTx& t) { return BeginOne(t, waiting); },
                      [this, begins, name = occurrence.schedule](const absl::Status& outcome) {
                        if (!outcome.ok()) return NoteFailure(name, outcome);
                        (begins ? begun_total_ : skipped_total_).Increment();
                      }});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) NoteFailure("", status);
  RunAll(std::move(work));
}

Scheduler::Work Scheduler::WorkFor(Chunk chunk, std::function<void(const absl::Status&)> done) {
  auto shared = std::make_shared<const Chunk>(std::move(chunk));
  auto changes = std::make_shared<JobChanges>();
  return {shared->occurrence.schedule,
          [this, shared, changes](WriteTx& tx) -> absl::Status {
            ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
            if (in_recovery) return Error(absl::StatusCode::kAborted, "RECOVERY", "in recovery");
            FlowContext context{tx, clock_.Now(), AccountOf(shared->occurrence), {}};
            const absl::Status status = submitter_.Write(context, *shared);
            *changes = std::move(context.changes);
            return status;
          },
          [this, shared, changes, done = std::move(done)](const absl::Status& status) {
            if (status.ok()) hub_.Notify(*changes);
            if (status.ok() && shared->last) submitter_.Forget(shared->occurrence.id);
            done(status);
          }};
}

bool Scheduler::SubmitRound() {
  std::vector<Work> work;
  auto failed = std::make_shared<std::vector<Chunk>>();
  bool more = false;
  const absl::Time now = clock_.Now();
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Occurrence> submitting,
                     tx.OpenOccurrencesIn(OccurrenceState::kSubmitting));
    for (const Occurrence& occurrence : submitting) {
      const std::string& name = occurrence.schedule;
      if (Rests(name)) continue;
      const auto done = [this, name](const absl::Status& outcome) {
        if (!outcome.ok()) NoteFailure(name, outcome);
      };
      ASSIGN_OR_RETURN(const ScheduleState state, tx.GetScheduleState(name));
      const bool deleted = state.deleted || state.uid != occurrence.uid;
      if (deleted || occurrence.cancel_requested) {
        submitter_.Forget(occurrence.id);
        const std::string reason = deleted ? "SCHEDULE_DELETED" : occurrence.reason;
        const std::string message =
            deleted ? "the schedule was deleted before all jobs were made" : occurrence.message;
        work.push_back({name,
                        [id = occurrence.id, reason, message, now](WriteTx& t) {
                          return StopSubmitting(t, id, reason, message, now);
                        },
                        done});
        continue;
      }
      absl::StatusOr<Chunk> chunk = submitter_.Prepare(tx, occurrence, options_.chunk);
      if (absl::IsDataLoss(chunk.status())) {  // Another try would find the same.
        work.push_back({name,
                        [id = occurrence.id, why = std::string(chunk.status().message()),
                         now](WriteTx& t) { return StopSubmitting(t, id, "UNREADABLE", why, now); },
                        done});
        continue;
      }
      if (!chunk.ok()) {
        NoteFailure(name, chunk.status());
        continue;
      }
      more |= !chunk->last;
      work.push_back(WorkFor(*chunk, [this, name, failed, chunk = *chunk](const absl::Status& s) {
        if (s.ok()) return;
        if (IsWorthAnotherTry(s)) return NoteFailure(name, s);
        failed->push_back(chunk);
      }));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) {
    NoteFailure("", status);
    return false;
  }
  RunAll(std::move(work));
  for (const Chunk& chunk : *failed) SubmitOneByOne(chunk);
  return more;
}

// Something about one of them cannot be written: that one is refused, the others get their jobs.
void Scheduler::SubmitOneByOne(const Chunk& chunk) {
  for (size_t i = 0; i < std::max<size_t>(chunk.targets.size(), 1); ++i) {
    Chunk one = chunk.targets.empty() ? chunk : Only(chunk, i);
    absl::Status outcome;
    const auto note = [&outcome](const absl::Status& status) { outcome = status; };
    RunAll({WorkFor(one, note)});
    if (!outcome.ok() && !IsWorthAnotherTry(outcome) && !one.targets.empty()) {
      one.targets[0].refusal = outcome;
      RunAll({WorkFor(one, note)});
    }
    if (outcome.ok()) continue;
    NoteFailure(chunk.occurrence.schedule, outcome);
    return;
  }
}

void Scheduler::SettleSubmitted(absl::Time now) {
  std::vector<Work> work;
  std::vector<Occurrence> to_cancel;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Occurrence> submitted,
                     tx.OpenOccurrencesIn(OccurrenceState::kSubmitted));
    for (const Occurrence& occurrence : submitted) {
      ASSIGN_OR_RETURN(const bool ended, JobsHaveEnded(tx, occurrence));
      if (!ended && occurrence.cancel_requested) to_cancel.push_back(occurrence);
      if (!ended) continue;
      work.push_back({occurrence.schedule,
                      [id = occurrence.id, now](WriteTx& t) -> absl::Status {
                        ASSIGN_OR_RETURN(Occurrence current, t.GetOccurrence(id));
                        if (!current.IsOpen()) return absl::OkStatus();
                        current.end_time = now;
                        return t.UpdateOccurrence(&current);
                      },
                      [this, name = occurrence.schedule](const absl::Status& outcome) {
                        if (!outcome.ok()) NoteFailure(name, outcome);
                      }});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) NoteFailure("", status);
  RunAll(std::move(work));
  for (const Occurrence& occurrence : to_cancel) {
    // What is left is tried again at the next look.
    const absl::Status status = CancelJobsOf(occurrence, true, occurrence.message).status();
    if (!status.ok()) NoteFailure(occurrence.schedule, status);
  }
}

}  // namespace dbfleet::controller
