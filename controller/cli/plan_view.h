#pragma once

#include <cstdint>
#include <string>

#include "dbfleet/api/v1/job_service.pb.h"

namespace dbfleet::cli {

// One target's plan: each statement with its place, class, size and findings, then the way back,
// and what has none. Fit for a terminal.
std::string DescribePlan(const api::v1::Job& job, const api::v1::Task& task);

// Of all targets, added up; -1 if that of one is not known.
int64_t EstimatedRows(const api::v1::Job& job);

// Why a target's plan has no statements: "nothing to do: 0001 is applied already".
std::string NothingToDo(const api::v1::Job& job);

}  // namespace dbfleet::cli
