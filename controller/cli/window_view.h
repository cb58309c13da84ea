#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/cli/commands.h"
#include "dbfleet/api/v1/resource_service.pb.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::cli {

std::string Moment(absl::Time time, const absl::TimeZone& zone);
std::string KindOf(const api::v1::WindowOccurrence& occurrence);    // "window" or "freeze".
std::string Selected(const api::v1::WindowOccurrence& occurrence);  // "qa,tier=1".
// "covered by holidays", "in part: holidays", or "": what freezes do to an opening.
std::string Frozen(const api::v1::WindowOccurrence& occurrence);

// What the controller says of a manifest that a command made of its options, which `path` names: in
// the words of the options, and without lines that nobody wrote.
absl::Status InFlags(const absl::Status& status, absl::string_view path,
                     const resource::v1::MaintenanceWindow& window);

// `window calendar`.
void AddCalendar(CLI::App& noun, Shell& shell);

}  // namespace dbfleet::cli
