#include "controller/resources/electorate.h"

#include <set>

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

bool Electorate::CouldForm(const Quorum& quorum, const std::string& without) const {
  std::vector<Voter> voters = ApproversIn(quorum.environment);
  std::erase_if(voters, [&](const Voter& voter) { return voter.principal == without; });
  return Missing(quorum, voters).empty();
}

}  // namespace dbfleet::controller
