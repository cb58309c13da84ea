// Whose approval is not independent (see principals.h).
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/named_roles.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/user_rows.h"

namespace dbfleet::controller {
namespace {

// Does what the binding gives let anybody approve, review a broken glass or make accounts, or fill
// what a policy asks for?
bool Matters(const RoleBinding& binding, const NamedRoles& named) {
  return binding.role == Role::kApprover || binding.role == Role::kAuditor ||
         binding.role == Role::kAdmin || named.NamesIn(binding.role, binding.where);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> DependentPrincipals(ReadTx& tx,
                                                             const std::string& requester) {
  ASSIGN_OR_RETURN(const std::vector<User> users, AllUsers(tx));
  // Who has a hand in whom.
  std::map<std::string, std::set<std::string>> made_by;
  for (const User& user : users) {
    std::set<std::string>& makers = made_by[user.Principal()];
    ASSIGN_OR_RETURN(makers, TokenMakersOf(tx, user.id));
    ASSIGN_OR_RETURN(const std::set<std::string> givers, RoleMakersOf(tx, user));
    makers.insert(givers.begin(), givers.end());
    makers.insert(user.creator);
    makers.erase(user.Principal());
    makers.erase("");
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
  std::shared_ptr<const NamedRoles> named;
  if (!book->bindings().empty()) {
    ASSIGN_OR_RETURN(named, NamedRoles::Read(tx));
  }
  for (const RoleBinding& binding : book->bindings()) {
    if (!Matters(binding, *named)) continue;
    for (const std::string& subject : binding.subjects) {
      const std::string principal = absl::StrCat("users/", subject);
      std::set<std::string>& makers = made_by[principal];
      makers.insert(binding.makers.begin(), binding.makers.end());
      makers.erase(principal);
    }
  }
  // Whoever is in the requester's hand can make further accounts for the requester.
  std::set<std::string> dependent = {requester};
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [principal, makers] : made_by) {
      if (dependent.count(principal) != 0) continue;
      grown |= std::any_of(makers.begin(), makers.end(),
                           [&](const std::string& maker) { return dependent.count(maker) != 0; }) &&
               dependent.insert(principal).second;
    }
  }
  dependent.erase(requester);
  return std::vector<std::string>(dependent.begin(), dependent.end());
}

}  // namespace dbfleet::controller
