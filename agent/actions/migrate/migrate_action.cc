#include "agent/actions/migrate/migrate_action.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/actions/migrate/plan.h"
#include "agent/actions/migrate/result.h"
#include "agent/actions/migrate/step_runner.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kDefaultLockTimeout = absl::Seconds(5);
// Without a checkpoint nothing can have begun, so an unreachable target is not waited for.
constexpr absl::Duration kShortWait = absl::Seconds(30);

absl::Duration LockTimeout(const work::v1::MigrateSpec& spec) {
  return spec.has_lock_timeout() ? FromProto(spec.lock_timeout()) : kDefaultLockTimeout;
}

absl::StatusOr<std::string> DatabaseOf(Engine& engine, const work::v1::MigrateSpec& spec) {
  if (!spec.database().empty()) return spec.database();
  if (!engine.spec().default_database.empty()) return engine.spec().default_database;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_MIGRATION",
               "the database is missing, and the instance has no default one; name it");
}

// What can be said without the target.
absl::StatusOr<std::string> Check(ActionContext& context, const work::v1::JobSpec& spec) {
  if (context.engine().migrations() == nullptr) {
    return Error(absl::StatusCode::kUnimplemented, "UNSUPPORTED_ENGINE",
                 "this engine has no versioned migrations");
  }
  if (!spec.has_migrate()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_MIGRATION", "not a migration");
  }
  RETURN_IF_ERROR(ValidateSpec(spec.migrate()));
  return DatabaseOf(context.engine(), spec.migrate());
}

TargetHistory HistoryFor(ActionContext& context, SqlMigrations& sql, const std::string& database,
                         const Clock& clock) {
  return TargetHistory(sql.dialect(), database,
                       {context.job_id(), context.attempt_id(), context.fence()}, clock);
}

// The callback may outlive the attempt, and must then do nothing.
class CancelHook {
 public:
  CancelHook(ActionContext& context, std::shared_ptr<InterruptGate> gate) : context_(context) {
    context_.OnCancel([gate = std::move(gate)] { gate->Cancel(); });
  }
  ~CancelHook() {
    context_.OnCancel([] {});
  }
  CancelHook(const CancelHook&) = delete;
  CancelHook& operator=(const CancelHook&) = delete;

 private:
  ActionContext& context_;
};

std::function<void(absl::Duration)> WaitOn(Clock& clock) {
  return [&clock](absl::Duration duration) {
    struct State {
      Mutex mutex;
      CondVar changed;
      bool fired ABSL_GUARDED_BY(mutex) = false;
    } state;
    const auto timer = clock.After(duration, [&state] {
      MutexLock lock(&state.mutex);
      state.fired = true;
      state.changed.SignalAll();
    });
    MutexLock lock(&state.mutex);
    while (!state.fired) state.changed.Wait(&state.mutex);
  };
}

}  // namespace

MigrateAction::MigrateAction(Clock& clock, MigrateOptions options)
    : clock_(clock), options_(std::move(options)) {
  if (!options_.wait) options_.wait = WaitOn(clock_);
}

absl::Status MigrateAction::Supports(Engine& engine) {
  if (engine.migrations() == nullptr) {
    return Error(absl::StatusCode::kUnimplemented, "UNSUPPORTED_ENGINE",
                 "this engine has no versioned migrations");
  }
  if (!engine.spec().migrate.has_value()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_ACCOUNT",
                 absl::StrCat("instance ", engine.spec().name,
                              " has no migration account; add "
                              "`migrate` to it in the agent's configuration"));
  }
  return absl::OkStatus();
}

absl::StatusOr<work::v1::Plan> MigrateAction::Plan(ActionContext& context,
                                                   const work::v1::JobSpec& spec) {
  ASSIGN_OR_RETURN(const std::string database, Check(context, spec));
  SqlMigrations& sql = *context.engine().migrations();
  ASSIGN_OR_RETURN(const auto session, sql.OpenForPlan(database));
  const ReadLimit limit(clock_, *session, options_.plan_limit);
  const TargetHistory history = HistoryFor(context, sql, database, clock_);
  ASSIGN_OR_RETURN(
      const MigrationModel model,
      LoadModel(context, sql, history, *session, spec.migrate(), database, HistoryView::kNow));
  const std::string target =
      absl::StrCat("instances/", context.engine().spec().name, "/databases/", database);
  return MakePlan(model, sql, *session, target, clock_.Now());
}

ActionResult MigrateAction::Run(ActionContext& context, const work::v1::JobSpec& spec) {
  const auto database = Check(context, spec);
  if (!database.ok()) return RefusedResult(database.status());
  SqlMigrations& sql = *context.engine().migrations();
  const TargetHistory history = HistoryFor(context, sql, *database, clock_);
  Attempt attempt{context,
                  sql,
                  clock_,
                  options_,
                  history,
                  *database,
                  FromProto(spec.migrate().statement_timeout()),
                  LockTimeout(spec.migrate())};
  const CancelHook hook(context, attempt.gate);
  auto session = sql.OpenLocked(*database, options_.lock_wait, attempt.lock_timeout);
  if (!session.ok()) return RefusedResult(session.status());
  return RunLocked(attempt, spec.migrate(), *std::move(session));
}

absl::Status MigrateAction::CreateHistory(Attempt& attempt, MigrationSession& session) {
  for (const std::string& ddl : attempt.sql.HistoryDdl()) {
    RETURN_IF_ERROR(session.Execute(ddl, absl::ZeroDuration()).status());
  }
  return absl::OkStatus();
}

// Who was here before? There are dbfleet's tables.
absl::Status MigrateAction::LookBack(Attempt& attempt, MigrationSession& session,
                                     bool* ran_before) {
  ASSIGN_OR_RETURN(const std::vector<StepRow> rows, attempt.history.ReadSteps(session));
  *ran_before = !rows.empty();
  ASSIGN_OR_RETURN(const uint64_t highest, attempt.history.HighestFence(session));
  if (highest > attempt.history.id().fence && !*ran_before) {
    return StaleFence(attempt.history.id().fence, highest);
  }
  return absl::OkStatus();
}

// The approval was compared before the lock was waited for, and whoever held it may have changed
// what there is to do.
absl::Status MigrateAction::CheckApproved(Attempt& attempt, const work::v1::MigrateSpec& spec,
                                          const MigrationModel& model, MigrationSession& session) {
  const std::string approved = attempt.context.approved_plan_digest();
  if (approved.empty()) return absl::OkStatus();
  const std::string target = absl::StrCat("instances/", attempt.context.engine().spec().name,
                                          "/databases/", spec.database());
  ASSIGN_OR_RETURN(const work::v1::Plan plan,
                   MakePlan(model, attempt.sql, session, target, clock_.Now()));
  if (plan.target_digest() == approved) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DIGEST_MISMATCH",
               absl::StrCat("what would be done on ", target,
                            " is no longer what was approved: its schema or its history changed "
                            "while the migration lock was waited for; nothing was executed. Plan "
                            "the job again and have the new plan approved"));
}

// The durable beginning, in the agent's journal and in the target.
absl::Status MigrateAction::Begin(Attempt& attempt, MigrationSession& session) {
  ASSIGN_OR_RETURN(const std::string fingerprint, ReadFingerprint(attempt, session));
  RETURN_IF_ERROR(attempt.context.Checkpoint(absl::StrCat("begun; schema ", fingerprint)));
  StepRow row;
  row.index = kAttemptRow;
  row.state = std::string(step_state::kBegan);
  row.fingerprint = fingerprint;
  return attempt.history.InsertStep(session, row);
}

absl::Status MigrateAction::GoForward(Attempt& attempt, const MigrationModel& model,
                                      MigrationSession& session, bool* session_good) {
  for (const VersionUnit& unit : model.units) {
    UnitOrder order;
    order.one_transaction = unit.forward_atomic;
    order.row = unit.after;
    for (const PlannedStatement& statement : unit.forward) order.steps.push_back({&statement});
    StepRunner runner(attempt, session);
    absl::Status status = runner.Run(order);
    *session_good = runner.session_good();
    if (status.ok() && !*session_good) status = attempt.stopped;
    RETURN_IF_ERROR(status);
    attempt.Info(absl::StrCat("version ", unit.version(), " is ", unit.after.state));
  }
  return absl::OkStatus();
}

ActionResult MigrateAction::RunLocked(Attempt& attempt, const work::v1::MigrateSpec& spec,
                                      std::unique_ptr<MigrationSession> session) {
  std::optional<InterruptGate::Watch> watch(std::in_place, *attempt.gate, *session);
  bool ran_before = false;
  const auto has_history = attempt.sql.HasHistory(*session);
  if (!has_history.ok()) return RefusedResult(has_history.status());
  if (*has_history) {
    const absl::Status status = LookBack(attempt, *session, &ran_before);
    if (!status.ok()) return RefusedResult(status);
  }
  if (ran_before) {
    attempt.Warn("this attempt has run before; finding out what it did");
    watch.reset();
    session.reset();
    return SettleUnseen(attempt, spec, /*checkpointed=*/true);
  }
  const auto model = LoadModel(attempt.context, attempt.sql, attempt.history, *session, spec,
                               attempt.database, HistoryView::kNow);
  if (!model.ok()) return RefusedResult(model.status());
  absl::Status status = CheckApproved(attempt, spec, *model, *session);
  if (status.ok() && !model->unsettled.empty()) return UnsettledResult(*model);
  // The lock was waited for, and the target read. A history is a change of the target, too.
  if (status.ok()) status = attempt.context.MayBegin();
  if (status.ok() && !*has_history) {
    status = CreateHistory(attempt, *session);
    if (status.ok()) status = LookBack(attempt, *session, &ran_before);
  }
  if (!status.ok()) return RefusedResult(status);
  if (model->units.empty()) return AppliedResult(*model);

  bool session_good = true;
  status = Begin(attempt, *session);
  if (status.ok()) status = GoForward(attempt, *model, *session, &session_good);
  if (!status.ok()) attempt.Warn(absl::StrCat("stopped: ", status.message()));
  const bool lost = IsConnectionError(status);
  watch.reset();
  // Also after success: only the target's history may say that all is there.
  // A failure is settled on a new session, which has none of the settings that the files made.
  if (!status.ok() || !session_good) session.reset();
  Settler settler(attempt, *model);
  const Settlement settlement =
      settler.Settle(std::move(session), clock_.Monotonic() + options_.settle_wait);
  if (status.ok() && settlement.kind != Settlement::Kind::kAllApplied) {
    status = Error(absl::StatusCode::kInternal, "HISTORY_CHANGED",
                   "every step was executed, but the history does not record every version");
  }
  return SettledResult(*model, settlement, status, attempt.stopped, lost);
}

ActionResult MigrateAction::Recover(ActionContext& context, const work::v1::JobSpec& spec,
                                    absl::string_view checkpoint) {
  const auto database = Check(context, spec);
  if (!database.ok()) {
    if (checkpoint.empty()) return RefusedResult(database.status());
    // It had begun, and with what is configured or understood now nobody can look.
    MigrationModel model;
    model.direction = spec.migrate().direction();
    Settlement unknown;
    unknown.began = true;
    unknown.detail = "the attempt had begun, and what it did could not be looked at";
    return SettledResult(model, unknown, database.status(), absl::OkStatus(), /*lost=*/true);
  }
  SqlMigrations& sql = *context.engine().migrations();
  const TargetHistory history = HistoryFor(context, sql, *database, clock_);
  Attempt attempt{context,
                  sql,
                  clock_,
                  options_,
                  history,
                  *database,
                  absl::ZeroDuration(),
                  LockTimeout(spec.migrate())};
  return SettleUnseen(attempt, spec.migrate(), !checkpoint.empty());
}

// Settles an attempt of which this process remembers nothing.
ActionResult MigrateAction::SettleUnseen(Attempt& attempt, const work::v1::MigrateSpec& spec,
                                         bool checkpointed) {
  const absl::Status cause = Error(absl::StatusCode::kAborted, "AGENT_RESTARTED",
                                   "the agent was interrupted while this attempt ran");
  const absl::Duration deadline =
      clock_.Monotonic() + (checkpointed ? options_.settle_wait : kShortWait);
  MigrationModel model;
  model.direction = spec.direction();
  absl::StatusOr<Settlement> settled = TrySettleUnseen(attempt, spec, deadline, &model);
  // The target went away again, or a file's content cannot be fetched just now.
  while (IsConnectionError(settled.status()) && clock_.Monotonic() < deadline) {
    options_.wait(options_.backoff_base);
    settled = TrySettleUnseen(attempt, spec, deadline, &model);
  }
  Settlement settlement;
  if (settled.ok()) {
    settlement = *std::move(settled);
  } else if (!checkpointed) {
    settlement.kind = Settlement::Kind::kUntouched;
    settlement.detail = "no statement had begun, as the agent's journal tells";
  } else {
    settlement.detail =
        absl::StrCat("it could not be found out what took effect: ", settled.status().message());
  }
  return SettledResult(model, settlement, cause, absl::OkStatus(), /*lost=*/true);
}

absl::StatusOr<Settlement> MigrateAction::TrySettleUnseen(Attempt& attempt,
                                                          const work::v1::MigrateSpec& spec,
                                                          absl::Duration deadline,
                                                          MigrationModel* model) {
  ASSIGN_OR_RETURN(auto session, OpenPatiently(attempt, deadline));
  std::optional<ReadLimit> limit(std::in_place, attempt, *session, deadline);
  ASSIGN_OR_RETURN(const bool has_history, attempt.sql.HasHistory(*session));
  std::vector<StepRow> rows;
  if (has_history) {
    ASSIGN_OR_RETURN(rows, attempt.history.ReadSteps(*session));
  }
  if (rows.empty()) {
    Settlement untouched;
    untouched.kind = Settlement::Kind::kUntouched;
    untouched.detail = "no statement had begun";
    return untouched;
  }
  ASSIGN_OR_RETURN(*model, LoadModel(attempt.context, attempt.sql, attempt.history, *session, spec,
                                     attempt.database, HistoryView::kBeforeAttempt));
  limit.reset();
  return Settler(attempt, *model).Settle(std::move(session), deadline);
}

}  // namespace dbfleet::agent
