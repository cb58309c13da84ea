#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/domain/types.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/queueing.h"
#include "controller/jobs/requests.h"
#include "controller/store/store.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::controller {

inline constexpr absl::Duration kLookInterval = absl::Seconds(5);

enum class Resolution { kApplied, kNotApplied };

// What operators do with jobs. Each call is one transaction with its audit record, blocks until it
// is committed, and then tells the hub. The caller has been authorised for the call; approvals are
// checked here. Thread-safe; not to be called from the store's writer thread.
class JobManager {
 public:
  // `metrics` may be null.
  JobManager(Store& store, const JobFlow& flow, JobHub& hub, Clock& clock,
             metrics::Registry* metrics = nullptr);

  // Why an agent gets no work now, by rule and in words that follow its name; nullopt if it does.
  // Must not block: it may be asked within a transaction.
  using WhyNoWork = std::function<std::optional<PolicyBlocker>(const std::string& agent_id)>;

  // Each returns the new job, or the one that the same request id made before.
  absl::StatusOr<Job> SubmitCheck(const RequestMeta& meta, const std::string& instance_id) {
    ASSIGN_OR_RETURN(JobPicture picture, SubmitCheckAndShow(meta, instance_id, nullptr));
    return std::move(picture.job);
  }
  // The same, with how the job stands then. Without `why_no_work` no blockers are looked for.
  absl::StatusOr<JobPicture> SubmitCheckAndShow(const RequestMeta& meta,
                                                const std::string& instance_id,
                                                const WhyNoWork& why_no_work);
  // FAILED_PRECONDITION (INSPECTION_NOT_SAFE) with the classifier's reasons, audited.
  absl::StatusOr<Job> SubmitInspect(const RequestMeta& meta, const std::string& instance_id,
                                    work::v1::InspectSpec spec);
  absl::StatusOr<Job> SubmitBackup(const RequestMeta& meta, const std::string& instance_id,
                                   const std::vector<std::string>& databases, bool verify,
                                   const std::string& reason, const QueueAsk& queue = {});
  absl::StatusOr<Job> SubmitVerify(const RequestMeta& meta, const std::string& backup_id,
                                   const QueueAsk& queue = {});
  // The same in the caller's transaction, for whoever submits many (schedules); `context.actor` is
  // `meta.principal`. After an error the transaction must not commit; all that can be told from the
  // arguments and the instance is told before anything is written. The caller tells the hub.
  absl::StatusOr<JobPicture> InsertCheck(FlowContext& context, const RequestMeta& meta,
                                         const std::string& instance_id);
  // `instance` as it was when CheckInspection allowed it: ABORTED (STALE) if it is another server
  // by now.
  absl::StatusOr<Job> InsertInspect(FlowContext& context, const RequestMeta& meta,
                                    const Instance& instance, const work::v1::InspectSpec& spec);
  absl::StatusOr<Job> InsertBackup(FlowContext& context, const RequestMeta& meta,
                                   const std::string& instance_id,
                                   const std::vector<std::string>& databases, bool verify,
                                   const std::string& reason, const QueueAsk& queue = {});
  absl::StatusOr<Job> InsertVerify(FlowContext& context, const RequestMeta& meta,
                                   const std::string& backup_id, const QueueAsk& queue = {});

  absl::StatusOr<Job> SubmitChange(const RequestMeta& meta, ChangeRequest request);
  absl::StatusOr<Job> SubmitRollback(const RequestMeta& meta, const RollbackRequest& request);

  // `seen_rows`: the estimates that were shown, by target; of others those of now count. ABORTED
  // (DIGEST_CHANGED) if `digest` is not the job's, (ESTIMATE_GROWN) if an estimate is beyond twice
  // the one that was shown; FAILED_PRECONDITION (NO_PLAN) of what has none; PERMISSION_DENIED
  // (SELF_APPROVAL, DEPENDENT_APPROVER,
  // ALREADY_DECIDED as ALREADY_EXISTS). Refusals are audited, too.
  absl::StatusOr<Job> Approve(const RequestMeta& meta, const std::string& job_id,
                              const std::string& digest, const std::string& reason,
                              const std::map<std::string, int64_t>& seen_rows = {});
  // Takes back the caller's own approval. FAILED_PRECONDITION: BAD_STATE once the change has begun
  // (then the grant came first), NO_APPROVAL if there is none.
  absl::StatusOr<Job> WithdrawApproval(const RequestMeta& meta, const std::string& job_id,
                                       const std::string& reason);
  absl::StatusOr<Job> Reject(const RequestMeta& meta, const std::string& job_id,
                             const std::string& reason);
  absl::StatusOr<Job> Cancel(const RequestMeta& meta, const std::string& job_id,
                             const std::string& reason);
  // What has begun starts no further target and is PAUSED; what has not keeps its state, and does
  // not begin (IsHeld).
  absl::StatusOr<Job> Pause(const RequestMeta& meta, const std::string& job_id,
                            const std::string& reason);
  absl::StatusOr<Job> Resume(const RequestMeta& meta, const std::string& job_id);
  // `task_id` "" when exactly one task waits for a person.
  absl::StatusOr<Job> Resolve(const RequestMeta& meta, const std::string& job_id,
                              const std::string& task_id, Resolution resolution,
                              const std::string& reason);

  // FAILED_PRECONDITION: NOT_QUEUED, or BAD_STATE once it has ended. What is not named stays.
  absl::StatusOr<Job> Reprioritize(const RequestMeta& meta, const std::string& job_id,
                                   std::optional<int> priority,
                                   std::optional<absl::Duration> estimate,
                                   const std::string& reason);
  // NOT_FOUND (NO_SUCH_WINDOW) if there is none, and nothing in its queue. "": all windows' rows.
  absl::StatusOr<QueuePicture> ShowQueue(ReadTx& tx, const std::string& window,
                                         const WhyNoWork& why_no_work);
  // Advances those whose turn it is in the window's queue. Returns at once.
  void LookAtQueue(const std::string& window);

  // Everything that keeps the job from going on, for people.
  absl::StatusOr<std::vector<PolicyBlocker>> Explain(ReadTx& tx, const Job& job,
                                                     const WhyNoWork& why_no_work);
  absl::StatusOr<JobPicture> Show(ReadTx& tx, const std::string& job_id,
                                  const WhyNoWork& why_no_work);
  // Of `approvers`, all of the environment's, those whose approval would count and is not there.
  // Looks at all users and their tokens.
  absl::StatusOr<std::vector<Voter>> OtherApprovers(ReadTx& tx, const JobPicture& picture,
                                                    absl::Span<const Voter> approvers);

  // Advances what waits for time, a backup or another policy. May take seconds; called every
  // kLookInterval, from one thread at a time.
  void Tick();

 private:
  using Body = std::function<absl::StatusOr<Job>(FlowContext&)>;
  // As the store's Mutate, MutateRepeatable and MutateEssential (also when the disk is full).
  enum class Importance { kNormal, kRepeatable, kEssential };
  absl::StatusOr<Job> Run(const RequestMeta& meta, const Body& body,
                          Importance importance = Importance::kNormal);
  // A refusal that must not vanish with its transaction: recorded on its own.
  absl::Status AuditRefusal(const RequestMeta& meta, absl::string_view action,
                            const std::string& resource, const std::string& environment,
                            const absl::Status& refusal);
  // Of one that is held or PAUSED; `details` of its audit record.
  absl::StatusOr<Job> ResumeOne(FlowContext& context, Job job,
                                std::map<std::string, std::string> details);
  // The backup that the change waits for, with it; or lets another be taken.
  absl::Status ResumeGate(FlowContext& context, const Job& change);
  // Cancels a change whose window has closed, if that is what its window says.
  absl::Status CancelOverrun(FlowContext& context, const std::string& job_id);
  // `tasks` as Show has them. What else is known then goes to `picture`, if there is one.
  absl::StatusOr<std::vector<PolicyBlocker>> ExplainTasks(ReadTx& tx, const Job& job,
                                                          absl::Span<const Task> tasks,
                                                          const WhyNoWork& why_no_work,
                                                          JobPicture* picture);
  // The new job with its task and attempt; of an earlier one, or one that cannot begin, the job.
  // `draft` brings its place in a queue, if it is in one, and its expiry then.
  absl::StatusOr<JobPicture> InsertSimpleJob(FlowContext& context, const RequestMeta& meta,
                                             JobKind kind, const Instance& instance,
                                             const work::v1::JobSpec& spec, absl::string_view title,
                                             const Job& draft = Job());
  // `readings`: of the others that are advanced with it, for the writer's thread alone; or nullptr.
  void AdvanceInTime(const std::string& job_id, const std::shared_ptr<QueueReadings>& readings);
  // A mutation of the passing of time, for `subject` ("jobs/ID"); returns at once.
  void InTime(const std::string& subject, std::function<absl::Status(FlowContext&)> body,
              const std::shared_ptr<QueueReadings>& readings = nullptr);
  // Former versions left backups running, and backups paused, whose jobs and changes had ended.
  void EndLeftBehind();
  // Failures of looks are counted, and logged when they begin or change: looks are repeated.
  void NoteLook(const std::string& subject, const absl::Status& status);

  Store& store_;
  const JobFlow& flow_;
  JobHub& hub_;
  Clock& clock_;
  // Of the last tick; there is one as long as any of its mutations has not run.
  std::weak_ptr<QueueReadings> last_readings_;
  bool looked_back_ = false;
  metrics::Counter* failures_total_ = nullptr;
  Mutex troubles_mutex_;
  std::map<std::string, std::string> troubles_ ABSL_GUARDED_BY(troubles_mutex_);
};

// INVALID_ARGUMENT (BAD_INSPECTION).
absl::Status ValidateInspect(const work::v1::InspectSpec& spec);
// FAILED_PRECONDITION (INSPECTION_NOT_SAFE) with reasons. Too slow for a transaction.
absl::Status CheckInspection(const Instance& instance, const work::v1::InspectSpec& spec);

// "principal request_id", or "" without a request id: unique among jobs.
std::string RequestKey(const RequestMeta& meta);

// The job that the same request made before, if any. ALREADY_EXISTS (REQUEST_ID_REUSED) if the
// request of that id was another one: of another kind, or for which `same` is false.
absl::StatusOr<std::optional<Job>> FindEarlier(
    ReadTx& tx, const RequestMeta& meta, JobKind kind,
    absl::FunctionRef<absl::StatusOr<bool>(const Job&)> same);

// The instance, unless it was removed. NOT_FOUND (INSTANCE_NOT_FOUND).
absl::StatusOr<Instance> GetLiveInstance(ReadTx& tx, const std::string& id);

}  // namespace dbfleet::controller
