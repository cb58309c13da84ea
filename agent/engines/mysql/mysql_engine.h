#pragma once

#include <memory>

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// MySQL and MariaDB.
std::unique_ptr<Engine> MakeMysqlEngine(InstanceSpec spec);

}  // namespace dbfleet::agent
