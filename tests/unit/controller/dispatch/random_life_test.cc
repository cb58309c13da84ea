// Random lives of a small fleet: whatever people, the agent and the network do, the invariants
// hold, and once everything heals every job comes to its end.
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "controller/domain/names.h"
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
    uint64_t& highest = highest_fence_[offer.instance()];
    EXPECT_GT(offer.fence(), highest) << "fences strictly increase";
    highest = std::max(highest, offer.fence());
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
        if (!faithful && Roll(windows_demanded_ ? 3 : 8) == 0) {
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
    switch (windows_demanded_ && Roll(4) > 0 ? 2 : Roll(3)) {
      case 0:
        jobs_ids_.push_back(Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db")).id);
        break;
      case 1:
        jobs_ids_.push_back(
            Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {"shop"}, true, "")).id);
        break;
      default: {
        ChangeRequest request = MakeChange();
        request.backup_gate =
            windows_demanded_ ? BackupGate::kExisting : static_cast<BackupGate>(Roll(3));
        if (Roll(2) == 0) request.instances.push_back("users-db");
        request.max_parallel = 1 + Roll(2);
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
    for (const std::string& id : jobs_ids_) {
      // One that begins is not held any more: what gives it away is that it still says so.
      const Job job = JobOf(id);
      const bool says_paused = job.error_reason == kPausedByPerson;
      EXPECT_TRUE(!says_paused || IsHeld(job) || job.state == JobState::kPaused)
          << "jobs/" << id << " was paused, and is " << NameOf(job.state);
      for (const Task& task : TasksOf(id)) {
        EXPECT_TRUE(!IsHeld(job) || task.state != TaskState::kActive)
            << "jobs/" << id << " is paused, and has begun";
      }
    }
    std::vector<Attempt> open;
    ASSERT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(open, tx.OpenAttempts());
                      return absl::OkStatus();
                    })
                    .ok());
    std::map<std::string, int> exclusive;
    for (const Attempt& attempt : open) {
      const Job job = JobOf(attempt.job_id);
      EXPECT_FALSE(
          IsHeld(job) && attempt.purpose == Purpose::kExecute &&
          (attempt.state == AttemptState::kGranted || attempt.state == AttemptState::kRunning))
          << "jobs/" << job.id << " is paused, and runs";
      if (HoldsInstance(attempt.state) && IsExclusive(job.kind, attempt.purpose)) {
        EXPECT_EQ(++exclusive[attempt.instance_id], 1) << "exclusive work overlaps";
      }
      EXPECT_TRUE(!IsTerminal(job.state) || HoldsInstance(attempt.state))
          << "jobs/" << job.id << " is over and has an attempt that is " << NameOf(attempt.state);
    }
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

  // Windows and freezes come and go; in half of the lives changes need a window.
  void DemandWindows() {
    EXPECT_TRUE(store_
                    .MutateAndWait([](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Environment production, tx.GetEnvironment("production"));
                      production.policy.window_for = WindowFor::kAll;
                      return tx.UpdateEnvironment(&production);
                    })
                    .ok());
    AddVerifiedBackup();
    AddVerifiedBackup("users-db");
    DeclareWindows();
  }
  void DeclareWindows() {
    std::vector<DeclaredWindow> windows;
    for (int i = 1 + Roll(3); i > 0; --i) {
      DeclaredWindow declared;
      declared.window.name = NewId();
      declared.window.effect = Roll(3) == 0 ? WindowEffect::kDeny : WindowEffect::kAllow;
      declared.window.overrun = static_cast<Overrun>(Roll(3));
      const absl::Time begin = clock_.Now() + absl::Seconds(Roll(180) - 90);
      declared.window.times.once = Span{begin, begin + absl::Seconds(60 + Roll(300))};
      windows.push_back(std::move(declared));
    }
    Declare(std::move(windows));
  }
  void Declare(std::vector<DeclaredWindow> windows) {
    const auto book = std::make_shared<const WindowBook>(std::move(windows));
    windows_ = book;
    in_force_[store_.Audit().size()] = book;
    executor_.RunAll();
  }
  // The trail's grants against the windows that were in force then, by their plain meaning: outside
  // of every window only what works without a break, and began in a window that lets it finish.
  struct Working {
    std::set<std::string> attempts;  // That have begun and not ended.
    absl::Time last = absl::InfinitePast();
    bool may_finish = false;
  };
  void CheckGrants() {
    const std::vector<AuditRow> rows = store_.Audit();
    std::map<std::string, Working> jobs;
    for (size_t i = 0; i < rows.size(); ++i) {
      const AuditEntry& entry = rows[i].entry;
      Working& working = jobs[entry.resource];
      const auto attempt = entry.details.find("attempt");
      const bool paused = entry.action == "job.state" && entry.details.at("state") == "paused";
      if (entry.action == "job.pause" || paused || entry.action == "job.replan") {
        working.may_finish = false;
      } else if (entry.action == "attempt.start") {
        working.attempts.insert(attempt->second);
        working.last = rows[i].record_time;
      } else if (entry.action == "attempt.end" && working.attempts.erase(attempt->second) > 0) {
        working.last = rows[i].record_time;
      } else if (entry.action == "attempt.grant" && entry.details.at("purpose") == "execute") {
        const Job job = JobOf(entry.resource.substr(std::string("jobs/").size()));
        if (job.kind != JobKind::kMigrate) continue;
        const bool works =
            !working.attempts.empty() || rows[i].record_time - working.last <= absl::Minutes(5);
        CheckGrant(i, rows[i].record_time, works && working.may_finish);
        const auto window = entry.details.find("window");
        if (window != entry.details.end()) {
          working.may_finish = OverrunOf(i, window->second) == Overrun::kFinish;
        }
      }
    }
  }
  const WindowBook& InForce(size_t row) { return *std::prev(in_force_.upper_bound(row))->second; }
  Overrun OverrunOf(size_t row, const std::string& name) {
    for (const DeclaredWindow& declared : InForce(row).windows()) {
      if (declared.window.name == name) return declared.window.overrun;
    }
    ADD_FAILURE() << "granted in a window that there is not: " << name;
    return Overrun::kCancel;
  }
  void CheckGrant(size_t row, absl::Time time, bool goes_on) {
    bool allowed = false, frozen = false;
    for (const DeclaredWindow& declared : InForce(row).windows()) {
      if (!declared.window.times.once->Contains(time)) continue;
      (declared.window.effect == WindowEffect::kDeny ? frozen : allowed) = true;
    }
    EXPECT_FALSE(frozen) << "granted in a freeze: record " << row + 1;
    EXPECT_TRUE(allowed || goes_on) << "begun outside of every window: record " << row + 1;
  }

  std::vector<Task> TasksOf(const std::string& id) {
    return ReadFrom(store_, [&](ReadTx& tx) { return tx.TasksOfJob(id); }).value();
  }

  // Everybody does what they should.
  void Heal() {
    Join();
    if (windows_demanded_) {
      DeclaredWindow open;
      open.window.name = "open";
      open.window.times.once = Span{clock_.Now(), clock_.Now() + absl::Hours(24)};
      Declare({open});
    }
    for (int round = 0; round < 60; ++round) {
      Join();
      if (round % 20 == 10) {  // For those that wait for an existing one.
        AddVerifiedBackup();
        AddVerifiedBackup("users-db");
      }
      for (int i = 0; i < 12; ++i) {
        Listen(true);
        Work(true);
      }
      for (const std::string& id : jobs_ids_) {
        const Job job = JobOf(id);
        if (IsTerminal(job.state)) continue;
        (void)jobs_.Approve({"users/bob", ""}, id, job.digest, "x");
        for (const Task& task : TasksOf(id)) {
          (void)jobs_.Resolve({"users/cy", ""}, id, task.id, Resolution::kNotApplied, "x");
        }
        if (job.state == JobState::kPaused || IsHeld(job)) {
          (void)jobs_.Resume({"users/ada", ""}, id);
        }
        executor_.RunAll();
      }
      Listen(true);
      agent_.Say(Ping());
      Pass(absl::Seconds(10));
      CheckInvariants();
    }
  }
  // Its tasks and attempts, and what the agent holds, for messages.
  std::string Picture(const std::string& id) {
    std::string text;
    for (const Task& task : TasksOf(id)) {
      absl::StrAppend(&text, "\n  ", task.Target(), " ", NameOf(task.state));
      const auto attempts =
          ReadFrom(store_, [&](ReadTx& tx) { return tx.AttemptsOfTask(task.id); }).value();
      for (const Attempt& attempt : attempts) {
        const auto held = held_.find(attempt.id);
        absl::StrAppend(
            &text, "; ", NameOf(attempt.state), " ", NameOf(attempt.purpose),
            held == held_.end() ? "" : absl::StrCat(" (held ", held->second.phase, ")"));
      }
    }
    return text;
  }
  agent::v1::AgentMsg Ping() {
    agent::v1::AgentMsg message;
    *message.mutable_ping()->mutable_send_time() = ToProto(clock_.Now());
    return message;
  }

  std::mt19937_64 random_{static_cast<uint64_t>(GetParam())};
  bool connected_ = false;
  size_t heard_ = 0;
  std::map<std::string, uint64_t> highest_fence_;
  std::map<std::string, Held> held_;
  std::set<std::string> begun_;
  std::vector<std::string> jobs_ids_;
  std::map<std::string, JobState> ended_;
  const bool windows_demanded_ = GetParam() % 2 == 1;
  // By the number of audit records at which they came into force.
  std::map<size_t, std::shared_ptr<const WindowBook>> in_force_;
};

TEST_P(RandomLifeTest, InvariantsHoldAndEveryJobEnds) {
  agent_.more_instances = {"users-db"};
  if (windows_demanded_) DemandWindows();
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
    } else if (what < 18 && windows_demanded_) {
      DeclareWindows();
    } else {
      if (connected_) agent_.Say(Ping());
      Pass(absl::Seconds(1 + Roll(40)));
    }
    Listen(false);
    CheckInvariants();
  }
  Heal();
  if (windows_demanded_) CheckGrants();
  for (const std::string& id : jobs_ids_) {
    EXPECT_TRUE(IsTerminal(JobOf(id).state))
        << "jobs/" << id << " (" << NameOf(JobOf(id).kind) << ") is " << StateOf(id) << ": "
        << JobOf(id).error_reason << " " << JobOf(id).error_message << Picture(id);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLifeTest, ::testing::Range(1, 401));

}  // namespace
}  // namespace dbfleet::controller
