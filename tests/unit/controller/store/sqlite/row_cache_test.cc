#include "controller/store/sqlite/row_cache.h"

#include <functional>
#include <map>
#include <random>
#include <set>

#include "common/base/failpoint.h"
#include "controller/domain/transitions.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using sqlite::RowCache;
using sqlite::Setting;

TEST(RowCacheTest, ARowThatIsTakenToBeWrittenIsGoneUntilItIsKeptAgain) {
  RowCache cache(1000);
  cache.Keep("a", Setting{"1"}, 10);
  ASSERT_NE(cache.Find<Setting>("a"), nullptr);
  EXPECT_EQ(cache.Take<Setting>("a").value().value, "1");
  EXPECT_EQ(cache.Find<Setting>("a"), nullptr);
  EXPECT_FALSE(cache.Take<Setting>("a").has_value());
}

TEST(RowCacheTest, WhatAMutationWroteIsForgottenWithItAndNothingElse) {
  RowCache cache(1000);
  cache.Keep("before", Setting{"1"}, 10);
  cache.Take<Setting>("earlier");
  cache.Keep("earlier", Setting{"1"}, 10);
  cache.BeginMutation();
  cache.Take<Setting>("written");
  cache.Keep("written", Setting{"2"}, 10);
  cache.Keep("read", Setting{"3"}, 10);
  cache.UndoMutation();
  EXPECT_NE(cache.Find<Setting>("before"), nullptr);
  EXPECT_NE(cache.Find<Setting>("earlier"), nullptr);
  EXPECT_NE(cache.Find<Setting>("read"), nullptr);
  EXPECT_EQ(cache.Find<Setting>("written"), nullptr);
  cache.Clear();
  EXPECT_EQ(cache.Find<Setting>("before"), nullptr);
}

TEST(RowCacheTest, ItHoldsNoMoreThanItsBytesAndKeepsWhatIsUsed) {
  RowCache cache(1000);
  cache.Keep("used", Setting{"1"}, 10);
  for (int i = 0; i < 1000; ++i) {
    cache.Keep(absl::StrCat(i), Setting{"x"}, 10);
    ASSERT_NE(cache.Find<Setting>("used"), nullptr) << i;
  }
  int here = 0;
  for (int i = 0; i < 1000; ++i) here += cache.Find<Setting>(absl::StrCat(i)) != nullptr ? 1 : 0;
  EXPECT_LE(here, 100);
  EXPECT_GE(here, 40);
  cache.Keep("giant", Setting{"x"}, 600);
  EXPECT_EQ(cache.Find<Setting>("giant"), nullptr) << "it would push out all others";
  RowCache none(0);
  none.Keep("a", Setting{"1"}, 1);
  EXPECT_EQ(none.Find<Setting>("a"), nullptr);
}

// Random mutations in random groups, of which some fail after they wrote, and some groups cannot be
// committed. What a mutation reads by key, which may come from the cache, is always what SQLite
// lists in the same transaction, which does not.
class CoherenceTest : public StoreTest, public ::testing::WithParamInterface<size_t> {
 protected:
  ~CoherenceTest() override { EXPECT_TRUE(failpoint::SetOrders("", 0).ok()); }

  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string Id(const char* letter) { return absl::StrCat(letter, Below(6)); }
  // Of those that the store cannot hold as they are, too.
  std::string Text() {
    return Below(4) == 0 ? "not \xFF UTF-8" : absl::StrCat("text ", Below(1000));
  }
  absl::Time Time() {
    return absl::FromUnixNanos(Below(1 << 30)) + absl::Nanoseconds(1) * Below(4) / 4;
  }

  template <typename T>
  using Getter = absl::StatusOr<T> (ReadTx::*)(absl::string_view);
  template <typename T>
  using Writer = absl::Status (WriteTx::*)(T*);

  // One access to a random row of a kind.
  template <typename T>
  void Touch(WriteTx& tx, Getter<T> get, Writer<T> insert, Writer<T> update, const T& fresh,
             const std::string& id, const std::function<void(T*)>& alter) {
    if (Below(3) == 0) {
      T row = fresh;  // There may be one already, or not what it refers to.
      (void)(tx.*insert)(&row);
      return;
    }
    absl::StatusOr<T> row = (tx.*get)(id);
    if (!row.ok()) {
      EXPECT_TRUE(absl::IsNotFound(row.status())) << row.status();
      return;
    }
    const bool stale = Below(5) == 0;
    if (stale) --row->version;
    if (Below(4) > 0) alter(&*row);
    const absl::Status status = (tx.*update)(&*row);
    EXPECT_EQ(ReasonOf(status), stale ? "STALE" : "") << status;
    if (status.ok() && Below(2) == 0) {
      alter(&*row);
      EXPECT_TRUE((tx.*update)(&*row).ok()) << "with the version that it has now";
    }
  }

  void Step(WriteTx& tx) {
    const std::string job_id = Id("J"), task_id = Id("T"), attempt_id = Id("A");
    Job job = MakeJob(job_id);
    Task task;
    task.id = task_id;
    task.job_id = job_id;
    Attempt attempt;
    attempt.id = attempt_id;
    attempt.task_id = task_id;
    attempt.job_id = job_id;
    attempt.number = Below(3);
    Agent agent;
    agent.id = Id("agent");
    Instance instance;
    instance.id = Id("instance");
    Environment environment;
    environment.name = Id("environment");
    switch (Below(7)) {
      case 0:
        return Touch<Job>(
            tx, &ReadTx::GetJob, &WriteTx::InsertJob, &WriteTx::UpdateJob, job, job_id,
            [&](Job* row) {
              row->title = Text();
              row->update_time = Time();
              row->approvals.push_back(
                  {"users/eve", true, "d", Text(), Time(), Time(), {{Text(), Below(9)}}});
            });
      case 1:
        return Touch<Task>(
            tx, &ReadTx::GetTask, &WriteTx::InsertTask, &WriteTx::UpdateTask, task, task_id,
            [&](Task* row) {
              row->plan_blob = Text();
              row->state = Below(2) == 0 ? TaskState::kPending : TaskState::kActive;
              row->steps = {{Below(9), false, "running", 1, absl::Seconds(1), Text(), "1"}};
            });
      case 2:
        return Touch<Attempt>(tx, &ReadTx::GetAttempt, &WriteTx::InsertAttempt,
                              &WriteTx::UpdateAttempt, attempt, attempt_id, [&](Attempt* row) {
                                row->state = static_cast<AttemptState>(Below(15));
                                row->start_time = Time();
                              });
      case 3:
        return Touch<Agent>(tx, &ReadTx::GetAgent, &WriteTx::InsertAgent, &WriteTx::UpdateAgent,
                            agent, agent.id, [&](Agent* row) {
                              row->capabilities = {Text(), Text()};
                              ++row->acked_event_seq;
                            });
      case 4:
        return Touch<Instance>(tx, &ReadTx::GetInstance, &WriteTx::InsertInstance,
                               &WriteTx::UpdateInstance, instance, instance.id, [&](Instance* row) {
                                 row->labels[Text()] = Text();
                                 ++row->last_fence;
                               });
      case 5:
        return Touch<Environment>(
            tx, &ReadTx::GetEnvironment, &WriteTx::InsertEnvironment, &WriteTx::UpdateEnvironment,
            environment, environment.name,
            [&](Environment* row) { row->policy.approval_ttl = absl::Nanoseconds(Below(9)) / 4; });
      default: {
        const std::string key = Id("key");
        if (Below(2) == 0) {
          ASSERT_TRUE(tx.PutSetting(key, Text()).ok());
        }
        settings_[key] = tx.GetSetting(key).value();
      }
    }
  }

  template <typename T>
  static void ExpectSame(ReadTx& tx, Getter<T> get, const std::vector<T>& rows,
                         std::string T::*key) {
    for (const T& row : rows) {
      EXPECT_TRUE((tx.*get)(row.*key).value() == row) << row.*key;
    }
  }

  void ExpectCoherent(ReadTx& tx) {
    PageRequest all;
    all.size = 1000;
    ExpectSame(tx, &ReadTx::GetEnvironment, tx.ListEnvironments(all).value().items,
               &Environment::name);
    ExpectSame(tx, &ReadTx::GetAgent, tx.ListAgents("", all).value().items, &Agent::id);
    ExpectSame(tx, &ReadTx::GetInstance, tx.ListInstances("", all).value().items, &Instance::id);
    const std::vector<Job> jobs = tx.ListJobs({}, all).value().items;
    ExpectSame(tx, &ReadTx::GetJob, jobs, &Job::id);
    std::map<std::string, int> tasks, attempts;
    std::set<std::string> open_by_state, open_by_index;
    for (const Job& job : jobs) {
      const std::vector<Task> of_job = tx.TasksOfJob(job.id).value();
      ExpectSame(tx, &ReadTx::GetTask, of_job, &Task::id);
      int open = 0;
      for (const Task& task : of_job) {
        ++tasks[task.id];
        const std::vector<Attempt> of_task = tx.AttemptsOfTask(task.id).value();
        ExpectSame(tx, &ReadTx::GetAttempt, of_task, &Attempt::id);
        for (const Attempt& attempt : of_task) {
          ++attempts[attempt.id];
          if (!IsTerminal(attempt.state)) open_by_state.insert(attempt.id);
        }
      }
      const std::vector<Attempt> of_job_open = tx.OpenAttemptsOfJob(job.id).value();
      for (const Attempt& attempt : of_job_open) {
        EXPECT_TRUE(tx.GetAttempt(attempt.id).value() == attempt);
        ++open;
      }
      EXPECT_EQ(tx.ProgressOf(job.id).value().open_attempts, open);
    }
    const std::vector<Attempt> open = tx.OpenAttempts().value();
    for (const Attempt& attempt : open) open_by_index.insert(attempt.id);
    EXPECT_EQ(open_by_index, open_by_state);
    for (int i = 0; i < 6; ++i) {  // What is not listed is not there.
      EXPECT_EQ(tx.GetTask(absl::StrCat("T", i)).ok(), tasks.count(absl::StrCat("T", i)) > 0);
      EXPECT_EQ(tx.GetAttempt(absl::StrCat("A", i)).ok(), attempts.count(absl::StrCat("A", i)) > 0);
    }
  }

  absl::Status RandomMutation(WriteTx& tx) {
    for (int steps = Below(8); steps > 0; --steps) {
      Step(tx);
      if (Below(4) == 0) ExpectCoherent(tx);
    }
    EXPECT_TRUE(tx.AppendAudit(Entry("jobs/x")).ok());
    return Below(4) == 0 ? absl::AbortedError("it fails after it wrote") : absl::OkStatus();
  }

  std::minstd_rand random_{20261120};
  std::map<std::string, std::string> settings_;  // As a mutation saw them last.
};

TEST_P(CoherenceTest, WhatIsReadByKeyIsWhatIsStoredWhateverIsUndone) {
  SqliteStoreOptions options = Options();
  options.row_cache_bytes = GetParam();
  Open(std::move(options));
  int committed = 0, failed = 0, full = 0;
  for (int round = 0; round < 150; ++round) {
    // One in four groups finds the disk full when it is to be committed.
    ASSERT_TRUE(
        failpoint::SetOrders(Below(4) == 0 ? "store.commit.before=error:enospc" : "", 0).ok());
    Event inside, release, last;
    store_->Mutate(
        [&](WriteTx&) {
          inside.Notify();
          release.Wait();
          return absl::AbortedError("only to let a group gather");
        },
        nullptr);
    inside.Wait();
    const int group = 1 + Below(8);
    for (int i = 0; i < group; ++i) {
      const auto mutation = [this](WriteTx& tx) { return RandomMutation(tx); };
      const auto done = [&, i](const absl::Status& status) {
        ++(status.ok() ? committed : ReasonOf(status) == "DISK_FULL" ? full : failed);
        if (i == group - 1) last.Notify();
      };
      Below(3) == 0 ? store_->Mutate(mutation, done) : store_->MutateRepeatable(mutation, done);
    }
    release.Notify();
    last.Wait();
    ASSERT_TRUE(failpoint::SetOrders("", 0).ok());
    ASSERT_TRUE(Mutate([&](WriteTx& tx) {
                  ExpectCoherent(tx);
                  for (auto& [key, value] : settings_) value = tx.GetSetting(key).value();
                  return absl::OkStatus();
                }).ok());
    ASSERT_TRUE(store_
                    ->Read([&](ReadTx& tx) {
                      ExpectCoherent(tx);
                      for (const auto& [key, value] : settings_) {
                        EXPECT_EQ(tx.GetSetting(key).value(), value) << key;
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    if (HasFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(committed, 50);
  EXPECT_GT(failed, 20);
  EXPECT_GT(full, 20);
}

INSTANTIATE_TEST_SUITE_P(Sizes, CoherenceTest, ::testing::Values(0, 8'000, 16 << 20));

}  // namespace
}  // namespace dbfleet::controller
