#include "controller/resources/electorate.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/user_rows.h"

namespace dbfleet::controller {

absl::StatusOr<Electorate> Electorate::Read(ReadTx& tx) {
  ASSIGN_OR_RETURN(std::vector<User> users, AllUsers(tx));
  ASSIGN_OR_RETURN(std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
  return Electorate(std::move(users), std::move(book));
}

std::vector<Voter> Electorate::ApproversIn(const std::string& environment) const {
  std::vector<Voter> voters;
  for (const User& user : users_) {
    std::set<Role> roles = RolesIn(user, *book_, environment);
    if (roles.count(Role::kApprover) == 0) continue;
    voters.push_back({user.Principal(), std::move(roles)});
  }
  return voters;
}

std::string Electorate::WhyNot(const std::string& principal, const std::string& environment) const {
  const std::string id(absl::StripPrefix(principal, "users/"));
  const auto user = std::find_if(users_.begin(), users_.end(), [&](const User& candidate) {
    return candidate.Principal() == principal;
  });
  if (user == users_.end()) {
    return absl::StrCat(principal,
                        " is not there; an admin can make the account: ", "dbfleet user create ",
                        id, " --role approver");
  }
  if (user->disabled) {
    return absl::StrCat(
        principal, " is disabled; an admin can enable the account: ", "dbfleet user enable ", id);
  }
  if (user->service)
    return absl::StrCat(principal, " is a program's account, which never approves");
  if (RolesIn(*user, *book_, environment).count(Role::kApprover) == 0) {
    return absl::StrCat(principal, " is no approver in ", environment,
                        "; an admin can give the role");
  }
  return absl::StrCat(principal,
                      " asked for it, or has an account, role or token from there, or "
                      "counts already");
}

std::vector<Electorate::Opening> Electorate::WhoCan(const OpenQuorum& open,
                                                    absl::Span<const Voter> others,
                                                    const std::string& environment) const {
  std::vector<Opening> openings;
  for (const ApprovalPolicy& policy : open.policies) {
    const std::vector<int> have =
        FillRequirements(policy.requirements, open.voters, policy.distinct);
    for (size_t i = 0; i < have.size(); ++i) {
      const ApprovalRequirement& requirement = policy.requirements[i];
      if (have[i] >= requirement.count) continue;
      std::vector<std::string> who;
      for (const Voter& other : others) {
        if (MayFill(requirement, other)) who.push_back(other.principal);
      }
      std::string words = absl::StrJoin(who, ", ");
      if (who.empty()) {
        std::vector<std::string> why;
        for (const std::string& named : requirement.users) {
          why.push_back(WhyNot(named, environment));
        }
        if (!requirement.roles.empty() || requirement.users.empty()) {
          why.push_back(
              absl::StrCat(WhoMayFill({requirement.name, requirement.count, requirement.roles, {}}),
                           " would have to be there; an admin can give the roles"));
        }
        words = absl::StrCat("nobody: ", absl::StrJoin(why, "; "));
      }
      openings.push_back({policy.name, requirement.name, std::move(words)});
    }
  }
  return openings;
}

bool Electorate::CouldForm(const Quorum& quorum, const std::string& without) const {
  std::vector<Voter> voters = ApproversIn(quorum.environment);
  std::erase_if(voters, [&](const Voter& voter) { return voter.principal == without; });
  return Missing(quorum, voters).empty();
}

}  // namespace dbfleet::controller
