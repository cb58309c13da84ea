// JobProposals' part that tells what a rule would have proposed (see job_proposals.h).
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/proposer/job_proposals.h"
#include "controller/resources/access.h"
#include "controller/resources/manifest.h"
#include "controller/routes/triggers.h"

namespace dbfleet::controller {
namespace {

constexpr int kBatch = 1000;

// What limits go by, in memory. That earlier proposals are still open depends on people and jobs
// that there are not; it is left to the cooldown.
struct Rehearsed {
  std::map<std::string, std::string> hits;                   // By subject.
  std::map<std::string, std::vector<absl::Time>> of_target;  // Times of proposals,
  std::vector<absl::Time> all;                               // and those of all targets.

  LimitFacts FactsOf(const std::string& target, absl::Time time) const {
    LimitFacts facts;
    const auto events = of_target.find(target);
    if (events != of_target.end()) {
      for (const absl::Time at : events->second) {
        if (absl::AbsDuration(at - time) < absl::AbsDuration(facts.last_event - time)) {
          facts.last_event = at;
        }
      }
    }
    facts.last_day = static_cast<int>(std::count_if(all.begin(), all.end(), [&](absl::Time at) {
      return at > time - absl::Hours(24) && at <= time;
    }));
    return facts;
  }
};

// The first record that is not older; records are in the order of their times, but for a clock that
// was set back.
absl::StatusOr<uint64_t> FirstSince(ReadTx& tx, uint64_t head, absl::Time from) {
  uint64_t low = 1, high = head + 1;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    ASSIGN_OR_RETURN(const std::vector<AuditRow> row, tx.ReadAudit(middle, 1));
    if (!row.empty() && row[0].record_time < from) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void NoteMatch(const DeclaredEventRule& rule, const RuleEvent& event, const RuleMatch& match,
               Rehearsed* rehearsed, RuleRehearsal* found) {
  ++found->events;
  if (!CountHit(rule.threshold, event.time, &rehearsed->hits[match.subject])) return;
  for (const std::string& target : match.targets) {
    const Held held = HeldBack(rule.limits, rehearsed->FactsOf(target, event.time), event.time);
    if (held != Held::kNo) {
      ++found->suppressed[std::string(ReasonFor(held))];
      continue;
    }
    rehearsed->of_target[target].push_back(event.time);
    rehearsed->all.push_back(event.time);
    if (found->proposals.size() >= JobProposals::kMostRehearsed) continue;
    JobProposalView view;
    view.action = std::string(ActionOf(rule.spec.propose().job()));
    view.proposal.rule = rule.name;
    view.proposal.seq = event.seq;
    view.proposal.instance = target;
    view.proposal.environment = match.environment;
    view.proposal.trigger = event.event.trigger;
    view.proposal.cause = CauseOf(event, match.instance, rule.threshold);
    view.proposal.event_time = view.proposal.create_time = event.time;
    view.proposal.ask = rule.ask;
    view.proposal.state = rule.ask ? JobProposal::State::kPending : JobProposal::State::kAccepted;
    found->proposals.push_back(std::move(view));
  }
}

}  // namespace

absl::StatusOr<RuleRehearsal> JobProposals::Rehearse(const std::string& path,
                                                     const std::string& text, absl::Duration window,
                                                     const Rights& rights) {
  ASSIGN_OR_RETURN(const std::vector<Manifest> manifests, ParseManifests({{{path, text}}}));
  if (manifests.size() != 1 || manifests[0].kind->kind != kEventRuleKind) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_MANIFEST",
                 absl::StrCat(path, ": exactly one EventRule is wanted, not ", manifests.size(),
                              manifests.size() == 1 ? " of another kind" : " resources",
                              "; test one rule at a time"));
  }
  const ResourceKind& kind = *manifests[0].kind;
  if (!MaySee(rights, kind, ReachOf(kind, *manifests[0].message))) {
    return HiddenOrMissing(manifests[0].id(), VerbToSee(kind));
  }
  config::Problems none;
  std::optional<DeclaredEventRule> rule =
      CompileEventRule(static_cast<const resource::v1::EventRule&>(*manifests[0].message), &none);
  if (!rule.has_value()) return none.ToStatus();
  rule->suspended = false;  // What it would do otherwise is what is asked for.
  RuleRehearsal found;
  found.rule = rule->name;
  found.from = clock_.Now() - window;
  Rehearsed rehearsed;
  bool idle = false;
  if (!rehearsing_.compare_exchange_strong(idle, true)) {
    return Error(absl::StatusCode::kResourceExhausted, "REHEARSAL_RUNS",
                 "another rule is being tested against the trail; try again when that is done");
  }
  const absl::Cleanup done = [this] { rehearsing_ = false; };
  uint64_t head = 0, next = 0;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Page<AuditRow> last, tx.ListAudit({}, {1, ""}));
    head = last.items.empty() ? 0 : last.items[0].seq;
    ASSIGN_OR_RETURN(next, FirstSince(tx, head, found.from));
    return absl::OkStatus();
  }));
  if (head + 1 - next > static_cast<uint64_t>(kMostRecords)) {
    found.cut = true;
    next = head + 1 - kMostRecords;
  }
  // The trail only grows, so it can be read in pieces; others read between them.
  RuleTargets known;
  while (next <= head) {
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, tx.SkimAudit(next, kBatch));
      next = rows.empty() ? head + 1 : rows.back().seq + 1;
      for (const AuditRow& row : rows) {
        if (row.seq > head) break;
        ++found.records;
        ASSIGN_OR_RETURN(const std::optional<RuleEvent> event, EventAt(tx, row));
        if (!event.has_value()) continue;
        ASSIGN_OR_RETURN(const std::vector<RuleMatch> matches,
                         MatchRule(tx, *rule, *event, &known));
        for (const RuleMatch& match : matches) {
          if (!rights.In(Verb::kRead, match.environment)) continue;
          NoteMatch(*rule, *event, match, &rehearsed, &found);
        }
      }
      return absl::OkStatus();
    }));
  }
  return found;
}

}  // namespace dbfleet::controller
