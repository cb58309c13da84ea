#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "controller/policy/policy.h"
#include "controller/policy/policy_input.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Why what rests on backups, be they there or still to be taken, cannot be given to the agents of
// its targets: they are too old to look whether these are there (capability kLooksForBackup). "" if
// they can.
absl::StatusOr<std::string> WhyAgentsAreTooOld(ReadTx& tx, const PolicyInput& input,
                                               const PolicyDecision& decision);

}  // namespace dbfleet::controller
