#include "controller/jobs/cancelling.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/pauses.h"

namespace dbfleet::controller {

absl::Status EndCancelled(const JobFlow& flow, FlowContext& context, Job job) {
  RETURN_IF_ERROR(flow.WithdrawUngranted(context, job, "cancelled"));
  ASSIGN_OR_RETURN(const std::vector<Attempt> running, context.tx.OpenAttemptsOfJob(job.id));
  for (const Attempt& attempt : running) context.changes.attempts.insert(attempt.id);
  if (CanMove(job.state, JobState::kCancelling)) {
    RETURN_IF_ERROR(MoveJob(&job, JobState::kCancelling, context.now));
    RETURN_IF_ERROR(context.tx.UpdateJob(&job));
  } else {
    ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job.id));
    for (Task& task : tasks) {
      if (IsTerminal(task.state)) continue;
      RETURN_IF_ERROR(MoveTask(&task, TaskState::kCancelled));
      RETURN_IF_ERROR(context.tx.UpdateTask(&task));
      RETURN_IF_ERROR(RecordBackupOutcome(context, job, task));
    }
    RETURN_IF_ERROR(flow.Finish(context, &job, tasks, JobState::kCancelled));
  }
  return flow.Advance(context, job.id);
}

absl::Status CancelClosed(const JobFlow& flow, FlowContext& context, const std::string& job_id,
                          const std::string& why) {
  ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
  job.cancel_requested = true;
  job.error_reason = kWindowClosed;
  job.error_message = why;
  RETURN_IF_ERROR(context.Audit("job.cancel", job, {{"reason", why}}));
  RETURN_IF_ERROR(EndCancelled(flow, context, job));
  return CancelGate(flow, context, job, why);
}

std::string PausedWith(const Job& change) { return absl::StrCat(" (with jobs/", change.id, ")"); }

absl::Status CancelGate(const JobFlow& flow, FlowContext& context, const Job& change,
                        const std::string& reason) {
  return EndGate(flow, context, change, reason,
                 absl::StrCat("cancelled with the work of jobs/", change.id,
                              reason.empty() ? "" : ": ", reason));
}

absl::Status EndGate(const JobFlow& flow, FlowContext& context, const Job& change,
                     const std::string& reason, const std::string& words) {
  if (change.gate_job.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(Job gate, context.tx.GetJob(change.gate_job));
  if (IsTerminal(gate.state) || gate.cancel_requested) return absl::OkStatus();
  gate.cancel_requested = true;
  // What a pause waited for is none of how it ends.
  gate.error_reason = "CANCELLED";
  gate.error_message = words;
  RETURN_IF_ERROR(context.Audit("job.cancel", gate, {{"reason", reason}, {"parent", change.id}}));
  return EndCancelled(flow, context, std::move(gate));
}

bool IsPausedWith(const Job& change, const Job& gate) {
  const bool paused =
      IsHeld(gate) || (gate.state == JobState::kPaused && gate.error_reason == kPausedByPerson);
  return paused && absl::EndsWith(gate.error_message, PausedWith(change));
}

absl::Status CancelPausedGate(const JobFlow& flow, FlowContext& context, const Job& change) {
  // Whoever cancels the change cancels its backup as well, and says why.
  if (change.gate_job.empty() || change.cancel_requested) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Job gate, context.tx.GetJob(change.gate_job));
  if (!IsPausedWith(change, gate)) return absl::OkStatus();
  return CancelGate(flow, context, change,
                    change.error_message.empty()
                        ? absl::StrCat("it has ended: ", NameOf(change.state))
                        : change.error_message);
}

}  // namespace dbfleet::controller
