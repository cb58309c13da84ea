#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Ends the tasks that have not ended: nothing more is done for them.
absl::Status SkipOpenTasks(WriteTx& tx, std::vector<Task>* tasks);

// Does the state of its targets keep the job from beginning further ones?
bool StopsTheJob(const Job& job, absl::Span<const Task> tasks);

// Lets the first wave begin that has targets which have not.
void LetNextWaveBegin(absl::Span<const Task> tasks, Job* job);

// Attempts at work that is safe to run again, before it counts as failed.
inline constexpr int kMaxAttempts = 4;
// Attempts after which a grown estimate is not answered by another plan: statistics that swing
// around the limit must not keep a job alive for ever.
inline constexpr int kMaxReplannedAttempts = 20;

}  // namespace dbfleet::controller
