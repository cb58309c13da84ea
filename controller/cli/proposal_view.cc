#include "controller/cli/proposal_view.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/concurrency/sleep.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/proposal_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ProposalService;
using resource::v1::Proposal;

constexpr absl::Duration kPoll = absl::Seconds(1);

std::string Clean(const std::string& text) { return SanitizeForDisplay(text); }

std::string Names(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return Clean(absl::StrJoin(names, ", "));
}

// Nobody can approve it: who would have to be there, and how somebody comes to be that.
std::string WayOut(const Proposal& proposal) {
  // A requirement is not filled by whatever approver: its own words say who could.
  const auto any_approver = [](const std::string& missing) {
    return absl::StartsWith(missing, "environments/");
  };
  if (std::none_of(proposal.missing().begin(), proposal.missing().end(), any_approver)) {
    return "nobody that is there now; see what is missing";
  }
  const std::string where = Names(proposal.environments());
  const std::string requester = Clean(proposal.requester());
  return absl::StrCat(
      "nobody that is there now. It takes a person with the role approver in ", where,
      " who neither proposed it, as ", requester, " did, nor has an account, role or token from ",
      requester, ". An admin who is not ", requester,
      " can make one (dbfleet user create NAME --role approver) or apply a RoleBinding that gives "
      "somebody the role approver in ",
      where);
}

// Of what it changes: it has been done, would be, or never was.
absl::string_view Tense(const Proposal& proposal) {
  switch (proposal.state()) {
    case Proposal::STATE_APPLIED:
      return " was ";
    case Proposal::STATE_PENDING:
    case Proposal::STATE_UNSPECIFIED:
      return " would be ";
    default:
      return " would have been ";
  }
}

std::string Describe(const Proposal& proposal, bool with_lines) {
  std::string out = absl::StrCat(
      proposal.name().empty() ? "A proposal" : Clean(proposal.name()), " (", StateWord(proposal),
      ") by ", Clean(proposal.requester()),
      proposal.reason().empty() ? "" : absl::StrCat(": ", Clean(proposal.reason())), "\n");
  for (const auto& change : proposal.changes()) {
    absl::StrAppend(&out, with_lines ? "\n" : "  ", Clean(change.name()), Tense(proposal),
                    change.yaml().empty()   ? "deleted\n"
                    : change.etag().empty() ? "created\n"
                                            : "updated\n");
    if (!with_lines) continue;
    for (const std::string& line : change.diff()) absl::StrAppend(&out, "  ", Clean(line), "\n");
  }
  absl::StrAppend(&out, with_lines ? "\n" : "", "It loosens the policy of ",
                  Names(proposal.environments()), ".\n");
  if (!proposal.message().empty()) absl::StrAppend(&out, Clean(proposal.message()), "\n");
  for (const auto& vote : proposal.votes()) {
    absl::StrAppend(&out, vote.rejects() ? "Rejected by " : "Approved by ", Clean(vote.principal()),
                    " at ", Show(vote.vote_time()),
                    vote.reason().empty() ? "" : absl::StrCat(": ", Clean(vote.reason())), "\n");
  }
  for (const std::string& missing : proposal.missing()) {
    absl::StrAppend(&out, "Missing: ", Clean(missing), "\n");
  }
  if (proposal.state() == Proposal::STATE_PENDING) {
    absl::StrAppend(&out, "Who can approve: ",
                    proposal.candidates().empty() ? WayOut(proposal) : Names(proposal.candidates()),
                    "\n");
    if (!proposal.name().empty()) {
      absl::StrAppend(&out, "Until ", Show(proposal.expire_time()), ": dbfleet proposal approve ",
                      Clean(ShortName(proposal.name())), " --digest ",
                      Clean(proposal.digest().substr(0, 12)), " --reason REASON\n");
    }
  }
  return out;
}

}  // namespace

std::string StateWord(const Proposal& proposal) { return Word(proposal.state()); }

std::string DescribeProposal(const Proposal& proposal) { return Describe(proposal, true); }
std::string DescribeStanding(const Proposal& proposal) { return Describe(proposal, false); }

Listing ProposalListing(const std::vector<const Proposal*>& proposals) {
  Listing listing;
  listing.columns = {IdentityColumn("NAME"),
                     {"STATE"},
                     {"BY"},
                     TextColumn("CHANGES"),
                     TextColumn("MISSING"),
                     TextColumn("ENVIRONMENTS"),
                     {"CREATED", true}};
  for (const Proposal* p : proposals) {
    std::vector<std::string> changes;
    for (const auto& change : p->changes()) changes.push_back(change.name());
    listing.items.push_back({p,
                             p->name(),
                             {ShortName(p->name()), StateWord(*p), p->requester(),
                              absl::StrJoin(changes, ","), absl::StrJoin(p->missing(), "; "),
                              absl::StrJoin(p->environments(), ","), Show(p->create_time())}});
  }
  return listing;
}

void AddProposalWait(CLI::App* command, ProposalWait* wait, const char* help) {
  CLI::Option* const waits = command->add_flag("--wait,-w", wait->wait, help);
  AddDuration(command, "--timeout", &wait->timeout, "Stop waiting after this time (exit code 9)")
      ->needs(waits);
}

absl::StatusOr<Proposal> AwaitProposal(Shell& shell, Proposal proposal, const ProposalWait& wait) {
  Clock& clock = *shell.world().clock;
  const absl::Time until = clock.Now() + wait.timeout;
  if (wait.wait && proposal.state() == Proposal::STATE_PENDING) {
    shell.Note(DescribeProposal(proposal));
  }
  while (wait.wait && proposal.state() == Proposal::STATE_PENDING) {
    if (clock.Now() >= until) {
      return Error(absl::StatusCode::kDeadlineExceeded, "WAIT_TIMED_OUT",
                   absl::StrCat("the wait timed out; ", proposal.name(),
                                " is still pending: ", absl::StrJoin(proposal.missing(), "; ")));
    }
    SleepFor(clock, kPoll);
    ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
    api::v1::GetProposalRequest request;
    request.set_name(proposal.name());
    ASSIGN_OR_RETURN(proposal,
                     client->Call<ProposalService>(&ProposalService::Stub::GetProposal, request));
  }
  return proposal;
}

int ExitCodeOf(const Proposal& proposal) {
  switch (proposal.state()) {
    case Proposal::STATE_APPLIED:
      return kExitOk;
    case Proposal::STATE_PENDING:
      return kExitPending;
    case Proposal::STATE_REJECTED:
      return kExitRefused;
    case Proposal::STATE_STALE:
      return kExitConflict;
    default:
      return kExitFailed;
  }
}

int PrintProposed(Shell& shell, const google::protobuf::Message& answer, const Proposal& proposal) {
  Listing listing = ProposalListing({&proposal});
  listing.items.front().message = &answer;
  shell.PrintOne(listing, DescribeProposal(proposal));
  return ExitCodeOf(proposal);
}

int FinishProposal(Shell& shell, Proposal proposal, const ProposalWait& wait) {
  const absl::StatusOr<Proposal> last = AwaitProposal(shell, std::move(proposal), wait);
  return last.ok() ? PrintProposed(shell, *last, *last) : shell.Fail(last.status());
}

}  // namespace dbfleet::cli
