#pragma once

#include "common/config/problems.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {

// What is particular to routes that follow windows, freezes and changes: checks it, and compiles
// the matchers of silences.
void CompileFollows(Route* route, config::Problems* problems);

}  // namespace dbfleet::controller
