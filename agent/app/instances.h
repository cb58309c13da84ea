#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/engine/engine.h"
#include "dbfleet/config/v1/agent_config.pb.h"

namespace dbfleet::agent {

// The instances of a checked configuration (agent/config) as the engines take them.
std::vector<InstanceSpec> SpecsOf(const config::v1::AgentConfig& config);

// The driver for that instance. A new engine is added here.
std::unique_ptr<Engine> MakeEngine(InstanceSpec spec);

}  // namespace dbfleet::agent
