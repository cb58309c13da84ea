#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/jobs/estimate.h"
#include "controller/jobs/job_flow.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// A request's wish to be carried by a maintenance window.
struct QueueAsk {
  std::string window;  // "" or "maintenancewindows/NAME" or "NAME"; "": it is not queued.
  std::optional<int> priority;
  std::optional<absl::Duration> estimate;
};

inline constexpr absl::Duration kLongestEstimate = absl::Hours(31 * 24);
// Each look at one job of a queue goes through the queue.
inline constexpr int kMostQueued = 100;

// INVALID_ARGUMENT: BAD_PRIORITY, BAD_ESTIMATE, or PRIORITY_WITHOUT_WINDOW (also of an estimate).
absl::Status CheckAsk(const QueueAsk& ask);

// Puts a job that is about to be inserted into the queue of the window, if `ask` names one. The
// window must be there (NOT_FOUND, NO_SUCH_WINDOW), allow, and select every instance
// (FAILED_PRECONDITION: NOT_A_WINDOW, WINDOW_NOT_FOR_TARGET), have room in its queue
// (FAILED_PRECONDITION, QUEUE_FULL), be long enough (FAILED_PRECONDITION, WINDOW_TOO_SHORT) and
// open before the job expires (FAILED_PRECONDITION, EXPIRES_BEFORE_WINDOW). A job that brings no
// expiry gets one: a week, and not before two occurrences are over. `estimate` is asked where
// nothing is declared.
absl::Status EnterQueue(ReadTx& tx, const JobFlow& flow, const QueueAsk& ask,
                        const std::vector<std::string>& instances, absl::Time now,
                        const std::function<absl::StatusOr<Estimate>()>& estimate, Job* job);

// WINDOW_TOO_SHORT, as above, for an estimate that is told later.
absl::Status CheckFitsWindow(ReadTx& tx, const JobFlow& flow, const QueuePlace& place,
                             absl::Time now);

// Whether the job was queued as this asks for; "" for none.
bool IsQueuedFor(const Job& job, const QueueAsk& ask);

// For the audit record of the submission; none of a job that is in no queue.
void AddQueueDetails(const Job& job, std::map<std::string, std::string>* details);

}  // namespace dbfleet::controller
