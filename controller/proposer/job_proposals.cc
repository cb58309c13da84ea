#include "controller/proposer/job_proposals.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/audit/recovery.h"
#include "controller/domain/names.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/access.h"
#include "controller/resources/event_rule_source.h"
#include "controller/resources/kinds.h"
#include "controller/resources/schedule_source.h"
#include "controller/resources/view.h"
#include "controller/store/filtered_page.h"

namespace dbfleet::controller {
namespace {

constexpr int kMostCountedWaiting = 100;

absl::Status Ended(const JobProposal& proposal) {
  return Error(absl::StatusCode::kFailedPrecondition, "PROPOSAL_ENDED",
               absl::StrCat("jobproposals/", proposal.id, " does not wait any more: it is ",
                            NameOf(proposal.state),
                            proposal.decider.empty() ? "" : absl::StrCat(" by ", proposal.decider),
                            proposal.message.empty() ? "" : absl::StrCat(": ", proposal.message)));
}

// Why it can be neither accepted nor declined, though nobody has put that down yet.
absl::Status CheckWaits(ReadTx& tx, const JobProposal& proposal, absl::Time now) {
  if (proposal.state != JobProposal::State::kPending) return Ended(proposal);
  if (proposal.expire_time <= now) {
    return Error(absl::StatusCode::kFailedPrecondition, "PROPOSAL_ENDED",
                 absl::StrCat("jobproposals/", proposal.id, " has expired"));
  }
  ASSIGN_OR_RETURN(const std::string why, WhyVoid(tx, proposal));
  if (why.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "PROPOSAL_ENDED",
               absl::StrCat("jobproposals/", proposal.id, " is void: ", why));
}

// What keeps a rule from proposing, or what it proposes from being submitted.
absl::StatusOr<std::string> ProblemOf(ReadTx& tx, const DeclaredEventRule& rule) {
  if (rule.ask || rule.suspended) return std::string();
  ASSIGN_OR_RETURN(const Rights rights, RightsOf(tx, rule.editor));
  if (rule.selection.environments.empty()) {
    if (rights.Everywhere(kScheduledVerb)) return std::string();
    return absl::StrCat(rule.editor,
                        ", who declared it last, has not the role operator "
                        "everywhere (any more)");
  }
  for (const std::string& environment : rule.selection.environments) {
    ASSIGN_OR_RETURN(std::string why, WhyNotEntitled(tx, rule.editor, environment));
    if (!why.empty()) return why;
  }
  return std::string();
}

// How many of them were proposed within a day, where the filter reaches.
absl::StatusOr<int> CountLastDay(ReadTx& tx, const EventRuleState& state,
                                 const JobProposalFilter& filter, absl::Time now) {
  const absl::Time from = now - absl::Hours(24);
  const RuleReader& rules = tx.rules_reader();
  if (filter.environment.all()) return rules.CountProposals(state.uid, from, now, kMostPerDay);
  ASSIGN_OR_RETURN(const Page<JobProposal> last, rules.ListProposals(filter, {kMostPerDay, ""}));
  return static_cast<int>(
      std::count_if(last.items.begin(), last.items.end(), [&](const JobProposal& proposal) {
        return proposal.uid == state.uid && proposal.event_time > from &&
               proposal.event_time <= now;
      }));
}

// What it proposed elsewhere than these rights reach is not told.
absl::StatusOr<EventRuleView> RuleView(ReadTx& tx, const Resource& resource, const Rights& rights,
                                       absl::Time now) {
  EventRuleView view;
  view.name = resource.id.substr(resource.id.find('/') + 1);
  const absl::StatusOr<DeclaredEventRule> rule = EventRuleIn(resource);
  if (!rule.ok()) {
    view.problem = std::string(rule.status().message());
    return view;
  }
  view.mode = rule->ask ? "ask" : "run";
  view.suspended = rule->suspended;
  view.triggers = {rule->selection.triggers.begin(), rule->selection.triggers.end()};
  view.environments = {rule->selection.environments.begin(), rule->selection.environments.end()};
  ASSIGN_OR_RETURN(view.problem, ProblemOf(tx, *rule));
  const RuleReader& rules = tx.rules_reader();
  ASSIGN_OR_RETURN(const EventRuleState state, rules.GetState(view.name));
  JobProposalFilter filter;
  filter.rule = view.name;
  const EnvironmentFilter& visible = rights.Where(Verb::kRead);
  const bool all_of_it = !view.environments.empty() &&
                         std::all_of(view.environments.begin(), view.environments.end(),
                                     [&](const std::string& name) { return visible.Has(name); });
  if (!all_of_it) filter.environment = visible;
  ASSIGN_OR_RETURN(view.last_day, CountLastDay(tx, state, filter, now));
  ASSIGN_OR_RETURN(const Page<JobProposal> last, rules.ListProposals(filter, {1, ""}));
  if (!last.items.empty() && last.items[0].uid == state.uid) {
    view.last_proposal = last.items[0].create_time;
  }
  filter.state = JobProposal::State::kPending;
  ASSIGN_OR_RETURN(const Page<JobProposal> waiting,
                   rules.ListProposals(filter, {kMostCountedWaiting, ""}));
  view.waiting = static_cast<int>(waiting.items.size());
  return view;
}

}  // namespace

absl::StatusOr<JobProposalView> ViewOf(ReadTx& tx, JobProposal proposal) {
  JobProposalView view;
  const absl::StatusOr<resource::v1::ScheduledJob> job = JobIn(proposal);
  if (job.ok()) {
    view.action = std::string(ActionOf(*job));
    view.proposed = *job;
  }
  if (!proposal.job.empty()) {
    const absl::StatusOr<Job> made = tx.GetJob(proposal.job);
    if (!made.ok() && !absl::IsNotFound(made.status())) return made.status();
    if (made.ok()) view.job_state = std::string(NameOf(made->state));
  }
  view.proposal = std::move(proposal);
  return view;
}

absl::StatusOr<Page<EventRuleView>> JobProposals::Rules(const PageRequest& page,
                                                        const Rights& rights) {
  Page<EventRuleView> views;
  const ResourceKind& kind = *FindResourceKind(kEventRuleKind);
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(
        const Page<Resource> found,
        FilteredPage<Resource>(
            [&](const PageRequest& part) { return tx.ListResources(kEventRuleKind, part); },
            [&](const Resource& resource) -> absl::StatusOr<bool> {
              return MaySee(rights, kind, StoredReach(kind, resource));
            },
            page));
    for (const Resource& resource : found.items) {
      ASSIGN_OR_RETURN(EventRuleView view, RuleView(tx, resource, rights, clock_.Now()));
      views.items.push_back(std::move(view));
    }
    views.next_token = found.next_token;
    return absl::OkStatus();
  }));
  return views;
}

absl::StatusOr<EventRuleView> JobProposals::Rule(const std::string& name, const Rights& rights) {
  EventRuleView view;
  const ResourceKind& kind = *FindResourceKind(kEventRuleKind);
  const std::string id = absl::StrCat(kEventRuleAccounts, name);
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    const absl::StatusOr<Resource> resource = tx.GetResource(id);
    if (!resource.ok() && !absl::IsNotFound(resource.status())) return resource.status();
    if (!resource.ok() && rights.Everywhere(Verb::kRead)) {
      return Error(absl::StatusCode::kNotFound, "EVENT_RULE_NOT_FOUND",
                   absl::StrCat("there is no rule \"", SanitizeForDisplay(Truncate(name, 100)),
                                "\"; see: dbfleet rule list"));
    }
    if (!resource.ok() || !MaySee(rights, kind, StoredReach(kind, *resource))) {
      return HiddenOrMissing(id, VerbToSee(kind));
    }
    ASSIGN_OR_RETURN(view, RuleView(tx, *resource, rights, clock_.Now()));
    return absl::OkStatus();
  }));
  return view;
}

absl::StatusOr<Page<JobProposalView>> JobProposals::List(const JobProposalFilter& filter,
                                                         const PageRequest& page) {
  Page<JobProposalView> views;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Page<JobProposal> found, tx.rules_reader().ListProposals(filter, page));
    for (JobProposal& proposal : found.items) {
      ASSIGN_OR_RETURN(JobProposalView view, ViewOf(tx, std::move(proposal)));
      views.items.push_back(std::move(view));
    }
    views.next_token = found.next_token;
    return absl::OkStatus();
  }));
  return views;
}

absl::StatusOr<JobProposalView> JobProposals::Get(const std::string& id) {
  JobProposalView view;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(JobProposal proposal, tx.rules_reader().GetProposal(id));
    ASSIGN_OR_RETURN(view, ViewOf(tx, std::move(proposal)));
    return absl::OkStatus();
  }));
  return view;
}

absl::StatusOr<JobProposalView> JobProposals::Accept(const RequestMeta& meta, const std::string& id,
                                                     const std::string& reason) {
  std::optional<PreparedTarget> target;  // Looked at here, as a statement may be long to read.
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const JobProposal proposal, tx.rules_reader().GetProposal(id));
    if (proposal.state != JobProposal::State::kPending) return absl::OkStatus();
    RETURN_IF_ERROR(CheckWaits(tx, proposal, clock_.Now()));
    ASSIGN_OR_RETURN(target, PrepareProposal(tx, proposal));
    return absl::OkStatus();
  }));
  JobChanges changes;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(JobProposal proposal, tx.rules().GetProposal(id));
    if (proposal.state == JobProposal::State::kSubmitted && proposal.decider == meta.principal) {
      return absl::OkStatus();  // A repetition.
    }
    RETURN_IF_ERROR(CheckWaits(tx, proposal, now));
    if (!target.has_value()) return Ended(proposal);
    ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
    // Until the proposer has settled a restored store its proposals may be of a life that is lost.
    ASSIGN_OR_RETURN(const std::string recovered, LastRecovery(tx));
    ASSIGN_OR_RETURN(const std::string handled, tx.GetSetting(kRulesRecovered));
    if (in_recovery || recovered != handled) {
      return Error(absl::StatusCode::kFailedPrecondition, "IN_RECOVERY",
                   "the controller is in RECOVERY, in which rules do nothing; see: "
                   "dbfleet-controller recover");
    }
    RETURN_IF_ERROR(NoteEventRuleUser(tx, proposal.rule, meta.principal));
    proposal.decider = meta.principal;
    proposal.message = SanitizeForDisplay(Truncate(reason, 2000));
    FlowContext context{tx, now, AccountOf(proposal), {}};
    RETURN_IF_ERROR(SubmitProposal(jobs_, context, *target, &proposal));
    changes = std::move(context.changes);
    return AuditProposal(tx, meta.principal, "rule.accepted", proposal,
                         {{"job", absl::StrCat("jobs/", proposal.job)},
                          {"reason", proposal.message},
                          {"cause", proposal.cause},
                          {"event", absl::StrCat(proposal.seq)},
                          {"token", meta.token_id}});
  }));
  hub_.Notify(changes);
  return Get(id);
}

absl::StatusOr<JobProposalView> JobProposals::Decline(const RequestMeta& meta,
                                                      const std::string& id,
                                                      const std::string& reason) {
  if (absl::StripAsciiWhitespace(reason).empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "REASON_MISSING",
                 "say why, for whoever looks at it later: --reason");
  }
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(JobProposal proposal, tx.rules().GetProposal(id));
    if (proposal.state == JobProposal::State::kDeclined && proposal.decider == meta.principal) {
      return absl::OkStatus();  // A repetition.
    }
    RETURN_IF_ERROR(CheckWaits(tx, proposal, now));
    proposal.decider = meta.principal;
    return EndProposal(tx, meta.principal, "rule.declined", JobProposal::State::kDeclined,
                       "DECLINED", reason, now, &proposal);
  }));
  return Get(id);
}

}  // namespace dbfleet::controller
