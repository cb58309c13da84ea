#include "controller/resources/proposal_manager.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/access.h"
#include "controller/resources/fillable.h"
#include "controller/resources/proposal_access.h"
#include "controller/resources/waiver.h"

namespace dbfleet::controller {
namespace {

using resource::v1::Proposal;
using resource::v1::ProposalVote;
using resource::v1::ProposedChange;

constexpr size_t kMostReason = 4000;

absl::StatusOr<std::string> NameOfProposal(absl::string_view given) {
  const std::string name = absl::StartsWith(given, "proposals/")
                               ? std::string(given)
                               : absl::StrCat("proposals/", given);
  if (name.size() <= 80) return name;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_PROPOSAL_NAME",
               absl::StrCat("\"", SanitizeForDisplay(Truncate(given, 80)), "\" is no proposal"));
}

absl::Status CheckReason(const std::string& reason, bool required) {
  if (reason.size() <= kMostReason && (!required || !reason.empty())) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "REASON_REQUIRED",
               "a reason is needed here, of at most 4000 bytes (--reason)");
}

absl::Status HasEnded(const Proposal& proposal) {
  std::string state = Proposal::State_Name(proposal.state()).substr(strlen("STATE_"));
  return Error(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
               absl::StrCat(proposal.name(), " is ", state, proposal.message().empty() ? "" : ": ",
                            proposal.message()));
}

// One decision inside of its transaction.
struct Decision {
  WriteTx& tx;
  const RequestMeta& meta;
  const std::string& reason;
  absl::Time now;
  StoredProposal* stored;

  Proposal& proposal() const { return stored->proposal; }

  absl::Status Audit(absl::string_view action, std::map<std::string, std::string> details) const {
    if (!reason.empty()) details.emplace("reason", reason);
    if (!meta.token_id.empty()) details.emplace("token", meta.token_id);
    details.emplace("digest", proposal().digest());
    AuditEntry entry{meta.principal, std::string(action), proposal().name(), "",
                     std::move(details)};
    NotePlace({ReachOf(proposal())}, &entry);
    return tx.AppendAudit(entry);
  }
  absl::Status Store() const { return StoreProposal(tx, meta.principal, now, stored); }
  absl::Status End(Proposal::State state, const std::string& message) const {
    proposal().set_state(state);
    if (!message.empty()) proposal().set_message(message);
    *proposal().mutable_end_time() = ToProto(now);
    proposal().clear_missing();
    proposal().clear_candidates();
    return Store();
  }
};

// Why this person's approval would not count.
absl::Status MayApprove(ReadTx& tx, const Proposal& proposal, const std::string& principal) {
  if (principal == proposal.requester()) {
    return Error(absl::StatusCode::kPermissionDenied, "SELF_APPROVAL",
                 absl::StrCat(principal, " proposed ", proposal.name(),
                              "; somebody else has to approve it"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> dependents,
                   DependentPrincipals(tx, proposal.requester()));
  if (std::find(dependents.begin(), dependents.end(), principal) != dependents.end()) {
    return Error(
        absl::StatusCode::kPermissionDenied, "DEPENDENT_APPROVER",
        absl::StrCat(proposal.requester(), " made the account, role or token of ", principal,
                     ", whose approval of ", proposal.name(), " therefore does not count"));
  }
  for (const std::string& environment : proposal.environments()) {
    ASSIGN_OR_RETURN(const std::set<Role> roles, RolesIn(tx, principal, environment));
    if (roles.count(Role::kApprover) != 0) return absl::OkStatus();
  }
  return Error(absl::StatusCode::kPermissionDenied, "NOT_AN_APPROVER",
               absl::StrCat(principal, " is an approver of none of ",
                            absl::StrJoin(proposal.environments(), ", ")));
}

// As its requester's change, with whose approvals let it, and whose quorum was not asked.
absl::Status Apply(const Decision& decision, const Standing& standing) {
  Proposal& proposal = decision.proposal();
  ASSIGN_OR_RETURN(const std::vector<Manifest> manifests, ManifestsOf(proposal));
  RETURN_IF_ERROR(CheckReferences(decision.tx, manifests));
  ASSIGN_OR_RETURN(const std::vector<Alteration> alterations, AlterationsOf(proposal, manifests));
  ASSIGN_OR_RETURN(const EnvironmentFilter touched, TouchedBy(decision.tx, alterations));
  ASSIGN_OR_RETURN(const std::set<std::string> before, FillableQuorums(decision.tx, touched));
  const std::string approvers = absl::StrJoin(standing.approvers, ", ");
  const RequestMeta requester{proposal.requester(), ""};
  const std::string& reason = proposal.reason();
  // The requester's rights were measured when it was proposed, and again just before this
  // (WhyStale); by whatever token it was proposed.
  const Rights rights = Rights::All();
  ApplyContext context{decision.tx,
                       &decision.tx,
                       requester,
                       reason,
                       decision.now,
                       rights,
                       {{"proposal", proposal.name()}, {"approved_by", approvers}}};
  if (!standing.unasked.empty()) context.more["quorum"] = NotAskedFor(standing.unasked);
  if (TouchesRoles(alterations)) RETURN_IF_ERROR(EndVoidWaivers(decision.tx, decision.now));
  for (const ProposedChange& change : proposal.changes()) {
    if (change.yaml().empty()) {
      RETURN_IF_ERROR(DeleteDeclared(context, change.name(), 0).status());
    }
  }
  for (const Manifest& manifest : manifests) {
    RETURN_IF_ERROR(ApplyManifest(context, manifest).status());
  }
  RETURN_IF_ERROR(CheckFillable(decision.tx, before));
  RETURN_IF_ERROR(decision.End(Proposal::STATE_APPLIED, ""));
  return decision.Audit("proposal.apply", {{"approved_by", approvers}});
}

absl::Duration LifeOfVote(const std::vector<Quorum>& quorums) {
  absl::Duration life = kProposalLife;
  for (const Quorum& quorum : quorums) life = std::min(life, quorum.ttl);
  return life;
}

absl::Status PutVote(const Decision& decision) {
  Proposal& proposal = decision.proposal();
  ASSIGN_OR_RETURN(const std::vector<Quorum> asked, QuorumsOf(decision.tx, ReachOf(proposal)));
  const bool reason_required = std::any_of(
      asked.begin(), asked.end(), [](const Quorum& quorum) { return quorum.reason_required; });
  RETURN_IF_ERROR(CheckReason(decision.reason, reason_required));
  auto& votes = *proposal.mutable_votes();
  votes.erase(std::remove_if(votes.begin(), votes.end(),
                             [&](const ProposalVote& vote) {
                               return vote.principal() == decision.meta.principal;
                             }),
              votes.end());
  ProposalVote& vote = *votes.Add();
  vote.set_principal(decision.meta.principal);
  vote.set_reason(decision.reason);
  vote.set_token(decision.meta.token_id);
  vote.set_every_environment(true);  // The API takes no other token.
  *vote.mutable_vote_time() = ToProto(decision.now);
  *vote.mutable_expire_time() = ToProto(decision.now + LifeOfVote(asked));
  RETURN_IF_ERROR(decision.Audit("proposal.approve", {}));
  ASSIGN_OR_RETURN(const Standing standing, ShowStanding(decision.tx, decision.now, &proposal));
  if (proposal.missing().empty()) return Apply(decision, standing);
  return decision.Store();
}

}  // namespace

absl::StatusOr<Proposal> ProposalManager::Get(absl::string_view name, const Rights& rights) {
  ASSIGN_OR_RETURN(const std::string full, NameOfProposal(name));
  StoredProposal stored;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(stored, LoadProposalFor(tx, rights, Verb::kRead, full, clock_.Now()));
    return ShowStanding(tx, clock_.Now(), &stored.proposal).status();
  }));
  return std::move(stored.proposal);
}

absl::StatusOr<Page<Proposal>> ProposalManager::List(bool only_pending, const PageRequest& page,
                                                     const Rights& rights) {
  Page<Proposal> shown;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kProposalKind, page));
    shown.next_token = found.next_token;
    for (const Resource& row : found.items) {
      Proposal proposal;
      if (!proposal.ParseFromString(row.blob)) continue;  // Get says so.
      // First, since it tells who is asked by now, and so may see it.
      RETURN_IF_ERROR(ShowStanding(tx, clock_.Now(), &proposal).status());
      ASSIGN_OR_RETURN(const bool visible, MaySee(tx, rights, proposal));
      if (!visible) continue;
      if (only_pending && proposal.state() != Proposal::STATE_PENDING) continue;
      shown.items.push_back(std::move(proposal));
    }
    return absl::OkStatus();
  }));
  return shown;
}

absl::StatusOr<Proposal> ProposalManager::Approve(const RequestMeta& meta, absl::string_view name,
                                                  const std::string& digest,
                                                  const std::string& reason, const Rights& rights) {
  ASSIGN_OR_RETURN(const std::string full, NameOfProposal(name));
  StoredProposal stored;
  absl::Status refusal;  // What is told, while what is known about it is committed.
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    refusal = absl::OkStatus();
    const Decision decision{tx, meta, reason, clock_.Now(), &stored};
    ASSIGN_OR_RETURN(stored, LoadProposalFor(tx, rights, Verb::kApprove, full, decision.now));
    const bool known =
        std::any_of(stored.proposal.votes().begin(), stored.proposal.votes().end(),
                    [&](const ProposalVote& vote) { return vote.principal() == meta.principal; });
    if (stored.proposal.state() == Proposal::STATE_APPLIED && known) return absl::OkStatus();
    const Proposal::State before = stored.proposal.state();
    RETURN_IF_ERROR(ShowStanding(tx, decision.now, &stored.proposal).status());
    if (stored.proposal.state() != Proposal::STATE_PENDING) {
      refusal = HasEnded(stored.proposal);
      if (before != Proposal::STATE_PENDING) return absl::OkStatus();
      const Proposal::State state = stored.proposal.state();
      const std::string message = stored.proposal.message();
      RETURN_IF_ERROR(decision.End(state, message));
      return decision.Audit("proposal.end", {{"why", std::string(refusal.message())}});
    }
    if (digest != stored.proposal.digest()) {
      return Error(absl::StatusCode::kAborted, "DIGEST_CHANGED",
                   absl::StrCat(full, " has the digest ", stored.proposal.digest(),
                                ", not the one that was approved; look at it: dbfleet proposal "
                                "show ",
                                full));
    }
    refusal = MayApprove(tx, stored.proposal, meta.principal);
    if (!refusal.ok()) {
      return decision.Audit("proposal.approve_refused", {{"why", std::string(refusal.message())}});
    }
    return PutVote(decision);
  }));
  RETURN_IF_ERROR(refusal);
  if (stored.proposal.state() == Proposal::STATE_APPLIED && roles_changed_ != nullptr) {
    roles_changed_();
  }
  return std::move(stored.proposal);
}

absl::StatusOr<Proposal> ProposalManager::Reject(const RequestMeta& meta, absl::string_view name,
                                                 const std::string& reason, const Rights& rights) {
  ASSIGN_OR_RETURN(const std::string full, NameOfProposal(name));
  RETURN_IF_ERROR(CheckReason(reason, true));
  StoredProposal stored;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const Decision decision{tx, meta, reason, clock_.Now(), &stored};
    ASSIGN_OR_RETURN(stored, LoadProposalFor(tx, rights, Verb::kApprove, full, decision.now));
    const std::string words = absl::StrCat("rejected by ", meta.principal, ": ", reason);
    if (stored.proposal.message() == words) return absl::OkStatus();  // A retry.
    RETURN_IF_ERROR(ShowStanding(tx, decision.now, &stored.proposal).status());
    if (stored.proposal.state() != Proposal::STATE_PENDING) return HasEnded(stored.proposal);
    ProposalVote& vote = *stored.proposal.add_votes();
    vote.set_principal(meta.principal);
    vote.set_rejects(true);
    vote.set_reason(reason);
    *vote.mutable_vote_time() = ToProto(decision.now);
    RETURN_IF_ERROR(decision.End(Proposal::STATE_REJECTED, words));
    return decision.Audit("proposal.reject", {});
  }));
  return std::move(stored.proposal);
}

absl::StatusOr<Proposal> ProposalManager::Withdraw(const RequestMeta& meta, absl::string_view name,
                                                   const std::string& reason,
                                                   const Rights& rights) {
  ASSIGN_OR_RETURN(const std::string full, NameOfProposal(name));
  RETURN_IF_ERROR(CheckReason(reason, false));
  StoredProposal stored;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const Decision decision{tx, meta, reason, clock_.Now(), &stored};
    absl::StatusOr<StoredProposal> found = LoadProposal(tx, full);
    const bool own = found.ok() && found->proposal.requester() == meta.principal;
    // What somebody proposed is his, whatever roles he has lost since.
    if (!own) found = LoadProposalFor(tx, rights, Verb::kRead, full, decision.now);
    RETURN_IF_ERROR(found.status());
    stored = *std::move(found);
    Proposal& proposal = stored.proposal;
    if (own && proposal.state() == Proposal::STATE_WITHDRAWN) return absl::OkStatus();
    RETURN_IF_ERROR(ShowStanding(tx, decision.now, &proposal).status());
    if (proposal.state() != Proposal::STATE_PENDING) return HasEnded(proposal);
    if (own) {
      RETURN_IF_ERROR(decision.End(Proposal::STATE_WITHDRAWN, ""));
      return decision.Audit("proposal.withdraw", {});
    }
    auto& votes = *proposal.mutable_votes();
    const auto kept = std::remove_if(votes.begin(), votes.end(), [&](const ProposalVote& vote) {
      return vote.principal() == meta.principal;
    });
    if (kept == votes.end()) return absl::OkStatus();  // There is none: nothing of it counts.
    votes.erase(kept, votes.end());
    RETURN_IF_ERROR(ShowStanding(tx, decision.now, &proposal).status());
    RETURN_IF_ERROR(decision.Store());
    return decision.Audit("proposal.withdraw_approval", {});
  }));
  return std::move(stored.proposal);
}

}  // namespace dbfleet::controller
