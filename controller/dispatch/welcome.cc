// The dispatcher's part that weighs what an agent remembers, and answers its Hello.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/rpc/batch.h"
#include "controller/audit/recovery.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/dispatch/hello_outcome.h"
#include "controller/dispatch/wire.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/dispatch";
constexpr absl::Duration kMaxEpochAhead = absl::Hours(24);

}  // namespace

absl::Status Dispatcher::WeighMemory(FlowContext& context, Agent& agent,
                                     const agent::v1::Hello& hello, HelloOutcome* outcome) {
  const std::string resource = absl::StrCat("agents/", agent.id);
  const uint64_t epoch = store_.epoch();
  const uint64_t latest = static_cast<uint64_t>(
      std::max<int64_t>(absl::ToUnixSeconds(context.now + kMaxEpochAhead), 0));
  if (hello.highest_epoch() > std::max(epoch, latest)) {
    outcome->quarantined =
        absl::StrCat("it reports the controller epoch ", hello.highest_epoch(),
                     ", more than a day in the future; look into its journal, then enrol it again");
    agent.quarantined = true;
    agent.state_reason = outcome->quarantined;
    RETURN_IF_ERROR(context.tx.UpdateAgent(&agent));
    return context.tx.AppendAudit({kActor,
                                   "agent.quarantine",
                                   resource,
                                   agent.environment,
                                   {{"reason", agent.state_reason}}});
  }
  AgentMemory memory;
  memory.highest_epoch = hello.highest_epoch();
  memory.life = hello.highest_epoch_life();
  if (options_.read_checkpoint) {
    memory.witnessed = options_.read_checkpoint(hello.witnessed_checkpoint());
    memory.witnessed_text = hello.witnessed_checkpoint();
  }
  ASSIGN_OR_RETURN(const MemoryVerdict verdict, JudgeMemory(context.tx, memory, epoch));
  outcome->reclaim = verdict.reconcile;
  outcome->lost_life = verdict.lost_life;
  if (!verdict.lost_life || verdict.acknowledged) return absl::OkStatus();
  return DemandRecovery(context.tx, verdict, agent.id, kActor, context.now, hello.highest_epoch());
}

void Dispatcher::FinishHello(const SessionPtr& session, const HelloOutcome& outcome) {
  if (SessionOf(session->agent_id()) != session) return;
  if (!outcome.quarantined.empty()) {
    log::Error("an agent is quarantined",
               {{"agent", session->agent_id()}, {"why", outcome.quarantined}});
    session->connection->Close(
        Error(absl::StatusCode::kPermissionDenied, "AGENT_QUARANTINED", outcome.quarantined));
    return;
  }
  if (session->refuses_us) {
    // It takes nothing from a lower epoch than it has seen. What it told counts; nothing else comes
    // of a stream that is no record in the trail.
    hub_.Notify(outcome.changes);
    session->connection->Close(
        Error(absl::StatusCode::kFailedPrecondition, "STALE_EPOCH",
              absl::StrCat("this agent has obeyed a higher epoch than this controller's, ",
                           store_.epoch(),
                           "; it is heard once the controller is recovered and "
                           "has started again")));
    return;
  }
  agent::v1::ControllerMsg message;
  agent::v1::Welcome* welcome = message.mutable_welcome();
  *welcome = outcome.welcome;
  welcome->set_epoch(store_.epoch());
  welcome->set_life(store_.life());
  session->session_id = NewUlid(clock_.Now());
  welcome->set_session_id(session->session_id);
  *welcome->mutable_ping_interval() = ToProto(options_.ping_interval);
  *welcome->mutable_dead_after() = ToProto(options_.dead_after);
  *welcome->mutable_controller_time() = ToProto(clock_.Now());
  welcome->add_features(std::string(rpc::kBatchFeature));
  std::map<std::string, std::string> refused;
  for (const auto& [name, why] : welcome->rejected_instances()) {
    refused[SanitizeForDisplay(Truncate(name, 64))] = why;
    log::Warn("an agent's instance is not accepted",
              {{"agent", session->agent_id()}, {"instance", name}, {"why", why}});
  }
  session->refused = std::make_shared<const std::map<std::string, std::string>>(std::move(refused));
  session->told_seq = welcome->acked_event_seq();
  session->next_seq = session->told_seq + 1;
  session->welcomed = true;
  session->offered.insert(outcome.offered.begin(), outcome.offered.end());
  session->leased.insert(outcome.leased.begin(), outcome.leased.end());
  session->unheard = outcome.unheard;
  silent_since_.erase(session->agent_id());
  session->connection->Send(std::move(message));
  if (session->takes_batches) session->connection->AllowBatches();
  for (const Attempt& attempt : outcome.lost_grants) {
    session->connection->Send(GrantMessage(attempt, store_.epoch(), options_.lease));
  }
  for (const agent::v1::ControllerMsg& reply : outcome.messages) session->connection->Send(reply);
  PublishLive(*session, true);
  if (sinks_.connected) {
    sinks_.connected(session->agent_id(), session->session_id, outcome.instances);
  }
  if (sinks_.witness_joined) sinks_.witness_joined(session->connection, session->witnessed);
  hub_.Notify(outcome.changes);
  std::vector<std::string> leased;
  for (const auto& [attempt, not_after] : outcome.leased) leased.push_back(attempt);
  TellAgents(leased);
  LookAt({outcome.instances.begin(), outcome.instances.end()});
}

}  // namespace dbfleet::controller
