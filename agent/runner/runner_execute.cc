// The part of RunnerImpl that executes attempts on the pool.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/runner/result_size.h"
#include "agent/runner/runner_impl.h"
#include "agent/runner/start_hooks.h"
#include "agent/runner/work_kind.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/plan/digest.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kFinishRetry = absl::Seconds(5);

v1::Finished ToFinished(ActionResult result) {
  v1::Finished finished;
  // An action that does not say how it ended has not said that it succeeded.
  finished.set_outcome(result.outcome == v1::OUTCOME_UNSPECIFIED ? v1::OUTCOME_INTERRUPTED
                                                                 : result.outcome);
  finished.set_error_reason(std::move(result.error_reason));
  finished.set_error_message(std::move(result.error_message));
  finished.set_seen_fence(result.seen_fence);
  *finished.mutable_result() = std::move(result.result);
  return finished;
}

// How an attempt ends that was not started.
v1::Finished NotStarted(const absl::Status& status) {
  v1::Finished finished;
  finished.set_outcome(absl::IsCancelled(status) ? v1::OUTCOME_CANCELLED : v1::OUTCOME_FAILED);
  const std::string reason = ReasonOf(status);
  finished.set_error_reason(reason.empty() ? "NOT_STARTED" : reason);
  finished.set_error_message(std::string(status.message()));
  return finished;
}

ActionResult MakePlan(LiveAttempt& attempt) {
  absl::StatusOr<work::v1::Plan> plan = attempt.action().Plan(attempt, attempt.offer().spec());
  if (!plan.ok()) return ActionResult::FromStatus(plan.status());
  plan->set_target_digest(PlanDigest(TargetOf(attempt.offer()), *plan));
  work::v1::TaskResult result;
  *result.mutable_plan() = *std::move(plan);
  return ActionResult::Succeeded(std::move(result));
}

work::v1::Severity SeverityOf(const v1::Finished& finished) {
  return finished.outcome() == v1::OUTCOME_SUCCEEDED ? work::v1::SEVERITY_INFO
                                                     : work::v1::SEVERITY_ERROR;
}

std::string Describe(const v1::Finished& finished) {
  std::string text = v1::Outcome_Name(finished.outcome());
  if (!finished.error_reason().empty()) absl::StrAppend(&text, " ", finished.error_reason());
  if (!finished.error_message().empty()) absl::StrAppend(&text, ": ", finished.error_message());
  return text;
}

}  // namespace

void RunnerImpl::Enqueue(const std::shared_ptr<LiveAttempt>& attempt) {
  {
    MutexLock lock(&mutex_);
    const auto it = live_.find(attempt->attempt_id());
    if (it == live_.end() || it->second.place != Place::kParked) return;
    // Draining: it stays GRANTED in the journal, for the next life.
    if (draining_) return;
    it->second.place = Place::kQueued;
    queue_.Add(attempt->attempt_id(), attempt->offer().instance(),
               attempt->recovering() || IsExclusive(attempt->offer()), !attempt->recovering());
  }
  Dispatch();
}

void RunnerImpl::Dispatch() {
  std::vector<std::shared_ptr<LiveAttempt>> runnable;
  {
    MutexLock lock(&mutex_);
    if (draining_) return;
    for (const std::string& id : queue_.TakeRunnable()) {
      Live& live = live_[id];
      live.place = Place::kRunning;
      ++running_;
      runnable.push_back(live.attempt);
    }
  }
  for (const auto& attempt : runnable) Submit(attempt);
}

void RunnerImpl::Submit(const std::shared_ptr<LiveAttempt>& attempt) {
  Executor& pool = attempt->recovering() ? *recovery_pool_ : *pool_;
  if (pool.Add([this, attempt] { Execute(attempt); })) return;
  log::Warn("the agent stops before an attempt could start", {{"attempt", attempt->attempt_id()}});
  MutexLock lock(&mutex_);
  --running_;
  changed_.SignalAll();
}

bool RunnerImpl::LeavesToNextLife(LiveAttempt& attempt) {
  const bool ends_here = attempt.cancelled() && !attempt.recovering();
  MutexLock lock(&mutex_);
  return draining_ && !ends_here;
}

void RunnerImpl::Leave(const LiveAttempt& attempt) {
  log::Info("the agent stops: left to its next start", {{"attempt", attempt.attempt_id()}});
  MutexLock lock(&mutex_);
  live_[attempt.attempt_id()].place = Place::kParked;
  queue_.Done(attempt.attempt_id());
  --running_;
  changed_.SignalAll();
}

void RunnerImpl::Execute(const std::shared_ptr<LiveAttempt>& attempt) {
  // It may have waited for a worker.
  if (LeavesToNextLife(*attempt)) return Leave(*attempt);
  const std::string action(attempt->action().name());
  log::Info(
      attempt->recovering() ? "finding out how an interrupted attempt ended" : "attempt begins",
      {{"attempt", attempt->attempt_id()},
       {"action", action},
       {"instance", attempt->offer().instance()}});
  std::optional<v1::Finished> finished =
      attempt->recovering() ? RunRecovery(*attempt) : RunFresh(*attempt);
  if (!finished.has_value()) return Leave(*attempt);
  FitIntoMessage(&*finished);
  FinishDurably(attempt, *finished);
}

std::optional<v1::Finished> RunnerImpl::RunFresh(LiveAttempt& attempt) {
  StartContext context{attempt, options_, clock_};
  {
    MutexLock lock(&mutex_);
    context.highest_granted_fence = granted_fences_[attempt.offer().instance()];
  }
  const absl::Status may_start = CheckStart(context);
  // The checks make a plan and so take their time. A refusal counts for nothing either: it may be
  // that the agent stops.
  if (LeavesToNextLife(attempt)) return std::nullopt;
  if (!may_start.ok()) return NotStarted(may_start);
  if (const absl::Status status = journal_.Start(attempt.attempt_id()); !status.ok()) {
    v1::Finished finished =
        NotStarted(Annotate(status, "cannot note the start, so nothing was started"));
    // It ran before, in whatever way: then nobody here knows what became of it.
    if (absl::IsFailedPrecondition(status)) finished.set_outcome(v1::OUTCOME_INTERRUPTED);
    return finished;
  }
  if (attempt.offer().purpose() == v1::PURPOSE_PLAN) return ToFinished(MakePlan(attempt));
  return ToFinished(attempt.action().Run(attempt, attempt.offer().spec()));
}

v1::Finished RunnerImpl::RunRecovery(LiveAttempt& attempt) {
  if (attempt.offer().purpose() == v1::PURPOSE_PLAN) {
    // Planning changes nothing, so it is known that nothing of it remains.
    return NotStarted(Error(absl::StatusCode::kAborted, "AGENT_RESTARTED",
                            "the agent was restarted while it made the plan"));
  }
  return ToFinished(
      attempt.action().Recover(attempt, attempt.offer().spec(), attempt.journaled().checkpoint));
}

void RunnerImpl::FinishDurably(const std::shared_ptr<LiveAttempt>& attempt,
                               const v1::Finished& finished) {
  const std::string& id = attempt->attempt_id();
  const absl::Status status = journal_.Finish(id, finished);
  if (status.ok() || absl::IsFailedPrecondition(status) || absl::IsNotFound(status)) {
    if (!status.ok()) {
      log::Error("an attempt ended twice; the first outcome stays",
                 {{"attempt", id}, {"error", std::string(status.message())}});
    }
    log::Info("attempt ended", {{"attempt", id}, {"outcome", Describe(finished)}});
    attempt->Log(SeverityOf(finished), Describe(finished));
    return Complete(attempt);
  }
  // The instance stays taken: after a crash now, this attempt has to be recovered first.
  log::Error("cannot write an outcome to the journal; trying again",
             {{"attempt", id}, {"error", std::string(status.message())}});
  auto timer = clock_.After(kFinishRetry, [this, attempt, finished] {
    if (!pool_->Add([this, attempt, finished] { FinishDurably(attempt, finished); })) {
      log::Error(
          "the agent stops with an outcome that is not in the journal; the next start "
          "finds out about it",
          {{"attempt", attempt->attempt_id()}});
    }
  });
  MutexLock lock(&mutex_);
  // The former timer, if any, dies with this scope's `timer`, after the lock.
  if (const auto it = live_.find(id); it != live_.end()) std::swap(it->second.retry, timer);
}

void RunnerImpl::Complete(const std::shared_ptr<LiveAttempt>& attempt) {
  const std::string& id = attempt->attempt_id();
  scratch_.Remove(id);
  std::unique_ptr<Clock::Timer> retry;
  {
    MutexLock lock(&mutex_);
    const auto it = live_.find(id);
    if (it != live_.end()) {
      retry = std::move(it->second.retry);
      live_.erase(it);
    }
    queue_.Done(id);
    --running_;
    changed_.SignalAll();
  }
  retry.reset();
  Dispatch();
}

}  // namespace dbfleet::agent
