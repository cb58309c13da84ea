#include "controller/domain/transitions.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

constexpr int kCounterBits = 24;

template <typename T>
bool OneOf(T value, std::initializer_list<T> values) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

absl::Status BadTransition(absl::string_view noun, absl::string_view id, absl::string_view from,
                           absl::string_view to) {
  return Error(absl::StatusCode::kFailedPrecondition, "BAD_TRANSITION",
               absl::StrCat(noun, "/", id, " is ", from, " and cannot become ", to,
                            "; read it again and decide anew"));
}

struct Tally {
  int open = 0;
  int succeeded = 0;
  int failed = 0;
  int cancelled = 0;
  int rolled_back = 0;
  int skipped = 0;  // Nothing was done for them: never part of a success.
};

Tally Count(absl::Span<const Task> tasks) {
  Tally tally;
  for (const Task& task : tasks) {
    switch (task.state) {
      case TaskState::kPending:
      case TaskState::kActive:
      case TaskState::kNeedsPerson:
        ++tally.open;
        break;
      case TaskState::kSucceeded:
        ++tally.succeeded;
        break;
      case TaskState::kFailed:
        ++tally.failed;
        break;
      case TaskState::kCancelled:
        ++tally.cancelled;
        break;
      case TaskState::kRolledBack:
        ++tally.rolled_back;
        break;
      case TaskState::kSkipped:
        ++tally.skipped;
        break;
    }
  }
  return tally;
}

JobState EndOfRolling(const Tally& t) {
  const int undone = t.failed + t.cancelled + t.rolled_back + t.skipped;
  if (t.succeeded > 0) return undone == 0 ? JobState::kSucceeded : JobState::kPartial;
  if (t.failed + t.cancelled > 0) return JobState::kFailed;
  return t.rolled_back > 0 ? JobState::kRolledBack : JobState::kFailed;
}

JobState EndOfRollingBack(const Tally& t) {
  // A task that stayed applied or failed means that the rollback is not whole.
  return t.succeeded + t.failed == 0 && t.rolled_back > 0 ? JobState::kRolledBack
                                                          : JobState::kFailed;
}

JobState EndOfCancelling(const Tally& t) {
  if (t.succeeded > 0) {
    return t.failed + t.cancelled + t.rolled_back + t.skipped == 0 ? JobState::kSucceeded
                                                                   : JobState::kPartial;
  }
  if (t.failed > 0) return JobState::kFailed;
  return t.rolled_back > 0 ? JobState::kRolledBack : JobState::kCancelled;
}

}  // namespace

bool IsTerminal(JobState state) {
  return !OneOf(state, {JobState::kPlanning, JobState::kAwaitingApproval, JobState::kReady,
                        JobState::kRolling, JobState::kPaused, JobState::kRollingBack,
                        JobState::kCancelling});
}

bool IsTerminal(TaskState state) {
  return !OneOf(state, {TaskState::kPending, TaskState::kActive, TaskState::kNeedsPerson});
}

bool IsTerminal(AttemptState state) {
  return !OneOf(state,
                {AttemptState::kQueued, AttemptState::kOffered, AttemptState::kAccepted,
                 AttemptState::kGranted, AttemptState::kRunning, AttemptState::kUnreachable});
}

bool WasNotLetBegin(const Attempt& attempt) {
  if (attempt.state != AttemptState::kFailed) return false;
  // What rests on no backup can miss none: an agent that says so all the same is not believed.
  const bool gone = attempt.error_reason == kBackupGone && !attempt.backup_id.empty();
  return gone || attempt.error_reason == "START_TOO_LATE";
}

bool IsFailure(const Task& task) {
  const bool undone = task.state == TaskState::kFailed || task.state == TaskState::kRolledBack;
  return undone && task.error_reason != kNotAfterPassed;
}

bool HoldsInstance(AttemptState state) {
  return OneOf(state, {AttemptState::kGranted, AttemptState::kRunning, AttemptState::kUnreachable});
}

bool IsWaiting(JobState state) {
  return OneOf(state, {JobState::kPlanning, JobState::kAwaitingApproval, JobState::kReady});
}

bool IsHeld(const Job& job) { return IsWaiting(job.state) && job.error_reason == kPausedByPerson; }

bool CanMove(JobState from, JobState to) {
  using S = JobState;
  switch (from) {
    case S::kPlanning:
      return OneOf(to, {S::kAwaitingApproval, S::kReady, S::kRefused, S::kFailed, S::kCancelled,
                        S::kExpired, S::kSucceeded});
    case S::kAwaitingApproval:
      return OneOf(to, {S::kReady, S::kPlanning, S::kRejected, S::kExpired, S::kCancelled});
    case S::kReady:
      return OneOf(to,
                   {S::kRolling, S::kPlanning, S::kAwaitingApproval, S::kExpired, S::kCancelled});
    case S::kRolling:
      // Back to PLANNING: the agent found, before it began, that the plan's estimate has grown.
      // Back to READY: nothing has begun, and the window is over.
      return OneOf(to, {S::kPaused, S::kPlanning, S::kReady, S::kSucceeded, S::kPartial, S::kFailed,
                        S::kRollingBack, S::kCancelling});
    case S::kPaused:
      return OneOf(to, {S::kRolling, S::kRollingBack, S::kCancelling, S::kFailed});
    case S::kRollingBack:
      return OneOf(to, {S::kRolledBack, S::kFailed});
    case S::kCancelling:
      return OneOf(to, {S::kCancelled, S::kSucceeded, S::kPartial, S::kFailed, S::kRolledBack});
    default:
      return false;
  }
}

bool CanMove(TaskState from, TaskState to) {
  using S = TaskState;
  switch (from) {
    case S::kPending:
      return OneOf(to, {S::kActive, S::kFailed, S::kSkipped, S::kCancelled});
    case S::kActive:
      return OneOf(to, {S::kPending, S::kNeedsPerson, S::kSucceeded, S::kFailed, S::kSkipped,
                        S::kCancelled, S::kRolledBack});
    case S::kNeedsPerson:
      return OneOf(to, {S::kSucceeded, S::kFailed, S::kRolledBack});
    default:
      return false;
  }
}

bool CanMove(AttemptState from, AttemptState to) {
  using S = AttemptState;
  switch (from) {
    case S::kQueued:
      return OneOf(to, {S::kOffered, S::kCancelled, S::kExpired});
    case S::kOffered:
      return OneOf(to, {S::kAccepted, S::kDeclined, S::kWithdrawn, S::kExpired});
    case S::kAccepted:
      return OneOf(to, {S::kGranted, S::kWithdrawn});
    case S::kGranted:
      return OneOf(to, {S::kRunning, S::kFailed, S::kCancelled, S::kInterrupted, S::kUnreachable});
    case S::kRunning:
      return OneOf(to, {S::kSucceeded, S::kFailed, S::kTimedOut, S::kCancelled, S::kInterrupted,
                        S::kUnreachable});
    case S::kUnreachable:
      return OneOf(to, {S::kGranted, S::kRunning, S::kSucceeded, S::kFailed, S::kTimedOut,
                        S::kCancelled, S::kInterrupted, S::kLost});
    default:
      return false;
  }
}

absl::Status MoveJob(Job* job, JobState to, absl::Time now) {
  if (!CanMove(job->state, to)) {
    return BadTransition("jobs", job->id, NameOf(job->state), NameOf(to));
  }
  job->state = to;
  job->update_time = now;
  // What goes on after a wait needs a window anew. One whose window's end cancels what is left ends
  // with it, also while it is paused.
  const bool ends_with_it = to == JobState::kPaused && job->overrun == Overrun::kCancel;
  if (OneOf(to, {JobState::kPlanning, JobState::kReady, JobState::kPaused}) && !ends_with_it) {
    job->window.clear();
  }
  if (IsTerminal(to)) job->end_time = now;
  return absl::OkStatus();
}

absl::Status MoveTask(Task* task, TaskState to) {
  if (!CanMove(task->state, to)) {
    return BadTransition("tasks", task->id, NameOf(task->state), NameOf(to));
  }
  task->state = to;
  return absl::OkStatus();
}

absl::Status MoveAttempt(Attempt* attempt, AttemptState to, absl::Time now) {
  if (!CanMove(attempt->state, to)) {
    return BadTransition("attempts", attempt->id, NameOf(attempt->state), NameOf(to));
  }
  if (to == AttemptState::kRunning && attempt->start_time == absl::InfinitePast()) {
    attempt->start_time = now;
  }
  attempt->unreachable_since = to == AttemptState::kUnreachable ? now : absl::InfinitePast();
  if (IsTerminal(to)) attempt->end_time = now;
  attempt->state = to;
  return absl::OkStatus();
}

JobState Summarise(const Job& job, absl::Span<const Task> tasks) {
  const bool counts =
      OneOf(job.state, {JobState::kRolling, JobState::kRollingBack, JobState::kCancelling});
  const Tally tally = Count(tasks);
  if (!counts || tally.open > 0) return job.state;
  if (job.state == JobState::kCancelling) return EndOfCancelling(tally);
  if (tasks.empty()) return JobState::kFailed;
  return job.state == JobState::kRolling ? EndOfRolling(tally) : EndOfRollingBack(tally);
}

uint64_t MakeFence(uint64_t epoch, uint64_t counter) {
  const bool fits = counter != 0 && counter < (uint64_t{1} << kCounterBits) &&
                    epoch < (uint64_t{1} << (64 - kCounterBits));
  return fits ? epoch << kCounterBits | counter : 0;
}

absl::StatusOr<uint64_t> NextFence(uint64_t epoch, Instance* instance) {
  const uint64_t last_epoch = instance->last_fence >> kCounterBits;
  if (epoch < last_epoch) {
    return Error(absl::StatusCode::kFailedPrecondition, "EPOCH_TOO_LOW",
                 absl::StrCat("instances/", instance->id, " has a fence of epoch ", last_epoch,
                              ", above this controller's ", epoch,
                              "; an older store was restored, or two controllers run"));
  }
  const uint64_t counter_mask = (uint64_t{1} << kCounterBits) - 1;
  const uint64_t counter = epoch == last_epoch ? (instance->last_fence & counter_mask) + 1 : 1;
  const uint64_t fence = MakeFence(epoch, counter);
  if (fence == 0) {
    return Error(absl::StatusCode::kResourceExhausted, "FENCES_EXHAUSTED",
                 absl::StrCat("instances/", instance->id, " has used up the ", counter_mask,
                              " fences of epoch ", epoch,
                              "; restart the controller, which begins a new one"));
  }
  instance->last_fence = fence;
  return fence;
}

bool RaiseFence(uint64_t epoch, uint64_t seen, Instance* instance) {
  if (seen >> kCounterBits != epoch || seen <= instance->last_fence) return false;
  instance->last_fence = seen;
  return true;
}

}  // namespace dbfleet::controller
