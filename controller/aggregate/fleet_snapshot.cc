#include "controller/aggregate/fleet_snapshot.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {
namespace {

constexpr int kPageSize = 1000;
constexpr int kBackupsLookedAt = 20;

constexpr TaskState kOutcomes[] = {TaskState::kSucceeded, TaskState::kFailed,
                                   TaskState::kRolledBack, TaskState::kCancelled};
// A backup is there or not, so that there is nothing to roll back.
constexpr TaskState kBackupOutcomes[] = {TaskState::kSucceeded, TaskState::kFailed,
                                         TaskState::kCancelled};

template <size_t N>
bool IsOneOf(TaskState state, const TaskState (&outcomes)[N]) {
  return std::find(std::begin(outcomes), std::end(outcomes), state) != std::end(outcomes);
}

bool MakesAJob(absl::string_view action) {
  return absl::EndsWith(action, ".submit") || action == "change.rollback";
}

}  // namespace

absl::Status FleetSnapshotter::Take(ReadTx& tx, absl::Time now, FleetSnapshot* snapshot) {
  *snapshot = FleetSnapshot();
  snapshot->time = now;
  if (first_) {
    PageRequest one;
    one.size = 1;
    ASSIGN_OR_RETURN(const Page<AuditRow> newest, tx.ListAudit({}, one));
    audit_records_ = newest.items.empty() ? 0 : newest.items[0].seq;
    RETURN_IF_ERROR(FindAllJobs(tx));
    first_ = false;
  }
  RETURN_IF_ERROR(FindNewJobs(tx));
  RETURN_IF_ERROR(FollowOpenJobs(tx, snapshot));
  RETURN_IF_ERROR(TakeAgents(tx, snapshot));
  RETURN_IF_ERROR(TakeInstances(tx, snapshot));
  snapshot->audit_records = audit_records_;
  return absl::OkStatus();
}

absl::Status FleetSnapshotter::TakeInstances(ReadTx& tx, FleetSnapshot* snapshot) {
  PageRequest request;
  request.size = kPageSize;
  do {
    ASSIGN_OR_RETURN(Page<Instance> page, tx.ListInstances("", request));
    for (Instance& instance : page.items) {
      if (instance.removed) continue;
      FleetSnapshot::InstanceSummary summary;
      summary.id = std::move(instance.id);
      summary.agent_id = std::move(instance.agent_id);
      summary.environment = std::move(instance.environment);
      summary.engine = std::move(instance.engine);
      summary.labels = std::move(instance.labels);
      summary.migrations = migrations_[summary.id];
      for (const TaskState outcome : kOutcomes) {
        summary.migrations.try_emplace(std::string(NameOf(outcome)), 0);
      }
      summary.backups = backups_[summary.id];
      for (const TaskState outcome : kBackupOutcomes) {
        summary.backups.try_emplace(std::string(NameOf(outcome)), 0);
      }
      RETURN_IF_ERROR(TakeBackups(tx, &summary));
      snapshot->instances.push_back(std::move(summary));
    }
    request.token = std::move(page.next_token);
  } while (!request.token.empty());
  return absl::OkStatus();
}

absl::Status FleetSnapshotter::TakeAgents(ReadTx& tx, FleetSnapshot* snapshot) {
  PageRequest request;
  request.size = kPageSize;
  do {
    ASSIGN_OR_RETURN(Page<Agent> page, tx.ListAgents("", request));
    for (Agent& agent : page.items) {
      if (agent.revoked) continue;
      snapshot->agents.push_back({std::move(agent.id), std::move(agent.environment)});
    }
    request.token = std::move(page.next_token);
  } while (!request.token.empty());
  return absl::OkStatus();
}

absl::Status FleetSnapshotter::TakeBackups(ReadTx& tx, FleetSnapshot::InstanceSummary* instance) {
  BackupFilter filter;
  filter.instance_id = instance->id;
  PageRequest request;
  request.size = kBackupsLookedAt;
  ASSIGN_OR_RETURN(const Page<Backup> page, tx.ListBackups(filter, request));
  for (const Backup& backup : page.items) {
    if (backup.state != Backup::State::kComplete) continue;
    instance->last_backup = std::max(instance->last_backup, backup.snapshot_time);
    if (backup.verified_level >= 1) {
      instance->last_verified_backup =
          std::max(instance->last_verified_backup, backup.snapshot_time);
    }
  }
  if (instance->last_verified_backup > absl::UnixEpoch() || page.next_token.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<Backup> verified, tx.VerifiedBackups(instance->id));
  if (!verified.empty()) {
    instance->last_verified_backup = verified[0].snapshot_time;
    instance->last_backup = std::max(instance->last_backup, verified[0].snapshot_time);
  }
  return absl::OkStatus();
}

absl::Status FleetSnapshotter::FindAllJobs(ReadTx& tx) {
  PageRequest request;
  request.size = kPageSize;
  do {
    ASSIGN_OR_RETURN(const Page<Job> page, tx.ListJobs({}, request));
    for (const Job& job : page.items) {
      if (IsTerminal(job.state)) {
        RETURN_IF_ERROR(CountEnded(tx, job));
      } else {
        open_.insert(job.id);
      }
    }
    request.token = page.next_token;
  } while (!request.token.empty());
  return absl::OkStatus();
}

absl::Status FleetSnapshotter::FindNewJobs(ReadTx& tx) {
  for (;;) {
    ASSIGN_OR_RETURN(const std::vector<AuditRow> records,
                     tx.SkimAudit(audit_records_ + 1, kPageSize));
    for (const AuditRow& record : records) {
      absl::string_view job = record.entry.resource;
      if (MakesAJob(record.entry.action) && absl::ConsumePrefix(&job, "jobs/")) {
        open_.insert(std::string(job));
      }
      audit_records_ = record.seq;
    }
    if (records.size() < static_cast<size_t>(kPageSize)) return absl::OkStatus();
  }
}

absl::Status FleetSnapshotter::FollowOpenJobs(ReadTx& tx, FleetSnapshot* snapshot) {
  for (auto it = open_.begin(); it != open_.end();) {
    ASSIGN_OR_RETURN(const Job job, tx.GetJob(*it));
    if (IsTerminal(job.state)) {
      RETURN_IF_ERROR(CountEnded(tx, job));
      it = open_.erase(it);
      continue;
    }
    ++snapshot->jobs[job.state];
    ++it;
  }
  snapshot->approvals_pending = snapshot->jobs[JobState::kAwaitingApproval];
  for (const auto& [state, number] : ended_) snapshot->jobs[state] += number;
  for (int state = 0; state <= static_cast<int>(JobState::kExpired); ++state) {
    snapshot->jobs.try_emplace(static_cast<JobState>(state), 0);
  }
  return absl::OkStatus();
}

absl::Status FleetSnapshotter::CountEnded(ReadTx& tx, const Job& job) {
  const bool migration = job.kind == JobKind::kMigrate && !job.plan_only;
  if (migration || job.kind == JobKind::kBackup) {
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
    for (const Task& task : tasks) {
      if (migration && IsOneOf(task.state, kOutcomes)) {
        ++migrations_[task.instance_id][std::string(NameOf(task.state))];
      }
      // In the second stage the backups of the first are verified.
      if (!migration && task.stage == 0 && IsOneOf(task.state, kBackupOutcomes)) {
        ++backups_[task.instance_id][std::string(NameOf(task.state))];
      }
    }
  }
  ++ended_[job.state];
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
