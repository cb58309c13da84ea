#pragma once

#include <string>

#include "absl/time/time.h"

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
// Prints it, after waiting for its end if that is wanted. 0 if it was applied, kExitPending if it
// waits for people, kExitFailed if it ended otherwise.
int FinishProposal(Shell& shell, resource::v1::Proposal proposal, const ProposalWait& wait);
// --wait and --timeout; `wait` has to live as long as the command.
void AddProposalWait(CLI::App* command, ProposalWait* wait,
                     const char* help = "If it becomes a proposal, wait until that has ended");

}  // namespace dbfleet::cli
