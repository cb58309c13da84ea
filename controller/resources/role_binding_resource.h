#pragma once

#include "common/config/problems.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

void FillRoleBinding(resource::v1::RoleBinding* manifest);

void CheckRoleBinding(const resource::v1::RoleBinding& manifest, config::Problems* problems);

}  // namespace dbfleet::controller
