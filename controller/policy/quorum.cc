#include "controller/policy/quorum.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

constexpr int kFree = -1;

// Kuhn's algorithm: places look for a voter, and move the place that has one to another voter.
class Matching {
 public:
  Matching(absl::Span<const ApprovalRequirement> requirements, absl::Span<const Voter> voters)
      : requirements_(requirements), voters_(voters), place_of_(voters.size(), kFree) {}

  // A further place of this requirement.
  bool Place(int requirement) {
    requirement_of_.push_back(requirement);
    visited_.assign(voters_.size(), false);
    return Augment(static_cast<int>(requirement_of_.size()) - 1);
  }

 private:
  // At most as deep as there are places.
  bool Augment(int place) {
    for (size_t i = 0; i < voters_.size(); ++i) {
      if (visited_[i] || !MayFill(requirements_[requirement_of_[place]], voters_[i])) continue;
      visited_[i] = true;
      if (place_of_[i] != kFree && !Augment(place_of_[i])) continue;
      place_of_[i] = place;
      return true;
    }
    return false;
  }

  const absl::Span<const ApprovalRequirement> requirements_;
  const absl::Span<const Voter> voters_;
  std::vector<int> requirement_of_;  // By place.
  std::vector<int> place_of_;        // By voter.
  std::vector<bool> visited_;
};

}  // namespace

bool MayFill(const ApprovalRequirement& requirement, const Voter& voter) {
  if (voter.roles.count(Role::kApprover) == 0) return false;
  const auto& [name, count, roles, users] = requirement;
  if (roles.empty() && users.empty()) return true;
  return std::find(users.begin(), users.end(), voter.principal) != users.end() ||
         std::any_of(roles.begin(), roles.end(),
                     [&](Role role) { return voter.roles.count(role) != 0; });
}

std::vector<int> FillRequirements(absl::Span<const ApprovalRequirement> requirements,
                                  absl::Span<const Voter> voters, bool distinct) {
  std::vector<int> have;
  Matching matching(requirements, voters);
  for (size_t i = 0; i < requirements.size(); ++i) {
    const ApprovalRequirement& requirement = requirements[i];
    int filled = 0;
    if (distinct) {
      // Once there is no voter for a place, there is none for a further one like it.
      while (filled < requirement.count && matching.Place(static_cast<int>(i))) ++filled;
    } else {
      const auto fitting = std::count_if(voters.begin(), voters.end(), [&](const Voter& voter) {
        return MayFill(requirement, voter);
      });
      filled = static_cast<int>(std::min<ptrdiff_t>(fitting, requirement.count));
    }
    have.push_back(filled);
  }
  return have;
}

std::vector<std::string> Unfilled(const ApprovalPolicy& policy, absl::Span<const Voter> voters) {
  const std::vector<int> have = FillRequirements(policy.requirements, voters, policy.distinct);
  std::vector<std::string> unfilled;
  for (size_t i = 0; i < have.size(); ++i) {
    const ApprovalRequirement& requirement = policy.requirements[i];
    if (have[i] >= requirement.count) continue;
    unfilled.push_back(absl::StrCat("requirement ", requirement.name, ": ", have[i], " of ",
                                    requirement.count, " (", WhoMayFill(requirement), ")"));
  }
  return unfilled;
}

bool FillsPlace(const OpenQuorum& open, const Voter& person) {
  const auto approves = [](const Voter& voter) { return voter.roles.count(Role::kApprover) != 0; };
  if (!approves(person)) return false;
  const auto have = std::count_if(open.voters.begin(), open.voters.end(), approves);
  if (have < open.approvals) return true;
  std::vector<Voter> with = open.voters;
  with.push_back(person);
  const auto places = [](const ApprovalPolicy& policy, absl::Span<const Voter> voters) {
    const std::vector<int> filled = FillRequirements(policy.requirements, voters, policy.distinct);
    return std::accumulate(filled.begin(), filled.end(), 0);
  };
  return std::any_of(open.policies.begin(), open.policies.end(), [&](const ApprovalPolicy& policy) {
    return places(policy, with) > places(policy, open.voters);
  });
}

std::string WhoMayFill(const ApprovalRequirement& requirement) {
  std::string who;
  if (!requirement.roles.empty()) {
    who = absl::StrCat("approvers with the role ",
                       absl::StrJoin(requirement.roles, " or ", [](std::string* out, Role role) {
                         absl::StrAppend(out, absl::string_view(NameOf(role)));
                       }));
  }
  if (!requirement.users.empty()) {
    absl::StrAppend(&who, who.empty() ? "" : ", or ", absl::StrJoin(requirement.users, ", "));
  }
  return who.empty() ? "any approver" : who;
}

}  // namespace dbfleet::controller
