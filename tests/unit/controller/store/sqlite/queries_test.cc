#include "absl/strings/str_join.h"
#include "gmock/gmock.h"

#include "common/base/hash.h"
#include "controller/store/sqlite/connection.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;

class QueriesTest : public StoreTest {
 protected:
  void SetUp() override { Open(); }

  absl::Time T(int n) { return absl::FromUnixSeconds(1'800'000'000 + n); }
  const std::string nasty_ = std::string("quote ' nul \0 bytes \xFF\xFE end", 27);
};

TEST_F(QueriesTest, WhatIsNotThereHasAReasonOfItsOwn) {
  const auto reason = [&](auto get) { return ReasonOf(Read(get).status()); };
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetEnvironment("x"); }), "ENVIRONMENT_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetAgent("x"); }), "AGENT_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetJoinToken("x"); }), "JOIN_TOKEN_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetInstance("x"); }), "INSTANCE_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetJob("x"); }), "JOB_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetTask("x"); }), "TASK_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetAttempt("x"); }), "ATTEMPT_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetBackup("x"); }), "BACKUP_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetUser("x"); }), "USER_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetToken("x"); }), "TOKEN_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.FindToken("x"); }), "TOKEN_NOT_FOUND");
  EXPECT_EQ(reason([](ReadTx& tx) { return tx.GetContent("x"); }), "CONTENT_NOT_FOUND");
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetSetting("x"); }).value(), "");
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.FindJobByRequestKey("x"); }).value(), std::nullopt);
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.FindJobByRequestKey(""); }).value(), std::nullopt);
}

TEST_F(QueriesTest, AJobThatCannotBeReadIsNamedBesideTheOthersOfItsState) {
  for (const char* const id : {"J1", "J2", "J3"}) {
    Job job;
    job.id = id;
    job.state = JobState::kReady;
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok());
  }
  store_.reset();
  ASSERT_TRUE(sqlite::Connection::Open(folder_ + "/controller.db")
                  .value()
                  ->Execute("UPDATE jobs SET kind = 'a kind of later' WHERE id = 'J2'")
                  .ok());
  Open();
  Unreadable unreadable;
  const std::vector<Job> ready =
      Read([&](ReadTx& tx) { return tx.JobsInState(JobState::kReady, &unreadable); }).value();
  ASSERT_EQ(ready.size(), 2u);
  EXPECT_EQ(ready[0].id, "J1");
  EXPECT_EQ(ready[1].id, "J3");
  ASSERT_EQ(unreadable.size(), 1u);
  EXPECT_EQ(unreadable.begin()->first, "J2");
  EXPECT_EQ(ReasonOf(unreadable["J2"]), "STORE_CORRUPT");
  EXPECT_THAT(std::string(unreadable["J2"].message()), ::testing::HasSubstr("the column kind"));
}

TEST_F(QueriesTest, TheTrailSaysWhetherARecordOfThisVeryResourceHasAWord) {
  ASSERT_TRUE(
      Mutate([](WriteTx& tx) -> absl::Status {
        RETURN_IF_ERROR(
            tx.AppendAudit({"agents/db1", "x", "agents/db1", "qa", {{"replaced", "AB12,CD34"}}}));
        return tx.AppendAudit({"agents/db10", "x", "agents/db10", "qa", {{"serial", "EF56"}}});
      }).ok());
  const auto mentions = [&](const char* resource, const char* word) {
    return Read([&](ReadTx& tx) { return tx.AuditMentions(resource, word); }).value();
  };
  EXPECT_TRUE(mentions("agents/db1", "AB12"));
  EXPECT_TRUE(mentions("agents/db1", "CD34"));
  EXPECT_FALSE(mentions("agents/db1", "EF56"));
  const auto details = [&](const char* resource, const char* action) {
    return Read([&](ReadTx& tx) { return tx.AuditDetails(resource, action); }).value();
  };
  EXPECT_EQ(details("agents/db10", "x"),
            (std::vector<std::map<std::string, std::string>>{{{"serial", "EF56"}}}));
  EXPECT_TRUE(details("agents/db10", "y").empty());
  EXPECT_TRUE(details("agents/db", "x").empty());
  EXPECT_TRUE(mentions("agents/db10", "EF56"));
  EXPECT_FALSE(mentions("agents/db", "AB12"));
}

TEST_F(QueriesTest, UniqueKeysAreUnique) {
  Job job = MakeJob("J1");
  job.request_key = "users/ada r1";
  Task task;
  task.id = "T1";
  task.job_id = "J1";
  Attempt attempt;
  attempt.id = "A1";
  attempt.task_id = "T1";
  attempt.number = 1;
  Instance instance;
  instance.id = "I1";
  User user;
  user.id = "ada";
  ApiToken token;
  token.id = "K1";
  token.user_id = "ada";
  token.hash = "H";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.InsertJob(&job));
                RETURN_IF_ERROR(tx.InsertTask(&task));
                RETURN_IF_ERROR(tx.InsertAttempt(&attempt));
                RETURN_IF_ERROR(tx.InsertInstance(&instance));
                RETURN_IF_ERROR(tx.InsertUser(&user));
                return tx.InsertToken(&token);
              }).ok());
  const auto reason = [&](Store::Mutation mutation) {
    const absl::Status status = Mutate(std::move(mutation));
    EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists) << status;
    return ReasonOf(status);
  };
  EXPECT_EQ(reason([&](WriteTx& tx) { return tx.InsertInstance(&instance); }), "INSTANCE_EXISTS");
  EXPECT_EQ(reason([&](WriteTx& tx) { return tx.InsertUser(&user); }), "USER_EXISTS");
  job.id = "J2";
  EXPECT_EQ(reason([&](WriteTx& tx) { return tx.InsertJob(&job); }), "JOB_EXISTS");
  attempt.id = "A2";
  EXPECT_EQ(reason([&](WriteTx& tx) { return tx.InsertAttempt(&attempt); }), "ATTEMPT_EXISTS");
  token.id = "K2";
  EXPECT_EQ(reason([&](WriteTx& tx) { return tx.InsertToken(&token); }), "TOKEN_EXISTS");
  Job other = MakeJob("J3");
  Job another = MakeJob("J4");
  EXPECT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.InsertJob(&other));
                return tx.InsertJob(&another);
              }).ok())
      << "jobs without a request key do not clash";
}

TEST_F(QueriesTest, ATaskOfNoJobIsRefused) {
  Task task;
  task.id = "T1";
  task.job_id = "nowhere";
  const absl::Status status = Mutate([&](WriteTx& tx) { return tx.InsertTask(&task); });
  EXPECT_EQ(ReasonOf(status), "BAD_REFERENCE");
}

TEST_F(QueriesTest, AnUpdateOfAnOldVersionIsStaleAndChangesNothing) {
  Job job = MakeJob("J1");
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok());
  EXPECT_EQ(job.version, 1u);
  Job other = job;
  job.title = "first";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateJob(&job); }).ok());
  EXPECT_EQ(job.version, 2u);
  other.title = "second";
  const absl::Status status = Mutate([&](WriteTx& tx) { return tx.UpdateJob(&other); });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(status), "STALE");
  const Job read = Read([](ReadTx& tx) { return tx.GetJob("J1"); }).value();
  EXPECT_EQ(read.title, "first");
  EXPECT_EQ(read.version, 2u);
  Job missing = MakeJob("J9");
  EXPECT_EQ(ReasonOf(Mutate([&](WriteTx& tx) { return tx.UpdateJob(&missing); })), "JOB_NOT_FOUND");
}

TEST_F(QueriesTest, ContentIsKeptUnderItsOwnHashOnly) {
  const std::string sha = Sha256Hex(nasty_);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.PutContent(sha, nasty_));
                return tx.PutContent(sha, nasty_);
              }).ok());
  EXPECT_EQ(Read([&](ReadTx& tx) { return tx.GetContent(sha); }).value(), nasty_);
  EXPECT_EQ(ReasonOf(Mutate([&](WriteTx& tx) { return tx.PutContent(sha, "other"); })),
            "BAD_CONTENT_HASH");
}

TEST_F(QueriesTest, SettingsAreSetAndReplaced) {
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.PutSetting("ca", "one"); }).ok());
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.PutSetting("ca", nasty_); }).ok());
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetSetting("ca"); }).value(), nasty_);
}

TEST_F(QueriesTest, ReadersOfOneStateAndOneAgentSeeExactlyThose) {
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (int i = 0; i < 15; ++i) {
                  Job job = MakeJob(absl::StrCat("J", absl::Dec(i, absl::kZeroPad2)));
                  job.state = static_cast<JobState>(i);
                  RETURN_IF_ERROR(tx.InsertJob(&job));
                }
                Task task;
                task.id = "T1";
                task.job_id = "J00";
                RETURN_IF_ERROR(tx.InsertTask(&task));
                for (int i = 0; i < 15; ++i) {
                  Attempt attempt;
                  attempt.id = absl::StrCat("A", absl::Dec(i, absl::kZeroPad2));
                  attempt.task_id = "T1";
                  attempt.number = 100 - i;
                  attempt.state = static_cast<AttemptState>(i);
                  attempt.agent_id = i % 2 == 0 ? "even" : "odd";
                  attempt.instance_id = i < 4 ? "low" : "high";
                  RETURN_IF_ERROR(tx.InsertAttempt(&attempt));
                }
                return absl::OkStatus();
              }).ok());
  const auto ids = [](const auto& values) {
    std::vector<std::string> list;
    for (const auto& value : values) list.push_back(value.id);
    return list;
  };
  Unreadable unreadable;
  const auto rolling =
      Read([&](ReadTx& tx) { return tx.JobsInState(JobState::kRolling, &unreadable); });
  EXPECT_THAT(ids(rolling.value()), ElementsAre("J03"));
  EXPECT_TRUE(unreadable.empty());
  // Open: queued 0, offered 1, accepted 2, granted 3, running 4, unreachable 10.
  EXPECT_THAT(ids(Read([](ReadTx& tx) { return tx.OpenAttempts(); }).value()),
              ElementsAre("A00", "A01", "A02", "A03", "A04", "A10"));
  EXPECT_THAT(ids(Read([](ReadTx& tx) { return tx.OpenAttemptsOfAgent("even"); }).value()),
              ElementsAre("A00", "A02", "A04", "A10"));
  EXPECT_THAT(ids(Read([](ReadTx& tx) { return tx.OpenAttemptsOfInstance("high"); }).value()),
              ElementsAre("A04", "A10"));
  const auto attempts = Read([](ReadTx& tx) { return tx.AttemptsOfTask("T1"); }).value();
  ASSERT_EQ(attempts.size(), 15u);
  EXPECT_EQ(attempts.front().id, "A14") << "by number";
}

TEST_F(QueriesTest, TasksOfAJobKeepTheirOrderWhateverTheirIds) {
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                Job job = MakeJob("J1");
                RETURN_IF_ERROR(tx.InsertJob(&job));
                for (const char* id : {"T9", "T1", "T5"}) {
                  Task task;
                  task.id = id;
                  task.job_id = "J1";
                  RETURN_IF_ERROR(tx.InsertTask(&task));
                }
                return absl::OkStatus();
              }).ok());
  const auto tasks = Read([](ReadTx& tx) { return tx.TasksOfJob("J1"); }).value();
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[0].id + tasks[1].id + tasks[2].id, "T9T1T5");
}

TEST_F(QueriesTest, OnlyCompleteVerifiedBackupsCountNewestSnapshotFirst) {
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                const auto add = [&](const char* id, Backup::State state, int level, int n,
                                     const char* instance) {
                  Backup backup;
                  backup.id = id;
                  backup.state = state;
                  backup.verified_level = level;
                  backup.snapshot_time = T(n);
                  backup.instance_id = instance;
                  return tx.InsertBackup(&backup);
                };
                RETURN_IF_ERROR(add("B1", Backup::State::kComplete, 1, 5, "i"));
                RETURN_IF_ERROR(add("B2", Backup::State::kComplete, 2, 9, "i"));
                RETURN_IF_ERROR(add("B3", Backup::State::kComplete, 0, 10, "i"));
                RETURN_IF_ERROR(add("B4", Backup::State::kSuspect, 1, 11, "i"));
                return add("B5", Backup::State::kComplete, 1, 12, "other");
              }).ok());
  const auto backups = Read([](ReadTx& tx) { return tx.VerifiedBackups("i"); }).value();
  ASSERT_EQ(backups.size(), 2u);
  EXPECT_EQ(backups[0].id, "B2");
  EXPECT_EQ(backups[1].id, "B1");
}

TEST_F(QueriesTest, RemovedInstancesAreInNoListButCanBeRead) {
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (const char* id : {"kept", "gone"}) {
                  Instance instance;
                  instance.id = id;
                  instance.agent_id = "db1";
                  instance.removed = instance.id == "gone";
                  RETURN_IF_ERROR(tx.InsertInstance(&instance));
                }
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.ListInstances("", {}); }).value().items.size(), 1u);
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.InstancesOfAgent("db1"); }).value().size(), 1u);
  EXPECT_TRUE(Read([](ReadTx& tx) { return tx.GetInstance("gone"); }).value().removed);
}

TEST_F(QueriesTest, RequestKeysExpireAndArePrunedOldestFirst) {
  Open();
  const absl::Time start = clock_.Now();
  const auto at = [&](int hour) { return start + absl::Hours(hour); };
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (int i = 1; i <= 5; ++i) {
                  RETURN_IF_ERROR(tx.PutRequestKey(absl::StrCat("k", i), "v", at(i)));
                }
                return tx.PutRequestKey("k5", "newer", at(9));
              }).ok());
  const auto found = [&](const std::string& key, absl::Time now) {
    return Read([&](ReadTx& tx) { return tx.GetRequestKey(key, now); }).value();
  };
  EXPECT_EQ(found("k1", start), "v");
  EXPECT_EQ(found("k1", at(1)), "") << "its time is over";
  EXPECT_EQ(found("k5", at(8)), "newer");
  EXPECT_EQ(found("k6", start), "");
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.PruneRequestKeys(at(4), 3); }).ok());
  for (const char* gone : {"k1", "k2", "k3"}) EXPECT_EQ(found(gone, start), "") << gone;
  EXPECT_EQ(found("k4", start), "v") << "beyond the limit";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.PruneRequestKeys(at(4), 3); }).ok());
  EXPECT_EQ(found("k4", start), "");
  EXPECT_EQ(found("k5", start), "newer") << "it has not expired";
}

TEST_F(QueriesTest, ASkimmedTrailSaysWhatWasDoneToWhat) {
  Open();
  const size_t before = Trail().size();
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (const char* job : {"jobs/1", "jobs/2", "jobs/3"}) {
                  RETURN_IF_ERROR(tx.AppendAudit(Entry(job)));
                }
                return absl::OkStatus();
              }).ok());
  const auto skim = [&](uint64_t from, int limit) {
    return Read([&](ReadTx& tx) { return tx.SkimAudit(from, limit); }).value();
  };
  const std::vector<AuditRow> rows = skim(before + 2, 10);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].seq, before + 2);
  EXPECT_EQ(rows[0].entry.action, Entry("").action);
  EXPECT_EQ(rows[0].entry.resource, "jobs/2");
  EXPECT_EQ(rows[1].entry.resource, "jobs/3");
  EXPECT_EQ(skim(1, 2).size(), 2u);
  EXPECT_TRUE(skim(before + 4, 10).empty());
}

TEST_F(QueriesTest, ChangesAreFoundAgainByTheirContents) {
  const auto add = [&](const std::string& id, const std::string& digest,
                       const std::string& environment, JobState state, int end, bool plan_only) {
    Job job = MakeJob(id);
    job.content_digest = digest;
    job.environment = environment;
    job.state = state;
    job.end_time = absl::FromUnixSeconds(end);
    job.plan_only = plan_only;
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok()) << id;
  };
  using S = JobState;
  add("C1", "d1", "qa", S::kSucceeded, 30, false);
  add("C2", "d1", "qa", S::kSucceeded, 50, false);
  add("C3", "d1", "qa", S::kSucceeded, 40, false);
  add("C4", "d1", "qa", S::kFailed, 60, false);
  add("C5", "d1", "qa", S::kPartial, 61, false);
  Job half = MakeJob("D1");
  half.content_digest = "d1";
  half.environment = "qa";
  half.state = S::kPartial;
  half.end_time = absl::FromUnixSeconds(35);
  half.rollback_of = "C1";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertJob(&half); }).ok());
  add("C6", "d1", "qa", S::kSucceeded, 62, true);
  add("C7", "d1", "production", S::kSucceeded, 63, false);
  add("C8", "d2", "qa", S::kSucceeded, 64, false);
  add("C9", "", "qa", S::kSucceeded, 65, false);
  const auto ids = [&](const std::string& digest, int limit) {
    std::string text;
    const auto jobs = Read([&](ReadTx& tx) {
                        return tx.ChangesOfContent({"qa", digest}, limit);
                      }).value();
    for (const Job& job : jobs) text += job.id + " ";
    return text;
  };
  EXPECT_EQ(ids("d1", 10), "C2 C3 D1 C1 ") << "half a rollback took something back";
  EXPECT_EQ(ids("d1", 2), "C2 C3 ");
  EXPECT_EQ(ids("d2", 10), "C8 ");
  EXPECT_EQ(ids("", 10), "") << "other jobs have no contents";
  const auto rollbacks = [&](const std::string& id) {
    return Read([&](ReadTx& tx) { return tx.ChangesOfContent({"qa", "d1", id}, 1); }).value();
  };
  ASSERT_EQ(rollbacks("C1").size(), 1u) << "though others of these contents ended later";
  EXPECT_EQ(rollbacks("C1")[0].id, "D1");
  EXPECT_TRUE(rollbacks("C2").empty());
}

TEST_F(QueriesTest, TheTrailSaysWhatWasLastDoneToThisVeryResource) {
  ASSERT_TRUE(Mutate([](WriteTx& tx) -> absl::Status {
                for (const char* resource : {"environments/a", "environments/ab"}) {
                  for (const char* action : {"resource.update", "environment.update", "seen"}) {
                    RETURN_IF_ERROR(tx.AppendAudit({"users/x", action, resource, "a", {}}));
                  }
                }
                return absl::OkStatus();
              }).ok());
  const auto listed = [&](const AuditFilter& filter, int size, const std::string& token = "") {
    return Read([&](ReadTx& tx) { return tx.ListAudit(filter, {size, token}); }).value();
  };
  const AuditFilter changes{.resource_prefix = "environments/a",
                            .exact = true,
                            .actions = {"resource.update", "environment.update"}};
  const Page<AuditRow> newest = listed(changes, 1);
  ASSERT_EQ(newest.items.size(), 1u);
  EXPECT_EQ(newest.items[0].entry.resource, "environments/a");
  EXPECT_EQ(newest.items[0].entry.action, "environment.update");
  const Page<AuditRow> next = listed(changes, 1, newest.next_token);
  ASSERT_EQ(next.items.size(), 1u);
  EXPECT_EQ(next.items[0].entry.action, "resource.update");
  EXPECT_EQ(next.next_token, "");
  EXPECT_EQ(listed({.resource_prefix = "environments/a"}, 10).items.size(), 6u);
  const AuditFilter seen{.resource_prefix = "environments/a", .actions = {"seen"}};
  EXPECT_EQ(listed(seen, 10).items.size(), 2u);
  const AuditFilter see{.resource_prefix = "environments/a", .actions = {"see"}};
  EXPECT_EQ(listed(see, 10).items.size(), 0u) << "an action is no prefix";
  const AuditFilter collection{
      .resource_prefix = "environments/", .actor = "users/x", .exact = true};
  EXPECT_EQ(listed(collection, 10).items.size(), 0u);
}

TEST_F(QueriesTest, AWindowsQueueHasWhatHasNotEndedInItsOrder) {
  const auto add = [&](const std::string& id, const std::string& window, int priority, int made,
                       JobState state) {
    Job job = MakeJob(id);
    job.queue.window = window;
    job.queue.priority = priority;
    job.queue.estimate = absl::Minutes(priority);
    job.create_time = absl::FromUnixSeconds(made);
    job.state = state;
    if (state == JobState::kSucceeded) job.end_time = absl::FromUnixSeconds(made + 1);
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok());
  };
  add("Q1", "nightly", 50, 3, JobState::kReady);
  add("Q2", "nightly", 50, 2, JobState::kRolling);
  add("Q3", "nightly", 80, 9, JobState::kAwaitingApproval);
  add("Q4", "nightly", 100, 1, JobState::kSucceeded);
  add("Q5", "weekend", 100, 1, JobState::kReady);
  add("Q6", "", 100, 1, JobState::kReady);
  const auto queue = [&](const std::string& window) {
    std::string text;
    const QueuedJobs queued = Read([&](ReadTx& tx) { return tx.JobsQueuedFor(window); }).value();
    for (const QueuedJob& job : queued) {
      text += job.id + " ";
      EXPECT_EQ(job.estimate, absl::Minutes(job.priority));
    }
    return text;
  };
  EXPECT_EQ(queue("nightly"), "Q3 Q2 Q1 ");
  EXPECT_EQ(queue("weekend"), "Q5 ");
  EXPECT_EQ(queue(""), "") << "most jobs are in no queue";
  const auto windows = [&] {
    return absl::StrJoin(Read([](ReadTx& tx) { return tx.QueuedWindows(); }).value(), " ");
  };
  add("Q7", "over", 50, 1, JobState::kSucceeded);
  EXPECT_EQ(windows(), "nightly weekend") << "of what has not ended, each once";
  Job raised = Read([&](ReadTx& tx) { return tx.GetJob("Q1"); }).value();
  raised.queue.priority = 90;
  raised.queue.estimate = absl::Minutes(90);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateJob(&raised); }).ok());
  EXPECT_EQ(queue("nightly"), "Q1 Q3 Q2 ");
}

}  // namespace
}  // namespace dbfleet::controller
