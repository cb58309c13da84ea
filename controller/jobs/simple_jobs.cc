// JobManager's part for submitting checks, inspections, backups and verifications (see
// job_manager.h): for one request, or inside of the transaction of whoever submits many.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/sql/sql.h"
#include "controller/domain/names.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/same_request.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMaxStatementBytes = 64 << 10;

// For a title.
std::string OnOneLine(absl::string_view text) {
  return absl::StrJoin(absl::StrSplit(text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()), " ");
}

}  // namespace

absl::Status ValidateInspect(const work::v1::InspectSpec& spec) {
  auto bad = [](absl::string_view message) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_INSPECTION", message);
  };
  if (spec.statement().empty()) return bad("`statement` is empty");
  if (spec.statement().size() > kMaxStatementBytes) return bad("`statement` is above 64 KiB");
  if (!IsValidUtf8(spec.statement())) return bad("`statement` is not valid UTF-8");
  if (spec.max_rows() < 0 || spec.max_rows() > 10'000) return bad("`max_rows` is not in 0..10000");
  if (spec.timeout().seconds() < 0 || spec.timeout().seconds() > 300) {
    return bad("`timeout` is not in 0..300 s");
  }
  return absl::OkStatus();
}

absl::Status CheckInspection(const Instance& instance, const work::v1::InspectSpec& inspect) {
  const sql::Dialect dialect = DialectOf(instance);
  const sql::Verdict verdict = sql::Classify(dialect, inspect.statement(), inspect.database());
  if (verdict.streams_rows) {
    return Error(absl::StatusCode::kFailedPrecondition, "INSPECTION_NOT_SAFE",
                 "COPY sends a stream, which an inspection does not show; send its SELECT");
  }
  if (verdict.safety == sql::Safety::kSafe) return absl::OkStatus();
  const absl::string_view advice =
      verdict.credentials ? "dbfleet shows no credentials; if it is meant, ask the server by hand"
      : dialect == sql::Dialect::kRedis
          ? "dbfleet only reads Redis; if it is meant, run it there by hand"
          : "submit it as a change instead: dbfleet change submit";
  return Error(absl::StatusCode::kFailedPrecondition, "INSPECTION_NOT_SAFE",
               absl::StrCat("the statement is not read-only for certain: ",
                            absl::StrJoin(verdict.reasons, "; "), "; ", advice));
}

absl::StatusOr<JobPicture> JobManager::SubmitCheckAndShow(const RequestMeta& meta,
                                                          const std::string& instance_id,
                                                          const WhyNoWork& why_no_work) {
  JobPicture picture;
  const absl::StatusOr<Job> job = Run(
      meta,
      [&](FlowContext& context) -> absl::StatusOr<Job> {
        ASSIGN_OR_RETURN(picture, InsertCheck(context, meta, instance_id));
        if (why_no_work && !picture.tasks.empty()) {
          ASSIGN_OR_RETURN(picture.blockers, ExplainTasks(context.tx, picture.job, picture.tasks,
                                                          why_no_work, &picture));
        }
        return picture.job;
      },
      Importance::kRepeatable);
  if (!job.ok()) return job.status();
  if (!why_no_work || !picture.tasks.empty()) return picture;
  // Not made now, or not begun: whatever it is, its picture is no work for the writer.
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(picture, Show(tx, job->id, why_no_work));
    return absl::OkStatus();
  }));
  return picture;
}

absl::StatusOr<JobPicture> JobManager::InsertCheck(FlowContext& context, const RequestMeta& meta,
                                                   const std::string& instance_id) {
  ASSIGN_OR_RETURN(const Instance instance, GetLiveInstance(context.tx, instance_id));
  work::v1::JobSpec spec;
  spec.mutable_check();
  return InsertSimpleJob(context, meta, JobKind::kCheck, instance, spec,
                         absl::StrCat("Check ", instance_id));
}

absl::StatusOr<Job> JobManager::SubmitInspect(const RequestMeta& meta,
                                              const std::string& instance_id,
                                              work::v1::InspectSpec inspect) {
  RETURN_IF_ERROR(ValidateInspect(inspect));
  Instance instance;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(instance, GetLiveInstance(tx, instance_id));
    return absl::OkStatus();
  }));
  if (const absl::Status allowed = CheckInspection(instance, inspect); !allowed.ok()) {
    return AuditRefusal(meta, "inspect.refused", absl::StrCat("instances/", instance_id),
                        instance.environment, allowed);
  }
  return Run(meta,
             [&](FlowContext& context) { return InsertInspect(context, meta, instance, inspect); });
}

absl::StatusOr<Job> JobManager::InsertInspect(FlowContext& context, const RequestMeta& meta,
                                              const Instance& instance,
                                              const work::v1::InspectSpec& inspect) {
  ASSIGN_OR_RETURN(const Instance now, GetLiveInstance(context.tx, instance.id));
  if (DialectOf(now) != DialectOf(instance)) {
    return Error(absl::StatusCode::kAborted, "STALE",
                 absl::StrCat("instances/", instance.id,
                              " became another server while the statement was looked at; again"));
  }
  work::v1::JobSpec spec;
  *spec.mutable_inspect() = inspect;
  ASSIGN_OR_RETURN(
      JobPicture picture,
      InsertSimpleJob(
          context, meta, JobKind::kInspect, now, spec,
          absl::StrCat("Inspect ", instance.id, ": ",
                       Truncate(SanitizeForDisplay(OnOneLine(inspect.statement())), 80))));
  return std::move(picture.job);
}

absl::StatusOr<Job> JobManager::SubmitBackup(const RequestMeta& meta,
                                             const std::string& instance_id,
                                             const std::vector<std::string>& databases, bool verify,
                                             const std::string& reason, const QueueAsk& queue) {
  return Run(meta, [&](FlowContext& context) {
    return InsertBackup(context, meta, instance_id, databases, verify, reason, queue);
  });
}

absl::StatusOr<Job> JobManager::InsertBackup(FlowContext& context, const RequestMeta& meta,
                                             const std::string& instance_id,
                                             const std::vector<std::string>& databases, bool verify,
                                             const std::string& reason, const QueueAsk& queue) {
  ASSIGN_OR_RETURN(std::optional<Job> earlier,
                   FindEarlier(context.tx, meta, JobKind::kBackup, [&](const Job& job) {
                     return IsWhatIsAsked(context.tx, job, instance_id, databases, verify, queue);
                   }));
  if (earlier.has_value()) return *earlier;
  ASSIGN_OR_RETURN(const Instance instance, GetLiveInstance(context.tx, instance_id));
  RETURN_IF_ERROR(CheckDatabasesFit(instance, databases));
  BackupJobRequest request;
  request.environment = instance.environment;
  request.requester = meta.principal;
  request.title = absl::StrCat("Back up ", instance_id);
  request.reason = reason;
  request.request_key = RequestKey(meta);
  request.verify = verify;
  request.targets.push_back({instance_id, databases});
  Job draft;
  draft.environment = instance.environment;
  RETURN_IF_ERROR(EnterQueue(
      context.tx, flow_, queue, {instance_id}, context.now,
      [&] { return EstimateBackup(context.tx, instance_id, databases, verify); }, &draft));
  request.queue = draft.queue;
  request.expire_time = draft.expire_time;
  ASSIGN_OR_RETURN(const Job job, InsertBackupJob(context, request));
  RETURN_IF_ERROR(flow_.Advance(context, job.id));
  return context.tx.GetJob(job.id);
}

absl::StatusOr<Job> JobManager::SubmitVerify(const RequestMeta& meta, const std::string& backup_id,
                                             const QueueAsk& queue) {
  return Run(meta,
             [&](FlowContext& context) { return InsertVerify(context, meta, backup_id, queue); });
}

absl::StatusOr<Job> JobManager::InsertVerify(FlowContext& context, const RequestMeta& meta,
                                             const std::string& backup_id, const QueueAsk& queue) {
  ASSIGN_OR_RETURN(const Backup backup, context.tx.GetBackup(backup_id));
  if (backup.state != Backup::State::kComplete && backup.state != Backup::State::kSuspect) {
    return Error(absl::StatusCode::kFailedPrecondition, "BACKUP_NOT_COMPLETE",
                 absl::StrCat("backups/", backup_id, " is ", NameOf(backup.state),
                              "; only a complete backup can be verified"));
  }
  ASSIGN_OR_RETURN(const Instance instance, GetLiveInstance(context.tx, backup.instance_id));
  work::v1::JobSpec spec;
  spec.mutable_verify()->set_backup_id(backup_id);
  Job draft;
  draft.environment = instance.environment;
  RETURN_IF_ERROR(EnterQueue(
      context.tx, flow_, queue, {instance.id}, context.now,
      [&] { return EstimateVerification(context.tx, instance.id); }, &draft));
  ASSIGN_OR_RETURN(JobPicture picture,
                   InsertSimpleJob(context, meta, JobKind::kVerify, instance, spec,
                                   absl::StrCat("Verify backup ", backup_id), draft));
  return std::move(picture.job);
}

}  // namespace dbfleet::controller
