#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/json.h"
#include "controller/cli/rule_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/event_rule_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::EventRule;
using api::v1::EventRuleService;
using api::v1::JobProposal;
using api::v1::ListEventRulesRequest;
using api::v1::ListEventRulesResponse;
using api::v1::ListJobProposalsRequest;
using api::v1::ListJobProposalsResponse;

constexpr char kProposals[] = "jobproposals";

template <typename Names>
std::string Listed(const Names& names, absl::string_view none) {
  return names.empty() ? std::string(none) : absl::StrJoin(names, ", ");
}

Listing RuleListing(const std::vector<const EventRule*>& rules) {
  Listing listing;
  listing.columns = {IdentityColumn("NAME"),
                     {"MODE"},
                     {"WAITING"},
                     {"LAST 24H"},
                     {"LAST"},
                     TextColumn("TRIGGERS"),
                     TextColumn("ENVIRONMENTS"),
                     TextColumn("PROBLEM")};
  for (const EventRule* const rule : rules) {
    listing.items.push_back(
        {rule,
         rule->name(),
         {ShortName(rule->name()), rule->suspended() ? "suspended" : rule->mode(),
          rule->waiting() == 100 ? "100 or more" : absl::StrCat(rule->waiting()),
          absl::StrCat(rule->last_day()),
          rule->has_last_proposal_time() ? Show(rule->last_proposal_time()) : "",
          Listed(rule->triggers(), ""), Listed(rule->environments(), "all"), rule->problem()}});
  }
  return listing;
}

Listing ProposalListing(const std::vector<const JobProposal*>& proposals) {
  Listing listing;
  listing.columns = {IdentityColumn("ID"),
                     {"STATE"},
                     {"INSTANCE"},
                     {"ACTION"},
                     {"JOB"},
                     TextColumn("CAUSE"),
                     TextColumn("MESSAGE"),
                     {"RULE", true},
                     {"ENVIRONMENT", true},
                     {"MADE", true},
                     {"EXPIRES", true},
                     {"BY", true}};
  for (const JobProposal* const p : proposals) {
    const std::string job = p->job().empty() ? "" : ShortName(p->job());
    listing.items.push_back(
        {p,
         p->name(),
         {ShortName(p->name()), Word(p->state()), ShortName(p->instance()), p->action(),
          absl::StrCat(job, p->job_state().empty() ? "" : absl::StrCat(" ", p->job_state())),
          p->cause(), p->message(), ShortName(p->rule()), p->environment(), Show(p->create_time()),
          p->has_expire_time() ? Show(p->expire_time()) : "", p->decider()}});
  }
  return listing;
}

int RunList(Shell& shell) {
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto found = ListAll<EventRuleService, EventRule>(
      *client, &EventRuleService::Stub::ListEventRules, ListEventRulesRequest(),
      &ListEventRulesResponse::event_rules, 0);
  if (!found.ok()) return shell.Fail(found.status());
  std::vector<const EventRule*> shown;
  for (const EventRule& rule : *found) shown.push_back(&rule);
  shell.PrintList(RuleListing(shown));
  return kExitOk;
}

int RunGet(Shell& shell, const std::string& name) {
  api::v1::GetEventRuleRequest request;
  request.set_name(RuleName(name));
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const absl::StatusOr<EventRule> rule =
      (*client)->Call<EventRuleService>(&EventRuleService::Stub::GetEventRule, request);
  if (!rule.ok()) return shell.Fail(rule.status());
  shell.PrintOne(RuleListing({&*rule}));
  return kExitOk;
}

struct HistoryOptions {
  std::string rule;
  std::string state;
  size_t limit = 20;
};

int RunHistory(Shell& shell, const HistoryOptions& options) {
  ListJobProposalsRequest request;
  if (!options.rule.empty()) request.set_rule(RuleName(options.rule));
  if (!options.state.empty()) {
    const auto state = ParseEnumWord(JobProposal::State_descriptor(), options.state);
    if (!state.ok()) return shell.Fail(Annotate(state.status(), "--state"));
    request.set_state(static_cast<JobProposal::State>(*state));
  }
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto found = ListAll<EventRuleService, JobProposal>(
      *client, &EventRuleService::Stub::ListJobProposals, request,
      &ListJobProposalsResponse::job_proposals, options.limit);
  if (!found.ok()) return shell.Fail(found.status());
  std::vector<const JobProposal*> shown;
  for (const JobProposal& proposal : *found) shown.push_back(&proposal);
  shell.PrintList(ProposalListing(shown));
  return kExitOk;
}

// All of a proposal, for whoever decides about it.
int RunProposal(Shell& shell, const std::string& name) {
  api::v1::GetJobProposalRequest request;
  request.set_name(FullName(kProposals, name));
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const absl::StatusOr<JobProposal> proposal =
      (*client)->Call<EventRuleService>(&EventRuleService::Stub::GetJobProposal, request);
  if (!proposal.ok()) return shell.Fail(proposal.status());
  shell.PrintOne(ProposalListing({&*proposal}));
  if (!shell.for_people()) return kExitOk;
  shell.out() << "\nproposed job:\n";
  for (absl::string_view line :
       absl::StrSplit(ToYaml(proposal->proposed()), '\n', absl::SkipEmpty())) {
    shell.out() << "  " << SanitizeForDisplay(line) << "\n";
  }
  if (proposal->state() == JobProposal::STATE_PENDING) {
    const std::string id = SanitizeForDisplay(ShortName(proposal->name()));
    shell.Note(absl::StrCat("dbfleet: decide with: dbfleet rule accept ", id,
                            ", or: dbfleet rule decline ", id, " --reason REASON"));
  }
  return kExitOk;
}

struct DecideOptions {
  std::string name;
  std::string reason;
};

int ShowDecided(Shell& shell, const absl::StatusOr<JobProposal>& proposal) {
  if (!proposal.ok()) return shell.Fail(proposal.status());
  shell.PrintOne(ProposalListing({&*proposal}));
  if (!proposal->job().empty() && shell.for_people()) {
    shell.Note(absl::StrCat("dbfleet: see: dbfleet job get ",
                            SanitizeForDisplay(ShortName(proposal->job()))));
  }
  return kExitOk;
}

int RunAccept(Shell& shell, const DecideOptions& options) {
  api::v1::AcceptJobProposalRequest request;
  request.set_name(FullName(kProposals, options.name));
  request.set_reason(options.reason);
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  return ShowDecided(shell, (*client)->Call<EventRuleService>(
                                &EventRuleService::Stub::AcceptJobProposal, request));
}

int RunDecline(Shell& shell, const DecideOptions& options) {
  api::v1::DeclineJobProposalRequest request;
  request.set_name(FullName(kProposals, options.name));
  request.set_reason(options.reason);
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  return ShowDecided(shell, (*client)->Call<EventRuleService>(
                                &EventRuleService::Stub::DeclineJobProposal, request));
}

}  // namespace

std::string RuleName(absl::string_view given) {
  if (absl::StartsWith(given, "eventrule/")) given.remove_prefix(10);
  return FullName("eventrules", given);
}

void AddRuleCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "rule", "Which jobs events lead to");
  AddVerb(*noun, "list", "Rules, and how they stand", shell, [&shell] { return RunList(shell); });

  auto name = std::make_shared<std::string>();
  AddVerb(*noun, "get", "How a rule stands; its manifest: dbfleet get eventrule/NAME", shell,
          [&shell, name] { return RunGet(shell, *name); })
      ->add_option("NAME", *name, "The rule")
      ->required();

  auto history_options = std::make_shared<HistoryOptions>();
  CLI::App* history =
      AddVerb(*noun, "history", "What rules proposed, and what came of it", shell,
              [&shell, history_options] { return RunHistory(shell, *history_options); });
  history->add_option("NAME", history_options->rule,
                      "The rule, also a deleted one; left out: those of all rules");
  history
      ->add_option("--state", history_options->state,
                   "pending, accepted, submitted, declined, expired, refused or cancelled")
      ->check(CLI::IsMember(
          {"pending", "accepted", "submitted", "declined", "expired", "refused", "cancelled"}));
  AddLimit(history, &history_options->limit);

  auto shown = std::make_shared<std::string>();
  AddVerb(*noun, "proposal", "One proposal with the whole job that it is about", shell,
          [&shell, shown] { return RunProposal(shell, *shown); })
      ->add_option("ID", *shown, "The proposal")
      ->required();

  AddRuleTest(*noun, shell);

  auto accepted = std::make_shared<DecideOptions>();
  CLI::App* accept = AddVerb(*noun, "accept", "Let a proposed job be made", shell,
                             [&shell, accepted] { return RunAccept(shell, *accepted); });
  accept->add_option("ID", accepted->name, "The proposal")->required();
  AddReason(accept, &accepted->reason, false);

  auto declined = std::make_shared<DecideOptions>();
  CLI::App* decline = AddVerb(*noun, "decline", "Let a proposed job not be made", shell,
                              [&shell, declined] { return RunDecline(shell, *declined); });
  decline->add_option("ID", declined->name, "The proposal")->required();
  AddReason(decline, &declined->reason, true);
}

}  // namespace dbfleet::cli
