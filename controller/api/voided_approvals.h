#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// What ends with tokens that are revoked or with an account that is disabled: what its approvals
// counted for and has not ended ("jobs/ID" and "proposals/ID"), and the changes for which it waived
// something that would still be waived. At most 100 of each.
struct Voided {
  std::vector<std::string> approvals;
  std::vector<std::string> waivers;
};

// Both look at all changes and proposals that wait or are under way, and at all broken glass.
absl::StatusOr<Voided> VoidedWithTokens(ReadTx& tx, const std::set<std::string>& token_ids,
                                        absl::Time now);
absl::StatusOr<Voided> VoidedWithUser(ReadTx& tx, const std::string& principal, absl::Time now);

}  // namespace dbfleet::controller
