#pragma once

#include <functional>
#include <string>

#include "common/http/server.h"
#include "common/metrics/registry.h"
#include "controller/aggregate/aggregator.h"

namespace dbfleet::controller {

// Registers the controller's HTTP routes: /metrics (the fleet's and the process's own),
// /instances/{id}/metrics, /sd/prometheus, /healthz (the process answers) and /readyz (it takes
// calls; a second line
// tells why a person has to end RECOVERY). `recovery` returns that, or "". Nothing is owned;
// `aggregator` and `registry` outlive the server.
void AddRoutes(http::Server& server, const Aggregator& aggregator,
               const metrics::Registry& registry, std::function<bool()> ready,
               std::function<std::string()> recovery);

}  // namespace dbfleet::controller
