// JobManager's part for pausing and resuming (see job_manager.h).
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/identity/request_keys.h"
#include "controller/jobs/cancelling.h"
#include "controller/jobs/decisions.h"
#include "controller/jobs/job_manager.h"

namespace dbfleet::controller {
namespace {

using Details = std::map<std::string, std::string>;

absl::StatusOr<Job> NotePause(FlowContext& context, const std::string& words, Details details,
                              Job job) {
  job.error_reason = std::string(kPausedByPerson);
  job.error_message = words;
  RETURN_IF_ERROR(context.tx.UpdateJob(&job));
  RETURN_IF_ERROR(context.Audit("job.pause", job, std::move(details)));
  if (!job.queue.window.empty()) context.changes.queues.insert(job.queue.window);
  return job;
}

absl::StatusOr<Job> PauseOne(FlowContext& context, const JobFlow& flow, const std::string& words,
                             Details details, Job job) {
  // What has not begun keeps its state, so that approvals go on counting, and a policy that
  // changes makes it planned again. A plan alone runs nothing that could be held back.
  if (IsWaiting(job.state) && !job.plan_only) {
    if (job.state != JobState::kPlanning) {
      RETURN_IF_ERROR(flow.WithdrawUngranted(context, job, "paused"));
    }
    return NotePause(context, words, std::move(details), std::move(job));
  }
  // One that goes on with time, an approval or a resolution, or expires: a person's pause takes
  // its place, and stays until a person resumes it. The targets go on saying what they wait for.
  const bool by_itself = IsPausedByItself(job) ||
                         (job.state == JobState::kPaused && job.error_reason == "NEEDS_PERSON");
  if (job.state == JobState::kPaused && !by_itself) return job;
  if (!by_itself) {
    if (!CanMove(job.state, JobState::kPaused)) return WrongState(job, "paused");
    RETURN_IF_ERROR(flow.WithdrawUngranted(context, job, "paused"));
    RETURN_IF_ERROR(MoveJob(&job, JobState::kPaused, context.now));
  }
  return NotePause(context, words, std::move(details), std::move(job));
}

// Whoever pauses a change does so because of the server, on which its backup is work as well.
absl::Status PauseGate(FlowContext& context, const JobFlow& flow, const Job& change) {
  if (change.gate_job.empty() || change.error_reason != kPausedByPerson) return absl::OkStatus();
  ASSIGN_OR_RETURN(Job gate, context.tx.GetJob(change.gate_job));
  const bool goes_on = IsWaiting(gate.state) || gate.state == JobState::kRolling;
  if (!goes_on || IsHeld(gate) || gate.cancel_requested) return absl::OkStatus();
  return PauseOne(context, flow, absl::StrCat(change.error_message, PausedWith(change)),
                  {{"parent", change.id}, {"reason", change.error_message}}, std::move(gate))
      .status();
}

// A backup that failed, was cut short or expired while the change was paused says nothing about the
// server as it is now: a pause is for restarts, and may last. What is left of it cannot succeed.
absl::StatusOr<bool> IsSpoilt(ReadTx& tx, const Job& gate, absl::Time now) {
  if (IsTerminal(gate.state)) return gate.state != JobState::kSucceeded;
  if (gate.expire_time <= now) return true;
  ASSIGN_OR_RETURN(const JobProgress progress, tx.ProgressOf(gate.id));
  return progress.failed > 0;
}

// A person lets a rollout go on: with the failures that there are, or without waiting any longer.
absl::Status AcceptWhyPaused(ReadTx& tx, Job* job) {
  if (job->error_reason == kFailureBudget) {
    ASSIGN_OR_RETURN(const JobProgress progress, tx.ProgressOf(job->id));
    job->rollout_progress.forgiven = progress.failed;
  } else if (job->error_reason == kBetweenWaves || job->error_reason == kWaveUnwell) {
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job->id));
    LetNextWaveBegin(tasks, job);
  }
  return absl::OkStatus();
}

}  // namespace

std::string LetGoOn(Job* job) {
  std::string paused_for = std::exchange(job->error_reason, "");
  job->error_message.clear();
  if (!job->queue.window.empty()) job->error_reason = kWindowClosed;
  return paused_for;
}

absl::StatusOr<Job> JobManager::Pause(const RequestMeta& meta, const std::string& job_id,
                                      const std::string& reason) {
  RETURN_IF_ERROR(CheckReason(reason));
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
    if (IsHeld(job)) return job;
    const std::string words =
        absl::StrCat("paused by ", meta.principal, reason.empty() ? "" : ": ", reason);
    ASSIGN_OR_RETURN(job, PauseOne(context, flow_, words, {{"reason", reason}}, std::move(job)));
    RETURN_IF_ERROR(PauseGate(context, flow_, job));
    return job;
  });
}

absl::StatusOr<Job> JobManager::ResumeOne(FlowContext& context, Job job,
                                          std::map<std::string, std::string> details) {
  const bool held = IsHeld(job);
  std::string paused_for;
  if (held) {
    paused_for = std::exchange(job.error_reason, "");
    job.error_message.clear();
  } else {
    RETURN_IF_ERROR(AcceptWhyPaused(context.tx, &job));
    paused_for = LetGoOn(&job);
    if (job.queue.window.empty()) {
      RETURN_IF_ERROR(MoveJob(&job, JobState::kRolling, context.now));
    }
  }
  RETURN_IF_ERROR(context.tx.UpdateJob(&job));
  details["paused_for"] = paused_for;
  RETURN_IF_ERROR(context.Audit("job.resume", job, std::move(details)));
  RETURN_IF_ERROR(flow_.Advance(context, job.id));
  return context.tx.GetJob(job.id);
}

absl::Status JobManager::ResumeGate(FlowContext& context, const Job& change) {
  if (change.gate_job.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(Job gate, context.tx.GetJob(change.gate_job));
  const bool with_it = IsPausedWith(change, gate);
  ASSIGN_OR_RETURN(const bool spoilt, IsSpoilt(context.tx, gate, context.now));
  if (IsHeld(change) && spoilt && (with_it || IsTerminal(gate.state))) {
    Job without = change;
    without.gate_job.clear();  // Another one is taken.
    RETURN_IF_ERROR(context.tx.UpdateJob(&without));
    const std::string why = "cut short by a pause; another backup is taken";
    return EndGate(flow_, context, change, why, absl::StrCat(why, " for jobs/", change.id));
  }
  if (!with_it) return absl::OkStatus();
  return ResumeOne(context, std::move(gate), {{"parent", change.id}}).status();
}

absl::StatusOr<Job> JobManager::Resume(const RequestMeta& meta, const std::string& job_id) {
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
    const class RequestKey key("job.resume", meta.principal, meta.request_id, {job_id});
    ASSIGN_OR_RETURN(const std::string done, key.FindMade(context.tx, context.now));
    if (!done.empty()) return job;  // A retry, whoever paused it again since.
    if (!IsHeld(job)) {
      if (job.state == JobState::kRolling) return job;  // A retry.
      if (job.state != JobState::kPaused) return WrongState(job, "resumed");
    }
    RETURN_IF_ERROR(key.Remember(context.tx, job.id, context.now));
    RETURN_IF_ERROR(ResumeGate(context, job));
    ASSIGN_OR_RETURN(job, context.tx.GetJob(job_id));  // Its backup's end may have moved it.
    if (!IsHeld(job) && job.state != JobState::kPaused) return job;
    return ResumeOne(context, std::move(job), {});
  });
}

}  // namespace dbfleet::controller
