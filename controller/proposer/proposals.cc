#include "controller/proposer/proposals.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
// What limits keep back is told at most so often for one rule and instance.
constexpr absl::Duration kTellEach = absl::Hours(1);
constexpr size_t kMostCause = 1000;

// Nothing if this very event came to a proposal for the target before: by another of its
// instances.
absl::StatusOr<std::optional<LimitFacts>> FactsOf(ReadTx& tx, const DeclaredEventRule& rule,
                                                  const EventRuleState& state,
                                                  const std::string& target,
                                                  const RuleEvent& event) {
  const absl::Time time = event.time;
  LimitFacts facts;
  const RuleReader& rules = tx.rules_reader();
  ASSIGN_OR_RETURN(const std::vector<JobProposal> open, rules.OpenFor(state.uid, target));
  for (const JobProposal& proposal : open) {
    if (proposal.seq == event.seq) return std::optional<LimitFacts>();
    // That its job has ended is noted now and then; what counts is whether it has.
    if (proposal.state == JobProposal::State::kSubmitted) {
      ASSIGN_OR_RETURN(const bool ended, JobHasEnded(tx, proposal));
      if (ended) continue;
    }
    ++facts.open;
  }
  // For a clock that was set back, so that what it had called the future holds up nothing and hides
  // nothing.
  ASSIGN_OR_RETURN(facts.last_event, rules.NearestEvent(state.uid, target, time));
  // The same for the limit of a day: what lies a day ahead counts, too, so that a clock that was
  // set back does not give the rule another day's jobs.
  ASSIGN_OR_RETURN(facts.last_day, rules.CountProposals(state.uid, time - kDay, time + kDay,
                                                        rule.limits.max_per_day));
  return std::make_optional(facts);
}

absl::Status TellSuppressed(WriteTx& tx, const DeclaredEventRule& rule, const RuleEvent& event,
                            const RuleMatch& match, const std::string& target, Held held,
                            absl::Time now, EventRuleCount* count) {
  ++count->suppressed;
  if (absl::AbsDuration(now - count->told_time) < kTellEach) return absl::OkStatus();
  count->told_time = now;
  return tx.AppendAudit(
      {absl::StrCat(kEventRuleAccounts, rule.name),
       "rule.suppressed",
       absl::StrCat(kEventRuleAccounts, rule.name),
       match.environment,
       {{"target", absl::StrCat("instances/", target)},
        {"reason", std::string(ReasonFor(held))},
        {"message", std::string(WordsFor(held))},
        {"since_last", absl::StrCat(count->suppressed)},
        {"cause", Truncate(CauseOf(event, match.instance, rule.threshold), kMostCause)},
        {"event", absl::StrCat(event.seq)}}});
}

// False: there is one of this very record already.
absl::StatusOr<bool> InsertProposal(WriteTx& tx, const DeclaredEventRule& rule,
                                    const EventRuleState& state, const RuleEvent& event,
                                    const RuleMatch& match, const std::string& target,
                                    absl::Time now) {
  JobProposal proposal;
  proposal.id = NewUlid(now);
  proposal.rule = rule.name;
  proposal.seq = event.seq;
  proposal.instance = target;
  proposal.uid = state.uid;
  proposal.environment = match.environment;
  proposal.trigger = event.event.trigger;
  proposal.cause =
      SanitizeForDisplay(Truncate(CauseOf(event, match.instance, rule.threshold), kMostCause));
  proposal.event_time = event.time;
  proposal.depth = event.depth;
  proposal.ask = rule.ask;
  proposal.job_blob = rule.spec.propose().job().SerializeAsString();
  proposal.state = rule.ask ? JobProposal::State::kPending : JobProposal::State::kAccepted;
  proposal.create_time = now;
  if (rule.ask) proposal.expire_time = now + rule.expires_after;
  // Made of this very record before: by the cooldown that cannot be, but it must not hold up
  // others.
  const absl::Status inserted = tx.rules().Insert(&proposal);
  if (absl::IsAlreadyExists(inserted)) return false;
  RETURN_IF_ERROR(inserted);
  const absl::string_view action = ActionOf(rule.spec.propose().job());
  RETURN_IF_ERROR(AuditProposal(
      tx, AccountOf(proposal), "rule.proposed", proposal,
      {{"mode", rule.ask ? "ask" : "run"},
       {"action", std::string(action)},
       {"title",
        absl::StrCat(action, " of instances/", target, ", as ", AccountOf(proposal), " proposes")},
       {"cause", proposal.cause},
       {"event", absl::StrCat(proposal.seq)},
       {"depth", proposal.depth == 0 ? "" : absl::StrCat(proposal.depth)}}));
  return true;
}

}  // namespace

absl::Status AuditProposal(WriteTx& tx, absl::string_view actor, absl::string_view action,
                           const JobProposal& proposal,
                           std::map<std::string, std::string> details) {
  details["rule"] = AccountOf(proposal);
  details["target"] = absl::StrCat("instances/", proposal.instance);
  std::erase_if(details, [](const auto& detail) { return detail.second.empty(); });
  return tx.AppendAudit({std::string(actor), std::string(action),
                         absl::StrCat("jobproposals/", proposal.id), proposal.environment,
                         std::move(details)});
}

absl::StatusOr<resource::v1::ScheduledJob> JobIn(const JobProposal& proposal) {
  resource::v1::ScheduledJob job;
  if (job.ParseFromString(proposal.job_blob)) return job;
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               absl::StrCat("the stored jobproposals/", proposal.id, " cannot be read"));
}

absl::StatusOr<bool> JobHasEnded(ReadTx& tx, const JobProposal& proposal) {
  const absl::StatusOr<Job> job = tx.GetJob(proposal.job);
  if (absl::IsNotFound(job.status())) return true;
  RETURN_IF_ERROR(job.status());
  return IsTerminal(job->state);
}

absl::StatusOr<std::string> WhyVoid(ReadTx& tx, const JobProposal& proposal) {
  const absl::StatusOr<EventRuleState> state = tx.rules_reader().GetState(proposal.rule);
  if (!state.ok() && !absl::IsNotFound(state.status())) return state.status();
  if (!state.ok() || state->deleted) return std::string("its rule was deleted");
  if (state->uid != proposal.uid) {
    return std::string("its rule was declared anew, or is about other environments now");
  }
  // Who accepts it has looked at the rule as it is, not as it was when this was proposed.
  ASSIGN_OR_RETURN(const Resource declared, tx.GetResource(AccountOf(proposal)));
  ASSIGN_OR_RETURN(const resource::v1::ScheduledJob job, JobIn(proposal));
  resource::v1::EventRule rule;
  if (!rule.ParseFromString(declared.blob)) return std::string("its rule cannot be read");
  if (!google::protobuf::util::MessageDifferencer::Equals(rule.spec().propose().job(), job)) {
    return std::string("its rule proposes something else now");
  }
  const bool runs_by_itself = !proposal.ask;
  if (runs_by_itself && rule.spec().suspended()) return std::string("its rule is suspended");
  if (runs_by_itself && rule.spec().propose().mode() != "run") {
    return std::string("its rule asks somebody first now");
  }
  return std::string();
}

absl::Status NoteEvent(WriteTx& tx, const DeclaredEventRule& rule, const RuleEvent& event,
                       const RuleMatch& match, absl::Time now, NotedEvent* noted) {
  ASSIGN_OR_RETURN(const EventRuleState state, tx.rules().GetState(rule.name));
  if (state.deleted || event.seq <= state.since_seq) return absl::OkStatus();
  const std::string id = absl::StrCat(state.uid, "/", match.subject);
  absl::StatusOr<EventRuleCount> former = tx.rules().GetCount(id);
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  EventRuleCount count = former.ok() ? *former : EventRuleCount();
  count.id = id;
  count.rule = rule.name;
  count.update_time = now;
  if (CountHit(rule.threshold, event.time, &count.hits)) {
    for (const std::string& target : match.targets) {
      ASSIGN_OR_RETURN(const std::optional<LimitFacts> facts,
                       FactsOf(tx, rule, state, target, event));
      if (!facts.has_value()) continue;
      const Held held = HeldBack(rule.limits, *facts, event.time);
      if (held == Held::kNo) {
        ASSIGN_OR_RETURN(const bool inserted,
                         InsertProposal(tx, rule, state, event, match, target, now));
        if (!inserted) continue;
        ++noted->proposed;
        count.suppressed = 0;
        count.told_time = absl::InfinitePast();
        continue;
      }
      RETURN_IF_ERROR(TellSuppressed(tx, rule, event, match, target, held, now, &count));
      ++noted->suppressed[std::string(ReasonFor(held))];
    }
  }
  return former.ok() ? tx.rules().Update(&count) : tx.rules().Insert(&count);
}

absl::StatusOr<PreparedTarget> PrepareProposal(ReadTx& tx, const JobProposal& proposal) {
  ASSIGN_OR_RETURN(const resource::v1::ScheduledJob job, JobIn(proposal));
  PreparedTarget target;
  ASSIGN_OR_RETURN(target.instance, GetLiveInstance(tx, proposal.instance));
  RETURN_IF_ERROR(PrepareJob(tx, job, proposal.environment, &target));
  return target;
}

absl::Status SubmitProposal(JobManager& jobs, FlowContext& context, const PreparedTarget& target,
                            JobProposal* proposal) {
  ASSIGN_OR_RETURN(const resource::v1::ScheduledJob declared, JobIn(*proposal));
  const RequestMeta meta{AccountOf(*proposal), proposal->id, ""};
  ASSIGN_OR_RETURN(proposal->job,
                   InsertDeclaredJob(jobs, context, meta, declared, target, proposal->cause));
  ASSIGN_OR_RETURN(Job job, context.tx.GetJob(proposal->job));
  if (job.environment != proposal->environment) {
    return Error(absl::StatusCode::kAborted, "STALE",
                 absl::StrCat("instances/", proposal->instance, " was moved meanwhile"));
  }
  if (job.reason.empty()) {
    job.reason = proposal->cause;
    RETURN_IF_ERROR(context.tx.UpdateJob(&job));
  }
  proposal->state = JobProposal::State::kSubmitted;
  return context.tx.rules().Update(proposal);
}

absl::Status EndProposal(WriteTx& tx, absl::string_view actor, absl::string_view action,
                         JobProposal::State state, absl::string_view reason,
                         absl::string_view message, absl::Time now, JobProposal* proposal) {
  proposal->state = state;
  proposal->reason = std::string(reason);
  proposal->message = SanitizeForDisplay(Truncate(message, 2000));
  proposal->end_time = now;
  RETURN_IF_ERROR(tx.rules().Update(proposal));
  return AuditProposal(tx, actor, action, *proposal,
                       {{"reason", proposal->reason}, {"message", proposal->message}});
}

}  // namespace dbfleet::controller
