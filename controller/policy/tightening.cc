#include "controller/policy/tightening.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

#include "controller/domain/approval_life.h"
#include "controller/windows/opening.h"

namespace dbfleet::controller {
namespace {

// Is everything in `all` that is in `some`? An empty list of environments means every one.
bool Contains(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  if (all.empty()) return true;
  return !some.empty() && std::all_of(some.begin(), some.end(), [&](const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  });
}

template <typename T>
bool IsPart(const std::vector<T>& some, const std::vector<T>& all) {
  return std::all_of(some.begin(), some.end(), [&](const T& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  });
}

// Selects `wider` all that `narrower` does?
template <typename T>
bool IsWider(const T& wider, const T& narrower) {
  return Contains(wider.environments, narrower.environments) &&
         std::includes(narrower.labels.begin(), narrower.labels.end(), wider.labels.begin(),
                       wider.labels.end());
}

bool SameApplication(const ApprovalPolicy& a, const ApprovalPolicy& b) {
  return a.only_destructive == b.only_destructive && a.schema_changes == b.schema_changes &&
         a.changes == b.changes && a.rollbacks == b.rollbacks && a.findings == b.findings;
}

// Each former requirement is there, of as many people at least.
bool KeepsRequirements(const ApprovalPolicy& before, const ApprovalPolicy& after) {
  return std::all_of(
      before.requirements.begin(), before.requirements.end(), [&](const auto& former) {
        return std::any_of(after.requirements.begin(), after.requirements.end(),
                           [&](const auto& now) {
                             return now.name == former.name && now.count >= former.count &&
                                    now.roles == former.roles && now.users == former.users;
                           });
      });
}

// Zero is no limit.
bool IsShorterLife(absl::Duration before, absl::Duration after) {
  if (before == absl::ZeroDuration()) return true;
  return after != absl::ZeroDuration() && ApprovalLife(after) <= ApprovalLife(before);
}

// Each time of `inner` begins with one of `outer`, and lasts no longer.
bool RecursWithin(const DeclaredWindow& inner, const DeclaredWindow& outer) {
  const WindowTimes& in = inner.window.times;
  const WindowTimes& out = outer.window.times;
  return in.recurring.has_value() && out.recurring.has_value() &&
         in.recurring->text() == out.recurring->text() && inner.time_zone == outer.time_zone &&
         in.duration <= out.duration && in.not_before >= out.not_before &&
         in.not_after <= out.not_after;
}

// Is `inner` open only when `outer` is, from now on?
bool LiesWithin(const DeclaredWindow& inner, const DeclaredWindow& outer, absl::Time now) {
  const std::optional<Span>& in = inner.window.times.once;
  const std::optional<Span>& out = outer.window.times.once;
  if (in.has_value() && out.has_value()) {
    return std::max(in->begin, now) >= std::max(out->begin, now) && in->end <= out->end;
  }
  return RecursWithin(inner, outer);
}

bool IsOver(const DeclaredWindow* window, absl::Time now) {
  return window == nullptr ||
         (window->window.times.once.has_value() && window->window.times.once->end <= now);
}

}  // namespace

bool OnlyTightens(const EnvironmentPolicy& before, const EnvironmentPolicy& after) {
  const absl::Duration none = absl::ZeroDuration();
  const bool backups = before.verified_backup_max_age == none ||
                       (after.verified_backup_max_age != none &&
                        after.verified_backup_max_age <= before.verified_backup_max_age);
  const bool windows = before.window_for == WindowFor::kNone ||
                       before.window_for == after.window_for || after.window_for == WindowFor::kAll;
  const PromotionPolicy& was = before.promotion;
  const PromotionPolicy& is = after.promotion;
  const bool promotion = was.from.empty() || (was.from == is.from && is.within <= was.within &&
                                              (is.rehearsal || !was.rehearsal));
  return after.destructive_approvals >= before.destructive_approvals && backups &&
         ApprovalLife(after.approval_ttl) <= ApprovalLife(before.approval_ttl) &&
         (after.destructive_consent || !before.destructive_consent) && windows && promotion;
}

bool OnlyTightens(const ApprovalPolicy* before, const ApprovalPolicy* after) {
  if (before == nullptr) return true;
  if (after == nullptr) return false;
  return IsWider(*after, *before) && SameApplication(*before, *after) &&
         KeepsRequirements(*before, *after) && (after->distinct || !before->distinct) &&
         IsShorterLife(before->ttl, after->ttl) &&
         (after->reason_required || !before->reason_required);
}

bool OnlyTightens(const DeclaredWindow* before, const DeclaredWindow* after, absl::Time now) {
  if (IsOver(before, now)) before = nullptr;
  if (IsOver(after, now)) after = nullptr;
  const auto allows = [](const DeclaredWindow* window) {
    return window != nullptr && window->window.effect == WindowEffect::kAllow;
  };
  const auto denies = [](const DeclaredWindow* window) {
    return window != nullptr && window->window.effect == WindowEffect::kDeny;
  };
  if (denies(before)) {
    return denies(after) && IsWider(*after, *before) && LiesWithin(*before, *after, now) &&
           !IsStricter(before->window.overrun, after->window.overrun);
  }
  if (!allows(after)) return true;
  return allows(before) && IsWider(*before, *after) && LiesWithin(*after, *before, now) &&
         !IsStricter(before->window.overrun, after->window.overrun);
}

bool OnlyTightens(const BreakGlassPolicy* before, const BreakGlassPolicy* after) {
  if (after == nullptr) return true;
  return before != nullptr && Contains(before->environments, after->environments) &&
         IsPart(after->users, before->users) && IsPart(after->roles, before->roles) &&
         IsPart(after->waives, before->waives) && after->max_duration <= before->max_duration &&
         after->review_within <= before->review_within;
}

Quorum QuorumOf(const Environment& environment, const ApprovalBook& book) {
  Quorum quorum;
  quorum.environment = environment.name;
  quorum.approvals = environment.policy.destructive_approvals;
  quorum.ttl = ApprovalLife(environment.policy.approval_ttl);
  quorum.unreadable = book.unreadable;
  for (const ApprovalPolicy& policy : book.policies) {
    if (!policy.Covers(environment.name)) continue;
    quorum.reason_required |= policy.reason_required;
    if (policy.ttl > absl::ZeroDuration()) {
      quorum.ttl = std::min(quorum.ttl, ApprovalLife(policy.ttl));
    }
    quorum.policies.push_back(policy);
  }
  return quorum;
}

std::vector<std::string> Missing(const Quorum& quorum, absl::Span<const Voter> voters) {
  std::vector<std::string> missing;
  const auto have = std::count_if(voters.begin(), voters.end(), [](const Voter& voter) {
    return voter.roles.count(Role::kApprover) != 0;
  });
  if (have < quorum.approvals) {
    missing.push_back(absl::StrCat("environments/", quorum.environment, ": ", have, " of ",
                                   quorum.approvals,
                                   quorum.approvals == 1 ? " approval" : " approvals"));
  }
  for (const ApprovalPolicy& policy : quorum.policies) {
    for (const std::string& unfilled : Unfilled(policy, voters)) {
      missing.push_back(absl::StrCat("approvalpolicies/", policy.name, ": ", unfilled));
    }
  }
  return missing;
}

}  // namespace dbfleet::controller
