#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/store/store.h"

// Are there the people for the quorums, now that policies, roles or accounts were altered? Inside
// of a transaction.
namespace dbfleet::controller {

// Of these environments those with a quorum that could be formed, were all approvers asked.
absl::StatusOr<std::set<std::string>> FillableQuorums(ReadTx& tx, const EnvironmentFilter& where);

// Of these environments, whose quorum could be formed before policies or roles were altered, those
// where it could not be any more: nobody could loosen the policy again. A sentence for each.
absl::StatusOr<std::vector<std::string>> LostQuorums(ReadTx& tx,
                                                     const std::set<std::string>& before);

// FAILED_PRECONDITION (QUORUM_UNFILLABLE) if there is one.
absl::Status CheckFillable(ReadTx& tx, const std::set<std::string>& before);

// For whoever takes roles or accounts away, which is never refused for that: a stolen one has to
// go. In transactions of their own, as it goes whatever becomes of the warnings; nothing where it
// cannot be read.
std::set<std::string> FillableNow(Store& store);
std::vector<std::string> WarningsOfLoss(Store& store, const std::set<std::string>& before);

}  // namespace dbfleet::controller
