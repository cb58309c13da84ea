#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_flow.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// What one backup job covers on one instance.
struct BackupTarget {
  std::string instance_id;
  std::vector<std::string> databases;  // Empty: all but the server's own.
};

struct BackupJobRequest {
  std::string environment;
  std::string requester;
  std::string title;
  std::string reason;
  std::string parent;
  std::string request_key;
  bool verify = true;
  std::vector<BackupTarget> targets;
  QueuePlace queue;
  // When it is not begun any more; infinite: as backups are.
  absl::Time expire_time = absl::InfiniteFuture();
};

// Stores a backup job: per instance a backup task (stage 0) and, unless told otherwise, a
// verification (stage 1), and the catalogue's RUNNING records. The caller advances it.
absl::StatusOr<Job> InsertBackupJob(FlowContext& context, const BackupJobRequest& request);

// Before an attempt of a backup's task is granted: which server it is of, by whose agent. What the
// instance's name means may change later.
absl::Status NoteServer(FlowContext& context, const Job& job, const Task& task,
                        const Attempt& attempt);

// Carries the end of a backup's or verification's task into the catalogue. A backup is COMPLETE
// only when the agent reported success with a result.
//
// A verification that found damage, or another manifest than the one that was taken, makes it
// SUSPECT. One that found no manifest at all takes the backup's level: it may be gone, and then
// nothing may rest on it, but to an agent of a former version a repository that is not mounted
// looks the same, so that the next verification may find it whole. One that could not look, or does
// not say which manifest it looked at, changes nothing.
absl::Status RecordBackupOutcome(FlowContext& context, const Job& job, const Task& task);

// Carries what an agent found before it began into the catalogue: the backup of a BACKUP_GONE has
// no level any more, as one whose verification found no manifest, until a verification finds it
// whole.
absl::Status NoteGoneBackup(FlowContext& context, const Job& job, const Attempt& attempt);

// RecordBackupOutcome of the job's backups that have no outcome yet, as their tasks ended without
// an attempt: cancelled, or skipped. `tasks` are all of the job's, which has ended.
absl::Status RecordUnbegunBackups(FlowContext& context, const Job& job,
                                  absl::Span<const Task> tasks);

// What is to be done about a job's gate backup.
enum class GateStep {
  kWait,  // Nothing: it is being taken, by the job's own gate or by another job.
  kTake,
  kGiveUp,  // There is no use in another one.
};
// `begin`: when the work may begin at the earliest.
absl::StatusOr<GateStep> NextGateStep(ReadTx& tx, const Job& job, const std::vector<Task>& tasks,
                                      absl::Time begin);

// A policy's demand for a verified backup, met by taking one: makes the job's gate backup, of the
// targets that have not ended, unless it exists. It has to do for `begin`, when the work may begin
// at the earliest. True if there is no use in another one, as the gate's job ended without success:
// the job's error then says so (BACKUP_GATE_FAILED), and the caller ends it.
absl::StatusOr<bool> EnsureGateBackup(FlowContext& context, Job* job,
                                      const std::vector<Task>& tasks, absl::Time begin);

}  // namespace dbfleet::controller
