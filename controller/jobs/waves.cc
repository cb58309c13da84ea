// JobFlow's part for changes that go over their targets in waves (see job_flow.h).
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/rollback.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/rollout";
// A target whose agent does not answer for so long is not well.
constexpr absl::Duration kCheckLifetime = absl::Minutes(10);
constexpr int kChecksAtATime = 64;
constexpr size_t kMostNamed = 5;

// "wave 2 of 5 has ended (10 targets, 1 failed)".
std::string WaveWords(const Job& job, absl::Span<const Task> tasks) {
  const int ended = job.rollout_progress.ended;
  int last = 0, targets = 0, failed = 0;
  for (const Task& task : tasks) {
    last = std::max(last, task.stage);
    if (task.stage != ended - 1) continue;
    ++targets;
    failed += IsFailure(task) ? 1 : 0;
  }
  return absl::StrCat("wave ", ended, " of ", last + 1, " has ended (", targets,
                      targets == 1 ? " target, " : " targets, ", failed, " failed)");
}

// Why the target is not well; "" if it is. A warning is told by the check itself and stops nothing.
absl::StatusOr<std::string> WhyUnwell(const Task& check) {
  if (check.state != TaskState::kSucceeded) {
    return check.error_message.empty() ? std::string("it could not be checked")
                                       : absl::StrCat("it was not checked: ", check.error_message);
  }
  ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(check));
  const work::v1::InstanceHealth& health = result.check().health();
  if (health.status() == work::v1::HEALTH_STATUS_OK ||
      health.status() == work::v1::HEALTH_STATUS_WARN) {
    return std::string();
  }
  return health.reasons().empty() ? std::string("its health is not known")
                                  : absl::StrJoin(health.reasons(), ", ");
}

absl::StatusOr<std::string> WhyUnwell(ReadTx& tx, const Job& check) {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(check.id));
  std::vector<std::string> unwell;
  for (const Task& task : tasks) {
    ASSIGN_OR_RETURN(const std::string why, WhyUnwell(task));
    if (!why.empty()) unwell.push_back(absl::StrCat(task.Target(), " (", why, ")"));
  }
  const size_t more = unwell.size() - std::min(unwell.size(), kMostNamed);
  unwell.resize(unwell.size() - more);
  return absl::StrCat(absl::StrJoin(unwell, ", "),
                      more == 0 ? std::string() : absl::StrCat(" and ", more, " more"));
}

// Of the wave that has ended, whose targets are as many as the wave is large, however many there
// were before it. Not submitted by anybody: a check needs no leave.
absl::StatusOr<std::optional<Job>> InsertCheck(FlowContext& context, const Job& change,
                                               absl::Span<const Task> tasks) {
  std::set<std::string> instances;
  for (const Task& task : tasks) {
    const bool of_wave = task.stage == change.rollout_progress.ended - 1;
    if (of_wave && task.state == TaskState::kSucceeded) instances.insert(task.instance_id);
  }
  if (instances.empty()) return std::nullopt;
  work::v1::JobSpec spec;
  spec.mutable_check();
  Job check;
  check.id = NewUlid(context.now);
  check.kind = JobKind::kCheck;
  check.state = JobState::kReady;
  check.environment = change.environment;
  check.requester = kActor;
  check.title =
      absl::StrCat("Health after wave ", change.rollout_progress.ended, " of jobs/", change.id);
  check.parent = change.id;
  check.safety = SafetyClass::kSafe;
  check.create_time = check.update_time = context.now;
  check.expire_time = context.now + kCheckLifetime;
  check.max_parallel = kChecksAtATime;
  check.spec_blob = spec.SerializeAsString();
  // One that does not answer says nothing about the others.
  check.rollout.failures_tolerated = static_cast<int>(instances.size());
  RETURN_IF_ERROR(context.tx.InsertJob(&check));
  for (const std::string& instance : instances) {
    Task task;
    task.id = NewUlid(context.now);
    task.job_id = check.id;
    task.instance_id = instance;
    RETURN_IF_ERROR(context.tx.InsertTask(&task));
  }
  FlowContext as_rollout{context.tx, context.now, kActor, {}};
  RETURN_IF_ERROR(
      as_rollout.Audit("check.submit", check,
                       {{"parent", change.id}, {"instances", absl::StrJoin(instances, ",")}}));
  context.changes.jobs.insert(check.id);
  return check;
}

}  // namespace

bool StopsTheJob(const Job& job, absl::Span<const Task> tasks) {
  const auto failed = std::count_if(tasks.begin(), tasks.end(), IsFailure);
  return BudgetSpent(job.rollout, job.rollout_progress, static_cast<int>(failed)) ||
         std::any_of(tasks.begin(), tasks.end(),
                     [](const Task& task) { return task.state == TaskState::kNeedsPerson; });
}

absl::Status JobFlow::PauseForFailures(FlowContext& context, Job* job, int failed) const {
  RETURN_IF_ERROR(WithdrawUngranted(context, *job, "too many targets have failed"));
  RETURN_IF_ERROR(MoveJob(job, JobState::kPaused, context.now));
  job->error_reason = kFailureBudget;
  job->error_message = absl::StrCat(
      failed, failed == 1 ? " target has" : " targets have", " failed, and the rollout tolerates ",
      job->rollout.failures_tolerated + job->rollout_progress.forgiven,
      "; look at them, then go on with the others (dbfleet job resume ", job->id,
      ") or end it here (dbfleet job cancel ", job->id, ")");
  RETURN_IF_ERROR(context.tx.UpdateJob(job));
  return context.Audit("job.pause", *job,
                       {{"reason", kFailureBudget}, {"why", job->error_message}});
}

absl::Status JobFlow::EndWave(FlowContext& context, Job* job, int next) const {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, context.tx.TasksOfJob(job->id));
  RolloutProgress& at = job->rollout_progress;
  RETURN_IF_ERROR(MoveJob(job, JobState::kPaused, context.now));
  job->error_reason = kBetweenWaves;
  if (at.ended < next) {  // Else a pause of another kind came between.
    at.ended = next;
    at.end_time = context.now;
    at.check_job.clear();
    job->error_message = WaveWords(*job, tasks);
    RETURN_IF_ERROR(context.Audit("job.wave_end", *job, {{"why", job->error_message}}));
  }
  RETURN_IF_ERROR(context.tx.UpdateJob(job));
  return AdvanceBetweenWaves(context, job, tasks);
}

absl::Status JobFlow::AdvanceBetweenWaves(FlowContext& context, Job* job,
                                          absl::Span<const Task> tasks) const {
  RolloutProgress& at = job->rollout_progress;
  const auto say = [&](absl::string_view what) -> absl::Status {
    const std::string words = absl::StrCat(WaveWords(*job, tasks), "; ", what);
    if (job->error_message == words) return absl::OkStatus();
    job->error_message = words;
    return context.tx.UpdateJob(job);
  };
  const absl::Time due = at.end_time + job->rollout.pause_between;
  if (context.now < due) {
    return say(absl::StrCat("the next begins at ",
                            absl::FormatTime(absl::RFC3339_sec, due, absl::UTCTimeZone()),
                            job->rollout.health_check ? " if the targets are well then" : "",
                            ", or with: dbfleet job resume ", job->id));
  }
  if (job->rollout.health_check) {
    if (at.check_job.empty()) {
      ASSIGN_OR_RETURN(const std::optional<Job> check, InsertCheck(context, *job, tasks));
      if (check.has_value()) {
        at.check_job = check->id;
        RETURN_IF_ERROR(context.tx.UpdateJob(job));
        RETURN_IF_ERROR(
            say(absl::StrCat("whether its targets are well is looked at by jobs/", at.check_job)));
        // It may end at once, and have moved this job on.
        return Advance(context, at.check_job);
      }
    } else {
      ASSIGN_OR_RETURN(const Job check, context.tx.GetJob(at.check_job));
      if (!IsTerminal(check.state)) return absl::OkStatus();
      ASSIGN_OR_RETURN(const std::string unwell, WhyUnwell(context.tx, check));
      if (!unwell.empty()) {
        job->error_reason = kWaveUnwell;
        RETURN_IF_ERROR(say(absl::StrCat("not well after it: ", unwell,
                                         "; look there, then go on (dbfleet job resume ", job->id,
                                         ") or end it here (dbfleet job cancel ", job->id, ")")));
        return context.Audit("job.pause", *job,
                             {{"reason", kWaveUnwell}, {"why", job->error_message}});
      }
    }
  }
  return BeginWave(context, job, tasks);
}

absl::Status JobFlow::BeginWave(FlowContext& context, Job* job,
                                absl::Span<const Task> tasks) const {
  LetNextWaveBegin(tasks, job);
  return GoOn(context, job, absl::StrCat("wave ", job->rollout_progress.wave + 1, " begins"));
}

absl::Status JobFlow::RollBackByItself(FlowContext& context, const Job& job, int failed) const {
  if (job.rollout.on_failure != OnFailure::kRollback || !job.rollback_of.empty()) {
    return absl::OkStatus();
  }
  // One that a person cancelled, or whose time ran out, is as that person or time left it: targets
  // that were cut short by it are no failures.
  if (job.cancel_requested || !BudgetSpent(job.rollout, job.rollout_progress, failed)) {
    return absl::OkStatus();
  }
  FlowContext as_rollout{context.tx, context.now, kActor, {}};
  if (context.now + kMostClockSkew >= job.expire_time) {
    return as_rollout.Audit("change.rollback_refused", job,
                            {{"why", "its time is over; what was applied stays as it is"}});
  }
  const absl::StatusOr<Job> rollback = InsertRollback(
      as_rollout, *this, job,
      {job.requester, absl::StrCat("jobs/", job.id, " failed, and its rollout rolls back then"),
       AutomaticRollbackKey(job.id), job.approve_destructive, job.backup_gate});
  // A person has to look; what has ended has ended all the same.
  if (absl::IsFailedPrecondition(rollback.status()) || absl::IsNotFound(rollback.status())) {
    return as_rollout.Audit("change.rollback_refused", job,
                            {{"why", std::string(rollback.status().message())}});
  }
  RETURN_IF_ERROR(rollback.status());
  context.changes.jobs.insert(rollback->id);
  return Advance(context, rollback->id);
}

void LetNextWaveBegin(absl::Span<const Task> tasks, Job* job) {
  std::optional<int> next;
  for (const Task& task : tasks) {
    if (task.state == TaskState::kPending) next = std::min(next.value_or(task.stage), task.stage);
  }
  int& wave = job->rollout_progress.wave;
  wave = std::max(wave, next.value_or(wave));
}

}  // namespace dbfleet::controller
