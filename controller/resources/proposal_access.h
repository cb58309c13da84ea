#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/identity/rights.h"
#include "controller/resources/proposals.h"

// Who may see and decide about a proposal.
namespace dbfleet::controller {

// The approvers of one of the environments whose policy it would loosen see it, whole, and so does
// whoever may see all that it would change, as it is to be and as it is now.
absl::StatusOr<bool> MaySee(ReadTx& tx, const Rights& rights,
                            const resource::v1::Proposal& proposal);

// The proposal of this name for who may read it (Verb::kRead) or decide about it (Verb::kApprove,
// in one of the environments, by those that are asked at `now` as well). PERMISSION_DENIED
// (ROLE_MISSING): the same for one that is hidden and one that is not there, but to whoever sees
// all: NOT_FOUND (PROPOSAL_NOT_FOUND).
absl::StatusOr<StoredProposal> LoadProposalFor(ReadTx& tx, const Rights& rights, Verb verb,
                                               const std::string& name, absl::Time now);

}  // namespace dbfleet::controller
