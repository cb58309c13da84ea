#include "controller/jobs/job_manager.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/backup_flow.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kSimpleJobLifetime = absl::Hours(1);
constexpr size_t kMaxStatementBytes = 64 << 10;

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

// For a title.
std::string OnOneLine(absl::string_view text) {
  return absl::StrJoin(absl::StrSplit(text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()), " ");
}

}  // namespace

std::string RequestKey(const RequestMeta& meta) {
  return meta.request_id.empty() ? "" : absl::StrCat(meta.principal, " ", meta.request_id);
}

absl::StatusOr<std::optional<Job>> FindEarlier(ReadTx& tx, const RequestMeta& meta, JobKind kind,
                                               absl::FunctionRef<bool(const Job&)> same) {
  if (meta.request_id.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(std::optional<Job> earlier, tx.FindJobByRequestKey(RequestKey(meta)));
  if (!earlier.has_value() || (earlier->kind == kind && same(*earlier))) return earlier;
  return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
               absl::StrCat("`request_id` was used for another request already, which made jobs/",
                            earlier->id, "; use a new one for each request"));
}

absl::StatusOr<std::optional<Job>> FindEarlier(ReadTx& tx, const RequestMeta& meta, JobKind kind,
                                               const std::string& instance_id) {
  absl::Status read;
  ASSIGN_OR_RETURN(std::optional<Job> earlier, FindEarlier(tx, meta, kind, [&](const Job& job) {
                     const absl::StatusOr<std::vector<Task>> tasks = tx.TasksOfJob(job.id);
                     read = tasks.status();
                     return !read.ok() ||
                            (!tasks->empty() && tasks->front().instance_id == instance_id);
                   }));
  RETURN_IF_ERROR(read);
  return earlier;
}

absl::StatusOr<Instance> GetLiveInstance(ReadTx& tx, const std::string& id) {
  absl::StatusOr<Instance> instance = tx.GetInstance(id);
  if (absl::IsNotFound(instance.status()) || (instance.ok() && instance->removed)) {
    return Error(absl::StatusCode::kNotFound, "INSTANCE_NOT_FOUND",
                 absl::StrCat("there is no instance \"", SanitizeForDisplay(Truncate(id, 100)),
                              "\"; see: dbfleet instance list"));
  }
  return instance;
}

absl::StatusOr<Job> JobManager::Run(const RequestMeta& meta, const Body& body,
                                    Importance importance) {
  absl::StatusOr<Job> result = absl::InternalError("the mutation did not run");
  JobChanges changes;
  const Store::Mutation mutation = [&](WriteTx& tx) {
    FlowContext context{tx, clock_.Now(), meta.principal, {}};
    result = body(context);
    changes = std::move(context.changes);
    return result.status();
  };
  switch (importance) {
    case Importance::kNormal:
      RETURN_IF_ERROR(store_.MutateAndWait(mutation));
      break;
    case Importance::kRepeatable:
      RETURN_IF_ERROR(store_.MutateRepeatableAndWait(mutation));
      break;
    case Importance::kEssential:
      RETURN_IF_ERROR(store_.MutateEssentialAndWait(mutation));
      break;
  }
  hub_.Notify(changes);
  return result;
}

absl::Status JobManager::AuditRefusal(const RequestMeta& meta, absl::string_view action,
                                      const std::string& resource, const std::string& environment,
                                      const absl::Status& refusal) {
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) {
    return tx.AppendAudit(
        {meta.principal,
         std::string(action),
         resource,
         environment,
         {{"reason", ReasonOf(refusal)}, {"message", Truncate(refusal.message(), 2000)}}});
  }));
  return refusal;
}

absl::StatusOr<JobPicture> JobManager::InsertSimpleJob(FlowContext& context,
                                                       const RequestMeta& meta, JobKind kind,
                                                       const Instance& instance,
                                                       const work::v1::JobSpec& spec,
                                                       absl::string_view title) {
  JobPicture picture;
  Job& job = picture.job;
  ASSIGN_OR_RETURN(std::optional<Job> earlier, FindEarlier(context.tx, meta, kind, instance.id));
  if (earlier.has_value()) {
    job = *std::move(earlier);
    return picture;
  }
  job.id = NewUlid(context.now);
  job.kind = kind;
  job.state = JobState::kReady;  // There is nothing to plan.
  job.environment = instance.environment;
  job.requester = meta.principal;
  job.title = std::string(title);
  job.request_key = RequestKey(meta);
  job.safety = SafetyClass::kSafe;
  job.create_time = job.update_time = context.now;
  job.expire_time = context.now + kSimpleJobLifetime;
  job.spec_blob = spec.SerializeAsString();
  RETURN_IF_ERROR(context.tx.InsertJob(&job));
  Task task;
  task.id = NewUlid(context.now);
  task.job_id = job.id;
  task.instance_id = instance.id;
  RETURN_IF_ERROR(context.tx.InsertTask(&task));
  RETURN_IF_ERROR(context.Audit(absl::StrCat(NameOf(kind), ".submit"), job,
                                {{"instance", instance.id}, {"title", job.title}}));
  ASSIGN_OR_RETURN(std::optional<Attempt> attempt, flow_.Begin(context, job, &task));
  if (!attempt.has_value()) {
    ASSIGN_OR_RETURN(job, context.tx.GetJob(job.id));
    return picture;
  }
  picture.tasks.push_back(std::move(task));
  picture.attempts.push_back({*std::move(attempt)});
  return picture;
}

absl::StatusOr<JobPicture> JobManager::SubmitCheckAndShow(const RequestMeta& meta,
                                                          const std::string& instance_id,
                                                          const WhyNoWork& why_no_work) {
  JobPicture picture;
  const absl::StatusOr<Job> job = Run(
      meta,
      [&](FlowContext& context) -> absl::StatusOr<Job> {
        ASSIGN_OR_RETURN(const Instance instance, GetLiveInstance(context.tx, instance_id));
        work::v1::JobSpec spec;
        spec.mutable_check();
        ASSIGN_OR_RETURN(picture, InsertSimpleJob(context, meta, JobKind::kCheck, instance, spec,
                                                  absl::StrCat("Check ", instance_id)));
        if (why_no_work && !picture.tasks.empty()) {
          ASSIGN_OR_RETURN(picture.blockers,
                           ExplainTasks(context.tx, picture.job, picture.tasks, why_no_work));
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

absl::StatusOr<Job> JobManager::SubmitInspect(const RequestMeta& meta,
                                              const std::string& instance_id,
                                              work::v1::InspectSpec inspect) {
  RETURN_IF_ERROR(ValidateInspect(inspect));
  Instance instance;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(instance, GetLiveInstance(tx, instance_id));
    return absl::OkStatus();
  }));
  const sql::Dialect dialect = DialectOf(instance);
  const sql::Verdict verdict = sql::Classify(dialect, inspect.statement(), inspect.database());
  if (verdict.safety != sql::Safety::kSafe) {
    const absl::string_view advice =
        verdict.credentials ? "dbfleet shows no credentials; if it is meant, ask the server by hand"
        : dialect == sql::Dialect::kRedis
            ? "dbfleet only reads Redis; if it is meant, run it there by hand"
            : "submit it as a change instead: dbfleet change submit";
    return AuditRefusal(meta, "inspect.refused", absl::StrCat("instances/", instance_id),
                        instance.environment,
                        Error(absl::StatusCode::kFailedPrecondition, "INSPECTION_NOT_SAFE",
                              absl::StrCat("the statement is not read-only for certain: ",
                                           absl::StrJoin(verdict.reasons, "; "), "; ", advice)));
  }
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    work::v1::JobSpec spec;
    *spec.mutable_inspect() = inspect;
    ASSIGN_OR_RETURN(
        JobPicture picture,
        InsertSimpleJob(
            context, meta, JobKind::kInspect, instance, spec,
            absl::StrCat("Inspect ", instance_id, ": ",
                         Truncate(SanitizeForDisplay(OnOneLine(inspect.statement())), 80))));
    return std::move(picture.job);
  });
}

absl::StatusOr<Job> JobManager::SubmitBackup(const RequestMeta& meta,
                                             const std::string& instance_id,
                                             const std::vector<std::string>& databases, bool verify,
                                             const std::string& reason) {
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(std::optional<Job> earlier,
                     FindEarlier(context.tx, meta, JobKind::kBackup, instance_id));
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
    ASSIGN_OR_RETURN(const Job job, InsertBackupJob(context, request));
    RETURN_IF_ERROR(flow_.Advance(context, job.id));
    return context.tx.GetJob(job.id);
  });
}

absl::StatusOr<Job> JobManager::SubmitVerify(const RequestMeta& meta,
                                             const std::string& backup_id) {
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(const Backup backup, context.tx.GetBackup(backup_id));
    if (backup.state != Backup::State::kComplete && backup.state != Backup::State::kSuspect) {
      return Error(absl::StatusCode::kFailedPrecondition, "BACKUP_NOT_COMPLETE",
                   absl::StrCat("backups/", backup_id, " is ", NameOf(backup.state),
                                "; only a complete backup can be verified"));
    }
    ASSIGN_OR_RETURN(const Instance instance, GetLiveInstance(context.tx, backup.instance_id));
    work::v1::JobSpec spec;
    spec.mutable_verify()->set_backup_id(backup_id);
    ASSIGN_OR_RETURN(JobPicture picture,
                     InsertSimpleJob(context, meta, JobKind::kVerify, instance, spec,
                                     absl::StrCat("Verify backup ", backup_id)));
    return std::move(picture.job);
  });
}

absl::Status JobManager::CancelOverrun(FlowContext& context, const std::string& job_id) {
  ASSIGN_OR_RETURN(Job job, context.tx.GetJob(job_id));
  if (!EndsWithItsWindow(job)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const PolicyDecision decision,
                   flow_.EvaluatePolicy(context.tx, job, context.now));
  // A freeze lets go on what runs, and holds up the rest.
  if (!decision.BlockedBy("window") || decision.closing) return absl::OkStatus();
  job.cancel_requested = true;
  const std::string why = absl::StrCat("the window ", job.window, " has closed");
  job.error_reason = kWindowClosed;
  job.error_message = why;
  RETURN_IF_ERROR(context.Audit("job.cancel", job, {{"reason", why}}));
  RETURN_IF_ERROR(EndCancelled(context, job));
  return CancelGate(context, job, why);
}

void JobManager::Tick() {
  const absl::Time now = clock_.Now();
  std::vector<std::string> due;
  (void)store_.Read([&](ReadTx& tx) -> absl::Status {
    for (const JobState state : {JobState::kPlanning, JobState::kAwaitingApproval, JobState::kReady,
                                 JobState::kRolling, JobState::kPaused}) {
      ASSIGN_OR_RETURN(const std::vector<Job> jobs, tx.JobsInState(state));
      for (const Job& job : jobs) {
        // What a waiting change waits for (approvals, backups, the policy) may have come or gone
        // without a word to it.
        const bool waits = job.kind == JobKind::kMigrate &&
                           (state == JobState::kAwaitingApproval || state == JobState::kReady);
        const bool by_window = (state == JobState::kPaused && job.error_reason == kWindowClosed) ||
                               EndsWithItsWindow(job);
        const bool expired =
            job.expire_time <= now && (state != JobState::kPaused || IsPausedByItself(job));
        if (waits || by_window || expired) due.push_back(job.id);
      }
    }
    return absl::OkStatus();
  });
  for (const std::string& job_id : due) {
    auto changes = std::make_shared<JobChanges>();
    store_.Mutate(
        [this, changes, job_id](WriteTx& tx) {
          FlowContext context{tx, clock_.Now(), "system/scheduler", {}};
          absl::Status status = CancelOverrun(context, job_id);
          if (status.ok()) status = flow_.Advance(context, job_id);
          *changes = std::move(context.changes);
          return status;
        },
        [this, changes](absl::Status status) {
          if (status.ok()) hub_.Notify(*changes);
        });
  }
}

}  // namespace dbfleet::controller
