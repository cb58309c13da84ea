// JobManager's part for decisions on jobs: approve, withdraw, reject, cancel, pause, resume,
// resolve.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/plan/estimate.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/identity/request_keys.h"
#include "controller/identity/roles_in.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/cancelling.h"
#include "controller/jobs/decisions.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/planning.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostReason = 4000;  // Bytes.

// At the decision itself: the call was let in by what its token's user was then.
absl::Status RequireApprover(ReadTx& tx, const Job& job, const std::string& principal) {
  ASSIGN_OR_RETURN(const std::set<Role> roles, RolesIn(tx, principal, job.environment));
  if (roles.count(Role::kApprover) != 0) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
               absl::StrCat(principal, " is no approver in ", job.environment, ", where jobs/",
                            job.id, " is"));
}

// Why this principal's approval does not count, if so.
absl::Status MayDecide(const Job& job, const std::vector<std::string>& dependents,
                       const std::string& principal, absl::string_view digest) {
  if (job.state != JobState::kAwaitingApproval && job.state != JobState::kReady &&
      job.state != JobState::kPaused) {
    return WrongState(job, "approved");
  }
  // Only a plan has something to say yes to; without its digest none of it would ever count.
  if (job.kind != JobKind::kMigrate || job.digest.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_PLAN",
                 absl::StrCat("jobs/", job.id, " has no plan that could be approved: it is ",
                              job.kind == JobKind::kMigrate ? "not planned yet" : "no change"));
  }
  if (principal == job.requester) {
    return Error(
        absl::StatusCode::kPermissionDenied, "SELF_APPROVAL",
        absl::StrCat(principal, " requested jobs/", job.id, "; somebody else has to approve it"));
  }
  if (std::find(dependents.begin(), dependents.end(), principal) != dependents.end()) {
    const bool schedule = absl::StartsWith(job.requester, "schedules/");
    if (schedule || absl::StartsWith(job.requester, "eventrules/")) {
      return Error(absl::StatusCode::kPermissionDenied, "DEPENDENT_APPROVER",
                   absl::StrCat(principal, " declared, changed or ",
                                schedule ? "ran " : "accepted something of ", job.requester,
                                ", or depends on somebody who did; somebody else has to approve "
                                "jobs/",
                                job.id));
    }
    return Error(absl::StatusCode::kPermissionDenied, "DEPENDENT_APPROVER",
                 absl::StrCat(job.requester, " made the account, role or token of ", principal,
                              ", whose approval of jobs/", job.id, " therefore does not count"));
  }
  if (digest != job.digest) {
    return Error(
        absl::StatusCode::kAborted, "DIGEST_CHANGED",
        absl::StrCat("jobs/", job.id, " now has the digest ", job.digest,
                     ", not the one that was approved; look at it again: dbfleet change get ",
                     job.id));
  }
  return absl::OkStatus();
}

// Puts what the approver saw in the place of what is estimated by now, where that is more.
absl::Status TakeSeen(const Job& job, const std::map<std::string, int64_t>& seen,
                      std::map<std::string, int64_t>* rows) {
  for (const auto& [target, shown] : seen) {
    const auto now = rows->find(target);
    if (now == rows->end()) {
      return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_TARGET",
                   absl::StrCat("jobs/", job.id, " has no target ",
                                SanitizeForDisplay(Truncate(target, 200))));
    }
    if (EstimateGrown(shown, now->second)) {
      return Error(absl::StatusCode::kAborted, "ESTIMATE_GROWN",
                   absl::StrCat("jobs/", job.id, " is by now estimated to touch ", now->second,
                                " rows of ", target, ", beyond twice the ", shown,
                                " that were shown; look at it again: dbfleet change get ", job.id));
    }
    // Never of more than is estimated by now, whatever the caller says was shown.
    if (shown >= 0) now->second = now->second < 0 ? shown : std::min(shown, now->second);
  }
  return absl::OkStatus();
}

// The principal's approval takes the place of one that does not count any more. The former one's
// time, "" if there was none.
std::string PutApproval(const Approval& approval, Job* job) {
  std::string former;
  std::erase_if(job->approvals, [&](const Approval& other) {
    if (!other.approved || other.principal != approval.principal) return false;
    former = absl::FormatTime(absl::RFC3339_sec, other.decide_time, absl::UTCTimeZone());
    return true;
  });
  job->approvals.push_back(approval);
  return former;
}

// A person's word that the plan took effect, so that it can be rolled back later.
absl::Status TakePlanAsApplied(Task* task) {
  if (task->plan_blob.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const work::v1::Plan plan, ParsePlan(*task));
  work::v1::TaskResult result;
  for (const std::string& version : plan.versions()) {
    result.mutable_migrate()->add_applied_versions(version);
  }
  task->result_blob = result.SerializeAsString();
  return absl::OkStatus();
}

absl::StatusOr<Task> WaitingTask(ReadTx& tx, const Job& job, const std::string& task_id) {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  std::vector<Task> waiting;
  for (const Task& task : tasks) {
    ASSIGN_OR_RETURN(const std::vector<Attempt> attempts, tx.AttemptsOfTask(task.id));
    const bool unreachable = std::any_of(attempts.begin(), attempts.end(), [](const Attempt& a) {
      return a.state == AttemptState::kUnreachable;
    });
    if (task.state != TaskState::kNeedsPerson && !unreachable) continue;
    if (task_id.empty() || task.id == task_id) waiting.push_back(task);
  }
  if (waiting.size() == 1) return waiting[0];
  if (waiting.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_RESOLVE",
                 absl::StrCat("no such task of jobs/", job.id, " waits for a person"));
  }
  return Error(absl::StatusCode::kInvalidArgument, "TASK_REQUIRED",
               absl::StrCat(waiting.size(), " tasks of jobs/", job.id,
                            " wait for a person; name one as jobs/", job.id, "/tasks/ID"));
}

}  // namespace

absl::Status RequireReason(absl::string_view reason) {
  if (!reason.empty() && reason.size() <= kMostReason) return absl::OkStatus();
  return Error(
      absl::StatusCode::kInvalidArgument, "REASON_REQUIRED",
      absl::StrCat("a reason is needed here, of at most ", kMostReason, " bytes (--reason)"));
}

absl::Status CheckReason(absl::string_view reason) {
  if (reason.size() <= kMostReason) return absl::OkStatus();
  return Error(
      absl::StatusCode::kInvalidArgument, "TEXT_TOO_LONG",
      absl::StrCat("`reason` has ", reason.size(), " bytes; shorten it to at most ", kMostReason));
}

absl::Status WrongState(const Job& job, absl::string_view verb) {
  return Error(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
               absl::StrCat("jobs/", job.id, " is ", NameOf(job.state), " and cannot be ", verb));
}

absl::StatusOr<Job> JobManager::Approve(const RequestMeta& meta, const std::string& job_id,
                                        const std::string& digest, const std::string& reason,
                                        const std::map<std::string, int64_t>& seen_rows) {
  absl::Status refusal;
  Job seen;
  absl::StatusOr<Job> result = Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
    seen = job;
    ASSIGN_OR_RETURN(const PolicyDecision decision,
                     flow_.EvaluatePolicy(context.tx, job, context.now));
    const bool already = decision.Counts(meta.principal) && digest == job.digest;
    if (already && !IsTerminal(job.state)) return job;
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, context.tx.TasksOfJob(job.id));
    // EvaluatePolicy knows the dependents; here the same list names the reason to the person.
    ASSIGN_OR_RETURN(const std::vector<std::string> dependents,
                     flow_.DependentsOf(context.tx, job.requester));
    refusal = MayDecide(job, dependents, meta.principal, digest);
    if (refusal.ok()) refusal = RequireApprover(context.tx, job, meta.principal);
    std::map<std::string, int64_t> rows = RowsByTarget(tasks);
    if (refusal.ok()) refusal = TakeSeen(job, seen_rows, &rows);
    RETURN_IF_ERROR(refusal);
    if (decision.reason_required) RETURN_IF_ERROR(RequireReason(reason));
    const std::string replaced =
        PutApproval({meta.principal, true, job.digest, reason, context.now,
                     context.now + decision.approval_ttl, std::move(rows), meta.token_id},
                    &job);
    // What waited for approvals goes on with them, and is not left for somebody to resume it.
    if (job.state == JobState::kPaused && job.error_reason == kBlockedByPolicy &&
        decision.BlockedBy("approvals")) {
      job.error_reason = kWindowClosed;
    }
    RETURN_IF_ERROR(context.tx.UpdateJob(&job));
    RETURN_IF_ERROR(context.Audit("change.approve", job,
                                  {{"reason", reason},
                                   {"token", meta.token_id},
                                   {"estimated_rows", absl::StrCat(EstimatedRows(tasks))},
                                   {"replaces_approval_of", replaced}}));
    RETURN_IF_ERROR(flow_.Advance(context, job.id));
    return context.tx.GetJob(job.id);
  });
  if (refusal.ok()) return result;
  return AuditRefusal(meta, "change.approve_refused", absl::StrCat("jobs/", job_id),
                      seen.environment, refusal);
}

absl::StatusOr<Job> JobManager::WithdrawApproval(const RequestMeta& meta, const std::string& job_id,
                                                 const std::string& reason) {
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
    const size_t withdrawn = std::erase_if(job.approvals, [&](const Approval& approval) {
      return approval.approved && approval.principal == meta.principal;
    });
    if (job.state != JobState::kPlanning && job.state != JobState::kAwaitingApproval &&
        job.state != JobState::kReady) {
      if (IsTerminal(job.state)) {
        return Error(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
                     absl::StrCat("jobs/", job.id, " is ", NameOf(job.state),
                                  ": it is over, and its approvals count for nothing any more"));
      }
      return Error(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
                   absl::StrCat("jobs/", job.id, " is ", NameOf(job.state),
                                ": an approval can be taken back until the change begins; an "
                                "operator can stop it: dbfleet change cancel ",
                                job.id));
    }
    // A retry, of a request that found it.
    const class RequestKey key("approval.withdraw", meta.principal, meta.request_id, {job_id});
    ASSIGN_OR_RETURN(const std::string done, key.FindMade(context.tx, context.now));
    if (withdrawn == 0 && !done.empty()) return job;
    if (withdrawn == 0) {
      return Error(absl::StatusCode::kFailedPrecondition, "NO_APPROVAL",
                   absl::StrCat("jobs/", job.id, " has no approval of ", meta.principal,
                                " that could be taken back; see who approved it: dbfleet change "
                                "get ",
                                job.id));
    }
    if (done.empty()) RETURN_IF_ERROR(key.Remember(context.tx, job.id, context.now));
    RETURN_IF_ERROR(context.tx.UpdateJob(&job));
    RETURN_IF_ERROR(context.Audit("change.withdraw_approval", job,
                                  {{"reason", reason}, {"token", meta.token_id}}));
    RETURN_IF_ERROR(flow_.Advance(context, job.id));
    return context.tx.GetJob(job.id);
  });
}

absl::StatusOr<Job> JobManager::Reject(const RequestMeta& meta, const std::string& job_id,
                                       const std::string& reason) {
  RETURN_IF_ERROR(RequireReason(reason));
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
    const std::string words = absl::StrCat("rejected by ", meta.principal, ": ", reason);
    if (job.state == JobState::kRejected && job.error_message == words) return job;  // A retry.
    if (job.state != JobState::kAwaitingApproval) {
      return Error(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
                   absl::StrCat("jobs/", job.id, " is ", NameOf(job.state),
                                " and waits for no approval that could be rejected",
                                IsTerminal(job.state)
                                    ? std::string()
                                    : absl::StrCat("; an operator can end it: dbfleet change "
                                                   "cancel ",
                                                   job.id)));
    }
    RETURN_IF_ERROR(RequireApprover(context.tx, job, meta.principal));
    ASSIGN_OR_RETURN(std::vector<Task> tasks, context.tx.TasksOfJob(job.id));
    for (Task& task : tasks) {
      RETURN_IF_ERROR(MoveTask(&task, TaskState::kSkipped));
      RETURN_IF_ERROR(context.tx.UpdateTask(&task));
    }
    job.approvals.push_back(
        {meta.principal, false, job.digest, reason, context.now, absl::InfiniteFuture(), {}});
    job.error_reason = "REJECTED";
    job.error_message = words;
    RETURN_IF_ERROR(context.Audit("change.reject", job, {{"reason", reason}}));
    RETURN_IF_ERROR(flow_.Finish(context, &job, tasks, JobState::kRejected));
    return job;
  });
}

absl::StatusOr<Job> JobManager::Cancel(const RequestMeta& meta, const std::string& job_id,
                                       const std::string& reason) {
  RETURN_IF_ERROR(CheckReason(reason));
  return Run(
      meta,
      [&](FlowContext& context) -> absl::StatusOr<Job> {
        ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
        if (job.state == JobState::kCancelling || job.state == JobState::kCancelled) return job;
        if (IsTerminal(job.state)) return WrongState(job, "cancelled");
        job.cancel_requested = true;
        // What a pause waited for is none of how it ends.
        job.error_reason = "CANCELLED";
        job.error_message =
            absl::StrCat("cancelled by ", meta.principal, reason.empty() ? "" : ": ", reason);
        RETURN_IF_ERROR(context.Audit("job.cancel", job, {{"reason", reason}}));
        RETURN_IF_ERROR(EndCancelled(flow_, context, job));
        RETURN_IF_ERROR(CancelGate(flow_, context, job, reason));
        return context.tx.GetJob(job.id);
      },
      Importance::kEssential);
}

absl::StatusOr<Job> JobManager::Resolve(const RequestMeta& meta, const std::string& job_id,
                                        const std::string& task_id, Resolution resolution,
                                        const std::string& reason) {
  RETURN_IF_ERROR(RequireReason(reason));
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
    ASSIGN_OR_RETURN(Task task, WaitingTask(context.tx, job, task_id));
    ASSIGN_OR_RETURN(std::vector<Attempt> attempts, context.tx.AttemptsOfTask(task.id));
    const bool applied = resolution == Resolution::kApplied;
    RETURN_IF_ERROR(context.Audit("job.resolve", job,
                                  {{"target", task.Target()},
                                   {"as", applied ? "applied" : "not-applied"},
                                   {"reason", reason}}));
    for (Attempt& attempt : attempts) {
      if (attempt.state != AttemptState::kUnreachable) continue;
      RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kLost, context.now));
      attempt.error_message = absl::StrCat("given up by ", meta.principal, ": ", reason);
      RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
    }
    if (task.state != TaskState::kNeedsPerson) {
      RETURN_IF_ERROR(MoveTask(&task, TaskState::kNeedsPerson));
    }
    RETURN_IF_ERROR(MoveTask(&task, applied ? TaskState::kSucceeded : TaskState::kFailed));
    task.error_reason = applied ? "RESOLVED_AS_APPLIED" : "RESOLVED_AS_NOT_APPLIED";
    task.error_message = absl::StrCat(meta.principal, " decided: ", reason);
    if (applied) RETURN_IF_ERROR(TakePlanAsApplied(&task));
    RETURN_IF_ERROR(context.tx.UpdateTask(&task));
    RETURN_IF_ERROR(RecordBackupOutcome(context, job, task));
    // A pause for another reason than this stays.
    if (job.state == JobState::kPaused && job.error_reason == "NEEDS_PERSON") {
      LetGoOn(&job);
      if (job.queue.window.empty()) {
        RETURN_IF_ERROR(MoveJob(&job, JobState::kRolling, context.now));
      }
      RETURN_IF_ERROR(context.tx.UpdateJob(&job));
    }
    RETURN_IF_ERROR(flow_.Advance(context, job.id));
    return context.tx.GetJob(job.id);
  });
}

}  // namespace dbfleet::controller
