#include "controller/resources/proposals.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"

namespace dbfleet::controller {
namespace {

using resource::v1::Proposal;
using resource::v1::ProposalVote;
using resource::v1::ProposedChange;

std::string DigestOf(const Proposal& proposal) {
  CanonicalWriter writer("dbfleet.proposal.v1");
  writer.Text(proposal.requester()).Begin(proposal.changes_size());
  for (const ProposedChange& change : proposal.changes()) {
    writer.Text(change.name()).Text(change.yaml()).Text(change.etag());
  }
  return Sha256Hex(writer.bytes());
}

std::string EarlierKey(const Proposal& proposal) {
  return absl::StrCat("proposal ", proposal.digest());
}

uint64_t VersionOf(const ProposedChange& change) {
  uint64_t version = 0;
  (void)absl::SimpleAtoi(change.etag(), &version);
  return version;
}

// Of a proposal that was stored: what it would alter.
absl::StatusOr<std::vector<Alteration>> AlterationsOf(const Proposal& proposal,
                                                      const std::vector<Manifest>& manifests) {
  std::vector<Alteration> alterations;
  for (const ProposedChange& change : proposal.changes()) {
    ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(change.name()));
    Alteration alteration{parsed.first, parsed.second, nullptr};
    for (const Manifest& manifest : manifests) {
      if (manifest.id() == change.name()) alteration.manifest = &manifest;
    }
    alterations.push_back(alteration);
  }
  return alterations;
}

bool Counts(const ProposalVote& vote, const Proposal& proposal,
            const std::vector<std::string>& dependents, absl::Time now) {
  return !vote.rejects() && vote.principal() != proposal.requester() &&
         std::find(dependents.begin(), dependents.end(), vote.principal()) == dependents.end() &&
         now < FromProto(vote.expire_time());
}

}  // namespace

absl::StatusOr<uint64_t> VersionNow(ReadTx& tx, const ResourceKind* kind, const std::string& name) {
  if (kind->kind == kEnvironmentKind) {
    const absl::StatusOr<Environment> found = tx.GetEnvironment(name);
    if (absl::IsNotFound(found.status())) return uint64_t{0};
    RETURN_IF_ERROR(found.status());
    return found->version;
  }
  const absl::StatusOr<Resource> found = tx.GetResource(absl::StrCat(kind->collection, "/", name));
  if (absl::IsNotFound(found.status())) return uint64_t{0};
  RETURN_IF_ERROR(found.status());
  return found->version;
}

absl::StatusOr<StoredProposal> LoadProposal(ReadTx& tx, const std::string& name) {
  StoredProposal stored;
  absl::StatusOr<Resource> row = tx.GetResource(name);
  if (absl::IsNotFound(row.status()) || (row.ok() && row->kind != kProposalKind)) {
    return Error(absl::StatusCode::kNotFound, "PROPOSAL_NOT_FOUND",
                 absl::StrCat("there is no ", name, "; see: dbfleet proposal list"));
  }
  RETURN_IF_ERROR(row.status());
  stored.row = *std::move(row);
  if (stored.proposal.ParseFromString(stored.row.blob)) return stored;
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               absl::StrCat("the stored ", name, " cannot be read"));
}

absl::Status StoreProposal(WriteTx& tx, absl::string_view editor, absl::Time now,
                           StoredProposal* stored) {
  Resource& row = stored->row;
  Proposal kept = stored->proposal;
  kept.clear_missing();
  kept.clear_candidates();
  row.blob = kept.SerializeAsString();
  row.editor = std::string(editor);
  row.update_time = now;
  if (row.version != 0) return tx.UpdateResource(&row);
  row.id = stored->proposal.name();
  row.kind = std::string(kProposalKind);
  row.creator = row.editor;
  row.create_time = now;
  return tx.InsertResource(&row);
}

absl::StatusOr<Leave> MayAlter(ReadTx& read, WriteTx* write,
                               absl::Span<const Alteration> alterations,
                               const std::string& requester, absl::Time now) {
  Leave leave;
  const bool roles = std::any_of(
      alterations.begin(), alterations.end(),
      [](const Alteration& alteration) { return alteration.kind->kind == kRoleBindingKind; });
  // A binding may take from an approver another role that a policy asks for. While there is one
  // that cannot be read, it is not known who has what.
  if (write != nullptr && roles && !absl::IsDataLoss(ReadRoleBook(read).status())) {
    RETURN_IF_ERROR(NoteAllFormed(*write, requester, now));
  }
  ASSIGN_OR_RETURN(std::vector<Quorum> quorums, LoosenedBy(read, alterations, now));
  for (Quorum& quorum : quorums) {
    if (write != nullptr) RETURN_IF_ERROR(NoteFormed(*write, quorum, requester, now));
    ASSIGN_OR_RETURN(bool formed, IsFormed(read, quorum));
    if (write == nullptr && !formed) {
      ASSIGN_OR_RETURN(formed, CouldBeFormed(read, quorum, requester));
    }
    if (formed) {
      leave.quorums.push_back(std::move(quorum));
    } else {
      leave.unformed.push_back(quorum.environment);
    }
  }
  return leave;
}

absl::StatusOr<Proposal> Propose(const ApplyContext& context, std::vector<ProposedChange> changes,
                                 const Leave& leave) {
  StoredProposal stored;
  Proposal& proposal = stored.proposal;
  proposal.set_state(Proposal::STATE_PENDING);
  proposal.set_requester(context.meta.principal);
  proposal.set_reason(context.reason);
  *proposal.mutable_create_time() = ToProto(context.now);
  *proposal.mutable_expire_time() = ToProto(context.now + kProposalLife);
  for (ProposedChange& change : changes) *proposal.add_changes() = std::move(change);
  proposal.set_digest(DigestOf(proposal));
  for (const Quorum& quorum : leave.quorums) proposal.add_environments(quorum.environment);
  if (context.write != nullptr) {
    ASSIGN_OR_RETURN(const std::string earlier,
                     context.read.GetRequestKey(EarlierKey(proposal), context.now));
    if (!earlier.empty()) {
      ASSIGN_OR_RETURN(StoredProposal same, LoadProposal(context.read, earlier));
      if (same.proposal.state() == Proposal::STATE_PENDING) {
        RETURN_IF_ERROR(ShowStanding(context.read, context.now, &same.proposal));
        return std::move(same.proposal);
      }
    }
    proposal.set_name(absl::StrCat("proposals/", NewUlid(context.now)));
    RETURN_IF_ERROR(StoreProposal(*context.write, context.meta.principal, context.now, &stored));
    RETURN_IF_ERROR(context.write->PutRequestKey(EarlierKey(proposal), proposal.name(),
                                                 context.now + kProposalLife));
    std::vector<std::string> names;
    for (const ProposedChange& change : proposal.changes()) names.push_back(change.name());
    std::map<std::string, std::string> details = {
        {"changes", absl::StrJoin(names, ", ")},
        {"digest", proposal.digest()},
        {"environments", absl::StrJoin(proposal.environments(), ", ")}};
    if (!context.reason.empty()) details["reason"] = context.reason;
    if (!context.meta.token_id.empty()) details["token"] = context.meta.token_id;
    RETURN_IF_ERROR(
        context.write->AppendAudit({context.meta.principal, "proposal.create", proposal.name(),
                                    proposal.environments(0), std::move(details)}));
  }
  RETURN_IF_ERROR(ShowStanding(context.read, context.now, &proposal));
  return std::move(proposal);
}

absl::StatusOr<std::vector<Manifest>> ManifestsOf(const Proposal& proposal) {
  std::vector<ManifestText> texts;
  std::vector<Manifest> manifests;
  for (const ProposedChange& change : proposal.changes()) {
    if (!change.yaml().empty()) {
      texts.push_back({change.name(), change.yaml(), VersionOf(change)});
    }
    // There may be more of them than files in one request.
    if (texts.size() < kMostManifestTexts) continue;
    ASSIGN_OR_RETURN(const std::vector<Manifest> some, ParseManifests(texts));
    manifests.insert(manifests.end(), some.begin(), some.end());
    texts.clear();
  }
  if (texts.empty()) return manifests;
  ASSIGN_OR_RETURN(const std::vector<Manifest> rest, ParseManifests(texts));
  manifests.insert(manifests.end(), rest.begin(), rest.end());
  return manifests;
}

absl::StatusOr<std::string> WhyStale(ReadTx& tx, const Proposal& proposal) {
  for (const ProposedChange& change : proposal.changes()) {
    ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(change.name()));
    ASSIGN_OR_RETURN(const uint64_t now, VersionNow(tx, parsed.first, parsed.second));
    if (now == VersionOf(change)) continue;
    return absl::StrCat(change.name(), " was changed meanwhile; propose it anew");
  }
  return std::string();
}

absl::Status ShowStanding(ReadTx& tx, absl::Time now, Proposal* proposal) {
  proposal->clear_missing();
  proposal->clear_candidates();
  if (proposal->state() != Proposal::STATE_PENDING) return absl::OkStatus();
  if (now >= FromProto(proposal->expire_time())) {
    proposal->set_state(Proposal::STATE_EXPIRED);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string stale, WhyStale(tx, *proposal));
  if (!stale.empty()) {
    proposal->set_state(Proposal::STATE_STALE);
    proposal->set_message(stale);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<Manifest> manifests, ManifestsOf(*proposal));
  ASSIGN_OR_RETURN(const std::vector<Alteration> alterations, AlterationsOf(*proposal, manifests));
  ASSIGN_OR_RETURN(const std::vector<Quorum> quorums, LoosenedBy(tx, alterations, now));
  ASSIGN_OR_RETURN(const std::vector<std::string> dependents,
                   DependentPrincipals(tx, proposal->requester()));
  std::set<std::string> candidates;
  for (const Quorum& quorum : quorums) {
    ASSIGN_OR_RETURN(const std::vector<Voter> approvers, ApproversIn(tx, quorum.environment));
    std::vector<Voter> voters;
    for (const Voter& approver : approvers) {
      const auto vote = std::find_if(
          proposal->votes().begin(), proposal->votes().end(),
          [&](const ProposalVote& one) { return one.principal() == approver.principal; });
      if (vote != proposal->votes().end() && Counts(*vote, *proposal, dependents, now)) {
        voters.push_back(approver);
      } else if (approver.principal != proposal->requester() &&
                 std::find(dependents.begin(), dependents.end(), approver.principal) ==
                     dependents.end()) {
        candidates.insert(approver.principal);
      }
    }
    for (const std::string& missing : Missing(quorum, voters)) proposal->add_missing(missing);
  }
  if (proposal->missing().empty()) return absl::OkStatus();
  for (const std::string& candidate : candidates) proposal->add_candidates(candidate);
  return absl::OkStatus();
}

absl::StatusOr<std::set<std::string>> FillableQuorums(ReadTx& tx) {
  std::set<std::string> fillable;
  ASSIGN_OR_RETURN(const std::vector<Quorum> quorums, AllQuorums(tx));
  for (const Quorum& quorum : quorums) {
    ASSIGN_OR_RETURN(const bool could, CouldBeFormed(tx, quorum, ""));
    if (could) fillable.insert(quorum.environment);
  }
  return fillable;
}

absl::Status CheckFillable(ReadTx& tx, const std::set<std::string>& before) {
  if (before.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Quorum> after, AllQuorums(tx));
  for (const Quorum& quorum : after) {
    if (before.count(quorum.environment) == 0) continue;
    ASSIGN_OR_RETURN(const std::vector<Voter> voters, ApproversIn(tx, quorum.environment));
    const std::vector<std::string> missing = Missing(quorum, voters);
    if (missing.empty()) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "QUORUM_UNFILLABLE",
                 absl::StrCat("there are not the people for it: ", absl::StrJoin(missing, "; "),
                              "; nobody could approve anything in ", quorum.environment,
                              " or change its policy back. Make more approvers first"));
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
