#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "dbfleet/config/v1/controller_config.pb.h"

namespace dbfleet::controller {

// Reads the configuration file. INVALID_ARGUMENT (BAD_YAML, BAD_CONFIG) with all problems in one
// error.
absl::StatusOr<config::v1::ControllerConfig> LoadConfig(const std::string& path);

// Fills in the defaults and checks what the YAML reader cannot know: paths, addresses, names,
// times.
absl::Status CompleteAndValidate(config::v1::ControllerConfig* config);

}  // namespace dbfleet::controller
