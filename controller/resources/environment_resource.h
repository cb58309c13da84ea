#pragma once

#include "common/config/problems.h"
#include "controller/domain/types.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

// Puts the defaults of an environment of this name in place of what was left out.
void FillEnvironment(resource::v1::Environment* manifest);

void CheckEnvironment(const resource::v1::Environment& manifest, config::Problems* problems);

// Name, display name and policy; of a manifest that passed both.
Environment EnvironmentOf(const resource::v1::Environment& manifest);

resource::v1::Environment ManifestOf(const Environment& environment);

}  // namespace dbfleet::controller
