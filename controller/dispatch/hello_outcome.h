#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_hub.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::controller {

// What the Hello's transaction decided, to be carried out after its commit.
struct HelloOutcome {
  agent::v1::Welcome welcome;
  std::vector<Attempt> lost_grants;  // Committed, and to be sent again.
  std::vector<agent::v1::ControllerMsg> messages;
  std::vector<std::string> instances;  // Accepted ones.
  std::vector<std::string> offered;
  // With the not_after that the agent has.
  std::map<std::string, absl::Time> leased;
  JobChanges changes;
  std::string quarantined;        // Why; the stream ends.
  bool reclaim = false;           // It may remember what the store does not.
  bool lost_life = false;         // It surely does.
  bool reports_wait = false;      // It holds events that the store does not have.
  std::set<std::string> unheard;  // Ended there; the end should be among those events.
};

}  // namespace dbfleet::controller
