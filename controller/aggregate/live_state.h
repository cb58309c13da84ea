#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/aggregate/packed_text.h"
#include "dbfleet/agent/v1/link_service.pb.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::controller {

// What agents report that is only kept in memory: who is connected, and each instance's latest
// health and samples. An agent can only report on instances of its own current session.
//
// Thread-safe. Nothing here blocks on I/O.
class LiveState {
 public:
  struct Options {
    // Samples older than this are no longer served, though the agent is connected.
    absl::Duration stale_after = absl::Minutes(5);
  };
  LiveState(const Clock* clock, Options options) : clock_(clock), options_(options) {}

  // A session has begun (its Hello is accepted), with the instances that the controller accepts
  // from it. It replaces the agent's former session; instances go over to it from other agents.
  void SetConnected(const std::string& agent_id, const std::string& session_id,
                    const std::vector<std::string>& instances);
  // Ignored when `session_id` is not the current one: the late end of a replaced session.
  void SetDisconnected(const std::string& agent_id, const std::string& session_id);
  bool IsConnected(const std::string& agent_id) const;

  // PERMISSION_DENIED (NOT_YOUR_INSTANCE), or the errors of RenderSamples. A refused batch removes
  // the instance's former samples, which would be served as if they were new otherwise, and is
  // logged.
  absl::Status PutMetrics(const std::string& agent_id, const agent::v1::MetricsBatch& batch);
  absl::Status PutHealth(const std::string& agent_id, const work::v1::InstanceHealth& health);

  // The latest report; status UNKNOWN with a reason while the agent is not connected, nullopt if
  // there never was a report.
  std::optional<work::v1::InstanceHealth> Health(const std::string& instance_id) const;
  // The same; nullopt, too, if the latest report is not this agent's.
  std::optional<work::v1::InstanceHealth> HealthFrom(const std::string& agent_id,
                                                     const std::string& instance_id) const;

  // The body of the instance's /metrics. NOT_FOUND (INSTANCE_NOT_FOUND) if it never was connected;
  // UNAVAILABLE (AGENT_DISCONNECTED, NO_SAMPLES, SAMPLES_STALE).
  absl::StatusOr<std::string> Metrics(const std::string& instance_id) const;

  struct InstanceView {
    std::string agent_id;
    bool connected = false;
    std::optional<work::v1::InstanceHealth> health;
    int series = 0;
    absl::Time sample_time = absl::InfinitePast();  // InfinitePast: none.
  };
  std::map<std::string, InstanceView> Instances() const;
  std::map<std::string, bool> Agents() const;  // Connected?

  // The instance belongs to this agent from now on; what another one reported on it is forgotten.
  void Move(const std::string& instance_id, const std::string& agent_id);
  // Forgets an instance that was removed.
  void Remove(const std::string& instance_id);

 private:
  struct Entry {
    std::string agent_id;
    std::optional<work::v1::InstanceHealth> health;
    std::shared_ptr<const PackedText> page;
    int series = 0;
    absl::Time sample_time = absl::InfinitePast();
    absl::Duration receive_time = absl::ZeroDuration();  // Clock::Monotonic.
  };

  absl::StatusOr<std::shared_ptr<const PackedText>> Page(const std::string& instance_id) const;
  absl::StatusOr<Entry*> OwnEntry(const std::string& agent_id, const std::string& instance_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ConnectedLocked(const std::string& agent_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<work::v1::InstanceHealth> HealthLocked(const Entry& entry) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock* const clock_;
  const Options options_;

  mutable TextPacker packer_;  // Thread-safe by itself.
  mutable Mutex mutex_;
  std::map<std::string, std::string> sessions_ ABSL_GUARDED_BY(mutex_);  // "" when disconnected.
  std::map<std::string, Entry> instances_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
