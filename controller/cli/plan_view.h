#pragma once

#include <string>

#include "dbfleet/api/v1/job_service.pb.h"

namespace dbfleet::cli {

// One target's plan: each statement with its place, class, size and findings, then the way back,
// and what has none. Fit for a terminal.
std::string DescribePlan(const api::v1::Task& task);

}  // namespace dbfleet::cli
