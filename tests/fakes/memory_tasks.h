#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/fakes/memory_schedules.h"

namespace dbfleet::controller {

// The tasks of jobs, in the order in which they were inserted: their ids, made in one millisecond,
// have none.
class MemoryTaskTx : public MemoryScheduleTx {
 public:
  using MemoryScheduleTx::MemoryScheduleTx;

  absl::StatusOr<Task> GetTask(absl::string_view id) override {
    return memory::Get(t_.tasks, "task", id);
  }
  absl::StatusOr<std::vector<Task>> TasksOfJob(absl::string_view job_id) override {
    std::vector<Task> tasks =
        memory::Select(t_.tasks, [&](const Task& task) { return task.job_id == job_id; });
    std::sort(tasks.begin(), tasks.end(),
              [&](const Task& a, const Task& b) { return PositionOf(a) < PositionOf(b); });
    return tasks;
  }
  absl::StatusOr<JobProgress> ProgressOf(absl::string_view job_id) override {
    JobProgress progress;
    const auto lower = [](int stage, std::optional<int>* lowest) {
      *lowest = std::min(lowest->value_or(stage), stage);
    };
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, TasksOfJob(job_id));
    for (const Task& task : tasks) {
      if (task.state == TaskState::kPending) {
        lower(task.stage, &progress.pending_stage);
        progress.unplanned = progress.unplanned || task.plan_blob.empty();
      }
      if (task.state == TaskState::kActive) {
        lower(task.stage, &progress.active_stage);
        ++progress.active;
      }
      if (task.state == TaskState::kNeedsPerson) lower(task.stage, &progress.waiting_stage);
      progress.failed += IsFailure(task) ? 1 : 0;
    }
    progress.several = tasks.size() > 1;
    ASSIGN_OR_RETURN(const std::vector<Attempt> open, OpenAttemptsOfJob(job_id));
    progress.open_attempts = static_cast<int>(open.size());
    return progress;
  }
  absl::StatusOr<std::vector<Task>> IdleTasks(absl::string_view job_id, int stage,
                                              int limit) override {
    ASSIGN_OR_RETURN(const std::vector<Attempt> open, OpenAttemptsOfJob(job_id));
    ASSIGN_OR_RETURN(std::vector<Task> idle, TasksOfJob(job_id));
    std::erase_if(idle, [&](const Task& task) {
      return task.state != TaskState::kPending || task.stage != stage ||
             std::any_of(open.begin(), open.end(),
                         [&](const Attempt& a) { return a.task_id == task.id; });
    });
    if (static_cast<int>(idle.size()) > limit) idle.resize(std::max(limit, 0));
    return idle;
  }

  absl::Status InsertTask(Task* value) override {
    RETURN_IF_ERROR(memory::Insert(&t_.tasks, "task", value->id, value));
    t_.task_positions.Mutable()[value->id] = t_.task_positions.rows().size();
    return absl::OkStatus();
  }
  absl::Status UpdateTask(Task* value) override {
    return memory::Update(&t_.tasks, "task", value->id, value);
  }

 private:
  size_t PositionOf(const Task& task) const { return t_.task_positions.rows().at(task.id); }
};

}  // namespace dbfleet::controller
