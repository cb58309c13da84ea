#include "controller/jobs/job_manager.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/bounds.h"
#include "controller/jobs/cancelling.h"
#include "controller/jobs/same_request.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kSimpleJobLifetime = absl::Hours(1);

}  // namespace

std::string RequestKey(const RequestMeta& meta) {
  return meta.request_id.empty() ? "" : absl::StrCat(meta.principal, " ", meta.request_id);
}

absl::StatusOr<std::optional<Job>> FindEarlier(
    ReadTx& tx, const RequestMeta& meta, JobKind kind,
    absl::FunctionRef<absl::StatusOr<bool>(const Job&)> same) {
  if (meta.request_id.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(std::optional<Job> earlier, tx.FindJobByRequestKey(RequestKey(meta)));
  if (!earlier.has_value()) return earlier;
  if (earlier->kind == kind) {
    ASSIGN_OR_RETURN(const bool is_same, same(*earlier));
    if (is_same) return earlier;
  }
  return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
               absl::StrCat("`request_id` was used for another request already, which made jobs/",
                            earlier->id, "; use a new one for each request"));
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

JobManager::JobManager(Store& store, const JobFlow& flow, JobHub& hub, Clock& clock,
                       metrics::Registry* metrics)
    : store_(store), flow_(flow), hub_(hub), clock_(clock) {
  if (metrics == nullptr) return;
  failures_total_ =
      &metrics->GetCounter("dbfleet_job_look_failures_total",
                           "Looks at waiting jobs that failed since the start; they are repeated.");
}

void JobManager::NoteLook(const std::string& subject, const absl::Status& status) {
  MutexLock lock(&troubles_mutex_);
  if (status.ok()) {
    troubles_.erase(subject);
    return;
  }
  if (failures_total_ != nullptr) failures_total_->Increment();
  std::string& logged = troubles_[subject];
  if (logged == status.message()) return;
  logged = std::string(status.message());
  log::Error("what waits could not be looked at; it is tried again",
             {{"subject", subject}, {"why", logged}});
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
                                                       absl::string_view title, const Job& draft) {
  JobPicture picture;
  Job& job = picture.job;
  ASSIGN_OR_RETURN(std::optional<Job> earlier,
                   FindEarlier(context.tx, meta, kind, [&](const Job& made) {
                     return IsWhatIsAsked(context.tx, made, instance.id, spec, draft.queue.window);
                   }));
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
  job.queue = draft.queue;
  job.expire_time = job.queue.window.empty() ? context.now + kSimpleJobLifetime : draft.expire_time;
  job.spec_blob = spec.SerializeAsString();
  RETURN_IF_ERROR(context.tx.InsertJob(&job));
  Task task;
  task.id = NewUlid(context.now);
  task.job_id = job.id;
  task.instance_id = instance.id;
  RETURN_IF_ERROR(context.tx.InsertTask(&task));
  std::map<std::string, std::string> details = {{"instance", instance.id}, {"title", job.title}};
  AddQueueDetails(job, &details);
  RETURN_IF_ERROR(context.Audit(absl::StrCat(NameOf(kind), ".submit"), job, std::move(details)));
  ASSIGN_OR_RETURN(std::optional<Attempt> attempt, flow_.Begin(context, job, &task));
  if (!attempt.has_value()) {
    ASSIGN_OR_RETURN(job, context.tx.GetJob(job.id));
    return picture;
  }
  picture.tasks.push_back(std::move(task));
  picture.attempts.push_back({*std::move(attempt)});
  return picture;
}

absl::Status JobManager::CancelOverrun(FlowContext& context, const std::string& job_id) {
  ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(job_id));
  if (!EndsWithItsWindow(job)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const PolicyDecision decision,
                   flow_.EvaluatePolicy(context.tx, job, context.now));
  if (!HasClosed(decision)) return MoveBounds(context, job, decision);
  ASSIGN_OR_RETURN(const bool ends, EndsWhatRuns(context.tx, job, decision, context.now));
  if (!ends) return absl::OkStatus();
  return CancelClosed(flow_, context, job_id,
                      absl::StrCat("the window ", job.window, " has closed"));
}

void JobManager::Tick() {
  // The last one's work still waits for the writer: more of the same would only pile up there.
  if (last_readings_.lock() != nullptr) return;
  if (!std::exchange(looked_back_, true)) EndLeftBehind();
  const absl::Time now = clock_.Now();
  std::vector<Job> waiting;
  std::vector<Job> by_windows;
  std::vector<std::string> due;
  std::set<std::string> queues;  // Of what else nobody looks at before it is its turn.
  Unreadable unreadable;
  const absl::Status read = store_.Read([&](ReadTx& tx) -> absl::Status {
    for (const JobState state : {JobState::kPlanning, JobState::kAwaitingApproval, JobState::kReady,
                                 JobState::kRolling, JobState::kPaused}) {
      ASSIGN_OR_RETURN(std::vector<Job> jobs, tx.JobsInState(state, &unreadable));
      for (Job& job : jobs) {
        // What a waiting change waits for (approvals, backups, the policy) may have come or gone
        // without a word to it.
        const bool waits = job.kind == JobKind::kMigrate &&
                           (state == JobState::kAwaitingApproval || state == JobState::kReady);
        const bool by_window = (state == JobState::kPaused && job.error_reason == kWindowClosed) ||
                               EndsWithItsWindow(job);
        const bool between_waves = state == JobState::kPaused &&
                                   job.error_reason == kBetweenWaves &&
                                   job.rollout_progress.check_job.empty() &&
                                   now >= job.rollout_progress.end_time + job.rollout.pause_between;
        const bool expired =
            job.expire_time <= now && (state != JobState::kPaused || IsPausedByItself(job));
        if (waits) {
          waiting.push_back(std::move(job));
        } else if (between_waves || expired) {
          due.push_back(job.id);
        } else if (by_window) {
          by_windows.push_back(std::move(job));
        } else if (state == JobState::kReady && !job.queue.window.empty()) {
          queues.insert(job.queue.window);
        }
      }
    }
    return absl::OkStatus();
  });
  NoteLook("jobs", read);
  for (const auto& [id, why] : unreadable) NoteLook(absl::StrCat("jobs/", id), why);
  const auto may_advance = [&](const Job& job, QueueReadings* readings) {
    bool advances = true;  // What cannot be read is told by the mutation.
    (void)store_.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(advances, flow_.MayAdvance(tx, job, now, readings));
      return absl::OkStatus();
    });
    return advances;
  };
  JobChanges others;  // What blocks them may be something else now, which whoever watches is told.
  // What is due does not wait for the look at all that waits, nor what a window has closed for.
  const auto first = std::make_shared<QueueReadings>();
  for (const std::string& job_id : due) AdvanceInTime(job_id, first);
  due.clear();
  QueueReadings theirs;  // Not the writer's, which goes by `first` meanwhile.
  for (const Job& job : by_windows) {
    if (may_advance(job, &theirs)) {
      AdvanceInTime(job.id, first);
    } else {
      others.jobs.insert(job.id);
    }
  }
  // Each of a queue's jobs looks at the whole queue: it is read once for all of them. From the
  // first mutation on the readings are the writer's.
  const auto readings = std::make_shared<QueueReadings>();
  for (const Job& job : waiting) {
    if (may_advance(job, readings.get())) {
      due.push_back(job.id);
    } else {
      others.jobs.insert(job.id);
    }
  }
  if (!others.jobs.empty()) hub_.Notify(others);
  last_readings_ = readings;
  for (const std::string& job_id : due) AdvanceInTime(job_id, readings);
  for (const std::string& window : queues) LookAtQueue(window);
}

void JobManager::AdvanceInTime(const std::string& job_id,
                               const std::shared_ptr<QueueReadings>& readings) {
  InTime(
      absl::StrCat("jobs/", job_id),
      [this, job_id](FlowContext& context) -> absl::Status {
        RETURN_IF_ERROR(CancelOverrun(context, job_id));
        return flow_.Advance(context, job_id);
      },
      readings);
}

void JobManager::LookAtQueue(const std::string& window) {
  std::vector<std::string> next;
  // What cannot be read now is looked at again with the next tick.
  const absl::Status read = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(next, flow_.NextInQueue(tx, window, clock_.Now()));
    return absl::OkStatus();
  });
  NoteLook(absl::StrCat("maintenancewindows/", window), read);
  for (const std::string& job_id : next) AdvanceInTime(job_id, nullptr);
}

}  // namespace dbfleet::controller
