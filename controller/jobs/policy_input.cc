// JobFlow's part that gathers what the policy decides on (see job_flow.h).
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/planning.h"

namespace dbfleet::controller {
namespace {

std::optional<Backup> NewestCovering(const std::vector<Backup>& backups,
                                     const std::string& database) {
  for (const Backup& backup : backups) {
    if (database.empty() || std::find(backup.databases.begin(), backup.databases.end(), database) !=
                                backup.databases.end()) {
      return backup;
    }
  }
  return std::nullopt;
}

// People who approved and may not any more: disabled, or without the role.
absl::Status AddFormerApprovers(ReadTx& tx, const Job& job, std::vector<std::string>* out) {
  for (const Approval& approval : job.approvals) {
    absl::string_view id = approval.principal;
    if (!absl::ConsumePrefix(&id, "users/")) continue;
    absl::StatusOr<User> user = tx.GetUser(id);
    if (!user.ok() && !absl::IsNotFound(user.status())) return user.status();
    if (user.ok() && !user->disabled && user->Has(Role::kApprover)) continue;
    out->push_back(approval.principal);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PolicyDecision> JobFlow::EvaluatePolicy(ReadTx& tx, const Job& job,
                                                       absl::Time now) const {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  return EvaluatePolicyOn(tx, job, tasks, now);
}

absl::StatusOr<PolicyDecision> JobFlow::EvaluatePolicyOn(ReadTx& tx, const Job& job,
                                                         absl::Span<const Task> tasks,
                                                         absl::Time now) const {
  PolicyInput input;
  input.job = job;
  input.now = now;
  ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(job.environment));
  input.policy = environment.policy;
  // Both only take approvals away. Who depends on whom takes a look at all users and their tokens.
  if (!job.approvals.empty()) {
    ASSIGN_OR_RETURN(input.dependent_approvers, dependents_(tx, job.requester));
    RETURN_IF_ERROR(AddFormerApprovers(tx, job, &input.former_approvers));
  }
  const bool backups_count = BackupsCount(job, input.policy);
  for (const Task& task : tasks) {
    std::vector<Backup> backups;
    if (backups_count) {
      ASSIGN_OR_RETURN(backups, tx.VerifiedBackups(task.instance_id));
    }
    input.targets.push_back({task.Target(), task.instance_id, task.database,
                             NewestCovering(backups, task.database), PlannedRows(task)});
  }
  PolicyDecision decision = Evaluate(input);
  // The digest covers the policy under which it was made; another policy means another digest.
  if (!job.policy_digest.empty() &&
      job.policy_digest != PolicyDigest(environment.name, environment.policy)) {
    decision.blockers.push_back({"policy-changed",
                                 "the environment's policy changed after the plan was made; it is "
                                 "planned again",
                                 false});
  }
  return decision;
}

}  // namespace dbfleet::controller
