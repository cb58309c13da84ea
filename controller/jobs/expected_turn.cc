// JobFlow's part that foretells whether a job's turn in its window's queue comes soon (see
// job_flow.h).
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/job_flow.h"

namespace dbfleet::controller {
namespace {

// The freezes that select any of the targets.
std::vector<Window> FreezesOf(const std::vector<PolicyInput::Target>& targets) {
  std::map<std::string, Window> freezes;
  for (const PolicyInput::Target& target : targets) {
    if (target.windows == nullptr) continue;
    for (const Window& window : *target.windows) {
      if (window.effect == WindowEffect::kDeny) freezes.emplace(window.name, window);
    }
  }
  std::vector<Window> found;
  for (auto& [name, window] : freezes) found.push_back(std::move(window));
  return found;
}

}  // namespace

absl::StatusOr<std::optional<QueueMember>> JobFlow::MemberAt(ReadTx& tx, const QueueEntry& entry,
                                                             absl::Time at) const {
  if (entry.state == QueueEntry::State::kRuns) return QueueMember{entry, {}};
  ASSIGN_OR_RETURN(const Job job, tx.GetJob(entry.job));
  const bool waits = job.state == JobState::kReady ||
                     (job.state == JobState::kPaused && job.error_reason == kWindowClosed);
  if (!waits || job.cancel_requested || at >= job.expire_time) return std::nullopt;
  ASSIGN_OR_RETURN(std::vector<Task> tasks, tx.TasksOfJob(job.id));
  std::erase_if(tasks, [](const Task& task) { return task.state != TaskState::kPending; });
  PolicyInput input;
  input.ahead = true;
  // It is no trouble of the others if one cannot be read.
  const absl::StatusOr<PolicyDecision> decision = EvaluateAlone(tx, job, tasks, at, &input);
  if (!decision.ok() || !WaitsForTimeAndBackup(*decision) || PolicyChanged(input)) {
    return std::nullopt;
  }
  // That backup is a person's to take.
  if (job.backup_gate == BackupGate::kExisting && decision->BlockedBy("verified-backup")) {
    return std::nullopt;
  }
  bool served = false;
  for (size_t i = 0; i < tasks.size() && !served; ++i) {
    ASSIGN_OR_RETURN(served, IsServed(tx, tasks[i]));
  }
  if (!served) return std::nullopt;
  QueueMember member{entry, FreezesOf(input.targets)};
  member.entry.needs = input.queue.needs;
  return member;
}

absl::Status JobFlow::ExpectTurns(ReadTx& tx, const DeclaredWindow& window,
                                  QueueReading* reading) const {
  std::map<std::string, absl::Time> expected;
  const absl::Time now = reading->time;
  const std::optional<Span> first = NextCoverage(window.window.times, now);
  if (first.has_value() && window.window.effect == WindowEffect::kAllow) {
    // Those that wait for anything else leave their turn to others. A busy instance says nothing
    // about later: what holds it may be the very backup that the job's turn waits for.
    std::vector<QueueMember> members;
    for (const QueueEntry& entry : reading->entries) {
      ASSIGN_OR_RETURN(std::optional<QueueMember> member,
                       MemberAt(tx, entry, std::max(now, first->begin)));
      if (!member.has_value()) continue;
      if (entry.state == QueueEntry::State::kRuns)
        expected[entry.job] = now;  // Its place is its own.
      members.push_back(*std::move(member));
    }
    const int occurrences = first->Contains(now) ? 2 : 1;
    for (const QueueForecast& forecast :
         ForecastQueue(members, window.window.times, window.parallel, now, occurrences)) {
      if (forecast.begin != absl::InfiniteFuture()) expected[forecast.job] = forecast.begin;
    }
  }
  reading->expected = std::move(expected);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<absl::Time>> JobFlow::ExpectedTurn(ReadTx& tx, const Job& job,
                                                                absl::Time now,
                                                                QueueReadings* readings) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const WindowBook> book, Windows(tx));
  const DeclaredWindow* const window = book == nullptr ? nullptr : book->Find(job.queue.window);
  if (window == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(QueueReading* const reading, ReadQueue(tx, job.queue.window, now, readings));
  if (!reading->expected.has_value()) RETURN_IF_ERROR(ExpectTurns(tx, *window, reading));
  const auto found = reading->expected->find(job.id);
  if (found == reading->expected->end()) return std::nullopt;
  return found->second;
}

}  // namespace dbfleet::controller
