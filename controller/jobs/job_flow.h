#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"
#include "controller/jobs/flow_context.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/open_tasks.h"
#include "controller/jobs/pauses.h"
#include "controller/jobs/promotion.h"
#include "controller/jobs/queue_reading.h"
#include "controller/store/store.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::controller {

// A job's life. Every function works inside the caller's transaction and is level-triggered: it
// looks at what is stored and moves the job as far as it goes by itself, so calling it once too
// often is harmless. Thread-safe: all that it keeps is what it read of past changes, for a second.
class JobFlow {
 public:
  // Principals that the requester made, or whose roles or tokens the requester made.
  using Dependents =
      std::function<absl::StatusOr<std::vector<std::string>>(ReadTx&, absl::string_view requester)>;
  // The windows as the transaction sees them; none if there is no such function.
  using WindowsOf = std::function<absl::StatusOr<std::shared_ptr<const WindowBook>>(ReadTx&)>;
  // The approval policies, likewise.
  using ApprovalsOf = std::function<absl::StatusOr<std::shared_ptr<const ApprovalBook>>(ReadTx&)>;
  // What was waived for the job; nobody can waive anything if there is no such function.
  using WaiverOf =
      std::function<absl::StatusOr<std::optional<Waiver>>(ReadTx&, const std::string& job_id)>;
  // Does the agent take work now? Each does if there is no such function. Must not block.
  using TakesWork = std::function<bool(const std::string& agent_id)>;
  explicit JobFlow(Dependents dependents, WindowsOf windows = nullptr,
                   ApprovalsOf approvals = nullptr, WaiverOf waiver = nullptr,
                   TakesWork takes_work = nullptr)
      : dependents_(std::move(dependents)),
        windows_(std::move(windows)),
        approvals_(std::move(approvals)),
        waiver_(std::move(waiver)),
        takes_work_(std::move(takes_work)) {}

  // Is there anything to do for the job, if it waits to begin or for its window, or ends with that?
  // Others: yes. For readers: what waits is looked at again and again, and the writer is asked only
  // where there is something to write. Its turn goes by `readings`.
  absl::StatusOr<bool> MayAdvance(ReadTx& tx, const Job& job, absl::Time now,
                                  QueueReadings* readings) const;

  // Moves the job on: plans it, lets it wait, makes the attempts that may be offered now, ends it.
  absl::Status Advance(FlowContext& context, const std::string& job_id) const;

  // Advance for a job that was just inserted, READY and with this one task. The attempt that was
  // made; nullopt if the job went another way, and both are to be read again.
  absl::StatusOr<std::optional<Attempt>> Begin(FlowContext& context, const Job& job,
                                               Task* task) const;

  // Records the end of an attempt (its state must not be terminal yet), carries it into its task,
  // and advances the job. A retry of work that is safe to run again is a new attempt.
  absl::Status EndAttempt(FlowContext& context, Attempt attempt, const AttemptEnd& end) const;

  // The policy's word on the job as everything is now.
  absl::StatusOr<PolicyDecision> EvaluatePolicy(ReadTx& tx, const Job& job, absl::Time now) const;
  // The same, of these targets alone; those that have ended do not count. A job's turn goes by the
  // queue as `readings` have it, or the transaction. `ahead`: `now` is still to come.
  absl::StatusOr<PolicyDecision> EvaluatePolicyOn(ReadTx& tx, const Job& job,
                                                  absl::Span<const Task> tasks, absl::Time now,
                                                  QueueReadings* readings = nullptr,
                                                  bool ahead = false) const;

  // The windows as the transaction sees them; null if nobody can declare any.
  absl::StatusOr<std::shared_ptr<const WindowBook>> Windows(ReadTx& tx) const;
  // All in the queue of the window, in its order; what does not run as waiting for whatever it is.
  absl::StatusOr<std::vector<QueueEntry>> QueueOf(ReadTx& tx, const std::string& window,
                                                  absl::Time now) const;
  // Those queued for the window that may begin, or go on, by their turn now.
  absl::StatusOr<std::vector<std::string>> NextInQueue(ReadTx& tx, const std::string& window,
                                                       absl::Time now) const;

  // Of the environment's policy with the approval policies that cover it.
  absl::StatusOr<std::string> PolicyDigestNow(ReadTx& tx, const std::string& environment) const;

  absl::StatusOr<std::vector<std::string>> DependentsOf(ReadTx& tx,
                                                        absl::string_view requester) const {
    return dependents_(tx, requester);
  }

  // Ends attempts that were never granted; the caller withdraws granted ones over the wire.
  absl::Status WithdrawUngranted(FlowContext& context, const Job& job, absl::string_view why) const;

  // Ends the job; its tasks have ended. However a job ends, its "job.end" is written here.
  absl::Status Finish(FlowContext& context, Job* job, absl::Span<const Task> tasks,
                      JobState state) const;

 private:
  absl::StatusOr<bool> MayMoveByWindow(ReadTx& tx, const Job& job, absl::Time now,
                                       QueueReadings* readings) const;
  absl::Status AdvancePlanning(FlowContext& context, Job* job) const;
  absl::Status FinishPlanning(FlowContext& context, Job* job, std::vector<Task>* tasks) const;
  // Approval policies, who approved, and what they go by; of a job that has not begun all targets.
  absl::Status AddApprovals(ReadTx& tx, absl::Span<const Task> tasks, PolicyInput* input) const;
  absl::Status AddTargets(ReadTx& tx, absl::Span<const Task> tasks, PolicyInput* input) const;
  // The policy's word with the job's turn in its window's queue left out, and what it rests on.
  absl::StatusOr<PolicyDecision> EvaluateAlone(ReadTx& tx, const Job& job,
                                               absl::Span<const Task> tasks, absl::Time now,
                                               PolicyInput* input) const;
  absl::Status AddQueue(ReadTx& tx, absl::Span<const Task> tasks, const WindowBook* book,
                        PolicyInput* input) const;
  absl::StatusOr<QueueReading*> ReadQueue(ReadTx& tx, const std::string& window, absl::Time now,
                                          QueueReadings* readings) const;
  // Of one that began in this occurrence: its agents were away, and others filled its place.
  absl::StatusOr<bool> HasLostPlace(ReadTx& tx, const PolicyInput& input, QueueReadings* all) const;
  // The others in its queue; `alone`: what EvaluateAlone said of the job.
  absl::Status AddOthers(ReadTx& tx, const PolicyDecision& alone, QueueReadings* readings,
                         PolicyInput* input) const;
  // Makes an entry, unless it runs, kReady if it waits for its turn alone.
  absl::Status LookIfReady(ReadTx& tx, absl::Time now, size_t at, QueueReading* reading) const;
  // When its turn is expected; nullopt if in neither this occurrence nor the next.
  absl::StatusOr<std::optional<absl::Time>> ExpectedTurn(ReadTx& tx, const Job& job, absl::Time now,
                                                         QueueReadings* readings) const;
  absl::Status ExpectTurns(ReadTx& tx, const DeclaredWindow& window, QueueReading* reading) const;
  absl::StatusOr<std::optional<QueueMember>> MemberAt(ReadTx& tx, const QueueEntry& entry,
                                                      absl::Time at) const;
  // Does its agent take work now?
  absl::StatusOr<bool> IsServed(ReadTx& tx, const Task& task) const;
  absl::StatusOr<bool> CouldBegin(ReadTx& tx, const Job& job, absl::Span<const Task> tasks) const;
  absl::Status Expire(FlowContext& context, Job* job) const;
  absl::Status AdvanceWaiting(FlowContext& context, Job* job) const;
  absl::Status AdvanceStored(FlowContext& context, const std::string& job_id,
                             const Task* in_hand) const;
  // `in_hand`: one of its tasks as it is stored, or nullptr. Of a job with one task it is all.
  absl::Status AdvanceRunning(FlowContext& context, Job* job, const Task* in_hand) const;
  absl::Status EndRunning(FlowContext& context, Job* job, const JobProgress& progress,
                          absl::Span<const Task> tasks) const;
  absl::Status MarkFinished(FlowContext& context, Job* job, absl::Span<const Task> tasks,
                            JobState state) const;
  // Of a job that IsPausedByItself: goes on once the policy allows it, expires, or ends as failed.
  absl::Status AdvancePaused(FlowContext& context, Job* job) const;
  // Of a job that goes over its targets in waves (waves.cc): `next` may not begin yet.
  absl::Status EndWave(FlowContext& context, Job* job, int next) const;
  absl::Status AdvanceBetweenWaves(FlowContext& context, Job* job,
                                   absl::Span<const Task> tasks) const;
  absl::Status BeginWave(FlowContext& context, Job* job, absl::Span<const Task> tasks) const;
  absl::Status PauseForFailures(FlowContext& context, Job* job, int failed) const;
  // Of a failed change, if its rollout says so.
  absl::Status RollBackByItself(FlowContext& context, const Job& job, int failed) const;
  // One target's outcome is not known: what has not begun waits with it and is not skipped.
  absl::Status HoldForPerson(FlowContext& context, Job* job, const JobProgress& progress) const;
  // From PAUSED.
  absl::Status GoOn(FlowContext& context, Job* job, absl::string_view why) const;
  // Back to READY, if nothing of the job has begun and it waits for a window or a backup again.
  absl::Status WaitAgain(FlowContext& context, Job job, const Attempt& attempt) const;
  // When the work is thought to begin for which a backup is to be taken now: the policy misses it
  // now, or would miss it when the time comes that the job waits for, which is near. nullopt: none.
  absl::StatusOr<std::optional<absl::Time>> GateBackupFor(ReadTx& tx,
                                                          const PolicyDecision& decision,
                                                          const std::vector<Task>& tasks,
                                                          const Job& job, absl::Time now,
                                                          QueueReadings* readings) const;
  // Has that backup taken. True: it failed, with the job's error.
  absl::StatusOr<bool> TakeGateBackup(FlowContext& context, const PolicyDecision& decision,
                                      const std::vector<Task>& tasks, Job* job) const;
  absl::Status Replan(FlowContext& context, Job* job, std::vector<Task>* tasks,
                      absl::string_view why) const;
  // Replans after an attempt that did not start because its estimate has grown. False if it must
  // fail instead: other targets have begun, or it was planned again too often.
  absl::StatusOr<bool> ReplanGrown(FlowContext& context, Job job, const Attempt& attempt,
                                   Task* task) const;
  absl::Status StopPending(FlowContext& context, const Job& job, const JobProgress& progress) const;
  // Tasks that have not begun and may, as far as the job's stage and parallelism allow.
  absl::StatusOr<std::vector<Task>> NextTasks(ReadTx& tx, const Job& job,
                                              const JobProgress& progress) const;
  absl::Status EnsureAttempts(FlowContext& context, const Job& job,
                              const JobProgress& progress) const;
  absl::Status EnsureAttempt(FlowContext& context, const Job& job, Task* task,
                             Purpose purpose) const;
  absl::StatusOr<Attempt> MakeAttempt(FlowContext& context, const Job& job, Task* task,
                                      Purpose purpose) const;
  absl::Status EndPlanAttempt(FlowContext& context, const Job& job, const Attempt& attempt,
                              const AttemptEnd& end, Task* task) const;
  absl::Status EndExecuteAttempt(FlowContext& context, const Job& job, const Attempt& attempt,
                                 const AttemptEnd& end, Task* task) const;

  const Dependents dependents_;
  const WindowsOf windows_;
  const ApprovalsOf approvals_;
  const WaiverOf waiver_;
  const TakesWork takes_work_;
  mutable PastChanges past_changes_;
};

}  // namespace dbfleet::controller
