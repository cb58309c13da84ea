// The dispatcher's part that finds what is to be done for whom: by the hints that commits leave,
// and by a sweep over everything that is open.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/audit/recovery.h"
#include "controller/dispatch/dispatcher.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kSweepInterval = absl::Seconds(1);
// Offers and grants in the store's queue: people's requests wait behind no more than these.
constexpr size_t kMaxInFlight = 256;
constexpr int kSweepShare = 20;  // A sweep is followed by so many times its own duration.

using AgentOfInstance = std::map<std::string, std::string>;

// What waits to be offered needs to know whose the instance is.
absl::Status AddAgents(ReadTx& tx, const std::vector<Attempt>& open, AgentOfInstance* agents) {
  for (const Attempt& attempt : open) {
    if (attempt.state != AttemptState::kQueued || agents->count(attempt.instance_id) > 0) continue;
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(attempt.instance_id));
    agents->emplace(attempt.instance_id, instance.agent_id);
  }
  return absl::OkStatus();
}

}  // namespace

bool Dispatcher::TakesWork(const SessionPtr& session) const {
  return session != nullptr && session->welcomed &&
         absl::AbsDuration(session->clock_skew) <= options_.max_clock_skew;
}

std::optional<PolicyBlocker> Dispatcher::WhyNoWork(const std::string& agent_id) const {
  const std::optional<Live> live = Find(agent_id);
  if (!live.has_value()) return PolicyBlocker{"agent-unreachable", "is not connected", false};
  if (absl::AbsDuration(live->clock_skew) <= options_.max_clock_skew) return std::nullopt;
  return PolicyBlocker{
      "agent-clock",
      absl::StrCat("has a clock that is ", DurationText(absl::AbsDuration(live->clock_skew)),
                   live->clock_skew > absl::ZeroDuration() ? " ahead of" : " behind",
                   " the controller's; nothing is handed out beyond ",
                   DurationText(options_.max_clock_skew), ": set the clocks right"),
      false};
}

void Dispatcher::HandleChanges(const JobChanges& changes) {
  for (const JobChanges::Queued& queued : changes.queued) {
    TryInTurn(AttemptState::kQueued, queued.agent_id, queued.attempt_id);
  }
  LookAt(changes.instances);
  if (!changes.attempts.empty()) TellAgents({changes.attempts.begin(), changes.attempts.end()});
  for (const std::string& window : changes.queues) jobs_.LookAtQueue(window);
}

void Dispatcher::LookAt(const std::set<std::string>& instances) {
  if (instances.empty()) return;
  const bool posted = !hinted_.empty();
  hinted_.insert(instances.begin(), instances.end());
  if (!posted && !Post([this] { LookAtHinted(); })) hinted_.clear();  // The sweep finds them.
}

void Dispatcher::LookAtHinted() {
  const std::set<std::string> instances = std::exchange(hinted_, {});
  std::vector<Attempt> open;
  AgentOfInstance agents;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const bool recovery, InRecovery(tx));
    if (recovery) return absl::OkStatus();
    for (const std::string& instance : instances) {
      ASSIGN_OR_RETURN(std::vector<Attempt> there, tx.OpenAttemptsOfInstance(instance));
      std::move(there.begin(), there.end(), std::back_inserter(open));
    }
    return AddAgents(tx, open, &agents);
  });
  if (!status.ok()) {
    log::Error("cannot read the open attempts", {{"error", std::string(status.message())}});
    return;
  }
  HandOut(open, agents);
}

void Dispatcher::Sweep(absl::Duration now) {
  std::vector<Attempt> open;
  AgentOfInstance agents;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const bool recovery, InRecovery(tx));
    if (recovery || sessions_.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(open, tx.OpenAttempts());
    return AddAgents(tx, open, &agents);
  });
  if (!status.ok()) {
    log::Error("cannot read the open attempts", {{"error", std::string(status.message())}});
  }
  HandOut(open, agents);
  std::vector<std::string> held;
  for (const auto& [agent_id, session] : sessions_) {
    held.insert(held.end(), session->offered.begin(), session->offered.end());
    for (const auto& [attempt, not_after] : session->leased) held.push_back(attempt);
  }
  TellAgents(held);
  const absl::Duration end = clock_.Monotonic();
  next_sweep_ = end + std::max(kSweepInterval, kSweepShare * (end - now));
}

void Dispatcher::HandOut(const std::vector<Attempt>& open, const AgentOfInstance& agents) {
  for (const Attempt& attempt : open) {
    std::string agent_id;
    if (attempt.state == AttemptState::kAccepted) {
      agent_id = attempt.agent_id;
    } else if (attempt.state == AttemptState::kQueued) {
      const auto agent = agents.find(attempt.instance_id);
      if (agent != agents.end()) agent_id = agent->second;
    }
    if (!agent_id.empty()) TryInTurn(attempt.state, agent_id, attempt.id);
  }
}

void Dispatcher::TryInTurn(AttemptState state, const std::string& agent_id,
                           const std::string& attempt_id) {
  if (in_flight_.size() < kMaxInFlight) return Try(state, agent_id, attempt_id);
  if (in_flight_.count(attempt_id) > 0 || !TakesWork(SessionOf(agent_id))) return;
  if (waits_.insert(attempt_id).second) waiting_.push_back({state, agent_id, attempt_id});
}

void Dispatcher::Try(AttemptState state, const std::string& agent_id,
                     const std::string& attempt_id) {
  const SessionPtr session = SessionOf(agent_id);
  if (!TakesWork(session) || in_flight_.count(attempt_id) > 0) return;
  state == AttemptState::kAccepted ? TryGrant(session, attempt_id) : TryOffer(session, attempt_id);
}

void Dispatcher::Landed(const std::string& attempt_id) {
  in_flight_.erase(attempt_id);
  while (!waiting_.empty() && in_flight_.size() < kMaxInFlight) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    waits_.erase(next.attempt_id);
    Try(next.state, next.agent_id, next.attempt_id);
  }
}

void Dispatcher::TellAgents(const std::vector<std::string>& attempts) {
  if (attempts.empty()) return;
  std::vector<Attempt> found;
  std::map<std::string, bool> cancelled;  // Jobs. Each may be large, and is read once.
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    absl::Status first;
    for (const std::string& id : attempts) {
      absl::StatusOr<Attempt> attempt = tx.GetAttempt(id);
      first.Update(attempt.status());
      if (!attempt.ok()) continue;
      if (cancelled.count(attempt->job_id) == 0) {
        const absl::StatusOr<Job> job = tx.GetJob(attempt->job_id);
        first.Update(job.status());
        if (!job.ok()) continue;
        cancelled[attempt->job_id] = job->cancel_requested;
      }
      found.push_back(*std::move(attempt));
    }
    return first;
  });
  if (!status.ok()) {
    log::Error("cannot read attempts of which agents are to be told",
               {{"error", std::string(status.message())}});
  }
  for (const Attempt& attempt : found) {
    if (SessionPtr session = SessionOf(attempt.agent_id); session != nullptr && session->welcomed) {
      TellAgent(session, attempt, cancelled[attempt.job_id]);
    }
  }
}

}  // namespace dbfleet::controller
