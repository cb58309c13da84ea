#include "agent/runner/runner_impl.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "agent/actions/backup/orphan.h"
#include "agent/runner/work_kind.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

std::string KernelBootId() {
  const auto text = ReadFile("/proc/sys/kernel/random/boot_id", 256);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : std::string();
}

Runner::Options Complete(Runner::Options options) {
  if (options.boot_id.empty()) options.boot_id = KernelBootId();
  return options;
}

void LogIgnored(absl::string_view what, const std::string& attempt_id, const absl::Status& why) {
  log::Warn(absl::StrCat("ignored a ", what),
            {{"attempt", attempt_id}, {"error", std::string(why.message())}});
}

}  // namespace

std::unique_ptr<Runner> Runner::Create(Options options, Clock& clock, Journal& journal,
                                       std::map<std::string, Engine*> engines,
                                       std::map<std::string, Action*> actions, LinkServices& link) {
  return std::make_unique<RunnerImpl>(std::move(options), clock, journal, std::move(engines),
                                      std::move(actions), link);
}

RunnerImpl::RunnerImpl(Options options, Clock& clock, Journal& journal,
                       std::map<std::string, Engine*> engines,
                       std::map<std::string, Action*> actions, LinkServices& link)
    : options_(agent::Complete(std::move(options))),
      clock_(clock),
      journal_(journal),
      engines_(std::move(engines)),
      actions_(std::move(actions)),
      link_(link),
      scratch_(options_.data_dir),
      pool_(MakeThreadPool("work", std::max(1, options_.workers))),
      recovery_pool_(MakeThreadPool("recover", std::max(1, static_cast<int>(engines_.size())))),
      cancel_pool_(MakeThreadPool("cancel", std::max(1, options_.workers))) {}

int RunnerImpl::MostShared() const {
  const int workers = std::max(1, options_.workers);
  return engines_.size() > 1 ? std::max(1, workers / 2) : workers;
}

RunnerImpl::~RunnerImpl() {
  std::vector<std::unique_ptr<Clock::Timer>> timers;
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    for (auto& [id, live] : live_) timers.push_back(std::move(live.retry));
  }
  stopping_ = true;
  timers.clear();
  cancel_pool_->Shutdown();
  recovery_pool_->Shutdown();
  pool_->Shutdown();
}

absl::Status RunnerImpl::Recover() {
  ASSIGN_OR_RETURN(const std::vector<JournaledAttempt> attempts, journal_.Attempts());
  std::set<std::string> running;
  for (const JournaledAttempt& attempt : attempts) {
    if (attempt.phase == v1::ATTEMPT_PHASE_RUNNING) running.insert(attempt.offer.attempt_id());
  }
  RETURN_IF_ERROR(scratch_.RemoveLeftovers(running));
  // Those that ran come first: nothing else may touch their instances before.
  for (const JournaledAttempt& attempt : attempts) {
    if (attempt.phase == v1::ATTEMPT_PHASE_RUNNING) TakeUp(attempt);
  }
  for (const JournaledAttempt& attempt : attempts) {
    if (attempt.phase == v1::ATTEMPT_PHASE_ACCEPTED || attempt.phase == v1::ATTEMPT_PHASE_GRANTED) {
      TakeUp(attempt);
    }
  }
  return absl::OkStatus();
}

void RunnerImpl::TakeUp(const JournaledAttempt& journaled) {
  const v1::Offer& offer = journaled.offer;
  const bool running = journaled.phase == v1::ATTEMPT_PHASE_RUNNING;
  if (engines_.count(offer.instance()) == 0 || actions_.count(ActionNameOf(offer.spec())) == 0) {
    // Merely accepted: its Grant, should it come, is answered then.
    if (journaled.phase != v1::ATTEMPT_PHASE_ACCEPTED) FinishOrphan(journaled);
    return;
  }
  AddLive(journaled, running);
  const std::shared_ptr<LiveAttempt> attempt = FindLive(offer.attempt_id());
  if (!attempt->granted()) return;
  // The lease began at some time after Accepted, so counting from there is never too long. Without
  // a lease the attempt waits for the controller, which sends the Grant again.
  if (journaled.boot_id == options_.boot_id) {
    attempt->RenewLease(journaled.accepted_boottime + FromProto(journaled.grant->lease()));
  }
  if (running || attempt->HasLease() || attempt->cancelled()) Enqueue(attempt);
}

void RunnerImpl::FinishOrphan(const JournaledAttempt& journaled) {
  const bool ran = journaled.phase == v1::ATTEMPT_PHASE_RUNNING;
  const std::string& id = journaled.offer.attempt_id();
  // Its dump may still be running. It ends before the folder goes from which it can be found.
  if (ran) EndOrphanedBackup(scratch_.PathOf(id));
  v1::Finished finished;
  finished.set_outcome(ran ? v1::OUTCOME_INTERRUPTED : v1::OUTCOME_FAILED);
  finished.set_error_reason("INSTANCE_UNKNOWN");
  finished.set_error_message(absl::StrCat(
      "the agent's configuration no longer has the instance ", journaled.offer.instance(),
      ran ? ", on which this was running: nobody here can say what became of it"
          : "; nothing was started"));
  const absl::Status status = journal_.Finish(id, finished);
  if (!status.ok()) LogIgnored("attempt without an instance", id, status);
  scratch_.Remove(id);
}

void RunnerImpl::AddLive(JournaledAttempt journaled, bool recovering) {
  const std::string id = journaled.offer.attempt_id();
  const std::string instance = journaled.offer.instance();
  Engine& engine = *engines_.at(instance);
  Action& action = *actions_.at(ActionNameOf(journaled.offer.spec()));
  const bool counts = journaled.grant.has_value() && IsExclusive(journaled.offer);
  const uint64_t fence = journaled.offer.fence();
  const LiveAttempt::Environment environment{
      journal_, clock_, link_, scratch_, stopping_, options_.backup_dir, options_.repository_id};
  auto attempt =
      std::make_shared<LiveAttempt>(environment, std::move(journaled), engine, action, recovering);
  MutexLock lock(&mutex_);
  live_[id].attempt = std::move(attempt);
  if (counts) granted_fences_[instance] = std::max(granted_fences_[instance], fence);
}

std::shared_ptr<LiveAttempt> RunnerImpl::FindLive(const std::string& attempt_id) {
  MutexLock lock(&mutex_);
  const auto it = live_.find(attempt_id);
  return it == live_.end() ? nullptr : it->second.attempt;
}

absl::Status RunnerImpl::Examine(const v1::Offer& offer) {
  {
    MutexLock lock(&mutex_);
    if (draining_) {
      return Error(absl::StatusCode::kUnavailable, "AGENT_STOPPING", "the agent is being stopped");
    }
  }
  RETURN_IF_ERROR(journal_.NoteEpoch(offer.epoch(), ""));
  const auto engine = engines_.find(offer.instance());
  if (engine == engines_.end()) {
    return Error(absl::StatusCode::kNotFound, "INSTANCE_UNKNOWN",
                 absl::StrCat("this agent has no instance ", offer.instance()));
  }
  const std::string name = ActionNameOf(offer.spec());
  const auto action = actions_.find(name);
  if (action == actions_.end() || offer.purpose() == v1::PURPOSE_UNSPECIFIED) {
    return Error(absl::StatusCode::kUnimplemented, "ACTION_UNKNOWN",
                 "this agent does not know that kind of work; upgrade dbfleet-agent");
  }
  if (options_.forbidden && options_.forbidden(name, offer.instance())) {
    return Error(
        absl::StatusCode::kPermissionDenied, "ACTION_FORBIDDEN",
        absl::StrCat("the agent's local policy file forbids ", name, " on ", offer.instance()));
  }
  return action->second->Supports(*engine->second);
}

void RunnerImpl::HandleOffer(const v1::Offer& offer) {
  if (!IsSafeAttemptId(offer.attempt_id())) {
    log::Error("ignored an offer whose attempt id is no id",
               {{"attempt", Truncate(offer.attempt_id(), 80)}});
    return;
  }
  if (FindLive(offer.attempt_id()) != nullptr) return;
  const auto known = journal_.Find(offer.attempt_id());
  if (known.ok() && known->has_value()) return;
  if (const absl::Status why = Examine(offer); !why.ok()) return Decline(offer, why);
  JournaledAttempt journaled;
  journaled.offer = offer;
  journaled.accepted_boottime = clock_.Monotonic();
  journaled.boot_id = options_.boot_id;
  const absl::Status accepted =
      journal_.Accept(offer, journaled.accepted_boottime, journaled.boot_id);
  if (!accepted.ok()) return Decline(offer, accepted);
  AddLive(std::move(journaled), /*recovering=*/false);
}

void RunnerImpl::Decline(const v1::Offer& offer, const absl::Status& why) {
  v1::Declined declined;
  const std::string reason = ReasonOf(why);
  declined.set_reason(reason.empty() ? "NOT_SUPPORTED" : reason);
  declined.set_message(Truncate(SanitizeForDisplay(std::string(why.message())), 2048));
  log::Warn("declined an offer", {{"attempt", offer.attempt_id()},
                                  {"instance", offer.instance()},
                                  {"reason", declined.reason()},
                                  {"error", declined.message()}});
  const absl::Status status = journal_.Decline(offer, declined);
  if (!status.ok())
    LogIgnored("offer without being able to decline it", offer.attempt_id(), status);
}

void RunnerImpl::HandleGrant(const v1::Grant& grant) {
  const std::string& id = grant.attempt_id();
  const std::shared_ptr<LiveAttempt> attempt = FindLive(id);
  if (attempt == nullptr) return HandleGrantOfNone(grant);
  if (grant.fence() != attempt->fence()) {
    return LogIgnored("grant", id, absl::AbortedError("it has another fence than the offer"));
  }
  if (const absl::Status status = journal_.NoteEpoch(grant.epoch(), ""); !status.ok()) {
    return LogIgnored("grant", id, status);
  }
  // Not started on an error: the controller sends a committed grant again with the next session.
  if (const absl::Status status = journal_.Grant(grant); !status.ok()) {
    return LogIgnored("grant", id, status);
  }
  attempt->SetGrant(grant);
  attempt->RenewLease(clock_.Monotonic() + FromProto(grant.lease()));
  {
    MutexLock lock(&mutex_);
    if (IsExclusive(attempt->offer())) {
      uint64_t& highest = granted_fences_[attempt->offer().instance()];
      highest = std::max(highest, attempt->fence());
    }
  }
  Enqueue(attempt);
}

void RunnerImpl::HandleGrantOfNone(const v1::Grant& grant) {
  const auto journaled = journal_.Find(grant.attempt_id());
  if (journaled.ok() && journaled->has_value() &&
      (*journaled)->phase == v1::ATTEMPT_PHASE_ACCEPTED) {
    return FinishOrphan(**journaled);
  }
  log::Info("a grant for an attempt that is not waiting", {{"attempt", grant.attempt_id()}});
}

void RunnerImpl::HandleWithdraw(const std::string& attempt_id) {
  const std::shared_ptr<LiveAttempt> attempt = FindLive(attempt_id);
  if (attempt != nullptr && attempt->granted()) {
    return LogIgnored("withdrawal", attempt_id, absl::FailedPreconditionError("it was granted"));
  }
  const absl::Status status = journal_.Drop(attempt_id);
  if (!status.ok()) return LogIgnored("withdrawal", attempt_id, status);
  MutexLock lock(&mutex_);
  live_.erase(attempt_id);
}

void RunnerImpl::HandleCancel(const std::string& attempt_id, const std::string& reason) {
  const std::shared_ptr<LiveAttempt> attempt = FindLive(attempt_id);
  if (attempt == nullptr) {
    log::Info("a cancellation for an attempt that is not alive", {{"attempt", attempt_id}});
    return;
  }
  log::Info("cancelling", {{"attempt", attempt_id}, {"reason", Truncate(reason, 500)}});
  if (const absl::Status status = journal_.RequestCancel(attempt_id); !status.ok()) {
    // It is obeyed all the same; only after a crash it would have to come again.
    log::Warn("cannot note a cancellation",
              {{"attempt", attempt_id}, {"error", std::string(status.message())}});
  }
  attempt->MarkCancelled();
  bool end_now = false;
  {
    MutexLock lock(&mutex_);
    const auto it = live_.find(attempt_id);
    if (it == live_.end()) return;
    // One that waits need not wait any longer: its first hook ends it. But a recovery needs its
    // instance whatever a person wishes.
    const bool parked = it->second.place == Place::kParked && attempt->granted();
    const bool queued = it->second.place == Place::kQueued;
    end_now = !attempt->recovering() && (parked || (queued && queue_.TakeWaiting(attempt_id)));
    if (end_now) {
      it->second.place = Place::kRunning;
      ++running_;
    }
  }
  if (end_now) return Submit(attempt);
  if (!cancel_pool_->Add([attempt] { attempt->RunCancelCallback(); })) {
    log::Warn("cannot interrupt a cancelled attempt, it ends at its next step",
              {{"attempt", attempt_id}});
  }
}

void RunnerImpl::HandleLeaseRenewal(const v1::LeaseRenewal& renewal) {
  const absl::Duration deadline = clock_.Monotonic() + FromProto(renewal.lease());
  for (const std::string& id : renewal.attempt_ids()) {
    const std::shared_ptr<LiveAttempt> attempt = FindLive(id);
    if (attempt == nullptr || !attempt->granted()) continue;
    attempt->RenewLease(deadline);
    if (renewal.has_not_after()) {
      attempt->MoveNotAfter(renewal.not_after());
      // For the next start, and for a controller that lost its memory.
      const absl::Status status = journal_.MoveNotAfter(id, renewal.not_after());
      if (!status.ok()) {
        log::Warn("a moved bound counts, but is not kept in the journal",
                  {{"attempt", id}, {"error", std::string(status.message())}});
      }
    }
    Enqueue(attempt);
  }
}

int RunnerImpl::running() const {
  MutexLock lock(&mutex_);
  return running_;
}

void RunnerImpl::Drain(absl::Duration grace) {
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    if (running_ == 0) return;
  }
  // Two thirds of the time for work to end by itself; then no further step starts.
  const auto stop_steps = clock_.After(grace * 2 / 3, [this] { stopping_ = true; });
  const auto give_up = clock_.After(grace, [this] {
    MutexLock lock(&mutex_);
    grace_over_ = true;
    changed_.SignalAll();
  });
  MutexLock lock(&mutex_);
  while (running_ > 0 && !grace_over_) changed_.Wait(&mutex_);
}

}  // namespace dbfleet::agent
