#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// What an approval that was given with this token counted for, were the token not revoked, and has
// not ended: "jobs/ID" and "proposals/ID", at most 100 of them. Looks at all changes and proposals
// that wait or are under way.
absl::StatusOr<std::vector<std::string>> ApprovedWith(ReadTx& tx, const std::string& token_id);

}  // namespace dbfleet::controller
