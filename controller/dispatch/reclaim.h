#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_flow.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::controller {

// What a Hello tells of the agent's attempts, by attempt.
using AttemptStates = std::map<std::string, agent::v1::AttemptState>;

// What an agent remembers that the store may not have.
struct LostMemory {
  // It took part in a life of the controller that the store does not know; else it only was not
  // heard since a restore.
  bool lost_life = false;
  // It has reports that were not acknowledged, among which may be those of attempts that the store
  // knows at the same fence: these are waited for.
  bool reports_wait = false;
};

// For an agent that took part in a life of the controller that the store lost (controller/audit/
// recovery.h): its attempts that began then are written into the store as what they are, so that
// their tasks are not done a second time. What runs goes on, at the agent's fence and until the
// moment that its agent was given, if it says so, also where the store has its grant. What has
// ended cannot be known any more, for its report was acknowledged: it ends INTERRUPTED, and its
// task waits for a person. Attempts that were only accepted, and those of tasks that the store does
// not have, stay for the usual reconciling.
absl::Status ReclaimAttempts(FlowContext& context, const JobFlow& flow, const std::string& agent_id,
                             const AttemptStates& theirs, const LostMemory& memory);

// Ends an attempt that holds its instance in the store, which its agent has finished, and whose
// report will not come: it was acknowledged in a life that the store lost. What is safe to run
// again is tried again; else a person is asked.
absl::Status EndUnheard(FlowContext& context, const JobFlow& flow, Attempt attempt,
                        agent::v1::Outcome outcome);

}  // namespace dbfleet::controller
