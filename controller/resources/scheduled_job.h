#pragma once

#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "controller/domain/types.h"
#include "dbfleet/resource/v1/resource.pb.h"
#include "dbfleet/work/v1/work.pb.h"

// What the jobs that schedules and rules declare are, and whom they are for. Pure functions.
namespace dbfleet::controller {

// `named`: the instances that `targets` names.
bool SelectsTarget(const resource::v1::ScheduleTargets& targets, const std::set<std::string>& named,
                   const Instance& instance);

// Of a job that has one.
work::v1::InspectSpec InspectionOf(const resource::v1::ScheduledJob& job);

// "check", "inspect", "backup" or "verify".
absl::string_view ActionOf(const resource::v1::ScheduledJob& job);

}  // namespace dbfleet::controller
