// The dispatcher's part that takes in what agents report. An event is acknowledged after its
// effects are committed, together with the number up to which the agent's journal is known.
#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/dispatch/wire.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {

// What an event's transaction decided, to be carried out after its commit.
struct EventOutcome {
  std::vector<agent::v1::ControllerMsg> replies;
  std::vector<std::string> finished;            // Attempts that the agent may forget.
  std::vector<std::string> ended;               // Attempts whose leases need no renewal any more.
  std::map<std::string, std::string> accepted;  // Attempts, with their instances.
  JobChanges changes;
  int late = 0;
};

namespace {

constexpr size_t kMaxErrorBytes = 4000;
constexpr size_t kMaxSteps = 100'000;  // An agent must not fill the store with inventions.

std::string Clean(absl::string_view text) {
  return Truncate(SanitizeForDisplay(text, true), kMaxErrorBytes);
}

// A report on an attempt that was given up. It is kept, an alert is raised, and newer work on the
// same instance waits until somebody has looked.
absl::Status RecordLate(FlowContext& context, const JobFlow& flow, const Attempt& attempt,
                        const agent::v1::Event& event, EventOutcome* outcome) {
  ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
  std::map<std::string, std::string> details = {{"attempt", attempt.id},
                                                {"state", std::string(NameOf(attempt.state))},
                                                {"seq", absl::StrCat(event.seq())}};
  const agent::v1::Finished& finished =
      event.has_finished() ? event.finished() : event.late_result();
  details["outcome"] = agent::v1::Outcome_Name(finished.outcome());
  details["error"] = Clean(finished.error_message());
  RETURN_IF_ERROR(context.Audit("attempt.late_result", job, std::move(details)));
  ++outcome->late;
  if (attempt.state != AttemptState::kLost) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Attempt> open,
                   context.tx.OpenAttemptsOfInstance(attempt.instance_id));
  for (const Attempt& newer : open) {
    ASSIGN_OR_RETURN(Job other, context.tx.GetJob(newer.job_id));
    if (newer.safe_to_rerun) continue;
    if (other.state == JobState::kReady) {
      RETURN_IF_ERROR(MoveJob(&other, JobState::kRolling, context.now));
    }
    if (!CanMove(other.state, JobState::kPaused)) continue;
    RETURN_IF_ERROR(flow.WithdrawUngranted(context, other, "an earlier attempt reported late"));
    RETURN_IF_ERROR(MoveJob(&other, JobState::kPaused, context.now));
    other.error_reason = "LATE_RESULT";
    other.error_message = absl::StrCat("jobs/", job.id, " reported after it had been given up");
    RETURN_IF_ERROR(context.tx.UpdateJob(&other));
    RETURN_IF_ERROR(context.Audit("job.pause", other, {{"why", other.error_message}}));
  }
  return absl::OkStatus();
}

absl::Status ApplyStarted(FlowContext& context, Attempt attempt, EventOutcome* outcome) {
  if (attempt.state != AttemptState::kGranted && attempt.state != AttemptState::kUnreachable) {
    if (IsTerminal(attempt.state)) {
      outcome->replies.push_back(CancelMessage(attempt.id, "it was given up"));
    }
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kRunning, context.now));
  attempt.unreachable_since = absl::InfinitePast();
  RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
  ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
  return context.Audit("attempt.start", job,
                       {{"attempt", attempt.id}, {"fence", absl::StrCat(attempt.fence)}});
}

absl::Status ApplyStep(FlowContext& context, const Attempt& attempt,
                       const work::v1::StepReport& report) {
  ASSIGN_OR_RETURN(const Job owner, context.tx.GetJob(attempt.job_id));
  if (!HoldsInstance(attempt.state)) {
    return context.Audit("attempt.late_step", owner,
                         {{"attempt", attempt.id}, {"step", absl::StrCat(report.index())}});
  }
  ASSIGN_OR_RETURN(Task task, context.tx.GetTask(attempt.task_id));
  StepReport step = FromProto(report);
  step.error = Clean(step.error);
  const auto same = std::find_if(task.steps.begin(), task.steps.end(), [&](const StepReport& s) {
    return s.index == step.index && s.rollback == step.rollback;
  });
  if (same == task.steps.end()) {
    if (task.steps.size() >= kMaxSteps) return absl::OkStatus();
    task.steps.push_back(step);
  } else if (step.state != "running" || same->state == "running" || same->state == "failed") {
    // What was done, or may have been, is not forgotten for a report that it runs.
    *same = step;
  }
  RETURN_IF_ERROR(context.tx.UpdateTask(&task));
  Job job = owner;
  if (step.rollback && job.state == JobState::kRolling) {
    ASSIGN_OR_RETURN(const JobProgress progress, context.tx.ProgressOf(job.id));
    if (!progress.several) {  // Of several targets the others may be rolling on.
      RETURN_IF_ERROR(MoveJob(&job, JobState::kRollingBack, context.now));
      RETURN_IF_ERROR(context.tx.UpdateJob(&job));
    }
  }
  return context.Audit("step.report", job,
                       {{"attempt", attempt.id},
                        {"step", absl::StrCat(step.rollback ? "rollback " : "", step.index)},
                        {"version", step.migration_version},
                        {"state", step.state},
                        {"rows", absl::StrCat(step.rows_affected)},
                        {"error", step.error}});
}

// The target was worked on under a higher fence than this instance ever had: fences are counted per
// instance, so the server most likely has, or had, another instance name as well.
absl::Status NoteSeenFence(FlowContext& context, const Attempt& attempt, uint64_t seen) {
  ASSIGN_OR_RETURN(Instance instance, context.tx.GetInstance(attempt.instance_id));
  const uint64_t before = instance.last_fence;
  if (!RaiseFence(attempt.epoch, seen, &instance)) return absl::OkStatus();
  RETURN_IF_ERROR(context.tx.UpdateInstance(&instance));
  log::Warn(
      "the instance's database was worked on under a higher fence: is its server known under "
      "another instance name as well?",
      {{"instance", instance.id}, {"attempt", attempt.id}, {"seen", absl::StrCat(seen)}});
  return context.tx.AppendAudit({context.actor,
                                 "instance.fence.raise",
                                 absl::StrCat("instances/", instance.id),
                                 instance.environment,
                                 {{"attempt", attempt.id},
                                  {"before", absl::StrCat(before)},
                                  {"seen", absl::StrCat(seen)},
                                  {"why", "the server may be known under two instance names"}}});
}

absl::Status ApplyFinished(FlowContext& context, const JobFlow& flow, const Attempt& attempt,
                           const agent::v1::Event& event, EventOutcome* outcome) {
  outcome->finished.push_back(attempt.id);
  outcome->ended.push_back(attempt.id);
  AttemptEnd end;
  end.state = StateOf(event.finished().outcome());
  end.error_reason = Truncate(SanitizeForDisplay(event.finished().error_reason()), 64);
  end.error_message = Clean(event.finished().error_message());
  end.result_blob = event.finished().result().SerializeAsString();
  if (IsTerminal(attempt.state)) return RecordLate(context, flow, attempt, event, outcome);
  if (!CanMove(attempt.state, end.state)) {
    // A report that cannot be is no knowledge: nothing was granted, or nobody can say.
    const bool granted = HoldsInstance(attempt.state);
    end.state = granted ? AttemptState::kInterrupted : AttemptState::kWithdrawn;
    end.error_reason = "IMPOSSIBLE_REPORT";
  } else if (end.error_reason == "STALE_FENCE" && event.finished().seen_fence() > 0) {
    RETURN_IF_ERROR(NoteSeenFence(context, attempt, event.finished().seen_fence()));
  }
  return flow.EndAttempt(context, attempt, end);
}

// One event of an attempt that this agent holds at this fence.
absl::Status Apply(FlowContext& context, const JobFlow& flow, Attempt attempt,
                   const agent::v1::Event& event, EventOutcome* outcome) {
  switch (event.kind_case()) {
    case agent::v1::Event::kAccepted: {
      if (attempt.state != AttemptState::kOffered) {
        if (IsTerminal(attempt.state)) outcome->replies.push_back(WithdrawMessage(attempt.id));
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kAccepted, context.now));
      outcome->accepted[attempt.id] = attempt.instance_id;
      RETURN_IF_ERROR(context.tx.UpdateAttempt(&attempt));
      ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
      return context.Audit("attempt.accept", job, {{"attempt", attempt.id}});
    }
    case agent::v1::Event::kDeclined:
      outcome->ended.push_back(attempt.id);
      if (attempt.state != AttemptState::kOffered) return absl::OkStatus();
      return flow.EndAttempt(
          context, attempt,
          {AttemptState::kDeclined, Truncate(SanitizeForDisplay(event.declined().reason()), 64),
           Clean(event.declined().message()), ""});
    case agent::v1::Event::kStarted:
      return ApplyStarted(context, attempt, outcome);
    case agent::v1::Event::kStep:
      return ApplyStep(context, attempt, event.step());
    case agent::v1::Event::kFinished:
      return ApplyFinished(context, flow, attempt, event, outcome);
    case agent::v1::Event::kLateResult:
      return RecordLate(context, flow, attempt, event, outcome);
    case agent::v1::Event::KIND_NOT_SET:
      return absl::OkStatus();  // From a newer version; its number is acknowledged all the same.
  }
  return absl::OkStatus();
}

// The path from the agent to the object that it names: an attempt of its own, at its fence.
absl::Status ApplyChecked(FlowContext& context, const JobFlow& flow, const Agent& agent,
                          const agent::v1::Event& event, EventOutcome* outcome) {
  absl::StatusOr<Attempt> attempt = context.tx.GetAttempt(event.attempt_id());
  if (!attempt.ok() && !absl::IsNotFound(attempt.status())) return attempt.status();
  if (attempt.ok() && attempt->agent_id == agent.id && attempt->fence == event.fence()) {
    return Apply(context, flow, *std::move(attempt), event, outcome);
  }
  return context.tx.AppendAudit({context.actor,
                                 "attempt.foreign_event",
                                 absl::StrCat("agents/", agent.id),
                                 agent.environment,
                                 {{"attempt", Truncate(SanitizeForDisplay(event.attempt_id()), 64)},
                                  {"seq", absl::StrCat(event.seq())},
                                  {"fence", absl::StrCat(event.fence())}}});
}

}  // namespace

void Dispatcher::HandleEvents(const SessionPtr& session, Events events) {
  if (!session->welcomed) return;  // They will be sent again: nothing was acknowledged.
  Events expected;
  for (agent::v1::Event& event : events) {
    // A repetition on one stream: its acknowledgement comes with its commit.
    if (event.seq() < session->next_seq) continue;
    if (event.seq() > session->next_seq) {
      AskAgain(session);
      break;
    }
    session->resend_asked = false;
    session->next_seq = event.seq() + 1;
    expected.push_back(std::move(event));
  }
  if (expected.empty()) return;
  auto shared = std::make_shared<const Events>(std::move(expected));
  session->storing += shared->size();
  StoreEvents(session, shared);
  // Right behind, so that the store commits both in one group; the grant looks for itself.
  for (const agent::v1::Event& event : *shared) {
    const std::string& attempt = event.attempt_id();
    if (event.has_accepted() && TakesWork(session) && session->offered.count(attempt) > 0 &&
        in_flight_.count(attempt) == 0) {
      TryGrant(session, attempt);
    }
  }
}

void Dispatcher::AskAgain(const SessionPtr& session) {
  if (session->resend_asked) return;
  session->resend_asked = true;
  agent::v1::ControllerMsg resend;
  resend.mutable_resend()->set_from_seq(session->next_seq);
  mail_.Send(session, std::move(resend));
}

// What came together is one mutation. The events are shared, because the store copies what is
// essential.
void Dispatcher::StoreEvents(const SessionPtr& session, std::shared_ptr<const Events> events) {
  auto outcome = std::make_shared<EventOutcome>();
  store_.MutateEssential(
      [this, outcome, events, agent_id = session->agent_id(),
       journal_id = session->journal_id](WriteTx& tx) -> absl::Status {
        *outcome = EventOutcome();
        ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(agent_id));
        if (agent.journal_id != journal_id) {
          return Error(absl::StatusCode::kAborted, "OTHER_JOURNAL",
                       "another stream of the agent has another journal by now");
        }
        FlowContext context{tx, clock_.Now(), absl::StrCat("agents/", agent_id), {}};
        const uint64_t acked_before = agent.acked_event_seq;
        for (const agent::v1::Event& event : *events) {
          // Another stream of the same agent was faster.
          if (event.seq() <= agent.acked_event_seq) continue;
          if (event.seq() != agent.acked_event_seq + 1) {
            return Error(absl::StatusCode::kAborted, "EVENT_GAP",
                         "an earlier event is not committed");
          }
          RETURN_IF_ERROR(ApplyChecked(context, flow_, agent, event, outcome.get()));
          agent.acked_event_seq = event.seq();
        }
        if (agent.acked_event_seq == acked_before) return absl::OkStatus();
        outcome->changes = std::move(context.changes);
        return tx.UpdateAgent(&agent);
      },
      [this, outcome, session, events](absl::Status status) {
        Post([this, outcome, session, events, status] {
          EventsCommitted(session, *events, *outcome, status);
        });
      });
}

void Dispatcher::Stored(const SessionPtr& session, size_t events) {
  session->storing -= events;
  if (!session->read_waits || session->storing >= kMaxStoring) return;
  session->read_waits = false;
  session->connection->MessageTaken();
}

void Dispatcher::EventsCommitted(const SessionPtr& session, const Events& events,
                                 const EventOutcome& outcome, const absl::Status& status) {
  const uint64_t seq = events.back().seq();
  if (!status.ok()) {
    if (events.size() > 1) {
      // One of them, perhaps; none shall keep those before it from being stored.
      for (const agent::v1::Event& event : events) {
        StoreEvents(session, std::make_shared<const Events>(Events{event}));
      }
      return;
    }
    Stored(session, 1);
    // Nothing of it is stored, nothing is acknowledged: the agent sends it again on its next
    // stream, after its backoff.
    log::Error("an agent's event could not be stored", {{"agent", session->agent_id()},
                                                        {"seq", absl::StrCat(seq)},
                                                        {"error", std::string(status.message())}});
    session->connection->Close(Error(absl::StatusCode::kUnavailable, "EVENT_NOT_STORED",
                                     "an event could not be stored; send it again"));
    return;
  }
  Stored(session, events.size());
  events_total_.Increment(static_cast<double>(events.size()));
  if (outcome.late > 0) late_results_total_.Increment(outcome.late);
  mail_.OweAck(session, seq);
  for (const std::string& attempt : outcome.finished) mail_.OweForget(session, attempt);
  for (const agent::v1::ControllerMsg& reply : outcome.replies) mail_.Send(session, reply);
  for (const std::string& attempt : outcome.ended) {
    session->leased.erase(attempt);
    session->offered.erase(attempt);
    session->unheard.erase(attempt);
  }
  if (!session->unheard.empty() && seq >= session->last_reported) {
    // Its next Hello, without these events, decides.
    session->connection->Close(
        Error(absl::StatusCode::kUnavailable, "REPORT_LOST",
              "an attempt ended and its report did not come; connect again"));
  }
  hub_.Notify(outcome.changes);
  for (const auto& [attempt, instance] : outcome.accepted) {
    if (in_flight_.count(attempt) == 0) LookAt({instance});  // Its grant is not on its way yet.
  }
}

}  // namespace dbfleet::controller
