#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/types/span.h"

#include "controller/domain/approval_policy.h"

// Who fills which requirement of an approval policy: pure functions.
namespace dbfleet::controller {

// A person whose approval counts.
struct Voter {
  std::string principal;
  std::set<Role> roles;  // In the environment that it is about.
};

bool MayFill(const ApprovalRequirement& requirement, const Voter& voter);

// How many of each requirement are there, none above its count. With `distinct` each voter stands
// for one requirement only, and is given to where that leads furthest: a maximum matching of voters
// and places (augmenting paths: H. W. Kuhn, The Hungarian Method for the assignment problem, 1955),
// so that the order in which people approve does not matter. Of several such matchings the one that
// fills the earlier requirements first.
std::vector<int> FillRequirements(absl::Span<const ApprovalRequirement> requirements,
                                  absl::Span<const Voter> voters, bool distinct);

// "requirement dba: 0 of 1 (approvers with the role policy_admin)" for each that is not filled;
// empty if all are.
std::vector<std::string> Unfilled(const ApprovalPolicy& policy, absl::Span<const Voter> voters);

// What approvals are asked for, and whose count already.
struct OpenQuorum {
  int approvals = 0;  // Of distinct approvers.
  std::vector<ApprovalPolicy> policies;
  std::vector<Voter> voters;
};

// Would the approval of this person, who has given none that counts, fill anything that is open? An
// approver whose place is taken changes nothing. Where nobody does alone, nobody does with others.
bool FillsPlace(const OpenQuorum& open, const Voter& person);

// "approvers with the role policy_admin or auditor, or users/ada".
std::string WhoMayFill(const ApprovalRequirement& requirement);

}  // namespace dbfleet::controller
