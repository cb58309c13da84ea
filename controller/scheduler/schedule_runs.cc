#include "controller/scheduler/schedule_runs.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/audit/recovery.h"
#include "controller/domain/transitions.h"
#include "controller/identity/request_keys.h"
#include "controller/resources/access.h"
#include "controller/resources/kinds.h"
#include "controller/resources/schedule_source.h"
#include "controller/resources/scheduled_job.h"
#include "controller/resources/view.h"
#include "controller/scheduler/run_tokens.h"
#include "controller/scheduler/scheduler.h"
#include "controller/store/filtered_page.h"

namespace dbfleet::controller {
namespace {

constexpr int kJobsLookedAt = 200;
constexpr size_t kJobsShown = 20;

// Runs that are asked for in the same second are numbered, so that their ids, by which they are
// listed, have the order in which they were asked for.
absl::StatusOr<std::string> IdByHand(ReadTx& tx, const std::string& of_second) {
  for (int number = 1;; ++number) {
    std::string id = absl::StrFormat("%s-%04d", of_second, number);
    const absl::Status found = tx.GetOccurrence(id).status();
    if (absl::IsNotFound(found)) return id;
    RETURN_IF_ERROR(found);
  }
}

absl::StatusOr<DeclaredSchedule> Find(ReadTx& tx, const std::string& name) {
  const absl::StatusOr<Resource> resource = tx.GetResource(absl::StrCat("schedules/", name));
  if (absl::IsNotFound(resource.status())) {
    return Error(absl::StatusCode::kNotFound, "SCHEDULE_NOT_FOUND",
                 absl::StrCat("there is no schedule \"", SanitizeForDisplay(Truncate(name, 100)),
                              "\"; see: dbfleet schedule list"));
  }
  RETURN_IF_ERROR(resource.status());
  return ScheduleIn(*resource);
}

std::string MessageOf(const Occurrence& occurrence, RunState state,
                      const std::map<JobState, int64_t>& jobs) {
  if (!occurrence.message.empty()) return occurrence.message;
  int64_t found = 0, succeeded = 0;
  for (const auto& [job_state, count] : jobs) {
    found += count;
    if (job_state == JobState::kSucceeded) succeeded += count;
  }
  if (state == RunState::kUnknown) {
    return absl::StrCat(occurrence.jobs - found, " of its ", occurrence.jobs,
                        " jobs are no longer stored");
  }
  if (state != RunState::kFailed) return "";
  return absl::StrCat(found - succeeded, " of ", found, " jobs did not succeed");
}

// Without the jobs' ids.
absl::StatusOr<OccurrenceView> StandingOf(ReadTx& tx, Occurrence occurrence) {
  OccurrenceView view;
  ASSIGN_OR_RETURN(view.jobs, tx.TallyJobs(JobKeysOf(occurrence)));
  view.state = StateOf(occurrence, view.jobs);
  view.message = MessageOf(occurrence, view.state, view.jobs);
  view.occurrence = std::move(occurrence);
  return view;
}

absl::StatusOr<OccurrenceView> ViewOf(ReadTx& tx, Occurrence occurrence) {
  ASSIGN_OR_RETURN(OccurrenceView view, StandingOf(tx, occurrence));
  ASSIGN_OR_RETURN(std::vector<Job> jobs, tx.JobsByKey(JobKeysOf(occurrence), "", kJobsLookedAt));
  std::stable_partition(jobs.begin(), jobs.end(),
                        [](const Job& job) { return job.state != JobState::kSucceeded; });
  for (const Job& job : jobs) {
    if (view.job_ids.size() < kJobsShown) view.job_ids.push_back(job.id);
  }
  return view;
}

// Of the schedule that has the name now: another one that had it before may have been about another
// environment.
absl::StatusOr<Page<Occurrence>> OwnOccurrences(ReadTx& tx, const ScheduleState& state,
                                                const PageRequest& page) {
  return FilteredPage<Occurrence>(
      [&](const PageRequest& part) { return tx.ListOccurrences(state.name, part); },
      [&](const Occurrence& occurrence) -> absl::StatusOr<bool> {
        return occurrence.uid == state.uid;
      },
      page);
}

// Up to `count` that are due behind `now`.
std::vector<DueTime> TimesToCome(const DeclaredSchedule& declared, const ScheduleState& state,
                                 absl::Time now, size_t count) {
  // One whose jitter has not passed is still to come; jitters are no longer than intervals.
  const absl::Time from =
      std::max(LookFrom(state.decided_until, state.pruned_until, now), now - declared.times.jitter);
  std::vector<DueTime> times = NextTimes(state.uid, declared.times, from, count + 2);
  std::erase_if(times, [&](const DueTime& time) { return time.due <= now; });
  if (times.size() > count) times.resize(count);
  return times;
}

absl::StatusOr<ScheduleView> ViewOf(ReadTx& tx, const Resource& resource, absl::Time now) {
  ScheduleView view;
  view.name = resource.id.substr(resource.id.find('/') + 1);
  const absl::StatusOr<DeclaredSchedule> declared = ScheduleIn(resource);
  if (!declared.ok()) {
    view.problem = std::string(declared.status().message());
    return view;
  }
  view.environment = declared->environment;
  view.cron = declared->spec.cron();
  view.time_zone = declared->time_zone;
  view.suspended = declared->suspended;
  const resource::v1::ScheduledJob& job = declared->spec.job();
  view.action = job.has_planned() ? job.planned().action() : std::string(ActionOf(job));
  ASSIGN_OR_RETURN(const ScheduleState state, tx.GetScheduleState(view.name));
  ASSIGN_OR_RETURN(Page<Occurrence> last, OwnOccurrences(tx, state, {20, ""}));
  if (!last.items.empty()) {
    ASSIGN_OR_RETURN(view.last, StandingOf(tx, std::move(last.items[0])));
  }
  if (view.suspended) return view;
  const std::vector<DueTime> times = TimesToCome(*declared, state, now, 1);
  if (!times.empty()) view.next = times[0].due;
  ASSIGN_OR_RETURN(view.problem, WhyNotEntitled(tx, resource.editor, view.environment));
  return view;
}

}  // namespace

RunState StateOf(const Occurrence& occurrence, const std::map<JobState, int64_t>& jobs) {
  switch (occurrence.state) {
    case OccurrenceState::kPending:
      return RunState::kPending;
    case OccurrenceState::kSubmitting:
      return RunState::kSubmitting;
    case OccurrenceState::kSkipped:
      return RunState::kSkipped;
    case OccurrenceState::kCancelled:
      return RunState::kCancelled;
    case OccurrenceState::kSubmitted:
      break;
  }
  int64_t found = 0;
  bool all_succeeded = true, cancelled = false, failed = false;
  for (const auto& [state, count] : jobs) {
    if (!IsTerminal(state)) return RunState::kRunning;
    found += count;
    all_succeeded &= state == JobState::kSucceeded;
    cancelled |= state == JobState::kCancelled;
    failed |= state != JobState::kSucceeded && state != JobState::kCancelled;
  }
  if (!occurrence.reason.empty() && occurrence.refused == 0 && occurrence.targets > 0) {
    return RunState::kCancelled;  // Not all of it was to be done in the end.
  }
  if (cancelled && !failed && occurrence.refused == 0) return RunState::kCancelled;
  if (!all_succeeded || occurrence.refused > 0 || occurrence.targets == 0) return RunState::kFailed;
  return found < occurrence.jobs ? RunState::kUnknown : RunState::kSucceeded;
}

absl::StatusOr<ScheduleTimesView> ScheduleRuns::Next(const std::string& schedule, size_t count) {
  ScheduleTimesView view;
  const absl::Time now = clock_.Now();
  std::optional<DeclaredSchedule> declared;
  ScheduleState state;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(declared, Find(tx, schedule));
    ASSIGN_OR_RETURN(state, tx.GetScheduleState(schedule));
    return absl::OkStatus();
  }));
  view.time_zone = declared->time_zone;
  view.suspended = declared->suspended;
  view.times = TimesToCome(*declared, state, now, count);
  return view;
}

absl::StatusOr<Page<ScheduleView>> ScheduleRuns::Schedules(const PageRequest& page,
                                                           const Rights& rights) {
  Page<ScheduleView> views;
  const ResourceKind& kind = *FindResourceKind(kScheduleKind);
  const absl::Time now = clock_.Now();
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(
        const Page<Resource> found,
        FilteredPage<Resource>(
            [&](const PageRequest& part) { return tx.ListResources(kScheduleKind, part); },
            [&](const Resource& resource) -> absl::StatusOr<bool> {
              return MaySee(rights, kind, StoredReach(kind, resource));
            },
            page));
    for (const Resource& resource : found.items) {
      ASSIGN_OR_RETURN(ScheduleView view, ViewOf(tx, resource, now));
      views.items.push_back(std::move(view));
    }
    views.next_token = found.next_token;
    return absl::OkStatus();
  }));
  return views;
}

absl::StatusOr<OccurrenceView> ScheduleRuns::Get(const std::string& id) {
  OccurrenceView view;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Occurrence occurrence, tx.GetOccurrence(id));
    ASSIGN_OR_RETURN(const ScheduleState state, tx.GetScheduleState(occurrence.schedule));
    if (occurrence.uid != state.uid) {
      return Error(absl::StatusCode::kNotFound, "OCCURRENCE_NOT_FOUND",
                   absl::StrCat("there is no occurrence ", id, " of the schedule that is called ",
                                occurrence.schedule, " now"));
    }
    ASSIGN_OR_RETURN(view, ViewOf(tx, std::move(occurrence)));
    return absl::OkStatus();
  }));
  return view;
}

absl::StatusOr<Page<OccurrenceView>> ScheduleRuns::List(const std::string& schedule,
                                                        const PageRequest& page) {
  Page<OccurrenceView> views;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    // One that never was is an error; one that was deleted has its history.
    const absl::StatusOr<ScheduleState> state = tx.GetScheduleState(schedule);
    if (absl::IsNotFound(state.status())) return Find(tx, schedule).status();
    RETURN_IF_ERROR(state.status());
    ASSIGN_OR_RETURN(Page<Occurrence> found, OwnOccurrences(tx, *state, page));
    for (Occurrence& occurrence : found.items) {
      ASSIGN_OR_RETURN(OccurrenceView view, ViewOf(tx, std::move(occurrence)));
      views.items.push_back(std::move(view));
    }
    views.next_token = found.next_token;
    return absl::OkStatus();
  }));
  return views;
}

absl::StatusOr<OccurrenceView> ScheduleRuns::Run(const RequestMeta& meta,
                                                 const std::string& schedule,
                                                 const std::string& reason) {
  std::set<std::string> ended;  // Looked at here, as it is no work for the writer.
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Occurrence> open, tx.OpenOccurrences(schedule));
    for (const Occurrence& occurrence : open) {
      if (occurrence.state != OccurrenceState::kSubmitted) continue;
      ASSIGN_OR_RETURN(const bool over, JobsHaveEnded(tx, occurrence));
      if (over) ended.insert(occurrence.id);
    }
    return absl::OkStatus();
  }));
  const class RequestKey key("schedule.run", meta.principal, meta.request_id, {schedule});
  std::string id;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(id, key.FindMade(tx, now));
    if (!id.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
    if (in_recovery) {
      return Error(absl::StatusCode::kFailedPrecondition, "IN_RECOVERY",
                   "the controller is in RECOVERY, in which schedules do not run; see: "
                   "dbfleet-controller recover");
    }
    ASSIGN_OR_RETURN(const DeclaredSchedule declared, Find(tx, schedule));
    if (declared.spec.job().has_planned()) {
      return Error(absl::StatusCode::kFailedPrecondition, "NO_ACTION",
                   absl::StrCat("schedules/", schedule, " is for what this version cannot do: ",
                                declared.spec.job().planned().action()));
    }
    ASSIGN_OR_RETURN(const std::vector<Occurrence> open, tx.OpenOccurrences(schedule));
    OpenOccurrencesOf count;
    std::string busy;
    for (const Occurrence& other : open) {
      if (ended.count(other.id) != 0) continue;
      const bool pending = other.state == OccurrenceState::kPending;
      if (pending && other.missed) continue;
      ++(pending ? count.waiting : count.running);
      busy = other.id;
    }
    const OverlapDecision decision = DecideNew(declared.overlap, count);
    if (decision.step == BeginStep::kSkip) {
      return Error(
          absl::StatusCode::kFailedPrecondition, "SCHEDULE_BUSY",
          absl::StrCat(decision.message, " (", busy,
                       "), and the schedule says overlap: ", declared.spec.overlap(),
                       "; wait for it, or cancel its jobs: dbfleet schedule history ", schedule));
    }
    ASSIGN_OR_RETURN(ScheduleState state, tx.GetScheduleState(schedule));
    if (AddDeclarer(meta.principal, &state)) RETURN_IF_ERROR(tx.UpdateScheduleState(&state));
    Occurrence occurrence = NewOccurrence(state, now, now, now);
    ASSIGN_OR_RETURN(occurrence.id, IdByHand(tx, occurrence.id));
    occurrence.requester = meta.principal;
    RETURN_IF_ERROR(tx.InsertOccurrence(&occurrence));
    RETURN_IF_ERROR(NoteRunToken(tx, occurrence, meta.token_id));
    id = occurrence.id;
    RETURN_IF_ERROR(key.Remember(tx, id, now));
    return AuditOccurrence(tx, meta.principal, "schedule.run", occurrence, declared.environment,
                           {{"reason", reason}, {"token", meta.token_id}});
  }));
  wake_();
  return Get(id);
}

}  // namespace dbfleet::controller
