#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "benchmark/benchmark.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/plan/abilities.h"
#include "controller/jobs/job_manager.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "tests/bench/controller/hand_clock.h"

namespace dbfleet::controller {
namespace {

constexpr int kJobs = kMostQueued;
constexpr char kEnvironment[] = "production";

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::abort();
}

struct Night {
  absl::Duration opens_in;  // ZeroDuration: it is open.
  bool agents_here = true;
  bool backups = true;  // There are those that the policy demands.
  int windows = 4;
  int targets = 1;  // Of each change.
};

// Full queues of approved changes, each on instances of its own, in a store on disk ($TMPDIR
// chooses which).
struct Queues {
  explicit Queues(const Night& of) : night(of) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dbfleet-bench-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    SqliteStoreOptions options;
    options.path = folder + "/controller.db";
    auto opened = SqliteStore::Open(std::move(options), &clock);
    Check(opened.status());
    store = *std::move(opened);
    std::vector<DeclaredWindow> declared;
    for (int i = 0; i < night.windows; ++i) {
      DeclaredWindow& window = declared.emplace_back();
      window.window.name = absl::StrCat("w", i);
      const absl::Time begin = clock.Now() + night.opens_in;
      window.window.times.once = Span{begin, begin + absl::Hours(8)};
    }
    windows = std::make_shared<const WindowBook>(std::move(declared));
    Check(store->MutateAndWait([&](WriteTx& tx) { return Fill(tx); }));
    jobs = std::make_unique<JobManager>(*store, flow, hub, clock);
  }
  ~Queues() {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  absl::Status Fill(WriteTx& tx) {
    Environment environment;
    environment.name = kEnvironment;
    environment.policy.destructive_approvals = 1;
    environment.policy.approval_ttl = absl::Hours(24 * 30);
    environment.policy.verified_backup_max_age = absl::Hours(24);
    environment.policy.destructive_consent = true;
    environment.policy.window_for = WindowFor::kAll;
    const bool there = tx.GetEnvironment(kEnvironment).ok();
    if (there) {
      ASSIGN_OR_RETURN(Environment stored, tx.GetEnvironment(kEnvironment));
      stored.policy = environment.policy;
      RETURN_IF_ERROR(tx.UpdateEnvironment(&stored));
    } else {
      RETURN_IF_ERROR(tx.InsertEnvironment(&environment));
    }
    User bob;
    bob.id = "bob";
    bob.roles = {Role::kApprover};
    RETURN_IF_ERROR(tx.InsertUser(&bob));
    for (int window = 0; window < night.windows; ++window) {
      for (int i = 0; i < kJobs; ++i) RETURN_IF_ERROR(AddChange(tx, window, i));
    }
    return absl::OkStatus();
  }

  absl::Status AddInstance(WriteTx& tx, const std::string& name) {
    Agent agent;
    agent.id = name;
    agent.environment = kEnvironment;
    agent.capabilities = {kLooksForBackup};
    RETURN_IF_ERROR(tx.InsertAgent(&agent));
    Instance instance;
    instance.id = name;
    instance.agent_id = name;
    instance.environment = kEnvironment;
    instance.engine = "mariadb";
    RETURN_IF_ERROR(tx.InsertInstance(&instance));
    if (!night.backups) return absl::OkStatus();
    Backup backup;
    backup.id = name;
    backup.state = Backup::State::kComplete;
    backup.instance_id = name;
    backup.agent_id = name;
    backup.environment = kEnvironment;
    backup.databases = {"shop"};
    backup.create_time = backup.snapshot_time = backup.verify_time = clock.Now();
    backup.verified_level = 1;
    return tx.InsertBackup(&backup);
  }

  absl::Status AddTask(WriteTx& tx, const Job& job, const std::string& instance) {
    work::v1::Plan plan;
    plan.add_versions("1");
    plan.set_estimated_rows(10);
    plan.set_safety(work::v1::SAFETY_CLASS_DESTRUCTIVE);
    Task task;
    task.id = absl::StrCat("t-", instance);
    task.job_id = job.id;
    task.instance_id = instance;
    task.database = "shop";
    task.plan_blob = plan.SerializeAsString();
    return tx.InsertTask(&task);
  }

  absl::Status AddChange(WriteTx& tx, int window, int number) {
    const std::string name = absl::StrCat("w", window, "-", number);
    std::vector<std::string> instances;
    for (int i = 0; i < night.targets; ++i) instances.push_back(absl::StrCat(name, "-", i));
    for (const std::string& instance : instances) RETURN_IF_ERROR(AddInstance(tx, instance));
    work::v1::Migration migration;
    migration.set_version("1");
    migration.mutable_up()->set_inline_("ALTER TABLE orders ADD COLUMN note text;");
    migration.mutable_up()->set_sha256(Sha256Hex(migration.up().inline_()));
    work::v1::JobSpec spec;
    *spec.mutable_migrate()->add_migrations() = migration;
    spec.mutable_migrate()->set_database("shop");
    Job job;
    job.id = absl::StrCat("j-", name);
    job.kind = JobKind::kMigrate;
    job.state = JobState::kReady;
    job.environment = kEnvironment;
    job.requester = "users/ada";
    job.spec_blob = spec.SerializeAsString();
    job.safety = SafetyClass::kDestructive;
    job.digest = Sha256Hex(name);
    ASSIGN_OR_RETURN(job.policy_digest, flow.PolicyDigestNow(tx, kEnvironment));
    job.approve_destructive = true;
    job.schema_change = true;
    job.create_time = job.update_time = clock.Now();
    job.expire_time = clock.Now() + absl::Hours(24 * 30);
    Approval approval{"users/bob", true, job.digest, "", clock.Now(), job.expire_time, {}};
    for (const std::string& instance : instances) {
      approval.rows[absl::StrCat("instances/", instance, "/databases/shop")] = 10;
    }
    job.approvals.push_back(std::move(approval));
    job.queue = {absl::StrCat("w", window), kDefaultPriority, absl::Minutes(30),
                 EstimateSource::kDeclared, 0};
    RETURN_IF_ERROR(tx.InsertJob(&job));
    for (const std::string& instance : instances) RETURN_IF_ERROR(AddTask(tx, job, instance));
    return absl::OkStatus();
  }

  // What the looks came to, so that nobody measures something else: all wait still, and so many of
  // each queue have a backup made, or an attempt offered.
  void Expect() {
    int ready = 0, backups = 0, offered = 0;
    Check(store->Read([&](ReadTx& tx) -> absl::Status {
      Unreadable unreadable;
      ASSIGN_OR_RETURN(const std::vector<Job> waiting,
                       tx.JobsInState(JobState::kReady, &unreadable));
      for (const Job& job : waiting) {
        if (job.kind != JobKind::kMigrate) continue;
        ++ready;
        backups += job.gate_job.empty() ? 0 : 1;
        ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
        offered += open.empty() ? 0 : 1;
      }
      return absl::OkStatus();
    }));
    const auto of_each = [&](int number) { return number * night.windows; };
    const bool open = night.opens_in == absl::ZeroDuration();
    // Their turns are half an hour apart, from the opening in two hours on, and a backup is taken
    // up to six hours ahead.
    const bool as_expected = ready == of_each(kJobs) && backups == of_each(night.backups ? 0 : 9) &&
                             offered == of_each(!open               ? 0
                                                : night.agents_here ? 1
                                                                    : kJobs);
    if (as_expected) return;
    std::cerr << ready << " wait, " << backups << " backups, " << offered << " offers\n";
    std::abort();
  }

  // CPU time of the store's writer so far; whatever was posted to it before is done by then.
  double WriterSeconds() {
    timespec spent{};
    Check(store->MutateAndWait([&](WriteTx&) {
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
      return absl::OkStatus();
    }));
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
  }

  const Night night;
  std::string folder;
  HandClock clock;
  JobHub hub;
  std::shared_ptr<const WindowBook> windows;
  JobFlow flow{[](ReadTx&, absl::string_view) { return std::vector<std::string>(); },
               [this](ReadTx&) { return windows; }, nullptr, nullptr,
               [this](const std::string&) { return night.agents_here; }};
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<JobManager> jobs;
};

// One look at all that waits, of which there is one every 5 seconds: 50 ms of CPU are one percent
// of a core. No agent takes anything here, so that the queues stay as they are.
void Looks(benchmark::State& state, const Night& night) {
  Queues queues(night);
  const auto look = [&] {
    queues.clock.Advance(absl::Seconds(5));
    queues.jobs->Tick();
  };
  look();  // Offers and backups are made once.
  double writer = queues.WriterSeconds();
  const double before = writer;
  for (auto _ : state) {
    look();
    writer = queues.WriterSeconds();
  }
  queues.Expect();
  state.counters["writer_ms"] = (writer - before) * 1e3 / static_cast<double>(state.iterations());
}
void BM_Closed(benchmark::State& state) { Looks(state, {absl::Hours(20), true, true}); }
void BM_OpensSoonWithoutBackups(benchmark::State& state) {
  Looks(state, {absl::Hours(2), true, false});
}
void BM_OpenAndBehindOne(benchmark::State& state) { Looks(state, {absl::ZeroDuration()}); }
void BM_OpenAndAllAgentsAway(benchmark::State& state) {
  Looks(state, {absl::ZeroDuration(), false, true});
}
// One queue of changes that have many targets each.
constexpr int kManyTargets = 200;
void BM_ManyTargetsClosed(benchmark::State& state) {
  Looks(state, {absl::Hours(20), true, true, 1, kManyTargets});
}
void BM_ManyTargetsOpensSoonWithoutBackups(benchmark::State& state) {
  Looks(state, {absl::Hours(2), true, false, 1, kManyTargets});
}
void BM_ManyTargetsOpenAndBehindOne(benchmark::State& state) {
  Looks(state, {absl::ZeroDuration(), true, true, 1, kManyTargets});
}
#define QUEUE_BENCH(name)                                                        \
  BENCHMARK(name)->Iterations(5)->Repetitions(5)->MeasureProcessCPUTime()->Unit( \
      benchmark::kMillisecond)
QUEUE_BENCH(BM_Closed);
QUEUE_BENCH(BM_OpensSoonWithoutBackups);
QUEUE_BENCH(BM_OpenAndBehindOne);
QUEUE_BENCH(BM_OpenAndAllAgentsAway);
QUEUE_BENCH(BM_ManyTargetsClosed);
QUEUE_BENCH(BM_ManyTargetsOpensSoonWithoutBackups);
QUEUE_BENCH(BM_ManyTargetsOpenAndBehindOne);

}  // namespace
}  // namespace dbfleet::controller
