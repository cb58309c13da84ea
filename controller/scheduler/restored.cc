// Scheduler's part for what a RECOVERY leaves behind, and for taking jobs back (see scheduler.h).
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/domain/transitions.h"
#include "controller/scheduler/scheduler.h"

namespace dbfleet::controller {
namespace {

bool HasBegun(const Job& job) {
  return job.state != JobState::kPlanning && job.state != JobState::kAwaitingApproval &&
         job.state != JobState::kReady;
}

constexpr int kMostRounds = 1000;

constexpr char kMessage[] =
    "the controller was restored from an older copy, and agents may have done it already";

// An occurrence that the copy holds as open.
absl::Status GiveUp(WriteTx& tx, const std::string& id, absl::Time now) {
  ASSIGN_OR_RETURN(Occurrence occurrence, tx.GetOccurrence(id));
  if (!occurrence.IsOpen() || occurrence.state == OccurrenceState::kSubmitted) {
    return absl::OkStatus();
  }
  if (occurrence.jobs == 0) {
    EndUnrun(OccurrenceState::kCancelled, "RESTORED", kMessage, now, &occurrence);
  } else {
    occurrence.state = OccurrenceState::kSubmitted;
    occurrence.reason = "RESTORED";
    occurrence.message = kMessage;
  }
  RETURN_IF_ERROR(tx.UpdateOccurrence(&occurrence));
  return AuditOccurrence(tx, AccountOf(occurrence), "schedule.cancel", occurrence, "",
                         {{"reason", "RESTORED"}, {"message", kMessage}});
}

}  // namespace

// What is older than the restore may have been done under the lost life, whether this copy knows of
// it or not: times that passed count as decided, what waits is given up, and jobs that have not
// begun here are cancelled. Each piece may be repeated; the last one says that all is done.
void Scheduler::SettleRestore(const std::string& recovery) {
  const absl::Time now = clock_.Now();
  bool done = true;
  std::vector<Work> work;
  std::vector<Occurrence> open;
  const auto note = [this, &done](const absl::Status& status) {
    if (status.ok()) return;
    done = false;
    NoteFailure("", status);
  };
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(open, tx.OpenOccurrences(""));
    for (PageRequest page{1000, ""};;) {
      ASSIGN_OR_RETURN(const Page<ScheduleState> states, tx.ListScheduleStates(page));
      for (const ScheduleState& state : states.items) {
        work.push_back({state.name,
                        [name = state.name, now](WriteTx& t) -> absl::Status {
                          ASSIGN_OR_RETURN(ScheduleState current, t.GetScheduleState(name));
                          if (current.decided_until >= now) return absl::OkStatus();
                          current.decided_until = now;
                          return t.UpdateScheduleState(&current);
                        },
                        note});
      }
      page.token = states.next_token;
      if (page.token.empty()) return absl::OkStatus();
    }
  });
  note(status);
  for (const Occurrence& occurrence : open) {
    work.push_back({occurrence.schedule,
                    [id = occurrence.id, now](WriteTx& tx) { return GiveUp(tx, id, now); }, note});
  }
  const bool any = !work.empty();
  RunAll(std::move(work));
  for (const Occurrence& occurrence : open) {
    for (int round = 0; done && round < kMostRounds; ++round) {
      const absl::StatusOr<bool> all = CancelJobsOf(occurrence, false, kMessage);
      note(all.status());
      if (!all.ok() || *all) break;
    }
  }
  if (!done) return;
  RunAll({{"",
           [&recovery, any, count = open.size()](WriteTx& tx) -> absl::Status {
             RETURN_IF_ERROR(tx.PutSetting(kRecoveryHandled, recovery));
             if (!any) return absl::OkStatus();
             return tx.AppendAudit({"system/scheduler",
                                    "schedule.restored",
                                    "controller",
                                    "",
                                    {{"given_up", absl::StrCat(count)}, {"why", kMessage}}});
           },
           note}});
  book_ = nullptr;  // What was decided is another now.
}

absl::StatusOr<bool> Scheduler::CancelJobsOf(const Occurrence& occurrence, bool begun_too,
                                             const std::string& why) {
  std::vector<std::string> jobs;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    constexpr int kPage = 500;
    for (std::string after;;) {
      ASSIGN_OR_RETURN(const std::vector<Job> page,
                       tx.JobsByKey(JobKeysOf(occurrence), after, kPage));
      for (const Job& job : page) {
        if (IsTerminal(job.state) || job.cancel_requested || (HasBegun(job) && !begun_too))
          continue;
        if (static_cast<int>(jobs.size()) < options_.chunk) jobs.push_back(job.id);
      }
      if (page.size() < kPage || static_cast<int>(jobs.size()) >= options_.chunk) break;
      after = page.back().request_key;
    }
    return absl::OkStatus();
  }));
  absl::Status failed;
  for (const std::string& job : jobs) {
    const absl::Status cancelled = jobs_.Cancel({AccountOf(occurrence), ""}, job, why).status();
    // One that has ended meanwhile cannot be cancelled, and need not be.
    if (!absl::IsFailedPrecondition(cancelled)) failed.Update(cancelled);
  }
  RETURN_IF_ERROR(failed);
  return jobs.empty();
}

}  // namespace dbfleet::controller
