// Scheduler's part for occurrences whose time has come (see scheduler.h).
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/audit/recovery.h"
#include "controller/scheduler/scheduler.h"

namespace dbfleet::controller {
namespace {

// Old rows are taken away now and then, some more than were added meanwhile.
constexpr absl::Duration kPruneEach = absl::Seconds(16);
constexpr int kPruned = 64;

absl::Status Changed(absl::string_view what) {
  return Error(absl::StatusCode::kAborted, "STALE", absl::StrCat(what, " was changed meanwhile"));
}

OpenOccurrencesOf Count(const std::vector<Occurrence>& open) {
  OpenOccurrencesOf count;
  for (const Occurrence& occurrence : open) {
    if (occurrence.state != OccurrenceState::kPending) {
      ++count.running;
    } else if (!occurrence.missed) {
      ++count.waiting;
    }
  }
  return count;
}

}  // namespace

struct Scheduler::Decision {
  DeclaredSchedule schedule;
  ScheduleState state;
  Due due;
  std::set<std::string> ended;  // Open occurrences whose jobs have ended.
  absl::Time now;
  // What Write did, for the counters.
  std::shared_ptr<std::pair<int, int>> begun_and_skipped =
      std::make_shared<std::pair<int, int>>(0, 0);
};

void Scheduler::SetNext(const std::string& schedule, absl::Time at) {
  const auto former = next_.find(schedule);
  if (former != next_.end()) {
    queue_.erase({former->second, schedule});
    next_.erase(former);
  }
  if (at == absl::InfiniteFuture()) return;
  queue_.emplace(at, schedule);
  next_.emplace(schedule, at);
}

void Scheduler::Refresh(std::shared_ptr<const ScheduleBook> book, absl::Time now) {
  std::vector<ScheduleState> states;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    for (PageRequest page{1000, ""};;) {
      ASSIGN_OR_RETURN(Page<ScheduleState> found, tx.ListScheduleStates(page));
      for (ScheduleState& state : found.items) states.push_back(std::move(state));
      page.token = found.next_token;
      if (page.token.empty()) return absl::OkStatus();
    }
  });
  if (!status.ok()) {
    NoteFailure("", status);
    return;
  }
  for (const auto& [id, why] : book->unreadable) {
    log::Error("a schedule does not run", {{"schedule", id}, {"why", why}});
  }
  if (!FollowClock(&states, now)) return;
  book_ = std::move(book);
  wall_offset_ = now - absl::UnixEpoch() - clock_.Monotonic();
  queue_.clear();
  next_.clear();
  for (const ScheduleState& state : states) {
    const DeclaredSchedule* const schedule = Declared(state.name);
    if (schedule == nullptr || schedule->suspended || state.deleted) continue;
    const absl::Time from = LookFrom(state.decided_until, state.pruned_until, now);
    const std::vector<DueTime> next = NextTimes(state.uid, schedule->times, from, 1);
    if (!next.empty()) SetNext(state.name, next[0].due);
  }
}

// What was decided for times that lie ahead of now was so while the clock was wrong: from now on
// they are looked at again. False: it could not be stored, so it is done again with the next tick.
bool Scheduler::FollowClock(std::vector<ScheduleState>* states, absl::Time now) {
  bool stored = true;
  std::vector<Work> work;
  for (ScheduleState& state : *states) {
    if (state.deleted ||
        LookFrom(state.decided_until, absl::InfinitePast(), now) == state.decided_until) {
      continue;
    }
    state.decided_until = now;
    work.push_back({state.name,
                    [name = state.name, now](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(ScheduleState current, tx.GetScheduleState(name));
                      if (current.decided_until <= now) return absl::OkStatus();
                      current.decided_until = now;
                      return tx.UpdateScheduleState(&current);
                    },
                    [this, &stored, name = state.name](const absl::Status& status) {
                      stored &= status.ok();
                      if (!status.ok()) NoteFailure(name, status);
                    }});
  }
  if (!work.empty()) {
    log::Warn("the clock was set back; schedules go by it from now on",
              {{"schedules", absl::StrCat(work.size())}});
  }
  RunAll(std::move(work));
  return stored;
}

const DeclaredSchedule* Scheduler::Declared(const std::string& schedule) const {
  if (book_ == nullptr) return nullptr;
  const auto found = book_->schedules.find(schedule);
  return found == book_->schedules.end() ? nullptr : &found->second;
}

absl::StatusOr<Scheduler::Decision> Scheduler::Plan(const DeclaredSchedule& schedule,
                                                    absl::Time now) {
  Decision decision{schedule, {}, {}, {}, now};
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(decision.state, tx.GetScheduleState(schedule.name));
    ASSIGN_OR_RETURN(const std::vector<Occurrence> open, tx.OpenOccurrences(schedule.name));
    for (const Occurrence& occurrence : open) {
      if (occurrence.state != OccurrenceState::kSubmitted) continue;
      ASSIGN_OR_RETURN(const bool ended, JobsHaveEnded(tx, occurrence));
      if (ended) decision.ended.insert(occurrence.id);
    }
    return absl::OkStatus();
  }));
  const ScheduleState& state = decision.state;
  decision.due = DueSince(state.uid, schedule.times,
                          LookFrom(state.decided_until, state.pruned_until, now), now);
  return decision;
}

absl::Status Scheduler::Write(WriteTx& tx, const Decision& decision) {
  const DeclaredSchedule& schedule = decision.schedule;
  *decision.begun_and_skipped = {0, 0};
  ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
  if (in_recovery) return Changed("the controller's state");
  ASSIGN_OR_RETURN(ScheduleState state, tx.GetScheduleState(schedule.name));
  ASSIGN_OR_RETURN(const Resource resource,
                   tx.GetResource(absl::StrCat("schedules/", schedule.name)));
  if (state.version != decision.state.version || resource.version != schedule.version) {
    return Changed(resource.id);
  }
  const std::string account = absl::StrCat("schedules/", schedule.name);
  ASSIGN_OR_RETURN(const std::string not_entitled,
                   WhyNotEntitled(tx, resource.editor, schedule.environment));
  ASSIGN_OR_RETURN(std::vector<Occurrence> open, tx.OpenOccurrences(schedule.name));
  for (Occurrence& occurrence : open) {
    if (decision.ended.count(occurrence.id) == 0) continue;
    occurrence.end_time = decision.now;
    RETURN_IF_ERROR(tx.UpdateOccurrence(&occurrence));
  }
  std::erase_if(open, [](const Occurrence& occurrence) { return !occurrence.IsOpen(); });

  // Stores it; what was skipped while the clock was ahead of now may run after all.
  const auto store = [&](Occurrence* occurrence) -> absl::StatusOr<bool> {
    absl::StatusOr<Occurrence> former = tx.GetOccurrence(occurrence->id);
    if (absl::IsNotFound(former.status())) {
      RETURN_IF_ERROR(tx.InsertOccurrence(occurrence));
      return true;
    }
    RETURN_IF_ERROR(former.status());
    if (former->state != OccurrenceState::kSkipped || former->create_time <= decision.now) {
      return false;
    }
    occurrence->version = former->version;
    RETURN_IF_ERROR(tx.UpdateOccurrence(occurrence));
    return true;
  };
  const auto skip = [&](Occurrence occurrence, absl::string_view reason,
                        absl::string_view message) -> absl::Status {
    EndUnrun(OccurrenceState::kSkipped, reason, message, decision.now, &occurrence);
    ASSIGN_OR_RETURN(const bool stored, store(&occurrence));
    if (!stored) return absl::OkStatus();
    ++decision.begun_and_skipped->second;
    return AuditOccurrence(tx, account, "schedule.skip", occurrence, schedule.environment,
                           {{"reason", std::string(reason)}, {"message", std::string(message)}});
  };

  if (decision.due.skipped != absl::InfinitePast()) {
    Occurrence missed =
        NewOccurrence(state, decision.due.skipped, decision.due.skipped, decision.now);
    missed.missed = true;
    RETURN_IF_ERROR(skip(std::move(missed), "MISSED",
                         "its time, and any before it, passed while nobody looked"));
  }
  for (const DueTime& time : decision.due.run) {
    Occurrence occurrence = NewOccurrence(state, time.nominal, time.due, decision.now);
    occurrence.missed = time.missed;
    if (!not_entitled.empty()) {
      RETURN_IF_ERROR(skip(std::move(occurrence), kNotEntitled, not_entitled));
      continue;
    }
    const OverlapDecision step = time.missed ? OverlapDecision{BeginStep::kWait, "", ""}
                                             : DecideNew(schedule.overlap, Count(open));
    if (step.step == BeginStep::kSkip) {
      RETURN_IF_ERROR(skip(std::move(occurrence), step.reason, step.message));
      continue;
    }
    if (step.step != BeginStep::kWait) Begin(schedule, decision.now, &occurrence);
    ASSIGN_OR_RETURN(const bool stored, store(&occurrence));
    if (!stored) continue;  // It was decided before.
    if (step.step != BeginStep::kWait) {
      ++decision.begun_and_skipped->first;
      RETURN_IF_ERROR(
          AuditOccurrence(tx, account, "schedule.begin", occurrence, schedule.environment));
    }
    // The new one is there by now, whatever becomes of the others.
    if (step.step == BeginStep::kBeginAndCancel) {
      RETURN_IF_ERROR(CancelOthers(tx, occurrence, open, decision.now));
      ASSIGN_OR_RETURN(open, tx.OpenOccurrences(schedule.name));
    } else {
      open.push_back(std::move(occurrence));
    }
  }
  state.decided_until = decision.due.looked_until;
  if (JitterOf(state.uid, state.decided_until, kPruneEach) == absl::ZeroDuration()) {
    ASSIGN_OR_RETURN(const absl::Time pruned,
                     tx.PruneOccurrences(schedule.name, options_.keep, kPruned));
    state.pruned_until = std::max(state.pruned_until, pruned);
  }
  return tx.UpdateScheduleState(&state);
}

void Scheduler::DecideDue(absl::Time now) {
  std::vector<std::string> due;
  for (const auto& [at, schedule] : queue_) {
    if (at > now) break;
    if (!Rests(schedule)) due.push_back(schedule);
  }
  // As many at once as are committed together: what is planned long before it is written is stale.
  for (size_t begin = 0; begin < due.size(); begin += options_.group) {
    std::vector<Work> work;
    for (size_t i = begin; i < std::min(due.size(), begin + options_.group); ++i) {
      const std::string& name = due[i];
      const DeclaredSchedule* const schedule = Declared(name);
      if (schedule == nullptr) {
        SetNext(name, absl::InfiniteFuture());
        continue;
      }
      absl::StatusOr<Decision> planned = Plan(*schedule, now);
      if (!planned.ok()) {
        NoteFailure(name, planned.status());
        continue;
      }
      auto decision = std::make_shared<const Decision>(*std::move(planned));
      work.push_back({name, [this, decision](WriteTx& tx) { return Write(tx, *decision); },
                      [this, decision, name](const absl::Status& status) {
                        if (!status.ok()) {
                          NoteFailure(name, status);
                          return;
                        }
                        SetNext(name, decision->due.next);
                        begun_total_.Increment(decision->begun_and_skipped->first);
                        skipped_total_.Increment(decision->begun_and_skipped->second);
                      }});
    }
    RunAll(std::move(work));
  }
}

}  // namespace dbfleet::controller
