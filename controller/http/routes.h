#pragma once

#include <functional>

#include "common/http/server.h"
#include "common/metrics/registry.h"
#include "controller/aggregate/aggregator.h"

namespace dbfleet::controller {

// Registers the controller's HTTP routes: /metrics (the fleet's and the process's own),
// /instances/{id}/metrics, /sd/prometheus, /healthz (the process answers) and /readyz (it takes
// calls). Nothing is owned; `aggregator` and `registry` outlive the server.
void AddRoutes(http::Server& server, const Aggregator& aggregator,
               const metrics::Registry& registry, std::function<bool()> ready);

}  // namespace dbfleet::controller
