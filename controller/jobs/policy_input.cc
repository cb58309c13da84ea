// JobFlow's part that gathers what the policy decides on (see job_flow.h).
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/user_rows.h"
#include "controller/jobs/agent_ability.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/planning.h"
#include "controller/jobs/promotion.h"
#include "controller/jobs/rollback.h"
#include "controller/jobs/specs.h"

namespace dbfleet::controller {
namespace {

// Of those of the server that the target is on now; of others only where there is none of it, so
// that people are told.
std::optional<Backup> NewestCovering(const std::vector<Backup>& backups,
                                     const PolicyInput::Target& target) {
  std::optional<Backup> of_another;
  for (const Backup& backup : backups) {
    if (!target.database.empty() && std::find(backup.databases.begin(), backup.databases.end(),
                                              target.database) == backup.databases.end()) {
      continue;
    }
    if (backup.agent_id == target.agent_id && backup.endpoint == target.endpoint) return backup;
    if (!of_another.has_value()) of_another = backup;
  }
  return of_another;
}

// One that would count if its files were still there, so that people are told.
absl::StatusOr<std::optional<Backup>> NewestGone(ReadTx& tx, const PolicyInput& input,
                                                 const PolicyInput::Target& target) {
  constexpr int kLookedAt = 20;
  ASSIGN_OR_RETURN(
      const Page<Backup> page,
      tx.ListBackups({target.instance_id, {}, Backup::State::kComplete}, {kLookedAt, ""}));
  std::vector<Backup> gone;
  for (const Backup& backup : page.items) {
    const bool young = input.now - backup.snapshot_time < input.policy.verified_backup_max_age;
    const bool same = backup.agent_id == target.agent_id && backup.endpoint == target.endpoint;
    if (backup.IsGone() && young && same) gone.push_back(backup);
  }
  return NewestCovering(gone, target);
}

// The roles of those who approved, who of them may not any more (disabled, or without the role),
// and whose token was revoked.
absl::Status AddApprovers(ReadTx& tx, PolicyInput* input) {
  for (const Approval& approval : input->job.approvals) {
    const std::string& principal = approval.principal;
    ASSIGN_OR_RETURN(std::set<Role> roles, RolesIn(tx, principal, input->job.environment));
    if (roles.count(Role::kApprover) == 0 && absl::StartsWith(principal, "users/")) {
      input->former_approvers.push_back(principal);
    }
    input->approver_roles[principal] = std::move(roles);
    ASSIGN_OR_RETURN(const bool revoked, IsRevoked(tx, approval.token));
    if (revoked) input->revoked_tokens.insert(approval.token);
  }
  return absl::OkStatus();
}

// Does any policy that covers the environment look at the targets?
bool LooksAtTargets(const ApprovalBook& book, const std::string& environment) {
  return std::any_of(book.policies.begin(), book.policies.end(), [&](const ApprovalPolicy& policy) {
    return policy.Covers(environment) &&
           (!policy.labels.empty() || policy.findings != Gravity::kNone);
  });
}

absl::Status AddTraits(ReadTx& tx, absl::Span<const Task> tasks, PolicyInput* input) {
  for (const Task& task : tasks) {
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(task.instance_id));
    input->traits.push_back({instance.labels, GravestFinding(task)});
  }
  return absl::OkStatus();
}

// Has it begun, as far as anybody knows? The agent that was started plans again and waits for its
// migration lock, behind which it may be too late; each statement is reported before it is
// executed.
bool ReportedStatement(const Job& job, const Task& task) {
  return job.kind != JobKind::kMigrate || !task.steps.empty();
}

// Has the change gone on without a break since it began? What was only granted has not begun, and
// nobody knows of what does not answer.
absl::StatusOr<bool> GoesOn(ReadTx& tx, const Job& job, absl::Time now) {
  // From the end of one target to the begin of the next.
  constexpr absl::Duration kLongestBreak = absl::Minutes(5);
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
  for (const Attempt& attempt : open) {
    if (attempt.state != AttemptState::kRunning) continue;
    ASSIGN_OR_RETURN(const Task task, tx.GetTask(attempt.task_id));
    if (ReportedStatement(job, task)) return true;
  }
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  for (const Task& task : tasks) {
    if (task.attempts == 0) continue;
    ASSIGN_OR_RETURN(const std::vector<Attempt> attempts, tx.AttemptsOfTask(task.id));
    for (const Attempt& attempt : attempts) {
      const bool worked =
          attempt.purpose == Purpose::kExecute && IsTerminal(attempt.state) &&
          attempt.start_time != absl::InfinitePast() && !WasNotLetBegin(attempt) &&
          (attempt.state == AttemptState::kSucceeded || ReportedStatement(job, task));
      // An end in the future is one before the clock was set back: nobody knows how long ago.
      if (worked && absl::AbsDuration(now - attempt.end_time) <= kLongestBreak) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<std::string> JobFlow::PolicyDigestNow(ReadTx& tx,
                                                     const std::string& environment) const {
  ASSIGN_OR_RETURN(const Environment stored, tx.GetEnvironment(environment));
  std::shared_ptr<const ApprovalBook> book;
  if (approvals_ != nullptr) {
    ASSIGN_OR_RETURN(book, approvals_(tx));
  }
  return PolicyDigest(stored.name, stored.policy, book.get());
}

absl::Status JobFlow::AddApprovals(ReadTx& tx, absl::Span<const Task> tasks,
                                   PolicyInput* input) const {
  const Job& job = input->job;
  // Both only take approvals away. Who depends on whom takes a look at all users and their tokens.
  if (!job.approvals.empty()) {
    ASSIGN_OR_RETURN(input->dependent_approvers, dependents_(tx, job.requester));
    RETURN_IF_ERROR(AddApprovers(tx, input));
  }
  if (job.kind != JobKind::kMigrate) return absl::OkStatus();
  if (waiver_ != nullptr) {
    ASSIGN_OR_RETURN(input->waiver, waiver_(tx, job.id));
  }
  if (approvals_ == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(input->approval_book, approvals_(tx));
  if (!LooksAtTargets(*input->approval_book, job.environment)) return absl::OkStatus();
  const bool begun = job.state != JobState::kPlanning && job.state != JobState::kAwaitingApproval &&
                     job.state != JobState::kReady;
  if (begun) return AddTraits(tx, tasks, input);
  ASSIGN_OR_RETURN(const std::vector<Task> all, tx.TasksOfJob(job.id));
  return AddTraits(tx, all, input);
}

absl::StatusOr<PolicyDecision> JobFlow::EvaluatePolicy(ReadTx& tx, const Job& job,
                                                       absl::Time now) const {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  return EvaluatePolicyOn(tx, job, tasks, now);
}

absl::StatusOr<std::shared_ptr<const WindowBook>> JobFlow::Windows(ReadTx& tx) const {
  return windows_ == nullptr ? nullptr : windows_(tx);
}

absl::Status JobFlow::AddTargets(ReadTx& tx, absl::Span<const Task> tasks,
                                 PolicyInput* input) const {
  const Job& job = input->job;
  absl::StatusOr<std::shared_ptr<const WindowBook>> windows_now = nullptr;
  if (WindowsCount(job)) windows_now = Windows(tx);
  // Not even one that cannot be read may keep an outcome from being stored: it blocks what waits.
  const bool unreadable = absl::IsDataLoss(windows_now.status());
  if (!windows_now.ok() && !unreadable) return windows_now.status();
  if (unreadable) input->windows_unreadable = std::string(windows_now.status().message());
  const WindowBook* const book = unreadable ? nullptr : windows_now->get();
  const bool promotion_counts = PromotionCounts(job, input->policy);
  const bool backups_count = BackupsCount(job, input->policy);
  for (const Task& task : tasks) {
    if (IsTerminal(task.state)) continue;
    if (promotion_counts && !task.plan_blob.empty()) {
      ASSIGN_OR_RETURN(const work::v1::Plan plan, ParsePlan(task));
      input->versions.insert(plan.versions().begin(), plan.versions().end());
    }
    PolicyInput::Target& target = input->targets.emplace_back();
    target.name = task.Target();
    target.instance_id = task.instance_id;
    target.database = task.database;
    target.estimated_rows = PlannedRows(task);
    const bool windows_count = book != nullptr && !book->empty();
    if (!windows_count && !backups_count) continue;
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(task.instance_id));
    if (windows_count) target.windows = book->For(job.environment, instance.labels);
    if (!backups_count) continue;
    target.agent_id = instance.agent_id;
    target.endpoint = instance.endpoint;
    ASSIGN_OR_RETURN(const std::vector<Backup> backups, tx.VerifiedBackups(task.instance_id));
    target.verified_backup = NewestCovering(backups, target);
    if (!target.verified_backup.has_value() ||
        target.verified_backup->agent_id != target.agent_id ||
        target.verified_backup->endpoint != target.endpoint) {
      ASSIGN_OR_RETURN(const std::optional<Backup> gone, NewestGone(tx, *input, target));
      if (gone.has_value()) target.verified_backup = gone;
    }
  }
  return job.queue.window.empty() ? absl::OkStatus() : AddQueue(tx, tasks, book, input);
}

absl::StatusOr<PolicyDecision> JobFlow::EvaluateAlone(ReadTx& tx, const Job& job,
                                                      absl::Span<const Task> tasks, absl::Time now,
                                                      PolicyInput* input) const {
  input->job = job;
  input->now = now;
  ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(job.environment));
  input->policy = environment.policy;
  RETURN_IF_ERROR(AddApprovals(tx, tasks, input));
  if (!job.rollback_of.empty()) {
    ASSIGN_OR_RETURN(const std::vector<Task> originals, tx.TasksOfJob(job.rollback_of));
    input->mends_failure = NeedsMending(originals);
    if (IsAutomaticRollback(job)) {
      PolicyInput original;
      ASSIGN_OR_RETURN(original.job, tx.GetJob(job.rollback_of));
      ASSIGN_OR_RETURN(original.dependent_approvers, dependents_(tx, original.job.requester));
      RETURN_IF_ERROR(AddApprovers(tx, &original));
      input->approved_with_change = ApproversOfPlan(original);
    }
  }
  RETURN_IF_ERROR(AddTargets(tx, tasks, input));
  if (PromotionCounts(job, input->policy)) {
    RETURN_IF_ERROR(ReadPromotion(tx, past_changes_, input));
  }
  PolicyDecision decision = Evaluate(*input);
  if (decision.Closed() && !job.window.empty() && job.overrun == Overrun::kFinish) {
    ASSIGN_OR_RETURN(input->goes_on, GoesOn(tx, job, now));
    if (input->goes_on) decision = Evaluate(*input);
  }
  return decision;
}

absl::StatusOr<PolicyDecision> JobFlow::EvaluatePolicyOn(ReadTx& tx, const Job& job,
                                                         absl::Span<const Task> tasks,
                                                         absl::Time now, QueueReadings* readings,
                                                         bool ahead) const {
  PolicyInput input;
  input.ahead = ahead;
  ASSIGN_OR_RETURN(PolicyDecision decision, EvaluateAlone(tx, job, tasks, now, &input));
  QueueReadings own;
  if (readings == nullptr) readings = &own;
  if (input.queue.under_way && !input.goes_on) {
    ASSIGN_OR_RETURN(const bool lost, HasLostPlace(tx, input, readings));
    input.queue.under_way = !lost;
  }
  if (!job.queue.window.empty() && !input.queue.under_way && !input.goes_on) {
    RETURN_IF_ERROR(AddOthers(tx, decision, readings, &input));
    decision = Evaluate(input);
  }
  // The digest covers the policy under which it was made; another policy means another digest.
  if (PolicyChanged(input)) {
    const bool begun = job.state == JobState::kRolling || job.state == JobState::kPaused;
    decision.blockers.push_back(
        {"policy-changed",
         absl::StrCat("the environment's policy changed after the plan was made; ",
                      begun ? "as a part of it is done, cancel it and submit it again for the rest"
                            : "it is planned again"),
         false});
  }
  ASSIGN_OR_RETURN(const std::string too_old, WhyAgentsAreTooOld(tx, input, decision));
  if (!too_old.empty()) decision.blockers.push_back({"agent-too-old", too_old, false});
  return decision;
}

}  // namespace dbfleet::controller
