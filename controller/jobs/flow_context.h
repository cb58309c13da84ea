#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/queue_reading.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// One transaction's view for the flow: where it writes, whose act it is, and what it changed (to be
// told to the JobHub after the commit).
struct FlowContext {
  WriteTx& tx;
  absl::Time now;
  std::string actor;
  JobChanges changes;
  // What queues are read into that others look at as well, or nullptr (queue_reading.h).
  QueueReadings* readings = nullptr;

  absl::Status Audit(absl::string_view action, const Job& job,
                     std::map<std::string, std::string> details = {});

  // Write the attempt, and note what that is a hint for. An attempt's `exclusive` says whether
  // others wait for its end (IsExclusive).
  absl::Status InsertAttempt(Attempt* attempt);
  absl::Status UpdateAttempt(Attempt* attempt, bool exclusive = true);
};

// How an attempt ended, from the agent's report or from the controller's own decision.
struct AttemptEnd {
  AttemptState state = AttemptState::kFailed;
  std::string error_reason;
  std::string error_message;
  std::string result_blob;  // work.v1.TaskResult; "" if there is none.
};

}  // namespace dbfleet::controller
