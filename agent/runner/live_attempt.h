#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "agent/actions/action.h"
#include "agent/journal/journal.h"
#include "agent/runner/runner.h"
#include "agent/runner/scratch.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// One attempt while it is alive: what an action sees of it (ActionContext), and what the runner
// changes about it from other threads: grant, lease, cancellation. Owned by the runner and whoever
// executes it. Thread-safe.
class LiveAttempt : public ActionContext {
 public:
  struct Environment {
    Journal& journal;
    Clock& clock;
    LinkServices& link;
    const Scratch& scratch;
    const std::atomic<bool>& stopping;  // The agent ends: no further forward step.
    const std::string& backup_dir;
    const std::string& repository_id;
  };
  // `recovering`: it was running when the agent died.
  LiveAttempt(const Environment& environment, JournaledAttempt journaled, Engine& engine,
              Action& action, bool recovering);

  const std::string& job_id() const override { return journaled_.offer.job_id(); }
  const std::string& attempt_id() const override { return journaled_.offer.attempt_id(); }
  uint64_t fence() const override { return journaled_.offer.fence(); }
  Engine& engine() override { return engine_; }
  std::string approved_plan_digest() const override;
  absl::Status MayGoOn() override;
  absl::Status MayBegin() override;
  // START_TOO_LATE if it was granted longer ago than the grant lets it wait to be taken up, or in
  // an earlier life of the agent. To be asked when a worker takes it up.
  absl::Status CheckTakenUpInTime();
  void OnCancel(std::function<void()> fn) override;
  absl::Status ReportStep(const work::v1::StepReport& report) override;
  absl::Status Checkpoint(absl::string_view blob) override;
  void Log(work::v1::Severity severity, absl::string_view line) override;
  absl::StatusOr<std::string> Content(const work::v1::ContentRef& ref) override;
  absl::StatusOr<std::string> ScratchFolder() override;

  const v1::Offer& offer() const { return journaled_.offer; }
  const JournaledAttempt& journaled() const { return journaled_; }
  Action& action() { return action_; }
  bool recovering() const { return recovering_; }

  v1::Grant grant();
  bool granted();
  void SetGrant(const v1::Grant& grant);
  // The lease now ends at this time of Clock::Monotonic. Once MayGoOn has said that it is lost, it
  // stays lost: the action acts on that already.
  void RenewLease(absl::Duration deadline);
  // The Grant's bound was moved. The caller keeps it in the journal.
  void MoveNotAfter(const google::protobuf::Timestamp& not_after);
  bool HasLease();

  void MarkCancelled();
  bool cancelled();
  // Calls what OnCancel has set. May block; not to be called twice.
  void RunCancelCallback();

 private:
  // Whether the backup is there with which the grant satisfied the policy; what is known of it at
  // the controller may be days old.
  absl::Status CheckBackup();
  absl::Status CheckInTime() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckMayGoOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckLease() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::string> FetchContent(const work::v1::ContentRef& ref);

  const Environment environment_;
  const JournaledAttempt journaled_;  // As it was when this object was made.
  Engine& engine_;
  Action& action_;
  const bool recovering_;

  // Held while the callback runs, so that OnCancel does not return before a running one has: the
  // action may then destroy what it captured.
  Mutex callback_mutex_;
  std::function<void()> cancel_callback_ ABSL_GUARDED_BY(callback_mutex_);

  Mutex mutex_;
  v1::Grant grant_ ABSL_GUARDED_BY(mutex_);
  bool granted_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration granted_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();  // Monotonic().
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool lease_lost_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration lease_deadline_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  absl::Status journal_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::agent
