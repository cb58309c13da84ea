#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_flow.h"

namespace dbfleet::controller {

// Stores a task for each of the instances, in their order. The first wave has the first
// `wave_sizes[0]` of them, and so on (WaveSizes); their sum is the number of instances.
absl::Status InsertTargets(FlowContext& context, const Job& job,
                           const std::vector<std::string>& instances, const std::string& database,
                           const std::vector<int>& wave_sizes);

}  // namespace dbfleet::controller
