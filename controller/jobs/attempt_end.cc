// JobFlow's part that carries an attempt's end into its task (see job_flow.h).
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/cancelling.h"
#include "controller/jobs/check_outcome.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/pauses.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

// Ends that say that the attempt never began: another one does no harm, whatever the work is.
bool NeverBegan(const Attempt& attempt) {
  switch (attempt.state) {
    case AttemptState::kWithdrawn:
    case AttemptState::kExpired:
      return true;
    case AttemptState::kFailed:
      if (WasNotLetBegin(attempt)) return true;
      // While the agent still looked whether it may start.
      return attempt.start_time == absl::InfinitePast() &&
             (attempt.error_reason == kNotAfterPassed || attempt.error_reason == "LEASE_LOST");
    case AttemptState::kDeclined:
      return attempt.error_reason == "AGENT_STOPPING";  // It will be back.
    default:
      return false;
  }
}

// The agent looked before it started, and found more than twice the rows that were approved.
bool EstimateHadGrown(const Attempt& attempt) {
  return attempt.state == AttemptState::kFailed && attempt.error_reason == "ESTIMATE_GROWN" &&
         attempt.start_time == absl::InfinitePast();
}

// Found before the first step; the next attempt has a fence above all that the target has seen.
bool WasStale(const Attempt& attempt) {
  return attempt.state == AttemptState::kFailed && attempt.error_reason == "STALE_FENCE";
}

// What its agent has told of the attempt that does not fit its end, by which nothing was begun and
// the work may be handed out again; "" if nothing. Of one that was started and not let begin its
// first statement may have been announced, and have waited for locks in vain: whether it may begin
// is asked again until it has done anything.
std::string WhatBeganAfterAll(const Attempt& attempt, const Task& task,
                              const work::v1::MigrateResult& result) {
  if (!NeverBegan(attempt) && !EstimateHadGrown(attempt) && !WasStale(attempt)) return "";
  const bool announces = WasNotLetBegin(attempt) && attempt.start_time != absl::InfinitePast();
  for (const StepReport& step : task.steps) {
    const bool only_announced = announces && task.steps.size() == 1 && !step.rollback &&
                                (step.state == "running" || step.state == "failed");
    if (only_announced) continue;
    return absl::StrCat(step.rollback ? "rollback step " : "step ", step.index, " of version ",
                        step.migration_version, " as ", step.state);
  }
  const bool has_result = result.rolled_back() || !result.applied_versions().empty() ||
                          !result.rolled_back_versions().empty() ||
                          !result.remaining_versions().empty();
  return has_result ? "versions that were applied or taken back" : "";
}

// Ends that are nobody's verdict on the work itself. That the statement's own time limit ended it
// is one: again it would load the server as long, for the same end.
bool WasCutShort(const Attempt& attempt) {
  if (attempt.error_reason == "DATABASE_TIMEOUT") return false;
  return attempt.state == AttemptState::kInterrupted || attempt.state == AttemptState::kLost ||
         attempt.state == AttemptState::kTimedOut || attempt.error_reason == "AGENT_RESTARTED";
}

bool MayTryAgain(const Attempt& attempt) {
  // What never began may be offered as long as the job lives.
  if (NeverBegan(attempt)) return true;
  if (WasStale(attempt)) return attempt.number < kMaxAttempts;
  return attempt.safe_to_rerun && attempt.number < kMaxAttempts && WasCutShort(attempt);
}

void SetError(const Attempt& attempt, Task* task) {
  task->error_reason = attempt.error_reason;
  task->error_message = attempt.error_message;
  if (task->error_reason.empty()) {
    task->error_reason = absl::StrCat("ATTEMPT_", absl::AsciiStrToUpper(NameOf(attempt.state)));
  }
}

// What an executing attempt's end makes of its task. An unknown outcome is never a success and
// never a plain failure: it waits for a person.
absl::StatusOr<TaskState> ExecutedTaskState(const Attempt& attempt, const AttemptEnd& end) {
  work::v1::TaskResult result;
  if (!result.ParseFromString(end.result_blob)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_RESULT",
                 "the agent's result is unreadable");
  }
  switch (attempt.state) {
    case AttemptState::kSucceeded:
      return TaskState::kSucceeded;
    case AttemptState::kInterrupted:
    case AttemptState::kLost:
      return attempt.safe_to_rerun ? TaskState::kFailed : TaskState::kNeedsPerson;
    case AttemptState::kCancelled:
    case AttemptState::kFailed:
    case AttemptState::kTimedOut:
      if (result.migrate().rolled_back()) return TaskState::kRolledBack;
      return (attempt.state == AttemptState::kCancelled ||
              (attempt.error_reason == kNotAfterPassed && result.has_migrate())) &&
                     result.migrate().remaining_versions().empty()
                 ? TaskState::kCancelled
                 : TaskState::kFailed;
    default:
      return TaskState::kFailed;
  }
}

// Reports that contradict each other are no knowledge: the outcome is unknown then.
AttemptEnd Believable(const Attempt& attempt, const Task& task, const AttemptEnd& end) {
  if (attempt.purpose != Purpose::kExecute || !HoldsInstance(attempt.state)) return end;
  Attempt ended = attempt;
  ended.state = end.state;
  ended.error_reason = end.error_reason;
  work::v1::TaskResult result;
  // One that cannot be read says nothing, and is refused where it counts.
  (void)result.ParseFromString(end.result_blob);
  const std::string began = WhatBeganAfterAll(ended, task, result.migrate());
  if (began.empty()) return end;
  log::Error("an agent's reports on an attempt contradict each other: its outcome is unknown",
             {{"agent", attempt.agent_id},
              {"attempt", attempt.id},
              {"reported", began},
              {"end", end.error_reason}});
  return {AttemptState::kInterrupted, "CONTRADICTORY_REPORT",
          absl::StrCat("agents/", attempt.agent_id, " reported ", began,
                       ", and then that nothing had begun (", end.error_reason,
                       end.error_message.empty() ? "" : ": ", end.error_message, ")"),
          end.result_blob};
}

// Whatever else it ended with behind that: the scheduler's look, a moment later, would cancel the
// job all the same, and what an attempt did not succeed in because it was ended is no failure.
// Where taking back what was done did not go well, that is its reason. Its window may have been
// extended since the last look, and then the job goes on.
absl::StatusOr<bool> WasCutByItsWindow(const JobFlow& flow, FlowContext& context, const Job& job,
                                       const Attempt& attempt) {
  if (attempt.state == AttemptState::kSucceeded || NeverBegan(attempt)) return false;
  if (!EndsWithItsWindow(job) || attempt.not_after >= job.expire_time) return false;
  if (attempt.error_reason == kNotAfterPassed) return true;
  const bool incomplete = attempt.error_reason == "ROLLBACK_INCOMPLETE";
  const absl::Time latest = context.now + (incomplete ? kMostClockSkew : absl::ZeroDuration());
  if (latest < attempt.not_after) return false;
  ASSIGN_OR_RETURN(const PolicyDecision decision, flow.EvaluatePolicy(context.tx, job, latest));
  return HasClosed(decision);
}

// The agent's clock may be ahead, and it may not have heard that the window was extended.
std::string WhyClosed(absl::Time now, const Job& job, const Attempt& attempt) {
  if (now >= attempt.not_after) return absl::StrCat("the window ", job.window, " has closed");
  return absl::StrCat("for agents/", attempt.agent_id, " the window ", job.window,
                      " has closed, which for the controller closes at ",
                      absl::FormatTime(absl::RFC3339_sec, attempt.not_after, absl::UTCTimeZone()));
}

}  // namespace

absl::Status JobFlow::EndAttempt(FlowContext& context, Attempt attempt,
                                 const AttemptEnd& reported) const {
  ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
  ASSIGN_OR_RETURN(Task task, context.tx.GetTask(attempt.task_id));
  const AttemptEnd end = Believable(attempt, task, reported);
  RETURN_IF_ERROR(MoveAttempt(&attempt, end.state, context.now));
  attempt.error_reason = end.error_reason;
  attempt.error_message = end.error_message;
  RETURN_IF_ERROR(context.UpdateAttempt(&attempt, IsExclusive(job.kind, attempt.purpose)));
  RETURN_IF_ERROR(context.Audit("attempt.end", job,
                                {{"attempt", attempt.id},
                                 {"target", task.Target()},
                                 {"purpose", std::string(NameOf(attempt.purpose))},
                                 {"fence", absl::StrCat(attempt.fence)},
                                 {"state", std::string(NameOf(attempt.state))},
                                 {"reason", attempt.error_reason},
                                 {"error", attempt.error_message}}));
  RETURN_IF_ERROR(NoteGoneBackup(context, job, attempt));
  if (IsTerminal(job.state) || IsTerminal(task.state)) return absl::OkStatus();
  if (attempt.purpose == Purpose::kPlan) {
    return EndPlanAttempt(context, job, attempt, end, &task);
  }
  // Asked while its target counts among those that are not done.
  ASSIGN_OR_RETURN(const bool cut, WasCutByItsWindow(*this, context, job, attempt));
  // Changes the task in place, so that it is in hand as it is stored.
  RETURN_IF_ERROR(EndExecuteAttempt(context, job, attempt, end, &task));
  // The window's end, which the agent was first to see.
  if (cut) {
    return CancelClosed(*this, context, job.id, WhyClosed(context.now, job, attempt));
  }
  return AdvanceStored(context, job.id, &task);
}

// Advance looks at all tasks of a job that is being planned, so it is called only when this end
// moves the job.
absl::Status JobFlow::EndPlanAttempt(FlowContext& context, const Job& job, const Attempt& attempt,
                                     const AttemptEnd& end, Task* task) const {
  if (attempt.state == AttemptState::kSucceeded) {
    work::v1::TaskResult result;
    if (result.ParseFromString(end.result_blob)) {
      task->plan_blob = result.plan().SerializeAsString();
    }
    if (!task->plan_blob.empty()) {
      RETURN_IF_ERROR(context.tx.UpdateTask(task));
      ASSIGN_OR_RETURN(const JobProgress progress, context.tx.ProgressOf(job.id));
      return progress.unplanned ? absl::OkStatus() : Advance(context, job.id);
    }
    task->error_reason = "NO_PLAN";
    task->error_message = "the agent reported success without a plan";
  } else if (MayTryAgain(attempt) || attempt.state == AttemptState::kCancelled) {
    return job.state == JobState::kPlanning ? EnsureAttempt(context, job, task, Purpose::kPlan)
                                            : Advance(context, job.id);
  } else {
    SetError(attempt, task);
  }
  RETURN_IF_ERROR(MoveTask(task, TaskState::kFailed));
  RETURN_IF_ERROR(context.tx.UpdateTask(task));
  return Advance(context, job.id);
}

absl::StatusOr<bool> JobFlow::ReplanGrown(FlowContext& context, Job job, const Attempt& attempt,
                                          Task* task) const {
  if (!EstimateHadGrown(attempt) || attempt.number >= kMaxReplannedAttempts) return false;
  if (job.state != JobState::kRolling) return false;
  ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job.id));
  for (const Task& other : tasks) {
    // A job of which something is done cannot go back to waiting for its approval.
    if (other.id != task->id && other.state != TaskState::kPending) return false;
  }
  RETURN_IF_ERROR(MoveTask(task, TaskState::kPending));
  RETURN_IF_ERROR(context.tx.UpdateTask(task));
  ASSIGN_OR_RETURN(tasks, context.tx.TasksOfJob(job.id));
  RETURN_IF_ERROR(Replan(context, &job, &tasks,
                         absl::StrCat("the estimate for ", task->Target(),
                                      " has grown beyond twice the approved one")));
  return true;
}

absl::Status JobFlow::WaitAgain(FlowContext& context, Job job, const Attempt& attempt) const {
  const bool for_something = !job.window.empty() || attempt.error_reason == kBackupGone;
  if (job.state != JobState::kRolling || !for_something) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, context.tx.TasksOfJob(job.id));
  for (const Task& task : tasks) {
    if (task.state != TaskState::kPending) return absl::OkStatus();
  }
  RETURN_IF_ERROR(MoveJob(&job, JobState::kReady, context.now));
  RETURN_IF_ERROR(context.tx.UpdateJob(&job));
  return context.Audit("job.state", job, {{"state", std::string(NameOf(job.state))}});
}

absl::Status JobFlow::EndExecuteAttempt(FlowContext& context, const Job& job,
                                        const Attempt& attempt, const AttemptEnd& end,
                                        Task* task) const {
  const bool stopping = job.state == JobState::kCancelling || job.state == JobState::kPaused;
  if (NeverBegan(attempt) || (MayTryAgain(attempt) && !stopping)) {
    // Back to PENDING is no transition of its own: the task was only ever ACTIVE once it was
    // granted.
    if (task->state == TaskState::kActive) RETURN_IF_ERROR(MoveTask(task, TaskState::kPending));
    // What it was about to do when it was told not to begin was not done, and is no begin of the
    // next.
    if (NeverBegan(attempt)) task->steps.clear();
    RETURN_IF_ERROR(context.tx.UpdateTask(task));
    return NeverBegan(attempt) ? WaitAgain(context, job, attempt) : absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const bool replanned, ReplanGrown(context, job, attempt, task));
  if (replanned) return absl::OkStatus();
  ASSIGN_OR_RETURN(const TaskState state, ExecutedTaskState(attempt, end));
  if (state != TaskState::kSucceeded) SetError(attempt, task);
  task->result_blob = end.result_blob;
  // A task that was never granted ends without having been ACTIVE.
  if (!CanMove(task->state, state)) RETURN_IF_ERROR(MoveTask(task, TaskState::kActive));
  RETURN_IF_ERROR(MoveTask(task, state));
  RETURN_IF_ERROR(context.tx.UpdateTask(task));
  // Here and not where the job pauses for it: one that is being cancelled, or is paused already,
  // needs the person as much, and each target is told of once.
  if (state == TaskState::kNeedsPerson) {
    RETURN_IF_ERROR(context.Audit("job.needs_person", job,
                                  {{"target", task->Target()},
                                   {"attempt", attempt.id},
                                   {"reason", attempt.error_reason},
                                   {"error", attempt.error_message}}));
  }
  RETURN_IF_ERROR(RecordCheckOutcome(context, job, *task));
  return RecordBackupOutcome(context, job, *task);
}

}  // namespace dbfleet::controller
