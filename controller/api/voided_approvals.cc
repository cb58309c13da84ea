#include "controller/api/voided_approvals.h"

#include <algorithm>
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/resources/proposals.h"
#include "controller/resources/waiver.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostNamed = 100;
constexpr int kPage = 1000;

// Of an approval, or of whoever waived something.
using IsOne = std::function<bool(const std::string& principal, const std::string& token)>;

bool IsApproved(const Job& job, const IsOne& is_one) {
  return std::any_of(job.approvals.begin(), job.approvals.end(), [&](const Approval& approval) {
    return approval.approved && approval.digest == job.digest &&
           is_one(approval.principal, approval.token);
  });
}

bool IsApproved(const resource::v1::Proposal& proposal, const IsOne& is_one) {
  return proposal.state() == resource::v1::Proposal::STATE_PENDING &&
         std::any_of(proposal.votes().begin(), proposal.votes().end(), [&](const auto& vote) {
           return !vote.rejects() && is_one(vote.principal(), vote.token());
         });
}

absl::Status AddChanges(ReadTx& tx, const IsOne& is_one, std::vector<std::string>* names) {
  for (const JobState state :
       {JobState::kAwaitingApproval, JobState::kReady, JobState::kPaused, JobState::kRolling}) {
    PageRequest page{kPage, ""};
    do {
      ASSIGN_OR_RETURN(const Page<Job> found,
                       tx.ListJobs({EnvironmentFilter(), JobKind::kMigrate, state}, page));
      for (const Job& job : found.items) {
        if (IsApproved(job, is_one)) names->push_back(absl::StrCat("jobs/", job.id));
      }
      page.token = found.next_token;
    } while (!page.token.empty() && names->size() < kMostNamed);
  }
  return absl::OkStatus();
}

absl::Status AddProposals(ReadTx& tx, const IsOne& is_one, std::vector<std::string>* names) {
  PageRequest page{kPage, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kProposalKind, page));
    for (const Resource& row : found.items) {
      resource::v1::Proposal proposal;
      if (!proposal.ParseFromString(row.blob)) continue;  // It counts for nobody.
      if (IsApproved(proposal, is_one)) names->push_back(proposal.name());
    }
    page.token = found.next_token;
  } while (!page.token.empty() && names->size() < kMostNamed);
  return absl::OkStatus();
}

absl::StatusOr<Voided> VoidedWith(ReadTx& tx, const IsOne& is_one, absl::Time now) {
  Voided voided;
  RETURN_IF_ERROR(AddChanges(tx, is_one, &voided.approvals));
  RETURN_IF_ERROR(AddProposals(tx, is_one, &voided.approvals));
  ASSIGN_OR_RETURN(
      voided.waivers,
      ChangesWithWaivers(tx, now, [&](const std::string&, const resource::v1::GlassEpisode& last) {
        return is_one(last.principal(), last.token());
      }));
  for (std::vector<std::string>* names : {&voided.approvals, &voided.waivers}) {
    if (names->size() > kMostNamed) names->resize(kMostNamed);
  }
  return voided;
}

}  // namespace

absl::StatusOr<Voided> VoidedWithTokens(ReadTx& tx, const std::set<std::string>& token_ids,
                                        absl::Time now) {
  const auto with = [&](const std::string&, const std::string& token) {
    return token_ids.contains(token);
  };
  return VoidedWith(tx, with, now);
}

absl::StatusOr<Voided> VoidedWithUser(ReadTx& tx, const std::string& principal, absl::Time now) {
  const auto by = [&](const std::string& who, const std::string&) { return who == principal; };
  return VoidedWith(tx, by, now);
}

}  // namespace dbfleet::controller
