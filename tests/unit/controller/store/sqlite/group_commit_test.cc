#include <random>
#include <thread>

#include "gmock/gmock.h"

#include "common/metrics/registry.h"
#include "controller/store/rehearsal.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GroupCommitTest : public StoreTest {
 protected:
  // Holds the writer in a mutation of its own until Release, so that what is added meanwhile
  // becomes one group.
  void Hold() {
    Event inside;
    store_->Mutate(
        [&](WriteTx&) {
          inside.Notify();
          release_.Wait();
          return absl::OkStatus();
        },
        nullptr);
    inside.Wait();
  }
  void Release() { release_.Notify(); }

  bool Exists(const std::string& id) {
    return Read([&](ReadTx& tx) { return tx.GetJob(id); }).ok();
  }
  static Store::Mutation InsertWithAudit(const std::string& id) {
    return [id](WriteTx& tx) -> absl::Status {
      Job job = MakeJob(id);
      RETURN_IF_ERROR(tx.InsertJob(&job));
      return tx.AppendAudit(Entry("jobs/" + id));
    };
  }

  Event release_;
};

TEST_F(GroupCommitTest, WaitingMutationsShareOneCommitAndAreAnsweredInOrder) {
  metrics::Registry registry;
  SqliteStoreOptions options = Options();
  options.metrics = &registry;
  Open(std::move(options));
  Hold();
  std::vector<int> order;  // Written by the writer thread only, read after the last answer.
  Event last;
  for (int i = 0; i < 20; ++i) {
    store_->Mutate(InsertWithAudit(absl::StrCat("J", i)), [&, i](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      order.push_back(i);
      if (i == 19) last.Notify();
    });
  }
  Release();
  last.Wait();
  std::vector<int> want(20);
  for (int i = 0; i < 20; ++i) want[i] = i;
  EXPECT_EQ(order, want);
  const std::string text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("dbfleet_store_commits_total 2\n")) << "the held one and the group";
  EXPECT_THAT(text, HasSubstr("dbfleet_store_mutations_total{outcome=\"committed\"} 21\n"));
  store_.reset();
}

TEST_F(GroupCommitTest, WhatIsOnlyRehearsedLeavesNothingAndIsNoFailure) {
  metrics::Registry registry;
  SqliteStoreOptions options = Options();
  options.metrics = &registry;
  Open(std::move(options));
  const size_t before = Trail().size();
  const absl::Status status = store_->MutateAndWait([](WriteTx& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertWithAudit("J")(tx));
    return Rehearsed();
  });
  EXPECT_TRUE(IsRehearsed(status)) << status;
  EXPECT_EQ(Trail().size(), before);
  EXPECT_FALSE(Exists("J"));
  const std::string text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("dbfleet_store_mutations_total{outcome=\"rehearsed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("dbfleet_store_mutations_total{outcome=\"failed\"} 0\n"));
  store_.reset();
}

TEST_F(GroupCommitTest, AMutationThatFailsInTheMiddleLeavesNothingAndItsNeighboursCommit) {
  Open();
  const size_t before = Trail().size();
  Hold();
  absl::Status outcomes[3];
  Event last;
  store_->Mutate(InsertWithAudit("before"), [&](absl::Status s) { outcomes[0] = s; });
  store_->Mutate(
      [](WriteTx& tx) -> absl::Status {
        RETURN_IF_ERROR(InsertWithAudit("half")(tx));
        RETURN_IF_ERROR(tx.PutSetting("half", "x"));
        return absl::UnknownError("changed its mind");
      },
      [&](absl::Status s) { outcomes[1] = s; });
  store_->Mutate(InsertWithAudit("after"), [&](absl::Status s) {
    outcomes[2] = s;
    last.Notify();
  });
  Release();
  last.Wait();
  EXPECT_TRUE(outcomes[0].ok());
  EXPECT_EQ(outcomes[1].message(), "changed its mind");
  EXPECT_TRUE(outcomes[2].ok());
  EXPECT_TRUE(Exists("before"));
  EXPECT_FALSE(Exists("half"));
  EXPECT_TRUE(Exists("after"));
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetSetting("half"); }).value(), "");
  const auto trail = Trail();
  ASSERT_EQ(trail.size(), before + 2);
  EXPECT_EQ(trail[before].entry.resource, "jobs/before");
  EXPECT_EQ(trail[before + 1].entry.resource, "jobs/after");
  EXPECT_TRUE(VerifyTrail(trail).ok()) << VerifyTrail(trail).problem;
}

TEST_F(GroupCommitTest, RepeatableOnesThatFailLeaveNothingAndTheirNeighboursCommit) {
  Open();
  const size_t before = Trail().size();
  Hold();
  std::vector<std::string> outcomes;
  Event last;
  const auto done = [&](absl::Status s) {
    outcomes.push_back(std::string(s.message()));
    if (outcomes.size() == 4) last.Notify();
  };
  int runs = 0;
  store_->MutateRepeatable(InsertWithAudit("before"), done);
  store_->MutateRepeatable(
      [&runs](WriteTx& tx) -> absl::Status {
        ++runs;
        EXPECT_TRUE(tx.GetJob("before").ok());
        RETURN_IF_ERROR(InsertWithAudit("half")(tx));
        RETURN_IF_ERROR(tx.PutSetting("half", "x"));
        return absl::UnknownError("changed its mind");
      },
      done);
  store_->MutateRepeatable(
      [](WriteTx& tx) -> absl::Status {
        EXPECT_TRUE(tx.GetJob("before").ok());
        EXPECT_TRUE(absl::IsNotFound(tx.GetJob("half").status()));
        return InsertWithAudit("after")(tx);
      },
      done);
  store_->MutateRepeatable(InsertWithAudit("before"), done);
  Release();
  last.Wait();
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(outcomes, ElementsAre("", "changed its mind", "", HasSubstr("")));
  EXPECT_NE(outcomes[3], "") << "there is one already";
  EXPECT_TRUE(Exists("before"));
  EXPECT_FALSE(Exists("half"));
  EXPECT_TRUE(Exists("after"));
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetSetting("half"); }).value(), "");
  const auto trail = Trail();
  ASSERT_EQ(trail.size(), before + 2);
  EXPECT_EQ(trail[before].entry.resource, "jobs/before");
  EXPECT_EQ(trail[before + 1].entry.resource, "jobs/after");
  EXPECT_TRUE(VerifyTrail(trail).ok()) << VerifyTrail(trail).problem;
}

TEST_F(GroupCommitTest, OneThatRunsOnceNeverRunsAgainWhateverItsNeighboursDo) {
  Open();
  Hold();
  int runs = 0;
  Event last;
  const auto fails = [](WriteTx&) { return absl::UnknownError("no"); };
  store_->MutateRepeatable(InsertWithAudit("J1"), nullptr);
  store_->MutateRepeatable(fails, nullptr);
  store_->Mutate(
      [&runs](WriteTx& tx) {
        ++runs;
        return InsertWithAudit("J2")(tx);
      },
      nullptr);
  store_->MutateRepeatable(fails, nullptr);
  store_->MutateRepeatable(InsertWithAudit("J3"), [&](absl::Status) { last.Notify(); });
  Release();
  last.Wait();
  EXPECT_EQ(runs, 1);
  for (const char* id : {"J1", "J2", "J3"}) EXPECT_TRUE(Exists(id)) << id;
}

// The same groups, once each mutation in a savepoint of its own, once as neighbours.
TEST_F(GroupCommitTest, WhetherNeighboursShareASavepointMakesNoDifference) {
  std::vector<std::string> outcomes[2];
  std::vector<std::string> trails[2];
  for (const bool repeatable : {false, true}) {
    SqliteStoreOptions options = Options();
    if (repeatable) options.path += ".again";
    Open(std::move(options));
    std::minstd_rand random(7);
    for (int round = 0; round < 60; ++round) {
      Event inside, release, last;
      store_->Mutate(
          [&](WriteTx&) {
            inside.Notify();
            release.Wait();
            return absl::OkStatus();
          },
          nullptr);
      inside.Wait();
      const int group = 1 + static_cast<int>(random() % 12);
      for (int i = 0; i < group; ++i) {
        const std::string id = absl::StrCat("J", random() % 40);
        const unsigned how = random() % 8;
        const auto mutation = [id, how](WriteTx& tx) -> absl::Status {
          absl::StatusOr<Job> job = tx.GetJob(id);
          if (!job.ok()) {
            RETURN_IF_ERROR(InsertWithAudit(id)(tx));
            ASSIGN_OR_RETURN(job, tx.GetJob(id));
          }
          job->title += "x";
          RETURN_IF_ERROR(tx.UpdateJob(&*job));
          RETURN_IF_ERROR(tx.AppendAudit(Entry(absl::StrCat("titles/", id, "/", job->title))));
          if (how == 0) return absl::UnknownError(absl::StrCat("after ", job->title));
          return how == 1 ? tx.UpdateJob(&(job->version = 0, *job)) : absl::OkStatus();
        };
        const auto done = [&, i](absl::Status s) {
          outcomes[repeatable].push_back(std::string(s.message()));
          if (i == group - 1) last.Notify();
        };
        repeatable ? store_->MutateRepeatable(mutation, done) : store_->Mutate(mutation, done);
      }
      release.Notify();
      last.Wait();
    }
    const auto trail = Trail();
    EXPECT_TRUE(VerifyTrail(trail).ok()) << VerifyTrail(trail).problem;
    for (const AuditRow& row : trail) trails[repeatable].push_back(row.entry.resource);
  }
  EXPECT_EQ(outcomes[0], outcomes[1]);
  EXPECT_EQ(trails[0], trails[1]);
  EXPECT_GT(trails[0].size(), 200u);
}

// Planning, cancelling or rejecting a large change writes each of its tasks in one mutation.
TEST_F(GroupCommitTest, OneMutationMayWriteTensOfMegabytes) {
  Open();
  constexpr int kTasks = 10'000;
  const auto write = [](const std::string& error, auto store) {
    return [error, store](WriteTx& tx) -> absl::Status {
      for (int i = 0; i < kTasks; ++i) {
        Task task;
        task.id = absl::StrCat("T", i);
        task.job_id = "J1";
        task.instance_id = absl::StrCat("I", i);
        task.error_message = error;
        RETURN_IF_ERROR(store(tx, &task));
      }
      return absl::OkStatus();
    };
  };
  ASSERT_TRUE(store_->MutateAndWait(InsertWithAudit("J1")).ok());
  ASSERT_TRUE(
      store_
          ->MutateAndWait(write(std::string(2000, 'a'),
                                [](WriteTx& tx, Task* task) { return tx.InsertTask(task); }))
          .ok());
  const auto update = [](WriteTx& tx, Task* task) -> absl::Status {
    ASSIGN_OR_RETURN(Task stored, tx.GetTask(task->id));
    stored.error_message = task->error_message;
    return tx.UpdateTask(&stored);
  };
  for (const char c : {'b', 'c'}) {
    const absl::Status written = store_->MutateAndWait(write(std::string(2000, c), update));
    ASSERT_TRUE(written.ok()) << written;
    EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetTask("T9999"); }).value().error_message,
              std::string(2000, c));
  }
}

TEST_F(GroupCommitTest, ALaterMutationOfAGroupSeesWhatAnEarlierOneDid) {
  Open();
  Hold();
  bool seen = false;
  Event last;
  store_->Mutate(InsertWithAudit("J1"), nullptr);
  store_->Mutate([&](WriteTx& tx) { return tx.GetJob("J1").status(); },
                 [&](absl::Status s) {
                   seen = s.ok();
                   last.Notify();
                 });
  Release();
  last.Wait();
  EXPECT_TRUE(seen);
}

TEST_F(GroupCommitTest, NobodyIsAnsweredAndNoReaderSeesAChangeBeforeTheCommit) {
  Open();
  Event inserted, go, answered;
  store_->Mutate(
      [&](WriteTx& tx) -> absl::Status {
        RETURN_IF_ERROR(InsertWithAudit("J1")(tx));
        inserted.Notify();
        go.Wait();
        return absl::OkStatus();
      },
      [&](absl::Status) { answered.Notify(); });
  inserted.Wait();
  EXPECT_FALSE(Exists("J1"));
  EXPECT_FALSE(answered.Happened());
  go.Notify();
  answered.Wait();
  EXPECT_TRUE(Exists("J1"));
}

TEST_F(GroupCommitTest, AReadSeesOneSnapshotWhateverIsCommittedMeanwhile) {
  Open();
  const absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(tx.ListJobs({}, {})->items.size(), 0u);
    EXPECT_TRUE(Mutate(InsertWithAudit("J1")).ok());
    EXPECT_EQ(tx.ListJobs({}, {})->items.size(), 0u);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(Exists("J1"));
}

TEST_F(GroupCommitTest,
       AChangeWhoseAuditRecordCannotBeWrittenDoesNotHappenEvenIfTheErrorIsOverlooked) {
  Open();
  AuditEntry too_large = Entry("jobs/J1");
  for (int i = 0; i < 300; ++i) too_large.details[absl::StrCat("k", i)] = "v";
  const absl::Status status = Mutate([&](WriteTx& tx) -> absl::Status {
    Job job = MakeJob("J1");
    RETURN_IF_ERROR(tx.InsertJob(&job));
    tx.AppendAudit(too_large).IgnoreError();
    return absl::OkStatus();
  });
  EXPECT_EQ(ReasonOf(status), "AUDIT_TOO_LARGE");
  EXPECT_FALSE(Exists("J1"));
}

TEST_F(GroupCommitTest, ADuplicateThatAMutationExpectsIsNoReasonToRefuseIt) {
  Open();
  ASSERT_TRUE(Mutate(InsertWithAudit("J1")).ok());
  EXPECT_TRUE(Mutate([](WriteTx& tx) -> absl::Status {
                Job job = MakeJob("J1");
                if (absl::IsAlreadyExists(tx.InsertJob(&job))) return tx.PutSetting("seen", "1");
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetSetting("seen"); }).value(), "1");
}

TEST_F(GroupCommitTest, NoTextFromOutsideKeepsARecordFromBeingWritten) {
  Open();
  ASSERT_TRUE(Mutate([&](WriteTx& tx) {
                AuditEntry entry = Entry("jobs/\xFF");
                entry.details["error"] = "bytes \xC3\x28 nul " + std::string(1, '\0');
                entry.details["sql"] = std::string(100'000, 'x');
                return tx.AppendAudit(entry);
              }).ok());
  const AuditRow row = Trail().back();
  EXPECT_EQ(row.entry.resource, "jobs/\\xff");
  EXPECT_LT(row.entry.details.at("sql").size(), 17'000u);
  EXPECT_THAT(row.entry.details.at("sql"), HasSubstr("(100000 bytes, SHA-256 "));
  EXPECT_TRUE(VerifyTrail(Trail()).ok()) << VerifyTrail(Trail()).problem;
}

TEST_F(GroupCommitTest, TheHeadIsToldAfterEachCommitThatMovedIt) {
  std::vector<uint64_t> heads;
  std::string last_hash;
  SqliteStoreOptions options = Options();
  options.on_audit_head = [&](uint64_t seq, const std::string& hash) {
    heads.push_back(seq);
    last_hash = hash;
  };
  Open(std::move(options));
  ASSERT_TRUE(Mutate(InsertWithAudit("J1")).ok());
  ASSERT_TRUE(Mutate([](WriteTx& tx) { return tx.PutSetting("a", "b"); }).ok());
  ASSERT_TRUE(Mutate(InsertWithAudit("J2")).ok());
  EXPECT_THAT(heads, ElementsAre(4, 5));  // After the three environments.
  EXPECT_EQ(last_hash, Trail().back().hash);
}

TEST_F(GroupCommitTest, DoneMayAddTheNextMutationAndRead) {
  Open();
  Event last;
  store_->Mutate(InsertWithAudit("J1"), [&](absl::Status) {
    EXPECT_TRUE(Exists("J1"));
    store_->Mutate(InsertWithAudit("J2"), [&](absl::Status) { last.Notify(); });
  });
  last.Wait();
  EXPECT_TRUE(Exists("J2"));
}

TEST_F(GroupCommitTest, ClosingRunsWhatWaits) {
  Open();
  Hold();
  int answered = 0;
  for (int i = 0; i < 300; ++i) {
    store_->Mutate(InsertWithAudit(absl::StrCat("J", i)),
                   [&](absl::Status s) { answered += s.ok() ? 1 : 0; });
  }
  Release();
  store_.reset();
  EXPECT_EQ(answered, 300);
  Open();
  EXPECT_TRUE(Exists("J299"));
}

TEST_F(GroupCommitTest, ManyThreadsAtOnceLoseNothing) {
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(Mutate(InsertWithAudit(absl::StrCat("J", t, "-", i))).ok());
        EXPECT_TRUE(Exists(absl::StrCat("J", t, "-", i)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Trail().size(), 3u + 400u);
  EXPECT_TRUE(VerifyTrail(Trail()).ok());
}

// Thousands of random mutations, some of which fail at a random place; then everything that the
// trail says happened is there, nothing else is, and the export verifies.
TEST_F(GroupCommitTest, AfterThousandsOfRandomMutationsTheTrailVerifiesAndFitsTheState) {
  Open();
  std::mt19937 random(7);
  Event last;
  constexpr int kMutations = 4000;
  for (int i = 0; i < kMutations; ++i) {
    const unsigned fate = random() % 6;
    store_->Mutate(
        [i, fate](WriteTx& tx) -> absl::Status {
          Job job = MakeJob(absl::StrCat("J", i));
          job.title = "one";
          RETURN_IF_ERROR(tx.InsertJob(&job));
          if (fate == 0) return absl::AbortedError("after the insert");
          RETURN_IF_ERROR(tx.AppendAudit(Entry("jobs/" + job.id)));
          if (fate == 1) return absl::AbortedError("after the record");
          job.title = "two";
          RETURN_IF_ERROR(tx.UpdateJob(&job));
          RETURN_IF_ERROR(tx.AppendAudit(Entry("jobs/" + job.id)));
          if (fate == 2) return tx.InsertJob(&job);
          return absl::OkStatus();
        },
        [&, i](absl::Status) {
          if (i == kMutations - 1) last.Notify();
        });
  }
  last.Wait();
  const auto trail = Trail();
  const audit::VerifyReport report = VerifyTrail(trail);
  EXPECT_TRUE(report.ok()) << report.problem;
  std::map<std::string, int> records;
  for (const AuditRow& row : trail) ++records[row.entry.resource];
  for (int i = 0; i < kMutations; ++i) {
    const std::string id = absl::StrCat("J", i);
    ASSERT_EQ(records["jobs/" + id], Exists(id) ? 2 : 0) << id;
  }
}

}  // namespace
}  // namespace dbfleet::controller
