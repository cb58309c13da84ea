#include <algorithm>
#include <random>

#include "gmock/gmock.h"

#include "controller/domain/transitions.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JobProgressTest : public StoreTest {
 protected:
  void SetUp() override {
    Open();
    Job job = MakeJob("J");
    Job other = MakeJob("other");
    ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                  RETURN_IF_ERROR(tx.InsertJob(&job));
                  return tx.InsertJob(&other);
                }).ok());
  }

  Task Add(const std::string& id, TaskState state, int stage, bool planned = true,
           const std::string& job = "J") {
    Task task;
    task.id = id;
    task.job_id = job;
    task.state = state;
    task.stage = stage;
    if (planned) task.plan_blob = "a plan";
    EXPECT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertTask(&task); }).ok());
    return task;
  }
  void AddAttempt(const Task& task, int number, AttemptState state) {
    Attempt attempt;
    attempt.id = absl::StrCat(task.id, "-", number);
    attempt.task_id = task.id;
    attempt.job_id = task.job_id;
    attempt.number = number;
    attempt.state = state;
    EXPECT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertAttempt(&attempt); }).ok());
  }
  JobProgress Progress() {
    return Read([](ReadTx& tx) { return tx.ProgressOf("J"); }).value();
  }
  std::vector<std::string> Idle(int stage, int limit) {
    std::vector<std::string> ids;
    const auto idle = Read([&](ReadTx& tx) { return tx.IdleTasks("J", stage, limit); }).value();
    for (const Task& task : idle) ids.push_back(task.id);
    return ids;
  }
};

TEST_F(JobProgressTest, AJobWithoutTasksHasNone) {
  Add("x", TaskState::kPending, 0, false, "other");
  const JobProgress progress = Progress();
  EXPECT_FALSE(progress.pending_stage || progress.active_stage || progress.waiting_stage);
  EXPECT_FALSE(progress.failed || progress.unplanned);
  EXPECT_EQ(progress.open_attempts, 0);
}

TEST_F(JobProgressTest, IdleIsWhatIsPendingInTheStageWithoutAnOpenAttemptInTheJobsOrder) {
  Add("z", TaskState::kPending, 1);
  const Task taken = Add("b", TaskState::kPending, 1);
  AddAttempt(taken, 1, AttemptState::kFailed);
  AddAttempt(taken, 2, AttemptState::kQueued);
  const Task again = Add("c", TaskState::kPending, 1);
  AddAttempt(again, 1, AttemptState::kDeclined);
  Add("d", TaskState::kActive, 1);
  Add("e", TaskState::kPending, 0);
  Add("a", TaskState::kPending, 1);
  Add("o", TaskState::kPending, 1, true, "other");
  EXPECT_THAT(Idle(1, 10), ElementsAre("z", "c", "a"));
  EXPECT_THAT(Idle(1, 2), ElementsAre("z", "c"));
  EXPECT_THAT(Idle(0, 10), ElementsAre("e"));
  EXPECT_THAT(Idle(2, 10), IsEmpty());
}

// Against the plain meaning of each figure, over whatever a job may hold.
TEST_F(JobProgressTest, TheFiguresAreThoseOfTheTasksAndAttempts) {
  std::mt19937 random(7);
  const auto any = [&](int n) { return static_cast<int>(random() % n); };
  constexpr TaskState kStates[] = {
      TaskState::kPending, TaskState::kActive,  TaskState::kNeedsPerson, TaskState::kSucceeded,
      TaskState::kFailed,  TaskState::kSkipped, TaskState::kCancelled,   TaskState::kRolledBack};
  std::vector<Task> tasks;
  JobProgress want;
  const auto lower = [](std::optional<int>* lowest, int stage) {
    *lowest = std::min(lowest->value_or(stage), stage);
  };
  for (int i = 0; i < 60; ++i) {
    Task task = Add(absl::StrCat("T", i), kStates[any(8)], 1 + any(4), any(10) > 0);
    for (int n = 0; n < any(3); ++n) {
      const auto state = static_cast<AttemptState>(any(15));
      AddAttempt(task, n, state);
      want.open_attempts += IsTerminal(state) ? 0 : 1;
    }
    if (task.state == TaskState::kPending) lower(&want.pending_stage, task.stage);
    if (task.state == TaskState::kActive) lower(&want.active_stage, task.stage);
    want.active += task.state == TaskState::kActive ? 1 : 0;
    want.several = i > 0;
    if (task.state == TaskState::kNeedsPerson) lower(&want.waiting_stage, task.stage);
    want.failed += task.state == TaskState::kFailed || task.state == TaskState::kRolledBack ? 1 : 0;
    want.unplanned =
        want.unplanned || (task.state == TaskState::kPending && task.plan_blob.empty());
    const JobProgress have = Progress();
    ASSERT_EQ(have.pending_stage, want.pending_stage) << i;
    ASSERT_EQ(have.active_stage, want.active_stage) << i;
    ASSERT_EQ(have.waiting_stage, want.waiting_stage) << i;
    ASSERT_EQ(have.failed, want.failed) << i;
    ASSERT_EQ(have.unplanned, want.unplanned) << i;
    ASSERT_EQ(have.open_attempts, want.open_attempts) << i;
    ASSERT_EQ(have.active, want.active) << i;
    ASSERT_EQ(have.several, want.several) << i;
  }
}

TEST_F(JobProgressTest, AnUpdateChangesTheFigures) {
  Task task = Add("t", TaskState::kPending, 3, false);
  EXPECT_TRUE(Progress().unplanned);
  task.plan_blob = "a plan";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateTask(&task); }).ok());
  EXPECT_FALSE(Progress().unplanned);
  EXPECT_EQ(Progress().pending_stage, 3);
  task.state = TaskState::kActive;
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateTask(&task); }).ok());
  EXPECT_EQ(Progress().pending_stage, std::nullopt);
  EXPECT_EQ(Progress().active_stage, 3);
}

}  // namespace
}  // namespace dbfleet::controller
