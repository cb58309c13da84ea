#pragma once

#include <string>

#include "absl/time/time.h"

#include "controller/cli/commands.h"
#include "dbfleet/api/v1/resource_service.pb.h"

namespace dbfleet::cli {

std::string Moment(absl::Time time, const absl::TimeZone& zone);
std::string KindOf(const api::v1::WindowOccurrence& occurrence);    // "window" or "freeze".
std::string Selected(const api::v1::WindowOccurrence& occurrence);  // "qa,tier=1".

// `window calendar`.
void AddCalendar(CLI::App& noun, Shell& shell);

}  // namespace dbfleet::cli
