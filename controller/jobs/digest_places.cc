#include "controller/jobs/digest_places.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/jobs/planning.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMaxTrees = 8;

absl::Status Broken(const Job& job) {
  return Error(absl::StatusCode::kInternal, "DIGEST_BROKEN",
               absl::StrCat("jobs/", job.id,
                            " does not have the digest that it is stored with; nothing of it is "
                            "handed out. Restore the store from its backup"));
}

}  // namespace

absl::StatusOr<DigestPlaces::Covered> DigestPlaces::Check(ReadTx& tx, const Job& job,
                                                          const Task& task) {
  std::shared_ptr<const JobDigestTree> tree = Kept(job.digest);
  if (tree == nullptr) {
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
    ASSIGN_OR_RETURN(JobDigestInput all, DigestInputOf(job, tasks));
    if (tasks.size() <= kMaxListedTargets) {
      if (JobDigest(all) != job.digest) return Broken(job);
      return Covered{std::move(all), std::nullopt};
    }
    tree = std::make_shared<const JobDigestTree>(all);
    if (tree->digest() != job.digest) return Broken(job);
    Keep(tree);
  }
  std::optional<TargetPlace> place = tree->Find(task.Target(), task.target_digest);
  if (!place.has_value()) return Broken(job);
  // The job's own part as it is now.
  ASSIGN_OR_RETURN(JobDigestInput alone, DigestInputOf(job, {task}));
  ASSIGN_OR_RETURN(const std::string digest, JobDigestFromPlace(alone, *place));
  if (digest != job.digest) return Broken(job);
  return Covered{std::move(alone), std::move(place)};
}

std::shared_ptr<const JobDigestTree> DigestPlaces::Kept(const std::string& digest) {
  MutexLock lock(&mutex_);
  for (auto it = trees_.begin(); it != trees_.end(); ++it) {
    if ((*it)->digest() != digest) continue;
    std::rotate(it, it + 1, trees_.end());  // The last one is given up last.
    return trees_.back();
  }
  return nullptr;
}

void DigestPlaces::Keep(std::shared_ptr<const JobDigestTree> tree) {
  MutexLock lock(&mutex_);
  trees_.push_back(std::move(tree));
  if (trees_.size() > kMaxTrees) trees_.pop_front();
}

}  // namespace dbfleet::controller
