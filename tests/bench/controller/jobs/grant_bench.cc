#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "benchmark/benchmark.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "controller/identity/principals.h"
#include "controller/identity/user_rows.h"
#include "controller/jobs/job_flow.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "tests/bench/controller/hand_clock.h"

namespace dbfleet::controller {
namespace {

constexpr char kFrom[] = "qa";
constexpr char kTo[] = "production";
constexpr char kInstance[] = "i-1";
// Of the change that is granted, and of each earlier one.
constexpr int kVersions = 10;
// Other changes in the earlier environment.
constexpr int kOthers = 200;

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::abort();
}

// An approved change that may begin, in a store on disk ($TMPDIR chooses which) with so many users,
// each of whom has a token that an admin made, and so many earlier changes of the same files, which
// applied them, took them back and applied them again. None: no promotion is asked for.
struct Fleet {
  Fleet(int users, int same) : earlier(same) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dbfleet-bench-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    SqliteStoreOptions options;
    options.path = folder + "/controller.db";
    auto opened = SqliteStore::Open(std::move(options), &clock);
    Check(opened.status());
    store = *std::move(opened);
    Check(store->MutateAndWait([&](WriteTx& tx) -> absl::Status {
      for (int i = 0; i < users; ++i) RETURN_IF_ERROR(AddUser(tx, i));
      RETURN_IF_ERROR(SetPolicy(tx, kFrom, false));
      RETURN_IF_ERROR(SetPolicy(tx, kTo, earlier > 0));
      RETURN_IF_ERROR(AddInstance(tx));
      const int all = earlier > 0 ? earlier + kOthers : 0;
      for (int i = 0; i < all; ++i) RETURN_IF_ERROR(AddEarlier(tx, i, i < kOthers));
      return AddChange(tx);
    }));
    // As each controller has: somebody came last.
    Principals principals(store.get(), &clock);
    Check(principals.CreateUser("users/root", "bob", {Role::kApprover}).status());
  }
  ~Fleet() {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  absl::Status AddUser(WriteTx& tx, int number) {
    User user;
    user.id = absl::StrCat("user-", number);
    user.roles = {Role::kOperator};
    user.creator = user.roles_editor = absl::StrCat("users/admin-", number % 5);
    user.create_time = clock.Now();
    RETURN_IF_ERROR(tx.InsertUser(&user));
    ApiToken token = NewToken(user.creator, user.id, "", clock.Now(), absl::Hours(24)).token;
    return StoreToken(tx, &token);
  }

  // Which are there in a new store.
  static absl::Status SetPolicy(WriteTx& tx, const char* name, bool promoted) {
    ASSIGN_OR_RETURN(Environment environment, tx.GetEnvironment(name));
    environment.policy = EnvironmentPolicy();
    environment.policy.destructive_approvals = 1;
    environment.policy.approval_ttl = absl::Hours(24 * 30);
    environment.policy.destructive_consent = true;
    if (promoted) environment.policy.promotion = {kFrom, absl::Hours(24 * 30), true};
    return tx.UpdateEnvironment(&environment);
  }

  static absl::Status AddInstance(WriteTx& tx) {
    Agent agent;
    agent.id = kInstance;
    agent.environment = kTo;
    RETURN_IF_ERROR(tx.InsertAgent(&agent));
    Instance instance;
    instance.id = kInstance;
    instance.agent_id = kInstance;
    instance.environment = kTo;
    instance.engine = "mariadb";
    return tx.InsertInstance(&instance);
  }

  static work::v1::JobSpec Spec(bool up) {
    work::v1::JobSpec spec;
    spec.mutable_migrate()->set_database("shop");
    spec.mutable_migrate()->set_direction(up ? work::v1::MIGRATE_DIRECTION_UP
                                             : work::v1::MIGRATE_DIRECTION_DOWN);
    for (int i = 0; i < kVersions; ++i) {
      work::v1::Migration& migration = *spec.mutable_migrate()->add_migrations();
      migration.set_version(absl::StrCat(i));
      const std::string text = absl::StrCat("-- ", std::string(1500, 'x'), "\nSELECT ", i, ";");
      migration.mutable_up()->set_inline_(text);
      migration.mutable_up()->set_sha256(Sha256Hex(text));
      spec.mutable_migrate()->add_versions(migration.version());
    }
    return spec;
  }

  Job NewJob(const std::string& id, const char* environment, bool up) const {
    Job job;
    job.id = id;
    job.kind = JobKind::kMigrate;
    job.environment = environment;
    job.requester = "users/ada";
    job.spec_blob = Spec(up).SerializeAsString();
    job.safety = SafetyClass::kDestructive;
    job.content_digest = Sha256Hex("content");
    job.digest = Sha256Hex(id);
    job.approve_destructive = true;
    job.create_time = job.update_time = clock.Now();
    job.expire_time = clock.Now() + absl::Hours(24 * 30);
    return job;
  }

  absl::Status AddEarlier(WriteTx& tx, int number, bool other) {
    const bool up = (earlier + kOthers - number) % 3 != 2;  // The last three: up, down, up.
    Job job = NewJob(absl::StrCat("past-", number), kFrom, up);
    if (other) job.content_digest = Sha256Hex(job.id);
    if (!up) job.rollback_of = absl::StrCat("past-", number - 1);
    job.state = JobState::kSucceeded;
    job.end_time = clock.Now() - absl::Minutes(earlier + kOthers - number);
    RETURN_IF_ERROR(tx.InsertJob(&job));
    work::v1::TaskResult result;
    for (int i = 0; i < kVersions; ++i) {
      if (up) result.mutable_migrate()->add_applied_versions(absl::StrCat(i));
      if (!up) result.mutable_migrate()->add_rolled_back_versions(absl::StrCat(i));
    }
    Task task = NewTask(job);
    task.state = TaskState::kSucceeded;
    task.result_blob = result.SerializeAsString();
    return tx.InsertTask(&task);
  }

  static Task NewTask(const Job& job) {
    work::v1::Plan plan;
    for (int i = 0; i < kVersions; ++i) plan.add_versions(absl::StrCat(i));
    plan.set_estimated_rows(10);
    plan.set_safety(work::v1::SAFETY_CLASS_DESTRUCTIVE);
    Task task;
    task.id = absl::StrCat("t-", job.id);
    task.job_id = job.id;
    task.instance_id = kInstance;
    task.database = "shop";
    task.plan_blob = plan.SerializeAsString();
    return task;
  }

  absl::Status AddChange(WriteTx& tx) {
    Job job = NewJob("change", kTo, true);
    job.state = JobState::kReady;
    ASSIGN_OR_RETURN(job.policy_digest, flow.PolicyDigestNow(tx, kTo));
    Approval approval{"users/bob", true, job.digest, "", clock.Now(), job.expire_time, {}};
    approval.rows[absl::StrCat("instances/", kInstance, "/databases/shop")] = 10;
    job.approvals.push_back(std::move(approval));
    RETURN_IF_ERROR(tx.InsertJob(&job));
    const Task task = NewTask(job);
    Task stored = task;
    return tx.InsertTask(&stored);
  }

  const int earlier;
  std::string folder;
  HandClock clock;
  JobFlow flow{[](ReadTx& tx, absl::string_view requester) {
    return DependentPrincipals(tx, std::string(requester));
  }};
  std::unique_ptr<SqliteStore> store;
};

// The policy's word on one target, as a grant asks for it: twice for each, in the writer's
// transactions, and as often again for each change that waits, every five seconds.
void BM_Grant(benchmark::State& state) {
  Fleet fleet(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  Check(fleet.store->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Job job, tx.GetJob("change"));
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
    for (auto _ : state) {
      ASSIGN_OR_RETURN(const PolicyDecision decision,
                       fleet.flow.EvaluatePolicyOn(tx, job, tasks, fleet.clock.Now()));
      if (decision.allowed()) continue;
      return absl::InternalError(decision.Words());  // Else something else is measured.
    }
    return absl::OkStatus();
  }));
}
BENCHMARK(BM_Grant)
    ->ArgNames({"users", "earlier"})
    ->ArgsProduct({{10, 1'000, 10'000}, {0, 3, 20}})
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dbfleet::controller
