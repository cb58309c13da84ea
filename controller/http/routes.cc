#include "controller/http/routes.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dbfleet::controller {
namespace {

constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";

int HttpCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnavailable:
      return 503;  // Prometheus marks the target as down.
    default:
      return 500;
  }
}

http::Response Failure(const absl::Status& status) {
  return {HttpCode(status), "text/plain; charset=utf-8", absl::StrCat(status.message(), "\n")};
}

http::Response InstanceMetrics(const Aggregator& aggregator, const std::string& path) {
  absl::string_view rest = path;
  if (!absl::ConsumePrefix(&rest, "/instances/") || !absl::ConsumeSuffix(&rest, "/metrics") ||
      rest.empty() || absl::StrContains(rest, '/')) {
    return {404, "text/plain; charset=utf-8", "not found\n"};
  }
  auto body = aggregator.InstanceMetrics(std::string(rest));
  if (!body.ok()) return Failure(body.status());
  return {200, kExposition, *std::move(body)};
}

}  // namespace

void AddRoutes(http::Server& server, const Aggregator& aggregator,
               const metrics::Registry& registry, std::function<bool()> ready,
               std::function<std::string()> recovery) {
  server.Handle("GET", "/metrics",
                [&aggregator, &registry, recovery](const http::Request&) -> http::Response {
                  recovery();  // Sets its gauge.
                  auto fleet = aggregator.FleetMetrics();
                  if (!fleet.ok()) return Failure(fleet.status());
                  return {200, kExposition, absl::StrCat(*fleet, registry.Expose())};
                });
  server.Handle("GET", "/instances/", [&aggregator](const http::Request& request) {
    return InstanceMetrics(aggregator, request.path);
  });
  server.Handle("GET", "/sd/prometheus", [&aggregator](const http::Request&) -> http::Response {
    auto targets = aggregator.ServiceDiscovery();
    if (!targets.ok()) return Failure(targets.status());
    return {200, "application/json", *targets};
  });
  server.Handle("GET", "/healthz", [](const http::Request&) -> http::Response {
    return {200, "text/plain; charset=utf-8", "ok\n"};
  });
  server.Handle("GET", "/readyz",
                [&aggregator, ready = std::move(ready),
                 recovery = std::move(recovery)](const http::Request&) -> http::Response {
                  if (ready() && aggregator.ready()) {
                    const std::string why = recovery();
                    return {200, "text/plain; charset=utf-8",
                            absl::StrCat("ready\n", why.empty() ? "" : "recovery: ", why,
                                         why.empty() ? "" : "\n")};
                  }
                  return {503, "text/plain; charset=utf-8", "not ready yet\n"};
                });
}

}  // namespace dbfleet::controller
