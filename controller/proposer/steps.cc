// Proposer's part for proposals that are there (see proposer.h).
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/audit/recovery.h"
#include "controller/identity/roles_in.h"
#include "controller/proposer/proposer.h"
#include "controller/resources/schedule_source.h"
#include "controller/rules/debounce.h"
#include "controller/scheduler/submission.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/rules";
constexpr char kRestored[] =
    "the controller was restored from an older copy, and agents may have done it already";
// Counts that were not touched for so long have nothing in them that counts.
constexpr absl::Duration kOldCount = absl::Hours(24 * 8);

bool HasBegun(const Job& job) {
  return job.state != JobState::kPlanning && job.state != JobState::kAwaitingApproval &&
         job.state != JobState::kReady;
}

absl::Status Stale(const JobProposal& proposal) {
  return Error(absl::StatusCode::kAborted, "STALE",
               absl::StrCat("jobproposals/", proposal.id, " was changed meanwhile"));
}

// A proposal that nobody is asked about needs its declarer's right, as it is now.
absl::Status CheckEntitled(ReadTx& tx, const JobProposal& proposal) {
  ASSIGN_OR_RETURN(const std::string void_because, WhyVoid(tx, proposal));
  if (!void_because.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "RULE_DELETED", void_because);
  }
  // Roles that cannot be read just now say nothing about whether somebody may.
  const absl::Status roles = ReadRoleBook(tx).status();
  if (absl::IsDataLoss(roles)) {
    return Error(absl::StatusCode::kUnavailable, "ROLES_UNREADABLE", roles.message());
  }
  RETURN_IF_ERROR(roles);
  ASSIGN_OR_RETURN(const Resource rule, tx.GetResource(AccountOf(proposal)));
  ASSIGN_OR_RETURN(const std::string why, WhyNotEntitled(tx, rule.editor, proposal.environment));
  if (why.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, "NOT_ENTITLED", why);
}

}  // namespace

absl::Status Proposer::ForOpen(JobProposal::State state,
                               const std::function<absl::Status(const JobProposal&)>& fn) {
  for (std::string after;;) {
    std::vector<JobProposal> some;
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(some, tx.rules_reader().OpenIn(state, after, options_.page));
      return absl::OkStatus();
    }));
    for (const JobProposal& proposal : some) RETURN_IF_ERROR(fn(proposal));
    if (static_cast<int>(some.size()) < options_.page) return absl::OkStatus();
    after = some.back().id;
  }
}

void Proposer::SubmitAccepted() {
  std::map<std::string, absl::Duration> resting;
  const absl::Status status =
      ForOpen(JobProposal::State::kAccepted, [&](const JobProposal& proposal) -> absl::Status {
        const auto rests = resting_.find(proposal.id);
        if (rests != resting_.end() && rests->second > clock_.Monotonic()) {
          resting.insert(*rests);
          return absl::OkStatus();
        }
        absl::Status outcome = SubmitOne(proposal);
        // What says nothing about the proposal is worth another try.
        if (!outcome.ok() && !IsWorthAnotherTry(outcome)) outcome = Refuse(proposal.id, outcome);
        if (!outcome.ok()) {
          NoteFailure(absl::StrCat("jobproposals/", proposal.id), outcome);
          resting[proposal.id] = clock_.Monotonic() + options_.retry_after;
        }
        return absl::OkStatus();
      });
  if (!status.ok()) NoteFailure("what is to be submitted", status);
  resting_ = std::move(resting);
}

absl::Status Proposer::SubmitOne(const JobProposal& proposal) {
  PreparedTarget target;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(target, PrepareProposal(tx, proposal));
    return absl::OkStatus();
  }));
  JobChanges changes;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const bool in_recovery, InRecovery(tx));
    ASSIGN_OR_RETURN(JobProposal current, tx.rules().GetProposal(proposal.id));
    if (in_recovery || current.version != proposal.version) return Stale(proposal);
    RETURN_IF_ERROR(CheckEntitled(tx, current));
    FlowContext context{tx, clock_.Now(), AccountOf(current), {}};
    RETURN_IF_ERROR(SubmitProposal(jobs_, context, target, &current));
    RETURN_IF_ERROR(AuditProposal(tx, context.actor, "rule.submitted", current,
                                  {{"job", absl::StrCat("jobs/", current.job)},
                                   {"cause", current.cause},
                                   {"event", absl::StrCat(current.seq)}}));
    changes = std::move(context.changes);
    return absl::OkStatus();
  }));
  hub_.Notify(changes);
  jobs_total_.Increment();
  return absl::OkStatus();
}

absl::Status Proposer::Refuse(const std::string& id, const absl::Status& why) {
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(JobProposal current, tx.rules().GetProposal(id));
    if (current.state != JobProposal::State::kAccepted) return Stale(current);
    return EndProposal(tx, AccountOf(current), "rule.refused", JobProposal::State::kRefused,
                       ReasonOf(why), why.message(), clock_.Now(), &current);
  }));
  refused_total_.Increment();
  return absl::OkStatus();
}

void Proposer::Settle(absl::Time now) {
  int waiting = 0;
  absl::Status status =
      ForOpen(JobProposal::State::kPending, [&](const JobProposal& proposal) -> absl::Status {
        std::string void_because;
        RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(void_because, WhyVoid(tx, proposal));
          return absl::OkStatus();
        }));
        const bool expired = proposal.expire_time <= now;
        if (!expired && void_because.empty()) {
          ++waiting;
          return absl::OkStatus();
        }
        const absl::Status ended = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(JobProposal current, tx.rules().GetProposal(proposal.id));
          if (current.version != proposal.version) return Stale(proposal);
          if (!void_because.empty()) {
            return EndProposal(tx, kActor, "rule.cancelled", JobProposal::State::kCancelled,
                               "RULE_DELETED", void_because, now, &current);
          }
          return EndProposal(tx, kActor, "rule.expired", JobProposal::State::kExpired, "EXPIRED",
                             "nobody accepted or declined it in time", now, &current);
        });
        if (!ended.ok()) NoteFailure(absl::StrCat("jobproposals/", proposal.id), ended);
        return absl::OkStatus();
      });
  if (!status.ok()) NoteFailure("what waits", status);
  waiting_gauge_.Set(waiting);
  status = ForOpen(JobProposal::State::kSubmitted, [&](const JobProposal& proposal) {
    bool ended = false;
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(ended, JobHasEnded(tx, proposal));
      return absl::OkStatus();
    }));
    if (!ended) return absl::OkStatus();
    const absl::Status noted = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(JobProposal current, tx.rules().GetProposal(proposal.id));
      if (!current.IsOpen()) return absl::OkStatus();
      current.end_time = now;
      return tx.rules().Update(&current);
    });
    if (!noted.ok()) NoteFailure(absl::StrCat("jobproposals/", proposal.id), noted);
    return absl::OkStatus();
  });
  if (!status.ok()) NoteFailure("what was submitted", status);
}

void Proposer::Prune(absl::Time now) {
  // Also of rules that were deleted, or cannot be read.
  std::vector<std::string> names;
  const absl::Status read = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(names, tx.rules_reader().RuleNames());
    return absl::OkStatus();
  });
  if (!read.ok()) NoteFailure("the names of rules", read);
  for (const std::string& name : names) {
    const absl::Status status = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
      return tx.rules()
          .Prune(name, options_.keep, now - kLongestLimit, now - kOldCount, options_.page)
          .status();
    });
    if (!status.ok()) NoteFailure(absl::StrCat("old proposals of ", name), status);
  }
}

// What is older than the restore may have been done under the lost life: what waits is void, jobs
// that have not begun here are cancelled, and events up to now are nobody's. Each piece may be
// repeated; the last one says that all is done.
absl::Status Proposer::SettleRestore(const std::string& recovery, absl::Time now) {
  int given_up = 0;
  for (const JobProposal::State state :
       {JobProposal::State::kPending, JobProposal::State::kAccepted}) {
    RETURN_IF_ERROR(ForOpen(state, [&](const JobProposal& proposal) {
      ++given_up;
      return store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
        ASSIGN_OR_RETURN(JobProposal current, tx.rules().GetProposal(proposal.id));
        if (current.version != proposal.version) return Stale(proposal);
        return EndProposal(tx, kActor, "rule.cancelled", JobProposal::State::kCancelled, "RESTORED",
                           kRestored, now, &current);
      });
    }));
  }
  RETURN_IF_ERROR(ForOpen(JobProposal::State::kSubmitted, [&](const JobProposal& proposal) {
    absl::StatusOr<Job> job = absl::NotFoundError("");
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      job = tx.GetJob(proposal.job);
      return absl::OkStatus();
    }));
    if (absl::IsNotFound(job.status())) return absl::OkStatus();
    RETURN_IF_ERROR(job.status());
    if (HasBegun(*job) || job->cancel_requested) return absl::OkStatus();
    const absl::Status cancelled =
        jobs_.Cancel({AccountOf(proposal), "", ""}, proposal.job, kRestored).status();
    // One that has ended meanwhile cannot be cancelled, and need not be.
    return absl::IsFailedPrecondition(cancelled) ? absl::OkStatus() : cancelled;
  }));
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Page<AuditRow> last, tx.ListAudit({}, {1, ""}));
    const uint64_t head = last.items.empty() ? 0 : last.items[0].seq;
    RETURN_IF_ERROR(tx.PutSetting(kRulesCursor, absl::StrCat(head)));
    RETURN_IF_ERROR(tx.PutSetting(kRulesRecovered, recovery));
    if (given_up == 0) return absl::OkStatus();
    return tx.AppendAudit({kActor,
                           "rule.restored",
                           "controller",
                           "",
                           {{"given_up", absl::StrCat(given_up)}, {"why", kRestored}}});
  }));
  started_ = false;
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
