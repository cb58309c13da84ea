#include "controller/scheduler/declared_job.h"

#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

using resource::v1::ScheduledJob;

QueueAsk QueueOf(const ScheduledJob& job) {
  QueueAsk ask;
  if (!job.has_queue()) return ask;
  ask.window = job.queue().window();
  if (job.queue().has_priority()) ask.priority = job.queue().priority();
  if (job.queue().has_estimate()) ask.estimate = FromProto(job.queue().estimate());
  return ask;
}

std::vector<std::string> DatabasesOf(const ScheduledJob& job) {
  return {job.backup().databases().begin(), job.backup().databases().end()};
}

// The newest that can be verified. NOT_FOUND (NO_BACKUP).
absl::StatusOr<std::string> BackupToVerify(ReadTx& tx, const Instance& instance) {
  constexpr int kLookedAt = 50;
  ASSIGN_OR_RETURN(const Page<Backup> backups,
                   tx.ListBackups({instance.id, instance.environment}, {kLookedAt, ""}));
  for (const Backup& backup : backups.items) {
    if (backup.state == Backup::State::kComplete) return backup.id;
  }
  return Error(absl::StatusCode::kNotFound, "NO_BACKUP",
               absl::StrCat("instances/", instance.id,
                            " has no complete backup that could be verified; take one: "
                            "dbfleet backup run ",
                            instance.id));
}

}  // namespace

absl::Status PrepareJob(ReadTx& tx, const ScheduledJob& job, absl::string_view environment,
                        PreparedTarget* target) {
  if (target->instance.environment != environment) {
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_NOT_IN_ENVIRONMENT",
                 absl::StrCat("instance \"", target->instance.id, "\" belongs to ",
                              target->instance.environment, " now"));
  }
  if (job.has_inspect()) return CheckInspection(target->instance, InspectionOf(job));
  if (job.has_backup()) return CheckDatabasesFit(target->instance, DatabasesOf(job));
  if (job.has_verify()) {
    ASSIGN_OR_RETURN(target->backup_id, BackupToVerify(tx, target->instance));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> InsertDeclaredJob(JobManager& jobs, FlowContext& context,
                                              const RequestMeta& meta, const ScheduledJob& job,
                                              const PreparedTarget& target,
                                              const std::string& reason) {
  if (job.has_check()) {
    ASSIGN_OR_RETURN(const JobPicture picture, jobs.InsertCheck(context, meta, target.instance.id));
    return picture.job.id;
  }
  absl::StatusOr<Job> made = Error(absl::StatusCode::kFailedPrecondition, "NO_ACTION",
                                   "what is declared says nothing that this version could do");
  if (job.has_inspect()) {
    made = jobs.InsertInspect(context, meta, target.instance, InspectionOf(job));
  } else if (job.has_backup()) {
    made = jobs.InsertBackup(context, meta, target.instance.id, DatabasesOf(job),
                             !job.backup().skip_verify(), reason, QueueOf(job));
  } else if (job.has_verify()) {
    made = jobs.InsertVerify(context, meta, target.backup_id, QueueOf(job));
  }
  RETURN_IF_ERROR(made.status());
  return made->id;
}

}  // namespace dbfleet::controller
