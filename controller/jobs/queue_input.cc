// JobFlow's part for the queues of windows: what a job's turn rests on (see job_flow.h).
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/agent_ability.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

bool HasBegun(JobState state) {
  return state == JobState::kRolling || state == JobState::kPaused ||
         state == JobState::kRollingBack || state == JobState::kCancelling;
}

// What is left of a job that was interrupted takes its share of the whole.
absl::StatusOr<absl::Duration> NeedOf(ReadTx& tx, const std::string& job_id, JobState state,
                                      absl::Duration estimate) {
  if (!HasBegun(state)) return estimate;
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job_id));
  const auto left = std::count_if(tasks.begin(), tasks.end(),
                                  [](const Task& task) { return !IsTerminal(task.state); });
  if (tasks.empty()) return estimate;
  return estimate * static_cast<int64_t>(left) / static_cast<int64_t>(tasks.size());
}

// The same of one that runs: less what has passed since its oldest open attempt began. One that
// takes longer than was thought is expected to end at any moment.
absl::StatusOr<absl::Duration> LeftOf(ReadTx& tx, const QueuedJob& job, absl::Time now) {
  ASSIGN_OR_RETURN(const absl::Duration needs, NeedOf(tx, job.id, job.state, job.estimate));
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
  absl::Duration passed = absl::ZeroDuration();
  for (const Attempt& attempt : open) {
    if (attempt.start_time == absl::InfinitePast()) continue;
    passed = std::max(passed, now - attempt.start_time);
  }
  return std::max(needs - passed, absl::ZeroDuration());
}

// Could one of these tasks of the job begin now (JobFlow::CouldBegin)?
using CouldGoOn = std::function<absl::StatusOr<bool>(const Job&, absl::Span<const Task>)>;

absl::StatusOr<std::vector<Task>> PendingOf(ReadTx& tx, const std::string& job_id) {
  ASSIGN_OR_RETURN(std::vector<Task> tasks, tx.TasksOfJob(job_id));
  std::erase_if(tasks, [](const Task& task) { return task.state != TaskState::kPending; });
  return tasks;
}

// Some attempt of it may be executing.
absl::StatusOr<bool> IsAtWork(ReadTx& tx, const std::string& job_id) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job_id));
  return std::any_of(open.begin(), open.end(), [](const Attempt& attempt) {
    return attempt.state == AttemptState::kGranted || attempt.state == AttemptState::kRunning;
  });
}

// Whether it has one of its window's places: it has begun, and a part of it runs or follows by
// itself. One that waits for a person, for the window, or for agents that are away leaves its place
// to others: nobody knows for how long.
absl::StatusOr<bool> HasPlace(ReadTx& tx, const QueuedJob& job, const CouldGoOn& could_go_on) {
  if (!HasBegun(job.state)) return false;
  if (job.state == JobState::kPaused && job.error_reason == kBetweenWaves) return true;
  ASSIGN_OR_RETURN(const bool at_work, IsAtWork(tx, job.id));
  if (at_work) return true;
  if (job.state != JobState::kRolling) return false;
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, PendingOf(tx, job.id));
  if (tasks.empty()) return false;
  const absl::StatusOr<Job> begun = tx.GetJob(job.id);
  // Nothing of it runs, and nothing will before somebody has mended the store.
  if (absl::IsDataLoss(begun.status())) return false;
  RETURN_IF_ERROR(begun.status());
  return could_go_on(*begun, tasks);
}

// By its state it may wait for its turn alone.
bool MayBeReady(const QueuedJob& job) {
  return job.state == JobState::kReady ||
         (job.state == JobState::kPaused && job.error_reason == kWindowClosed);
}

}  // namespace

absl::Status JobFlow::AddQueue(ReadTx& tx, absl::Span<const Task> tasks, const WindowBook* book,
                               PolicyInput* input) const {
  const Job& job = input->job;
  PolicyInput::Queue& queue = input->queue;
  const DeclaredWindow* const window = book == nullptr ? nullptr : book->Find(job.queue.window);
  if (window != nullptr) queue.window = *window;
  for (const Task& task : tasks) {
    if (window == nullptr || IsTerminal(task.state)) continue;
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(task.instance_id));
    if (window->Selects(job.environment, instance.labels)) continue;
    // A backup and its verification are about the same target.
    std::vector<std::string>& names = queue.uncovered;
    const std::string name = task.Target();
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  // What was let begin in this occurrence is not measured again; one that was paused since has left
  // its place.
  queue.under_way =
      HasBegun(job.state) && job.state != JobState::kPaused && input->now < job.queue.until;
  queue.needs = job.queue.estimate;
  if (queue.under_way) return absl::OkStatus();
  ASSIGN_OR_RETURN(queue.needs, NeedOf(tx, job.id, job.state, job.queue.estimate));
  return absl::OkStatus();
}

absl::StatusOr<QueueReading*> JobFlow::ReadQueue(ReadTx& tx, const std::string& window,
                                                 absl::Time now, QueueReadings* readings) const {
  if (QueueReading* const found = readings->Find(window); found != nullptr) return found;
  QueueReading reading;
  reading.time = now;
  ASSIGN_OR_RETURN(reading.queued, tx.JobsQueuedFor(window));
  const CouldGoOn could_go_on = [&](const Job& begun, absl::Span<const Task> tasks) {
    return CouldBegin(tx, begun, tasks);
  };
  for (const QueuedJob& job : reading.queued) {
    QueueEntry& entry = reading.entries.emplace_back();
    entry = {job.id, job.priority, job.create_time, job.estimate};
    ASSIGN_OR_RETURN(const bool runs, HasPlace(tx, job, could_go_on));
    if (!runs) continue;
    entry.state = QueueEntry::State::kRuns;
    ASSIGN_OR_RETURN(entry.needs, LeftOf(tx, job, now));
  }
  reading.looked.resize(reading.entries.size());
  return readings->Keep(window, std::move(reading));
}

absl::StatusOr<std::vector<QueueEntry>> JobFlow::QueueOf(ReadTx& tx, const std::string& window,
                                                         absl::Time now) const {
  QueueReadings readings;
  ASSIGN_OR_RETURN(QueueReading* const reading, ReadQueue(tx, window, now, &readings));
  return std::move(reading->entries);
}

absl::Status JobFlow::AddOthers(ReadTx& tx, const PolicyDecision& alone, QueueReadings* readings,
                                PolicyInput* input) const {
  const Job& job = input->job;
  ASSIGN_OR_RETURN(QueueReading* const reading,
                   ReadQueue(tx, job.queue.window, input->now, readings));
  const QueueEntry mine{job.id, job.queue.priority, job.create_time, job.queue.estimate};
  // Whether the others are ready is asked only where the answer decides.
  // There may be no window any more, where that is waived.
  const bool decides = alone.allowed() && input->queue.window.has_value();
  int free = decides ? input->queue.window->parallel : 0;
  for (const QueueEntry& entry : reading->entries) {
    if (entry.state == QueueEntry::State::kRuns && entry.job != job.id) --free;
  }
  for (size_t i = 0; i < reading->entries.size() && free > 0; ++i) {
    if (!ComesBefore(reading->entries[i], mine)) continue;
    RETURN_IF_ERROR(LookIfReady(tx, input->now, i, reading));
    if (reading->entries[i].state == QueueEntry::State::kReady) --free;
  }
  input->queue.others = reading->entries;
  std::erase_if(input->queue.others, [&](const QueueEntry& entry) { return entry.job == job.id; });
  return absl::OkStatus();
}

absl::StatusOr<bool> JobFlow::HasLostPlace(ReadTx& tx, const PolicyInput& input,
                                           QueueReadings* all) const {
  const Job& job = input.job;
  if (!input.queue.window.has_value()) return false;
  ASSIGN_OR_RETURN(const bool at_work, IsAtWork(tx, job.id));
  if (at_work) return false;
  ASSIGN_OR_RETURN(QueueReading* const reading, ReadQueue(tx, job.queue.window, input.now, all));
  const auto others =
      std::count_if(reading->entries.begin(), reading->entries.end(), [&](const QueueEntry& entry) {
        return entry.state == QueueEntry::State::kRuns && entry.job != job.id;
      });
  return others >= input.queue.window->parallel;
}

absl::Status JobFlow::LookIfReady(ReadTx& tx, absl::Time now, size_t at,
                                  QueueReading* reading) const {
  QueueEntry* const entry = &reading->entries[at];
  if (reading->looked[at]) return absl::OkStatus();
  reading->looked[at] = true;
  if (entry->state == QueueEntry::State::kRuns || !MayBeReady(reading->queued[at])) {
    return absl::OkStatus();
  }
  // It is no trouble of this job if another one cannot be read, which is told where that is looked
  // at.
  const absl::StatusOr<Job> other = tx.GetJob(entry->job);
  if (absl::IsDataLoss(other.status())) return absl::OkStatus();
  RETURN_IF_ERROR(other.status());
  const Job& job = *other;
  if (job.cancel_requested || now >= job.expire_time) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, PendingOf(tx, job.id));
  if (tasks.empty()) return absl::OkStatus();
  PolicyInput input;
  const absl::StatusOr<PolicyDecision> decision = EvaluateAlone(tx, job, tasks, now, &input);
  if (!decision.ok() || !decision->allowed()) return absl::OkStatus();
  if (PolicyChanged(input)) return absl::OkStatus();
  const absl::StatusOr<std::string> too_old = WhyAgentsAreTooOld(tx, input, *decision);
  if (!too_old.ok() || !too_old->empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool could, CouldBegin(tx, job, tasks));
  if (!could) return absl::OkStatus();
  entry->needs = input.queue.needs;
  entry->closes = decision->closes;
  entry->state = QueueEntry::State::kReady;
  return absl::OkStatus();
}

absl::StatusOr<bool> JobFlow::IsServed(ReadTx& tx, const Task& task) const {
  ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(task.instance_id));
  ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(instance.agent_id));
  if (instance.removed || agent.revoked || agent.quarantined || agent.draining) return false;
  return takes_work_ == nullptr || takes_work_(agent.id);
}

absl::StatusOr<bool> JobFlow::CouldBegin(ReadTx& tx, const Job& job,
                                         absl::Span<const Task> tasks) const {
  const auto first = std::min_element(
      tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return a.stage < b.stage; });
  for (const Task& task : tasks) {
    if (task.stage != first->stage) continue;
    ASSIGN_OR_RETURN(const bool served, IsServed(tx, task));
    if (!served) continue;
    ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfInstance(task.instance_id));
    bool busy = false;
    for (const Attempt& attempt : open) {
      if (attempt.job_id == job.id || !HoldsInstance(attempt.state)) continue;
      ASSIGN_OR_RETURN(const Job other, tx.GetJob(attempt.job_id));
      busy |= IsExclusive(other.kind, attempt.purpose);
    }
    if (!busy || !IsExclusive(job.kind, Purpose::kExecute)) return true;
  }
  return false;
}

absl::StatusOr<std::vector<std::string>> JobFlow::NextInQueue(ReadTx& tx, const std::string& window,
                                                              absl::Time now) const {
  std::vector<std::string> next;
  ASSIGN_OR_RETURN(const std::shared_ptr<const WindowBook> book, Windows(tx));
  const DeclaredWindow* const declared = book == nullptr ? nullptr : book->Find(window);
  if (declared == nullptr) return next;
  const std::optional<Span> occurrence = NextCoverage(declared->window.times, now);
  if (!occurrence.has_value() || !occurrence->Contains(now)) return next;
  QueueReadings readings;
  ASSIGN_OR_RETURN(QueueReading* const reading, ReadQueue(tx, window, now, &readings));
  const std::vector<QueueEntry>& entries = reading->entries;
  int free = declared->parallel;
  for (const QueueEntry& entry : entries) free -= entry.state == QueueEntry::State::kRuns ? 1 : 0;
  for (size_t i = 0; i < entries.size() && free > 0; ++i) {
    RETURN_IF_ERROR(LookIfReady(tx, now, i, reading));
    if (entries[i].state != QueueEntry::State::kReady) continue;
    next.push_back(entries[i].job);
    --free;
  }
  return next;
}

}  // namespace dbfleet::controller
