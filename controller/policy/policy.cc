#include "controller/policy/policy.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/canonical.h"
#include "common/base/duration_text.h"
#include "common/base/hash.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
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

bool Covers(const Backup& backup, const PolicyInput::Target& target) {
  if (backup.instance_id != target.instance_id) return false;
  if (target.database.empty()) return backup.databases.empty();
  return std::find(backup.databases.begin(), backup.databases.end(), target.database) !=
         backup.databases.end();
}

// Why it is not of the server behind the target; "" if it is. A name does not say that: it may be
// given to another server, whose data nobody has backed up.
std::string WhyOtherServer(const Backup& backup, const PolicyInput::Target& target) {
  if (backup.agent_id == target.agent_id && backup.endpoint == target.endpoint) return "";
  if (backup.agent_id.empty()) {
    return absl::StrCat("backups/", backup.id, " does not tell of which server it is");
  }
  return absl::StrCat("backups/", backup.id, " is of another server (agents/", backup.agent_id,
                      ", ", backup.endpoint, ")");
}

// Why the target's backup does not do; "" if it does. `not_before` is what a fresh one must follow.
std::string WhyBackupFails(const PolicyInput& input, const PolicyInput::Target& target,
                           absl::Time not_before, bool after_approvals) {
  if (!target.verified_backup.has_value()) return "there is none";
  const Backup& backup = *target.verified_backup;
  if (backup.IsGone()) {
    return absl::StrCat("backups/", backup.id, " is gone, ", backup.error_message,
                        "; should its files come back: dbfleet backup verify ", backup.id);
  }
  if (backup.state != Backup::State::kComplete || backup.verified_level < 1) {
    return absl::StrCat("backups/", backup.id, " is not verified");
  }
  if (!Covers(backup, target)) return absl::StrCat("backups/", backup.id, " does not cover it");
  if (std::string why = WhyOtherServer(backup, target); !why.empty()) return why;
  if (backup.snapshot_time > input.now + kClockSkew) {
    return absl::StrCat("backups/", backup.id, " has a snapshot time in the future");
  }
  // Its moment and not its age: the words stay the same while somebody waits.
  if (input.now - backup.snapshot_time >= input.policy.verified_backup_max_age) {
    return absl::StrCat("backups/", backup.id, " is of ", Moment(backup.snapshot_time));
  }
  if (input.job.backup_gate == BackupGate::kFresh && backup.snapshot_time <= not_before) {
    return absl::StrCat("backups/", backup.id, " is older than ",
                        after_approvals ? "the approval, after which a fresh one was asked for"
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

// Rules that somebody waived for this very plan; null if nobody did.
const Waiver* WaiverOf(const PolicyInput& input) {
  const bool holds = input.waiver.has_value() && !input.job.digest.empty() &&
                     input.waiver->digest == input.job.digest &&
                     input.now < input.waiver->expire_time;
  return holds ? &*input.waiver : nullptr;
}

bool Waives(const PolicyInput& input, absl::string_view rule) {
  const Waiver* const waiver = WaiverOf(input);
  const auto& waivable = WaivableRules();
  return waiver != nullptr && std::find(waivable.begin(), waivable.end(), rule) != waivable.end() &&
         std::find(waiver->rules.begin(), waiver->rules.end(), rule) != waiver->rules.end();
}

void CheckBackups(const PolicyInput& input, const ApprovalState& approvals,
                  std::vector<PolicyBlocker>* blockers) {
  if (!BackupsCount(input.job, input.policy)) return;
  const absl::Duration max_age = input.policy.verified_backup_max_age;
  absl::Time not_before = input.job.create_time;
  if (approvals.Needed()) {
    // Before the approvals are there, no backup can be later than them.
    not_before = approvals.Enough()           ? approvals.last_decide_time
                 : Waives(input, "approvals") ? input.waiver->create_time
                                              : absl::InfiniteFuture();
  }
  std::vector<std::string> missing;
  for (const PolicyInput::Target& target : input.targets) {
    const std::string why = WhyBackupFails(input, target, not_before, approvals.Needed());
    if (!why.empty()) missing.push_back(absl::StrCat(target.name, " (", why, ")"));
  }
  if (input.targets.empty()) missing.push_back("the job (it names no target)");
  if (missing.empty()) return;
  blockers->push_back(
      {"verified-backup",
       absl::StrCat("a schema change in ", input.job.environment,
                    " needs a verified backup younger than ", DurationText(max_age),
                    "; missing for ", Some(missing), "; ", BackupAdvice(input.job.backup_gate)),
       false});
}

void WriteApprovalPolicy(const ApprovalPolicy& policy, CanonicalWriter* writer) {
  writer->Text(policy.name).List(policy.environments).Map(policy.labels);
  writer->Bool(policy.only_destructive)
      .Int(policy.schema_changes.has_value() ? (*policy.schema_changes ? 1 : 0) : -1)
      .Bool(policy.changes)
      .Bool(policy.rollbacks)
      .Int(static_cast<int64_t>(policy.findings))
      .Bool(policy.distinct)
      .Int(absl::ToInt64Nanoseconds(policy.ttl))
      .Bool(policy.reason_required)
      .Begin(policy.requirements.size());
  for (const ApprovalRequirement& requirement : policy.requirements) {
    std::vector<std::string> roles;
    for (const Role role : requirement.roles) roles.emplace_back(NameOf(role));
    writer->Text(requirement.name).Int(requirement.count).List(roles).List(requirement.users);
  }
}

// Who paused it, in which words, is known before any rule is asked; nobody waives that.
void CheckPaused(const PolicyInput& input, std::vector<PolicyBlocker>* blockers) {
  if (!IsHeld(input.job)) return;
  absl::string_view who = input.job.error_message;
  absl::ConsumePrefix(&who, "paused ");
  blockers->push_back({"paused",
                       absl::StrCat(who,
                                    "; it does not begin until somebody resumes it: "
                                    "dbfleet job resume ",
                                    input.job.id),
                       false});
}

// A waived rule does not merely go unsaid: under a freeze nobody asks whether a window is open, so
// a waiver of the freeze alone has to bring that question back.
void CheckTimes(const PolicyInput& input, PolicyDecision* decision) {
  const bool no_window = Waives(input, "window"), no_freeze = Waives(input, "freeze");
  PolicyDecision as_declared = *decision;
  CheckWindows(input, {}, &as_declared);
  const bool frozen = as_declared.BlockedBy("freeze");
  if ((!no_window && !no_freeze) || (!frozen && !as_declared.BlockedBy("window"))) {
    *decision = std::move(as_declared);
    return;
  }
  PolicyDecision unfrozen = *decision;
  const absl::Time until = input.waiver->expire_time;
  CheckWindows(input, {false, no_freeze, until}, &unfrozen);
  CheckWindows(input, {no_window, no_freeze, until}, decision);
  if (no_freeze && frozen) decision->waived.push_back("freeze");
  if (no_window && unfrozen.BlockedBy("window")) decision->waived.push_back("window");
}

// After the other times, which may close earlier than its window.
void CheckTurn(const PolicyInput& input, PolicyDecision* decision) {
  if (input.job.queue.window.empty()) return;
  PolicyDecision in_turn = *decision;
  in_turn.by_turn = !Waives(input, "window-queue");
  CheckQueue(input, &in_turn);
  if (in_turn.BlockedBy("window-queue") && !in_turn.by_turn) {
    decision->waived.push_back("window-queue");
  } else {
    *decision = std::move(in_turn);
  }
}

// After all times. Somebody who waives its window means that what runs in it goes on behind its
// end; of what is queued that is the window that carries it, by its own rule.
void SetStepsUntil(const PolicyInput& input, PolicyDecision* decision) {
  decision->steps_until = decision->window_closes;
  const bool waived =
      Waives(input, "window") && (input.job.queue.window.empty() || Waives(input, "window-queue"));
  if (!waived) return;
  const bool open = decision->window_closes != absl::InfiniteFuture();
  if (open && decision->window_closes >= input.waiver->expire_time) return;
  decision->steps_until = input.waiver->expire_time;
  decision->outlasted_by = input.waiver->principal;
}

void TakeAwayWaived(const PolicyInput& input, PolicyDecision* decision) {
  const bool some = Waives(input, "approvals") &&
                    std::erase_if(decision->blockers, [](const PolicyBlocker& blocker) {
                      return !blocker.final && blocker.rule == "approvals";
                    }) > 0;
  if (some) decision->waived.push_back("approvals");
  if (!decision->waived.empty()) {
    decision->closes = std::min(decision->closes, input.waiver->expire_time);
  }
}

// On what it rests that the rules do not block, for the record.
void NoteBasis(const PolicyInput& input, PolicyDecision* decision) {
  if (BackupsCount(input.job, input.policy) && !decision->BlockedBy("verified-backup")) {
    for (const PolicyInput::Target& target : input.targets) {
      decision->backups.push_back(target.verified_backup->id);
    }
  }
  if (PromotionCounts(input.job, input.policy) && !decision->BlockedBy("promotion")) {
    decision->promoted_by = input.promotion.job;
  }
  const int demanded = input.policy.destructive_approvals;
  decision->approved_with_change =
      IsDestructive(input.job) && demanded > 0 && input.approved_with_change >= demanded;
  if (!decision->waived.empty()) decision->waived_by = input.waiver->principal;
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

bool PolicyDecision::Closed() const {
  return BlockedBy("window") || (BlockedBy("window-queue") && !out_of_turn);
}

bool PolicyDecision::BlockedByTime() const {
  return BlockedBy("window") || BlockedBy("freeze") || BlockedBy("window-queue");
}

bool WindowsCount(const Job& job) {
  return job.kind == JobKind::kMigrate || !job.queue.window.empty();
}

bool NeedsMending(absl::Span<const Task> tasks) {
  return std::any_of(tasks.begin(), tasks.end(), [](const Task& task) {
    // What was cut short by its time and taken back whole is as it was.
    return task.state == TaskState::kFailed || IsFailure(task);
  });
}

bool WaitsForTimeAndBackup(const PolicyDecision& decision) {
  return std::all_of(decision.blockers.begin(), decision.blockers.end(), [](const auto& blocker) {
    return blocker.rule == "window" || blocker.rule == "freeze" || blocker.rule == "window-queue" ||
           blocker.rule == "verified-backup" || blocker.rule == "agent-too-old";
  });
}

bool BackupsCount(const Job& job, const EnvironmentPolicy& policy) {
  return job.schema_change && policy.verified_backup_max_age > absl::ZeroDuration();
}

absl::Span<const absl::string_view> PolicyRules() {
  static constexpr absl::string_view kRules[] = {
      "destructive-consent", "rollback-plan", "promotion", "approvals",
      "verified-backup",     "window",        "freeze",    "window-queue"};
  return kRules;
}

PolicyDecision Evaluate(const PolicyInput& input) {
  PolicyDecision decision;
  ApprovalState approvals = CountApprovals(input);
  CheckPaused(input, &decision.blockers);
  CheckConsent(input, &decision.blockers);
  CheckRollbackPlan(input, &decision.blockers);
  CheckPromotion(input, &decision.blockers);
  CheckApprovals(input, approvals, &decision.blockers);
  CheckBackups(input, approvals, &decision.blockers);
  CheckTimes(input, &decision);
  CheckTurn(input, &decision);
  SetStepsUntil(input, &decision);
  TakeAwayWaived(input, &decision);
  NoteBasis(input, &decision);
  decision.counted = std::move(approvals.counted);
  if (!approvals.Enough() && decision.BlockedBy("approvals") && !decision.refused()) {
    decision.open_quorum = std::move(approvals.quorum);
  }
  decision.approval_ttl = approvals.ttl;
  decision.reason_required = approvals.reason_required;
  return decision;
}

EnvironmentPolicy DefaultPolicy(absl::string_view environment) {
  EnvironmentPolicy policy;
  policy.approval_ttl = absl::Hours(24);
  policy.verified_backup_max_age = absl::Hours(24);
  policy.destructive_consent = true;
  if (environment == "development") return policy;
  if (environment == "qa") {
    policy.promotion = {"development", absl::Hours(24 * 30), false};
    return policy;
  }
  // An environment that nobody described is treated like production, not like a playground; only
  // what comes before it is unknown.
  policy.destructive_approvals = 1;
  policy.window_for = WindowFor::kDestructive;
  if (environment == "production") policy.promotion = {"qa", absl::Hours(24 * 30), true};
  return policy;
}

absl::Span<const absl::string_view> WaivableRules() {
  static constexpr absl::string_view kRules[] = {"approvals", "window", "freeze", "window-queue"};
  return kRules;
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

std::string PolicyDigest(absl::string_view environment, const EnvironmentPolicy& policy,
                         const ApprovalBook* book) {
  const std::string alone = PolicyDigest(environment, policy);
  if (book == nullptr) return alone;
  CanonicalWriter writer("dbfleet.policy.approvals.v1");
  writer.Text(alone).Text(book->unreadable);
  bool any = !book->unreadable.empty();
  for (const ApprovalPolicy& one : book->policies) {
    if (!one.Covers(environment)) continue;
    any = true;
    WriteApprovalPolicy(one, &writer);
  }
  return any ? Sha256Hex(writer.bytes()) : alone;
}

bool PolicyChanged(const PolicyInput& input) {
  const Job& job = input.job;
  if (job.policy_digest.empty()) return false;
  return job.policy_digest !=
         PolicyDigest(job.environment, input.policy, input.approval_book.get());
}

}  // namespace dbfleet::controller
