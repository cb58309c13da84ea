#include "controller/domain/approval_policy.h"

#include <algorithm>

namespace dbfleet::controller {

bool ApprovalPolicy::Covers(absl::string_view environment) const {
  return environments.empty() ||
         std::find(environments.begin(), environments.end(), environment) != environments.end();
}

}  // namespace dbfleet::controller
