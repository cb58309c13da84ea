#include "controller/dispatch/reclaim.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {
namespace {

constexpr int kFenceCounterBits = 24;

// Goes the usual way of states, as far as it is not gone yet.
template <typename Noun, typename State, typename Move>
absl::Status Walk(Noun* noun, std::initializer_list<State> way, Move move) {
  for (const State state : way) {
    if (!CanMove(noun->state, state)) continue;
    RETURN_IF_ERROR(move(noun, state));
  }
  return absl::OkStatus();
}

// The job did roll, whatever the store's older copy thinks of it.
absl::Status LetRoll(FlowContext& context, Job* job) {
  if (job->state == JobState::kRolling) return absl::OkStatus();
  RETURN_IF_ERROR(Walk(job, {JobState::kReady, JobState::kRolling},
                       [&](Job* it, JobState to) { return MoveJob(it, to, context.now); }));
  return context.tx.UpdateJob(job);
}

absl::Status Grant(FlowContext& context, const agent::v1::AttemptState& reported,
                   Attempt* attempt) {
  attempt->fence = reported.fence();
  attempt->epoch = reported.fence() >> kFenceCounterBits;
  const auto move = [&](Attempt* it, AttemptState to) { return MoveAttempt(it, to, context.now); };
  RETURN_IF_ERROR(Walk(
      attempt, {AttemptState::kOffered, AttemptState::kAccepted, AttemptState::kGranted}, move));
  if (reported.phase() == agent::v1::ATTEMPT_PHASE_GRANTED) return absl::OkStatus();
  return Walk(attempt, {AttemptState::kRunning}, move);
}

// Its window's end was given, or moved, in the lost life. Where nothing but what the store has may
// have been lost, the earlier moment counts.
bool TakeBound(const Job& job, const agent::v1::AttemptState& reported, bool lost_life,
               Attempt* attempt) {
  if (!reported.has_not_after()) return false;
  const absl::Time theirs = std::min(job.expire_time, FromProto(reported.not_after()));
  const absl::Time bound = lost_life ? theirs : std::min(theirs, attempt->not_after);
  return std::exchange(attempt->not_after, bound) != bound;
}

absl::Status KeepBound(FlowContext& context, const agent::v1::AttemptState& reported,
                       bool lost_life, Attempt attempt) {
  ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
  if (!TakeBound(job, reported, lost_life, &attempt)) return absl::OkStatus();
  RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
  return context.Audit(
      "attempt.bound", job,
      {{"attempt", attempt.id},
       {"agent", attempt.agent_id},
       {"not_after", absl::FormatTime(absl::RFC3339_sec, attempt.not_after, absl::UTCTimeZone())}});
}

Attempt NewAttempt(const FlowContext& context, const std::string& agent_id, const std::string& id,
                   const Job& job, Task* task) {
  Attempt attempt;
  attempt.id = id;
  attempt.task_id = task->id;
  attempt.job_id = task->job_id;
  attempt.instance_id = task->instance_id;
  attempt.agent_id = agent_id;
  attempt.number = ++task->attempts;
  attempt.create_time = context.now;
  attempt.not_after = job.expire_time;  // Of an agent of a former version, which does not say.
  return attempt;
}

// The attempt that is meant: the store's, or a new one of a task that the store has. nullopt: it
// is none of those that need anything.
absl::StatusOr<std::optional<Attempt>> FindOrMake(FlowContext& context, const std::string& agent_id,
                                                  const agent::v1::AttemptState& reported,
                                                  Task* task, bool* known) {
  absl::StatusOr<Attempt> ours = context.tx.GetAttempt(reported.attempt_id());
  if (!ours.ok() && !absl::IsNotFound(ours.status())) return ours.status();
  *known = ours.ok();
  // An agent of a former version does not name the task; the store may.
  if (!*known && reported.task_id().empty()) return std::optional<Attempt>();
  absl::StatusOr<Task> found = context.tx.GetTask(*known ? ours->task_id : reported.task_id());
  if (absl::IsNotFound(found.status())) return std::optional<Attempt>();
  if (!found.ok()) return found.status();
  *task = *std::move(found);
  // Its agent reports on it to whoever has the instance; others' attempts are not theirs to tell
  // of.
  ASSIGN_OR_RETURN(const Instance instance, context.tx.GetInstance(task->instance_id));
  if (instance.agent_id != agent_id) return std::optional<Attempt>();
  if (!*known) {
    ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(task->job_id));
    return std::make_optional(NewAttempt(context, agent_id, reported.attempt_id(), job, task));
  }
  const bool ended = IsTerminal(ours->state) || ours->safe_to_rerun ||
                     ours->purpose != Purpose::kExecute || ours->fence > reported.fence();
  if (ended) return std::optional<Attempt>();
  return std::make_optional(*std::move(ours));
}

absl::Status Reclaim(FlowContext& context, const JobFlow& flow, const std::string& agent_id,
                     const agent::v1::AttemptState& reported, const LostMemory& memory) {
  Task task;
  bool known = false;
  ASSIGN_OR_RETURN(std::optional<Attempt> attempt,
                   FindOrMake(context, agent_id, reported, &task, &known));
  if (!attempt.has_value() || IsTerminal(task.state)) return absl::OkStatus();
  // One that the store calls accepted was granted in the lost life, or the agent would not be so
  // far.
  const bool on_its_way =
      known && attempt->fence == reported.fence() && HoldsInstance(attempt->state);
  const bool ended = reported.phase() == agent::v1::ATTEMPT_PHASE_FINISHED && !memory.reports_wait;
  if (on_its_way && !ended) {
    return KeepBound(context, reported, memory.lost_life, *std::move(attempt));
  }
  ASSIGN_OR_RETURN(Job job, context.tx.GetJob(task.job_id));
  if (IsTerminal(job.state)) return absl::OkStatus();
  attempt->agent_id = agent_id;
  RETURN_IF_ERROR(Grant(context, reported, &*attempt));
  TakeBound(job, reported, memory.lost_life || !known, &*attempt);
  RETURN_IF_ERROR(known ? context.UpdateAttempt(&*attempt) : context.InsertAttempt(&*attempt));
  RETURN_IF_ERROR(LetRoll(context, &job));
  if (CanMove(task.state, TaskState::kActive)) RETURN_IF_ERROR(MoveTask(&task, TaskState::kActive));
  RETURN_IF_ERROR(context.tx.UpdateTask(&task));
  RETURN_IF_ERROR(context.Audit("attempt.reclaim", job,
                                {{"attempt", attempt->id},
                                 {"target", task.Target()},
                                 {"agent", agent_id},
                                 {"fence", absl::StrCat(attempt->fence)},
                                 {"phase", agent::v1::AttemptPhase_Name(reported.phase())},
                                 {"outcome", agent::v1::Outcome_Name(reported.outcome())}}));
  // Another attempt at the same task that waits to be offered must not be.
  RETURN_IF_ERROR(flow.WithdrawUngranted(
      context, job, "the agent has an attempt from a time that the store lost"));
  if (!ended) return absl::OkStatus();
  return EndUnheard(context, flow, *std::move(attempt), reported.outcome());
}

}  // namespace

absl::Status EndUnheard(FlowContext& context, const JobFlow& flow, Attempt attempt,
                        agent::v1::Outcome outcome) {
  const std::string ended =
      absl::StrCat("the agent finished it (", agent::v1::Outcome_Name(outcome),
                   ") after the copy was made from which the controller's store was restored");
  if (!attempt.safe_to_rerun) {
    return flow.EndAttempt(context, std::move(attempt),
                           {AttemptState::kInterrupted, "STORE_RESTORED",
                            absl::StrCat(ended, "; look at the target before you decide"), ""});
  }
  if (attempt.state != AttemptState::kUnreachable) {
    RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kUnreachable, context.now));
  }
  return flow.EndAttempt(context, std::move(attempt),
                         {AttemptState::kLost, "STORE_RESTORED", ended, ""});
}

absl::Status ReclaimAttempts(FlowContext& context, const JobFlow& flow, const std::string& agent_id,
                             const AttemptStates& theirs, const LostMemory& memory) {
  for (const auto& [attempt_id, reported] : theirs) {
    if (reported.phase() != agent::v1::ATTEMPT_PHASE_GRANTED &&
        reported.phase() != agent::v1::ATTEMPT_PHASE_RUNNING &&
        reported.phase() != agent::v1::ATTEMPT_PHASE_FINISHED) {
      continue;
    }
    RETURN_IF_ERROR(Reclaim(context, flow, agent_id, reported, memory));
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
