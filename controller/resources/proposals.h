#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/resources/apply.h"
#include "controller/resources/impact.h"
#include "controller/store/store.h"
#include "dbfleet/resource/v1/proposal.pb.h"

// Proposals inside of a transaction; controller/resources/proposal_manager.h has what people do
// with them.
namespace dbfleet::controller {

// They are rows beside the declared resources, of a kind that is not declared.
inline constexpr absl::string_view kProposalKind = "Proposal";
inline constexpr absl::Duration kProposalLife = absl::Hours(24 * 7);

struct StoredProposal {
  Resource row;
  resource::v1::Proposal proposal;
};

// NOT_FOUND (PROPOSAL_NOT_FOUND).
absl::StatusOr<StoredProposal> LoadProposal(ReadTx& tx, const std::string& name);
absl::Status StoreProposal(WriteTx& tx, absl::string_view editor, absl::Time now,
                           StoredProposal* stored);

// Whether an alteration may be made at once.
struct Leave {
  // Not empty: it has to be proposed to these quorums.
  std::vector<Quorum> quorums;
  // It loosens these environments' policies, and their quorum could not be formed yet by anybody
  // but the requester: there have never been enough approvers.
  std::vector<std::string> unformed;
};
// Of the quorums of what would be altered: an environment whose quorum could never be formed
// without the requester is not asked.
absl::StatusOr<Leave> LeaveBy(ReadTx& tx, const Electorate& electorate, std::vector<Quorum> quorums,
                              const std::string& requester);
// `write` null: as it would be; nothing is noted.
absl::StatusOr<Leave> MayAlter(ReadTx& read, WriteTx* write,
                               absl::Span<const Alteration> alterations,
                               const std::string& requester, absl::Time now);

// The changes, unless the requester has proposed the very same already and that is pending. With a
// null `write` only what it would look like, without a name.
absl::StatusOr<resource::v1::Proposal> Propose(const ApplyContext& context,
                                               std::vector<resource::v1::ProposedChange> changes,
                                               const Leave& leave);

struct Standing {
  std::vector<std::string> unasked;    // Environments: Leave::unformed.
  std::vector<std::string> approvers;  // Whose approvals count, in any of the quorums.
};
// Fills in what people are shown: what is missing, who could approve, whether it has expired or is
// stale; and adds to its environments those that are asked by now.
absl::StatusOr<Standing> ShowStanding(ReadTx& tx, absl::Time now, resource::v1::Proposal* proposal);

// For the audit records of what is done without these environments' quorums.
std::string NotAskedFor(const std::vector<std::string>& environments);

// What it would alter; `manifests` are its own and outlive that.
absl::StatusOr<std::vector<Alteration>> AlterationsOf(const resource::v1::Proposal& proposal,
                                                      const std::vector<Manifest>& manifests);

// The environments whose policies it would loosen.
EnvironmentFilter ReachOf(const resource::v1::Proposal& proposal);

// Its manifests, with the versions that they replace. INVALID_ARGUMENT if this version does not
// take them, or reads them otherwise than the one that they were proposed to (READ_OTHERWISE).
absl::StatusOr<std::vector<Manifest>> ManifestsOf(const resource::v1::Proposal& proposal);

// Of the resource as it is there now; 0: it is not.
absl::StatusOr<uint64_t> VersionNow(ReadTx& tx, const ResourceKind* kind, const std::string& name);

// Why it does not fit any more what is there, is no more its requester's to propose, or would open
// a window when that is over; "" if nothing of these. `manifests` are its own.
absl::StatusOr<std::string> WhyStale(ReadTx& tx, const resource::v1::Proposal& proposal,
                                     const std::vector<Manifest>& manifests, absl::Time now);

}  // namespace dbfleet::controller
