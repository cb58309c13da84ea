// JobManager's part for what versions before this one left behind (see job_manager.h).
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/cancelling.h"
#include "controller/jobs/job_manager.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/scheduler";

// Jobs that have ended, of backups that are still said to run.
absl::StatusOr<std::set<std::string>> EndedBackupJobs(ReadTx& tx, Unreadable* unreadable) {
  std::set<std::string> ended;
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Backup> running,
                     tx.ListBackups({.state = Backup::State::kRunning}, page));
    for (const Backup& backup : running.items) {
      const absl::StatusOr<Job> job = tx.GetJob(backup.job_id);
      if (!job.ok()) {
        unreadable->emplace(backup.job_id, job.status());
      } else if (IsTerminal(job->state)) {
        ended.insert(job->id);
      }
    }
    page.token = running.next_token;
  } while (!page.token.empty());
  return ended;
}

// Changes that have ended, whose backups are still paused with them.
absl::StatusOr<std::set<std::string>> EndedChanges(ReadTx& tx, Unreadable* unreadable) {
  std::set<std::string> ended;
  for (const JobState state : {JobState::kPlanning, JobState::kReady, JobState::kPaused}) {
    ASSIGN_OR_RETURN(const std::vector<Job> jobs, tx.JobsInState(state, unreadable));
    for (const Job& job : jobs) {
      if (job.kind != JobKind::kBackup || job.parent.empty()) continue;
      const absl::StatusOr<Job> change = tx.GetJob(job.parent);
      if (!change.ok()) {
        unreadable->emplace(job.parent, change.status());
      } else if (IsTerminal(change->state) && IsPausedWith(*change, job)) {
        ended.insert(change->id);
      }
    }
  }
  return ended;
}

}  // namespace

void JobManager::EndLeftBehind() {
  std::set<std::string> backup_jobs;
  std::set<std::string> changes;
  Unreadable unreadable;
  // What cannot be read is as it was, and is looked at again with the next start.
  absl::Status read = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(backup_jobs, EndedBackupJobs(tx, &unreadable));
    return absl::OkStatus();
  });
  NoteLook("backups that were left behind", read);
  read = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(changes, EndedChanges(tx, &unreadable));
    return absl::OkStatus();
  });
  NoteLook("changes that were left behind", read);
  for (const auto& [id, why] : unreadable) NoteLook(absl::StrCat("jobs/", id), why);
  for (const std::string& id : backup_jobs) {
    InTime(absl::StrCat("jobs/", id), [id](FlowContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(id));
      ASSIGN_OR_RETURN(const std::vector<Task> tasks, context.tx.TasksOfJob(id));
      return RecordUnbegunBackups(context, job, tasks);
    });
  }
  for (const std::string& id : changes) {
    InTime(absl::StrCat("jobs/", id), [this, id](FlowContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const Job change, context.tx.GetJob(id));
      return CancelPausedGate(flow_, context, change);
    });
  }
}

void JobManager::InTime(const std::string& subject, std::function<absl::Status(FlowContext&)> body,
                        const std::shared_ptr<QueueReadings>& readings) {
  auto changes = std::make_shared<JobChanges>();
  store_.Mutate(
      [this, changes, readings, body = std::move(body)](WriteTx& tx) {
        FlowContext context{tx, clock_.Now(), kActor, {}, readings.get()};
        const absl::Status status = body(context);
        *changes = std::move(context.changes);
        return status;
      },
      [this, subject, changes](absl::Status status) {
        NoteLook(subject, status);
        if (status.ok()) hub_.Notify(*changes);
      });
}

}  // namespace dbfleet::controller
