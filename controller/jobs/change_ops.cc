// JobManager's part for submitting changes and their rollbacks (see job_manager.h).
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/sql/sql.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/estimate.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/rollback.h"
#include "controller/jobs/same_request.h"
#include "controller/jobs/specs.h"
#include "controller/jobs/targets.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMaxDatabaseName = 64;
constexpr int kMaxTargets = 10'000;

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

absl::Status ValidateDatabase(const std::string& name) {
  if (name.empty())
    return Bad("DATABASE_REQUIRED", "`database` is empty; name the database to change");
  if (name.size() > kMaxDatabaseName || !IsValidUtf8(name) || SanitizeForDisplay(name) != name) {
    return Bad("BAD_DATABASE_NAME",
               absl::StrCat("\"", SanitizeForDisplay(Truncate(name, 100)),
                            "\" is not a database name: at most 64 bytes of printable UTF-8"));
  }
  return absl::OkStatus();
}

absl::Status ValidateRequest(const ChangeRequest& request) {
  if (request.instances.empty()) {
    return Bad("NO_TARGET", "`instances` is empty; name at least one instance");
  }
  if (request.instances.size() > kMaxTargets) {
    return Bad("TOO_MANY_TARGETS", absl::StrCat("at most ", kMaxTargets, " instances per change"));
  }
  if (std::set<std::string>(request.instances.begin(), request.instances.end()).size() !=
      request.instances.size()) {
    return Bad("DUPLICATE_TARGET", "an instance is named twice");
  }
  if (request.max_parallel < 1) return Bad("BAD_PARALLELISM", "`max_parallel` must be at least 1");
  if (request.expire_after <= absl::ZeroDuration() || request.expire_after > absl::Hours(90 * 24)) {
    return Bad("BAD_EXPIRY", "`expire_after` must be above zero and at most 90 days");
  }
  const work::v1::MigrateSpec& spec = request.spec;
  RETURN_IF_ERROR(ValidateDatabase(spec.database()));
  if (spec.database_kind() == work::v1::DATABASE_KIND_UNSPECIFIED) {
    return Bad("DATABASE_KIND_REQUIRED", "say whether the database is `common` or `client`");
  }
  if (spec.database_kind() == work::v1::DATABASE_KIND_CLIENT && spec.account_id().empty()) {
    return Bad("ACCOUNT_REQUIRED", "a change of a client database needs the account's id");
  }
  if (spec.migrations().empty()) return Bad("NO_MIGRATIONS", "there is no migration in the files");
  return absl::OkStatus();
}

absl::Status CheckSql(sql::Dialect dialect, const std::string& path, const std::string& text) {
  return Annotate(sql::Split(dialect, text).status(), path);
}

// Text that cannot even be cut into statements is refused here, before anybody plans or approves
// it.
absl::Status CheckScripts(const ChangeRequest& request, sql::Dialect dialect) {
  for (const work::v1::Migration& migration : request.spec.migrations()) {
    RETURN_IF_ERROR(CheckSql(dialect, migration.up_path(), migration.up().inline_()));
    if (!migration.has_down()) continue;
    RETURN_IF_ERROR(CheckSql(dialect, migration.down_path(), migration.down().inline_()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ContentDigestOf(ReadTx& tx, const ChangeRequest& request) {
  std::set<std::string> engines;
  for (const std::string& id : request.instances) {
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(id));
    engines.insert(instance.engine);
  }
  return ContentDigest(engines, request.spec);
}

absl::Status Enter(ReadTx& tx, const JobFlow& flow, const ChangeRequest& request,
                   const std::vector<int>& wave_sizes, absl::Time now, Job* job) {
  const WorkShape shape{wave_sizes, request.max_parallel, request.rollout.pause_between};
  return EnterQueue(
      tx, flow, request.queue, request.instances, now,
      [&] {
        return EstimateChange(tx, *job, work::v1::MIGRATE_DIRECTION_UP, request.instances, shape);
      },
      job);
}

absl::Status CheckTargets(ReadTx& tx, const ChangeRequest& request) {
  absl::StatusOr<Environment> environment = tx.GetEnvironment(request.environment);
  if (!environment.ok()) {
    return Error(absl::StatusCode::kNotFound, "UNKNOWN_ENVIRONMENT",
                 absl::StrCat("there is no environment \"",
                              SanitizeForDisplay(Truncate(request.environment, 100)),
                              "\"; see: dbfleet environment list"));
  }
  std::set<sql::Dialect> checked;
  for (const std::string& id : request.instances) {
    ASSIGN_OR_RETURN(const Instance instance, GetLiveInstance(tx, id));
    if (instance.environment != request.environment) {
      return Bad("INSTANCE_NOT_IN_ENVIRONMENT",
                 absl::StrCat("instance \"", id, "\" belongs to ", instance.environment,
                              ", not to ", request.environment));
    }
    if (instance.engine == "redis") {
      return Bad("ENGINE_WITHOUT_MIGRATIONS",
                 absl::StrCat("instance \"", id, "\" is Redis, which has no versioned migrations"));
    }
    const sql::Dialect dialect = DialectOf(instance);
    if (checked.insert(dialect).second) RETURN_IF_ERROR(CheckScripts(request, dialect));
  }
  return absl::OkStatus();
}

// Moves a part's bytes into the content table; the specification keeps the hash.
absl::Status StoreContent(WriteTx& tx, work::v1::ContentRef* ref) {
  const std::string& content = ref->inline_();
  if (Sha256Hex(content) != ref->sha256()) {
    return Bad("BAD_CONTENT_HASH", "a migration file's hash does not match its content");
  }
  RETURN_IF_ERROR(tx.PutContent(ref->sha256(), content));
  ref->clear_inline_();
  return absl::OkStatus();
}

absl::Status StoreContents(WriteTx& tx, work::v1::MigrateSpec* spec) {
  for (work::v1::Migration& migration : *spec->mutable_migrations()) {
    RETURN_IF_ERROR(StoreContent(tx, migration.mutable_up()));
    if (migration.has_down()) RETURN_IF_ERROR(StoreContent(tx, migration.mutable_down()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Job> JobManager::SubmitChange(const RequestMeta& meta, ChangeRequest request) {
  RETURN_IF_ERROR(ValidateRequest(request));
  const int targets = static_cast<int>(request.instances.size());
  ASSIGN_OR_RETURN(const std::vector<int> wave_sizes, WaveSizes(request.rollout.waves, targets));
  ASSIGN_OR_RETURN(request.rollout.failures_tolerated,
                   FailuresTolerated(request.failure_budget, targets));
  RETURN_IF_ERROR(CheckPauseBetween(request.rollout.pause_between));
  RETURN_IF_ERROR(CheckAsk(request.queue));
  if (request.plan_only && !request.queue.window.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "WINDOW_FOR_PLAN",
                 "a plan alone runs nothing that a window could carry; leave out the window");
  }
  if (request.validate_only) {
    Job job;
    job.kind = JobKind::kMigrate;
    job.environment = request.environment;
    job.requester = meta.principal;
    job.title = request.title;
    job.rollout = request.rollout;
    job.expire_time = clock_.Now() + request.expire_after;
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      RETURN_IF_ERROR(CheckTargets(tx, request));
      ASSIGN_OR_RETURN(job.content_digest, ContentDigestOf(tx, request));
      return Enter(tx, flow_, request, wave_sizes, clock_.Now(), &job);
    }));
    return job;
  }
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(std::optional<Job> earlier,
                     FindEarlier(context.tx, meta, JobKind::kMigrate, [&](const Job& job) {
                       return IsWhatIsAsked(context.tx, job, request, wave_sizes);
                     }));
    if (earlier.has_value()) return *earlier;
    RETURN_IF_ERROR(CheckTargets(context.tx, request));
    work::v1::JobSpec spec;
    *spec.mutable_migrate() = request.spec;
    spec.mutable_migrate()->set_direction(work::v1::MIGRATE_DIRECTION_UP);
    RETURN_IF_ERROR(StoreContents(context.tx, spec.mutable_migrate()));
    Job job;
    job.id = NewUlid(context.now);
    job.kind = JobKind::kMigrate;
    job.environment = request.environment;
    job.requester = meta.principal;
    job.title = request.title;
    job.reason = request.reason;
    job.request_key = RequestKey(meta);
    job.create_time = job.update_time = context.now;
    job.expire_time = context.now + request.expire_after;
    job.approve_destructive = request.approve_destructive;
    job.plan_only = request.plan_only;
    job.backup_gate = request.backup_gate;
    job.max_parallel = request.max_parallel;
    job.rollout = request.rollout;
    job.spec_blob = spec.SerializeAsString();
    ASSIGN_OR_RETURN(job.content_digest, ContentDigestOf(context.tx, request));
    if (!job.plan_only) {
      RETURN_IF_ERROR(Enter(context.tx, flow_, request, wave_sizes, context.now, &job));
    }
    RETURN_IF_ERROR(context.tx.InsertJob(&job));
    RETURN_IF_ERROR(
        InsertTargets(context, job, request.instances, spec.migrate().database(), wave_sizes));
    std::map<std::string, std::string> details = {
        {"instances", absl::StrJoin(request.instances, ",")},
        {"database", spec.migrate().database()},
        {"rollout", RolloutText(job.rollout, job.max_parallel, job.queue.window)},
        {"title", job.title},
        {"reason", job.reason},
        {"approve_destructive", job.approve_destructive ? "true" : "false"},
        {"versions", absl::StrJoin(spec.migrate().migrations(), ",",
                                   [](std::string* out, const work::v1::Migration& m) {
                                     absl::StrAppend(out, m.version());
                                   })}};
    AddQueueDetails(job, &details);
    RETURN_IF_ERROR(context.Audit("change.submit", job, std::move(details)));
    RETURN_IF_ERROR(flow_.Advance(context, job.id));
    return context.tx.GetJob(job.id);
  });
}

absl::StatusOr<Job> JobManager::SubmitRollback(const RequestMeta& meta,
                                               const RollbackRequest& request) {
  return Run(meta, [&](FlowContext& context) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(std::optional<Job> earlier,
                     FindEarlier(context.tx, meta, JobKind::kMigrate,
                                 [&](const Job& job) { return IsWhatIsAsked(job, request); }));
    if (earlier.has_value()) return *earlier;
    ASSIGN_OR_RETURN(const Job original, context.tx.GetJob(request.job_id));
    if (original.kind != JobKind::kMigrate || !IsTerminal(original.state)) {
      return Error(
          absl::StatusCode::kFailedPrecondition, "NOT_A_FINISHED_CHANGE",
          absl::StrCat("jobs/", original.id, " is a ", NameOf(original.kind), " in state ",
                       NameOf(original.state), "; only a finished change can be rolled back"));
    }
    ASSIGN_OR_RETURN(const Job job, InsertRollback(context, flow_, original,
                                                   {meta.principal, request.reason,
                                                    RequestKey(meta), request.approve_destructive,
                                                    request.backup_gate, request.queue}));
    RETURN_IF_ERROR(flow_.Advance(context, job.id));
    return context.tx.GetJob(job.id);
  });
}

}  // namespace dbfleet::controller
