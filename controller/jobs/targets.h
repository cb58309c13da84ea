#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_flow.h"

namespace dbfleet::controller {

// The wave of each of the targets: the first wave has the first `wave_sizes[0]` of them, and so on
// (WaveSizes); their sum is `targets`.
std::vector<int> WavesOf(size_t targets, const std::vector<int>& wave_sizes);

// Stores a task for each of the instances, in their order.
absl::Status InsertTargets(FlowContext& context, const Job& job,
                           const std::vector<std::string>& instances, const std::string& database,
                           const std::vector<int>& wave_sizes);

}  // namespace dbfleet::controller
