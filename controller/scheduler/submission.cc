#include "controller/scheduler/submission.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "controller/jobs/specs.h"
#include "controller/scheduler/scheduler.h"

namespace dbfleet::controller {
namespace {

using resource::v1::ScheduledJob;
using resource::v1::ScheduleSpec;

bool Selects(const resource::v1::ScheduleTargets& targets, const std::set<std::string>& named,
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

QueueAsk QueueOf(const ScheduledJob& job) {
  QueueAsk ask;
  if (!job.has_queue()) return ask;
  ask.window = job.queue().window();
  if (job.queue().has_priority()) ask.priority = job.queue().priority();
  if (job.queue().has_estimate()) ask.estimate = FromProto(job.queue().estimate());
  return ask;
}

std::vector<std::string> DatabasesOf(const ScheduledJob& job) {
  return {job.backup().databases().begin(), job.backup().databases().end()};
}

// The newest that can be verified. NOT_FOUND (NO_BACKUP).
absl::StatusOr<std::string> BackupToVerify(ReadTx& tx, const Instance& instance) {
  constexpr int kLookedAt = 50;
  ASSIGN_OR_RETURN(const Page<Backup> backups,
                   tx.ListBackups({instance.id, instance.environment}, {kLookedAt, ""}));
  for (const Backup& backup : backups.items) {
    if (backup.state == Backup::State::kComplete) return backup.id;
  }
  return Error(absl::StatusCode::kNotFound, "NO_BACKUP",
               absl::StrCat("instances/", instance.id,
                            " has no complete backup that could be verified; take one: "
                            "dbfleet backup run ",
                            instance.id));
}

// Why the target gets no job, as far as that shows before it is made.
absl::Status Look(ReadTx& tx, const ScheduleSpec& spec, PreparedTarget* target) {
  if (target->instance.environment != spec.environment()) {
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_NOT_IN_ENVIRONMENT",
                 absl::StrCat("instance \"", target->instance.id, "\" belongs to ",
                              target->instance.environment, " now"));
  }
  if (spec.job().has_inspect()) return CheckInspection(target->instance, InspectionOf(spec.job()));
  if (spec.job().has_backup()) {
    return CheckDatabasesFit(target->instance, DatabasesOf(spec.job()));
  }
  if (spec.job().has_verify()) {
    ASSIGN_OR_RETURN(target->backup_id, BackupToVerify(tx, target->instance));
  }
  return absl::OkStatus();
}

}  // namespace

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
      if (Selects(spec.targets(), named, instance)) found->push_back(instance.id);
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
      target.refusal = Look(tx, chunk.spec, &target);
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
  const ScheduledJob& job = chunk.spec.job();
  if (job.has_check()) return jobs_.InsertCheck(context, meta, target.instance.id).status();
  if (job.has_inspect()) {
    return jobs_.InsertInspect(context, meta, target.instance, InspectionOf(job)).status();
  }
  if (job.has_backup()) {
    return jobs_
        .InsertBackup(context, meta, target.instance.id, DatabasesOf(job),
                      !job.backup().skip_verify(), absl::StrCat("by ", meta.principal),
                      QueueOf(job))
        .status();
  }
  if (job.has_verify()) {
    return jobs_.InsertVerify(context, meta, target.backup_id, QueueOf(job)).status();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "NO_ACTION",
               "the schedule says nothing that this version could do");
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
    occurrence.message = absl::StrCat(occurrence.refused, " of ", occurrence.targets,
                                      " targets got no job; the last: ", target.instance.id, ": ",
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
