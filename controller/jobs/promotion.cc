#include "controller/jobs/promotion.h"

#include <algorithm>
#include <iterator>
#include <map>
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

// What the change did, by its targets' own results: nothing, if it found nothing to do or a person
// decided what it did.
absl::StatusOr<PastChange> PastOf(const Job& change, const work::v1::JobSpec& spec,
                                  const std::vector<Task>& tasks) {
  PastChange past{change.id, change.end_time, false, {}};
  past.applied = spec.migrate().direction() == work::v1::MIGRATE_DIRECTION_UP;
  for (const Task& task : tasks) {
    if (past.applied && absl::StartsWith(task.error_reason, "RESOLVED_AS_")) {
      past.versions.clear();
      return past;
    }
    ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(task));
    const auto& versions = past.applied ? result.migrate().applied_versions()
                                        : result.migrate().rolled_back_versions();
    past.versions.insert(versions.begin(), versions.end());
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

// By version: all that ContentDigest looks at.
using Files = std::map<std::string, std::string>;

Files FilesOf(const work::v1::JobSpec& spec, const std::set<std::string>& versions) {
  Files files;
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

}  // namespace

absl::Status ReadPromotion(ReadTx& tx, PolicyInput* input) {
  // Enough for a rehearsal, also when one side of it was repeated.
  constexpr int kMostLookedAt = 20;
  const PromotionPolicy& policy = input->policy.promotion;
  ASSIGN_OR_RETURN(const std::vector<Job> changes,
                   tx.ChangesOfContent(policy.from, input->job.content_digest, kMostLookedAt));
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
  return absl::OkStatus();
}

absl::Status AddRehearsals(ReadTx& tx, PolicyInput* input) {
  // Of the newest changes there. A rehearsal that lies further back has to be repeated; the bound
  // keeps one evaluation at some milliseconds.
  constexpr int kMostLookedAt = 200;
  const PromotionPolicy& policy = input->policy.promotion;
  PolicyInput::Promotion& record = input->promotion;
  if (!policy.rehearsal || record.job.empty()) return absl::OkStatus();
  std::set<std::string> missing;
  std::set_difference(input->versions.begin(), input->versions.end(), record.rehearsed.begin(),
                      record.rehearsed.end(), std::inserter(missing, missing.end()));
  if (missing.empty()) return absl::OkStatus();

  ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(input->job));
  const Files wanted = FilesOf(spec, missing);
  ASSIGN_OR_RETURN(const std::vector<Task> own, tx.TasksOfJob(input->job.id));
  ASSIGN_OR_RETURN(const std::set<std::string> engines, EnginesOf(tx, own));
  ASSIGN_OR_RETURN(Page<Job> changes,
                   tx.ListJobs({policy.from, JobKind::kMigrate, {}}, {kMostLookedAt, ""}));
  // A change that waited for its window may have ended after one that was submitted later.
  std::stable_sort(changes.items.begin(), changes.items.end(),
                   [](const Job& a, const Job& b) { return a.end_time > b.end_time; });
  std::vector<PastChange> past;
  for (const Job& change : changes.items) {
    if (!ProvesSomething(change) || input->now - change.end_time > policy.within) continue;
    ASSIGN_OR_RETURN(const work::v1::JobSpec theirs, ParseSpec(change));
    const Files same = FilesOf(theirs, missing);
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(change.id));
    ASSIGN_OR_RETURN(PastChange one, PastOf(change, theirs, tasks));
    std::erase_if(one.versions, [&](const std::string& version) {
      const auto file = same.find(version);
      const auto want = wanted.find(version);
      return file == same.end() || want == wanted.end() || file->second != want->second;
    });
    if (one.versions.empty()) continue;
    ASSIGN_OR_RETURN(const std::set<std::string> their_engines, EnginesOf(tx, tasks));
    if (their_engines == engines) past.push_back(std::move(one));
  }
  PolicyInput::Promotion others = PromotionOf(past, input->now, policy.within);
  record.rehearsed.merge(others.rehearsed);
  for (auto& [version, step] : others.newest) record.newest[version] = std::move(step);
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
