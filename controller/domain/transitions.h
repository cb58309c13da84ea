#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"

// Which state may follow which (docs/architecture.md, "States"), as pure functions. Whoever changes
// a state goes through Move*, so that no path around the table exists. Terminal states never
// change.
//
// Beyond the document's tables: PLANNING -> SUCCEEDED (plan-only jobs); OFFERED -> EXPIRED;
// UNREACHABLE -> GRANTED (the agent still waits, so the Grant is sent again). Tasks: ACTIVE ->
// PENDING (the attempt ended before it could do anything); NEEDS_PERSON is left for SUCCEEDED,
// FAILED or ROLLED_BACK only, never for another try.
namespace dbfleet::controller {

bool IsTerminal(JobState state);
bool IsTerminal(TaskState state);
bool IsTerminal(AttemptState state);

// Attempt.error_reason: the agent did not find the backup on which its grant rested.
inline constexpr char kBackupGone[] = "BACKUP_GONE";

// Attempt.error_reason and Task.error_reason: the time until which its steps might start
// (not_after) passed before it was done. Nothing is wrong with the work or its target: whatever
// counts failures leaves it out.
inline constexpr char kNotAfterPassed[] = "NOT_AFTER_PASSED";
bool IsFailure(const Task& task);  // FAILED or ROLLED_BACK, and not cut short by its time.

// So far the clocks of agents that are given work may be off the controller's.
inline constexpr absl::Duration kMostClockSkew = absl::Seconds(30);

// An executing attempt that its agent did not let begin, granted or prepared as it was: it came too
// late, or its backup was gone.
bool WasNotLetBegin(const Attempt& attempt);

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
// A SKIPPED task counts neither way; a job without tasks has not succeeded. ROLLED_BACK of a
// ROLLING job (the agent took its own steps back) is reached through ROLLING_BACK; all other
// results are moves that CanMove allows. A job in any other state keeps that.
JobState Summarise(const Job& job, absl::Span<const Task> tasks);

// Fences: epoch << 24 | counter, so that a restored controller, which starts a new epoch, can never
// give out a number that an agent has already seen. `counter` wraps never: 0, which is no fence, if
// `counter` is 0 or has no room in 24 bits, or `epoch` none in 40.
uint64_t MakeFence(uint64_t epoch, uint64_t counter);

// The next fence of an instance, above all that it ever had; sets last_fence. RESOURCE_EXHAUSTED
// (FENCES_EXHAUSTED) after 2^24 - 1 fences in one epoch, FAILED_PRECONDITION (EPOCH_TOO_LOW) if the
// instance has seen a higher epoch; the instance is then unchanged.
absl::StatusOr<uint64_t> NextFence(uint64_t epoch, Instance* instance);

// Takes note that a target has seen `seen`, so that the next fence is above it. False, and nothing
// changed, if it is not above what the instance had, or is of another epoch: no counter helps then.
bool RaiseFence(uint64_t epoch, uint64_t seen, Instance* instance);

// The error_reason of a job that a person paused.
inline constexpr absl::string_view kPausedByPerson = "PAUSED";

// It has not begun, and goes on waiting in its state for whatever it waits for; PAUSED is for what
// has begun.
bool IsWaiting(JobState state);
// A person paused it before it began, so it does not begin until somebody resumes it.
bool IsHeld(const Job& job);

}  // namespace dbfleet::controller
