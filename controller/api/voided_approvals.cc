#include "controller/api/voided_approvals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/resources/proposals.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostNamed = 100;
constexpr int kPage = 1000;

bool IsApprovedWith(const Job& job, const std::string& token_id) {
  return std::any_of(job.approvals.begin(), job.approvals.end(), [&](const Approval& approval) {
    return approval.approved && approval.token == token_id && approval.digest == job.digest;
  });
}

bool IsApprovedWith(const resource::v1::Proposal& proposal, const std::string& token_id) {
  return proposal.state() == resource::v1::Proposal::STATE_PENDING &&
         std::any_of(proposal.votes().begin(), proposal.votes().end(),
                     [&](const auto& vote) { return !vote.rejects() && vote.token() == token_id; });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ApprovedWith(ReadTx& tx, const std::string& token_id) {
  std::vector<std::string> names;
  for (const JobState state :
       {JobState::kAwaitingApproval, JobState::kReady, JobState::kPaused, JobState::kRolling}) {
    PageRequest page{kPage, ""};
    do {
      ASSIGN_OR_RETURN(const Page<Job> found,
                       tx.ListJobs({EnvironmentFilter(), JobKind::kMigrate, state}, page));
      for (const Job& job : found.items) {
        if (IsApprovedWith(job, token_id)) names.push_back(absl::StrCat("jobs/", job.id));
      }
      page.token = found.next_token;
    } while (!page.token.empty() && names.size() < kMostNamed);
  }
  PageRequest page{kPage, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kProposalKind, page));
    for (const Resource& row : found.items) {
      resource::v1::Proposal proposal;
      if (!proposal.ParseFromString(row.blob)) continue;  // It counts for nobody.
      if (IsApprovedWith(proposal, token_id)) names.push_back(proposal.name());
    }
    page.token = found.next_token;
  } while (!page.token.empty() && names.size() < kMostNamed);
  if (names.size() > kMostNamed) names.resize(kMostNamed);
  return names;
}

}  // namespace dbfleet::controller
