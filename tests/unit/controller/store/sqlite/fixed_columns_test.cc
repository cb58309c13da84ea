// What both stores must refuse in the same way: the contract that tests over the store in memory
// rely on.
#include <functional>
#include <memory>
#include <string>

#include "tests/fakes/memory_store.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

class FixedColumnsTest : public StoreTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      Open();
    } else {
      memory_ = std::make_unique<MemoryStore>(&clock_);
    }
    ASSERT_TRUE(Change([](WriteTx& tx) -> absl::Status {
                  Agent agent;
                  agent.id = "db1";
                  agent.environment = "qa";
                  RETURN_IF_ERROR(tx.InsertAgent(&agent));
                  for (const char* id : {"orders", "stock"}) {
                    Instance instance;
                    instance.id = id;
                    instance.agent_id = "db1";
                    instance.environment = "qa";
                    RETURN_IF_ERROR(tx.InsertInstance(&instance));
                    Job job = MakeJob(std::string("J-") + id);
                    job.request_key = id;
                    RETURN_IF_ERROR(tx.InsertJob(&job));
                    Task task;
                    task.id = std::string("T-") + id;
                    task.job_id = job.id;
                    task.instance_id = id;
                    RETURN_IF_ERROR(tx.InsertTask(&task));
                    User user;
                    user.id = id;
                    RETURN_IF_ERROR(tx.InsertUser(&user));
                  }
                  return absl::OkStatus();
                }).ok());
  }
  absl::Status Change(const Store::Mutation& mutation) {
    Store& store = GetParam() ? static_cast<Store&>(*store_) : *memory_;
    return store.MutateAndWait(mutation);
  }
  // Each of `alter` is refused with FIXED_COLUMN and changes nothing; without it the update is
  // taken.
  template <typename T>
  void Holds(absl::Status (WriteTx::*update)(T*),
             absl::StatusOr<T> (ReadTx::*get)(absl::string_view), const std::string& key,
             const std::vector<std::function<void(T&)>>& alter) {
    for (size_t i = 0; i < alter.size(); ++i) {
      EXPECT_EQ(ReasonOf(Change([&](WriteTx& tx) -> absl::Status {
                  ASSIGN_OR_RETURN(T value, (tx.*get)(key));
                  alter[i](value);
                  return (tx.*update)(&value);
                })),
                "FIXED_COLUMN")
          << key << " " << i;
    }
    EXPECT_TRUE(Change([&](WriteTx& tx) -> absl::Status {
                  ASSIGN_OR_RETURN(T value, (tx.*get)(key));
                  EXPECT_EQ(value.version, 1u) << "nothing was changed";
                  return (tx.*update)(&value);
                }).ok())
        << key;
  }

  std::unique_ptr<MemoryStore> memory_;
};

TEST_P(FixedColumnsTest, OfJobsAndTasks) {
  Holds<Job>(&WriteTx::UpdateJob, &ReadTx::GetJob, "J-orders",
             {[](Job& job) { job.kind = JobKind::kMigrate; },
              [](Job& job) { job.environment = "production"; },
              [](Job& job) { job.request_key = "another"; }});
  Holds<Task>(&WriteTx::UpdateTask, &ReadTx::GetTask, "T-orders",
              {[](Task& task) { task.job_id = "J-stock"; }});
}

TEST_P(FixedColumnsTest, OfAttemptsAndBackups) {
  ASSERT_TRUE(Change([](WriteTx& tx) -> absl::Status {
                Attempt attempt;
                attempt.id = "A";
                attempt.task_id = "T-orders";
                attempt.job_id = "J-orders";
                attempt.instance_id = "orders";
                attempt.agent_id = "db1";
                attempt.number = 1;
                RETURN_IF_ERROR(tx.InsertAttempt(&attempt));
                Backup backup;
                backup.id = "B";
                backup.job_id = "J-orders";
                backup.instance_id = "orders";
                backup.environment = "qa";
                return tx.InsertBackup(&backup);
              }).ok());
  Holds<Attempt>(&WriteTx::UpdateAttempt, &ReadTx::GetAttempt, "A",
                 {[](Attempt& attempt) { attempt.task_id = "T-stock"; },
                  [](Attempt& attempt) { attempt.job_id = "J-stock"; },
                  [](Attempt& attempt) { attempt.instance_id = "stock"; },
                  [](Attempt& attempt) { attempt.number = 2; }});
  Holds<Backup>(&WriteTx::UpdateBackup, &ReadTx::GetBackup, "B",
                {[](Backup& backup) { backup.instance_id = "stock"; }});
}

TEST_P(FixedColumnsTest, OfTokens) {
  ASSERT_TRUE(Change([](WriteTx& tx) -> absl::Status {
                ApiToken token;
                token.id = "K";
                token.user_id = "orders";
                token.hash = "hash";
                return tx.InsertToken(&token);
              }).ok());
  Holds<ApiToken>(&WriteTx::UpdateToken, &ReadTx::GetToken, "K",
                  {[](ApiToken& token) { token.user_id = "stock"; }});
}

INSTANTIATE_TEST_SUITE_P(Stores, FixedColumnsTest, ::testing::Values(true, false),
                         [](const auto& info) { return info.param ? "Sqlite" : "Memory"; });

}  // namespace
}  // namespace dbfleet::controller
