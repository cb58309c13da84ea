#include "controller/resources/proposals.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/config/yaml_writer.h"
#include "common/proto_time/proto_time.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/user_rows.h"
#include "controller/resources/access.h"
#include "controller/resources/electorate.h"
#include "controller/resources/view.h"

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

// As whoever proposed it would be let do it now.
absl::Status StillMayChange(ReadTx& tx, const Proposal& proposal,
                            const std::vector<Manifest>& manifests) {
  ASSIGN_OR_RETURN(const Rights rights, RightsOf(tx, proposal.requester()));
  const RequestMeta meta{proposal.requester(), ""};
  const ApplyContext context{tx, nullptr, meta, proposal.reason(), absl::InfinitePast(), rights};
  for (const Manifest& manifest : manifests) RETURN_IF_ERROR(AuthoriseManifest(context, manifest));
  for (const ProposedChange& change : proposal.changes()) {
    if (!change.yaml().empty()) continue;
    ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(change.name()));
    ASSIGN_OR_RETURN(const Resource former, tx.GetResource(change.name()));
    if (!MayChange(rights, *parsed.first, StoredReach(*parsed.first, former))) {
      return HiddenOrMissing(change.name(), VerbToChange(*parsed.first));
    }
  }
  return absl::OkStatus();
}

bool Counts(const ProposalVote& vote, const Proposal& proposal,
            const std::vector<std::string>& dependents, absl::Time now) {
  return !vote.rejects() && vote.every_environment() && vote.principal() != proposal.requester() &&
         std::find(dependents.begin(), dependents.end(), vote.principal()) == dependents.end() &&
         now < FromProto(vote.expire_time());
}

// As this version writes it, or as one did that wrote days in hours.
bool IsTextOf(const Manifest& manifest, const std::string& text) {
  return config::WriteYaml(*manifest.message) == text ||
         config::WriteYaml(*manifest.message, config::DurationStyle::kHours) == text;
}

// What people saw and approve is the text. A version that fills in other defaults would apply
// something else.
absl::Status CheckReadAsProposed(const Proposal& proposal, const std::vector<Manifest>& manifests) {
  auto manifest = manifests.begin();
  for (const ProposedChange& change : proposal.changes()) {
    if (change.yaml().empty()) continue;
    if (manifest != manifests.end() && manifest->id() == change.name() &&
        IsTextOf(*manifest, change.yaml())) {
      ++manifest;
      continue;
    }
    return Error(absl::StatusCode::kInvalidArgument, "READ_OTHERWISE",
                 absl::StrCat("this version reads ", change.name(),
                              " otherwise than it was proposed; propose it anew"));
  }
  return absl::OkStatus();
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

absl::StatusOr<Leave> LeaveBy(ReadTx& tx, const Electorate& electorate, std::vector<Quorum> quorums,
                              const std::string& requester) {
  Leave leave;
  for (Quorum& quorum : quorums) {
    ASSIGN_OR_RETURN(const bool formed, IsFormed(tx, quorum));
    if (formed || electorate.CouldForm(quorum, requester)) {
      leave.quorums.push_back(std::move(quorum));
    } else {
      leave.unformed.push_back(quorum.environment);
    }
  }
  return leave;
}

absl::StatusOr<Leave> MayAlter(ReadTx& read, WriteTx* write,
                               absl::Span<const Alteration> alterations,
                               const std::string& requester, absl::Time now) {
  const bool roles = std::any_of(
      alterations.begin(), alterations.end(),
      [](const Alteration& alteration) { return alteration.kind->kind == kRoleBindingKind; });
  // A binding may take from an approver another role that a policy asks for. While there is one
  // that cannot be read, it is not known who has what.
  if (write != nullptr && roles && !absl::IsDataLoss(ReadRoleBook(read).status())) {
    ASSIGN_OR_RETURN(const EnvironmentFilter touched, TouchedBy(read, alterations));
    RETURN_IF_ERROR(NoteAllFormed(*write, requester, now, touched));
  }
  ASSIGN_OR_RETURN(std::vector<Quorum> quorums, LoosenedBy(read, alterations, now));
  if (quorums.empty()) return Leave();
  ASSIGN_OR_RETURN(const Electorate electorate, Electorate::Read(read));
  for (const Quorum& quorum : quorums) {
    if (write == nullptr) break;
    RETURN_IF_ERROR(NoteFormed(*write, electorate, quorum, requester, now));
  }
  return LeaveBy(read, electorate, std::move(quorums), requester);
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
        RETURN_IF_ERROR(ShowStanding(context.read, context.now, &same.proposal).status());
        return std::move(same.proposal);
      }
    }
    proposal.set_name(absl::StrCat("proposals/", NewUlid(context.now)));
    RETURN_IF_ERROR(StoreProposal(*context.write, context.meta.principal, context.now, &stored));
    RETURN_IF_ERROR(context.write->PutRequestKey(EarlierKey(proposal), proposal.name(),
                                                 context.now + kProposalLife));
    std::vector<std::string> names;
    for (const ProposedChange& change : proposal.changes()) names.push_back(change.name());
    std::map<std::string, std::string> details = {{"changes", absl::StrJoin(names, ", ")},
                                                  {"digest", proposal.digest()}};
    if (!context.reason.empty()) details["reason"] = context.reason;
    if (!context.meta.token_id.empty()) details["token"] = context.meta.token_id;
    AuditEntry entry{context.meta.principal, "proposal.create", proposal.name(), "",
                     std::move(details)};
    NotePlace({ReachOf(proposal)}, &entry);
    RETURN_IF_ERROR(context.write->AppendAudit(entry));
  }
  RETURN_IF_ERROR(ShowStanding(context.read, context.now, &proposal).status());
  return std::move(proposal);
}

std::string NotAskedFor(const std::vector<std::string>& environments) {
  return absl::StrCat("not asked for: there have never been enough approvers for the policy of ",
                      absl::StrJoin(environments, ", "));
}

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

EnvironmentFilter ReachOf(const Proposal& proposal) {
  return EnvironmentFilter::Only({proposal.environments().begin(), proposal.environments().end()});
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
  if (!texts.empty()) {
    ASSIGN_OR_RETURN(const std::vector<Manifest> rest, ParseManifests(texts));
    manifests.insert(manifests.end(), rest.begin(), rest.end());
  }
  RETURN_IF_ERROR(CheckReadAsProposed(proposal, manifests));
  return manifests;
}

absl::StatusOr<std::string> WhyStale(ReadTx& tx, const Proposal& proposal,
                                     const std::vector<Manifest>& manifests, absl::Time now) {
  for (const ProposedChange& change : proposal.changes()) {
    ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(change.name()));
    ASSIGN_OR_RETURN(const uint64_t version, VersionNow(tx, parsed.first, parsed.second));
    if (version == VersionOf(change)) continue;
    return absl::StrCat(change.name(), " was changed meanwhile; propose it anew");
  }
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind != kWindowKind) continue;
    const Window window = WindowOf(manifest).window;
    // That a freeze ended earlier still has an effect: it ends.
    if (window.effect != WindowEffect::kAllow || !window.times.once.has_value() ||
        now < window.times.once->end) {
      continue;
    }
    return absl::StrCat("the only time of ", manifest.id(), " has passed");
  }
  const absl::Status allowed = StillMayChange(tx, proposal, manifests);
  if (allowed.ok()) return std::string();
  if (!absl::IsPermissionDenied(allowed)) return allowed;
  // While a binding cannot be read, nobody is known to have lost anything: it goes on waiting.
  RETURN_IF_ERROR(ReadRoleBook(tx).status());
  return absl::StrCat(proposal.requester(),
                      " has lost the role or the account with which it was proposed; somebody who "
                      "may change it has to propose it anew");
}

absl::StatusOr<Standing> ShowStanding(ReadTx& tx, absl::Time now, Proposal* proposal) {
  proposal->clear_missing();
  proposal->clear_candidates();
  Standing standing;
  if (proposal->state() != Proposal::STATE_PENDING) return standing;
  if (now >= FromProto(proposal->expire_time())) {
    proposal->set_state(Proposal::STATE_EXPIRED);
    return standing;
  }
  const auto end_as_stale = [&](std::string why) {
    proposal->set_state(Proposal::STATE_STALE);
    proposal->set_message(std::move(why));
  };
  const absl::StatusOr<std::vector<Manifest>> manifests = ManifestsOf(*proposal);
  if (absl::IsInvalidArgument(manifests.status())) {  // A later version takes less.
    end_as_stale(absl::StrCat("it cannot be applied any more: ", manifests.status().message()));
    return standing;
  }
  RETURN_IF_ERROR(manifests.status());
  ASSIGN_OR_RETURN(std::string stale, WhyStale(tx, *proposal, *manifests, now));
  if (!stale.empty()) {
    end_as_stale(std::move(stale));
    return standing;
  }
  ASSIGN_OR_RETURN(const std::vector<Alteration> alterations, AlterationsOf(*proposal, *manifests));
  ASSIGN_OR_RETURN(std::vector<Quorum> loosened, LoosenedBy(tx, alterations, now));
  ASSIGN_OR_RETURN(const Electorate electorate, Electorate::Read(tx));
  ASSIGN_OR_RETURN(const Leave leave,
                   LeaveBy(tx, electorate, std::move(loosened), proposal->requester()));
  ASSIGN_OR_RETURN(const std::vector<std::string> dependents,
                   DependentPrincipals(tx, proposal->requester()));
  standing.unasked = leave.unformed;
  std::set<std::string> candidates, counted;
  for (const Quorum& quorum : leave.quorums) {
    // Its quorum may have been formed since: its approvers have to be let vote.
    auto& asked = *proposal->mutable_environments();
    if (std::find(asked.begin(), asked.end(), quorum.environment) == asked.end()) {
      *asked.Add() = quorum.environment;
    }
    OpenQuorum open{quorum.approvals, quorum.policies, {}};
    std::vector<Voter> others;
    for (const Voter& approver : electorate.ApproversIn(quorum.environment)) {
      const auto vote = std::find_if(
          proposal->votes().begin(), proposal->votes().end(),
          [&](const ProposalVote& one) { return one.principal() == approver.principal; });
      bool counts = vote != proposal->votes().end() && Counts(*vote, *proposal, dependents, now);
      if (counts) {
        ASSIGN_OR_RETURN(const bool revoked, IsRevoked(tx, vote->token()));
        counts = !revoked;
      }
      if (counts) {
        open.voters.push_back(approver);
        counted.insert(approver.principal);
      } else if (approver.principal != proposal->requester() &&
                 std::find(dependents.begin(), dependents.end(), approver.principal) ==
                     dependents.end()) {
        others.push_back(approver);
      }
    }
    for (const Voter& other : others) {
      if (FillsPlace(open, other)) candidates.insert(other.principal);
    }
    const auto openings = electorate.WhoCan(open, others, quorum.environment);
    // No approval helps against that.
    if (!quorum.unreadable.empty()) proposal->add_missing(quorum.unreadable);
    for (std::string& missing : Missing(quorum, open.voters)) {
      for (const Electorate::Opening& opening : openings) {
        if (!absl::StartsWith(missing, absl::StrCat("approvalpolicies/", opening.policy,
                                                    ": requirement ", opening.requirement, ":"))) {
          continue;
        }
        absl::StrAppend(&missing, "; who can: ", opening.who_can);
      }
      proposal->add_missing(std::move(missing));
    }
  }
  standing.approvers.assign(counted.begin(), counted.end());
  if (proposal->missing().empty()) return standing;
  for (const std::string& candidate : candidates) proposal->add_candidates(candidate);
  return standing;
}

}  // namespace dbfleet::controller
