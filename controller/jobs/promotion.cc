#include "controller/jobs/promotion.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/specs.h"
#include "controller/policy/policy.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kLasts = absl::Seconds(1);
// Of the newest. A rehearsal that lies further back has to be repeated.
constexpr int kMostOthers = 200;

// What the change did, by its targets' own results: nothing, if it found nothing to do or a person
// decided what it did. Of one that took back, what it was to take back as well, unless all of it
// was: where a rollback ended half-way, or nobody knows how, nothing counts as being there.
absl::StatusOr<PastChange> PastOf(const Job& change, const work::v1::JobSpec& spec,
                                  const std::vector<Task>& tasks) {
  PastChange past{change.id, change.end_time, false, {}};
  past.applied = spec.migrate().direction() == work::v1::MIGRATE_DIRECTION_UP;
  past.whole = change.state == JobState::kSucceeded;
  for (const Task& task : tasks) {
    const bool resolved = absl::StartsWith(task.error_reason, "RESOLVED_AS_");
    if (past.applied && resolved) {
      past.versions.clear();
      return past;
    }
    if (resolved) past.whole = false;
    ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(task));
    const auto& versions = past.applied ? result.migrate().applied_versions()
                                        : result.migrate().rolled_back_versions();
    past.versions.insert(versions.begin(), versions.end());
  }
  if (!past.applied && !past.whole) {
    past.versions.insert(spec.migrate().versions().begin(), spec.migrate().versions().end());
  }
  return past;
}

absl::StatusOr<std::set<std::string>> EnginesOf(ReadTx& tx, const std::vector<Task>& tasks) {
  std::set<std::string> engines;
  for (const Task& task : tasks) {
    const absl::StatusOr<Instance> instance = tx.GetInstance(task.instance_id);
    if (!instance.ok() && !absl::IsNotFound(instance.status())) return instance.status();
    engines.insert(instance.ok() ? instance->engine : "");
  }
  return engines;
}

// All that ContentDigest looks at, of these versions.
std::map<std::string, std::string> FilesOf(const work::v1::JobSpec& spec,
                                           const std::set<std::string>& versions) {
  std::map<std::string, std::string> files;
  for (const work::v1::Migration& migration : spec.migrate().migrations()) {
    if (versions.count(migration.version()) == 0) continue;
    files[migration.version()] = absl::StrCat(migration.up().sha256(), "/",
                                              migration.down().sha256(), "/", migration.name());
  }
  return files;
}

// As ReadTx::ChangesOfContent has them.
bool ProvesSomething(const Job& change) {
  if (change.plan_only) return false;
  if (change.state == JobState::kSucceeded) return true;
  return !change.rollback_of.empty() &&
         (change.state == JobState::kPartial || change.state == JobState::kFailed);
}

absl::StatusOr<PastChanges::List> ReadPast(ReadTx& tx, const std::string& environment) {
  auto list = std::make_shared<std::vector<PastChanges::Change>>();
  ASSIGN_OR_RETURN(Page<Job> jobs,
                   tx.ListJobs({environment, JobKind::kMigrate, {}}, {kMostOthers, ""}));
  for (const Job& job : jobs.items) {
    if (!ProvesSomething(job)) continue;
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
    PastChanges::Change change;
    const absl::StatusOr<work::v1::JobSpec> spec = ParseSpec(job);
    absl::StatusOr<PastChange> past =
        spec.ok() ? PastOf(job, *spec, tasks) : absl::StatusOr<PastChange>(spec.status());
    if (!past.ok()) {
      // It must not keep other environments' outcomes from being stored. What was applied by one
      // that cannot be read is not proved; what a rollback took back is not there any more.
      if (job.rollback_of.empty()) continue;
      change.past = {job.id, job.end_time, false, {}, /*whole=*/false};
      change.unreadable = true;
      list->push_back(std::move(change));
      continue;
    }
    change.past = *std::move(past);
    if (change.past.versions.empty()) continue;
    change.files = FilesOf(*spec, change.past.versions);
    ASSIGN_OR_RETURN(change.engines, EnginesOf(tx, tasks));
    list->push_back(std::move(change));
  }
  // A change that waited for its window may have ended after one that was submitted later.
  std::stable_sort(list->begin(), list->end(),
                   [](const auto& a, const auto& b) { return a.past.end_time > b.past.end_time; });
  return list;
}

// Those of `others` that are about the job's own versions, with the same files. What was taken back
// there is not there, on whichever engines; what was applied counts for the same engines only.
absl::Status AddOthers(ReadTx& tx, const PolicyInput& input,
                       const std::vector<PastChanges::Change>& others,
                       std::vector<PastChange>* past) {
  ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(input.job));
  const std::map<std::string, std::string> wanted = FilesOf(spec, input.versions);
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(input.job.id));
  ASSIGN_OR_RETURN(const std::set<std::string> engines, EnginesOf(tx, tasks));
  for (const PastChanges::Change& change : others) {
    const bool known = std::any_of(past->begin(), past->end(), [&](const PastChange& one) {
      return one.job == change.past.job;
    });
    if (known || (change.past.applied && change.engines != engines)) continue;
    PastChange one = change.past;
    if (change.unreadable) {
      one.versions = input.versions;
      past->push_back(std::move(one));
      continue;
    }
    std::erase_if(one.versions, [&](const std::string& version) {
      const auto theirs = change.files.find(version);
      const auto own = wanted.find(version);
      return theirs == change.files.end() || own == wanted.end() || theirs->second != own->second;
    });
    if (!one.versions.empty()) past->push_back(std::move(one));
  }
  std::stable_sort(past->begin(), past->end(), [](const PastChange& a, const PastChange& b) {
    return a.end_time > b.end_time;
  });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PastChanges::List> PastChanges::Of(ReadTx& tx, const std::string& environment,
                                                  absl::Time now, bool ahead) {
  const std::pair<std::string, bool> key(environment, ahead);
  {
    MutexLock lock(&mutex_);
    const auto kept = kept_.find(key);
    if (kept != kept_.end() && absl::AbsDuration(now - kept->second.read_time) < kLasts) {
      return kept->second.list;
    }
  }
  ASSIGN_OR_RETURN(List list, ReadPast(tx, environment));
  MutexLock lock(&mutex_);
  kept_[key] = {now, list};
  return list;
}

absl::Status ReadPromotion(ReadTx& tx, PastChanges& others, PolicyInput* input) {
  // Enough for a rehearsal, also when one side of it was repeated.
  constexpr int kMostLookedAt = 20;
  const PromotionPolicy& policy = input->policy.promotion;
  ASSIGN_OR_RETURN(const std::vector<Job> changes,
                   tx.ChangesOfContent({policy.from, input->job.content_digest}, kMostLookedAt));
  std::vector<PastChange> past;
  for (const Job& change : changes) {
    // Only a rehearsal is looked for further back.
    if (!policy.rehearsal && !past.empty()) break;
    ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(change));
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(change.id));
    ASSIGN_OR_RETURN(PastChange one, PastOf(change, spec, tasks));
    // A rollback that failed half-way is worse than one of which it is known what it took back.
    if (!one.versions.empty() || !one.applied) past.push_back(std::move(one));
  }
  input->promotion = PromotionOf(past, input->now, policy.within);
  if (!policy.rehearsal || past.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const PastChanges::List list,
                   others.Of(tx, policy.from, input->now, input->ahead));
  RETURN_IF_ERROR(AddOthers(tx, *input, *list, &past));
  PolicyInput::Promotion all = PromotionOf(past, input->now, policy.within);
  input->promotion.rehearsed = std::move(all.rehearsed);
  input->promotion.newest = std::move(all.newest);
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
