#include "controller/policy/policy.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/plan/estimate.h"
#include "controller/domain/names.h"
#include "controller/policy/rules.h"

namespace dbfleet::controller {

std::string Moment(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

bool IsDestructive(const Job& job) {
  if (job.safety != SafetyClass::kUnspecified) return job.safety == SafetyClass::kDestructive;
  return job.kind == JobKind::kInspect || job.kind == JobKind::kMigrate;
}

// "a, b, c and 7 more".
std::string Some(const std::vector<std::string>& names) {
  constexpr size_t kShown = 5;
  if (names.size() <= kShown) return absl::StrJoin(names, ", ");
  const auto end = names.begin() + kShown;
  return absl::StrCat(absl::StrJoin(names.begin(), end, ", "), " and ", names.size() - kShown,
                      " more");
}

namespace {

// Clocks of agents may be this far ahead; a larger skew stops Grants anyway (docs/architecture.md).
constexpr absl::Duration kClockSkew = absl::Seconds(30);

bool NeedsApprovals(const PolicyInput& input) {
  return IsDestructive(input.job) && input.policy.destructive_approvals > 0;
}

// Why the approval does not hold for what would be touched now; "" if it does.
std::string WhyOutgrown(const PolicyInput& input, const Approval& approval) {
  for (const PolicyInput::Target& target : input.targets) {
    const auto seen = approval.rows.find(target.name);
    if (seen == approval.rows.end()) {
      return absl::StrCat("approved without a record of the rows of ", target.name);
    }
    if (!EstimateGrown(seen->second, target.estimated_rows)) continue;
    return absl::StrCat("approved some ", seen->second, " rows of ", target.name,
                        ", by now estimated at ", target.estimated_rows,
                        ", which is beyond twice as many");
  }
  return "";
}

struct ApprovalCount {
  std::vector<Approval> counted;
  std::set<std::string> principals;
  absl::Time last_decide_time = absl::InfinitePast();
  std::vector<std::string> ignored;  // Why the others do not count.
};

// Why this approval does not count; "" if it does.
std::string WhyIgnored(const PolicyInput& input, const Approval& approval) {
  const Job& job = input.job;
  const auto& dependent = input.dependent_approvers;
  if (approval.principal == job.requester) return "made the request";
  if (!absl::StartsWith(approval.principal, "users/")) return "is not a person";
  if (std::find(dependent.begin(), dependent.end(), approval.principal) != dependent.end()) {
    return "has an account, role or token from the requester";
  }
  const auto& former = input.former_approvers;
  if (std::find(former.begin(), former.end(), approval.principal) != former.end()) {
    return "is no approver any more";
  }
  if (job.digest.empty() || approval.digest != job.digest) return "approved another plan";
  if (approval.expire_time <= input.now) {
    return absl::StrCat("approved until ", Moment(approval.expire_time));
  }
  return WhyOutgrown(input, approval);
}

ApprovalCount CountApprovals(const PolicyInput& input) {
  ApprovalCount count;
  for (const Approval& approval : input.job.approvals) {
    if (!approval.approved) continue;
    const std::string why = WhyIgnored(input, approval);
    if (!why.empty()) {
      count.ignored.push_back(absl::StrCat(approval.principal, " ", why));
      continue;
    }
    count.counted.push_back(approval);
    count.principals.insert(approval.principal);
    count.last_decide_time = std::max(count.last_decide_time, approval.decide_time);
  }
  return count;
}

void CheckConsent(const PolicyInput& input, std::vector<PolicyBlocker>* blockers) {
  if (!IsDestructive(input.job) || !input.policy.destructive_consent ||
      input.job.approve_destructive) {
    return;
  }
  blockers->push_back({"destructive-consent",
                       absl::StrCat("this work is destructive and ", input.job.environment,
                                    " wants the requester's consent; ", input.job.requester,
                                    " can submit it again with --approve-destructive"),
                       true});
}

void CheckRollbackPlan(const PolicyInput& input, std::vector<PolicyBlocker>* blockers) {
  if (input.job.kind != JobKind::kMigrate || input.job.has_rollback) return;
  blockers->push_back({"rollback-plan",
                       absl::StrCat("a step has no rollback; ", input.job.requester,
                                    " can add the down file, or declare the version irreversible "
                                    "with a reason, and submit it again"),
                       true});
}

void CheckApprovals(const PolicyInput& input, const ApprovalCount& count,
                    std::vector<PolicyBlocker>* blockers) {
  for (const Approval& approval : input.job.approvals) {
    if (approval.approved) continue;
    blockers->push_back(
        {"approvals",
         absl::StrCat(approval.principal, " rejected it", approval.reason.empty() ? "" : ": ",
                      approval.reason, "; a new request is needed"),
         true});
    return;
  }
  if (!NeedsApprovals(input)) return;
  const int needed = input.policy.destructive_approvals;
  const int have = static_cast<int>(count.principals.size());
  if (have >= needed) return;
  std::string message =
      absl::StrCat(have, " of ", needed, needed == 1 ? " approval" : " approvals",
                   "; missing: a user with the role approver, not ", input.job.requester,
                   " who made the request, nor one with an account, role or token from there");
  if (!count.ignored.empty()) {
    absl::StrAppend(&message, " (not counted: ", absl::StrJoin(count.ignored, ", "), ")");
  }
  blockers->push_back({"approvals", message, false});
}

bool Covers(const Backup& backup, const PolicyInput::Target& target) {
  if (backup.instance_id != target.instance_id) return false;
  if (target.database.empty()) return backup.databases.empty();
  return std::find(backup.databases.begin(), backup.databases.end(), target.database) !=
         backup.databases.end();
}

// Why the target's backup does not do; "" if it does. `not_before` is what a fresh one must follow.
std::string WhyBackupFails(const PolicyInput& input, const PolicyInput::Target& target,
                           absl::Time not_before) {
  if (!target.verified_backup.has_value()) return "there is none";
  const Backup& backup = *target.verified_backup;
  if (backup.state != Backup::State::kComplete || backup.verified_level < 1) {
    return absl::StrCat("backups/", backup.id, " is not verified");
  }
  if (!Covers(backup, target)) return absl::StrCat("backups/", backup.id, " does not cover it");
  if (backup.snapshot_time > input.now + kClockSkew) {
    return absl::StrCat("backups/", backup.id, " has a snapshot time in the future");
  }
  // Its moment and not its age: the words stay the same while somebody waits.
  if (input.now - backup.snapshot_time >= input.policy.verified_backup_max_age) {
    return absl::StrCat("backups/", backup.id, " is of ", Moment(backup.snapshot_time));
  }
  if (input.job.backup_gate == BackupGate::kFresh && backup.snapshot_time <= not_before) {
    return absl::StrCat("backups/", backup.id, " is older than ",
                        NeedsApprovals(input)
                            ? "the approval, after which a fresh one was asked for"
                            : "the request, which asks for a fresh one");
  }
  return "";
}

absl::string_view BackupAdvice(BackupGate gate) {
  switch (gate) {
    case BackupGate::kAuto:
      return "one is taken and verified before the change starts";
    case BackupGate::kFresh:
      return "a fresh one is taken and verified after the approvals, before the change starts";
    case BackupGate::kExisting:
      break;
  }
  return "an operator can take and verify one: dbfleet backup run, dbfleet backup verify";
}

void CheckBackups(const PolicyInput& input, const ApprovalCount& count,
                  std::vector<PolicyBlocker>* blockers) {
  if (!BackupsCount(input.job, input.policy)) return;
  const absl::Duration max_age = input.policy.verified_backup_max_age;
  absl::Time not_before = input.job.create_time;
  if (NeedsApprovals(input)) {
    // Before the approvals are there, no backup can be later than them.
    const bool complete =
        static_cast<int>(count.principals.size()) >= input.policy.destructive_approvals;
    not_before = complete ? count.last_decide_time : absl::InfiniteFuture();
  }
  std::vector<std::string> missing;
  for (const PolicyInput::Target& target : input.targets) {
    const std::string why = WhyBackupFails(input, target, not_before);
    if (!why.empty()) missing.push_back(absl::StrCat(target.name, " (", why, ")"));
  }
  if (input.targets.empty()) missing.push_back("the job (it names no target)");
  if (missing.empty()) return;
  blockers->push_back(
      {"verified-backup",
       absl::StrCat("a schema change in ", input.job.environment,
                    " needs a verified backup younger than ", absl::FormatDuration(max_age),
                    "; missing for ", absl::StrJoin(missing, ", "), "; ",
                    BackupAdvice(input.job.backup_gate)),
       false});
}

}  // namespace

bool PolicyDecision::refused() const {
  return std::any_of(blockers.begin(), blockers.end(),
                     [](const PolicyBlocker& blocker) { return blocker.final; });
}

bool PolicyDecision::BlockedBy(absl::string_view rule) const {
  return std::any_of(blockers.begin(), blockers.end(),
                     [&](const PolicyBlocker& blocker) { return blocker.rule == rule; });
}

bool PolicyDecision::Counts(absl::string_view principal) const {
  return std::any_of(counted.begin(), counted.end(),
                     [&](const Approval& approval) { return approval.principal == principal; });
}

std::string PolicyDecision::Words() const {
  return absl::StrJoin(blockers, "; ", [](std::string* out, const PolicyBlocker& blocker) {
    absl::StrAppend(out, blocker.rule, ": ", blocker.message);
  });
}

bool WindowsCount(const Job& job) { return job.kind == JobKind::kMigrate; }

bool NeedsMending(absl::Span<const Task> tasks) {
  return std::any_of(tasks.begin(), tasks.end(), [](const Task& task) {
    return task.state == TaskState::kFailed || task.state == TaskState::kRolledBack;
  });
}

bool WaitsForTimeAndBackup(const PolicyDecision& decision) {
  return std::all_of(decision.blockers.begin(), decision.blockers.end(), [](const auto& blocker) {
    return blocker.rule == "window" || blocker.rule == "freeze" ||
           blocker.rule == "verified-backup";
  });
}

bool BackupsCount(const Job& job, const EnvironmentPolicy& policy) {
  return job.schema_change && policy.verified_backup_max_age > absl::ZeroDuration();
}

absl::Span<const absl::string_view> PolicyRules() {
  static constexpr absl::string_view kRules[] = {
      "destructive-consent", "rollback-plan", "promotion", "approvals",
      "verified-backup",     "window",        "freeze"};
  return kRules;
}

PolicyDecision Evaluate(const PolicyInput& input) {
  PolicyDecision decision;
  ApprovalCount count = CountApprovals(input);
  CheckConsent(input, &decision.blockers);
  CheckRollbackPlan(input, &decision.blockers);
  CheckPromotion(input, &decision.blockers);
  CheckApprovals(input, count, &decision.blockers);
  CheckBackups(input, count, &decision.blockers);
  CheckWindows(input, &decision);
  decision.counted = std::move(count.counted);
  return decision;
}

EnvironmentPolicy DefaultPolicy(absl::string_view environment) {
  EnvironmentPolicy policy;
  policy.approval_ttl = absl::Hours(24);
  policy.verified_backup_max_age = absl::Hours(24);
  policy.destructive_consent = true;
  // An environment that nobody described is treated like production, not like a playground.
  policy.destructive_approvals = environment == "development" || environment == "qa" ? 0 : 1;
  return policy;
}

std::string PolicyDigest(absl::string_view environment, const EnvironmentPolicy& policy) {
  CanonicalWriter writer("dbfleet.policy.v1");
  writer.Text(environment)
      .Int(policy.destructive_approvals)
      .Int(absl::ToInt64Nanoseconds(policy.verified_backup_max_age))
      .Int(absl::ToInt64Nanoseconds(policy.approval_ttl))
      .Bool(policy.destructive_consent);
  // Left out where it demands nothing, so that plans from before there were windows keep their
  // digests.
  if (policy.window_for != WindowFor::kNone) writer.Text(NameOf(policy.window_for));
  if (!policy.promotion.from.empty()) {
    writer.Text("promotion")
        .Text(policy.promotion.from)
        .Int(absl::ToInt64Nanoseconds(policy.promotion.within))
        .Bool(policy.promotion.rehearsal);
  }
  return Sha256Hex(writer.bytes());
}

}  // namespace dbfleet::controller
