// JobManager's part for the queues of maintenance windows (see job_manager.h).
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/no_such_window.h"
#include "controller/jobs/queueing.h"

namespace dbfleet::controller {
namespace {

// What it waits for beside its turn and the times that go with it.
std::vector<std::string> BesideItsTime(const Job& job, const std::vector<PolicyBlocker>& blockers) {
  std::vector<std::string> rules;
  if (job.state == JobState::kPlanning) rules.push_back("planning");
  for (const PolicyBlocker& blocker : blockers) {
    const std::string& rule = blocker.rule;
    const bool time = rule == "window-queue" || rule == "window" || rule == "freeze" ||
                      (rule == "paused" && job.error_reason == kWindowClosed);
    // Several policies may ask for approvals.
    if (!time && std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(rule);
  }
  return rules;
}

// The freezes that select any target of the job.
absl::StatusOr<std::vector<Window>> FreezesOf(ReadTx& tx, const WindowBook& book, const Job& job) {
  std::map<std::string, Window> freezes;
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  for (const Task& task : tasks) {
    if (IsTerminal(task.state)) continue;
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(task.instance_id));
    const WindowBook::Windows windows = book.For(job.environment, instance.labels);
    for (const Window& window : *windows) {
      if (window.effect == WindowEffect::kDeny) freezes.emplace(window.name, window);
    }
  }
  std::vector<Window> found;
  for (auto& [name, window] : freezes) found.push_back(std::move(window));
  return found;
}

}  // namespace

absl::StatusOr<Job> JobManager::Reprioritize(const RequestMeta& meta, const std::string& job_id,
                                             std::optional<int> priority,
                                             std::optional<absl::Duration> estimate,
                                             const std::string& reason) {
  if (!priority.has_value() && !estimate.has_value()) {
    return Error(absl::StatusCode::kInvalidArgument, "NOTHING_TO_CHANGE",
                 "give a priority, an estimate, or both");
  }
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
    if (job.queue.window.empty()) {
      return Error(absl::StatusCode::kFailedPrecondition, "NOT_QUEUED",
                   absl::StrCat("jobs/", job.id,
                                " was not queued for a maintenance window, which "
                                "alone goes by priorities"));
    }
    RETURN_IF_ERROR(CheckAsk({job.queue.window, priority, estimate}));
    if (IsTerminal(job.state)) {
      return Error(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
                   absl::StrCat("jobs/", job.id, " is ", NameOf(job.state), " already"));
    }
    std::map<std::string, std::string> details = {{"window", job.queue.window}, {"reason", reason}};
    QueuePlace place = job.queue;
    if (priority.has_value()) {
      details["priority"] = absl::StrCat(*priority);
      details["priority_before"] = absl::StrCat(place.priority);
      place.priority = *priority;
    }
    if (estimate.has_value()) {
      details["estimate"] = absl::FormatDuration(*estimate);
      details["estimate_before"] = absl::FormatDuration(place.estimate);
      place.estimate = *estimate;
      place.source = EstimateSource::kDeclared;
      place.runs = 0;
      RETURN_IF_ERROR(CheckFitsWindow(context.tx, flow_, place, context.now));
    }
    if (place == job.queue) return job;  // A retry, or nothing new.
    job.queue = place;
    RETURN_IF_ERROR(context.tx.UpdateJob(&job));
    RETURN_IF_ERROR(context.Audit("job.reprioritize", job, std::move(details)));
    context.changes.queues.insert(job.queue.window);
    RETURN_IF_ERROR(flow_.Advance(context, job.id));
    return context.tx.GetJob(job.id);
  });
}

absl::StatusOr<QueuePicture> JobManager::ShowQueue(ReadTx& tx, const std::string& window,
                                                   const WhyNoWork& why_no_work) {
  QueuePicture picture;
  picture.window = window;
  ASSIGN_OR_RETURN(const std::shared_ptr<const WindowBook> book, flow_.Windows(tx));
  if (window.empty()) {
    // What lost its window waits for it all the same.
    ASSIGN_OR_RETURN(const WindowNames names, tx.QueuedWindows());
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(QueuePicture one, ShowQueue(tx, name, why_no_work));
      std::move(one.rows.begin(), one.rows.end(), std::back_inserter(picture.rows));
    }
    return picture;
  }
  const DeclaredWindow* const declared = book == nullptr ? nullptr : book->Find(window);
  if (declared != nullptr) picture.declared = *declared;
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(const std::vector<QueueEntry> entries, flow_.QueueOf(tx, window, now));
  if (declared == nullptr && entries.empty()) {
    return NoSuchWindow(window);
  }
  const bool carries = declared != nullptr && declared->window.effect == WindowEffect::kAllow;
  std::vector<QueueMember> members;
  for (const QueueEntry& entry : entries) {
    QueuePicture::Row row;
    ASSIGN_OR_RETURN(row.job, tx.GetJob(entry.job));
    row.state = entry.state;
    row.window_gone = !carries;
    if (row.state != QueueEntry::State::kRuns) {
      ASSIGN_OR_RETURN(row.blockers, Explain(tx, row.job, why_no_work));
      row.waits_for = BesideItsTime(row.job, row.blockers);
      if (row.waits_for.empty() && carries) row.state = QueueEntry::State::kReady;
    }
    QueueMember member{entry, {}};
    if (book != nullptr) {
      ASSIGN_OR_RETURN(member.freezes, FreezesOf(tx, *book, row.job));
    }
    members.push_back(std::move(member));
    picture.rows.push_back(std::move(row));
  }
  if (!carries) return picture;
  const std::vector<QueueForecast> forecast =
      ForecastQueue(members, declared->window.times, declared->parallel, now);
  for (size_t i = 0; i < forecast.size(); ++i) picture.rows[i].expected = forecast[i];
  return picture;
}

}  // namespace dbfleet::controller
