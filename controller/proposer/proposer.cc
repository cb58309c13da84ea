#include "controller/proposer/proposer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/audit/recovery.h"
#include "controller/routes/triggers.h"

namespace dbfleet::controller {
namespace {

// Looking again at so many records that came to nothing costs little after a crash; what is older
// than this would be judged by rules and labels as they have become since.
constexpr uint64_t kLeastToPersist = 5000;
constexpr absl::Duration kPersistEach = absl::Minutes(1);

absl::StatusOr<uint64_t> HeadOf(ReadTx& tx) {
  ASSIGN_OR_RETURN(const Page<AuditRow> last, tx.ListAudit({}, {1, ""}));
  return last.items.empty() ? 0 : last.items[0].seq;
}

}  // namespace

Proposer::Proposer(ProposerOptions options, Store& store, JobManager& jobs, JobHub& hub,
                   EventRuleSource& source, Clock& clock, Executor& executor,
                   metrics::Registry& metrics)
    : options_(options),
      store_(store),
      jobs_(jobs),
      hub_(hub),
      source_(source),
      clock_(clock),
      rules_gauge_(metrics.GetGauge("dbfleet_event_rules", "Declared rules.")),
      unreadable_gauge_(metrics.GetGauge("dbfleet_event_rules_unreadable",
                                         "Stored rules that cannot be read, and so do nothing.")),
      waiting_gauge_(metrics.GetGauge("dbfleet_job_proposals_waiting",
                                      "Jobs that rules propose and that wait for a person.")),
      unseen_gauge_(metrics.GetGauge("dbfleet_event_rule_unseen_records",
                                     "Audit records that were not yet looked at for rules.")),
      proposed_total_(metrics.GetCounter("dbfleet_job_proposals_total",
                                         "Jobs that rules proposed since the start.")),
      suppressed_total_(
          metrics.GetCounter("dbfleet_job_proposals_suppressed_total",
                             "Jobs that limits kept rules from proposing since the start.")),
      jobs_total_(
          metrics.GetCounter("dbfleet_event_rule_jobs_total",
                             "Jobs that rules submitted without asking anybody since the start.")),
      refused_total_(metrics.GetCounter("dbfleet_job_proposals_refused_total",
                                        "Proposals that could get no job since the start.")),
      failures_total_(
          metrics.GetCounter("dbfleet_event_rule_failures_total",
                             "Looks for rules that failed since the start; they are repeated.")),
      ticker_(options.tick, clock, executor, [this] { Tick(); }) {}

void Proposer::NoteFailure(absl::string_view what, const absl::Status& status) {
  if (absl::IsAborted(status)) return;  // Worked out anew with the next tick.
  failures_total_.Increment();
  log::Error("a look for rules failed; it is repeated",
             {{"what", std::string(what)}, {"why", std::string(status.message())}});
}

void Proposer::Tick() {
  const absl::Time now = clock_.Now();
  bool in_recovery = false;
  std::string recovered, handled;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(in_recovery, InRecovery(tx));
    ASSIGN_OR_RETURN(recovered, LastRecovery(tx));
    ASSIGN_OR_RETURN(handled, tx.GetSetting(kRulesRecovered));
    return absl::OkStatus();
  });
  if (!status.ok()) return NoteFailure("the state", status);
  if (in_recovery) return;
  if (recovered != handled) {
    const absl::Status settled = SettleRestore(recovered, now);
    if (!settled.ok()) NoteFailure("what a restore left behind", settled);
    return;
  }
  const absl::StatusOr<bool> more = Collect();
  if (!more.ok()) {
    started_ = false;  // Whatever somebody else wrote meanwhile, it is read again.
    NoteFailure("the audit trail", more.status());
  }
  SubmitAccepted();
  if (clock_.Monotonic() - settled_at_ >= options_.settle) {
    settled_at_ = clock_.Monotonic();
    Settle(now);
  }
  if (clock_.Monotonic() - pruned_at_ >= options_.prune) {
    pruned_at_ = clock_.Monotonic();
    Prune(now);
  }
  if (more.ok() && *more) Wake();
}

absl::StatusOr<bool> Proposer::Collect() {
  Look look;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) { return LookAtTrail(tx, &look); }));
  rules_gauge_.Set(static_cast<double>(look.book->rules.size()));
  unreadable_gauge_.Set(static_cast<double>(look.book->unreadable.size()));
  if (look.book != book_) {
    for (const auto& [id, why] : look.book->unreadable) {
      log::Error("a rule proposes nothing", {{"rule", id}, {"why", why}});
    }
  }
  uint64_t stored = 0;
  const bool first = look.cursor.empty() || !absl::SimpleAtoi(look.cursor, &stored);
  // After a change of a rule, so that it is not asked about what came before once more.
  const bool worth = first || stored > look.to || !look.matches.empty() || look.book != book_ ||
                     look.to - stored >= kLeastToPersist ||
                     clock_.Monotonic() - persisted_at_ >= kPersistEach;
  if (worth && (first || look.to != stored)) {
    NotedEvent noted;
    RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) { return Write(tx, look, &noted); }));
    cursor_ = absl::StrCat(look.to);
    persisted_at_ = clock_.Monotonic();
    proposed_total_.Increment(noted.proposed);
    for (const auto& [reason, count] : noted.suppressed) suppressed_total_.Increment(count);
  } else {
    cursor_ = look.cursor;
  }
  seen_ = look.to;
  started_ = true;
  book_ = look.book;
  unseen_gauge_.Set(static_cast<double>(look.head - std::min(look.head, look.to)));
  for (const auto& [seq, why] : look.unreadable) {
    failures_total_.Increment();
    log::Error("an audit record is left out by rules: what it is about cannot be read",
               {{"record", absl::StrCat(seq)}, {"why", why}});
  }
  return look.more;
}

absl::Status Proposer::LookAtTrail(ReadTx& tx, Look* look) {
  ASSIGN_OR_RETURN(look->book, source_.Read(tx));
  ASSIGN_OR_RETURN(look->cursor, tx.GetSetting(kRulesCursor));
  ASSIGN_OR_RETURN(const uint64_t head, HeadOf(tx));
  look->head = head;
  uint64_t from = seen_;
  // The first start looks at what comes; so does a store that lost its last records.
  if (!started_ || look->cursor != cursor_) {
    if (look->cursor.empty() || !absl::SimpleAtoi(look->cursor, &from)) from = head;
  }
  if (from > head || look->book->rules.empty()) from = head;
  look->to = from;
  if (from == head) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, tx.SkimAudit(from + 1, options_.batch));
  look->more = static_cast<int>(rows.size()) == options_.batch;
  RuleTargets known;
  size_t targets = 0;  // Each is looked at in the transaction that writes.
  for (const AuditRow& row : rows) {
    if (targets >= options_.most_matches) {
      look->more = true;
      break;
    }
    look->to = row.seq;
    absl::StatusOr<std::optional<RuleEvent>> found = EventAt(tx, row);
    // A row that cannot be read, of one job or backup, must not hold up what comes behind it.
    if (absl::IsDataLoss(found.status())) {
      look->unreadable.emplace(row.seq, std::string(found.status().message()));
      continue;
    }
    RETURN_IF_ERROR(found.status());
    if (!found->has_value()) continue;
    const auto event = std::make_shared<const RuleEvent>(**std::move(found));
    for (const auto& [name, rule] : look->book->rules) {
      ASSIGN_OR_RETURN(std::vector<RuleMatch> matches, MatchRule(tx, rule, *event, &known));
      for (RuleMatch& match : matches) {
        targets += match.targets.size();
        look->matches.push_back({&rule, event, std::move(match)});
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Proposer::Write(WriteTx& tx, const Look& look, NotedEvent* noted) {
  *noted = NotedEvent();
  ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
  ASSIGN_OR_RETURN(const std::string cursor, tx.GetSetting(kRulesCursor));
  ASSIGN_OR_RETURN(const std::shared_ptr<const EventRuleBook> book, source_.Read(tx));
  if (in_recovery || cursor != look.cursor || book != look.book) {
    return Error(absl::StatusCode::kAborted, "STALE", "something was changed meanwhile");
  }
  for (const Match& match : look.matches) {
    RETURN_IF_ERROR(NoteEvent(tx, *match.rule, *match.event, match.match, clock_.Now(), noted));
  }
  return tx.PutSetting(kRulesCursor, absl::StrCat(look.to));
}

}  // namespace dbfleet::controller
