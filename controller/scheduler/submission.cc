#include "controller/scheduler/submission.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/scheduler/scheduler.h"

namespace dbfleet::controller {

using resource::v1::ScheduleSpec;

bool IsWorthAnotherTry(const absl::Status& status) {
  return absl::IsAborted(status) || absl::IsResourceExhausted(status) ||
         absl::IsUnavailable(status) || absl::IsCancelled(status) ||
         absl::IsDeadlineExceeded(status);
}

Chunk Only(const Chunk& chunk, size_t index) {
  Chunk one = chunk;
  one.targets = {chunk.targets[index]};
  one.last = chunk.last && index + 1 == chunk.targets.size();
  return one;
}

absl::StatusOr<std::shared_ptr<const Submitter::Targets>> Submitter::TargetsOf(
    ReadTx& tx, const Occurrence& occurrence, const ScheduleSpec& spec) {
  const auto kept = targets_.find(occurrence.id);
  if (kept != targets_.end()) return kept->second;
  const std::set<std::string> named(spec.targets().instances().begin(),
                                    spec.targets().instances().end());
  auto found = std::make_shared<Targets>();
  for (PageRequest page{1000, ""};;) {
    ASSIGN_OR_RETURN(const Page<Instance> instances, tx.ListInstances(spec.environment(), page));
    for (const Instance& instance : instances.items) {
      if (SelectsTarget(spec.targets(), named, instance)) found->push_back(instance.id);
    }
    page.token = instances.next_token;
    if (page.token.empty()) break;
  }
  // Named ones that are not there are refused by name, not passed over.
  if (spec.targets().labels().empty() && spec.targets().engines().empty()) {
    found->insert(found->end(), named.begin(), named.end());
  }
  std::sort(found->begin(), found->end());
  found->erase(std::unique(found->begin(), found->end()), found->end());
  targets_[occurrence.id] = found;
  return std::shared_ptr<const Targets>(found);
}

absl::StatusOr<Chunk> Submitter::Prepare(ReadTx& tx, const Occurrence& occurrence, int most) {
  Chunk chunk;
  chunk.occurrence = occurrence;
  if (!chunk.spec.ParseFromString(occurrence.spec_blob)) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 absl::StrCat("the stored occurrence ", occurrence.id, " cannot be read"));
  }
  ASSIGN_OR_RETURN(const auto targets, TargetsOf(tx, occurrence, chunk.spec));
  auto next = std::upper_bound(targets->begin(), targets->end(), occurrence.cursor);
  for (; next != targets->end() && static_cast<int>(chunk.targets.size()) < most; ++next) {
    PreparedTarget target;
    absl::StatusOr<Instance> instance = GetLiveInstance(tx, *next);
    target.instance.id = *next;
    target.refusal = instance.status();
    if (instance.ok()) {
      target.instance = *std::move(instance);
      target.refusal = PrepareJob(tx, chunk.spec.job(), chunk.spec.environment(), &target);
    }
    if (IsWorthAnotherTry(target.refusal)) return target.refusal;
    chunk.targets.push_back(std::move(target));
  }
  chunk.last = next == targets->end();
  return chunk;
}

absl::Status Submitter::WriteJob(FlowContext& context, const Chunk& chunk,
                                 const PreparedTarget& target) {
  const RequestMeta meta{AccountOf(chunk.occurrence),
                         absl::StrCat(chunk.occurrence.id, "/", target.instance.id), ""};
  return InsertDeclaredJob(jobs_, context, meta, chunk.spec.job(), target,
                           absl::StrCat("by ", meta.principal))
      .status();
}

absl::Status Submitter::Write(FlowContext& context, const Chunk& chunk) {
  ASSIGN_OR_RETURN(Occurrence occurrence, context.tx.GetOccurrence(chunk.occurrence.id));
  if (occurrence.state != OccurrenceState::kSubmitting || occurrence.cancel_requested ||
      occurrence.cursor != chunk.occurrence.cursor) {
    return Error(absl::StatusCode::kAborted, "STALE",
                 absl::StrCat("occurrence ", occurrence.id, " was changed meanwhile"));
  }
  for (const PreparedTarget& target : chunk.targets) {
    ++occurrence.targets;
    occurrence.cursor = target.instance.id;
    if (target.refusal.ok()) {
      RETURN_IF_ERROR(WriteJob(context, chunk, target));
      ++occurrence.jobs;
      continue;
    }
    ++occurrence.refused;
    occurrence.reason = "TARGETS_REFUSED";
    occurrence.message =
        absl::StrCat(occurrence.refused, occurrence.refused == 1 ? " target" : " targets",
                     " got no job; the last: ", target.instance.id, ": ",
                     Truncate(target.refusal.message(), 500));
    RETURN_IF_ERROR(AuditOccurrence(context.tx, context.actor, "schedule.refuse", occurrence,
                                    chunk.spec.environment(),
                                    {{"target", absl::StrCat("instances/", target.instance.id)},
                                     {"reason", ReasonOf(target.refusal)},
                                     {"message", Truncate(target.refusal.message(), 2000)}}));
  }
  if (!chunk.last) return context.tx.UpdateOccurrence(&occurrence);
  occurrence.state = OccurrenceState::kSubmitted;
  if (occurrence.targets == 0) {
    occurrence.reason = "NO_TARGETS";
    occurrence.message = "no instance is what it selects";
  }
  if (occurrence.jobs == 0) occurrence.end_time = context.now;
  RETURN_IF_ERROR(context.tx.UpdateOccurrence(&occurrence));
  return AuditOccurrence(context.tx, context.actor, "schedule.submitted", occurrence,
                         chunk.spec.environment(),
                         {{"targets", absl::StrCat(occurrence.targets)},
                          {"jobs", absl::StrCat(occurrence.jobs)},
                          {"refused", absl::StrCat(occurrence.refused)}});
}

}  // namespace dbfleet::controller
