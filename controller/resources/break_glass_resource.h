#pragma once

#include "common/config/problems.h"
#include "controller/domain/break_glass.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

void FillBreakGlass(resource::v1::BreakGlassPolicy* manifest);

// The policy that a manifest declares; what is wrong with it goes to `problems`, and then the
// policy must not be used.
BreakGlassPolicy CompileBreakGlass(const resource::v1::BreakGlassPolicy& manifest,
                                   config::Problems* problems);

}  // namespace dbfleet::controller
