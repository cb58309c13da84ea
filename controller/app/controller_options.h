#pragma once

#include <string>

#include "controller/dispatch/dispatch_options.h"
#include "dbfleet/config/v1/controller_config.pb.h"

namespace dbfleet::controller {

// Parts of a complete configuration as those want them whom they concern.
DispatchOptions DispatchOptionsOf(const config::v1::ControllerConfig& config);

// host:port that join tokens tell agents; `port` is where gRPC listens.
std::string AgentAddress(const config::v1::ControllerConfig& config, int port);

}  // namespace dbfleet::controller
