#include "controller/jobs/rollback.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/specs.h"
#include "controller/jobs/targets.h"

namespace dbfleet::controller {
namespace {

// What a finished change left.
struct Left {
  std::vector<std::string> versions;
  // Those last that may have a part only: the rollback fails there, and goes no further.
  std::vector<std::string> instances;
  // Of the versions, those of which a target may have a part only.
  std::set<std::string> unsettled;
};

// Its versions must be the same on all targets for one rollback to be one thing to approve.
absl::StatusOr<Left> WhatIsLeft(ReadTx& tx, const Job& job) {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  Left left;
  std::vector<std::string>& versions = left.versions;
  std::vector<std::string> half_way;
  for (const Task& task : tasks) {
    ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(task));
    const auto& migrate = result.migrate();
    std::vector<std::string> mine(migrate.applied_versions().begin(),
                                  migrate.applied_versions().end());
    if (task.state == TaskState::kFailed) {
      mine.assign(migrate.remaining_versions().begin(), migrate.remaining_versions().end());
      left.unsettled.insert(mine.begin(), mine.end());
    } else if (task.state != TaskState::kSucceeded) {
      continue;
    }
    if (mine.empty()) continue;
    if (!versions.empty() && mine != versions) {
      return Error(absl::StatusCode::kFailedPrecondition, "TARGETS_DIFFER",
                   absl::StrCat("the change applied different versions to its targets (",
                                absl::StrJoin(versions, ","), " and ", absl::StrJoin(mine, ","),
                                "); submit a change with the down files for each"));
    }
    versions = std::move(mine);
    (task.state == TaskState::kFailed ? half_way : left.instances).push_back(task.instance_id);
  }
  left.instances.insert(left.instances.end(), half_way.begin(), half_way.end());
  if (versions.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_ROLL_BACK",
                 absl::StrCat("jobs/", job.id, " left nothing applied"));
  }
  return left;
}

}  // namespace

absl::StatusOr<Job> InsertRollback(FlowContext& context, const JobFlow& flow, const Job& original,
                                   const RollbackAsk& ask) {
  ASSIGN_OR_RETURN(const Left left, WhatIsLeft(context.tx, original));
  const std::vector<std::string>& versions = left.versions;
  const std::vector<std::string>& instances = left.instances;
  for (const std::string& instance : instances) {
    RETURN_IF_ERROR(GetLiveInstance(context.tx, instance).status());
  }
  ASSIGN_OR_RETURN(work::v1::JobSpec spec, ParseSpec(original));
  work::v1::MigrateSpec& migrate = *spec.mutable_migrate();
  migrate.set_direction(migrate.direction() == work::v1::MIGRATE_DIRECTION_DOWN
                            ? work::v1::MIGRATE_DIRECTION_UP
                            : work::v1::MIGRATE_DIRECTION_DOWN);
  migrate.clear_versions();
  for (const std::string& version : versions) migrate.add_versions(version);
  migrate.clear_unsettled_versions();
  for (const std::string& version : left.unsettled) migrate.add_unsettled_versions(version);

  Job job;
  job.id = NewUlid(context.now);
  job.kind = JobKind::kMigrate;
  job.environment = original.environment;
  job.requester = ask.requester;
  job.title = original.title.empty() ? absl::StrCat("Roll back jobs/", original.id)
                                     : absl::StrCat("Roll back: ", original.title);
  job.reason = ask.reason;
  job.request_key = ask.request_key;
  job.create_time = job.update_time = context.now;
  if (ask.queue.window.empty()) job.expire_time = context.now + absl::Hours(7 * 24);
  job.approve_destructive = ask.approve_destructive;
  job.backup_gate = ask.backup_gate;
  job.max_parallel = original.max_parallel;
  job.rollback_of = original.id;
  job.content_digest = original.content_digest;
  job.spec_blob = spec.SerializeAsString();
  const WorkShape shape{{static_cast<int>(instances.size())}, job.max_parallel};
  RETURN_IF_ERROR(EnterQueue(
      context.tx, flow, ask.queue, instances, context.now,
      [&] { return EstimateChange(context.tx, job, migrate.direction(), instances, shape); },
      &job));
  RETURN_IF_ERROR(context.tx.InsertJob(&job));
  RETURN_IF_ERROR(InsertTargets(context, job, instances, migrate.database(),
                                {static_cast<int>(instances.size())}));
  std::map<std::string, std::string> details = {{"rollback_of", original.id},
                                                {"versions", absl::StrJoin(versions, ",")},
                                                {"reason", job.reason}};
  AddQueueDetails(job, &details);
  RETURN_IF_ERROR(context.Audit("change.rollback", job, std::move(details)));
  return job;
}

std::string AutomaticRollbackKey(const std::string& original_id) {
  return absl::StrCat("system/rollout ", original_id);
}

bool IsAutomaticRollback(const Job& job) {
  return !job.rollback_of.empty() && job.request_key == AutomaticRollbackKey(job.rollback_of);
}

}  // namespace dbfleet::controller
