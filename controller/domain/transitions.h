#pragma once

#include <vector>

#include "absl/status/status.h"
#include "controller/domain/types.h"

// Which state may follow which (docs/architecture.md, "States"), as pure functions. Whoever changes
// a state goes through Move*, so that no path around the table exists. Terminal states never change.
namespace dbfleet::controller {

bool IsTerminal(JobState state);
bool IsTerminal(TaskState state);
bool IsTerminal(AttemptState state);

// An attempt that may be holding the instance: granted, running or unreachable.
bool HoldsInstance(AttemptState state);

bool CanMove(JobState from, JobState to);
bool CanMove(TaskState from, TaskState to);
bool CanMove(AttemptState from, AttemptState to);

// Sets the state and the times that go with it. FAILED_PRECONDITION (BAD_TRANSITION) if the table
// has no such move; the object is then unchanged.
absl::Status MoveJob(Job* job, JobState to, absl::Time now);
absl::Status MoveTask(Task* task, TaskState to);
absl::Status MoveAttempt(Attempt* attempt, AttemptState to, absl::Time now);

// What the tasks together make of a job that is ROLLING, ROLLING_BACK or CANCELLING: its own state
// while work remains, else the terminal state (SUCCEEDED, PARTIAL, FAILED, ROLLED_BACK, CANCELLED).
JobState Summarise(const Job& job, const std::vector<Task>& tasks);

// Fences: epoch << 24 | counter, so that a restored controller, which starts a new epoch, can never
// give out a number that an agent has already seen. `counter` wraps never: 2^24 attempts per epoch
// and instance is RESOURCE_EXHAUSTED.
uint64_t MakeFence(uint64_t epoch, uint64_t counter);

}  // namespace dbfleet::controller
