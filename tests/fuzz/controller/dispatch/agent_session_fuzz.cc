// Whatever agents say, in whatever order, to a real dispatcher with real jobs: exclusive work never
// overlaps, nothing ends twice, no change is granted without an approval of its digest, no agent
// moves another one's attempts, and everything stored or sent is readable text.
//
// The input is a list of actions of agents, of the network, of people and of time. Messages are
// built out of what the controller sent before (so that they reach deep), with wrong numbers mixed
// in, or are parsed out of raw bytes.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/log/log.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/specs.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/wire_text.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

constexpr int kMaxActions = 40;
constexpr size_t kMaxJobs = 6;

class Life : public FleetFixture {
 public:
  explicit Life(FuzzedDataProvider& input) : input_(input) { AddAgent("db2", "production"); }

  void TestBody() override {
    agent_.Connect();
    for (int i = 0; i < kMaxActions && input_.remaining_bytes() > 0; ++i) {
      Act();
      executor_.RunAll();
      Check();
    }
  }

 private:
  int Roll(int n) { return input_.ConsumeIntegralInRange<int>(0, n - 1); }
  std::string WireText() { return fuzz::WireText(input_, 80); }
  ScriptedAgent& AnyAgent() { return Roll(4) == 0 ? other_ : agent_; }

  void Act() {
    switch (Roll(16)) {
      case 0:
        return Join(AnyAgent());
      case 1:
        return Drop(AnyAgent());
      case 2:
      case 3:
        return Submit();
      case 4:
      case 5:
        return Decide();
      case 6:
        return Pass(absl::Seconds(1 + Roll(50)));
      case 7:
        return Elsewhere();
      case 8:
        return SayRaw(AnyAgent());
      case 9:
        return SaySmall(AnyAgent());
      default:
        return SayEvent(AnyAgent());
    }
  }

  void Join(ScriptedAgent& agent) {
    if (agent.connection == nullptr || Roll(2) == 0) {
      std::vector<agent::v1::AttemptState> states;
      const int count = Roll(3);
      for (int i = 0; i < count; ++i) states.push_back(AnyState());
      return agent.Connect(states);
    }
    agent.connection = std::make_shared<ScriptedAgent::Connection>(agent.connection->agent_id());
    dispatcher_.OnOpened(agent.connection);
    agent::v1::AgentMsg message;
    FillHello(agent, message.mutable_hello());
    agent.Say(message);
  }
  void FillHello(const ScriptedAgent& agent, agent::v1::Hello* hello) {
    hello->set_agent_id(Roll(8) == 0 ? WireText() : agent.connection->agent_id());
    hello->set_journal_id(Roll(2) == 0 ? agent.journal_id : WireText());
    hello->set_version(WireText());
    hello->set_last_event_seq(AnySeq(agent));
    hello->set_lowest_event_seq(Roll(2) == 0 ? 0 : AnySeq(agent));
    hello->mutable_agent_time()->set_seconds(input_.ConsumeIntegral<int64_t>());
    hello->mutable_agent_time()->set_nanos(input_.ConsumeIntegral<int32_t>());
    hello->add_capabilities(WireText());
    for (int i = Roll(3); i > 0; --i) *hello->add_attempts() = AnyState();
    for (int i = Roll(3); i > 0; --i) {
      agent::v1::InstanceInfo* info = hello->add_instances();
      info->set_name(Roll(2) == 0 ? "orders-db" : WireText());
      info->set_engine(static_cast<work::v1::Engine>(Roll(5)));
      info->set_role(static_cast<work::v1::InstanceRole>(Roll(4)));
      info->set_endpoint(WireText());
      info->set_server_version(WireText());
      info->add_forbidden_actions(Roll(2) == 0 ? "migrate" : WireText());
      (*info->mutable_labels())[WireText()] = WireText();
    }
  }
  agent::v1::AttemptState AnyState() {
    agent::v1::AttemptState state;
    const agent::v1::Offer offer = AnyOffer();
    state.set_attempt_id(offer.attempt_id());
    state.set_fence(offer.fence());
    state.set_phase(static_cast<agent::v1::AttemptPhase>(Roll(6)));
    state.set_outcome(static_cast<agent::v1::Outcome>(Roll(7)));
    return state;
  }
  // One that some agent was made, mostly the newest, or an invention.
  agent::v1::Offer AnyOffer() {
    const int how = Roll(8);
    agent::v1::Offer offer;
    if (offers_.empty() || how == 0) {
      offer.set_attempt_id(WireText());
      offer.set_fence(input_.ConsumeIntegral<uint64_t>());
      return offer;
    }
    const size_t last = offers_.size() - 1;
    offer = offers_[how < 5 ? last : static_cast<size_t>(Roll(static_cast<int>(last) + 1))];
    if (how == 1) offer.set_fence(offer.fence() + Roll(3) - 1);
    return offer;
  }
  uint64_t AnySeq(const ScriptedAgent& agent) {
    const int how = Roll(8);
    if (how == 0) return input_.ConsumeIntegral<uint64_t>();
    return agent.last_seq + (how == 1 ? 2 : how == 2 ? 0 : 1);
  }

  void Drop(ScriptedAgent& agent) {
    if (agent.connection == nullptr) return;
    agent.Disconnect();
    if (Roll(3) != 0) return;
    agent.journal_id = NewId();
    agent.last_seq = 0;
  }

  // Some wait for the next message, and come with it in a batch.
  void Say(ScriptedAgent& agent, agent::v1::AgentMsg message) {
    agent::v1::AgentMsg& held = held_[&agent];
    const bool waits = Roll(4) == 0;
    if (waits || held.has_batch()) {
      *held.mutable_batch()->add_messages() = std::move(message);
      if (waits) return;
      message = std::exchange(held, agent::v1::AgentMsg());
    }
    agent.Say(message);
  }
  void SayRaw(ScriptedAgent& agent) {
    agent::v1::AgentMsg message;
    const std::string bytes = input_.ConsumeRandomLengthString(400);
    if (agent.connection == nullptr || !message.ParseFromString(bytes)) return;
    Say(agent, std::move(message));
  }
  void SaySmall(ScriptedAgent& agent) {
    if (agent.connection == nullptr) return;
    agent::v1::AgentMsg message;
    switch (Roll(5)) {
      case 0:
        message.mutable_ping()->set_nonce(input_.ConsumeIntegral<uint64_t>());
        message.mutable_ping()->mutable_send_time()->set_seconds(input_.ConsumeIntegral<int64_t>());
        message.mutable_ping()->mutable_send_time()->set_nanos(input_.ConsumeIntegral<int32_t>());
        break;
      case 1:
        message.mutable_pong();
        break;
      case 2:
        message.mutable_unimplemented()->set_what(WireText());
        break;
      case 3:
        message.mutable_health()->add_instances()->set_instance(WireText());
        break;
      default:
        break;  // Of a kind that is not known here.
    }
    Say(agent, std::move(message));
  }

  void SayEvent(ScriptedAgent& agent) {
    if (agent.connection == nullptr) return;
    agent::v1::AgentMsg message;
    agent::v1::Event* event = message.mutable_event();
    const agent::v1::Offer offer = AnyOffer();
    event->set_seq(AnySeq(agent));
    if (event->seq() == agent.last_seq + 1) agent.last_seq = event->seq();
    event->set_attempt_id(offer.attempt_id());
    event->set_fence(offer.fence());
    switch (Roll(8)) {
      case 0:
      case 1:
        event->mutable_accepted();
        break;
      case 2:
        event->mutable_declined()->set_reason(WireText());
        event->mutable_declined()->set_message(WireText());
        break;
      case 3:
      case 4:
        event->mutable_started();
        break;
      case 5:
        FillStep(event->mutable_step());
        break;
      case 6:
        FillFinished(offer, event->mutable_finished());
        break;
      default:
        if (Roll(2) == 0) FillFinished(offer, event->mutable_late_result());
    }
    Say(agent, std::move(message));
  }
  void FillStep(work::v1::StepReport* step) {
    step->set_index(input_.ConsumeIntegral<int32_t>());
    step->set_rollback(Roll(2) == 0);
    step->set_state(static_cast<work::v1::StepState>(Roll(6)));
    step->set_rows_affected(input_.ConsumeIntegral<int64_t>());
    step->set_version(WireText());
    step->set_error(WireText());
    step->mutable_duration()->set_seconds(input_.ConsumeIntegral<int64_t>());
  }
  void FillFinished(const agent::v1::Offer& offer, agent::v1::Finished* finished) {
    const int how = Roll(8);
    finished->set_outcome(how < 4 ? agent::v1::OUTCOME_SUCCEEDED
                                  : static_cast<agent::v1::Outcome>(Roll(8)));
    if (how >= 4) {
      finished->set_error_reason(WireText());
      finished->set_error_message(WireText());
    }
    work::v1::TaskResult* result = finished->mutable_result();
    if (how == 7) {
      if (!result->ParseFromString(input_.ConsumeRandomLengthString(80))) result->Clear();
    } else if (offer.purpose() == agent::v1::PURPOSE_PLAN) {
      *result = MakePlan();
      if (how == 1) result->mutable_plan()->set_estimated_rows(input_.ConsumeIntegral<int64_t>());
      if (how == 2) result->mutable_plan()->mutable_forward(0)->set_sql(WireText());
    } else if (offer.spec().has_backup()) {
      result->mutable_backup()->set_backup_id(offer.spec().backup().backup_id());
      result->mutable_backup()->add_databases(how == 1 ? WireText() : "shop");
      result->mutable_backup()->mutable_snapshot_time()->set_seconds(
          how == 2 ? input_.ConsumeIntegral<int64_t>() : absl::ToUnixSeconds(clock_.Now()));
    } else if (offer.spec().has_verify()) {
      result->mutable_verify()->set_backup_id(offer.spec().verify().backup_id());
      result->mutable_verify()->set_level(static_cast<work::v1::VerificationLevel>(Roll(6)));
    } else {
      *result = MakeMigrated();
    }
  }

  void Submit() {
    if (jobs_ids_.size() >= kMaxJobs) return;
    absl::StatusOr<Job> job;
    switch (Roll(4)) {
      case 0:
        job = jobs_.SubmitCheck({"users/ada", ""}, "orders-db");
        break;
      case 1:
        job = jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {"shop"}, Roll(2) == 0, "");
        break;
      default: {
        ChangeRequest request = MakeChange();
        request.backup_gate = static_cast<BackupGate>(Roll(3));
        job = jobs_.SubmitChange({"users/ada", ""}, request);
      }
    }
    if (job.ok()) jobs_ids_.push_back(job->id);
  }
  void Decide() {
    if (jobs_ids_.empty()) return;
    const std::string& id = jobs_ids_[Roll(static_cast<int>(jobs_ids_.size()))];
    switch (Roll(8)) {
      case 0:
        return jobs_.Cancel({"users/ada", ""}, id, "x").status().IgnoreError();
      case 1:
        return jobs_.Pause({"users/ada", ""}, id, "x").status().IgnoreError();
      case 2:
        return jobs_.Resume({"users/ada", ""}, id).status().IgnoreError();
      case 3:
        return jobs_
            .Resolve({"users/cy", ""}, id, "",
                     Roll(2) == 0 ? Resolution::kApplied : Resolution::kNotApplied, "x")
            .status()
            .IgnoreError();
      default:
        return jobs_.Approve({"users/bob", ""}, id, JobOf(id).digest, "x").status().IgnoreError();
    }
  }
  // What happens on the controller's own side.
  void Elsewhere() {
    switch (Roll(5)) {
      case 0:
        return store_.FailCommits(1, absl::UnavailableError("no"));
      case 1:
        store_.FailCommits(0, absl::OkStatus());
        return MoveInstanceTo(Roll(2) == 0 ? "db2" : "db1");
      case 2:
        return clock_.JumpWallClock(absl::Seconds(input_.ConsumeIntegral<int32_t>()));
      default:
        store_.FailCommits(0, absl::OkStatus());
        return AddVerifiedBackup();
    }
  }

  void Check() {
    for (ScriptedAgent* agent : {&agent_, &other_}) Listen(*agent);
    std::vector<Attempt> open;
    Require(store_
                .Read([&](ReadTx& tx) -> absl::Status {
                  ASSIGN_OR_RETURN(open, tx.OpenAttempts());
                  return absl::OkStatus();
                })
                .ok());
    int exclusive = 0;
    for (const Attempt& attempt : open) {
      const Job job = JobOf(attempt.job_id);
      if (HoldsInstance(attempt.state) && IsExclusive(job.kind, attempt.purpose)) ++exclusive;
      Require(!IsTerminal(job.state) || HoldsInstance(attempt.state));
    }
    Require(exclusive <= 1);
    for (const std::string& id : jobs_ids_) CheckJob(JobOf(id));
    CheckAudit();
  }
  void CheckJob(const Job& job) {
    Require(IsValidUtf8(job.error_message) && IsValidUtf8(job.error_reason));
    if (IsTerminal(job.state)) {
      Require(ended_.emplace(job.id, job.state).first->second == job.state);
    } else {
      Require(ended_.count(job.id) == 0);
    }
    for (const Attempt& attempt : AttemptsOf(job.id)) {
      Require(IsValidUtf8(attempt.error_message) && IsValidUtf8(attempt.error_reason));
      if (IsTerminal(attempt.state)) {
        Require(ended_attempts_.emplace(attempt.id, attempt.state).first->second == attempt.state);
      } else {
        Require(ended_attempts_.count(attempt.id) == 0);
      }
    }
  }
  void CheckAudit() {
    const std::vector<AuditRow> rows = store_.Audit();
    for (; audited_ < rows.size(); ++audited_) {
      const AuditEntry& entry = rows[audited_].entry;
      Require(IsValidUtf8(entry.actor) && IsValidUtf8(entry.resource));
      for (const auto& [key, value] : entry.details) Require(IsValidUtf8(value));
      if (entry.action == "attempt.foreign_event") continue;
      // What one agent's report lets begin may be offered to another one.
      if (entry.action == "attempt.queue") continue;
      // Only the agent to which an attempt was offered moves it.
      const auto attempt = entry.details.find("attempt");
      const auto holder =
          attempt == entry.details.end() ? holder_.end() : holder_.find(attempt->second);
      if (holder != holder_.end() && entry.actor.rfind("agents/", 0) == 0) {
        Require(entry.actor == "agents/" + holder->second);
      }
    }
  }
  // Takes in what the controller sent since the last time.
  void Listen(ScriptedAgent& agent) {
    if (agent.connection == nullptr) return;
    size_t& heard = heard_[agent.connection];
    for (; heard < agent.connection->sent.size(); ++heard) {
      const agent::v1::ControllerMsg& message = agent.connection->sent[heard];
      agent::v1::ControllerMsg parsed;
      Require(parsed.ParseFromString(message.SerializeAsString()));
      if (message.has_offer()) {
        Require(message.offer().fence() > highest_fence_);
        highest_fence_ = message.offer().fence();
        offers_.push_back(message.offer());
        holder_[message.offer().attempt_id()] = agent.connection->agent_id();
      }
      if (message.has_grant()) CheckGrant(agent, message.grant());
    }
  }
  void CheckGrant(const ScriptedAgent& agent, const agent::v1::Grant& grant) {
    Require(holder_[grant.attempt_id()] == agent.connection->agent_id());
    const auto offer = std::find_if(offers_.begin(), offers_.end(), [&](const auto& candidate) {
      return candidate.attempt_id() == grant.attempt_id();
    });
    Require(offer != offers_.end() && offer->fence() == grant.fence());
    if (offer->purpose() != agent::v1::PURPOSE_EXECUTE || !offer->spec().has_migrate()) return;
    const Job job = JobOf(offer->job_id());
    Require(std::any_of(job.approvals.begin(), job.approvals.end(), [&](const Approval& approval) {
      return approval.approved && approval.digest == grant.digest() &&
             approval.principal != job.requester;
    }));
  }

  FuzzedDataProvider& input_;
  ScriptedAgent other_{dispatcher_, executor_, clock_, "db2"};
  std::map<const ScriptedAgent*, agent::v1::AgentMsg> held_;  // Batches that wait.
  std::vector<agent::v1::Offer> offers_;
  std::map<std::string, std::string> holder_;  // Of each attempt that was offered.
  std::map<std::shared_ptr<ScriptedAgent::Connection>, size_t> heard_;
  uint64_t highest_fence_ = 0;
  std::vector<std::string> jobs_ids_;
  std::map<std::string, JobState> ended_;
  std::map<std::string, AttemptState> ended_attempts_;
  size_t audited_ = 0;
};

}  // namespace
}  // namespace dbfleet::controller

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  dbfleet::log::Init(dbfleet::log::Level::kError, dbfleet::log::Format::kText);
  // The fixture's own expectations end the process, too.
  GTEST_FLAG_SET(throw_on_failure, true);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  dbfleet::controller::Life(input).TestBody();
  return 0;
}
