#pragma once

#include <memory>

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// PostgreSQL. Deadlines below 2 s are taken as 2 s: libpq connects no faster.
std::unique_ptr<Engine> MakePostgresEngine(InstanceSpec spec);

}  // namespace dbfleet::agent
