#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "agent/actions/action.h"
#include "agent/journal/journal.h"
#include "agent/runner/runner.h"
#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/journal/journal_test_util.h"

namespace dbfleet::agent {

// True once `condition` holds; false if it does not within ten seconds.
inline bool Await(const std::function<bool()>& condition) {
  Mutex mutex;
  CondVar never;
  for (int i = 0; i < 10000; ++i) {
    if (condition()) return true;
    MutexLock lock(&mutex);
    never.WaitWithTimeout(&mutex, absl::Milliseconds(1));
  }
  return condition();
}

class StubEngine : public Engine {
 public:
  explicit StubEngine(const std::string& name) { spec_.name = name; }
  const InstanceSpec& spec() const override { return spec_; }
  work::v1::InstanceHealth Check(absl::Duration) override { return {}; }
  absl::StatusOr<sql::Target> ProbeTarget() override { return sql::Dialect::kMariaDb; }
  absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view, absl::string_view,
                                                  const QueryOptions&) override {
    return work::v1::InspectResult();
  }
  std::vector<Sample> CollectMetrics(absl::Duration) override { return {}; }
  std::string Grants() const override { return ""; }

 private:
  InstanceSpec spec_;
};

// An action whose behaviour the test gives; it counts its runs.
class ScriptedAction : public Action {
 public:
  using RunFn = std::function<ActionResult(ActionContext&, const work::v1::JobSpec&)>;
  explicit ScriptedAction(std::string name) : name_(std::move(name)) {}

  absl::string_view name() const override { return name_; }
  absl::Status Supports(Engine&) override { return supports; }
  ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) override {
    ++runs;
    if (run) return run(context, spec);
    return Done();
  }
  absl::StatusOr<work::v1::Plan> Plan(ActionContext&, const work::v1::JobSpec&) override {
    ++plans;
    if (on_plan) on_plan();
    return plan;
  }
  ActionResult Recover(ActionContext& context, const work::v1::JobSpec& spec,
                       absl::string_view checkpoint) override {
    ++recoveries;
    last_checkpoint = std::string(checkpoint);
    if (recover) return recover(context, spec);
    return Done();
  }
  static ActionResult Done() {
    ActionResult result;
    result.outcome = v1::OUTCOME_SUCCEEDED;
    return result;
  }

  absl::Status supports;
  absl::StatusOr<work::v1::Plan> plan = work::v1::Plan();
  std::function<void()> on_plan;
  RunFn run;
  RunFn recover;
  std::atomic<int> runs{0};
  std::atomic<int> plans{0};
  std::atomic<int> recoveries{0};
  std::string last_checkpoint;

 private:
  const std::string name_;
};

// Holds an action until the test lets it go on.
class Gate {
 public:
  void Pass() {
    MutexLock lock(&mutex_);
    ++waiting_;
    while (!open_) changed_.Wait(&mutex_);
    --waiting_;
  }
  void Open() {
    MutexLock lock(&mutex_);
    open_ = true;
    changed_.SignalAll();
  }
  int waiting() {
    MutexLock lock(&mutex_);
    return waiting_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ = false;
  int waiting_ = 0;
};

class RecordingLink : public LinkServices {
 public:
  absl::StatusOr<std::string> FetchContent(const std::string&, const std::string&,
                                           int64_t) override {
    ++fetches;
    return content;
  }
  void PushLog(v1::LogLine line) override {
    MutexLock lock(&mutex_);
    lines_.push_back(line.text());
  }
  std::vector<std::string> lines() {
    MutexLock lock(&mutex_);
    return lines_;
  }
  absl::StatusOr<std::string> content = std::string();
  std::atomic<int> fetches{0};

 private:
  Mutex mutex_;
  std::vector<std::string> lines_;
};

// The real journal, whose calls the test can make fail.
class FlakyJournal : public Journal {
 public:
  explicit FlakyJournal(std::unique_ptr<Journal> real) : real_(std::move(real)) {}
  using Failure = std::function<absl::Status()>;
  void FailStart(Failure fn) { Set(&start_, std::move(fn)); }
  void FailStep(Failure fn) { Set(&step_, std::move(fn)); }
  void FailFinish(Failure fn) { Set(&finish_, std::move(fn)); }
  void FailAccept(Failure fn) { Set(&accept_, std::move(fn)); }

  const std::string& journal_id() const override { return real_->journal_id(); }
  uint64_t boot_sequence() const override { return real_->boot_sequence(); }
  uint64_t HighestEpoch() override { return real_->HighestEpoch(); }
  std::string LifeOfHighestEpoch() override { return real_->LifeOfHighestEpoch(); }
  absl::Status NoteEpoch(uint64_t epoch, const std::string& life) override {
    return real_->NoteEpoch(epoch, life);
  }
  uint64_t HighestFence(const std::string& i) override { return real_->HighestFence(i); }
  absl::Status Accept(const v1::Offer& offer, absl::Duration boottime,
                      const std::string& boot_id) override {
    RETURN_IF_ERROR(Ask(&accept_));
    return real_->Accept(offer, boottime, boot_id);
  }
  absl::Status Decline(const v1::Offer& offer, const v1::Declined& declined) override {
    return real_->Decline(offer, declined);
  }
  absl::Status Grant(const v1::Grant& grant) override { return real_->Grant(grant); }
  absl::Status MoveNotAfter(const std::string& id,
                            const google::protobuf::Timestamp& not_after) override {
    return real_->MoveNotAfter(id, not_after);
  }
  absl::Status Start(const std::string& id) override {
    RETURN_IF_ERROR(Ask(&start_));
    return real_->Start(id);
  }
  absl::Status Step(const std::string& id, const work::v1::StepReport& report) override {
    RETURN_IF_ERROR(Ask(&step_));
    return real_->Step(id, report);
  }
  absl::Status Checkpoint(const std::string& id, absl::string_view blob) override {
    return real_->Checkpoint(id, blob);
  }
  absl::Status Finish(const std::string& id, const v1::Finished& finished) override {
    RETURN_IF_ERROR(Ask(&finish_));
    return real_->Finish(id, finished);
  }
  absl::Status Drop(const std::string& id) override { return real_->Drop(id); }
  absl::Status RequestCancel(const std::string& id) override { return real_->RequestCancel(id); }
  absl::Status Forget(const std::string& id) override { return real_->Forget(id); }
  absl::StatusOr<std::optional<JournaledAttempt>> Find(const std::string& id) override {
    return real_->Find(id);
  }
  absl::StatusOr<std::vector<JournaledAttempt>> Attempts() override { return real_->Attempts(); }
  absl::StatusOr<std::vector<v1::AttemptState>> AttemptStates() override {
    return real_->AttemptStates();
  }
  absl::StatusOr<std::vector<v1::Event>> EventsFrom(uint64_t seq, int limit) override {
    return real_->EventsFrom(seq, limit);
  }
  uint64_t LastEventSeq() override { return real_->LastEventSeq(); }
  uint64_t LowestEventSeq() override { return real_->LowestEventSeq(); }
  absl::Status Acknowledge(uint64_t seq) override { return real_->Acknowledge(seq); }
  int64_t UsedBytes() override { return real_->UsedBytes(); }
  void SetListener(std::function<void()> fn) override { real_->SetListener(std::move(fn)); }

 private:
  void Set(Failure* slot, Failure fn) {
    MutexLock lock(&mutex_);
    *slot = std::move(fn);
  }
  absl::Status Ask(Failure* slot) {
    MutexLock lock(&mutex_);
    return *slot ? (*slot)() : absl::OkStatus();
  }

  const std::unique_ptr<Journal> real_;
  Mutex mutex_;
  Failure start_, step_, finish_, accept_;
};

// A runner with the instances "orders" and "payments" and scripted actions.
class RunnerFixture : public ::testing::Test {
 protected:
  RunnerFixture() { OpenJournal(); }
  ~RunnerFixture() override { runner_.reset(); }

  void OpenJournal() {
    runner_.reset();
    journal_.reset();
    auto journal = Journal::Open(folder_.path() + "/journal", 64 << 20, clock_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = std::make_unique<FlakyJournal>(*std::move(journal));
  }
  void MakeRunner() {
    Runner::Options options;
    options.data_dir = folder_.path();
    if (has_backup_dir_) options.backup_dir = folder_.path() + "/backups";
    options.repository_id = repository_id_;
    options.boot_id = boot_id_;
    options.workers = workers_;
    options.forbidden = [this](const std::string& action, const std::string& instance) {
      return action == forbidden_action_;
    };
    runner_ = Runner::Create(
        options, clock_, *journal_, {{"orders", &orders_}, {"payments", &payments_}},
        {{"check", &check_}, {"inspect", &inspect_}, {"backup", &backup_}, {"migrate", &migrate_}},
        link_);
    ASSERT_TRUE(runner_->Recover().ok());
  }
  v1::Offer Offer(const std::string& id, uint64_t fence, const std::string& action = "backup",
                  const std::string& instance = "orders") {
    v1::Offer offer = MakeOffer(id, fence, instance);
    if (action == "backup") offer.mutable_spec()->mutable_backup();
    if (action == "inspect") offer.mutable_spec()->mutable_inspect();
    if (action == "migrate") offer.mutable_spec()->mutable_migrate()->set_database("shop");
    return offer;
  }
  void OfferAndGrant(const v1::Offer& offer, const v1::Grant& grant) {
    runner_->HandleOffer(offer);
    runner_->HandleGrant(grant);
  }
  void OfferAndGrant(const v1::Offer& offer) { OfferAndGrant(offer, MakeGrant(offer)); }
  v1::AttemptPhase PhaseOf(const std::string& id) {
    auto attempt = journal_->Find(id);
    return attempt.ok() && attempt->has_value() ? (*attempt)->phase : v1::ATTEMPT_PHASE_UNSPECIFIED;
  }
  // The outcome, once it is there.
  v1::Finished OutcomeOf(const std::string& id) {
    EXPECT_TRUE(Await([&] { return PhaseOf(id) == v1::ATTEMPT_PHASE_FINISHED; }))
        << id << " has not ended";
    auto attempt = journal_->Find(id);
    return attempt.ok() && attempt->has_value() ? (*attempt)->finished.value_or(v1::Finished())
                                                : v1::Finished();
  }
  // The reason with which an offer was declined, "" if it was not.
  std::string DeclineOf(const std::string& id) {
    const auto events = journal_->EventsFrom(1, 1000);
    for (const v1::Event& event : *events) {
      if (event.attempt_id() == id && event.has_declined()) return event.declined().reason();
    }
    return "";
  }
  int CountEvents(const std::string& id, v1::Event::KindCase kind) {
    int count = 0;
    const auto events = journal_->EventsFrom(1, 1000);
    for (const v1::Event& event : *events) {
      count += event.attempt_id() == id && event.kind_case() == kind;
    }
    return count;
  }

  TempFolder folder_;
  FakeClock clock_;
  std::string boot_id_ = "boot-1";
  bool has_backup_dir_ = true;
  std::string repository_id_;
  int workers_ = 4;
  std::string forbidden_action_;
  StubEngine orders_{"orders"};
  StubEngine payments_{"payments"};
  ScriptedAction check_{"check"};
  ScriptedAction inspect_{"inspect"};
  ScriptedAction backup_{"backup"};
  ScriptedAction migrate_{"migrate"};
  RecordingLink link_;
  std::unique_ptr<FlakyJournal> journal_;
  std::unique_ptr<Runner> runner_;
};

}  // namespace dbfleet::agent
