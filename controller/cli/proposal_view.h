#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"

#include "controller/cli/commands.h"
#include "controller/cli/shell.h"
#include "dbfleet/resource/v1/proposal.pb.h"

namespace dbfleet::cli {

std::string StateWord(const resource::v1::Proposal& proposal);
// What is proposed, by whom, what is missing and who can approve.
std::string DescribeProposal(const resource::v1::Proposal& proposal);
// How it stands, without the lines that would change.
std::string DescribeStanding(const resource::v1::Proposal& proposal);
Listing ProposalListing(const std::vector<const resource::v1::Proposal*>& proposals);

// Options of a command whose change may become a proposal.
struct ProposalWait {
  bool wait = false;
  absl::Duration timeout = absl::InfiniteDuration();
};
// After waiting for its end, if that is wanted.
absl::StatusOr<resource::v1::Proposal> AwaitProposal(Shell& shell, resource::v1::Proposal proposal,
                                                     const ProposalWait& wait);
// 0 if it was applied, kExitPending if it waits for people, kExitRefused if it was rejected,
// kExitConflict if it is stale, kExitFailed if it ended otherwise.
int ExitCodeOf(const resource::v1::Proposal& proposal);
// The proposal for people; for programs the whole answer that it is a part of. Returns its code.
int PrintProposed(Shell& shell, const google::protobuf::Message& answer,
                  const resource::v1::Proposal& proposal);
int FinishProposal(Shell& shell, resource::v1::Proposal proposal, const ProposalWait& wait);
// The same of an answer (ApplyResourcesResponse, a deleted Resource) that became a proposal: it has
// the same shape, whatever became of it.
template <typename Answer>
int FinishProposed(Shell& shell, Answer answer, const ProposalWait& wait) {
  absl::StatusOr<resource::v1::Proposal> proposal = AwaitProposal(shell, answer.proposal(), wait);
  if (!proposal.ok()) return shell.Fail(proposal.status());
  *answer.mutable_proposal() = *std::move(proposal);
  return PrintProposed(shell, answer, answer.proposal());
}
// --wait and --timeout; `wait` has to live as long as the command.
void AddProposalWait(CLI::App* command, ProposalWait* wait,
                     const char* help = "If it becomes a proposal, wait until that has ended");

}  // namespace dbfleet::cli
