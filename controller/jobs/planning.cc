#include "controller/jobs/planning.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

// Whatever class its statements have one by one, a plan that executes any is destructive: it runs
// in writable sessions of the migration account, and a failure runs the down parts of what went
// before.
bool Executes(const work::v1::Plan& plan) {
  return !plan.forward().empty() || !plan.rollback().empty();
}

}  // namespace

absl::Status LiftPlans(const std::string& policy_digest, Job* job, std::vector<Task>* tasks) {
  job->safety = SafetyClass::kSafe;
  job->schema_change = false;
  job->has_rollback = true;
  for (Task& task : *tasks) {
    ASSIGN_OR_RETURN(work::v1::Plan plan, ParsePlan(task));
    task.target_digest = PlanDigest(task.Target(), plan);
    if (Executes(plan)) {
      job->safety = SafetyClass::kDestructive;
      job->schema_change = true;
      if (plan.rollback().empty() && plan.irreversible().empty()) job->has_rollback = false;
    }
  }
  job->policy_digest = policy_digest;
  ASSIGN_OR_RETURN(job->digest, ComputeJobDigest(*job, *tasks));
  return absl::OkStatus();
}

absl::StatusOr<JobDigestInput> DigestInputOf(const Job& job, const std::vector<Task>& tasks) {
  ASSIGN_OR_RETURN(const work::v1::JobSpec spec, ParseSpec(job));
  JobDigestInput input;
  input.job_kind = std::string(NameOf(job.kind));
  input.params_sha256 = ParamsDigest(spec);
  input.policy_digest = job.policy_digest;
  input.rollout = RolloutText(job.rollout, job.max_parallel, job.queue.window);
  for (const Task& task : tasks) input.targets.push_back({task.Target(), task.target_digest});
  return input;
}

absl::StatusOr<std::string> ComputeJobDigest(const Job& job, const std::vector<Task>& tasks) {
  ASSIGN_OR_RETURN(const JobDigestInput input, DigestInputOf(job, tasks));
  return JobDigest(input);
}

int64_t PlannedRows(const Task& task) {
  const absl::StatusOr<work::v1::Plan> plan = ParsePlan(task);
  return task.plan_blob.empty() || !plan.ok() ? -1 : plan->estimated_rows();
}

Gravity GravestFinding(const Task& task) {
  if (task.plan_blob.empty()) return Gravity::kNone;
  const absl::StatusOr<work::v1::Plan> plan = ParsePlan(task);
  if (!plan.ok()) return Gravity::kError;
  Gravity gravest = Gravity::kNone;
  for (const work::v1::Step& step : plan->forward()) {
    for (const work::v1::Finding& finding : step.findings()) {
      const Gravity gravity = finding.severity() == work::v1::SEVERITY_INFO      ? Gravity::kInfo
                              : finding.severity() == work::v1::SEVERITY_WARNING ? Gravity::kWarning
                                                                                 : Gravity::kError;
      gravest = std::max(gravest, gravity);
    }
  }
  return gravest;
}

std::string RecordedWords(const PolicyDecision& decision) {
  constexpr size_t kMostBytes = 4000;
  return Truncate(decision.Words(), kMostBytes);
}

int64_t EstimatedRows(const std::vector<Task>& tasks) {
  int64_t total = 0;
  for (const Task& task : tasks) {
    const int64_t rows = PlannedRows(task);
    if (rows < 0) return -1;
    total += rows;
  }
  return total;
}

std::map<std::string, int64_t> RowsByTarget(const std::vector<Task>& tasks) {
  std::map<std::string, int64_t> rows;
  for (const Task& task : tasks) rows[task.Target()] = PlannedRows(task);
  return rows;
}

std::optional<int64_t> ApprovedRows(const std::vector<Approval>& counted,
                                    const std::string& target) {
  std::optional<int64_t> fewest;
  for (const Approval& approval : counted) {
    const auto seen = approval.rows.find(target);
    if (seen == approval.rows.end() || seen->second < 0) continue;
    fewest = std::min(fewest.value_or(seen->second), seen->second);
  }
  return fewest;
}

}  // namespace dbfleet::controller
