#pragma once

#include <string>

#include "absl/status/status.h"

#include "controller/jobs/job_flow.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::controller {

// What makes the instance critical, as rules name it: "unreachable", or the observations of its
// health that are, with "," between them; "" if none is.
std::string CriticalObservations(const work::v1::InstanceHealth& health);

// Its reasons in one line for people and records.
std::string HealthReasons(const work::v1::InstanceHealth& health);

// Part of the end of a check: one that found its instance critical, or could not find out how it
// is, has done its work, and so the job succeeded. That the instance failed it is a record of its
// own
// ("check.failed").
absl::Status RecordCheckOutcome(FlowContext& context, const Job& job, const Task& task);

}  // namespace dbfleet::controller
