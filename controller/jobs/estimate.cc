#include "controller/jobs/estimate.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <utility>

#include "common/base/status.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

// How many of an instance's backups, and of a change's runs, are looked at for it.
constexpr int kLookedAt = 20;

// Of the attempt that did it; nullopt if that is not known.
absl::StatusOr<std::optional<absl::Duration>> TimeOf(ReadTx& tx, const Task& task) {
  if (task.state != TaskState::kSucceeded) return std::optional<absl::Duration>();
  ASSIGN_OR_RETURN(const std::vector<Attempt> attempts, tx.AttemptsOfTask(task.id));
  for (const Attempt& attempt : attempts) {
    if (attempt.purpose == Purpose::kExecute && attempt.state == AttemptState::kSucceeded &&
        attempt.start_time != absl::InfinitePast() && attempt.end_time >= attempt.start_time) {
      return std::make_optional(attempt.end_time - attempt.start_time);
    }
  }
  return std::optional<absl::Duration>();
}

// The parts of a backup job on one instance; nullopt: there is no such part, or it did not succeed.
struct BackupRun {
  std::optional<absl::Duration> backup;
  std::optional<absl::Duration> verification;
  std::vector<std::string> databases;  // As they were asked for.
};

absl::StatusOr<BackupRun> RunOf(ReadTx& tx, const Backup& backup) {
  BackupRun run;
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(backup.job_id));
  for (const Task& task : tasks) {
    if (task.instance_id != backup.instance_id || task.spec_blob.empty()) continue;
    work::v1::JobSpec spec;
    if (!spec.ParseFromString(task.spec_blob)) continue;
    if (spec.has_backup()) {
      run.databases.assign(spec.backup().databases().begin(), spec.backup().databases().end());
      ASSIGN_OR_RETURN(run.backup, TimeOf(tx, task));
    } else if (spec.has_verify()) {
      ASSIGN_OR_RETURN(run.verification, TimeOf(tx, task));
    }
  }
  return run;
}

// `time_of`: of a run, nullopt if it says nothing.
absl::StatusOr<Estimate> FromBackups(
    ReadTx& tx, const std::string& instance_id, int parts,
    const std::function<std::optional<absl::Duration>(const BackupRun&)>& time_of) {
  ASSIGN_OR_RETURN(const Page<Backup> backups,
                   tx.ListBackups({instance_id, EnvironmentFilter()}, {kLookedAt, ""}));
  Estimate estimate{parts * kAssumedWork};
  for (const Backup& backup : backups.items) {
    if (estimate.runs == kRunsLearnedFrom) break;
    ASSIGN_OR_RETURN(const BackupRun run, RunOf(tx, backup));
    const std::optional<absl::Duration> time = time_of(run);
    if (!time.has_value()) continue;
    estimate.time = estimate.runs == 0 ? *time : std::max(estimate.time, *time);
    estimate.source = EstimateSource::kLearned;
    ++estimate.runs;
  }
  return estimate;
}

std::vector<std::string> Sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::Duration RolloutTime(absl::Span<const absl::Duration> targets, const WorkShape& shape) {
  absl::Duration total = absl::ZeroDuration();
  size_t next = 0;
  for (const int size : shape.wave_sizes) {
    if (next == targets.size()) break;
    if (next > 0) total += shape.pause_between;
    // When the places are free, the earliest first.
    std::priority_queue<absl::Duration, std::vector<absl::Duration>, std::greater<>> free;
    for (int i = 0; i < std::max(1, shape.max_parallel); ++i) free.push(absl::ZeroDuration());
    absl::Duration wave = absl::ZeroDuration();
    for (int i = 0; i < size && next < targets.size(); ++i, ++next) {
      const absl::Duration end = free.top() + targets[next];
      free.pop();
      free.push(end);
      wave = std::max(wave, end);
    }
    total += wave;
  }
  return total;
}

absl::StatusOr<Estimate> EstimateBackup(ReadTx& tx, const std::string& instance_id,
                                        const std::vector<std::string>& databases, bool verify) {
  const std::vector<std::string> wanted = Sorted(databases);
  return FromBackups(tx, instance_id, verify ? 2 : 1,
                     [&](const BackupRun& run) -> std::optional<absl::Duration> {
                       if (!run.backup.has_value() || Sorted(run.databases) != wanted) return {};
                       if (!verify) return run.backup;
                       if (!run.verification.has_value()) return {};
                       return *run.backup + *run.verification;
                     });
}

absl::StatusOr<Estimate> EstimateVerification(ReadTx& tx, const std::string& instance_id) {
  return FromBackups(tx, instance_id, 1, [](const BackupRun& run) { return run.verification; });
}

absl::StatusOr<Estimate> EstimateChange(ReadTx& tx, const Job& job,
                                        work::v1::MigrateDirection direction,
                                        const std::vector<std::string>& instances,
                                        const WorkShape& shape) {
  ASSIGN_OR_RETURN(const std::vector<Job> past,
                   tx.ChangesOfContent({job.environment, job.content_digest}, kLookedAt));
  std::map<std::string, absl::Duration> longest;  // By instance.
  absl::Duration of_all = absl::ZeroDuration();
  Estimate estimate;
  for (const Job& run : past) {
    if (estimate.runs == kRunsLearnedFrom) break;
    if (run.state != JobState::kSucceeded) continue;
    ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(run));
    if (spec.migrate().direction() != direction) continue;
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(run.id));
    bool any = false;
    for (const Task& task : tasks) {
      ASSIGN_OR_RETURN(const std::optional<absl::Duration> time, TimeOf(tx, task));
      ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(task));
      // One that found nothing to do says nothing of what there is to do.
      const auto& migrate = result.migrate();
      if (migrate.applied_versions().empty() && migrate.rolled_back_versions().empty()) continue;
      if (!time.has_value()) continue;
      absl::Duration& of_target = longest[task.instance_id];
      of_target = std::max(of_target, *time);
      of_all = std::max(of_all, *time);
      any = true;
    }
    if (any) ++estimate.runs;
  }
  std::vector<absl::Duration> targets;
  for (const std::string& instance : instances) {
    const auto found = longest.find(instance);
    targets.push_back(estimate.runs == 0       ? kAssumedWork
                      : found == longest.end() ? of_all
                                               : found->second);
  }
  if (estimate.runs > 0) estimate.source = EstimateSource::kLearned;
  estimate.time = RolloutTime(targets, shape);
  return estimate;
}

}  // namespace dbfleet::controller
