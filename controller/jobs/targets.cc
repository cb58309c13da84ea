#include "controller/jobs/targets.h"

#include "common/base/ids.h"
#include "common/base/status.h"

namespace dbfleet::controller {

absl::Status InsertTargets(FlowContext& context, const Job& job,
                           const std::vector<std::string>& instances, const std::string& database,
                           const std::vector<int>& wave_sizes) {
  int wave = 0, in_wave = 0;
  for (const std::string& instance : instances) {
    Task task;
    task.id = NewUlid(context.now);
    task.job_id = job.id;
    task.instance_id = instance;
    task.database = database;
    task.stage = wave;
    RETURN_IF_ERROR(context.tx.InsertTask(&task));
    if (++in_wave < wave_sizes[wave]) continue;
    in_wave = 0;
    ++wave;
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
