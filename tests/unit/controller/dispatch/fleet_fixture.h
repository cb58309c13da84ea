#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/concurrency/ticker.h"
#include "common/metrics/registry.h"
#include "common/plan/digest.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/dispatch/wire.h"
#include "controller/domain/names.h"
#include "controller/jobs/job_manager.h"
#include "controller/policy/policy.h"
#include "controller/windows/book.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/inline_executor.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"
#include "tests/unit/controller/dispatch/scripted_agent.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {

// A controller without network, disk and threads: the pieces as the composition root joins them.
class FleetFixture : public ::testing::Test {
 protected:
  FleetFixture() {
    for (const char* name : {"development", "qa", "production"}) AddEnvironment(name);
    AddAgent("db1", "production");
    for (const char* name : {"bob", "cy"}) AddApprover(name);
    dispatcher_.Start();
    first_look_ = clock_.After(absl::Seconds(1), [this] { job_looks_.Start(); });
    executor_.RunAll();
  }
  ~FleetFixture() override {
    first_look_.reset();
    job_looks_.Stop();
    dispatcher_.Stop();
    executor_.Shutdown();
  }

  void AddEnvironment(const std::string& name) {
    Environment environment;
    environment.name = name;
    environment.policy = PlainPolicy(name);
    ASSERT_TRUE(
        store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); }).ok());
  }
  void AddApprover(const std::string& id) {
    User user;
    user.id = id;
    user.roles = {Role::kApprover};
    ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertUser(&user); }).ok());
  }
  void AddAgent(const std::string& id, const std::string& environment) {
    Agent agent;
    agent.id = id;
    agent.environment = environment;
    agent.enroll_time = clock_.Now();
    ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertAgent(&agent); }).ok());
  }

  // As the API does it: the commit, then the word to the dispatcher.
  void MoveInstanceTo(const std::string& agent_id) {
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Instance instance, tx.GetInstance("orders-db"));
                      instance.agent_id = agent_id;
                      return tx.UpdateInstance(&instance);
                    })
                    .ok());
    dispatcher_.InstanceMoved("orders-db");
    executor_.RunAll();
  }

  // Time passes in ticks, with everything that it sets off.
  void Pass(absl::Duration duration) {
    for (absl::Duration done; done < duration; done += absl::Seconds(1)) {
      clock_.Advance(absl::Seconds(1));
      executor_.RunAll();
    }
  }

  template <typename T>
  T Must(absl::StatusOr<T> value) {
    EXPECT_TRUE(value.ok()) << value.status();
    executor_.RunAll();
    return value.ok() ? *std::move(value) : T();
  }

  Job JobOf(const std::string& id) {
    return ReadFrom(store_, [&](ReadTx& tx) { return tx.GetJob(id); }).value();
  }
  std::string StateOf(const std::string& job_id) {
    return std::string(NameOf(JobOf(job_id).state));
  }
  std::vector<Attempt> AttemptsOf(const std::string& job_id) {
    std::vector<Attempt> out;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job_id));
                      for (const Task& task : tasks) {
                        ASSIGN_OR_RETURN(const auto attempts, tx.AttemptsOfTask(task.id));
                        out.insert(out.end(), attempts.begin(), attempts.end());
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    return out;
  }
  bool Audited(const std::string& action) {
    for (const AuditRow& row : store_.Audit()) {
      if (row.entry.action == action) return true;
    }
    return false;
  }

  std::string Detail(const std::string& action, const std::string& key) {
    std::string value;
    for (const AuditRow& row : store_.Audit()) {
      const auto found = row.entry.details.find(key);
      if (row.entry.action == action && found != row.entry.details.end()) value = found->second;
    }
    return value;
  }

  // A verified backup of database "shop" taken just now.
  void AddVerifiedBackup(const std::string& instance = "orders-db") {
    Backup backup;
    backup.id = NewId();
    backup.state = Backup::State::kComplete;
    backup.instance_id = instance;
    backup.environment = "production";
    backup.databases = {"shop"};
    backup.create_time = backup.snapshot_time = backup.verify_time = clock_.Now();
    backup.verified_level = 1;
    backup.agent_id = "db1";
    backup.endpoint = kEndpoint;
    ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertBackup(&backup); }).ok());
  }
  static std::string NewId() { return RandomHex(8); }

  static work::v1::Migration MakeMigration() {
    work::v1::Migration migration;
    migration.set_version("1");
    migration.set_name("add_note");
    const std::string up = "ALTER TABLE orders ADD COLUMN note text;";
    const std::string down = "ALTER TABLE orders DROP COLUMN note;";
    migration.mutable_up()->set_inline_(up);
    migration.mutable_up()->set_sha256(Sha256Hex(up));
    migration.mutable_up()->set_size_bytes(up.size());
    migration.mutable_down()->set_inline_(down);
    migration.mutable_down()->set_sha256(Sha256Hex(down));
    migration.mutable_down()->set_size_bytes(down.size());
    return migration;
  }
  static ChangeRequest MakeChange() {
    ChangeRequest request;
    request.environment = "production";
    request.instances = {"orders-db"};
    request.spec.set_database("shop");
    request.spec.set_database_kind(work::v1::DATABASE_KIND_COMMON);
    *request.spec.add_migrations() = MakeMigration();
    request.title = "add a note";
    request.approve_destructive = true;
    return request;
  }
  static work::v1::TaskResult MakePlan() {
    work::v1::TaskResult result;
    work::v1::Plan* plan = result.mutable_plan();
    work::v1::Step* forward = plan->add_forward();
    forward->set_version("1");
    forward->set_sql("ALTER TABLE orders ADD COLUMN note text");
    forward->set_safety(work::v1::SAFETY_CLASS_DESTRUCTIVE);
    work::v1::Step* rollback = plan->add_rollback();
    rollback->set_version("1");
    rollback->set_sql("ALTER TABLE orders DROP COLUMN note");
    rollback->set_safety(work::v1::SAFETY_CLASS_DESTRUCTIVE);
    plan->add_versions("1");
    plan->set_schema_fingerprint("f1");
    plan->set_safety(work::v1::SAFETY_CLASS_DESTRUCTIVE);
    plan->set_estimated_rows(10);
    return result;
  }
  static work::v1::TaskResult MakeMigrated() {
    work::v1::TaskResult result;
    result.mutable_migrate()->add_applied_versions("1");
    return result;
  }

  // A change by ada on production, planned by the agent; it waits for an approval.
  Job PlannedChange() {
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
    const agent::v1::Offer offer = agent_.Offers().back();
    EXPECT_EQ(offer.purpose(), agent::v1::PURPOSE_PLAN);
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
    return JobOf(job.id);
  }
  // The same, approved and offered for execution.
  agent::v1::Offer OfferedChange(std::string* job_id) {
    AddVerifiedBackup();
    const Job job = PlannedChange();
    *job_id = job.id;
    Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "looks right"));
    EXPECT_EQ(agent_.Offers().back().purpose(), agent::v1::PURPOSE_EXECUTE);
    return agent_.Offers().back();
  }

  FakeClock clock_;
  MemoryStore store_{&clock_, 1'800'000'000};
  InlineExecutor executor_;
  JobHub hub_;
  std::vector<std::string> dependents_;
  absl::StatusOr<std::shared_ptr<const WindowBook>> windows_ =
      std::make_shared<const WindowBook>(std::vector<DeclaredWindow>());
  std::shared_ptr<const ApprovalBook> approvals_ = std::make_shared<const ApprovalBook>();
  std::optional<Waiver> waiver_;
  std::function<bool(const std::string&)> takes_work_ = [this](const std::string& agent_id) {
    return !dispatcher_.WhyNoWork(agent_id).has_value();
  };
  JobFlow flow_{[this](ReadTx&, absl::string_view) { return dependents_; },
                [this](ReadTx&) { return windows_; }, [this](ReadTx&) { return approvals_; },
                [this](ReadTx&, const std::string&) { return waiver_; },
                [this](const std::string& agent_id) { return takes_work_(agent_id); }};
  JobManager jobs_{store_, flow_, hub_, clock_};
  metrics::Registry metrics_;
  std::vector<std::string> moved_;  // As told to the sink: "INSTANCE to AGENT".
  DispatchSinks Sinks() {
    DispatchSinks sinks;
    sinks.moved = [this](const std::string& instance, const std::string& agent) {
      moved_.push_back(instance + " to " + agent);
    };
    return sinks;
  }
  Dispatcher dispatcher_{DispatchOptions(), store_,   flow_,  jobs_, hub_, clock_,
                         executor_,         metrics_, Sinks()};
  ScriptedAgent agent_{dispatcher_, executor_, clock_, "db1"};
  Ticker job_looks_{kLookInterval, clock_, executor_, [this] { jobs_.Tick(); }};
  std::unique_ptr<Clock::Timer> first_look_;
};

}  // namespace dbfleet::controller
