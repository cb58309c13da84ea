// The dispatcher's part that hands work out: offers, grants, withdrawals, cancellations.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/plan/digest.h"
#include "controller/audit/recovery.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/dispatch/wire.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/planning.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/dispatch";

bool IsUngranted(AttemptState state) {
  return state == AttemptState::kOffered || state == AttemptState::kAccepted;
}

// Is there other exclusive work on the instance, offered or further?
absl::StatusOr<bool> InstanceIsBusy(ReadTx& tx, const Attempt& mine) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfInstance(mine.instance_id));
  for (const Attempt& other : open) {
    if (other.id == mine.id) continue;
    if (!IsUngranted(other.state) && !HoldsInstance(other.state)) continue;
    ASSIGN_OR_RETURN(const Job job, tx.GetJob(other.job_id));
    if (IsExclusive(job.kind, other.purpose)) return true;
  }
  return false;
}

// May this job's work be handed out in its present state?
bool JobWants(const Job& job, Purpose purpose) {
  if (purpose == Purpose::kPlan) return job.state == JobState::kPlanning;
  return job.state == JobState::kReady || job.state == JobState::kRolling;
}

bool AgentTakesWork(const Agent& agent) {
  return !agent.revoked && !agent.quarantined && !agent.draining;
}

absl::StatusOr<agent::v1::ControllerMsg> OfferMessage(ReadTx& tx, const JobFlow& flow,
                                                      DigestPlaces& places, absl::Time now,
                                                      const Job& job, const Attempt& attempt,
                                                      absl::Duration start_within) {
  ASSIGN_OR_RETURN(const Task task, tx.GetTask(attempt.task_id));
  ASSIGN_OR_RETURN(work::v1::JobSpec spec, ParseSpec(job, task));
  agent::v1::ControllerMsg message;
  agent::v1::Offer* offer = message.mutable_offer();
  ASSIGN_OR_RETURN(*offer->mutable_spec(), SpecForAgent(tx, std::move(spec)));
  offer->set_attempt_id(attempt.id);
  offer->set_job_id(attempt.job_id);
  offer->set_task_id(attempt.task_id);
  offer->set_instance(attempt.instance_id);
  offer->set_fence(attempt.fence);
  offer->set_epoch(attempt.epoch);
  offer->set_purpose(attempt.purpose == Purpose::kPlan ? agent::v1::PURPOSE_PLAN
                                                       : agent::v1::PURPOSE_EXECUTE);
  *offer->mutable_not_after() = ToProto(attempt.not_after);
  *offer->mutable_start_within() = ToProto(start_within);
  offer->set_safe_to_rerun(attempt.safe_to_rerun);
  if (job.kind == JobKind::kMigrate && attempt.purpose == Purpose::kExecute) {
    ASSIGN_OR_RETURN(DigestPlaces::Covered covered, places.Check(tx, job, task));
    JobDigestInput& input = covered.input;
    const std::optional<TargetPlace>& place = covered.place;
    ASSIGN_OR_RETURN(const PolicyDecision decision,
                     flow.EvaluatePolicyOn(tx, job, {&task, 1}, now));
    if (const auto rows = ApprovedRows(decision.counted, task.Target()); rows.has_value()) {
      offer->set_approved_rows(*rows);
    }
    agent::v1::DigestInputs* inputs = offer->mutable_digest_inputs();
    inputs->set_job_kind(input.job_kind);
    inputs->set_params_sha256(input.params_sha256);
    inputs->set_policy_digest(input.policy_digest);
    inputs->set_rollout(input.rollout);
    std::sort(input.targets.begin(), input.targets.end(),
              [](const auto& a, const auto& b) { return a.target < b.target; });
    for (const TargetDigestInput& target : input.targets) {
      agent::v1::TargetDigest* digest = inputs->add_targets();
      digest->set_target(target.target);
      digest->set_digest(target.digest);
    }
    if (place.has_value()) {
      inputs->set_target_count(place->count);
      inputs->set_targets_root(place->root);
      inputs->set_target_index(place->index);
      for (const std::string& hash : place->path) inputs->add_target_path(hash);
    }
  }
  return message;
}

enum class Leave { kGranted, kNotNow, kPolicyForbids };

// What the policy says beside yes: in which window the work begins, what its close means, and what
// the yes rests on, as the audit record names it.
struct LeaveTime {
  std::string window;
  Overrun overrun = Overrun::kFinish;
  absl::Time window_closes = absl::InfiniteFuture();
  absl::Time begin_before = absl::InfiniteFuture();
  std::map<std::string, std::string> basis;
  std::string backup;  // Its id; "": none was needed.
  absl::Time steps_until = absl::InfiniteFuture();
};

// Why this target may begin, for the record. `backups` are of this one alone, where the decision
// may be about all of them.
std::map<std::string, std::string> BasisOf(const Job& job, const PolicyDecision& decision,
                                           const std::vector<std::string>& backups) {
  std::set<std::string> approvers;
  for (const Approval& approval : decision.counted) approvers.insert(approval.principal);
  std::map<std::string, std::string> basis = {
      {"window", decision.window},
      {"approved_by", absl::StrJoin(approvers, ", ")},
      {"approved_with", decision.approved_with_change ? "jobs/" + job.rollback_of : std::string()},
      {"backup", absl::StrJoin(backups, ", ",
                               [](std::string* out, const std::string& id) {
                                 absl::StrAppend(out, "backups/", id);
                               })},
      {"promoted_by", decision.promoted_by.empty() ? "" : "jobs/" + decision.promoted_by},
      {"waived", absl::StrJoin(decision.waived, ", ")},
      {"waived_by", decision.waived_by},
      {"outlasted_by", decision.overrun == Overrun::kCancel ? decision.outlasted_by : ""}};
  return basis;
}

// The agent may take its time: until then what the yes rests on is as it was looked at.
absl::Time BeginBefore(const PolicyDecision& decision) {
  absl::Time moment = decision.closes;
  for (const Approval& approval : decision.counted) {
    moment = std::min(moment, approval.expire_time);
  }
  return moment;
}

// The grant's own look at everything, in its own transaction: what was true when the job became
// ready may not be true any more.
absl::StatusOr<Leave> MayGrant(FlowContext& context, const JobFlow& flow, DigestPlaces& places,
                               const Attempt& attempt, const Job& job, const Task& task,
                               LeaveTime* time) {
  ASSIGN_OR_RETURN(const Agent agent, context.tx.GetAgent(attempt.agent_id));
  if (!AgentTakesWork(agent) || !JobWants(job, attempt.purpose)) return Leave::kNotNow;
  if (context.now >= attempt.not_after || job.cancel_requested) return Leave::kNotNow;
  if (attempt.purpose == Purpose::kPlan) return Leave::kGranted;
  // What the job waited for was looked at for all its targets; here it is this one's turn.
  ASSIGN_OR_RETURN(PolicyDecision decision,
                   flow.EvaluatePolicyOn(context.tx, job, {&task, 1}, context.now));
  const std::vector<std::string> backups = decision.backups;
  if (decision.allowed() && !decision.window.empty() && job.window.empty()) {
    // The first one in this window: what its end means is one thing for all the targets.
    ASSIGN_OR_RETURN(decision, flow.EvaluatePolicy(context.tx, job, context.now));
  }
  if (!decision.allowed()) return Leave::kPolicyForbids;
  *time = {decision.window,
           decision.overrun,
           decision.window_closes,
           BeginBefore(decision),
           BasisOf(job, decision, backups),
           backups.empty() ? "" : backups.front(),
           decision.steps_until};
  if (job.kind != JobKind::kMigrate) return Leave::kGranted;
  RETURN_IF_ERROR(places.Check(context.tx, job, task).status());
  return Leave::kGranted;
}

// A job that was ready goes back to waiting. One that is under way pauses: people decide whether
// what is left shall still be done, and Resume looks at the policy again.
absl::Status HoldBack(FlowContext& context, const JobFlow& flow, Job job) {
  if (job.state == JobState::kReady) return flow.Advance(context, job.id);
  if (!CanMove(job.state, JobState::kPaused)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const PolicyDecision decision,
                   flow.EvaluatePolicy(context.tx, job, context.now));
  // The scheduler cancels it, within some seconds of the close.
  if (EndsWithItsWindow(job) && decision.Closed()) return absl::OkStatus();
  RETURN_IF_ERROR(flow.WithdrawUngranted(context, job, "the policy does not allow it any more"));
  RETURN_IF_ERROR(MoveJob(&job, JobState::kPaused, context.now));
  // One that waits for nothing but its time, and a backup that is taken by itself, goes on by
  // itself when these come.
  const bool by_itself = WaitsForTimeAndBackup(decision) &&
                         (decision.BlockedByTime() || decision.BlockedBy("agent-too-old") ||
                          job.backup_gate != BackupGate::kExisting);
  job.error_reason = by_itself ? kWindowClosed : kBlockedByPolicy;
  job.error_message = RecordedWords(decision);
  if (!job.queue.window.empty()) context.changes.queues.insert(job.queue.window);
  RETURN_IF_ERROR(context.tx.UpdateJob(&job));
  return context.Audit("job.pause", job, {{"why", job.error_message}});
}

// The record of the intent, before any effect.
absl::Status CommitGrant(FlowContext& context, Job job, Task task, const LeaveTime& time,
                         Attempt* attempt) {
  attempt->start_before = time.begin_before;
  if (time.overrun == Overrun::kCancel) {
    attempt->not_after = std::min(attempt->not_after, time.steps_until);
  }
  if (!time.backup.empty()) {
    ASSIGN_OR_RETURN(const Backup backup, context.tx.GetBackup(time.backup));
    attempt->backup_id = backup.id;
    ASSIGN_OR_RETURN(attempt->backup_manifest, ManifestOf(backup));
  }
  RETURN_IF_ERROR(MoveAttempt(attempt, AttemptState::kGranted, context.now));
  if (job.kind == JobKind::kMigrate && attempt->purpose == Purpose::kExecute) {
    attempt->digest = job.digest;
  }
  RETURN_IF_ERROR(context.UpdateAttempt(attempt));
  const bool begins = attempt->purpose == Purpose::kExecute && job.state == JobState::kReady;
  if (attempt->purpose == Purpose::kExecute) {
    const bool enters = job.window.empty() && !time.window.empty();
    if (begins) RETURN_IF_ERROR(MoveJob(&job, JobState::kRolling, context.now));
    if (enters) {
      job.window = time.window;
      job.overrun = time.overrun;
      job.window_entered = context.now;
    }
    // Its place in the queue of this window, until the occurrence is over.
    const bool takes_place = !time.window.empty() && time.window == job.queue.window &&
                             job.queue.until != time.window_closes;
    if (takes_place) job.queue.until = time.window_closes;
    if (begins || enters || takes_place) RETURN_IF_ERROR(context.tx.UpdateJob(&job));
    RETURN_IF_ERROR(NoteServer(context, job, task, *attempt));
    RETURN_IF_ERROR(MoveTask(&task, TaskState::kActive));
    RETURN_IF_ERROR(context.tx.UpdateTask(&task));
  }
  std::map<std::string, std::string> details = {{"attempt", attempt->id},
                                                {"target", task.Target()},
                                                {"purpose", std::string(NameOf(attempt->purpose))},
                                                {"fence", absl::StrCat(attempt->fence)},
                                                {"agent", attempt->agent_id}};
  details.insert(time.basis.begin(), time.basis.end());
  if (begins) details["begins"] = "job";
  return context.Audit("attempt.grant", job, std::move(details));
}

}  // namespace

void Dispatcher::TryOffer(const SessionPtr& session, const std::string& attempt_id) {
  in_flight_.insert(attempt_id);
  auto message = std::make_shared<agent::v1::ControllerMsg>();
  store_.MutateRepeatable(
      [this, message, attempt_id, agent_id = session->agent_id()](WriteTx& tx) -> absl::Status {
        message->Clear();
        ASSIGN_OR_RETURN(Attempt attempt, tx.GetAttempt(attempt_id));
        if (attempt.state != AttemptState::kQueued) return absl::OkStatus();
        ASSIGN_OR_RETURN(const bool recovery, InRecovery(tx));
        if (recovery) return absl::OkStatus();
        ASSIGN_OR_RETURN(const Job job, tx.GetJob(attempt.job_id));
        ASSIGN_OR_RETURN(Instance instance, tx.GetInstance(attempt.instance_id));
        ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(agent_id));
        if (instance.agent_id != agent_id || instance.removed || !AgentTakesWork(agent) ||
            !JobWants(job, attempt.purpose)) {
          return absl::OkStatus();
        }
        if (IsExclusive(job.kind, attempt.purpose)) {
          ASSIGN_OR_RETURN(const bool busy, InstanceIsBusy(tx, attempt));
          if (busy) return absl::OkStatus();
        }
        FlowContext context{tx, clock_.Now(), kActor, {}};
        attempt.agent_id = agent_id;
        attempt.epoch = store_.epoch();
        ASSIGN_OR_RETURN(attempt.fence, NextFence(attempt.epoch, &instance));
        RETURN_IF_ERROR(tx.UpdateInstance(&instance));
        RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kOffered, context.now));
        RETURN_IF_ERROR(tx.UpdateAttempt(&attempt));
        RETURN_IF_ERROR(context.Audit("attempt.offer", job,
                                      {{"attempt", attempt.id},
                                       {"agent", agent_id},
                                       {"fence", absl::StrCat(attempt.fence)}}));
        ASSIGN_OR_RETURN(*message, OfferMessage(tx, flow_, places_, context.now, job, attempt,
                                                options_.start_within));
        return absl::OkStatus();
      },
      [this, message, session, attempt_id](absl::Status status) {
        Post([this, message, session, attempt_id, status] {
          Landed(attempt_id);
          if (!status.ok()) {
            log::Error("an attempt could not be offered",
                       {{"attempt", attempt_id}, {"error", std::string(status.message())}});
          } else if (message->has_offer()) {
            offers_total_.Increment();
            session->offered.insert(attempt_id);
            mail_.Send(session, std::move(*message));
          }
        });
      });
}

void Dispatcher::TryGrant(const SessionPtr& session, const std::string& attempt_id) {
  in_flight_.insert(attempt_id);
  auto message = std::make_shared<agent::v1::ControllerMsg>();
  auto changes = std::make_shared<JobChanges>();
  store_.MutateRepeatable(
      [this, message, changes, attempt_id](WriteTx& tx) -> absl::Status {
        message->Clear();
        *changes = JobChanges();
        ASSIGN_OR_RETURN(Attempt attempt, tx.GetAttempt(attempt_id));
        if (attempt.state != AttemptState::kAccepted) return absl::OkStatus();
        ASSIGN_OR_RETURN(const bool recovery, InRecovery(tx));
        if (recovery) return absl::OkStatus();
        ASSIGN_OR_RETURN(const Job job, tx.GetJob(attempt.job_id));
        ASSIGN_OR_RETURN(Task task, tx.GetTask(attempt.task_id));
        FlowContext context{tx, clock_.Now(), kActor, {}};
        LeaveTime time;
        ASSIGN_OR_RETURN(const Leave leave,
                         MayGrant(context, flow_, places_, attempt, job, task, &time));
        if (leave != Leave::kGranted) {
          if (leave == Leave::kPolicyForbids) RETURN_IF_ERROR(HoldBack(context, flow_, job));
          *changes = std::move(context.changes);
          return absl::OkStatus();
        }
        RETURN_IF_ERROR(CommitGrant(context, job, std::move(task), time, &attempt));
        *changes = std::move(context.changes);
        *message = GrantMessage(attempt, store_.epoch(), options_.lease);
        return absl::OkStatus();
      },
      [this, message, changes, session, attempt_id](absl::Status status) {
        Post([this, message, changes, session, attempt_id, status] {
          Landed(attempt_id);
          if (!status.ok()) {
            log::Error("an attempt could not be granted",
                       {{"attempt", attempt_id}, {"error", std::string(status.message())}});
            return;
          }
          hub_.Notify(*changes);
          if (!message->has_grant()) return;
          grants_total_.Increment();
          session->offered.erase(attempt_id);
          session->leased[attempt_id] = FromProto(message->grant().not_after());
          mail_.Send(session, std::move(*message));
        });
      });
}

void Dispatcher::TellAgent(const SessionPtr& session, const Attempt& attempt,
                           bool cancel_requested) {
  if (session->offered.count(attempt.id) > 0 && attempt.state == AttemptState::kWithdrawn) {
    session->offered.erase(attempt.id);
    mail_.Send(session, WithdrawMessage(attempt.id));
  }
  const auto leased = session->leased.find(attempt.id);
  const bool moved = leased != session->leased.end() && leased->second != attempt.not_after;
  if (moved && HoldsInstance(attempt.state)) {
    agent::v1::ControllerMsg renewal;
    renewal.mutable_lease_renewal()->add_attempt_ids(attempt.id);
    *renewal.mutable_lease_renewal()->mutable_lease() = ToProto(options_.lease);
    *renewal.mutable_lease_renewal()->mutable_not_after() = ToProto(attempt.not_after);
    if (mail_.Send(session, std::move(renewal))) leased->second = attempt.not_after;
  }
  // What was given up must not go on, or begin, on an agent that still has it.
  const bool given_up =
      attempt.state == AttemptState::kLost && session->leased.erase(attempt.id) > 0;
  if (IsTerminal(attempt.state)) session->offered.erase(attempt.id);
  const bool cancelled = cancel_requested && HoldsInstance(attempt.state);
  if ((given_up || cancelled) && session->cancelled.insert(attempt.id).second) {
    mail_.Send(session,
               CancelMessage(attempt.id, given_up ? "it was given up" : "the job was cancelled"));
  }
}

}  // namespace dbfleet::controller
