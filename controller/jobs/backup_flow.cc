#include "controller/jobs/backup_flow.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/queueing.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kBackupJobLifetime = absl::Hours(24);
// They stand in the words of all that waits for the backup.
constexpr size_t kMostWordsOfAgent = 1000;
constexpr char kGateActor[] = "system/backup-gate";

absl::Status InsertTaskFor(FlowContext& context, const Job& job, const std::string& instance_id,
                           int stage, const work::v1::JobSpec& spec) {
  Task task;
  task.id = NewUlid(context.now);
  task.job_id = job.id;
  task.instance_id = instance_id;
  task.stage = stage;
  task.spec_blob = spec.SerializeAsString();
  return context.tx.InsertTask(&task);
}

absl::Status InsertTarget(FlowContext& context, const Job& job, const BackupTarget& target,
                          bool verify) {
  Backup backup;
  backup.id = NewUlid(context.now);
  backup.instance_id = target.instance_id;
  backup.environment = job.environment;
  backup.job_id = job.id;
  backup.create_time = context.now;
  backup.databases = target.databases;
  RETURN_IF_ERROR(context.tx.InsertBackup(&backup));

  work::v1::JobSpec spec;
  spec.mutable_backup()->set_backup_id(backup.id);
  for (const std::string& database : target.databases)
    spec.mutable_backup()->add_databases(database);
  RETURN_IF_ERROR(InsertTaskFor(context, job, target.instance_id, 0, spec));
  if (!verify) return absl::OkStatus();
  work::v1::JobSpec verify_spec;
  verify_spec.mutable_verify()->set_backup_id(backup.id);
  return InsertTaskFor(context, job, target.instance_id, 1, verify_spec);
}

// When the task's last attempt started; `fallback` if none did.
absl::StatusOr<absl::Time> StartOf(ReadTx& tx, const Task& task, absl::Time fallback) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> attempts, tx.AttemptsOfTask(task.id));
  absl::Time start = fallback;
  for (const Attempt& attempt : attempts) start = std::max(start, attempt.start_time);
  return start;
}

// Why there is no such backup, where the task has no error of its own.
absl::StatusOr<std::string> WhyNotTaken(ReadTx& tx, const Job& job, const Task& task) {
  if (!task.error_message.empty()) return task.error_message;
  ASSIGN_OR_RETURN(const absl::Time start, StartOf(tx, task, absl::InfinitePast()));
  return absl::StrCat(start == absl::InfinitePast() ? "it was not begun" : "it was stopped",
                      job.error_message.empty() ? "" : ": ", job.error_message);
}

// A gate that succeeded, not long before `begin` and after every approval, and still does not
// satisfy the policy: the next one would not either.
absl::StatusOr<bool> GateIsUseless(ReadTx& tx, const Job& job, const Job& gate, absl::Time begin) {
  ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(job.environment));
  bool newest = true;
  for (const Approval& approval : job.approvals) newest &= approval.decide_time <= gate.create_time;
  return newest && begin - gate.create_time < environment.policy.verified_backup_max_age;
}

absl::Status RecordBackup(FlowContext& context, const Job& job, const Task& task, Backup* backup,
                          std::string* remark) {
  if (task.state == TaskState::kSucceeded) {
    ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(task));
    if (!result.has_backup() || result.backup().backup_id() != backup->id) {
      backup->state = Backup::State::kFailed;
      backup->error_message = "the agent reported success without this backup's result";
    } else {
      backup->state = Backup::State::kComplete;
      backup->result_blob = result.backup().SerializeAsString();
      backup->databases.assign(result.backup().databases().begin(),
                               result.backup().databases().end());
      // The agent's clock may be off by a little; the snapshot certainly lies between the attempt's
      // start and now on ours.
      const absl::Time reported = FromProto(result.backup().snapshot_time());
      ASSIGN_OR_RETURN(const absl::Time start, StartOf(context.tx, task, backup->create_time));
      backup->snapshot_time = std::clamp(reported, std::min(start, context.now), context.now);
    }
  } else {
    backup->state = Backup::State::kFailed;
    ASSIGN_OR_RETURN(backup->error_message, WhyNotTaken(context.tx, job, task));
  }
  if (backup->state == Backup::State::kFailed) *remark = backup->error_message;
  return context.tx.UpdateBackup(backup);
}

// A failure to look (agent gone, cancelled, tool missing) says nothing about the backup; only a
// verification that looked and found something does.
bool VerdictIsAboutTheBackup(const Task& task) {
  if (task.state != TaskState::kFailed) return false;
  return absl::StartsWith(task.error_reason, "BACKUP_") || task.error_reason == "BAD_MANIFEST" ||
         task.error_reason == "MANIFEST_MISMATCH";
}

void Suspect(absl::string_view why, Backup* backup) {
  backup->state = Backup::State::kSuspect;
  backup->verified_level = 0;
  backup->error_message = std::string(why);
}

// A success counts only for the manifest that was taken, whatever the agent was asked. Why it does
// not count though there is nothing against the backup, if so.
absl::StatusOr<std::string> RecordVerified(const work::v1::VerifyResult& result, absl::Time now,
                                           Backup* backup) {
  ASSIGN_OR_RETURN(const std::string manifest, ManifestOf(*backup));
  if (result.manifest_sha256().empty()) {
    return "not counted: the agent does not say which manifest it has verified; upgrade it and "
           "verify again";
  }
  if (manifest.empty()) {
    return "not counted: the backup was taken by an agent that did not tell its manifest; take "
           "another";
  }
  if (result.manifest_sha256() != manifest) {
    Suspect(
        "the agent has verified another backup than the one that was taken: their manifests "
        "differ",
        backup);
    return "";
  }
  const int level = static_cast<int>(result.level()) - 1;
  if (level < backup->verified_level) return "";
  backup->verified_level = level;
  backup->verify_time = now;
  backup->verification_blob = result.SerializeAsString();
  backup->error_message.clear();
  return "";
}

// COMPLETE says how it was taken; whoever is told of a verification wants to know how it is.
std::string StateWord(const Backup& backup) {
  return backup.IsGone() ? "gone" : std::string(NameOf(backup.state));
}

// `counts`: whether it says how the backup is.
absl::Status RecordVerification(FlowContext& context, const Task& task, Backup* backup,
                                std::string* remark, bool* counts) {
  const bool missing = task.state == TaskState::kFailed && task.error_reason == "NO_MANIFEST";
  *counts = task.state == TaskState::kSucceeded || VerdictIsAboutTheBackup(task) || missing;
  if (backup->state != Backup::State::kComplete) return absl::OkStatus();
  if (task.state == TaskState::kSucceeded) {
    ASSIGN_OR_RETURN(const work::v1::TaskResult result, ParseResult(task));
    *counts = result.has_verify() && result.verify().backup_id() == backup->id;
    if (!*counts) return absl::OkStatus();
    ASSIGN_OR_RETURN(*remark, RecordVerified(result.verify(), context.now, backup));
    *counts = remark->empty();
  } else if (VerdictIsAboutTheBackup(task)) {
    Suspect(task.error_message, backup);
  } else if (missing) {
    backup->verified_level = 0;
    backup->error_message =
        task.error_message.empty() ? "its manifest was not found" : task.error_message;
  } else {
    return absl::OkStatus();
  }
  return context.tx.UpdateBackup(backup);
}

}  // namespace

absl::StatusOr<Job> InsertBackupJob(FlowContext& context, const BackupJobRequest& request) {
  Job job;
  job.id = NewUlid(context.now);
  job.kind = JobKind::kBackup;
  job.environment = request.environment;
  job.requester = request.requester;
  job.title = request.title;
  job.reason = request.reason;
  job.parent = request.parent;
  job.request_key = request.request_key;
  job.create_time = job.update_time = context.now;
  job.expire_time = request.expire_time == absl::InfiniteFuture() ? context.now + kBackupJobLifetime
                                                                  : request.expire_time;
  job.queue = request.queue;
  job.max_parallel = 4;
  job.safety = SafetyClass::kSafe;
  work::v1::JobSpec spec;
  spec.mutable_backup();
  if (request.targets.size() == 1) {
    for (const std::string& database : request.targets[0].databases) {
      spec.mutable_backup()->add_databases(database);
    }
  }
  job.spec_blob = spec.SerializeAsString();
  RETURN_IF_ERROR(context.tx.InsertJob(&job));
  std::vector<std::string> instances;
  for (const BackupTarget& target : request.targets) {
    RETURN_IF_ERROR(InsertTarget(context, job, target, request.verify));
    instances.push_back(target.instance_id);
  }
  std::map<std::string, std::string> details = {
      {"instances", absl::StrJoin(instances, ",")}, {"reason", job.reason}, {"parent", job.parent}};
  AddQueueDetails(job, &details);
  RETURN_IF_ERROR(context.Audit("backup.submit", job, std::move(details)));
  return job;
}

absl::Status NoteServer(FlowContext& context, const Job& job, const Task& task,
                        const Attempt& attempt) {
  if (job.kind != JobKind::kBackup) return absl::OkStatus();
  ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(job, task));
  if (!spec.has_backup()) return absl::OkStatus();
  ASSIGN_OR_RETURN(Backup backup, context.tx.GetBackup(spec.backup().backup_id()));
  ASSIGN_OR_RETURN(const Instance instance, context.tx.GetInstance(task.instance_id));
  backup.agent_id = attempt.agent_id;
  backup.endpoint = instance.endpoint;
  return context.tx.UpdateBackup(&backup);
}

absl::Status RecordBackupOutcome(FlowContext& context, const Job& job, const Task& task) {
  if (job.kind != JobKind::kBackup && job.kind != JobKind::kVerify) return absl::OkStatus();
  if (!IsTerminal(task.state)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(job, task));
  const bool is_backup = spec.has_backup();
  ASSIGN_OR_RETURN(Backup backup, context.tx.GetBackup(is_backup ? spec.backup().backup_id()
                                                                 : spec.verify().backup_id()));
  std::string remark = task.error_message;
  bool counts = true;
  RETURN_IF_ERROR(is_backup ? RecordBackup(context, job, task, &backup, &remark)
                            : RecordVerification(context, task, &backup, &remark, &counts));
  AuditEntry entry{context.actor,
                   is_backup ? "backup.outcome" : "backup.verification",
                   absl::StrCat("backups/", backup.id),
                   backup.environment,
                   {{"job", absl::StrCat("jobs/", job.id)},
                    {"task", std::string(NameOf(task.state))},
                    {"level", absl::StrCat("L", backup.verified_level)},
                    {"error", remark}}};
  // A verification that was cancelled has no news of the backup: whoever was told that it is gone,
  // or suspect, is not told again.
  if (counts) entry.details["state"] = StateWord(backup);
  return context.tx.AppendAudit(std::move(entry));
}

absl::Status NoteGoneBackup(FlowContext& context, const Job& job, const Attempt& attempt) {
  if (attempt.error_reason != kBackupGone || !WasNotLetBegin(attempt)) return absl::OkStatus();
  ASSIGN_OR_RETURN(Backup backup, context.tx.GetBackup(attempt.backup_id));
  if (backup.state != Backup::State::kComplete) return absl::OkStatus();
  backup.verified_level = 0;
  backup.error_message = absl::StrCat("on agents/", attempt.agent_id, ": ",
                                      Truncate(attempt.error_message, kMostWordsOfAgent));
  RETURN_IF_ERROR(context.tx.UpdateBackup(&backup));
  return context.tx.AppendAudit({context.actor,
                                 "backup.gone",
                                 absl::StrCat("backups/", backup.id),
                                 backup.environment,
                                 {{"job", absl::StrCat("jobs/", job.id)},
                                  {"attempt", attempt.id},
                                  {"instance", backup.instance_id},
                                  {"error", backup.error_message}}});
}

absl::Status RecordUnbegunBackups(FlowContext& context, const Job& job,
                                  absl::Span<const Task> tasks) {
  if (job.kind != JobKind::kBackup) return absl::OkStatus();
  for (const Task& task : tasks) {
    if (task.state != TaskState::kCancelled && task.state != TaskState::kSkipped) continue;
    ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(job, task));
    if (!spec.has_backup()) continue;
    ASSIGN_OR_RETURN(const Backup backup, context.tx.GetBackup(spec.backup().backup_id()));
    if (backup.state != Backup::State::kRunning) continue;
    RETURN_IF_ERROR(RecordBackupOutcome(context, job, task));
  }
  return absl::OkStatus();
}

namespace {

// Did the job take a backup whose files are not there any more?
absl::StatusOr<bool> HasGone(ReadTx& tx, const Job& gate) {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(gate.id));
  for (const Task& task : tasks) {
    ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(gate, task));
    if (!spec.has_backup()) continue;
    ASSIGN_OR_RETURN(const Backup backup, tx.GetBackup(spec.backup().backup_id()));
    if (backup.IsGone()) return true;
  }
  return false;
}

// Whether an open job backs these databases up, and looks whether they can be restored.
absl::StatusOr<bool> IsBeingTaken(ReadTx& tx, const std::string& instance_id,
                                  const std::set<std::string>& databases) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfInstance(instance_id));
  for (const Attempt& attempt : open) {
    ASSIGN_OR_RETURN(const Job job, tx.GetJob(attempt.job_id));
    if (job.kind != JobKind::kBackup || IsTerminal(job.state)) continue;
    ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
    bool covers = false;
    bool verifies = false;
    for (const Task& task : tasks) {
      work::v1::JobSpec spec;
      if (task.instance_id != instance_id || !spec.ParseFromString(task.spec_blob)) continue;
      verifies = verifies || spec.has_verify();
      if (!spec.has_backup()) continue;
      const auto& backed_up = spec.backup().databases();
      covers = covers || backed_up.empty() ||
               std::all_of(databases.begin(), databases.end(), [&](const std::string& name) {
                 return std::find(backed_up.begin(), backed_up.end(), name) != backed_up.end();
               });
    }
    if (covers && verifies) return true;
  }
  return false;
}

// Of a gate that succeeded and does not do: its files were removed since, so that another one may
// do. Not for ever: whatever removes them may remove the next ones, too, and a person looks.
absl::StatusOr<bool> GateWasLost(ReadTx& tx, const Job& gate, const std::vector<Task>& tasks) {
  constexpr int kMostLost = 3;
  for (const Task& task : tasks) {
    if (task.attempts == 0) continue;
    ASSIGN_OR_RETURN(const std::vector<Attempt> attempts, tx.AttemptsOfTask(task.id));
    int lost = 0;
    for (const Attempt& attempt : attempts) {
      if (attempt.error_reason != kBackupGone || attempt.backup_id.empty()) continue;
      // One that was there before, by a schedule, was not taken for this change.
      ASSIGN_OR_RETURN(const Backup backup, tx.GetBackup(attempt.backup_id));
      ASSIGN_OR_RETURN(const Job by, tx.GetJob(backup.job_id));
      lost += !gate.parent.empty() && by.parent == gate.parent ? 1 : 0;
    }
    if (lost >= kMostLost) return false;
  }
  return HasGone(tx, gate);
}

// By instance.
std::map<std::string, std::set<std::string>> OpenTargets(const std::vector<Task>& tasks) {
  std::map<std::string, std::set<std::string>> databases;
  for (const Task& task : tasks) {
    if (!IsTerminal(task.state)) databases[task.instance_id].insert(task.database);
  }
  return databases;
}

}  // namespace

absl::StatusOr<GateStep> NextGateStep(ReadTx& tx, const Job& job, const std::vector<Task>& tasks,
                                      absl::Time begin) {
  if (job.backup_gate == BackupGate::kExisting) return GateStep::kWait;
  if (!job.gate_job.empty()) {
    ASSIGN_OR_RETURN(const Job gate, tx.GetJob(job.gate_job));
    // A gate that succeeded and still does not satisfy the policy (it was taken before a later
    // approval, say) is followed by another.
    if (!IsTerminal(gate.state)) return GateStep::kWait;
    const bool failed = gate.state != JobState::kSucceeded;
    ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(job.environment));
    ASSIGN_OR_RETURN(bool useless, GateIsUseless(tx, job, gate, begin));
    if (useless && !failed) {
      ASSIGN_OR_RETURN(const bool lost, GateWasLost(tx, gate, tasks));
      useless = !lost;
    }
    // One that failed for an opening of days ago says nothing about this one.
    const bool recent = begin - gate.create_time < environment.policy.verified_backup_max_age;
    if ((failed && recent) || useless) return GateStep::kGiveUp;
  }
  // One that runs already may do for this job as well: whether it does is seen when it has ended.
  for (const auto& [instance_id, names] : OpenTargets(tasks)) {
    ASSIGN_OR_RETURN(const bool taken, IsBeingTaken(tx, instance_id, names));
    if (taken) return GateStep::kWait;
  }
  return GateStep::kTake;
}

absl::StatusOr<bool> EnsureGateBackup(FlowContext& context, Job* job,
                                      const std::vector<Task>& tasks, absl::Time begin) {
  ASSIGN_OR_RETURN(const GateStep step, NextGateStep(context.tx, *job, tasks, begin));
  if (step == GateStep::kWait) return false;
  if (step == GateStep::kGiveUp) {
    ASSIGN_OR_RETURN(const Job gate, context.tx.GetJob(job->gate_job));
    job->error_reason = kGateFailed;
    std::string why = gate.error_message;
    if (gate.state == JobState::kSucceeded) {
      ASSIGN_OR_RETURN(const bool gone, HasGone(context.tx, gate));
      why = gone ? "its files went each time before the change could begin; find out what removes "
                   "them from the agent's backup_dir, then submit the change again"
                 : "it does not satisfy the policy";
    }
    job->error_message =
        absl::StrCat("the backup that the policy demands failed: jobs/", gate.id, ": ", why);
    return true;
  }
  BackupJobRequest request;
  request.environment = job->environment;
  request.requester = kGateActor;
  request.title = absl::StrCat("Backup demanded by the policy for jobs/", job->id);
  request.reason = job->title;
  request.parent = job->id;
  for (const auto& [instance_id, names] : OpenTargets(tasks)) {
    request.targets.push_back({instance_id, {names.begin(), names.end()}});
  }
  FlowContext gate_context{context.tx, context.now, kGateActor, {}};
  ASSIGN_OR_RETURN(const Job gate, InsertBackupJob(gate_context, request));
  job->gate_job = gate.id;
  context.changes.jobs.insert(gate.id);
  RETURN_IF_ERROR(context.tx.UpdateJob(job));
  return false;
}

}  // namespace dbfleet::controller
