#include "tests/bench/growth/mutations.h"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "controller/domain/transitions.h"
#include "tests/bench/growth/history.h"

namespace dbfleet::bench {
namespace {

using controller::AttemptState;
using controller::JobState;
using controller::TaskState;
using controller::WriteTx;

// Numbers of checks that no history has.
constexpr int64_t kFirstNumber = int64_t{1} << 40;

absl::Status Submit(WriteTx& tx, Check* check) {
  RETURN_IF_ERROR(tx.InsertJob(&check->job));
  RETURN_IF_ERROR(tx.InsertTask(&check->task));
  RETURN_IF_ERROR(tx.InsertAttempt(&check->attempt));
  RETURN_IF_ERROR(tx.AppendAudit(MakeRecord(CheckRecord::kSubmit, *check)));
  return tx.AppendAudit(MakeRecord(CheckRecord::kQueue, *check));
}

absl::Status TakeEvent(WriteTx& tx, Check* check) {
  ASSIGN_OR_RETURN(controller::Agent agent, tx.GetAgent(check->attempt.agent_id));
  ++agent.acked_event_seq;
  return tx.UpdateAgent(&agent);
}

absl::Status Offer(WriteTx& tx, uint64_t epoch, Check* check) {
  ASSIGN_OR_RETURN(check->attempt, tx.GetAttempt(check->attempt.id));
  RETURN_IF_ERROR(tx.GetJob(check->job.id).status());
  RETURN_IF_ERROR(tx.GetAgent(check->attempt.agent_id).status());
  ASSIGN_OR_RETURN(controller::Instance instance, tx.GetInstance(check->attempt.instance_id));
  ASSIGN_OR_RETURN(check->attempt.fence, controller::NextFence(epoch, &instance));
  check->attempt.epoch = epoch;
  check->attempt.state = AttemptState::kOffered;
  RETURN_IF_ERROR(tx.UpdateInstance(&instance));
  RETURN_IF_ERROR(tx.UpdateAttempt(&check->attempt));
  return tx.AppendAudit(MakeRecord(CheckRecord::kOffer, *check));
}

absl::Status Accept(WriteTx& tx, Check* check) {
  RETURN_IF_ERROR(TakeEvent(tx, check));
  ASSIGN_OR_RETURN(check->attempt, tx.GetAttempt(check->attempt.id));
  check->attempt.state = AttemptState::kAccepted;
  RETURN_IF_ERROR(tx.UpdateAttempt(&check->attempt));
  return tx.AppendAudit(MakeRecord(CheckRecord::kAccept, *check));
}

absl::Status Grant(WriteTx& tx, Check* check) {
  ASSIGN_OR_RETURN(check->attempt, tx.GetAttempt(check->attempt.id));
  ASSIGN_OR_RETURN(check->job, tx.GetJob(check->job.id));
  ASSIGN_OR_RETURN(check->task, tx.GetTask(check->task.id));
  check->attempt.state = AttemptState::kGranted;
  check->job.state = JobState::kRolling;
  check->task.state = TaskState::kActive;
  RETURN_IF_ERROR(tx.UpdateAttempt(&check->attempt));
  RETURN_IF_ERROR(tx.UpdateJob(&check->job));
  RETURN_IF_ERROR(tx.UpdateTask(&check->task));
  return tx.AppendAudit(MakeRecord(CheckRecord::kGrant, *check));
}

absl::Status End(WriteTx& tx, absl::Time now, Check* check) {
  RETURN_IF_ERROR(TakeEvent(tx, check));
  ASSIGN_OR_RETURN(check->attempt, tx.GetAttempt(check->attempt.id));
  check->attempt.state = AttemptState::kRunning;
  check->attempt.start_time = now;
  RETURN_IF_ERROR(tx.UpdateAttempt(&check->attempt));
  RETURN_IF_ERROR(tx.AppendAudit(MakeRecord(CheckRecord::kStart, *check)));
  check->attempt.state = AttemptState::kSucceeded;
  check->attempt.end_time = now;
  RETURN_IF_ERROR(tx.UpdateAttempt(&check->attempt));
  RETURN_IF_ERROR(tx.AppendAudit(MakeRecord(CheckRecord::kEnd, *check)));
  ASSIGN_OR_RETURN(check->task, tx.GetTask(check->task.id));
  check->task.state = TaskState::kSucceeded;
  check->task.result_blob = "\n\x04\n\x02\x10\x01";
  RETURN_IF_ERROR(tx.UpdateTask(&check->task));
  RETURN_IF_ERROR(tx.ProgressOf(check->job.id).status());
  ASSIGN_OR_RETURN(check->job, tx.GetJob(check->job.id));
  check->job.state = JobState::kSucceeded;
  check->job.update_time = check->job.end_time = now;
  RETURN_IF_ERROR(tx.UpdateJob(&check->job));
  return tx.AppendAudit(MakeRecord(CheckRecord::kJobEnd, *check));
}

class Callers {
 public:
  Callers(controller::Store* store, const Clock* clock, int callers, absl::Duration time)
      : store_(*store), clock_(*clock), callers_(callers), time_(time) {}

  // How often each second all callers together ran `body` to its end; -1 after an error.
  double Run(const std::function<absl::Status(int caller)>& body) {
    std::atomic<int64_t> done{0};
    const absl::Duration began = clock_.Monotonic();
    std::vector<std::thread> threads;
    for (int caller = 0; caller < callers_; ++caller) {
      threads.emplace_back([&, caller] {
        while (clock_.Monotonic() - began < time_) {
          absl::Status status = body(caller);
          if (!status.ok()) return Fail(std::move(status));
          ++done;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return static_cast<double>(done) / absl::ToDoubleSeconds(clock_.Monotonic() - began);
  }

  absl::Status WholeCheck() {
    Check check = NewCheck();
    const auto mutate = [&](const std::function<absl::Status(WriteTx&)>& mutation) {
      return store_.MutateAndWait(mutation);
    };
    RETURN_IF_ERROR(mutate([&](WriteTx& tx) { return Submit(tx, &check); }));
    RETURN_IF_ERROR(mutate([&](WriteTx& tx) { return Offer(tx, store_.epoch(), &check); }));
    RETURN_IF_ERROR(mutate([&](WriteTx& tx) { return Accept(tx, &check); }));
    RETURN_IF_ERROR(mutate([&](WriteTx& tx) { return Grant(tx, &check); }));
    return mutate([&](WriteTx& tx) { return End(tx, clock_.Now(), &check); });
  }

  // Of attempts that are open all the time.
  absl::Status MakeOpenChecks() {
    for (int i = 0; i < callers_; ++i) open_.push_back(NewCheck());
    return store_.MutateAndWait([this](WriteTx& tx) -> absl::Status {
      for (Check& check : open_) RETURN_IF_ERROR(Submit(tx, &check));
      return absl::OkStatus();
    });
  }
  absl::Status OneEvent(int caller) {
    return store_.MutateAndWait([&](WriteTx& tx) { return Accept(tx, &open_[caller]); });
  }
  absl::Status EndOpenChecks() {
    return store_.MutateAndWait([this](WriteTx& tx) -> absl::Status {
      for (Check& check : open_) {
        RETURN_IF_ERROR(Grant(tx, &check));
        RETURN_IF_ERROR(End(tx, clock_.Now(), &check));
      }
      return absl::OkStatus();
    });
  }

  absl::Status status() {
    MutexLock lock(&mutex_);
    return status_;
  }

 private:
  Check NewCheck() {
    const absl::Time now = clock_.Now();
    // Distinct also from those of earlier runs on the store.
    return MakeCheck(kFirstNumber + absl::ToUnixMicros(now) * 1000 + next_++, now);
  }

  void Fail(absl::Status status) {
    MutexLock lock(&mutex_);
    status_.Update(std::move(status));
  }

  controller::Store& store_;
  const Clock& clock_;
  const int callers_;
  const absl::Duration time_;
  std::atomic<int64_t> next_{0};
  std::vector<Check> open_;
  Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<MutationFigures> MeasureMutations(controller::Store& store, const Clock& clock,
                                                 int callers, absl::Duration time) {
  MutationFigures figures;
  Callers all(&store, &clock, callers, time);
  RETURN_IF_ERROR(all.MakeOpenChecks());
  figures.events_per_second = all.Run([&](int caller) { return all.OneEvent(caller); });
  RETURN_IF_ERROR(all.EndOpenChecks());
  figures.checks_per_second = all.Run([&](int) { return all.WholeCheck(); });
  if (absl::Status status = all.status(); !status.ok()) return status;
  return figures;
}

}  // namespace dbfleet::bench
