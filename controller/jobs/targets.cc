#include "controller/jobs/targets.h"

#include "common/base/ids.h"
#include "common/base/status.h"

namespace dbfleet::controller {

std::vector<int> WavesOf(size_t targets, const std::vector<int>& wave_sizes) {
  std::vector<int> waves;
  for (size_t wave = 0; wave < wave_sizes.size() && waves.size() < targets; ++wave) {
    waves.insert(waves.end(), static_cast<size_t>(wave_sizes[wave]), static_cast<int>(wave));
  }
  waves.resize(targets, waves.empty() ? 0 : waves.back());
  return waves;
}

absl::Status InsertTargets(FlowContext& context, const Job& job,
                           const std::vector<std::string>& instances, const std::string& database,
                           const std::vector<int>& wave_sizes) {
  const std::vector<int> waves = WavesOf(instances.size(), wave_sizes);
  for (size_t i = 0; i < instances.size(); ++i) {
    Task task;
    task.id = NewUlid(context.now);
    task.job_id = job.id;
    task.instance_id = instances[i];
    task.database = database;
    task.stage = waves[i];
    RETURN_IF_ERROR(context.tx.InsertTask(&task));
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
