#include "controller/aggregate/fleet_metrics.h"

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#include "common/metrics/exposition.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

using metrics::ExpositionWriter;
using metrics::Type;
using Summary = FleetSnapshot::InstanceSummary;

struct StatusName {
  work::v1::HealthStatus status;
  const char* name;
};
constexpr StatusName kStatusNames[] = {
    {work::v1::HEALTH_STATUS_OK, "ok"},
    {work::v1::HEALTH_STATUS_WARN, "warn"},
    {work::v1::HEALTH_STATUS_CRITICAL, "critical"},
    {work::v1::HEALTH_STATUS_UNKNOWN, "unknown"},
};

double Seconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

// Writes families over all instances.
class InstanceFamilies {
 public:
  InstanceFamilies(const FleetView& view, ExpositionWriter* writer)
      : view_(view), writer_(*writer) {
    for (const Summary& instance : view.snapshot->instances) {
      labels_.push_back({{"instance", instance.id},
                         {"environment", instance.environment},
                         {"engine", instance.engine}});
      const auto live = view.live.find(instance.id);
      live_.push_back(live == view.live.end() ? nullptr : &live->second);
    }
  }

  // `value` gives nothing for an instance about which nothing is known.
  void Family(absl::string_view name, absl::string_view help, Type type,
              const std::function<std::optional<double>(const Summary&,
                                                        const LiveState::InstanceView*)>& value) {
    writer_.Family(name, help, type);
    for (size_t i = 0; i < labels_.size(); ++i) {
      const std::optional<double> sample = value(view_.snapshot->instances[i], live_[i]);
      if (sample.has_value()) writer_.Sample(name, labels_[i], *sample);
    }
  }

  void HealthStatus() {
    constexpr char kName[] = "dbfleet_instance_health_status";
    writer_.Family(kName, "1 for the instance's health, 0 for the other statuses.", Type::kGauge);
    for (size_t i = 0; i < labels_.size(); ++i) {
      const bool reported = live_[i] != nullptr && live_[i]->health.has_value() &&
                            live_[i]->health->status() != work::v1::HEALTH_STATUS_UNSPECIFIED;
      const work::v1::HealthStatus status =
          reported ? live_[i]->health->status() : work::v1::HEALTH_STATUS_UNKNOWN;
      for (const StatusName& entry : kStatusNames) {
        writer_.Sample(kName, {{"status", entry.name}}, labels_[i], entry.status == status ? 1 : 0);
      }
    }
  }

  void Outcomes(absl::string_view name, absl::string_view help,
                std::map<std::string, int64_t> Summary::*outcomes) {
    writer_.Family(name, help, Type::kCounter);
    for (size_t i = 0; i < labels_.size(); ++i) {
      for (const auto& [outcome, number] : view_.snapshot->instances[i].*outcomes) {
        writer_.Sample(name, {{"outcome", outcome}}, labels_[i], static_cast<double>(number));
      }
    }
  }

 private:
  const FleetView& view_;
  ExpositionWriter& writer_;
  std::vector<ExpositionWriter::Labels> labels_;
  std::vector<const LiveState::InstanceView*> live_;
};

void WriteInstances(const FleetView& view, ExpositionWriter* writer) {
  InstanceFamilies families(view, writer);
  families.Family("dbfleet_instance_up",
                  "1 if its agent is connected and reached the instance at the last check.",
                  Type::kGauge, [](const Summary&, const LiveState::InstanceView* live) {
                    return live != nullptr && live->connected && live->health.has_value() &&
                                   live->health->reachable()
                               ? 1.0
                               : 0.0;
                  });
  families.HealthStatus();
  families.Family("dbfleet_instance_health_timestamp_seconds",
                  "When the instance's health was last observed, on its agent's clock.",
                  Type::kGauge,
                  [](const Summary&, const LiveState::InstanceView* live) -> std::optional<double> {
                    if (live == nullptr || !live->health.has_value()) return std::nullopt;
                    return static_cast<double>(live->health->observe_time().seconds());
                  });
  families.Family("dbfleet_instance_response_seconds",
                  "How long the instance took to answer the last check.", Type::kGauge,
                  [](const Summary&, const LiveState::InstanceView* live) -> std::optional<double> {
                    if (live == nullptr || !live->health.has_value() || !live->connected) {
                      return std::nullopt;
                    }
                    return static_cast<double>(live->health->response_time().seconds()) +
                           1e-9 * live->health->response_time().nanos();
                  });
  families.Family("dbfleet_instance_series", "Series in the instance's latest samples.",
                  Type::kGauge, [](const Summary&, const LiveState::InstanceView* live) {
                    return live == nullptr ? 0.0 : static_cast<double>(live->series);
                  });
  families.Family("dbfleet_backup_last_success_timestamp_seconds",
                  "Consistency point of the latest complete backup; 0: there is none.",
                  Type::kGauge, [](const Summary& instance, const LiveState::InstanceView*) {
                    return Seconds(instance.last_backup);
                  });
  families.Family("dbfleet_backup_last_verified_timestamp_seconds",
                  "Consistency point of the latest verified backup; 0: there is none.",
                  Type::kGauge, [](const Summary& instance, const LiveState::InstanceView*) {
                    return Seconds(instance.last_verified_backup);
                  });
  families.Outcomes("dbfleet_instance_migrations_total",
                    "Migrations that ended on the instance, by outcome.", &Summary::migrations);
  families.Outcomes("dbfleet_instance_backups_total",
                    "Backups of the instance that ended, by outcome; of each it is the taking.",
                    &Summary::backups);
}

void WriteAgents(const FleetView& view, ExpositionWriter* writer) {
  constexpr char kName[] = "dbfleet_agent_connected";
  writer->Family(kName, "1 if the agent's control stream is open.", Type::kGauge);
  for (const FleetSnapshot::AgentSummary& agent : view.snapshot->agents) {
    const auto it = view.agents.find(agent.id);
    const bool connected = it != view.agents.end() && it->second;
    writer->Sample(kName, {{"agent", agent.id}, {"environment", agent.environment}},
                   connected ? 1 : 0);
  }
}

void WriteJobs(const FleetView& view, ExpositionWriter* writer) {
  writer->Family("dbfleet_jobs", "Jobs by state.", Type::kGauge);
  for (const auto& [state, number] : view.snapshot->jobs) {
    writer->Sample("dbfleet_jobs", {{"state", std::string(NameOf(state))}},
                   static_cast<double>(number));
  }
  writer->Family("dbfleet_approvals_pending", "Jobs that wait for an approval.", Type::kGauge);
  writer->Sample("dbfleet_approvals_pending", {},
                 static_cast<double>(view.snapshot->approvals_pending));
  writer->Family("dbfleet_audit_records_total", "Records in the audit trail.", Type::kCounter);
  writer->Sample("dbfleet_audit_records_total", {},
                 static_cast<double>(view.snapshot->audit_records));
  writer->Family("dbfleet_fleet_snapshot_age_seconds",
                 "Age of what the store said; large when the store does not answer.", Type::kGauge);
  writer->Sample("dbfleet_fleet_snapshot_age_seconds", {},
                 absl::ToDoubleSeconds(view.now - view.snapshot->time));
}

}  // namespace

std::string RenderFleetMetrics(const FleetView& view) {
  std::string out;
  ExpositionWriter writer(&out);
  WriteInstances(view, &writer);
  WriteAgents(view, &writer);
  WriteJobs(view, &writer);
  return out;
}

std::string RenderServiceDiscovery(const FleetSnapshot& snapshot, const std::string& address) {
  nlohmann::json groups = nlohmann::json::array();
  for (const Summary& instance : snapshot.instances) {
    nlohmann::json labels = {
        {"instance", instance.id},
        {"job", instance.engine},
        {"engine", instance.engine},
        {"environment", instance.environment},
        {"__metrics_path__", absl::StrCat("/instances/", instance.id, "/metrics")}};
    const auto cluster = instance.labels.find("cluster");
    if (cluster != instance.labels.end()) labels["cluster"] = cluster->second;
    groups.push_back({{"targets", {address}}, {"labels", std::move(labels)}});
  }
  // Labels come from agents; text that is not UTF-8 must not become an exception.
  return groups.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace dbfleet::controller
