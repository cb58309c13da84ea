#pragma once

#include <string>

#include "common/config/problems.h"
#include "controller/domain/types.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

// Puts the defaults of an environment of this name in place of what was left out.
void FillEnvironment(resource::v1::Environment* manifest);
void FillPolicy(const std::string& environment, resource::v1::PolicySpec* policy);

// `field` is where the policy of `environment` stands, for messages: "spec.policy". The defaults
// are in place.
void CheckPolicy(const std::string& environment, const resource::v1::PolicySpec& policy,
                 const std::string& field, config::Problems* problems);

// A name that none can have: of another environment, or with a meaning of its own.
void CheckEnvironmentName(const std::string& name, const std::string& field,
                          config::Problems* problems);

void CheckEnvironment(const resource::v1::Environment& manifest, config::Problems* problems);

// Of one that passed both.
EnvironmentPolicy PolicyOf(const resource::v1::PolicySpec& spec);

// Name, display name and policy; of a manifest that passed both.
Environment EnvironmentOf(const resource::v1::Environment& manifest);

resource::v1::Environment ManifestOf(const Environment& environment);

}  // namespace dbfleet::controller
