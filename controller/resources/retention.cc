#include "controller/resources/retention.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/transitions.h"
#include "controller/resources/access.h"
#include "controller/resources/break_glass.h"
#include "controller/resources/proposals.h"

namespace dbfleet::controller {
namespace {

using resource::v1::BrokenGlass;
using resource::v1::GlassEpisode;
using resource::v1::Proposal;

constexpr char kActor[] = "system/controller";
constexpr size_t kAtOnce = 100;

struct Found {
  std::vector<std::string> ended;  // Proposals that are pending only by what is stored.
  std::vector<Resource> old;
};

absl::Status Look(ReadTx& tx, const Resource& row, const Proposal& proposal, absl::Time now,
                  Found* found) {
  if (proposal.state() != Proposal::STATE_PENDING) {
    if (FromProto(proposal.end_time()) + kKeptDecided <= now) found->old.push_back(row);
    return absl::OkStatus();
  }
  Proposal standing = proposal;
  RETURN_IF_ERROR(ShowStanding(tx, now, &standing).status());
  if (standing.state() != Proposal::STATE_PENDING) found->ended.push_back(row.id);
  return absl::OkStatus();
}

// Reviewed, all of it and long ago, for a job that has ended.
absl::StatusOr<bool> IsOld(ReadTx& tx, const BrokenGlass& glass, absl::Time now) {
  const bool reviewed = std::all_of(glass.episodes().begin(), glass.episodes().end(),
                                    [&](const GlassEpisode& episode) {
                                      return !episode.reviewer().empty() &&
                                             FromProto(episode.review_time()) + kKeptDecided <= now;
                                    });
  if (!reviewed) return false;
  const absl::StatusOr<Job> job = tx.GetJob(glass.job().substr(glass.job().find('/') + 1));
  if (absl::IsNotFound(job.status())) return true;
  RETURN_IF_ERROR(job.status());
  return IsTerminal(job->state);
}

// One row that cannot be judged, because it or what it hangs on cannot be read, keeps no other from
// being tidied up.
template <typename Fn>
absl::Status ForEach(ReadTx& tx, absl::string_view kind, const Fn& fn) {
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kind, page));
    for (const Resource& row : found.items) {
      const absl::Status status = fn(row);
      if (status.ok()) continue;
      log::Error("it cannot be told whether this is over, or old; left as it is",
                 {{"row", row.id}, {"error", std::string(status.message())}});
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return absl::OkStatus();
}

absl::StatusOr<Found> LookForAll(ReadTx& tx, absl::Time now) {
  Found found;
  RETURN_IF_ERROR(ForEach(tx, kProposalKind, [&](const Resource& row) {
    Proposal proposal;
    // One that cannot be read is left for somebody to look at.
    return proposal.ParseFromString(row.blob) ? Look(tx, row, proposal, now, &found)
                                              : absl::OkStatus();
  }));
  RETURN_IF_ERROR(ForEach(tx, kBrokenGlassKind, [&](const Resource& row) -> absl::Status {
    BrokenGlass glass;
    if (!glass.ParseFromString(row.blob)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const bool old, IsOld(tx, glass, now));
    if (old) found.old.push_back(row);
    return absl::OkStatus();
  }));
  return found;
}

absl::Status EndOne(WriteTx& tx, const std::string& name, absl::Time now) {
  ASSIGN_OR_RETURN(StoredProposal stored, LoadProposal(tx, name));
  Proposal& proposal = stored.proposal;
  if (proposal.state() != Proposal::STATE_PENDING) return absl::OkStatus();
  RETURN_IF_ERROR(ShowStanding(tx, now, &proposal).status());
  if (proposal.state() == Proposal::STATE_PENDING) return absl::OkStatus();
  *proposal.mutable_end_time() = ToProto(now);
  RETURN_IF_ERROR(StoreProposal(tx, kActor, now, &stored));
  AuditEntry entry{
      kActor,
      "proposal.end",
      name,
      "",
      {{"digest", proposal.digest()},
       {"why", proposal.message().empty() ? "it was not approved in time" : proposal.message()}}};
  NotePlace({ReachOf(proposal)}, &entry);
  return tx.AppendAudit(entry);
}

}  // namespace

absl::StatusOr<bool> TidyDecisions(Store& store, absl::Time now) {
  Found found;
  RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(found, LookForAll(tx, now));
    return absl::OkStatus();
  }));
  const bool more = found.ended.size() > kAtOnce || found.old.size() > kAtOnce;
  found.ended.resize(std::min(found.ended.size(), kAtOnce));
  found.old.resize(std::min(found.old.size(), kAtOnce));
  if (found.ended.empty() && found.old.empty()) return false;
  RETURN_IF_ERROR(store.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    for (const std::string& name : found.ended) RETURN_IF_ERROR(EndOne(tx, name, now));
    for (const Resource& row : found.old) {
      const absl::Status status = tx.DeleteResource(row);
      // Somebody changed it meanwhile: it is not old.
      if (!status.ok() && !absl::IsAborted(status)) return status;
    }
    return absl::OkStatus();
  }));
  return more;
}

}  // namespace dbfleet::controller
