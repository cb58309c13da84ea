// JobFlow's part for jobs that wait: for approvals, backups and windows, before they begin or
// between their targets (see job_flow.h).
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/bounds.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/planning.h"

namespace dbfleet::controller {
namespace {

// Of a job that waits: its targets leave nothing to wait for.
bool IsOver(const Job& job, const std::vector<Task>& tasks) {
  const auto ended = [](const Task& task) { return IsTerminal(task.state); };
  return job.state == JobState::kReady &&
         (StopsTheJob(job, tasks) ||
          (!tasks.empty() && std::all_of(tasks.begin(), tasks.end(), ended)));
}

absl::StatusOr<bool> HasUngranted(ReadTx& tx, const Job& job) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
  return std::any_of(open.begin(), open.end(),
                     [](const Attempt& attempt) { return !HoldsInstance(attempt.state); });
}

// Of a job whose backup is to be there for `begin`: is there anything to do about it?
absl::StatusOr<bool> GateNeedsWork(ReadTx& tx, const Job& job, const std::vector<Task>& tasks,
                                   absl::Time begin) {
  ASSIGN_OR_RETURN(const GateStep step, NextGateStep(tx, job, tasks, begin));
  if (step != GateStep::kWait || job.gate_job.empty()) return step != GateStep::kWait;
  ASSIGN_OR_RETURN(const Job gate, tx.GetJob(job.gate_job));
  return gate.state == JobState::kPlanning;
}

// A paused job's targets that would begin if it went on: those that run need no leave any more.
void KeepPending(std::vector<Task>* tasks) {
  std::erase_if(*tasks, [](const Task& task) { return task.state != TaskState::kPending; });
}

// Of a job that a person paused while it ran: there is nothing that the pause would hold back. What
// would follow a failure is held back with it: a rollback by itself, the change for which this is
// the backup.
bool HoldsNothingBack(const Job& job, const std::vector<Task>& tasks) {
  const bool ended = std::all_of(tasks.begin(), tasks.end(),
                                 [](const Task& task) { return IsTerminal(task.state); });
  const bool succeeded = std::all_of(tasks.begin(), tasks.end(), [](const Task& task) {
    return task.state == TaskState::kSucceeded;
  });
  const bool more = job.rollout.on_failure == OnFailure::kRollback || !job.parent.empty();
  return ended && (succeeded || !more);
}

}  // namespace

bool HasClosed(const PolicyDecision& decision) { return decision.Closed() && !decision.closing; }

absl::StatusOr<bool> JobFlow::MayAdvance(ReadTx& tx, const Job& job, absl::Time now,
                                         QueueReadings* readings) const {
  const bool waits = job.state == JobState::kAwaitingApproval || job.state == JobState::kReady;
  if (now >= job.expire_time) return true;
  if (!waits) return MayMoveByWindow(tx, job, now, readings);
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  if (IsOver(job, tasks)) return true;
  ASSIGN_OR_RETURN(const PolicyDecision decision, EvaluatePolicyOn(tx, job, tasks, now, readings));
  const bool approved = !decision.BlockedBy("approvals");
  if (decision.BlockedBy("policy-changed") || approved != (job.state == JobState::kReady)) {
    return true;
  }
  if (decision.allowed()) {
    ASSIGN_OR_RETURN(const JobProgress progress, tx.ProgressOf(job.id));
    ASSIGN_OR_RETURN(const std::vector<Task> next, NextTasks(tx, job, progress));
    return !next.empty();
  }
  ASSIGN_OR_RETURN(const bool offered, HasUngranted(tx, job));
  if (offered) return true;
  if (!approved || decision.refused()) return false;
  ASSIGN_OR_RETURN(const std::optional<absl::Time> begin,
                   GateBackupFor(tx, decision, tasks, job, now, readings));
  if (!begin.has_value()) return false;
  return GateNeedsWork(tx, job, tasks, *begin);
}

absl::StatusOr<bool> JobFlow::MayMoveByWindow(ReadTx& tx, const Job& job, absl::Time now,
                                              QueueReadings* readings) const {
  ASSIGN_OR_RETURN(std::vector<Task> tasks, tx.TasksOfJob(job.id));
  if (EndsWithItsWindow(job)) {
    ASSIGN_OR_RETURN(const PolicyDecision decision,
                     EvaluatePolicyOn(tx, job, tasks, now, readings));
    ASSIGN_OR_RETURN(const bool ends, EndsWhatRuns(tx, job, decision, now));
    if (ends) return true;
    ASSIGN_OR_RETURN(const bool moved, BoundsHaveMoved(tx, job, decision));
    if (moved) return true;
    // What runs is moved by what becomes of its targets; what is paused for something else than its
    // window, by a person, by its check or when its time has come.
    if (job.error_reason != kWindowClosed || job.state != JobState::kPaused) return false;
  }
  if (job.state != JobState::kPaused || job.error_reason != kWindowClosed) return true;
  if (StopsTheJob(job, tasks)) return true;
  KeepPending(&tasks);
  if (tasks.empty()) return true;
  ASSIGN_OR_RETURN(const PolicyDecision decision, EvaluatePolicyOn(tx, job, tasks, now, readings));
  if (decision.allowed() || !WaitsForTimeAndBackup(decision)) return true;
  if (RecordedWords(decision) != job.error_message) return true;
  ASSIGN_OR_RETURN(const std::optional<absl::Time> begin,
                   GateBackupFor(tx, decision, tasks, job, now, readings));
  return begin.has_value() ? GateNeedsWork(tx, job, tasks, *begin) : false;
}

absl::Status JobFlow::AdvanceWaiting(FlowContext& context, Job* job) const {
  if (context.now >= job->expire_time) return Expire(context, job);
  ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job->id));
  if (IsOver(*job, tasks)) {
    // Offers were declined: the job ends as a running one does.
    RETURN_IF_ERROR(MoveJob(job, JobState::kRolling, context.now));
    RETURN_IF_ERROR(context.tx.UpdateJob(job));
    return AdvanceRunning(context, job, nullptr);
  }
  ASSIGN_OR_RETURN(PolicyDecision decision,
                   EvaluatePolicyOn(context.tx, *job, tasks, context.now, context.readings));
  if (!decision.allowed() && context.readings != nullptr) {
    // Whoever was before it may have ended since the queue was read.
    ASSIGN_OR_RETURN(const bool offered, HasUngranted(context.tx, *job));
    if (offered) {
      ASSIGN_OR_RETURN(decision, EvaluatePolicyOn(context.tx, *job, tasks, context.now));
    }
  }
  if (decision.BlockedBy("policy-changed")) {
    return Replan(context, job, &tasks, "the environment's policy changed");
  }
  // An attempt that was offered before would hold the instance against the very backup that is
  // wanted.
  if (!decision.allowed()) {
    RETURN_IF_ERROR(WithdrawUngranted(context, *job, "the policy does not allow it any more"));
  }
  const bool needs_approval = decision.BlockedBy("approvals");
  if (needs_approval != (job->state == JobState::kAwaitingApproval)) {
    RETURN_IF_ERROR(
        MoveJob(job, needs_approval ? JobState::kAwaitingApproval : JobState::kReady, context.now));
    RETURN_IF_ERROR(context.tx.UpdateJob(job));
    RETURN_IF_ERROR(context.Audit("job.state", *job, {{"state", std::string(NameOf(job->state))}}));
  }
  if (job->state != JobState::kReady || decision.refused()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool gate_failed, TakeGateBackup(context, decision, tasks, job));
  if (gate_failed) {
    RETURN_IF_ERROR(SkipOpenTasks(context.tx, &tasks));
    RETURN_IF_ERROR(MoveJob(job, JobState::kRolling, context.now));
    return Finish(context, job, tasks, JobState::kFailed);
  }
  if (!decision.allowed()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const JobProgress progress, context.tx.ProgressOf(job->id));
  return EnsureAttempts(context, *job, progress);
}

absl::StatusOr<std::optional<absl::Time>> JobFlow::GateBackupFor(ReadTx& tx,
                                                                 const PolicyDecision& decision,
                                                                 const std::vector<Task>& tasks,
                                                                 const Job& job, absl::Time now,
                                                                 QueueReadings* readings) const {
  if (decision.allowed() || !WaitsForTimeAndBackup(decision)) return std::nullopt;
  // Nobody knows when they are upgraded: what was taken before may be too old by then.
  if (decision.BlockedBy("agent-too-old")) return std::nullopt;
  ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(job.environment));
  const absl::Duration ahead = environment.policy.verified_backup_max_age / 4;
  // The backup has to do for the moment at which the work can begin. Taken days before, it would
  // be too old then; taken only then, it would use up the window.
  absl::Time begin = std::max(now, decision.opens);
  if (begin - now > ahead) return std::nullopt;
  bool missing = decision.BlockedBy("verified-backup");
  if (decision.by_turn) {
    // Others come first, and may leave no time for it.
    QueueReadings own;
    ASSIGN_OR_RETURN(const std::optional<absl::Time> turn,
                     ExpectedTurn(tx, job, now, readings == nullptr ? &own : readings));
    if (!turn.has_value()) return std::nullopt;
    begin = std::max(begin, *turn);
    if (begin - now > ahead) return std::nullopt;
  }
  if (begin > now) {
    PolicyInput input;
    input.ahead = true;
    ASSIGN_OR_RETURN(const PolicyDecision then, EvaluateAlone(tx, job, tasks, begin, &input));
    // For work that would not begin then either, no backup is taken.
    missing = then.BlockedBy("verified-backup") && WaitsForTimeAndBackup(then) &&
              !(decision.by_turn && then.BlockedByTime());
  }
  return missing ? std::make_optional(begin) : std::nullopt;
}

absl::StatusOr<bool> JobFlow::TakeGateBackup(FlowContext& context, const PolicyDecision& decision,
                                             const std::vector<Task>& tasks, Job* job) const {
  ASSIGN_OR_RETURN(const std::optional<absl::Time> begin,
                   GateBackupFor(context.tx, decision, tasks, *job, context.now, context.readings));
  if (!begin.has_value()) return false;
  ASSIGN_OR_RETURN(const bool failed, EnsureGateBackup(context, job, tasks, *begin));
  if (failed || job->gate_job.empty()) return failed;
  ASSIGN_OR_RETURN(const Job gate, context.tx.GetJob(job->gate_job));
  if (gate.state == JobState::kPlanning) RETURN_IF_ERROR(Advance(context, gate.id));
  return false;
}

absl::Status JobFlow::Replan(FlowContext& context, Job* job, std::vector<Task>* tasks,
                             absl::string_view why) const {
  RETURN_IF_ERROR(WithdrawUngranted(context, *job, why));
  for (Task& task : *tasks) {
    task.plan_blob.clear();
    task.target_digest.clear();
    RETURN_IF_ERROR(context.tx.UpdateTask(&task));
  }
  RETURN_IF_ERROR(context.Audit("job.replan", *job, {{"why", std::string(why)}}));
  job->digest.clear();
  job->policy_digest.clear();
  RETURN_IF_ERROR(MoveJob(job, JobState::kPlanning, context.now));
  RETURN_IF_ERROR(context.tx.UpdateJob(job));
  return AdvancePlanning(context, job);
}

absl::Status JobFlow::AdvancePaused(FlowContext& context, Job* job) const {
  ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job->id));
  if (!IsPausedByItself(*job)) {
    return HoldsNothingBack(*job, tasks)
               ? GoOn(context, job, "nothing is left that the pause held back")
               : absl::OkStatus();
  }
  // Neither the end of its time nor a failed target waits for a window.
  if (context.now >= job->expire_time) return GoOn(context, job, "it has expired");
  // What failed so far, or is not well, is why a person has to resume it.
  if (job->error_reason == kFailureBudget || job->error_reason == kWaveUnwell) {
    return absl::OkStatus();
  }
  if (StopsTheJob(*job, tasks)) return GoOn(context, job, "a target did not succeed");
  if (job->error_reason == kBetweenWaves) return AdvanceBetweenWaves(context, job, tasks);
  if (job->error_reason != kWindowClosed) return absl::OkStatus();  // A person resumes it.
  KeepPending(&tasks);
  if (tasks.empty()) return GoOn(context, job, "nothing is left to begin");
  ASSIGN_OR_RETURN(PolicyDecision decision,
                   EvaluatePolicyOn(context.tx, *job, tasks, context.now, context.readings));
  if (decision.allowed() && context.readings != nullptr) {
    // To go on is to take one of the window's places, and a grant does not ask for the turn of what
    // goes on in its occurrence: another one may have taken the place since the queue was read.
    ASSIGN_OR_RETURN(decision, EvaluatePolicyOn(context.tx, *job, tasks, context.now));
  }
  if (decision.allowed()) return GoOn(context, job, "the policy allows it again");
  const std::string former = job->error_message;
  // Paused for days, it may need another backup.
  ASSIGN_OR_RETURN(const bool gate_failed, TakeGateBackup(context, decision, tasks, job));
  if (!gate_failed) {
    job->error_reason = WaitsForTimeAndBackup(decision) ? kWindowClosed : kBlockedByPolicy;
    job->error_message = RecordedWords(decision);
  }
  const bool by_itself = job->error_reason == kWindowClosed;
  if (by_itself && job->error_message == former) return absl::OkStatus();
  RETURN_IF_ERROR(context.tx.UpdateJob(job));
  // A person has to resume it now.
  return by_itself || job->error_message == former
             ? absl::OkStatus()
             : context.Audit("job.pause", *job, {{"why", job->error_message}});
}

absl::Status JobFlow::GoOn(FlowContext& context, Job* job, absl::string_view why) const {
  RETURN_IF_ERROR(MoveJob(job, JobState::kRolling, context.now));
  job->error_reason.clear();
  job->error_message.clear();
  RETURN_IF_ERROR(context.tx.UpdateJob(job));
  RETURN_IF_ERROR(context.Audit("job.resume", *job, {{"why", std::string(why)}}));
  return AdvanceRunning(context, job, nullptr);
}

bool IsPausedByItself(const Job& job) {
  return job.state == JobState::kPaused &&
         (job.error_reason == kWindowClosed || job.error_reason == kBlockedByPolicy ||
          job.error_reason == kGateFailed || job.error_reason == kBetweenWaves ||
          job.error_reason == kFailureBudget || job.error_reason == kWaveUnwell);
}

bool EndsWithItsWindow(const Job& job) {
  const bool begun = job.state == JobState::kRolling || job.state == JobState::kPaused;
  return begun && !job.window.empty() && job.overrun == Overrun::kCancel && !job.cancel_requested;
}

}  // namespace dbfleet::controller
