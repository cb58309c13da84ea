#include "controller/domain/transitions.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

using Table = std::map<std::string, std::string>;

// Every pair of states: exactly those in the table may move.
template <typename State>
void ExpectExactly(const Table& table, State last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const State from = static_cast<State>(i);
    std::set<std::string> allowed;
    const auto row = table.find(std::string(NameOf(from)));
    if (row != table.end()) allowed = absl::StrSplit(row->second, ' ', absl::SkipEmpty());
    EXPECT_EQ(IsTerminal(from), allowed.empty()) << NameOf(from);
    for (int k = 0; k <= static_cast<int>(last); ++k) {
      const State to = static_cast<State>(k);
      EXPECT_EQ(CanMove(from, to), allowed.count(std::string(NameOf(to))) == 1)
          << NameOf(from) << " -> " << NameOf(to);
    }
  }
}

TEST(Transitions, JobsMoveOnlyAsTheTableSays) {
  ExpectExactly<JobState>(
      {{"planning", "awaiting_approval ready refused failed cancelled expired succeeded"},
       {"awaiting_approval", "ready planning rejected expired cancelled"},
       {"ready", "rolling planning awaiting_approval expired cancelled"},
       {"rolling", "paused planning ready succeeded partial failed rolling_back cancelling"},
       {"paused", "rolling rolling_back cancelling failed"},
       {"rolling_back", "rolled_back failed"},
       {"cancelling", "cancelled succeeded partial failed rolled_back"}},
      JobState::kExpired);
}

TEST(Transitions, WhatWaitsAgainHasLeftItsWindow) {
  for (const JobState to : {JobState::kPaused, JobState::kReady, JobState::kPlanning}) {
    Job job;
    job.state = JobState::kRolling;
    job.window = "tonight";
    ASSERT_TRUE(MoveJob(&job, to, kNow).ok());
    EXPECT_EQ(job.window, "") << NameOf(to);
  }
  Job job;
  job.state = JobState::kRolling;
  job.window = "tonight";
  ASSERT_TRUE(MoveJob(&job, JobState::kSucceeded, kNow).ok());
  EXPECT_EQ(job.window, "tonight");
}

TEST(Transitions, TasksMoveOnlyAsTheTableSays) {
  ExpectExactly<TaskState>(
      {{"pending", "active failed skipped cancelled"},
       {"active", "pending needs_person succeeded failed skipped cancelled rolled_back"},
       {"needs_person", "succeeded failed rolled_back"}},
      TaskState::kRolledBack);
}

TEST(Transitions, AttemptsMoveOnlyAsTheTableSays) {
  ExpectExactly<AttemptState>(
      {{"queued", "offered cancelled expired"},
       {"offered", "accepted declined withdrawn expired"},
       {"accepted", "granted withdrawn"},
       {"granted", "running failed cancelled interrupted unreachable"},
       {"running", "succeeded failed timed_out cancelled interrupted unreachable"},
       {"unreachable", "granted running succeeded failed timed_out cancelled interrupted lost"}},
      AttemptState::kExpired);
}

TEST(Transitions, OnlyWhatMayBeRunningHoldsTheInstance) {
  std::set<std::string> holding;
  for (int i = 0; i <= static_cast<int>(AttemptState::kExpired); ++i) {
    const auto state = static_cast<AttemptState>(i);
    if (HoldsInstance(state)) holding.insert(std::string(NameOf(state)));
  }
  EXPECT_EQ(holding, (std::set<std::string>{"granted", "running", "unreachable"}));
}

TEST(Transitions, ARefusedMoveLeavesTheJobAsItWas) {
  Job job;
  job.id = "J";
  job.state = JobState::kSucceeded;
  job.update_time = kNow;
  const absl::Status status = MoveJob(&job, JobState::kRolling, kNow + absl::Hours(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "BAD_TRANSITION");
  EXPECT_NE(status.message().find("jobs/J is succeeded"), absl::string_view::npos) << status;
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(job.update_time, kNow);
}

TEST(Transitions, JobTimesFollowTheMove) {
  Job job;
  job.state = JobState::kRolling;
  ASSERT_TRUE(MoveJob(&job, JobState::kPaused, kNow).ok());
  EXPECT_EQ(job.update_time, kNow);
  EXPECT_EQ(job.end_time, absl::InfinitePast());
  ASSERT_TRUE(MoveJob(&job, JobState::kFailed, kNow + absl::Seconds(1)).ok());
  EXPECT_EQ(job.end_time, kNow + absl::Seconds(1));
}

TEST(Transitions, AttemptTimesFollowTheMove) {
  Attempt attempt;
  attempt.state = AttemptState::kGranted;
  ASSERT_TRUE(MoveAttempt(&attempt, AttemptState::kRunning, kNow).ok());
  ASSERT_TRUE(MoveAttempt(&attempt, AttemptState::kUnreachable, kNow + absl::Seconds(1)).ok());
  EXPECT_EQ(attempt.unreachable_since, kNow + absl::Seconds(1));
  ASSERT_TRUE(MoveAttempt(&attempt, AttemptState::kRunning, kNow + absl::Seconds(2)).ok());
  EXPECT_EQ(attempt.start_time, kNow) << "it started once";
  EXPECT_EQ(attempt.unreachable_since, absl::InfinitePast());
  ASSERT_TRUE(MoveAttempt(&attempt, AttemptState::kInterrupted, kNow + absl::Seconds(3)).ok());
  EXPECT_EQ(attempt.end_time, kNow + absl::Seconds(3));
  EXPECT_FALSE(MoveAttempt(&attempt, AttemptState::kSucceeded, kNow).ok())
      << "a late report never rewrites an outcome";
}

std::vector<Task> Tasks(const std::string& states) {
  std::vector<Task> tasks;
  for (absl::string_view name : absl::StrSplit(states, ' ', absl::SkipEmpty())) {
    Task task;
    task.state = *FromName<TaskState>(name);
    tasks.push_back(task);
  }
  return tasks;
}

struct SummaryCase {
  std::string job;
  std::string tasks;
  std::string want;
};

TEST(Summarise, FollowsTheTasks) {
  const SummaryCase cases[] = {
      {"rolling", "succeeded pending", "rolling"},
      {"rolling", "failed active", "rolling"},
      {"rolling", "succeeded needs_person", "rolling"},
      {"rolling", "succeeded succeeded", "succeeded"},
      {"rolling", "succeeded skipped", "partial"},
      {"rolling", "skipped", "failed"},
      {"rolling", "succeeded failed", "partial"},
      {"rolling", "succeeded rolled_back", "partial"},
      {"rolling", "succeeded cancelled", "partial"},
      {"rolling", "failed skipped", "failed"},
      {"rolling", "failed rolled_back", "failed"},
      {"rolling", "cancelled", "failed"},
      {"rolling", "rolled_back", "rolled_back"},
      {"rolling", "rolled_back skipped", "rolled_back"},
      {"rolling", "", "failed"},
      {"rolling_back", "active", "rolling_back"},
      {"rolling_back", "rolled_back", "rolled_back"},
      {"rolling_back", "rolled_back skipped cancelled", "rolled_back"},
      {"rolling_back", "rolled_back succeeded", "failed"},
      {"rolling_back", "rolled_back failed", "failed"},
      {"rolling_back", "cancelled", "failed"},
      {"cancelling", "active", "cancelling"},
      {"cancelling", "needs_person cancelled", "cancelling"},
      {"cancelling", "cancelled skipped", "cancelled"},
      {"cancelling", "", "cancelled"},
      {"cancelling", "succeeded", "succeeded"},
      {"cancelling", "succeeded cancelled", "partial"},
      {"cancelling", "succeeded skipped", "partial"},
      {"cancelling", "failed cancelled", "failed"},
      {"cancelling", "rolled_back cancelled", "rolled_back"},
      {"paused", "succeeded", "paused"},
      {"ready", "succeeded", "ready"},
  };
  for (const SummaryCase& c : cases) {
    Job job;
    job.state = *FromName<JobState>(c.job);
    EXPECT_EQ(NameOf(Summarise(job, Tasks(c.tasks))), c.want) << c.job << " with " << c.tasks;
  }
}

// All mixtures of up to three tasks: nothing is called a success that holds anything else, and the
// result can be reached.
TEST(Summarise, NeverCallsAMixtureASuccessAndIsAlwaysReachable) {
  const int states = static_cast<int>(TaskState::kRolledBack) + 1;
  for (JobState state : {JobState::kRolling, JobState::kRollingBack, JobState::kCancelling}) {
    for (int i = 0; i < states * states * states; ++i) {
      std::vector<Task> tasks(3);
      tasks[0].state = static_cast<TaskState>(i % states);
      tasks[1].state = static_cast<TaskState>(i / states % states);
      tasks[2].state = static_cast<TaskState>(i / states / states);
      Job job;
      job.state = state;
      const JobState end = Summarise(job, tasks);
      bool pure = true;
      for (const Task& task : tasks) {
        pure = pure && task.state == TaskState::kSucceeded;
        if (!IsTerminal(task.state)) {
          EXPECT_EQ(end, state);
        }
      }
      if (end == JobState::kSucceeded) {
        EXPECT_TRUE(pure);
      }
      const bool through_rolling_back =
          end == JobState::kRolledBack && CanMove(state, JobState::kRollingBack);
      EXPECT_TRUE(end == state || CanMove(state, end) || through_rolling_back)
          << NameOf(state) << " -> " << NameOf(end);
    }
  }
}

TEST(Fences, AHigherEpochBeatsEveryCounterOfALowerOne) {
  EXPECT_GT(MakeFence(8, 1), MakeFence(7, (1 << 24) - 1));
  EXPECT_GT(MakeFence(7, 2), MakeFence(7, 1));
}

TEST(Fences, NoFenceComesOutOfNumbersWithoutRoom) {
  EXPECT_EQ(MakeFence(7, 0), 0u);
  EXPECT_EQ(MakeFence(7, 1 << 24), 0u);
  EXPECT_EQ(MakeFence(uint64_t{1} << 40, 1), 0u);
  EXPECT_NE(MakeFence((uint64_t{1} << 40) - 1, (1 << 24) - 1), 0u);
}

TEST(Fences, NextOnesGrowWithinAndAcrossEpochs) {
  Instance instance;
  EXPECT_EQ(*NextFence(7, &instance), MakeFence(7, 1));
  EXPECT_EQ(*NextFence(7, &instance), MakeFence(7, 2));
  EXPECT_EQ(*NextFence(9, &instance), MakeFence(9, 1));
  EXPECT_EQ(instance.last_fence, MakeFence(9, 1));
}

TEST(Fences, ExhaustionAndAnOldEpochAreErrorsThatChangeNothing) {
  Instance instance;
  instance.last_fence = MakeFence(7, (1 << 24) - 1);
  const uint64_t before = instance.last_fence;
  EXPECT_EQ(ReasonOf(NextFence(7, &instance).status()), "FENCES_EXHAUSTED");
  EXPECT_EQ(ReasonOf(NextFence(6, &instance).status()), "EPOCH_TOO_LOW");
  EXPECT_EQ(instance.last_fence, before);
}

}  // namespace
}  // namespace dbfleet::controller
