// The rule "approvals" (policy.h): which approvals count, and whether they are enough.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/plan/estimate.h"
#include "controller/domain/approval_life.h"
#include "controller/policy/quorum.h"
#include "controller/policy/rules.h"

namespace dbfleet::controller {
namespace {

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

// Why this approval of the plan is void, whenever it was to be used; "" if it is not.
std::string WhyVoid(const PolicyInput& input, const Approval& approval) {
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
  if (input.revoked_tokens.count(approval.token) != 0) {
    return "approved with a token that was revoked since";
  }
  if (job.digest.empty() || approval.digest != job.digest) return "approved another plan";
  return "";
}

// Why this approval does not count; "" if it does.
std::string WhyIgnored(const PolicyInput& input, const Approval& approval) {
  const std::string why = WhyVoid(input, approval);
  if (!why.empty()) return why;
  if (approval.expire_time <= input.now) {
    return absl::StrCat("approved until ", Moment(approval.expire_time));
  }
  return WhyOutgrown(input, approval);
}

// Applies to the job, by what is known of its targets.
bool Applies(const ApprovalPolicy& policy, const PolicyInput& input) {
  const Job& job = input.job;
  if (!policy.Covers(job.environment)) return false;
  if (policy.only_destructive && !IsDestructive(job)) return false;
  if (policy.schema_changes.value_or(job.schema_change) != job.schema_change) return false;
  if (!(job.rollback_of.empty() ? policy.changes : policy.rollbacks)) return false;
  if (policy.labels.empty() && policy.findings == Gravity::kNone) return true;
  return std::any_of(
      input.traits.begin(), input.traits.end(), [&](const PolicyInput::Traits& target) {
        return target.findings >= policy.findings &&
               std::all_of(policy.labels.begin(), policy.labels.end(), [&](const auto& label) {
                 const auto found = target.labels.find(label.first);
                 return found != target.labels.end() && found->second == label.second;
               });
      });
}

}  // namespace

bool ApprovalState::Enough() const {
  return by_environment >= demanded && unfilled.empty() && unreadable.empty();
}

ApprovalState CountApprovals(const PolicyInput& input) {
  ApprovalState state;
  state.ttl = ApprovalLife(input.policy.approval_ttl);
  if (IsDestructive(input.job) && input.approved_with_change < input.policy.destructive_approvals) {
    state.demanded = input.policy.destructive_approvals;
  }
  std::vector<Voter> voters;
  for (const Approval& approval : input.job.approvals) {
    if (!approval.approved) continue;
    const std::string why = WhyIgnored(input, approval);
    if (!why.empty()) {
      state.ignored.push_back(absl::StrCat(approval.principal, " ", why));
      continue;
    }
    state.counted.push_back(approval);
    state.last_decide_time = std::max(state.last_decide_time, approval.decide_time);
    const bool known = std::any_of(voters.begin(), voters.end(), [&](const Voter& voter) {
      return voter.principal == approval.principal;
    });
    if (known) continue;
    Voter voter{approval.principal, {Role::kApprover}};  // A former approver is ignored above.
    const auto roles = input.approver_roles.find(approval.principal);
    if (roles != input.approver_roles.end())
      voter.roles.insert(roles->second.begin(), roles->second.end());
    voters.push_back(std::move(voter));
  }
  state.by_environment = static_cast<int>(voters.size());
  state.quorum.approvals = state.demanded;
  // Policies are about changes: other work has no plan that could be approved.
  if (input.approval_book == nullptr || input.job.kind != JobKind::kMigrate) {
    state.quorum.voters = std::move(voters);
    return state;
  }
  state.unreadable = input.approval_book->unreadable;
  std::sort(voters.begin(), voters.end(),
            [](const Voter& a, const Voter& b) { return a.principal < b.principal; });
  for (const ApprovalPolicy& policy : input.approval_book->policies) {
    if (!Applies(policy, input)) continue;
    state.policies_apply = true;
    state.reason_required |= policy.reason_required;
    if (policy.ttl > absl::ZeroDuration()) {
      state.ttl = std::min(state.ttl, ApprovalLife(policy.ttl));
    }
    std::vector<std::string> unfilled = Unfilled(policy, voters);
    if (unfilled.empty()) continue;
    state.unfilled.push_back({policy.name, std::move(unfilled)});
    state.quorum.policies.push_back(policy);
  }
  state.quorum.voters = std::move(voters);
  return state;
}

int ApproversOfPlan(const PolicyInput& input) {
  std::set<std::string> people;
  for (const Approval& approval : input.job.approvals) {
    if (approval.approved && WhyVoid(input, approval).empty()) people.insert(approval.principal);
  }
  return static_cast<int>(people.size());
}

void CheckApprovals(const PolicyInput& input, const ApprovalState& state,
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
  const std::string ignored =
      state.ignored.empty()
          ? ""
          : absl::StrCat(" (not counted: ", absl::StrJoin(state.ignored, ", "), ")");
  const std::string nor = absl::StrCat(", not ", input.job.requester,
                                       " who made the request, nor one with an account, role or "
                                       "token from there");
  if (!state.unreadable.empty()) blockers->push_back({"approvals", state.unreadable, false});
  if (state.by_environment < state.demanded) {
    blockers->push_back({"approvals",
                         absl::StrCat(state.by_environment, " of ", state.demanded,
                                      state.demanded == 1 ? " approval" : " approvals",
                                      "; missing: a user with the role approver", nor, ignored),
                         false});
  }
  for (const ApprovalState::Unfilled& unfilled : state.unfilled) {
    blockers->push_back({"approvals",
                         absl::StrCat("approvalpolicies/", unfilled.policy, ": ",
                                      absl::StrJoin(unfilled.requirements, "; "), nor, ignored),
                         false, unfilled.policy});
  }
}

}  // namespace dbfleet::controller
