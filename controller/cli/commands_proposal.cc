#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/proposal_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/proposal_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ProposalService;
using resource::v1::Proposal;

constexpr size_t kMinDigestPrefix = 12;

struct Options {
  std::string name;
  std::string digest;
  std::string reason;
  bool all = false;
  ProposalWait wait;
};

absl::StatusOr<Proposal> GetProposal(Shell& shell, const std::string& name) {
  api::v1::GetProposalRequest request;
  request.set_name(FullName("proposals", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ProposalService>(&ProposalService::Stub::GetProposal, request);
}

// The digest that is approved: the proposal's, if it is the one that the approver names or, on a
// terminal, says yes to.
absl::StatusOr<std::string> DigestToApprove(Shell& shell, const Proposal& proposal,
                                            const std::string& given) {
  if (!given.empty()) {
    const std::string wanted = absl::AsciiStrToLower(given);
    if (wanted.size() < kMinDigestPrefix) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_DIGEST",
                   absl::StrCat("--digest wants at least ", kMinDigestPrefix,
                                " hexadecimal digits of the digest that `dbfleet proposal show` "
                                "shows"));
    }
    if (absl::StartsWith(proposal.digest(), wanted)) return proposal.digest();
    return Error(
        absl::StatusCode::kAborted, "STALE_DIGEST",
        absl::StrCat(proposal.name(), " has another digest than ", given,
                     "; look at it again: dbfleet proposal show ", ShortName(proposal.name())));
  }
  const World& world = shell.world();
  if (!world.in_is_terminal || !world.err_is_terminal) {
    return Error(absl::StatusCode::kInvalidArgument, "DIGEST_REQUIRED",
                 "without a terminal to ask on, --digest is needed: approve what you have seen in "
                 "`dbfleet proposal show`");
  }
  shell.err() << DescribeProposal(proposal) << "\nApprove this? Type \"yes\": " << std::flush;
  std::string answer;
  std::getline(*world.in, answer);
  if (absl::StripAsciiWhitespace(answer) == "yes") return proposal.digest();
  return Error(absl::StatusCode::kCancelled, "NOT_CONFIRMED", "nothing was approved");
}

// One person's approval counts once, which an answer alone does not tell.
void TellRenewed(Shell& shell, ApiClient* client, const Proposal& before) {
  const auto self = client->Call<api::v1::UserService>(&api::v1::UserService::Stub::WhoAmI,
                                                       api::v1::WhoAmIRequest());
  if (!self.ok()) return;  // The approval itself went well.
  for (const auto& vote : before.votes()) {
    if (vote.rejects() || vote.principal() != self->name()) continue;
    shell.Note(absl::StrCat("dbfleet: you, ", SanitizeForDisplay(self->name()),
                            ", had approved it already, at ", Show(vote.vote_time()),
                            "; this takes the place of that and counts once"));
  }
}

absl::StatusOr<Proposal> Approve(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const Proposal proposal, GetProposal(shell, options.name));
  api::v1::ApproveProposalRequest request;
  request.set_name(proposal.name());
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(*request.mutable_digest(), DigestToApprove(shell, proposal, options.digest));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(Proposal approved,
                   client->Call<ProposalService>(&ProposalService::Stub::ApproveProposal, request));
  if (!proposal.votes().empty()) TellRenewed(shell, client, proposal);
  return approved;
}

absl::StatusOr<Proposal> Reject(Shell& shell, const Options& options) {
  api::v1::RejectProposalRequest request;
  request.set_name(FullName("proposals", options.name));
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ProposalService>(&ProposalService::Stub::RejectProposal, request);
}

absl::StatusOr<Proposal> Withdraw(Shell& shell, const Options& options) {
  api::v1::WithdrawProposalRequest request;
  request.set_name(FullName("proposals", options.name));
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ProposalService>(&ProposalService::Stub::WithdrawProposal, request);
}

// A decision that was taken is no failure, whatever it was. Who decides has seen the lines.
int ShowDecided(Shell& shell, const absl::StatusOr<Proposal>& proposal) {
  if (!proposal.ok()) return shell.Fail(proposal.status());
  shell.PrintOne(ProposalListing({&*proposal}), DescribeStanding(*proposal));
  return kExitOk;
}

int Show(Shell& shell, const absl::StatusOr<Proposal>& proposal) {
  if (!proposal.ok()) return shell.Fail(proposal.status());
  shell.PrintOne(ProposalListing({&*proposal}), DescribeProposal(*proposal));
  return kExitOk;
}

int RunList(Shell& shell, bool all) {
  api::v1::ListProposalsRequest request;
  request.set_all(all);
  const absl::StatusOr<ApiClient*> client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto found =
      ListAll<ProposalService, Proposal>(*client, &ProposalService::Stub::ListProposals, request,
                                         &api::v1::ListProposalsResponse::proposals, 0);
  if (!found.ok()) return shell.Fail(found.status());
  std::vector<const Proposal*> pointers;
  for (const Proposal& proposal : *found) pointers.push_back(&proposal);
  shell.PrintList(ProposalListing(pointers));
  return kExitOk;
}

void AddApprove(CLI::App& noun, Shell& shell) {
  auto options = std::make_shared<Options>();
  CLI::App* approve =
      AddVerb(noun, "approve", "Approve the proposal that you have seen", shell,
              [&shell, options] { return ShowDecided(shell, Approve(shell, *options)); });
  approve->add_option("NAME", options->name, "The proposal")->required();
  approve->add_option("--digest", options->digest,
                      "The proposal's digest, or its first 12 digits or more; on a terminal it may "
                      "be left out: the proposal is then shown and you are asked");
  AddReason(approve, &options->reason, false);
}

}  // namespace

void AddProposalCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "proposal", "Changes of policies that wait for a quorum");

  auto listed = std::make_shared<Options>();
  CLI::App* list = AddVerb(*noun, "list", "Proposals that wait, the oldest first", shell,
                           [&shell, listed] { return RunList(shell, listed->all); });
  list->add_flag("--all", listed->all, "Also those that have ended");

  auto shown = std::make_shared<Options>();
  CLI::App* show = AddVerb(*noun, "show", "A proposal, what it misses and who can approve it",
                           shell, [&shell, shown] {
                             absl::StatusOr<Proposal> proposal = GetProposal(shell, shown->name);
                             if (!proposal.ok() || !shown->wait.wait) return Show(shell, proposal);
                             return FinishProposal(shell, *std::move(proposal), shown->wait);
                           });
  show->add_option("NAME", shown->name, "The proposal")->required();
  AddProposalWait(show, &shown->wait, "Wait until it has ended");

  AddApprove(*noun, shell);

  auto rejected = std::make_shared<Options>();
  CLI::App* reject =
      AddVerb(*noun, "reject", "Reject a proposal for good", shell,
              [&shell, rejected] { return ShowDecided(shell, Reject(shell, *rejected)); });
  reject->add_option("NAME", rejected->name, "The proposal")->required();
  AddReason(reject, &rejected->reason, true);

  auto withdrawn = std::make_shared<Options>();
  CLI::App* withdraw =
      AddVerb(*noun, "withdraw", "Take back your proposal, or your approval of another's", shell,
              [&shell, withdrawn] { return ShowDecided(shell, Withdraw(shell, *withdrawn)); });
  withdraw->add_option("NAME", withdrawn->name, "The proposal")->required();
  AddReason(withdraw, &withdrawn->reason, false);
}

}  // namespace dbfleet::cli
