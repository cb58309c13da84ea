#include "controller/jobs/bounds.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/base/status.h"
#include "controller/audit/recovery.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/pauses.h"

namespace dbfleet::controller {
namespace {

bool Executes(const Attempt& attempt) {
  return HoldsInstance(attempt.state) && attempt.purpose == Purpose::kExecute;
}

absl::StatusOr<std::vector<Attempt>> Moved(ReadTx& tx, const Job& job,
                                           const PolicyDecision& decision) {
  std::vector<Attempt> moved;
  // Where no window was looked at, nothing is known of its end.
  const bool known = !decision.window.empty() || !decision.outlasted_by.empty();
  const bool blind =
      decision.BlockedBy("windows-unreadable") || decision.BlockedBy("policy-changed");
  const bool closed = decision.BlockedBy("window") || decision.BlockedBy("window-queue");
  if (!EndsWithItsWindow(job) || !known || blind || closed) return moved;
  ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
  if (in_recovery) return moved;
  const absl::Time bound = std::min(job.expire_time, decision.steps_until);
  ASSIGN_OR_RETURN(std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
  for (Attempt& attempt : open) {
    if (!Executes(attempt) || attempt.not_after == bound) continue;
    attempt.not_after = bound;
    moved.push_back(std::move(attempt));
  }
  return moved;
}

}  // namespace

absl::StatusOr<bool> BoundsHaveMoved(ReadTx& tx, const Job& job, const PolicyDecision& decision) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> moved, Moved(tx, job, decision));
  return !moved.empty();
}

absl::StatusOr<bool> EndsWhatRuns(ReadTx& tx, const Job& job, const PolicyDecision& decision,
                                  absl::Time now) {
  if (!EndsWithItsWindow(job) || !HasClosed(decision)) return false;
  ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
  if (!in_recovery) return true;
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
  bool runs = false;
  for (const Attempt& attempt : open) {
    if (!Executes(attempt)) continue;
    if (now < attempt.not_after) return false;
    runs = true;
  }
  return runs;  // What does not run is handed out to nobody anyway, until a person has looked.
}

absl::Status MoveBounds(FlowContext& context, const Job& job, const PolicyDecision& decision) {
  ASSIGN_OR_RETURN(std::vector<Attempt> moved, Moved(context.tx, job, decision));
  for (Attempt& attempt : moved) {
    RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
    context.changes.attempts.insert(attempt.id);
    RETURN_IF_ERROR(context.Audit(
        "attempt.bound", job,
        {{"attempt", attempt.id},
         {"window", decision.window.empty() ? job.window : decision.window},
         {"outlasted_by", decision.outlasted_by},
         {"not_after",
          absl::FormatTime(absl::RFC3339_sec, attempt.not_after, absl::UTCTimeZone())}}));
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
