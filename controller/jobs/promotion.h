// What the earlier environment says of a change: the part of JobFlow's reading that the rule
// "promotion" decides on (docs/guides/policies.md).
#pragma once

#include "absl/status/status.h"

#include "controller/policy/policy_input.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Fills input->promotion by the changes of the same contents. Expects job, policy and now.
absl::Status ReadPromotion(ReadTx& tx, PolicyInput* input);

// Where a rehearsal is demanded and changes of the same contents do not prove that of all versions:
// looks for those in changes of other contents that hold them with the same files, as folders of
// migrations grow. Expects the versions, too. Reads nothing where none is missing.
absl::Status AddRehearsals(ReadTx& tx, PolicyInput* input);

}  // namespace dbfleet::controller
