#include "controller/jobs/job_flow.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/cancelling.h"
#include "controller/jobs/planning.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

bool IsRunningState(JobState state) {
  return state == JobState::kRolling || state == JobState::kRollingBack ||
         state == JobState::kCancelling;
}

// While it ran.
bool IsPausedByPerson(const Job& job) {
  return job.state == JobState::kPaused && job.error_reason == kPausedByPerson;
}

// Does the lowest stage that still has work have tasks that have not begun? Tasks of later stages
// wait for it.
bool MayBegin(const JobProgress& progress) {
  if (!progress.pending_stage.has_value()) return false;
  const int stage = *progress.pending_stage;
  return progress.active_stage.value_or(stage) >= stage &&
         progress.waiting_stage.value_or(stage) >= stage;
}

// Of a job over thousands of targets several are begun at once, as looking for them costs more the
// more are under way.
constexpr int kRefillParts = 256;

// Ended with its job and as it was: it has nothing to say of its own.
bool EndedAsAsked(const Job& job, const Task& task) {
  return job.cancel_requested && task.state != TaskState::kFailed &&
         (task.error_reason == "CANCELLED" || task.error_reason == kNotAfterPassed);
}

// The task's own words are the job's, when only one of them failed. Where none has any, it is that
// some were never begun.
void CopyError(absl::Span<const Task> tasks, absl::Time now, Job* job) {
  for (const Task& task : tasks) {
    if (task.state == TaskState::kSucceeded || EndedAsAsked(*job, task)) continue;
    if (task.error_reason.empty() && task.error_message.empty()) continue;
    job->error_reason = task.error_reason;
    job->error_message = task.error_message;
    return;
  }
  const auto skipped = std::count_if(tasks.begin(), tasks.end(), [](const Task& task) {
    return task.state == TaskState::kSkipped;
  });
  if (skipped == 0 || job->cancel_requested) return;
  const bool expired = now >= job->expire_time;
  job->error_reason = expired ? "EXPIRED" : "TARGETS_SKIPPED";
  job->error_message =
      absl::StrCat(skipped, " of ", tasks.size(), " targets ",
                   expired ? "had not begun when it expired" : "had not begun when it was stopped");
}

// A budget says what is bearable to go on, not what is a success: a database without the change is
// one that differs from the others, and nothing is promoted on that.
void SayTolerated(absl::Span<const Task> tasks, Job* job) {
  int failed = 0;
  for (const Task& task : tasks) {
    if (task.state == TaskState::kSkipped || task.state == TaskState::kCancelled) return;
    if (task.state != TaskState::kSucceeded) ++failed;
  }
  if (failed > job->rollout.failures_tolerated) return;
  absl::StrAppend(&job->error_message, job->error_message.empty() ? "" : "; ", failed, " of ",
                  tasks.size(), " targets failed, which its failure budget let pass (",
                  job->rollout.failures_tolerated,
                  "), but which is no success: it ends PARTIAL, and no environment is promoted by "
                  "it; apply it to them again");
}

// Of a job that never began.
std::string WhatItWaitedFor(const JobFlow& flow, ReadTx& tx, const Job& job,
                            absl::Span<const Task> tasks, absl::Time now) {
  if (job.state == JobState::kPlanning) {
    const auto unplanned = std::count_if(tasks.begin(), tasks.end(),
                                         [](const Task& task) { return task.plan_blob.empty(); });
    return absl::StrCat("the plans of ", unplanned, " of ", tasks.size(),
                        " targets, which their agents had not made");
  }
  const absl::StatusOr<PolicyDecision> decision = flow.EvaluatePolicyOn(tx, job, tasks, now);
  // Words that cannot be found keep no job alive.
  if (!decision.ok()) return absl::StrCat("what cannot be read: ", decision.status().message());
  return decision->allowed() ? "an agent that takes it, as the policy allowed it"
                             : RecordedWords(*decision);
}

}  // namespace

absl::Status SkipOpenTasks(WriteTx& tx, std::vector<Task>* tasks) {
  for (Task& task : *tasks) {
    if (IsTerminal(task.state)) continue;
    RETURN_IF_ERROR(MoveTask(&task, TaskState::kSkipped));
    RETURN_IF_ERROR(tx.UpdateTask(&task));
  }
  return absl::OkStatus();
}

absl::Status FlowContext::Audit(absl::string_view action, const Job& job,
                                std::map<std::string, std::string> details) {
  changes.jobs.insert(job.id);
  details.emplace("kind", NameOf(job.kind));
  if (!job.digest.empty()) details.emplace("digest", job.digest);
  for (auto it = details.begin(); it != details.end();) {
    it = it->second.empty() ? details.erase(it) : std::next(it);
  }
  return tx.AppendAudit({actor, std::string(action), absl::StrCat("jobs/", job.id), job.environment,
                         std::move(details)});
}

absl::Status FlowContext::InsertAttempt(Attempt* attempt) {
  if (attempt->state == AttemptState::kQueued) {
    changes.queued.push_back({attempt->id, attempt->agent_id});
  }
  return tx.InsertAttempt(attempt);
}

absl::Status FlowContext::UpdateAttempt(Attempt* attempt, bool exclusive) {
  // While it holds the instance there is nothing to hand out.
  if (exclusive && !HoldsInstance(attempt->state)) changes.instances.insert(attempt->instance_id);
  if (attempt->state == AttemptState::kWithdrawn || attempt->state == AttemptState::kLost) {
    changes.attempts.insert(attempt->id);
  }
  return tx.UpdateAttempt(attempt);
}

absl::Status JobFlow::Advance(FlowContext& context, const std::string& job_id) const {
  return AdvanceStored(context, job_id, nullptr);
}

absl::StatusOr<std::optional<Attempt>> JobFlow::Begin(FlowContext& context, const Job& job,
                                                      Task* task) const {
  ASSIGN_OR_RETURN(const PolicyDecision decision,
                   EvaluatePolicyOn(context.tx, job, {task, 1}, context.now));
  if (!decision.allowed()) {
    RETURN_IF_ERROR(Advance(context, job.id));
    return std::nullopt;
  }
  context.changes.jobs.insert(job.id);
  return MakeAttempt(context, job, task, Purpose::kExecute);
}

absl::Status JobFlow::AdvanceStored(FlowContext& context, const std::string& job_id,
                                    const Task* in_hand) const {
  ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
  context.changes.jobs.insert(job_id);
  if (!IsTerminal(job.state)) {
    if (job.state == JobState::kPlanning) RETURN_IF_ERROR(AdvancePlanning(context, &job));
    if (job.state == JobState::kAwaitingApproval || job.state == JobState::kReady) {
      RETURN_IF_ERROR(AdvanceWaiting(context, &job));
    } else if (IsRunningState(job.state)) {
      RETURN_IF_ERROR(AdvanceRunning(context, &job, in_hand));
    } else if (IsPausedByItself(job) || IsPausedByPerson(job)) {
      RETURN_IF_ERROR(AdvancePaused(context, &job));
    }
  }
  if (IsTerminal(job.state) && !job.parent.empty()) return Advance(context, job.parent);
  return absl::OkStatus();
}

absl::Status JobFlow::AdvancePlanning(FlowContext& context, Job* job) const {
  if (context.now >= job->expire_time) return Expire(context, job);
  if (job->kind != JobKind::kMigrate) {
    RETURN_IF_ERROR(MoveJob(job, JobState::kReady, context.now));
    return context.tx.UpdateJob(job);
  }
  ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job->id));
  bool planned = true;
  for (Task& task : tasks) {
    if (task.state == TaskState::kFailed) {
      // A pause's, which is over with this.
      job->error_reason.clear();
      job->error_message.clear();
      CopyError(tasks, context.now, job);
      RETURN_IF_ERROR(SkipOpenTasks(context.tx, &tasks));
      RETURN_IF_ERROR(WithdrawUngranted(context, *job, "the job failed"));
      return Finish(context, job, tasks, JobState::kFailed);
    }
    if (!task.plan_blob.empty()) continue;
    planned = false;
    RETURN_IF_ERROR(EnsureAttempt(context, *job, &task, Purpose::kPlan));
  }
  return planned ? FinishPlanning(context, job, &tasks) : absl::OkStatus();
}

absl::Status JobFlow::FinishPlanning(FlowContext& context, Job* job,
                                     std::vector<Task>* tasks) const {
  ASSIGN_OR_RETURN(const std::string policy_digest, PolicyDigestNow(context.tx, job->environment));
  RETURN_IF_ERROR(LiftPlans(policy_digest, job, tasks));
  for (Task& task : *tasks) RETURN_IF_ERROR(context.tx.UpdateTask(&task));
  std::map<std::string, std::string> details = {
      {"safety", std::string(NameOf(job->safety))},
      {"estimated_rows", absl::StrCat(EstimatedRows(*tasks))}};
  if (job->plan_only) {
    RETURN_IF_ERROR(context.Audit("job.planned", *job, details));
    RETURN_IF_ERROR(SkipOpenTasks(context.tx, tasks));
    return Finish(context, job, *tasks, JobState::kSucceeded);
  }
  ASSIGN_OR_RETURN(const PolicyDecision decision,
                   EvaluatePolicyOn(context.tx, *job, *tasks, context.now));
  details["blockers"] = RecordedWords(decision);
  if (!decision.refused() && decision.BlockedBy("approvals")) details["waits_for"] = "approvals";
  RETURN_IF_ERROR(context.Audit("job.planned", *job, std::move(details)));
  if (decision.refused()) {
    job->error_message.clear();  // A pause's.
    for (const PolicyBlocker& blocker : decision.blockers) {
      if (!blocker.final) continue;
      job->error_reason = "REFUSED_BY_POLICY";
      absl::StrAppend(&job->error_message, job->error_message.empty() ? "" : "; ", blocker.rule,
                      ": ", blocker.message);
    }
    RETURN_IF_ERROR(SkipOpenTasks(context.tx, tasks));
    return Finish(context, job, *tasks, JobState::kRefused);
  }
  RETURN_IF_ERROR(
      MoveJob(job, decision.BlockedBy("approvals") ? JobState::kAwaitingApproval : JobState::kReady,
              context.now));
  return context.tx.UpdateJob(job);
}

absl::Status JobFlow::Expire(FlowContext& context, Job* job) const {
  ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job->id));
  job->error_reason = "EXPIRED";
  job->error_message = absl::StrCat("it was not started before its expiry; it waited for ",
                                    WhatItWaitedFor(*this, context.tx, *job, tasks, context.now));
  RETURN_IF_ERROR(WithdrawUngranted(context, *job, "the job expired"));
  RETURN_IF_ERROR(SkipOpenTasks(context.tx, &tasks));
  return Finish(context, job, tasks, JobState::kExpired);
}

absl::Status JobFlow::AdvanceRunning(FlowContext& context, Job* job, const Task* in_hand) const {
  ASSIGN_OR_RETURN(const JobProgress progress, context.tx.ProgressOf(job->id));
  const bool spent = BudgetSpent(job->rollout, job->rollout_progress, progress.failed);
  // Expiry stops what has not begun, never what runs.
  const bool over = job->state == JobState::kCancelling || context.now >= job->expire_time;
  if (!over && progress.pending_stage.has_value() && job->rollout.on_failure == OnFailure::kPause) {
    if (spent) return PauseForFailures(context, job, progress.failed);
    if (progress.waiting_stage.has_value()) return HoldForPerson(context, job, progress);
  }
  const bool stop = over || spent || progress.waiting_stage.has_value();
  // What is under way has an active task and an open attempt each.
  if (stop && (progress.pending_stage.has_value() || progress.open_attempts > progress.active)) {
    RETURN_IF_ERROR(StopPending(context, *job, progress));
    in_hand = nullptr;  // It may be one of those that were ended.
  }
  if (progress.active_stage.has_value()) {
    return stop ? absl::OkStatus() : EnsureAttempts(context, *job, progress);
  }
  if (!stop && progress.pending_stage.has_value()) {
    const int next = *progress.pending_stage;
    if (!job->rollout.waves.empty() && next > job->rollout_progress.wave && MayBegin(progress)) {
      return EndWave(context, job, next);
    }
    return EnsureAttempts(context, *job, progress);
  }

  if (in_hand != nullptr && !progress.several) {
    return EndRunning(context, job, progress, {in_hand, 1});
  }
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, context.tx.TasksOfJob(job->id));
  return EndRunning(context, job, progress, tasks);
}

absl::Status JobFlow::HoldForPerson(FlowContext& context, Job* job,
                                    const JobProgress& progress) const {
  if (progress.open_attempts > progress.active) {
    RETURN_IF_ERROR(WithdrawUngranted(context, *job, "a target waits for a person"));
  }
  if (progress.active_stage.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, context.tx.TasksOfJob(job->id));
  return EndRunning(context, job, progress, tasks);
}

absl::Status JobFlow::EndRunning(FlowContext& context, Job* job, const JobProgress& progress,
                                 absl::Span<const Task> tasks) const {
  const auto waiting = std::find_if(tasks.begin(), tasks.end(), [](const Task& task) {
    return task.state == TaskState::kNeedsPerson;
  });
  if (waiting != tasks.end()) {
    job->error_reason = "NEEDS_PERSON";
    job->error_message =
        absl::StrCat("nobody can say what took effect on ", waiting->Target(), ": ",
                     waiting->error_message, "; look there, then: dbfleet job resolve ", job->id,
                     " --as applied|not-applied --reason ...");
    if (job->state != JobState::kRolling) return context.tx.UpdateJob(job);
    RETURN_IF_ERROR(MoveJob(job, JobState::kPaused, context.now));
    RETURN_IF_ERROR(context.tx.UpdateJob(job));
    // Which target and why was recorded when its attempt ended ("job.needs_person").
    return context.Audit("job.state", *job, {{"state", std::string(NameOf(job->state))}});
  }
  const JobState end = Summarise(*job, tasks);
  if (!IsTerminal(end)) return absl::OkStatus();
  if (end == JobState::kSucceeded) {
    job->error_reason.clear();  // A cancellation that came too late.
    job->error_message.clear();
  } else if (end != JobState::kCancelled) {  // Who cancelled it is known.
    CopyError(tasks, context.now, job);
  }
  if (end == JobState::kPartial) SayTolerated(tasks, job);
  // What is open was counted before anything here could have changed it.
  RETURN_IF_ERROR(progress.open_attempts == 0 ? MarkFinished(context, job, tasks, end)
                                              : Finish(context, job, tasks, end));
  return RollBackByItself(context, *job, progress.failed);
}

// Nothing new starts: what has not begun is ended, what runs goes on.
absl::Status JobFlow::StopPending(FlowContext& context, const Job& job,
                                  const JobProgress& progress) const {
  RETURN_IF_ERROR(WithdrawUngranted(context, job, "the job is being stopped"));
  if (!progress.pending_stage.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job.id));
  for (Task& task : tasks) {
    if (task.state != TaskState::kPending) continue;
    RETURN_IF_ERROR(MoveTask(
        &task, job.state == JobState::kCancelling ? TaskState::kCancelled : TaskState::kSkipped));
    RETURN_IF_ERROR(context.tx.UpdateTask(&task));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Task>> JobFlow::NextTasks(ReadTx& tx, const Job& job,
                                                     const JobProgress& progress) const {
  if (!MayBegin(progress)) return std::vector<Task>();
  const int most = std::max(1, job.max_parallel);
  const int free = most - progress.open_attempts;
  const int least = std::max(1, most / kRefillParts);
  if (free < least) return std::vector<Task>();
  return tx.IdleTasks(job.id, *progress.pending_stage, free);
}

absl::Status JobFlow::EnsureAttempts(FlowContext& context, const Job& job,
                                     const JobProgress& progress) const {
  ASSIGN_OR_RETURN(std::vector<Task> tasks, NextTasks(context.tx, job, progress));
  for (Task& task : tasks) {
    RETURN_IF_ERROR(EnsureAttempt(context, job, &task, Purpose::kExecute));
  }
  return absl::OkStatus();
}

absl::Status JobFlow::EnsureAttempt(FlowContext& context, const Job& job, Task* task,
                                    Purpose purpose) const {
  if (task->attempts > 0) {  // As its row counts them, which each new one raises.
    ASSIGN_OR_RETURN(const std::vector<Attempt> attempts, context.tx.AttemptsOfTask(task->id));
    for (const Attempt& attempt : attempts) {
      if (!IsTerminal(attempt.state)) return absl::OkStatus();
    }
  }
  return MakeAttempt(context, job, task, purpose).status();
}

absl::StatusOr<Attempt> JobFlow::MakeAttempt(FlowContext& context, const Job& job, Task* task,
                                             Purpose purpose) const {
  ASSIGN_OR_RETURN(const Instance instance, context.tx.GetInstance(task->instance_id));
  Attempt attempt;
  attempt.id = NewUlid(context.now);
  attempt.task_id = task->id;
  attempt.job_id = job.id;
  attempt.instance_id = task->instance_id;
  attempt.agent_id = instance.agent_id;
  attempt.number = ++task->attempts;
  attempt.purpose = purpose;
  attempt.safe_to_rerun = SafeToRerun(job.kind, purpose);
  attempt.create_time = context.now;
  attempt.not_after = job.expire_time;
  RETURN_IF_ERROR(context.tx.UpdateTask(task));
  RETURN_IF_ERROR(context.InsertAttempt(&attempt));
  RETURN_IF_ERROR(context.Audit("attempt.queue", job,
                                {{"attempt", attempt.id},
                                 {"target", task->Target()},
                                 {"purpose", std::string(NameOf(purpose))}}));
  return attempt;
}

absl::Status JobFlow::WithdrawUngranted(FlowContext& context, const Job& job,
                                        absl::string_view why) const {
  ASSIGN_OR_RETURN(std::vector<Attempt> open, context.tx.OpenAttemptsOfJob(job.id));
  for (Attempt& attempt : open) {
    if (HoldsInstance(attempt.state)) continue;
    const AttemptState to = attempt.state == AttemptState::kQueued ? AttemptState::kCancelled
                                                                   : AttemptState::kWithdrawn;
    RETURN_IF_ERROR(MoveAttempt(&attempt, to, context.now));
    attempt.error_message = std::string(why);
    RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
    RETURN_IF_ERROR(context.Audit("attempt.withdraw", job,
                                  {{"attempt", attempt.id}, {"why", std::string(why)}}));
  }
  return absl::OkStatus();
}

absl::Status JobFlow::Finish(FlowContext& context, Job* job, absl::Span<const Task> tasks,
                             JobState state) const {
  RETURN_IF_ERROR(WithdrawUngranted(context, *job, "the job is over"));
  return MarkFinished(context, job, tasks, state);
}

absl::Status JobFlow::MarkFinished(FlowContext& context, Job* job, absl::Span<const Task> tasks,
                                   JobState state) const {
  // A job whose only work was taken back on the agent passes through ROLLING_BACK.
  if (!CanMove(job->state, state) && CanMove(job->state, JobState::kRollingBack)) {
    RETURN_IF_ERROR(MoveJob(job, JobState::kRollingBack, context.now));
  }
  RETURN_IF_ERROR(MoveJob(job, state, context.now));
  RETURN_IF_ERROR(context.tx.UpdateJob(job));
  if (!job->queue.window.empty()) context.changes.queues.insert(job->queue.window);
  RETURN_IF_ERROR(context.Audit("job.end", *job,
                                {{"state", std::string(NameOf(state))},
                                 {"reason", job->error_reason},
                                 {"error", job->error_message},
                                 {"tasks", absl::StrCat(tasks.size())}}));
  RETURN_IF_ERROR(RecordUnbegunBackups(context, *job, tasks));
  return CancelPausedGate(*this, context, *job);
}

}  // namespace dbfleet::controller
