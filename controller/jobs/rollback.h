#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/queueing.h"

namespace dbfleet::controller {

// A change that takes back what another one applied, as it is asked for.
struct RollbackAsk {
  std::string requester;
  std::string reason;
  std::string request_key;
  bool approve_destructive = false;
  BackupGate backup_gate = BackupGate::kAuto;
  QueueAsk queue = {};
};

// Stores it with its targets and its audit record; the caller advances it. `original` has ended.
// FAILED_PRECONDITION: NOTHING_TO_ROLL_BACK, or TARGETS_DIFFER if what is to be taken back is not
// the same everywhere, so that it is not one thing to approve. NOT_FOUND (INSTANCE_NOT_FOUND).
// Errors of EnterQueue.
absl::StatusOr<Job> InsertRollback(FlowContext& context, const JobFlow& flow, const Job& original,
                                   const RollbackAsk& ask);

// The request key of the rollback that a rollout makes by itself; no person's begins like this.
std::string AutomaticRollbackKey(const std::string& original_id);

// Such a rollback: whoever approved the change has approved that too.
bool IsAutomaticRollback(const Job& job);

}  // namespace dbfleet::controller
