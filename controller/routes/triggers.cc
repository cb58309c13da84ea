#include "controller/routes/triggers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace dbfleet::controller {
namespace {

constexpr TriggerInfo kTriggers[] = {
    {"approval-needed", "a change is planned and waits for approvals", true},
    {"approved", "somebody approved a change, or a proposal", false},
    {"started", "a job has begun: its first target was given leave to start", false},
    {"succeeded", "a job ended well", true},
    {"slower-than-usual",
     "a backup or a verification ended well, but took more than twice as long as it usually does",
     false},
    {"failed", "a job ended otherwise: failed, partly done, rolled back, refused or expired", true},
    {"cancelled", "a job was cancelled or rejected", true},
    {"needs-person", "nobody can say what took effect on a target; once for each target", true},
    {"paused", "a job was paused, by a person or by the policy", true},
    {"rollback-refused", "a change failed, and could not be rolled back by itself", true},
    {"health-change", "an instance became critical or unreachable, or is well again", true},
    {"check-failed",
     "a check found its instance critical or out of reach, or could not find out how it is", false},
    {"agent-lost", "an agent's connection ended", true},
    {"agent-connected", "an agent connected", true},
    {"agent-quarantined", "an agent was shut out because of what it reported", true},
    {"backup-suspect", "a backup was found unsound, or its files gone", true},
    {"window-opened", "a maintenance window or a freeze began", false},
    {"window-closed", "a maintenance window or a freeze ended", false},
    {"window-changed", "the end of an open maintenance window or freeze was moved", false},
    {"schedule-missed", "a scheduled run did not take place", false},
    {"break-glass", "rules were waived for a change in an emergency, or that was reviewed", false},
    {"job-proposed", "a job that a rule proposes waits for somebody to accept or decline it", true},
    {"rules-proposed", "a change that would loosen a policy waits for its quorum", true},
    {"rules-changed", "an environment or another declared resource was created, changed or deleted",
     false},
    {"accounts-changed", "users, their roles or their tokens were changed", false},
    {"access-denied",
     "somebody was refused a call for want of a role, or used a token that counts no more", false},
    {"witness-alarm", "an agent says that the audit trail was altered", true},
    {"recovery-demanded", "the controller does not know what was done lately and hands out nothing",
     true},
    {"notification-failed", "a notification was given up; other routes' only", false},
};

struct Rule {
  absl::string_view action;
  absl::string_view trigger;
  Meaning meaning;
  absl::string_view words;
  // The record is meant only where this detail has this value; "" for any record.
  absl::string_view detail = "";
  absl::string_view value = "";
  // And where this is why, as its detail "reason" says.
  absl::string_view reason = "";
};

// The first that fits.
constexpr Rule kRules[] = {
    {"job.planned", "approval-needed", Meaning::kTrouble, "needs approval", "waits_for",
     "approvals"},
    {"job.state", "approval-needed", Meaning::kTrouble, "needs approval", "state",
     "awaiting_approval"},
    {"job.state", "", Meaning::kRelief, "needs approval no more", "state", "ready"},
    {"job.replan", "", Meaning::kRelief, "is planned again"},
    {"change.approve", "approved", Meaning::kNews, "was approved"},
    {"attempt.grant", "started", Meaning::kNews, "has started", "begins", "job"},
    {"job.end", "succeeded", Meaning::kRelief, "succeeded", "state", "succeeded"},
    {"job.end", "cancelled", Meaning::kRelief, "was cancelled", "state", "cancelled"},
    {"job.end", "cancelled", Meaning::kRelief, "was rejected", "state", "rejected"},
    {"job.end", "cancelled", Meaning::kRelief, "was cancelled when a part of it was done", "state",
     "partial", "CANCELLED"},
    {"job.end", "failed", Meaning::kTrouble, "succeeded on some targets only", "state", "partial"},
    {"job.end", "failed", Meaning::kTrouble, "failed and was rolled back", "state", "rolled_back"},
    {"job.end", "failed", Meaning::kTrouble, "was refused by the policy", "state", "refused"},
    {"job.end", "failed", Meaning::kTrouble, "expired before it began", "state", "expired"},
    {"job.end", "failed", Meaning::kTrouble, "failed"},
    {"job.needs_person", "needs-person", Meaning::kTrouble, "needs a person"},
    {"job.resolve", "", Meaning::kRelief, "was looked at by a person"},
    {"job.pause", "paused", Meaning::kTrouble, "was paused"},
    {"job.resume", "", Meaning::kRelief, "goes on"},
    {"backup.verification", "backup-suspect", Meaning::kTrouble, "is suspect", "state", "suspect"},
    {"backup.verification", "backup-suspect", Meaning::kTrouble, "is gone", "state", "gone"},
    {"backup.verification", "", Meaning::kRelief, "is sound", "state", "complete"},
    {"backup.gone", "backup-suspect", Meaning::kTrouble, "is gone"},
    {"instance.health", "health-change", Meaning::kRelief, "is well again", "status", "ok"},
    {"instance.health", "health-change", Meaning::kTrouble, "is in trouble"},
    {"check.failed", "check-failed", Meaning::kNews, "found trouble"},
    {"agent.quarantine", "agent-quarantined", Meaning::kTrouble, "was shut out"},
    {"agent.disconnect", "agent-lost", Meaning::kTrouble, "is not connected any more"},
    {"agent.connect", "agent-connected", Meaning::kRelief, "is connected"},
    {"window.open", "window-opened", Meaning::kNews, "has begun"},
    {"window.close", "window-closed", Meaning::kNews, "is over"},
    {"window.extend", "window-changed", Meaning::kNews, "ends later"},
    {"window.shorten", "window-changed", Meaning::kNews, "ends earlier"},
    {"schedule.skip", "schedule-missed", Meaning::kNews, "did not run"},
    {"schedule.refuse", "schedule-missed", Meaning::kNews, "could not run"},
    {"change.break_glass", "break-glass", Meaning::kNews,
     "had something waived for it behind broken glass"},
    {"change.end_break_glass", "break-glass", Meaning::kNews,
     "has nothing waived for it any more: its broken glass was ended"},
    {"change.review_break_glass", "break-glass", Meaning::kNews, "had its broken glass reviewed"},
    {"change.break_glass_refused", "access-denied", Meaning::kNews,
     "was asked for behind broken glass, which nobody allows"},
    {"change.rollback_refused", "rollback-refused", Meaning::kTrouble,
     "could not be rolled back by itself"},
    {"rule.proposed", "job-proposed", Meaning::kTrouble, "waits to be accepted", "mode", "ask"},
    {"rule.accepted", "job-proposed", Meaning::kRelief, "was accepted"},
    {"rule.declined", "job-proposed", Meaning::kRelief, "was declined"},
    {"rule.expired", "job-proposed", Meaning::kRelief, "expired"},
    {"rule.cancelled", "job-proposed", Meaning::kRelief, "became void"},
    {"rule.refused", "failed", Meaning::kTrouble, "could not become a job"},
    {"proposal.create", "rules-proposed", Meaning::kTrouble, "waits for its quorum"},
    {"proposal.approve", "approved", Meaning::kNews, "was approved"},
    {"proposal.apply", "rules-proposed", Meaning::kRelief, "has its quorum and was applied"},
    {"proposal.reject", "rules-proposed", Meaning::kRelief, "was rejected"},
    {"proposal.withdraw", "rules-proposed", Meaning::kRelief, "was withdrawn"},
    {"proposal.end", "rules-proposed", Meaning::kRelief, "ended without its quorum"},
    {"resource.create", "rules-changed", Meaning::kNews, "was created"},
    {"resource.update", "rules-changed", Meaning::kNews, "was changed"},
    {"resource.delete", "rules-changed", Meaning::kNews, "was deleted"},
    {"environment.create", "rules-changed", Meaning::kNews, "was created"},
    {"environment.update", "rules-changed", Meaning::kNews, "was changed"},
    {"user.create", "accounts-changed", Meaning::kNews, "was created"},
    {"user.update_roles", "accounts-changed", Meaning::kNews, "has other roles"},
    {"user.disable", "accounts-changed", Meaning::kNews, "was disabled"},
    {"user.enable", "accounts-changed", Meaning::kNews, "was enabled again"},
    {"token.create", "accounts-changed", Meaning::kNews, "was created"},
    {"token.revoke", "accounts-changed", Meaning::kNews, "was revoked"},
    {"access.denied", "access-denied", Meaning::kNews, "was refused to somebody"},
    {"audit.witness_alarm", "witness-alarm", Meaning::kTrouble, "reports an altered audit trail"},
    {"controller.recovery_demanded", "recovery-demanded", Meaning::kTrouble, "hands out no work"},
    {"controller.recover", "", Meaning::kRelief, "hands out work again"},
    {"notification.failed", "notification-failed", Meaning::kNews, "lost notifications"},
};

bool Fits(const Rule& rule, const AuditEntry& entry) {
  if (rule.action != entry.action) return false;
  const auto is = [&](absl::string_view detail, absl::string_view value) {
    if (value.empty()) return true;
    const auto found = entry.details.find(std::string(detail));
    return found != entry.details.end() && found->second == value;
  };
  return is(rule.detail, rule.value) && is("reason", rule.reason);
}

}  // namespace

absl::Span<const TriggerInfo> Triggers() { return kTriggers; }

const TriggerInfo* FindTrigger(absl::string_view name) {
  for (const TriggerInfo& trigger : kTriggers) {
    if (trigger.name == name) return &trigger;
  }
  return nullptr;
}

bool MayBeEvent(absl::string_view action) {
  return std::any_of(std::begin(kRules), std::end(kRules),
                     [&](const Rule& rule) { return rule.action == action; });
}

std::optional<AuditEvent> EventOf(const AuditEntry& entry) {
  for (const Rule& rule : kRules) {
    if (!Fits(rule, entry)) continue;
    return AuditEvent{std::string(rule.trigger), rule.meaning, std::string(rule.words),
                      entry.resource};
  }
  return std::nullopt;
}

}  // namespace dbfleet::controller
