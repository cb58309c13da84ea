#include "controller/jobs/same_request.h"

#include <algorithm>
#include <map>

#include "google/protobuf/util/message_differencer.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "controller/jobs/queueing.h"
#include "controller/jobs/targets.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::util::MessageDifferencer;

// As it is stored: the hash alone. A hash that the request's content does not have is of no file.
void LeaveHash(work::v1::ContentRef* ref) {
  if (Sha256Hex(ref->inline_()) != ref->sha256()) ref->clear_sha256();
  ref->clear_inline_();
}

work::v1::MigrateSpec AsStored(work::v1::MigrateSpec spec) {
  spec.set_direction(work::v1::MIGRATE_DIRECTION_UP);
  for (work::v1::Migration& migration : *spec.mutable_migrations()) {
    LeaveHash(migration.mutable_up());
    if (migration.has_down()) LeaveHash(migration.mutable_down());
  }
  return spec;
}

}  // namespace

absl::StatusOr<bool> IsWhatIsAsked(ReadTx& tx, const Job& job, const ChangeRequest& request,
                                   const std::vector<int>& wave_sizes) {
  const bool same_words =
      job.rollback_of.empty() && job.environment == request.environment &&
      job.title == request.title && IsQueuedFor(job, request.queue) &&
      job.rollout == request.rollout && job.max_parallel == request.max_parallel &&
      job.approve_destructive == request.approve_destructive &&
      job.plan_only == request.plan_only && job.backup_gate == request.backup_gate;
  if (!same_words) return false;
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  const std::vector<int> waves = WavesOf(request.instances.size(), wave_sizes);
  std::map<std::string, int> asked, made;
  for (size_t i = 0; i < waves.size(); ++i) asked[request.instances[i]] = waves[i];
  for (const Task& task : tasks) made[task.instance_id] = task.stage;
  if (made != asked) return false;
  work::v1::JobSpec spec;
  if (!spec.ParseFromString(job.spec_blob)) return false;
  return MessageDifferencer::Equals(spec.migrate(), AsStored(request.spec));
}

bool IsWhatIsAsked(const Job& job, const RollbackRequest& request) {
  return job.rollback_of == request.job_id && IsQueuedFor(job, request.queue) &&
         job.approve_destructive == request.approve_destructive &&
         job.backup_gate == request.backup_gate;
}

absl::StatusOr<bool> IsWhatIsAsked(ReadTx& tx, const Job& job, const std::string& instance_id,
                                   const std::vector<std::string>& databases, bool verify,
                                   const QueueAsk& queue) {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  work::v1::JobSpec spec;
  if (!spec.ParseFromString(job.spec_blob)) return false;
  const auto& stored = spec.backup().databases();
  return tasks.size() == (verify ? 2U : 1U) && tasks.front().instance_id == instance_id &&
         std::equal(stored.begin(), stored.end(), databases.begin(), databases.end()) &&
         IsQueuedFor(job, queue);
}

absl::StatusOr<bool> IsWhatIsAsked(ReadTx& tx, const Job& job, const std::string& instance_id,
                                   const work::v1::JobSpec& spec, const std::string& window) {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  work::v1::JobSpec stored;
  if (!stored.ParseFromString(job.spec_blob)) return false;
  return tasks.size() == 1 && tasks.front().instance_id == instance_id &&
         job.queue.window == window && MessageDifferencer::Equals(stored, spec);
}

}  // namespace dbfleet::controller
