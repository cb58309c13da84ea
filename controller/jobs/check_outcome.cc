#include "controller/jobs/check_outcome.h"

#include <vector>

#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {

std::string CriticalObservations(const work::v1::InstanceHealth& health) {
  if (health.status() != work::v1::HEALTH_STATUS_CRITICAL) return "";
  if (!health.reachable()) return "unreachable";
  constexpr size_t kMost = 20;  // An agent says what it likes.
  std::vector<std::string> names;
  for (const work::v1::HealthObservation& observation : health.observations()) {
    if (observation.status() != work::v1::HEALTH_STATUS_CRITICAL || names.size() == kMost) continue;
    names.push_back(SanitizeForDisplay(Truncate(observation.name(), 100)));
  }
  return absl::StrJoin(names, ",");
}

std::string HealthReasons(const work::v1::InstanceHealth& health) {
  return SanitizeForDisplay(Truncate(absl::StrJoin(health.reasons(), "; "), 500));
}

absl::Status RecordCheckOutcome(FlowContext& context, const Job& job, const Task& task) {
  if (job.kind != JobKind::kCheck || task.state != TaskState::kSucceeded) return absl::OkStatus();
  ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(task));
  if (!result.check().has_health()) return absl::OkStatus();
  const work::v1::InstanceHealth& health = result.check().health();
  const bool critical = health.status() == work::v1::HEALTH_STATUS_CRITICAL;
  if (!critical && health.status() != work::v1::HEALTH_STATUS_UNKNOWN) return absl::OkStatus();
  return context.Audit("check.failed", job,
                       {{"target", task.Target()},
                        {"status", critical ? "critical" : "unknown"},
                        {"observations", CriticalObservations(health)},
                        {"reasons", HealthReasons(health)}});
}

}  // namespace dbfleet::controller
