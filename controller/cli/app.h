#pragma once

#include <string>
#include <vector>

#include "controller/cli/shell.h"

namespace dbfleet::cli {

// Runs `dbfleet ARGUMENTS...` in the given world and returns its exit code. Output that could not
// be written makes it fail, whatever the command said.
int Run(World world, const std::vector<std::string>& arguments);

// The real world: standard streams, the environment, TLS connections.
World SystemWorld(Clock* clock);

}  // namespace dbfleet::cli
