// Random lives of a small fleet: whatever people, the agent and the network do, the invariants
// hold, and once everything heals every job comes to its end.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "controller/domain/transitions.h"
#include "controller/jobs/specs.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

class RandomLifeTest : public FleetFixture, public ::testing::WithParamInterface<int> {
 protected:
  // What the agent would have in its journal.
  struct Held {
    agent::v1::Offer offer;
    agent::v1::AttemptPhase phase = agent::v1::ATTEMPT_PHASE_ACCEPTED;
  };

  int Roll(int n) { return static_cast<int>(random_() % n); }

  // Takes in what the controller sent since the last time.
  void Listen(bool faithful) {
    while (connected_ && heard_ < agent_.connection->sent.size()) {
      const agent::v1::ControllerMsg message = agent_.connection->sent[heard_++];
      if (message.has_offer()) TakeOffer(message.offer(), faithful);
      if (message.has_grant()) TakeGrant(message.grant());
      if (message.has_withdraw()) TakeWithdraw(message.withdraw().attempt_id());
      if (message.has_cancel()) TakeCancel(message.cancel().attempt_id());
      for (const std::string& id : message.forget().attempt_ids()) held_.erase(id);
    }
    if (connected_ && !agent_.connection->closed.ok()) Drop();
  }
  void TakeOffer(const agent::v1::Offer& offer, bool faithful) {
    EXPECT_GT(offer.fence(), highest_fence_) << "fences strictly increase";
    highest_fence_ = std::max(highest_fence_, offer.fence());
    if (!faithful && Roll(8) == 0) {
      agent::v1::Event event = agent_.NewEvent(offer);
      event.mutable_declined()->set_reason(Roll(2) == 0 ? "TOOL_MISSING" : "AGENT_STOPPING");
      agent_.SayEvent(event);
      return;
    }
    held_[offer.attempt_id()] = {offer, agent::v1::ATTEMPT_PHASE_ACCEPTED};
    agent_.Accept(offer);
  }
  void TakeGrant(const agent::v1::Grant& grant) {
    const auto it = held_.find(grant.attempt_id());
    if (it == held_.end() || it->second.phase != agent::v1::ATTEMPT_PHASE_ACCEPTED) return;
    it->second.phase = agent::v1::ATTEMPT_PHASE_GRANTED;
  }
  void TakeWithdraw(const std::string& attempt_id) {
    const auto it = held_.find(attempt_id);
    if (it != held_.end() && it->second.phase == agent::v1::ATTEMPT_PHASE_ACCEPTED) held_.erase(it);
  }
  void TakeCancel(const std::string& attempt_id) {
    const auto it = held_.find(attempt_id);
    if (it == held_.end() || it->second.phase == agent::v1::ATTEMPT_PHASE_FINISHED) return;
    End(&it->second, agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  }

  void Begin(Held* held) {
    held->phase = agent::v1::ATTEMPT_PHASE_RUNNING;
    EXPECT_TRUE(begun_.insert(held->offer.attempt_id()).second) << "an attempt runs at most once";
    agent_.Start(held->offer);
  }
  void End(Held* held, agent::v1::Outcome outcome, const work::v1::TaskResult& result,
           const std::string& reason) {
    held->phase = agent::v1::ATTEMPT_PHASE_FINISHED;
    agent_.Finish(held->offer, outcome, result, reason);
  }
  work::v1::TaskResult ResultOf(const agent::v1::Offer& offer) {
    if (offer.purpose() == agent::v1::PURPOSE_PLAN) return MakePlan();
    work::v1::TaskResult result;
    if (offer.spec().has_migrate()) return MakeMigrated();
    if (offer.spec().has_backup()) {
      result.mutable_backup()->set_backup_id(offer.spec().backup().backup_id());
      result.mutable_backup()->add_databases("shop");
      *result.mutable_backup()->mutable_snapshot_time() = ToProto(clock_.Now());
    } else if (offer.spec().has_verify()) {
      result.mutable_verify()->set_backup_id(offer.spec().verify().backup_id());
      result.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
    }
    return result;
  }

  // The agent gets on with something.
  void Work(bool faithful) {
    for (auto& [attempt_id, held] : held_) {
      if (!connected_) return;
      if (held.phase == agent::v1::ATTEMPT_PHASE_GRANTED) {
        if (!faithful && Roll(8) == 0) {
          End(&held, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
        } else {
          Begin(&held);
        }
        return Listen(faithful);
      }
      if (held.phase == agent::v1::ATTEMPT_PHASE_RUNNING && (faithful || Roll(3) == 0)) {
        const int fate = faithful ? 0 : Roll(10);
        const agent::v1::Outcome outcome = fate < 6   ? agent::v1::OUTCOME_SUCCEEDED
                                           : fate < 8 ? agent::v1::OUTCOME_FAILED
                                           : fate < 9 ? agent::v1::OUTCOME_INTERRUPTED
                                                      : agent::v1::OUTCOME_TIMED_OUT;
        End(&held, outcome,
            outcome == agent::v1::OUTCOME_SUCCEEDED ? ResultOf(held.offer) : work::v1::TaskResult(),
            outcome == agent::v1::OUTCOME_SUCCEEDED ? "" : "OTHER");
        return Listen(faithful);
      }
    }
  }

  void Join() {
    if (connected_) return;
    std::vector<agent::v1::AttemptState> states;
    for (const auto& [attempt_id, held] : held_) {
      agent::v1::AttemptState state;
      state.set_attempt_id(attempt_id);
      state.set_fence(held.offer.fence());
      state.set_phase(held.phase);
      states.push_back(state);
    }
    heard_ = 0;
    connected_ = true;
    agent_.Connect(states);
    Listen(true);
  }
  void Drop() {
    if (!connected_) return;
    connected_ = false;
    agent_.Disconnect();
  }
  void LoseMemory() {
    Drop();
    held_.clear();
    agent_.journal_id = NewId();
    agent_.last_seq = 0;
  }

  void Submit() {
    switch (Roll(3)) {
      case 0:
        jobs_ids_.push_back(Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db")).id);
        break;
      case 1:
        jobs_ids_.push_back(
            Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {"shop"}, true, "")).id);
        break;
      default: {
        ChangeRequest request = MakeChange();
        request.backup_gate = static_cast<BackupGate>(Roll(3));
        jobs_ids_.push_back(Must(jobs_.SubmitChange({"users/ada", ""}, request)).id);
      }
    }
  }
  // People act on some job; that it may be refused is fine, and checked elsewhere.
  void Decide() {
    if (jobs_ids_.empty()) return;
    const std::string id = jobs_ids_[Roll(static_cast<int>(jobs_ids_.size()))];
    switch (Roll(6)) {
      case 0:
        (void)jobs_.Cancel({"users/ada", ""}, id, "x");
        break;
      case 1:
        (void)jobs_.Pause({"users/ada", ""}, id, "x");
        break;
      case 2:
        (void)jobs_.Resume({"users/ada", ""}, id);
        break;
      case 3:
        (void)jobs_.Resolve({"users/cy", ""}, id, "",
                            Roll(2) == 0 ? Resolution::kApplied : Resolution::kNotApplied, "x");
        break;
      default:
        (void)jobs_.Approve({"users/bob", ""}, id, JobOf(id).digest, "x");
    }
    executor_.RunAll();
  }

  void CheckInvariants() {
    std::vector<Attempt> open;
    ASSERT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(open, tx.OpenAttempts());
                      return absl::OkStatus();
                    })
                    .ok());
    int exclusive = 0;
    for (const Attempt& attempt : open) {
      const Job job = JobOf(attempt.job_id);
      if (HoldsInstance(attempt.state) && IsExclusive(job.kind, attempt.purpose)) ++exclusive;
      EXPECT_TRUE(!IsTerminal(job.state) || HoldsInstance(attempt.state))
          << "jobs/" << job.id << " is over and has an attempt that is " << NameOf(attempt.state);
    }
    EXPECT_LE(exclusive, 1) << "exclusive work overlaps";
    for (const std::string& id : jobs_ids_) {
      const Job job = JobOf(id);
      const auto [it, added] = ended_.emplace(id, job.state);
      if (added && !IsTerminal(job.state)) {
        ended_.erase(it);
      } else {
        EXPECT_EQ(it->second, job.state) << "terminal states never change";
      }
    }
  }

  // Everybody does what they should.
  void Heal() {
    Join();
    for (int round = 0; round < 60; ++round) {
      Join();
      if (round % 20 == 10) AddVerifiedBackup();  // For those that wait for an existing one.
      for (int i = 0; i < 12; ++i) {
        Listen(true);
        Work(true);
      }
      for (const std::string& id : jobs_ids_) {
        const Job job = JobOf(id);
        if (IsTerminal(job.state)) continue;
        (void)jobs_.Approve({"users/bob", ""}, id, job.digest, "x");
        (void)jobs_.Resolve({"users/cy", ""}, id, "", Resolution::kNotApplied, "x");
        if (job.state == JobState::kPaused) (void)jobs_.Resume({"users/ada", ""}, id);
        executor_.RunAll();
      }
      Listen(true);
      agent_.Say(Ping());
      Pass(absl::Seconds(10));
      CheckInvariants();
    }
  }
  agent::v1::AgentMsg Ping() {
    agent::v1::AgentMsg message;
    *message.mutable_ping()->mutable_send_time() = ToProto(clock_.Now());
    return message;
  }

  std::mt19937_64 random_{static_cast<uint64_t>(GetParam())};
  bool connected_ = false;
  size_t heard_ = 0;
  uint64_t highest_fence_ = 0;
  std::map<std::string, Held> held_;
  std::set<std::string> begun_;
  std::vector<std::string> jobs_ids_;
  std::map<std::string, JobState> ended_;
};

TEST_P(RandomLifeTest, InvariantsHoldAndEveryJobEnds) {
  Join();
  for (int step = 0; step < 120 && !HasFailure(); ++step) {
    const int what = Roll(20);
    if (what < 3) {
      if (jobs_ids_.size() < 8) Submit();
    } else if (what < 7) {
      Decide();
    } else if (what < 13) {
      Listen(false);
      Work(false);
    } else if (what < 15) {
      Join();
    } else if (what < 16) {
      Drop();
    } else if (what < 17 && Roll(4) == 0) {
      LoseMemory();
    } else {
      if (connected_) agent_.Say(Ping());
      Pass(absl::Seconds(1 + Roll(40)));
    }
    Listen(false);
    CheckInvariants();
  }
  Heal();
  for (const std::string& id : jobs_ids_) {
    EXPECT_TRUE(IsTerminal(JobOf(id).state))
        << "jobs/" << id << " (" << NameOf(JobOf(id).kind) << ") is " << StateOf(id) << ": "
        << JobOf(id).error_reason << " " << JobOf(id).error_message;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLifeTest, ::testing::Range(1, 401));

}  // namespace
}  // namespace dbfleet::controller
