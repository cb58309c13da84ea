#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "common/config/problems.h"
#include "controller/schedules/due.h"
#include "controller/schedules/overlap.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

// A schedule as its manifest declares it.
struct DeclaredSchedule {
  std::string name;
  std::string environment;
  std::string time_zone;
  ScheduleTimes times;
  Overlap overlap = Overlap::kSkip;
  bool suspended = false;
  resource::v1::ScheduleSpec spec;
  uint64_t version = 0;  // Of the resource.

  // What decides which times are its own: after a change of it others count.
  std::string Timing() const;
};

void FillSchedule(resource::v1::Schedule* manifest);

// Nullopt if there is anything wrong, which goes to `problems`.
std::optional<DeclaredSchedule> CompileSchedule(const resource::v1::Schedule& manifest,
                                                config::Problems* problems);

// The same with what takes longer to find out.
void CheckSchedule(const resource::v1::Schedule& manifest, config::Problems* problems);

// What is wrong with a job that schedules and rules can submit; `field` is where it stands.
void CheckScheduledJob(const resource::v1::ScheduledJob& job, absl::string_view field,
                       config::Problems* problems);

}  // namespace dbfleet::controller
