#pragma once

#include "controller/aggregate/live_state.h"
#include "controller/api/agent_services.h"
#include "controller/logs/log_store.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Puts what agents push where it belongs: logs of their own jobs into the log store, samples of
// their own instances into the live state. Thread-safe; nothing owned.
class LiveFeeds : public AgentFeeds {
 public:
  LiveFeeds(Store* store, LogStore* logs, LiveState* live)
      : store_(store), logs_(logs), live_(live) {}

  void StoreLogs(const AgentPeer& peer, const agent::v1::LogBatch& batch,
                 std::function<void(absl::Status)> done) override;
  absl::Status TakeMetrics(const AgentPeer& peer, agent::v1::MetricsBatch batch) override;

 private:
  Store* const store_;
  LogStore* const logs_;
  LiveState* const live_;
};

}  // namespace dbfleet::controller
