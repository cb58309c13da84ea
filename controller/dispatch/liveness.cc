// The dispatcher's part that decides what silence means: a granted attempt whose agent is gone for
// longer than its lease is UNREACHABLE, and only work that is safe to run again is ever LOST by
// itself.
#include <map>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/dispatch";

absl::Status MoveToUnreachable(FlowContext& context, Attempt attempt) {
  RETURN_IF_ERROR(MoveAttempt(&attempt, AttemptState::kUnreachable, context.now));
  attempt.unreachable_since = context.now;
  RETURN_IF_ERROR(context.UpdateAttempt(&attempt));
  ASSIGN_OR_RETURN(const Job job, context.tx.GetJob(attempt.job_id));
  return context.Audit("attempt.unreachable", job,
                       {{"attempt", attempt.id},
                        {"agent", attempt.agent_id},
                        {"why", "the agent has been silent for longer than the lease"}});
}

}  // namespace

void Dispatcher::CheckSilentAgents() {
  const absl::Duration now = clock_.Monotonic();
  for (auto it = silent_since_.begin(); it != silent_since_.end();) {
    if (now - it->second < options_.lease) {
      ++it;
      continue;
    }
    MarkUnreachable(it->first);
    it = silent_since_.erase(it);
  }
}

void Dispatcher::MarkUnreachable(const std::string& agent_id) {
  auto changes = std::make_shared<JobChanges>();
  store_.MutateEssential(
      [this, changes, agent_id](WriteTx& tx) -> absl::Status {
        FlowContext context{tx, clock_.Now(), kActor, {}};
        ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfAgent(agent_id));
        for (const Attempt& attempt : open) {
          if (attempt.state != AttemptState::kGranted && attempt.state != AttemptState::kRunning) {
            continue;
          }
          RETURN_IF_ERROR(MoveToUnreachable(context, attempt));
        }
        *changes = std::move(context.changes);
        return absl::OkStatus();
      },
      [this, changes, agent_id](absl::Status status) {
        Post([this, changes, agent_id, status] {
          if (status.ok()) {
            hub_.Notify(*changes);
          } else if (SessionOf(agent_id) == nullptr) {
            silent_since_.emplace(agent_id, clock_.Monotonic());  // Try again in a lease's time.
          }
        });
      });
}

// Heartbeats are kept in memory. What of them is stored keeps "last seen" from going back by more
// than this after a restart.
void Dispatcher::StoreLastSeen() {
  auto seen = std::make_shared<std::map<std::string, absl::Time>>();
  {
    MutexLock lock(&mutex_);
    for (const auto& [agent_id, live] : live_) (*seen)[agent_id] = live.last_heard_time;
  }
  if (seen->empty()) return;
  store_.Mutate(
      [seen](WriteTx& tx) -> absl::Status {
        for (const auto& [agent_id, time] : *seen) {
          absl::StatusOr<Agent> agent = tx.GetAgent(agent_id);
          if (absl::IsNotFound(agent.status())) continue;
          RETURN_IF_ERROR(agent.status());
          if (time <= agent->last_seen_time) continue;
          agent->last_seen_time = time;
          RETURN_IF_ERROR(tx.UpdateAgent(&*agent));
        }
        return absl::OkStatus();
      },
      [](absl::Status) {});
}

void Dispatcher::GiveUpLongUnreachable() {
  if (clock_.Monotonic() - started_at_ < options_.lost_grace) return;
  const absl::Time now = clock_.Now();
  std::vector<std::string> due;
  (void)store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttempts());
    for (const Attempt& attempt : open) {
      if (attempt.state == AttemptState::kUnreachable && attempt.safe_to_rerun &&
          now - attempt.unreachable_since >= options_.lost_grace) {
        due.push_back(attempt.id);
      }
    }
    return absl::OkStatus();
  });
  for (const std::string& attempt_id : due) {
    auto changes = std::make_shared<JobChanges>();
    store_.Mutate(
        [this, changes, attempt_id](WriteTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Attempt attempt, tx.GetAttempt(attempt_id));
          if (attempt.state != AttemptState::kUnreachable) return absl::OkStatus();
          FlowContext context{tx, clock_.Now(), kActor, {}};
          RETURN_IF_ERROR(flow_.EndAttempt(
              context, attempt,
              {AttemptState::kLost, "AGENT_LOST", "the agent did not come back in time", ""}));
          *changes = std::move(context.changes);
          return absl::OkStatus();
        },
        [this, changes](absl::Status status) {
          if (status.ok()) hub_.Notify(*changes);
        });
  }
}

}  // namespace dbfleet::controller
