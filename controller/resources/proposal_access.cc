#include "controller/resources/proposal_access.h"

#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "controller/resources/access.h"
#include "controller/resources/view.h"

namespace dbfleet::controller {
namespace {

using resource::v1::Proposal;
using resource::v1::ProposedChange;

bool ApprovesInAny(const Rights& rights, const Proposal& proposal) {
  const auto& names = proposal.environments();
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return rights.In(Verb::kApprove, name); });
}

// What is there now: a proposal shows how it would change.
absl::StatusOr<bool> MaySeeFormer(ReadTx& tx, const Rights& rights, const ProposedChange& change) {
  ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(change.name()));
  const ResourceKind& kind = *parsed.first;
  if (kind.kind == kEnvironmentKind) return MaySee(rights, kind, parsed.second);
  const absl::StatusOr<Resource> former = tx.GetResource(change.name());
  if (absl::IsNotFound(former.status())) {
    // It is new; or it was deleted, and nothing tells any more what it was about.
    return !change.etag().empty() ? rights.Everywhere(VerbToSee(kind)) : true;
  }
  RETURN_IF_ERROR(former.status());
  return MaySee(rights, kind, StoredReach(kind, *former));
}

}  // namespace

absl::StatusOr<bool> MaySee(ReadTx& tx, const Rights& rights, const Proposal& proposal) {
  if (ApprovesInAny(rights, proposal)) return true;
  for (const ProposedChange& change : proposal.changes()) {
    ASSIGN_OR_RETURN(const bool former, MaySeeFormer(tx, rights, change));
    if (!former) return false;
  }
  const absl::StatusOr<std::vector<Manifest>> manifests = ManifestsOf(proposal);
  // What this version does not take any more may be about anything; it is stale.
  if (absl::IsInvalidArgument(manifests.status())) return rights.Everywhere(Verb::kRead);
  RETURN_IF_ERROR(manifests.status());
  return std::all_of(manifests->begin(), manifests->end(), [&](const Manifest& manifest) {
    return MaySee(rights, *manifest.kind, ReachOf(*manifest.kind, *manifest.message));
  });
}

absl::StatusOr<StoredProposal> LoadProposalFor(ReadTx& tx, const Rights& rights, Verb verb,
                                               const std::string& name, absl::Time now) {
  absl::StatusOr<StoredProposal> stored = LoadProposal(tx, name);
  if (absl::IsNotFound(stored.status())) {
    return rights.Everywhere(verb) ? stored.status() : HiddenOrMissing(name, verb);
  }
  RETURN_IF_ERROR(stored.status());
  bool allowed = ApprovesInAny(rights, stored->proposal);
  if (!allowed && rights.Anywhere(Verb::kApprove)) {
    Proposal standing = stored->proposal;
    RETURN_IF_ERROR(ShowStanding(tx, now, &standing).status());
    allowed = ApprovesInAny(rights, standing);
  }
  if (!allowed && verb == Verb::kRead) {
    ASSIGN_OR_RETURN(allowed, MaySee(tx, rights, stored->proposal));
  }
  if (!allowed) return HiddenOrMissing(name, verb);
  return stored;
}

}  // namespace dbfleet::controller
