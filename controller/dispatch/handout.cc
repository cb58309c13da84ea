// The dispatcher's part that finds what is to be done for whom: by the hints that commits leave,
// and by a sweep over everything that is open.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/audit/recovery.h"
#include "controller/dispatch/dispatcher.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kSweepInterval = absl::Seconds(1);
constexpr int kSweepShare = 20;  // A sweep is followed by so many times its own duration.

using AgentOfInstance = std::map<std::string, std::string>;

absl::Status AddAgentOf(ReadTx& tx, const std::string& instance_id, AgentOfInstance* agents) {
  if (agents->count(instance_id) > 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(instance_id));
  agents->emplace(instance_id, instance.agent_id);
  return absl::OkStatus();
}

// What waits to be offered needs to know whose the instance is.
absl::Status AddAgents(ReadTx& tx, const std::vector<Attempt>& open, AgentOfInstance* agents) {
  for (const Attempt& attempt : open) {
    if (attempt.state != AttemptState::kQueued) continue;
    RETURN_IF_ERROR(AddAgentOf(tx, attempt.instance_id, agents));
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
      absl::StrCat("has a clock that is ",
                   absl::FormatDuration(absl::AbsDuration(live->clock_skew)),
                   live->clock_skew > absl::ZeroDuration() ? " ahead of" : " behind",
                   " the controller's; nothing is handed out beyond ",
                   absl::FormatDuration(options_.max_clock_skew), ": set the clocks right"),
      false};
}

void Dispatcher::HandleChanges(const JobChanges& changes) {
  LookAt(changes.instances);
  if (!changes.attempts.empty()) TellAgents({changes.attempts.begin(), changes.attempts.end()});
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
    held.insert(held.end(), session->leased.begin(), session->leased.end());
  }
  TellAgents(held);
  const absl::Duration end = clock_.Monotonic();
  next_sweep_ = end + std::max(kSweepInterval, kSweepShare * (end - now));
}

void Dispatcher::HandOut(const std::vector<Attempt>& open, const AgentOfInstance& agents) {
  for (const Attempt& attempt : open) {
    if (in_flight_.count(attempt.id) > 0) continue;
    if (attempt.state == AttemptState::kAccepted) {
      if (SessionPtr session = SessionOf(attempt.agent_id); TakesWork(session)) {
        TryGrant(session, attempt.id);
      }
    } else if (attempt.state == AttemptState::kQueued) {
      const auto agent = agents.find(attempt.instance_id);
      if (agent == agents.end()) continue;
      if (SessionPtr session = SessionOf(agent->second); TakesWork(session)) {
        TryOffer(session, attempt.id);
      }
    }
  }
}

void Dispatcher::TellAgents(const std::vector<std::string>& attempts) {
  if (attempts.empty()) return;
  std::vector<std::pair<Attempt, Job>> found;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    for (const std::string& id : attempts) {
      ASSIGN_OR_RETURN(Attempt attempt, tx.GetAttempt(id));
      ASSIGN_OR_RETURN(Job job, tx.GetJob(attempt.job_id));
      found.emplace_back(std::move(attempt), std::move(job));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) {
    log::Error("cannot read attempts of which agents are to be told",
               {{"error", std::string(status.message())}});
  }
  for (const auto& [attempt, job] : found) {
    if (SessionPtr session = SessionOf(attempt.agent_id); session != nullptr && session->welcomed) {
      TellAgent(session, attempt, job);
    }
  }
}

}  // namespace dbfleet::controller
