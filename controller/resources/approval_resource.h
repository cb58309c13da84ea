#pragma once

#include "common/config/problems.h"
#include "controller/domain/approval_policy.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

void FillApprovalPolicy(resource::v1::ApprovalPolicy* manifest);

void CheckApprovalPolicy(const resource::v1::ApprovalPolicy& manifest, config::Problems* problems);

// The policy that a manifest declares; what is wrong with it goes to `problems`, and then the
// policy must not be used.
ApprovalPolicy CompileApprovalPolicy(const resource::v1::ApprovalPolicy& manifest,
                                     config::Problems* problems);

}  // namespace dbfleet::controller
