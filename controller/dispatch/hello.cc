// The dispatcher's part that reconciles an agent's truth (its Hello) with the store's.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/rpc/batch.h"
#include "controller/audit/recovery.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/dispatch/hello_outcome.h"
#include "controller/dispatch/reclaim.h"
#include "controller/dispatch/wire.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {

namespace {

constexpr size_t kMaxInstances = 256;
constexpr char kActor[] = "system/dispatch";
constexpr char kUnknown[] = "attempt.unknown";

void CopyInfo(const agent::v1::InstanceInfo& info, Instance* instance) {
  instance->engine = EngineName(info.engine());
  instance->endpoint = info.endpoint();
  instance->labels = {info.labels().begin(), info.labels().end()};
  if (!RoleName(info.role()).empty()) instance->role = RoleName(info.role());
  if (!info.server_version().empty()) instance->server_version = info.server_version();
  instance->forbidden_actions = {info.forbidden_actions().begin(), info.forbidden_actions().end()};
}

bool SameInfo(const Instance& a, const Instance& b) {
  return a.engine == b.engine && a.endpoint == b.endpoint && a.labels == b.labels &&
         a.role == b.role && a.server_version == b.server_version &&
         a.forbidden_actions == b.forbidden_actions && a.removed == b.removed;
}

absl::Status AuditInstance(WriteTx& tx, const Instance& instance, absl::string_view action) {
  return tx.AppendAudit({absl::StrCat("agents/", instance.agent_id),
                         std::string(action),
                         absl::StrCat("instances/", instance.id),
                         instance.environment,
                         {{"engine", instance.engine}, {"endpoint", instance.endpoint}}});
}

// Registers or refreshes one instance. Returns why it is not accepted, or "".
absl::StatusOr<std::string> TakeInstance(WriteTx& tx, const Agent& agent,
                                         const agent::v1::InstanceInfo& info, absl::Time now) {
  if (absl::Status valid = ValidateName("instance name", info.name()); !valid.ok()) {
    return std::string(valid.message());
  }
  if (EngineName(info.engine()).empty()) return std::string("its engine is not known here");
  absl::StatusOr<Instance> found = tx.GetInstance(info.name());
  if (absl::IsNotFound(found.status())) {
    Instance instance;
    instance.id = info.name();
    instance.agent_id = agent.id;
    instance.environment = agent.environment;
    instance.create_time = now;
    CopyInfo(info, &instance);
    RETURN_IF_ERROR(tx.InsertInstance(&instance));
    RETURN_IF_ERROR(AuditInstance(tx, instance, "instance.register"));
    return std::string();
  }
  RETURN_IF_ERROR(found.status());
  if (found->agent_id != agent.id && !found->removed) {
    return absl::StrCat("it belongs to agents/", found->agent_id,
                        "; an administrator can move it: dbfleet instance move ", info.name(),
                        " --agent ", agent.id);
  }
  if (found->environment != agent.environment) {
    return absl::StrCat("the name stands for an instance of ", found->environment,
                        ", with its history; name it otherwise in this agent's configuration, or "
                        "enrol the agent in ",
                        found->environment);
  }
  Instance instance = *found;
  instance.removed = false;
  instance.agent_id = agent.id;
  CopyInfo(info, &instance);
  if (SameInfo(*found, instance) && found->agent_id == instance.agent_id) return std::string();
  RETURN_IF_ERROR(tx.UpdateInstance(&instance));
  RETURN_IF_ERROR(AuditInstance(tx, instance, "instance.update"));
  return std::string();
}

// An attempt that we think may be holding the instance, against what the agent says of it.
absl::Status ReconcileHeld(FlowContext& context, const JobFlow& flow, Attempt attempt,
                           const agent::v1::AttemptState* theirs, HelloOutcome* outcome) {
  ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
  if (theirs == nullptr || theirs->fence() != attempt.fence) {
    // Granted by us, unknown to the agent: it lost its memory. Whatever was granted may have run.
    if (attempt.safe_to_rerun) {
      if (attempt.state != AttemptState::kUnreachable) {
        RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kUnreachable, context.now));
      }
      return flow.EndAttempt(context, attempt,
                             {AttemptState::kLost, "AGENT_LOST_MEMORY",
                              "the agent knows nothing of this attempt any more", ""});
    }
    if (attempt.state == AttemptState::kUnreachable) return absl::OkStatus();
    RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kUnreachable, context.now));
    attempt.unreachable_since = context.now;
    attempt.error_reason = "AGENT_LOST_MEMORY";
    attempt.error_message =
        "the agent knows nothing of this attempt any more; a person has to look";
    RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
    return context.Audit("attempt.unreachable", job,
                         {{"attempt", attempt.id}, {"why", attempt.error_message}});
  }
  if (theirs->phase() == agent::v1::ATTEMPT_PHASE_FINISHED) {
    if (!outcome->reports_wait) return EndUnheard(context, flow, attempt, theirs->outcome());
    outcome->unheard.insert(attempt.id);
  }
  // One that does not say has what it was granted, which may be more than what the store has.
  outcome->leased[attempt.id] =
      theirs->has_not_after() ? FromProto(theirs->not_after()) : attempt.not_after;
  if (theirs->phase() == agent::v1::ATTEMPT_PHASE_ACCEPTED) {
    outcome->lost_grants.push_back(attempt);
  }
  if (attempt.state == AttemptState::kUnreachable &&
      theirs->phase() != agent::v1::ATTEMPT_PHASE_FINISHED) {
    // The agent has it, so it is reachable again: as far as it has come.
    RETURN_IF_ERROR(MoveAttempt(&attempt,
                                theirs->phase() == agent::v1::ATTEMPT_PHASE_RUNNING
                                    ? AttemptState::kRunning
                                    : AttemptState::kGranted,
                                context.now));
    RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
    RETURN_IF_ERROR(context.Audit("attempt.reachable", job, {{"attempt", attempt.id}}));
  }
  if (job.cancel_requested) outcome->messages.push_back(CancelMessage(attempt.id, "job cancelled"));
  return absl::OkStatus();
}

// Attempts of ours that are open, one by one.
absl::Status ReconcileOurs(FlowContext& context, const JobFlow& flow, const std::string& agent_id,
                           const AttemptStates& theirs, HelloOutcome* outcome) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, context.tx.OpenAttemptsOfAgent(agent_id));
  for (const Attempt& attempt : open) {
    const auto it = theirs.find(attempt.id);
    const agent::v1::AttemptState* reported = it == theirs.end() ? nullptr : &it->second;
    if (HoldsInstance(attempt.state)) {
      RETURN_IF_ERROR(ReconcileHeld(context, flow, attempt, reported, outcome));
    } else if (attempt.state == AttemptState::kOffered ||
               attempt.state == AttemptState::kAccepted) {
      ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
      const bool over = reported != nullptr && !outcome->reports_wait &&
                        reported->phase() == agent::v1::ATTEMPT_PHASE_FINISHED;
      if (reported != nullptr && reported->fence() == attempt.fence && !IsTerminal(job.state) &&
          !over) {
        outcome->offered.push_back(attempt.id);
        continue;
      }
      // It never took the offer, or forgot it; nothing was granted, so we may take it back alone.
      RETURN_IF_ERROR(flow.EndAttempt(context, attempt,
                                      {AttemptState::kWithdrawn, "AGENT_DOES_NOT_HAVE_IT",
                                       "the agent came back without this attempt", ""}));
    }
  }
  return absl::OkStatus();
}

using Details = std::map<std::string, std::string>;

// What the agent's journal says of such an attempt is all that is known.
Details DescribeUnknown(const std::string& attempt_id, const agent::v1::AttemptState& reported) {
  Details details = {{"attempt", SanitizeForDisplay(Truncate(attempt_id, 64))},
                     {"phase", agent::v1::AttemptPhase_Name(reported.phase())}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) details[name] = SanitizeForDisplay(Truncate(value, 256));
  };
  if (!reported.job_id().empty()) add("job", absl::StrCat("jobs/", reported.job_id()));
  add("task", reported.task_id());
  add("target", reported.target());
  add("action", reported.action());
  add("digest", reported.digest());
  if (reported.phase() == agent::v1::ATTEMPT_PHASE_FINISHED) {
    add("outcome", agent::v1::Outcome_Name(reported.outcome()));
  }
  return details;
}

// Once for each attempt as it is, however often its agent comes back before the recovery ends. They
// may be thousands, so what was told is read at once.
absl::Status AuditUnknown(WriteTx& tx, const Agent& agent, std::vector<Details> unknown) {
  if (unknown.empty()) return absl::OkStatus();
  const std::string resource = absl::StrCat("agents/", agent.id);
  ASSIGN_OR_RETURN(const std::vector<Details> list, tx.AuditDetails(resource, kUnknown));
  const std::set<Details> told(list.begin(), list.end());
  for (Details& details : unknown) {
    if (told.count(details) > 0) continue;
    RETURN_IF_ERROR(
        tx.AppendAudit({kActor, kUnknown, resource, agent.environment, std::move(details)}));
  }
  return absl::OkStatus();
}

// For the trail: of a long list the beginning.
std::vector<std::string> RefusedNames(const agent::v1::Welcome& welcome) {
  constexpr size_t kMostNamed = 20;
  std::vector<std::string> names;
  for (const auto& [name, why] : welcome.rejected_instances()) {
    names.push_back(SanitizeForDisplay(Truncate(name, 64)));
  }
  std::sort(names.begin(), names.end());
  if (names.size() > kMostNamed) names.resize(kMostNamed);
  return names;
}

// Attempts that the agent holds and we do not count as open.
absl::Status ReconcileTheirs(FlowContext& context, const Agent& agent, const AttemptStates& theirs,
                             HelloOutcome* outcome) {
  std::vector<Details> unknown;
  for (const auto& [attempt_id, reported] : theirs) {
    absl::StatusOr<Attempt> ours = context.tx.GetAttempt(attempt_id);
    if (!ours.ok() && !absl::IsNotFound(ours.status())) return ours.status();
    const bool same = ours.ok() && ours->fence == reported.fence() && ours->agent_id == agent.id;
    if (same && !IsTerminal(ours->state)) continue;
    switch (reported.phase()) {
      case agent::v1::ATTEMPT_PHASE_FINISHED:
        if (same) outcome->messages.push_back(ForgetMessage(attempt_id));
        break;
      case agent::v1::ATTEMPT_PHASE_GRANTED:
      case agent::v1::ATTEMPT_PHASE_RUNNING:
        outcome->messages.push_back(
            CancelMessage(attempt_id, "the controller has given this attempt up"));
        break;
      default:
        outcome->messages.push_back(WithdrawMessage(attempt_id));
    }
    // What ended in a time that the store lost is news once, and stays in the agent's journal.
    const bool old = reported.phase() == agent::v1::ATTEMPT_PHASE_FINISHED && !outcome->reclaim;
    if (ours.ok() || old) continue;
    unknown.push_back(DescribeUnknown(attempt_id, reported));
  }
  return AuditUnknown(context.tx, agent, std::move(unknown));
}

// Numbers that do not fit together: one side was restored from an older copy of itself.
absl::Status CheckEventNumbers(WriteTx& tx, const agent::v1::Hello& hello, Agent* agent) {
  if (agent->journal_id != hello.journal_id()) {
    agent->journal_id = hello.journal_id();
    agent->acked_event_seq = 0;
  }
  if (hello.last_event_seq() < agent->acked_event_seq) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "JOURNAL_REWOUND",
        absl::StrCat("the agent's journal is older than what it already reported (event ",
                     hello.last_event_seq(), " after ", agent->acked_event_seq,
                     "); it was restored from a copy: remove its journal and start it again"));
  }
  const uint64_t next =
      hello.lowest_event_seq() > 0 ? hello.lowest_event_seq() : hello.last_event_seq() + 1;
  if (next <= agent->acked_event_seq + 1) return absl::OkStatus();
  // The agent holds an acknowledgement of ours that we know nothing of. What it said then is lost.
  RETURN_IF_ERROR(tx.AppendAudit(
      {kActor,
       "agent.event_gap",
       absl::StrCat("agents/", agent->id),
       agent->environment,
       {{"from", absl::StrCat(agent->acked_event_seq + 1)}, {"to", absl::StrCat(next - 1)}}}));
  agent->acked_event_seq = next - 1;
  return absl::OkStatus();
}

}  // namespace

void Dispatcher::HandleHello(const SessionPtr& session, const agent::v1::Hello& hello) {
  if (session->hello_seen || hello.agent_id() != session->agent_id() ||
      hello.journal_id().empty() || hello.instances().size() > static_cast<int>(kMaxInstances)) {
    session->connection->Close(Error(absl::StatusCode::kInvalidArgument, "BAD_HELLO",
                                     "Hello must come once, name the certificate's agent and its "
                                     "journal, and at most 256 instances"));
    return;
  }
  session->hello_seen = true;
  session->refuses_us = hello.highest_epoch() > store_.epoch();
  session->journal_id = hello.journal_id();
  session->last_reported = hello.last_event_seq();
  session->takes_batches = std::count(hello.features().begin(), hello.features().end(),
                                      std::string(rpc::kBatchFeature)) > 0;
  session->boot_sequence = hello.boot_sequence();
  session->clock_skew = FromProto(hello.agent_time()) - clock_.Now();
  DeclaredInstances declared;
  for (const agent::v1::InstanceInfo& info : hello.instances()) declared[info.name()] = info;
  session->witnessed = hello.witnessed_checkpoint();
  session->declared = std::make_shared<const DeclaredInstances>(std::move(declared));
  auto outcome = std::make_shared<HelloOutcome>();
  const absl::Time now = clock_.Now();
  store_.MutateEssential(
      [this, outcome, hello, now, agent_id = session->agent_id(),
       refuses_us = session->refuses_us](WriteTx& tx) -> absl::Status {
        *outcome = HelloOutcome();
        ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(agent_id));
        if (agent.revoked || agent.quarantined) {
          return Error(absl::StatusCode::kPermissionDenied,
                       agent.revoked ? "AGENT_REVOKED" : "AGENT_QUARANTINED", agent.state_reason);
        }
        FlowContext context{tx, now, kActor, {}};
        RETURN_IF_ERROR(WeighMemory(context, agent, hello, outcome.get()));
        if (!outcome->quarantined.empty()) return absl::OkStatus();
        RETURN_IF_ERROR(CheckEventNumbers(tx, hello, &agent));
        outcome->reports_wait = hello.last_event_seq() > agent.acked_event_seq;
        agent.agent_version = Truncate(SanitizeForDisplay(hello.version()), 64);
        agent.capabilities = {hello.capabilities().begin(), hello.capabilities().end()};
        agent.last_seen_time = now;
        RETURN_IF_ERROR(tx.UpdateAgent(&agent));
        for (const agent::v1::InstanceInfo& info : hello.instances()) {
          ASSIGN_OR_RETURN(std::string refusal, TakeInstance(tx, agent, info, now));
          if (refusal.empty()) {
            outcome->instances.push_back(info.name());
            continue;
          }
          (*outcome->welcome.mutable_rejected_instances())[info.name()] = refusal;
        }
        AttemptStates theirs;
        for (const agent::v1::AttemptState& state : hello.attempts()) {
          theirs[state.attempt_id()] = state;
        }
        if (outcome->reclaim) {
          RETURN_IF_ERROR(ReclaimAttempts(context, flow_, agent_id, theirs,
                                          {outcome->lost_life, outcome->reports_wait}));
        }
        RETURN_IF_ERROR(ReconcileOurs(context, flow_, agent_id, theirs, outcome.get()));
        RETURN_IF_ERROR(ReconcileTheirs(context, agent, theirs, outcome.get()));
        ASSIGN_OR_RETURN(const bool recovery, InRecovery(tx));
        if (recovery) outcome->lost_grants.clear();
        outcome->welcome.set_acked_event_seq(agent.acked_event_seq);
        outcome->welcome.set_environment(agent.environment);
        outcome->changes = std::move(context.changes);
        if (refuses_us) return absl::OkStatus();
        Details details = {{"version", agent.agent_version},
                           {"boot_sequence", absl::StrCat(hello.boot_sequence())}};
        const std::vector<std::string> refused = RefusedNames(outcome->welcome);
        if (!refused.empty()) details["refused_instances"] = absl::StrJoin(refused, ",");
        return tx.AppendAudit({absl::StrCat("agents/", agent_id), "agent.connect",
                               absl::StrCat("agents/", agent_id), agent.environment,
                               std::move(details)});
      },
      [this, outcome, session](absl::Status status) {
        Post([this, outcome, session, status] {
          if (status.ok()) {
            FinishHello(session, *outcome);
          } else {
            log::Error("an agent's Hello was refused",
                       {{"agent", session->agent_id()}, {"why", std::string(status.message())}});
            session->connection->Close(status);
          }
        });
      });
}

// A Hello that is being committed at the same time needs nothing from here: either its transaction
// saw the move, or it came before, and FinishHello was posted before this was.
//
// The words of two moves may come in another order than their commits: whose it is says the store.
void Dispatcher::HandleInstanceMoved(const std::string& instance_id) {
  std::string agent_id;
  const absl::Status read = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(instance_id));
    if (!instance.removed) agent_id = instance.agent_id;
    return absl::OkStatus();
  });
  if (!read.ok()) {
    log::Error("an instance that was moved cannot be read",
               {{"instance", instance_id}, {"error", std::string(read.message())}});
  }
  if (agent_id.empty()) return;
  if (sinks_.moved) sinks_.moved(instance_id, agent_id);
  LookAt({instance_id});  // Work that waits for it goes to this agent now.
  const SessionPtr session = SessionOf(agent_id);
  if (session == nullptr || session->declared == nullptr) return;
  const auto it = session->declared->find(instance_id);
  if (it == session->declared->end()) return;
  store_.Mutate(
      [this, agent_id, info = it->second](WriteTx& tx) -> absl::Status {
        ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(info.name()));
        if (instance.agent_id != agent_id || instance.removed) return absl::OkStatus();
        ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(agent_id));
        return TakeInstance(tx, agent, info, clock_.Now()).status();
      },
      [instance_id, agent_id](absl::Status status) {
        if (status.ok()) return;
        log::Error("what an agent told of an instance that was moved to it could not be stored",
                   {{"agent", agent_id},
                    {"instance", instance_id},
                    {"error", std::string(status.message())}});
      });
}

}  // namespace dbfleet::controller
