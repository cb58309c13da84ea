// Whose approval is not independent (see principals.h).
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/named_roles.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/user_rows.h"
#include "controller/store/compiled_once.h"

namespace dbfleet::controller {
namespace {

// Does what the binding gives let anybody approve, review a broken glass or make accounts, or fill
// what a policy asks for?
bool Matters(const RoleBinding& binding, const NamedRoles& named) {
  return binding.role == Role::kApprover || binding.role == Role::kAuditor ||
         binding.role == Role::kAdmin || named.NamesIn(binding.role, binding.where);
}

// Whose accounts, roles or tokens somebody has a hand in.
struct Hands {
  std::map<std::string, std::vector<std::string>> made;  // By maker; nobody's own.
};

absl::StatusOr<std::shared_ptr<const Hands>> Load(ReadTx& tx) {
  // First: while it cannot be read, nobody's users are gone through in vain.
  ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
  std::shared_ptr<const NamedRoles> named;
  if (!book->bindings().empty()) {
    ASSIGN_OR_RETURN(named, NamedRoles::Read(tx));
  }
  ASSIGN_OR_RETURN(const std::vector<User> users, AllUsers(tx));
  std::map<std::string, std::set<std::string>> made_by;
  for (const User& user : users) {
    std::set<std::string>& makers = made_by[user.Principal()];
    ASSIGN_OR_RETURN(makers, TokenMakersOf(tx, user.id));
    ASSIGN_OR_RETURN(const std::set<std::string> givers, RoleMakersOf(tx, user));
    makers.insert(givers.begin(), givers.end());
    makers.insert(user.creator);
  }
  for (const RoleBinding& binding : book->bindings()) {
    if (!Matters(binding, *named)) continue;
    for (const std::string& subject : binding.subjects) {
      made_by[absl::StrCat("users/", subject)].insert(binding.makers.begin(), binding.makers.end());
    }
  }
  auto hands = std::make_shared<Hands>();
  for (const auto& [principal, makers] : made_by) {
    for (const std::string& maker : makers) {
      if (!maker.empty() && maker != principal) hands->made[maker].push_back(principal);
    }
  }
  return hands;
}

// Each grant asks, and each look at a change that waits; users and their tokens seldom change. All
// that Load reads is in one of the generations.
absl::StatusOr<std::shared_ptr<const Hands>> ReadHands(ReadTx& tx) {
  static auto* const compiled = new CompiledOnce<Hands>;
  ASSIGN_OR_RETURN(const std::string users, UsersGeneration(tx));
  // Without it there is no name under which it could be kept for all stores.
  if (users.empty()) return Load(tx);
  ASSIGN_OR_RETURN(const std::string roles, RoleGeneration(tx));
  ASSIGN_OR_RETURN(const std::string named, NamedRoles::Generation(tx));
  return compiled->Of(absl::StrCat(users, "/", roles, "/", named), tx, Load);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> DependentPrincipals(ReadTx& tx,
                                                             const std::string& requester) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Hands> hands, ReadHands(tx));
  // Whoever is in the requester's hand can make further accounts for the requester.
  std::set<std::string> dependent = {requester};
  std::vector<std::string> makers = {requester};
  while (!makers.empty()) {
    const auto found = hands->made.find(makers.back());
    makers.pop_back();
    if (found == hands->made.end()) continue;
    for (const std::string& principal : found->second) {
      if (dependent.insert(principal).second) makers.push_back(principal);
    }
  }
  dependent.erase(requester);
  return std::vector<std::string>(dependent.begin(), dependent.end());
}

}  // namespace dbfleet::controller
