#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/aggregate/fleet_snapshot.h"
#include "controller/aggregate/live_state.h"

// Pure rendering of what the aggregator knows.
namespace dbfleet::controller {

struct FleetView {
  std::shared_ptr<const FleetSnapshot> snapshot;  // Never null.
  std::map<std::string, LiveState::InstanceView> live;
  std::map<std::string, bool> agents;  // Connected?
  absl::Time now;
};

// The fleet's part of the controller's /metrics: at most 40 series per instance.
std::string RenderFleetMetrics(const FleetView& view);

// Prometheus' HTTP service discovery: one target per instance, all at `address` (host:port of the
// controller's HTTP listener), each with its own __metrics_path__.
std::string RenderServiceDiscovery(const FleetSnapshot& snapshot, const std::string& address);

}  // namespace dbfleet::controller
