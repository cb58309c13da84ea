#pragma once

#include "absl/status/status.h"

#include "controller/store/store.h"
#include "dbfleet/config/v1/controller_config.pb.h"

namespace dbfleet::controller {

// Makes the configuration's environments, and sets their policies where the configuration says so.
// Every change is audited with the former and the new policy; nothing is written when nothing
// changed.
absl::Status ApplyEnvironments(const config::v1::ControllerConfig& config, Store& store);

}  // namespace dbfleet::controller
