#include "controller/resources/scheduled_job.h"

#include <algorithm>

namespace dbfleet::controller {

using resource::v1::ScheduledJob;

bool SelectsTarget(const resource::v1::ScheduleTargets& targets, const std::set<std::string>& named,
                   const Instance& instance) {
  if (!named.empty() && named.count(instance.id) == 0) return false;
  const auto& engines = targets.engines();
  if (!engines.empty() &&
      std::find(engines.begin(), engines.end(), instance.engine) == engines.end()) {
    return false;
  }
  return std::all_of(targets.labels().begin(), targets.labels().end(), [&](const auto& label) {
    const auto found = instance.labels.find(label.first);
    return found != instance.labels.end() && found->second == label.second;
  });
}

work::v1::InspectSpec InspectionOf(const ScheduledJob& job) {
  work::v1::InspectSpec inspect;
  inspect.set_statement(job.inspect().statement());
  inspect.set_database(job.inspect().database());
  inspect.set_max_rows(job.inspect().max_rows());
  if (job.inspect().has_timeout()) *inspect.mutable_timeout() = job.inspect().timeout();
  return inspect;
}

absl::string_view ActionOf(const ScheduledJob& job) {
  if (job.has_check()) return "check";
  if (job.has_inspect()) return "inspect";
  if (job.has_backup()) return "backup";
  return job.has_verify() ? "verify" : "";
}

}  // namespace dbfleet::controller
