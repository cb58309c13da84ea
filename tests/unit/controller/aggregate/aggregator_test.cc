#include "controller/aggregate/aggregator.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

class InlineExecutor : public Executor {
 public:
  bool Add(std::function<void()> fn) override {
    ++added;
    if (closed) return false;
    fn();
    return true;
  }
  void Shutdown() override { closed = true; }
  int added = 0;
  bool closed = false;
};

class BrokenStore : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override {
    if (broken) return absl::UnavailableError("disk");
    return MemoryStore::Read(fn);
  }
  bool broken = false;
};

class AggregatorTest : public testing::Test {
 protected:
  AggregatorTest() {
    Aggregator::Options options;
    options.address = "controller:7480";
    aggregator_ = std::make_unique<Aggregator>(&store_, &live_, &executor_, &clock_, options);
  }

  void Commit(const Store::Mutation& mutation) {
    const absl::Status status = store_.MutateAndWait(mutation);
    ASSERT_TRUE(status.ok()) << status;
  }
  void AddInstance(const std::string& id, const std::map<std::string, std::string>& labels = {}) {
    Instance instance;
    instance.id = id;
    instance.agent_id = "db1";
    instance.environment = "production";
    instance.engine = "mysql";
    instance.labels = labels;
    Commit([&](WriteTx& tx) { return tx.InsertInstance(&instance); });
  }
  void AddAgent(const std::string& id, bool revoked = false) {
    Agent agent;
    agent.id = id;
    agent.environment = "production";
    agent.revoked = revoked;
    Commit([&](WriteTx& tx) { return tx.InsertAgent(&agent); });
  }
  void CommitJob(Job job) {
    Commit([&](WriteTx& tx) -> absl::Status {
      RETURN_IF_ERROR(tx.InsertJob(&job));
      return tx.AppendAudit({"users/ada", "check.submit", "jobs/" + job.id, "production", {}});
    });
  }
  std::string AddJob(JobState state, JobKind kind = JobKind::kBackup) {
    clock_.Advance(absl::Milliseconds(2));  // So that ids sort by their making.
    Job job;
    job.id = NewUlid(clock_.Now());
    job.kind = kind;
    job.state = state;
    job.create_time = clock_.Now();
    CommitJob(job);
    return job.id;
  }
  void AddTask(const std::string& job, const std::string& instance, TaskState state,
               int stage = 0) {
    Task task;
    task.stage = stage;
    task.id = NewUlid(clock_.Now());
    task.job_id = job;
    task.instance_id = instance;
    task.state = state;
    Commit([&](WriteTx& tx) { return tx.InsertTask(&task); });
  }
  void MoveJob(const std::string& id, JobState state) {
    Commit([&](WriteTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(Job job, tx.GetJob(id));
      job.state = state;
      return tx.UpdateJob(&job);
    });
  }
  void AddBackup(const std::string& instance, absl::Time snapshot, Backup::State state,
                 int verified_level) {
    clock_.Advance(absl::Milliseconds(2));
    Backup backup;
    backup.id = NewUlid(clock_.Now());
    backup.instance_id = instance;
    backup.state = state;
    backup.snapshot_time = snapshot;
    backup.verified_level = verified_level;
    Commit([&](WriteTx& tx) { return tx.InsertBackup(&backup); });
  }
  // The samples of the fleet's metrics after a refresh, by their text before the value.
  std::map<std::string, std::string> Samples() {
    EXPECT_TRUE(aggregator_->Refresh().ok());
    std::map<std::string, std::string> samples;
    for (absl::string_view line : absl::StrSplit(*aggregator_->FleetMetrics(), '\n')) {
      if (line.empty() || line[0] == '#') continue;
      const size_t space = line.rfind(' ');
      const std::string key(line.substr(0, space));
      EXPECT_TRUE(samples.emplace(key, std::string(line.substr(space + 1))).second) << line;
    }
    return samples;
  }

  static std::string Of(const std::string& name, const std::string& instance,
                        const std::string& own_labels = "") {
    return absl::StrCat(name, "{", own_labels, own_labels.empty() ? "" : ",", "instance=\"",
                        instance, "\",environment=\"production\",engine=\"mysql\"}");
  }

  FakeClock clock_;
  BrokenStore store_{&clock_};
  LiveState live_{&clock_, LiveState::Options()};
  InlineExecutor executor_;
  std::unique_ptr<Aggregator> aggregator_;
};

TEST_F(AggregatorTest, NothingIsServedBeforeTheStoreHasAnswered) {
  EXPECT_FALSE(aggregator_->ready());
  EXPECT_EQ(ReasonOf(aggregator_->ServiceDiscovery().status()), "NOT_READY");
  EXPECT_EQ(ReasonOf(aggregator_->FleetMetrics().status()), "NOT_READY");
  store_.broken = true;
  EXPECT_FALSE(aggregator_->Refresh().ok());
  EXPECT_FALSE(aggregator_->ready());
  store_.broken = false;
  EXPECT_TRUE(aggregator_->Refresh().ok());
  EXPECT_TRUE(aggregator_->ready());
  EXPECT_EQ(*aggregator_->ServiceDiscovery(), "[]");
}

TEST_F(AggregatorTest, AnInstanceIsUpWhileItsAgentSaysSo) {
  AddInstance("orders");
  AddAgent("db1");
  AddAgent("gone", /*revoked=*/true);
  auto samples = Samples();
  EXPECT_EQ(samples[Of("dbfleet_instance_up", "orders")], "0");
  EXPECT_EQ(samples[Of("dbfleet_instance_health_status", "orders", "status=\"unknown\"")], "1");
  EXPECT_EQ(samples["dbfleet_agent_connected{agent=\"db1\",environment=\"production\"}"], "0");
  EXPECT_EQ(samples.count("dbfleet_agent_connected{agent=\"gone\",environment=\"production\"}"),
            0u);

  live_.SetConnected("db1", "s1", {"orders"});
  work::v1::InstanceHealth health;
  health.set_instance("orders");
  health.set_status(work::v1::HEALTH_STATUS_WARN);
  health.set_reachable(true);
  health.mutable_response_time()->set_nanos(5'000'000);
  ASSERT_TRUE(live_.PutHealth("db1", health).ok());
  samples = Samples();
  EXPECT_EQ(samples[Of("dbfleet_instance_up", "orders")], "1");
  EXPECT_EQ(samples[Of("dbfleet_instance_health_status", "orders", "status=\"warn\"")], "1");
  EXPECT_EQ(samples[Of("dbfleet_instance_health_status", "orders", "status=\"unknown\"")], "0");
  EXPECT_EQ(samples[Of("dbfleet_instance_response_seconds", "orders")], "0.005");
  EXPECT_EQ(samples["dbfleet_agent_connected{agent=\"db1\",environment=\"production\"}"], "1");

  live_.SetDisconnected("db1", "s1");
  samples = Samples();
  EXPECT_EQ(samples[Of("dbfleet_instance_up", "orders")], "0");
  EXPECT_EQ(samples[Of("dbfleet_instance_health_status", "orders", "status=\"warn\"")], "0");
  EXPECT_EQ(samples.count(Of("dbfleet_instance_response_seconds", "orders")), 0u);
}

TEST_F(AggregatorTest, AnInstanceHasAtMostFortySeries) {
  AddInstance("orders");
  live_.SetConnected("db1", "s1", {"orders"});
  work::v1::InstanceHealth health;
  health.set_instance("orders");
  ASSERT_TRUE(live_.PutHealth("db1", health).ok());
  int series = 0;
  for (const auto& [key, value] : Samples()) {
    series += absl::StrContains(key, "instance=\"orders\"") ? 1 : 0;
  }
  EXPECT_GT(series, 10);
  EXPECT_LE(series, 40);
}

TEST_F(AggregatorTest, BackupsShowTheirConsistencyPointsAndNoneIsZero) {
  AddInstance("orders");
  AddInstance("stock");
  AddBackup("orders", absl::FromUnixSeconds(1000), Backup::State::kComplete, 1);
  AddBackup("orders", absl::FromUnixSeconds(2000), Backup::State::kComplete, 0);
  AddBackup("orders", absl::FromUnixSeconds(3000), Backup::State::kFailed, 0);
  AddBackup("orders", absl::FromUnixSeconds(4000), Backup::State::kSuspect, 1);
  auto samples = Samples();
  EXPECT_EQ(samples[Of("dbfleet_backup_last_success_timestamp_seconds", "orders")], "2000");
  EXPECT_EQ(samples[Of("dbfleet_backup_last_verified_timestamp_seconds", "orders")], "1000");
  EXPECT_EQ(samples[Of("dbfleet_backup_last_success_timestamp_seconds", "stock")], "0");
  for (int i = 0; i < 30; ++i) {
    AddBackup("orders", absl::FromUnixSeconds(5000 + i), Backup::State::kComplete, 0);
  }
  samples = Samples();
  EXPECT_EQ(samples[Of("dbfleet_backup_last_verified_timestamp_seconds", "orders")], "1000")
      << "however many unverified ones came after it";
}

TEST_F(AggregatorTest, JobsAreCountedOnceInTheStateTheyAreIn) {
  AddJob(JobState::kSucceeded);
  const std::string waiting = AddJob(JobState::kAwaitingApproval);
  auto samples = Samples();
  EXPECT_EQ(samples["dbfleet_jobs{state=\"succeeded\"}"], "1");
  EXPECT_EQ(samples["dbfleet_jobs{state=\"awaiting_approval\"}"], "1");
  EXPECT_EQ(samples["dbfleet_jobs{state=\"failed\"}"], "0");
  EXPECT_EQ(samples["dbfleet_approvals_pending"], "1");
  for (int i = 0; i < 3; ++i) samples = Samples();
  EXPECT_EQ(samples["dbfleet_jobs{state=\"succeeded\"}"], "1") << "not once per refresh";

  MoveJob(waiting, JobState::kRejected);
  AddJob(JobState::kFailed);  // Begun and ended between two refreshes.
  samples = Samples();
  EXPECT_EQ(samples["dbfleet_jobs{state=\"awaiting_approval\"}"], "0");
  EXPECT_EQ(samples["dbfleet_jobs{state=\"rejected\"}"], "1");
  EXPECT_EQ(samples["dbfleet_jobs{state=\"failed\"}"], "1");
  EXPECT_EQ(samples["dbfleet_approvals_pending"], "0");

  clock_.Advance(absl::Hours(24));
  AddJob(JobState::kSucceeded);
  samples = Samples();
  clock_.Advance(absl::Hours(24));
  samples = Samples();
  EXPECT_EQ(samples["dbfleet_jobs{state=\"succeeded\"}"], "2");
  EXPECT_EQ(samples["dbfleet_jobs{state=\"failed\"}"], "1");
}

TEST_F(AggregatorTest, AJobThatCommitsAfterAYoungerOneIsNotMissed) {
  Job late;
  late.id = NewUlid(clock_.Now());
  late.create_time = clock_.Now();
  late.state = JobState::kSucceeded;
  AddJob(JobState::kSucceeded);
  EXPECT_EQ(Samples()["dbfleet_jobs{state=\"succeeded\"}"], "1");
  CommitJob(late);
  EXPECT_EQ(Samples()["dbfleet_jobs{state=\"succeeded\"}"], "2");
}

TEST_F(AggregatorTest, JobsAreCountedThoughTheClockJumpsBack) {
  AddJob(JobState::kSucceeded);
  EXPECT_EQ(Samples()["dbfleet_jobs{state=\"succeeded\"}"], "1");
  Job past;
  past.create_time = clock_.Now() - absl::Hours(72);
  past.id = NewUlid(past.create_time);
  past.state = JobState::kSucceeded;
  CommitJob(past);
  EXPECT_EQ(Samples()["dbfleet_jobs{state=\"succeeded\"}"], "2");
}

TEST_F(AggregatorTest, MigrationsCountPerInstanceAndOutcomeWhenTheirJobEnds) {
  AddInstance("orders");
  AddInstance("stock");
  const std::string job = AddJob(JobState::kRolling, JobKind::kMigrate);
  AddTask(job, "orders", TaskState::kSucceeded);
  AddTask(job, "stock", TaskState::kRolledBack);
  auto samples = Samples();
  EXPECT_EQ(samples[Of("dbfleet_instance_migrations_total", "orders", "outcome=\"succeeded\"")],
            "0");
  MoveJob(job, JobState::kPartial);
  for (int i = 0; i < 2; ++i) samples = Samples();
  EXPECT_EQ(samples[Of("dbfleet_instance_migrations_total", "orders", "outcome=\"succeeded\"")],
            "1");
  EXPECT_EQ(samples[Of("dbfleet_instance_migrations_total", "stock", "outcome=\"rolled_back\"")],
            "1");
  EXPECT_EQ(samples[Of("dbfleet_instance_migrations_total", "stock", "outcome=\"succeeded\"")],
            "0");
}

TEST_F(AggregatorTest, BackupsCountPerInstanceAndOutcomeAndTheirVerificationsDoNot) {
  AddInstance("orders");
  AddInstance("stock");
  const std::string job = AddJob(JobState::kRolling, JobKind::kBackup);
  AddTask(job, "orders", TaskState::kSucceeded);
  AddTask(job, "orders", TaskState::kFailed, /*stage=*/1);
  AddTask(job, "stock", TaskState::kFailed);
  AddTask(AddJob(JobState::kSucceeded, JobKind::kVerify), "stock", TaskState::kSucceeded);
  const auto count = [](auto& samples, const char* instance, const char* outcome) {
    return samples[Of("dbfleet_instance_backups_total", instance,
                      absl::StrCat("outcome=\"", outcome, "\""))];
  };
  auto samples = Samples();
  EXPECT_EQ(count(samples, "orders", "succeeded"), "0");
  MoveJob(job, JobState::kPartial);
  for (int i = 0; i < 2; ++i) samples = Samples();
  EXPECT_EQ(count(samples, "orders", "succeeded"), "1");
  EXPECT_EQ(count(samples, "orders", "failed"), "0");
  EXPECT_EQ(count(samples, "stock", "failed"), "1");
  EXPECT_EQ(count(samples, "stock", "succeeded"), "0");
  EXPECT_EQ(count(samples, "stock", "cancelled"), "0");
}

TEST_F(AggregatorTest, DiscoveryHasOneTargetPerInstanceWithItsOwnPath) {
  AddInstance("orders", {{"cluster", "shop"}});
  AddInstance("stock", {{"cluster", "\xff bad"}});
  ASSERT_TRUE(aggregator_->Refresh().ok());
  const auto groups = nlohmann::json::parse(*aggregator_->ServiceDiscovery());
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0]["targets"], nlohmann::json::array({"controller:7480"}));
  const nlohmann::json& labels = groups[0]["labels"];
  EXPECT_EQ(labels["instance"], "orders");
  EXPECT_EQ(labels["job"], "mysql");
  EXPECT_EQ(labels["environment"], "production");
  EXPECT_EQ(labels["cluster"], "shop");
  EXPECT_EQ(labels["__metrics_path__"], "/instances/orders/metrics");
}

TEST_F(AggregatorTest, RemovedInstancesDisappear) {
  AddInstance("orders");
  ASSERT_TRUE(aggregator_->Refresh().ok());
  Commit([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Instance instance, tx.GetInstance("orders"));
    instance.removed = true;
    return tx.UpdateInstance(&instance);
  });
  ASSERT_TRUE(aggregator_->Refresh().ok());
  EXPECT_EQ(*aggregator_->ServiceDiscovery(), "[]");
}

TEST_F(AggregatorTest, AStoreThatStopsAnsweringShowsInTheAgeOnly) {
  AddInstance("orders");
  aggregator_->Start();
  EXPECT_TRUE(aggregator_->ready());
  store_.broken = true;
  clock_.Advance(absl::Seconds(60));
  EXPECT_GE(executor_.added, 6);
  const std::string metrics = *aggregator_->FleetMetrics();
  EXPECT_TRUE(absl::StrContains(metrics, "dbfleet_fleet_snapshot_age_seconds 60")) << metrics;
  EXPECT_TRUE(absl::StrContains(metrics, "orders"));
  store_.broken = false;
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(
      absl::StrContains(*aggregator_->FleetMetrics(), "dbfleet_fleet_snapshot_age_seconds 0"));
}

TEST_F(AggregatorTest, ItEndsWithATimerPendingAndWithAClosedExecutor) {
  aggregator_->Start();
  executor_.Shutdown();
  clock_.Advance(absl::Seconds(30));
  aggregator_.reset();
  EXPECT_EQ(clock_.pending_timers(), 0);
}

}  // namespace
}  // namespace dbfleet::controller
