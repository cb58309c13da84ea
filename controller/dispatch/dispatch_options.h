#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/audit/checkpoint.h"
#include "controller/dispatch/session.h"
#include "controller/domain/transitions.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::controller {

struct DispatchOptions {
  absl::Duration ping_interval = absl::Seconds(15);
  absl::Duration dead_after = absl::Seconds(45);
  absl::Duration lease = absl::Seconds(60);
  // After this controller's start, and after a lease ran out, nothing becomes LOST for so long.
  absl::Duration lost_grace = absl::Minutes(5);
  absl::Duration start_within = absl::Minutes(5);
  absl::Duration max_clock_skew = kMostClockSkew;
  // That agents wait at most to hear that their events are committed (mail.h).
  absl::Duration ack_delay = absl::Milliseconds(500);
  // The checkpoint in such a text, if this controller signed it. Unset: none counts.
  std::function<std::optional<audit::Checkpoint>(const std::string& text)> read_checkpoint;
};

// Where the dispatcher passes on what it does not keep. Called on its executor; must not block.
struct DispatchSinks {
  std::function<void(const std::string& agent_id, const agent::v1::HealthReport&)> health;
  // A session began, with the instances that are accepted from it, and ended.
  std::function<void(const std::string& agent_id, const std::string& session_id,
                     const std::vector<std::string>& instances)>
      connected;
  std::function<void(const std::string& agent_id, const std::string& session_id)> disconnected;
  // The instance was moved to this agent: reports on it come from there alone now.
  std::function<void(const std::string& instance_id, const std::string& agent_id)> moved;
  // For the witnesses of the audit trail. `joined`: the agent was welcomed; `witnessed` is what its
  // Hello said. `unsupported`: it did not understand a checkpoint.
  using Connection = std::shared_ptr<AgentConnection>;
  std::function<void(const Connection&, const std::string& witnessed)> witness_joined;
  std::function<void(const Connection&)> witness_left;
  std::function<void(const Connection&, const agent::v1::CheckpointAnswer&)> witness_answered;
  std::function<void(const Connection&)> witness_unsupported;
};

}  // namespace dbfleet::controller
