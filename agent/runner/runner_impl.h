#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/runner/instance_queue.h"
#include "agent/runner/live_attempt.h"
#include "agent/runner/runner.h"
#include "agent/runner/scratch.h"
#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"

namespace dbfleet::agent {

// The Runner. The link calls Handle* from one thread; attempts run on the pool. No lock is held
// while the journal writes or an action runs.
class RunnerImpl : public Runner {
 public:
  RunnerImpl(Options options, Clock& clock, Journal& journal,
             std::map<std::string, Engine*> engines, std::map<std::string, Action*> actions,
             LinkServices& link);
  ~RunnerImpl() override;

  absl::Status Recover() override;
  void HandleOffer(const v1::Offer& offer) override;
  void HandleGrant(const v1::Grant& grant) override;
  void HandleWithdraw(const std::string& attempt_id) override;
  void HandleCancel(const std::string& attempt_id, const std::string& reason) override;
  void HandleLeaseRenewal(const v1::LeaseRenewal& renewal) override;
  void Drain(absl::Duration grace) override;
  int running() const override;

 private:
  // Where an attempt is between Accepted and its end.
  enum class Place { kParked, kQueued, kRunning };
  struct Live {
    std::shared_ptr<LiveAttempt> attempt;
    Place place = Place::kParked;
    std::unique_ptr<Clock::Timer> retry;  // Of an outcome that the journal would not take.
  };

  // Checks, inspections and plans of one instance at once. With a half of the workers no single
  // server that hangs holds up the others; an agent with one instance has nobody to hold up.
  int MostShared() const;
  // Why this agent does not take the offer; OK if it does.
  absl::Status Examine(const v1::Offer& offer);
  void Decline(const v1::Offer& offer, const absl::Status& why);
  void AddLive(JournaledAttempt journaled, bool recovering);
  std::shared_ptr<LiveAttempt> FindLive(const std::string& attempt_id);
  // An attempt whose instance or action this agent no longer has.
  void FinishOrphan(const JournaledAttempt& journaled);
  void HandleGrantOfNone(const v1::Grant& grant);
  void TakeUp(const JournaledAttempt& journaled);

  void Enqueue(const std::shared_ptr<LiveAttempt>& attempt);
  void Dispatch();
  void Submit(const std::shared_ptr<LiveAttempt>& attempt);
  void Execute(const std::shared_ptr<LiveAttempt>& attempt);
  // Nothing if the agent began to stop before the start: the attempt stays as it is in the journal.
  std::optional<v1::Finished> RunFresh(LiveAttempt& attempt);
  v1::Finished RunRecovery(LiveAttempt& attempt);
  // Whether the agent stops, so that this one is for its next life. One that is cancelled still
  // ends in this one.
  bool LeavesToNextLife(LiveAttempt& attempt);
  void Leave(const LiveAttempt& attempt);
  void FinishDurably(const std::shared_ptr<LiveAttempt>& attempt, const v1::Finished& finished);
  void Complete(const std::shared_ptr<LiveAttempt>& attempt);

  const Options options_;
  Clock& clock_;
  Journal& journal_;
  const std::map<std::string, Engine*> engines_;
  const std::map<std::string, Action*> actions_;
  LinkServices& link_;
  const Scratch scratch_;
  std::atomic<bool> stopping_{false};
  const std::unique_ptr<Executor> pool_;
  // A recovery may wait for its server for an hour; others shall run meanwhile. At most one per
  // instance, and as many threads.
  const std::unique_ptr<Executor> recovery_pool_;
  // Callbacks of cancelled attempts may block on a database; the pool may be full of attempts that
  // wait for just these.
  const std::unique_ptr<Executor> cancel_pool_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Live> live_ ABSL_GUARDED_BY(mutex_);
  InstanceQueue queue_ ABSL_GUARDED_BY(mutex_){MostShared(), std::max(1, options_.workers),
                                               static_cast<int>(engines_.size())};
  std::map<std::string, uint64_t> granted_fences_ ABSL_GUARDED_BY(mutex_);
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool grace_over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dbfleet::agent
