#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

#define EXPECT_SAME(field) EXPECT_EQ(read.field, wrote.field)

class RowsTest : public StoreTest {
 protected:
  void SetUp() override { Open(); }

  // Distinct values, so that no two fields can be exchanged unnoticed.
  absl::Time T(int n) { return absl::FromUnixNanos(1'800'000'000'123'456'789 + n); }
  const std::string nasty_ = std::string("quote ' \" \\ nul \0 bytes \xFF\xFE end", 31);
};

TEST_F(RowsTest, AnEnvironmentComesBackAsItWas) {
  Environment wrote;
  wrote.name = "staging";
  wrote.display_name = nasty_;
  wrote.policy = {3, absl::Hours(5), absl::Minutes(7), false, WindowFor::kDestructive};
  wrote.declared = true;
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertEnvironment(&wrote); }).ok());
  const Environment read = Read([](ReadTx& tx) { return tx.GetEnvironment("staging"); }).value();
  EXPECT_SAME(name);
  EXPECT_SAME(display_name);
  EXPECT_SAME(policy.destructive_approvals);
  EXPECT_SAME(policy.verified_backup_max_age);
  EXPECT_SAME(policy.approval_ttl);
  EXPECT_SAME(policy.destructive_consent);
  EXPECT_SAME(policy.window_for);
  EXPECT_SAME(declared);
  EXPECT_EQ(read.version, 1u);
}

TEST_F(RowsTest, AnAgentComesBackAsItWas) {
  Agent wrote;
  wrote = {"db1", "qa", "users/ada", T(1), T(2),  "1.2", {"a", "b \"c\""},
           "J",   true, false,       true, "why", "s1",  T(3),
           "s2",  T(4), "key",       99};
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertAgent(&wrote); }).ok());
  const Agent read = Read([](ReadTx& tx) { return tx.GetAgent("db1"); }).value();
  EXPECT_SAME(id);
  EXPECT_SAME(environment);
  EXPECT_SAME(creator);
  EXPECT_SAME(enroll_time);
  EXPECT_SAME(last_seen_time);
  EXPECT_SAME(agent_version);
  EXPECT_SAME(capabilities);
  EXPECT_SAME(journal_id);
  EXPECT_SAME(revoked);
  EXPECT_SAME(draining);
  EXPECT_SAME(quarantined);
  EXPECT_SAME(state_reason);
  EXPECT_SAME(current_serial);
  EXPECT_SAME(current_not_after);
  EXPECT_SAME(next_serial);
  EXPECT_SAME(next_not_after);
  EXPECT_SAME(public_key_sha256);
  EXPECT_SAME(acked_event_seq);
}

TEST_F(RowsTest, AJoinTokenAndAnInstanceComeBackAsTheyWere) {
  JoinToken token;
  token = {"h", "db1", "qa", "users/ada", T(1), T(2), "key", "pem"};
  Instance instance;
  instance = {"orders-db",       "db1",     "qa",
              "mysql",           "unix:/x", {{"team", "a"}, {"tier", "\"1\""}},
              "primary",         "10.11",   {"migrate"},
              uint64_t{1} << 54, true,      T(3)};
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.InsertJoinToken(&token));
                return tx.InsertInstance(&instance);
              }).ok());
  {
    const JoinToken& wrote = token;
    const JoinToken read = Read([](ReadTx& tx) { return tx.GetJoinToken("h"); }).value();
    EXPECT_SAME(hash);
    EXPECT_SAME(agent_id);
    EXPECT_SAME(environment);
    EXPECT_SAME(creator);
    EXPECT_SAME(create_time);
    EXPECT_SAME(expire_time);
    EXPECT_SAME(used_key_sha256);
    EXPECT_SAME(certificate_pem);
  }
  const Instance& wrote = instance;
  const Instance read = Read([](ReadTx& tx) { return tx.GetInstance("orders-db"); }).value();
  EXPECT_SAME(id);
  EXPECT_SAME(agent_id);
  EXPECT_SAME(environment);
  EXPECT_SAME(engine);
  EXPECT_SAME(endpoint);
  EXPECT_SAME(labels);
  EXPECT_SAME(role);
  EXPECT_SAME(server_version);
  EXPECT_SAME(forbidden_actions);
  EXPECT_SAME(last_fence);
  EXPECT_SAME(removed);
  EXPECT_SAME(create_time);
}

Job FullJob(absl::Time t, const std::string& blob) {
  Job job;
  job.id = "J1";
  job.kind = JobKind::kMigrate;
  job.state = JobState::kPaused;
  job.environment = "production";
  job.requester = "users/ada";
  job.title = "title";
  job.reason = "reason";
  job.spec_blob = blob;
  job.safety = SafetyClass::kDestructive;
  job.digest = "d";
  job.policy_digest = "pd";
  job.approve_destructive = true;
  job.plan_only = true;
  job.schema_change = true;
  job.has_rollback = false;
  job.backup_gate = BackupGate::kFresh;
  job.gate_job = "G";
  job.max_parallel = 7;
  job.rollback_of = "R";
  job.parent = "P";
  job.request_key = "users/ada r1";
  job.create_time = t;
  job.update_time = t + absl::Nanoseconds(1);
  job.expire_time = t + absl::Nanoseconds(2);
  job.error_reason = "ER";
  job.error_message = "EM";
  job.cancel_requested = true;
  job.window = "weekend";
  job.overrun = Overrun::kCancel;
  job.window_entered = t + absl::Nanoseconds(3);
  job.approvals = {{"users/bob",
                    true,
                    "d",
                    "because \"x\"",
                    t,
                    absl::InfiniteFuture(),
                    {{"instances/a", 1'234'567'890'123}, {"instances/b", -1}},
                    "01TOKEN"},
                   {"users/eve", false, "d2", "", t + absl::Hours(1), t}};
  return job;
}

TEST_F(RowsTest, AJobComesBackAsItWas) {
  Job wrote = FullJob(T(0), nasty_);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertJob(&wrote); }).ok());
  const Job read = Read([](ReadTx& tx) { return tx.GetJob("J1"); }).value();
  EXPECT_SAME(kind);
  EXPECT_SAME(state);
  EXPECT_SAME(environment);
  EXPECT_SAME(requester);
  EXPECT_SAME(title);
  EXPECT_SAME(reason);
  EXPECT_SAME(spec_blob);
  EXPECT_SAME(safety);
  EXPECT_SAME(digest);
  EXPECT_SAME(policy_digest);
  EXPECT_SAME(approve_destructive);
  EXPECT_SAME(plan_only);
  EXPECT_SAME(schema_change);
  EXPECT_SAME(has_rollback);
  EXPECT_SAME(backup_gate);
  EXPECT_SAME(gate_job);
  EXPECT_SAME(max_parallel);
  EXPECT_SAME(rollback_of);
  EXPECT_SAME(parent);
  EXPECT_SAME(request_key);
  EXPECT_SAME(create_time);
  EXPECT_SAME(update_time);
  EXPECT_EQ(read.end_time, absl::InfinitePast());
  EXPECT_SAME(expire_time);
  EXPECT_SAME(error_reason);
  EXPECT_SAME(error_message);
  EXPECT_SAME(cancel_requested);
  EXPECT_SAME(window);
  EXPECT_SAME(overrun);
  EXPECT_SAME(window_entered);
  ASSERT_EQ(read.approvals.size(), 2u);
  for (int i : {0, 1}) {
    EXPECT_SAME(approvals[i].principal);
    EXPECT_SAME(approvals[i].approved);
    EXPECT_SAME(approvals[i].digest);
    EXPECT_SAME(approvals[i].reason);
    EXPECT_SAME(approvals[i].decide_time);
    EXPECT_SAME(approvals[i].expire_time);
    EXPECT_SAME(approvals[i].rows);
    EXPECT_SAME(approvals[i].token);
  }
  const Job found =
      Read([](ReadTx& tx) { return tx.FindJobByRequestKey("users/ada r1"); }).value().value();
  EXPECT_EQ(found.id, "J1");
}

TEST_F(RowsTest, ATaskAndItsAttemptComeBackAsTheyWere) {
  Job job = MakeJob("J1");
  Task task;
  task.id = "T1";
  task.job_id = "J1";
  task.state = TaskState::kNeedsPerson;
  task.instance_id = "orders-db";
  task.database = "shop";
  task.stage = 2;
  task.spec_blob = "spec";
  task.plan_blob = nasty_;
  task.target_digest = "td";
  task.result_blob = "result";
  task.steps = {{3, true, "unknown", -1, absl::Milliseconds(1500), "broken \xFF byte", "0007"}};
  task.error_reason = "ER";
  task.error_message = "EM";
  task.attempts = 4;
  Attempt attempt;
  attempt = {"A1",
             "T1",
             "J1",
             "orders-db",
             "db1",
             4,
             Purpose::kPlan,
             AttemptState::kUnreachable,
             uint64_t{1} << 55,
             1'800'000'000,
             true,
             "dg",
             T(1),
             T(2),
             absl::InfinitePast(),
             T(3),
             T(5),
             "B1",
             "mf",
             T(4),
             "AR",
             "AM",
             true};
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.InsertJob(&job));
                RETURN_IF_ERROR(tx.InsertTask(&task));
                return tx.InsertAttempt(&attempt);
              }).ok());
  {
    const Task& wrote = task;
    const Task read = Read([](ReadTx& tx) { return tx.GetTask("T1"); }).value();
    EXPECT_SAME(job_id);
    EXPECT_SAME(state);
    EXPECT_SAME(instance_id);
    EXPECT_SAME(database);
    EXPECT_SAME(stage);
    EXPECT_SAME(spec_blob);
    EXPECT_SAME(plan_blob);
    EXPECT_SAME(target_digest);
    EXPECT_SAME(result_blob);
    EXPECT_SAME(error_reason);
    EXPECT_SAME(error_message);
    EXPECT_SAME(attempts);
    ASSERT_EQ(read.steps.size(), 1u);
    EXPECT_SAME(steps[0].index);
    EXPECT_SAME(steps[0].rollback);
    EXPECT_SAME(steps[0].state);
    EXPECT_SAME(steps[0].rows_affected);
    EXPECT_SAME(steps[0].duration);
    EXPECT_SAME(steps[0].migration_version);
    EXPECT_EQ(read.steps[0].error, "broken \xEF\xBF\xBD byte") << "JSON holds UTF-8 only";
  }
  const Attempt& wrote = attempt;
  const Attempt read = Read([](ReadTx& tx) { return tx.GetAttempt("A1"); }).value();
  EXPECT_SAME(task_id);
  EXPECT_SAME(job_id);
  EXPECT_SAME(instance_id);
  EXPECT_SAME(agent_id);
  EXPECT_SAME(number);
  EXPECT_SAME(purpose);
  EXPECT_SAME(state);
  EXPECT_SAME(fence);
  EXPECT_SAME(epoch);
  EXPECT_SAME(safe_to_rerun);
  EXPECT_SAME(digest);
  EXPECT_SAME(create_time);
  EXPECT_SAME(start_time);
  EXPECT_SAME(end_time);
  EXPECT_SAME(not_after);
  EXPECT_SAME(start_before);
  EXPECT_SAME(backup_id);
  EXPECT_SAME(backup_manifest);
  EXPECT_SAME(unreachable_since);
  EXPECT_SAME(error_reason);
  EXPECT_SAME(error_message);
}

TEST_F(RowsTest, ABackupAUserAndATokenComeBackAsTheyWere) {
  Backup backup;
  backup = {"B1",        Backup::State::kSuspect,
            "orders-db", "qa",
            "J1",        T(1),
            T(2),        "db1",
            "10.0.0.1",  {"a", "b"},
            "rb",        "vb",
            2,           T(3),
            "EM"};
  User user;
  user = {"ada", {Role::kApprover, Role::kPolicyAdmin}, "users/root", "users/eve", true, T(4)};
  ApiToken token;
  token = {"K1", "ada", "hash", "laptop", "users/root", T(5), absl::InfiniteFuture(), true};
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.InsertBackup(&backup));
                RETURN_IF_ERROR(tx.InsertUser(&user));
                return tx.InsertToken(&token);
              }).ok());
  {
    const Backup& wrote = backup;
    const Backup read = Read([](ReadTx& tx) { return tx.GetBackup("B1"); }).value();
    EXPECT_SAME(state);
    EXPECT_SAME(agent_id);
    EXPECT_SAME(endpoint);
    EXPECT_SAME(instance_id);
    EXPECT_SAME(environment);
    EXPECT_SAME(job_id);
    EXPECT_SAME(create_time);
    EXPECT_SAME(snapshot_time);
    EXPECT_SAME(databases);
    EXPECT_SAME(result_blob);
    EXPECT_SAME(verification_blob);
    EXPECT_SAME(verified_level);
    EXPECT_SAME(verify_time);
    EXPECT_SAME(error_message);
  }
  {
    const User& wrote = user;
    const User read = Read([](ReadTx& tx) { return tx.GetUser("ada"); }).value();
    EXPECT_SAME(roles);
    EXPECT_SAME(creator);
    EXPECT_SAME(roles_editor);
    EXPECT_SAME(disabled);
    EXPECT_SAME(create_time);
  }
  const ApiToken& wrote = token;
  const ApiToken read = Read([](ReadTx& tx) { return tx.FindToken("hash"); }).value();
  EXPECT_SAME(id);
  EXPECT_SAME(user_id);
  EXPECT_SAME(hash);
  EXPECT_SAME(description);
  EXPECT_SAME(creator);
  EXPECT_SAME(create_time);
  EXPECT_SAME(expire_time);
  EXPECT_SAME(revoked);
}

TEST_F(RowsTest, AResourceComesBackAsItWasAndIsDeletedByItsVersion) {
  Resource wrote;
  wrote = {"maintenancewindows/night",
           "MaintenanceWindow",
           nasty_,
           "users/ada",
           "users/bob",
           T(0),
           T(1)};
  Resource other = wrote;
  other.id = "others/night";
  other.kind = "Other";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.InsertResource(&wrote));
                return tx.InsertResource(&other);
              }).ok());
  const auto get = [](ReadTx& tx) { return tx.GetResource("maintenancewindows/night"); };
  Resource read = Read(get).value();
  EXPECT_EQ(read, wrote);
  EXPECT_EQ(read.version, 1u);
  const auto list = [&](const char* kind) {
    return Read([&](ReadTx& tx) { return tx.ListResources(kind, {10, ""}); }).value().items;
  };
  EXPECT_EQ(list("MaintenanceWindow"), std::vector<Resource>{wrote});
  EXPECT_EQ(list("").size(), 2u);

  wrote.blob = "changed";
  wrote.editor = "users/eve";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateResource(&wrote); }).ok());
  EXPECT_EQ(Read(get).value(), wrote);
  EXPECT_EQ(ReasonOf(Mutate([&](WriteTx& tx) { return tx.DeleteResource(read); })), "STALE");
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.DeleteResource(wrote); }).ok());
  EXPECT_EQ(ReasonOf(Read(get).status()), "RESOURCE_NOT_FOUND");
  EXPECT_EQ(list("").size(), 1u);
}

TEST_F(RowsTest, AnUpdateThatWouldChangeAFixedColumnIsRefusedAndChangesNothing) {
  Job job = MakeJob("J1");
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok());
  Job changed = job;
  changed.environment = "elsewhere";
  changed.title = "another";
  EXPECT_EQ(ReasonOf(Mutate([&](WriteTx& tx) { return tx.UpdateJob(&changed); })), "FIXED_COLUMN");
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetJob("J1"); }).value().title, job.title);
  changed.environment = job.environment;
  EXPECT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateJob(&changed); }).ok());
  EXPECT_EQ(ReasonOf(Mutate([&](WriteTx& tx) { return tx.UpdateJob(&job); })), "STALE");
}

}  // namespace
}  // namespace dbfleet::controller
