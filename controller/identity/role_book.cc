#include "controller/identity/role_book.h"

#include <algorithm>
#include <utility>

namespace dbfleet::controller {

RoleBook::RoleBook(std::vector<RoleBinding> bindings) : bindings_(std::move(bindings)) {
  for (const RoleBinding& binding : bindings_) {
    for (const std::string& user : binding.subjects) by_user_[user].push_back(&binding);
  }
}

std::vector<RoleGrant> RoleBook::GrantsOf(const User& user) const {
  std::vector<RoleGrant> grants;
  for (const Role role : user.roles) grants.push_back({role, EnvironmentFilter(), ""});
  const auto found = by_user_.find(user.id);
  if (found == by_user_.end()) return grants;
  for (const RoleBinding* binding : found->second) {
    grants.push_back({binding->role, binding->where, binding->id});
  }
  return grants;
}

bool MayApproveAtAll(const User& user, absl::Span<const RoleGrant> grants) {
  return !user.service && std::none_of(grants.begin(), grants.end(), [](const RoleGrant& grant) {
    return grant.role == Role::kAdmin;
  });
}

std::set<Role> RolesIn(const User& user, const RoleBook& book, absl::string_view environment) {
  std::set<Role> roles;
  if (user.disabled) return roles;
  const std::vector<RoleGrant> grants = book.GrantsOf(user);
  for (const RoleGrant& grant : grants) {
    if (grant.where.Has(environment)) roles.insert(grant.role);
  }
  if (!MayApproveAtAll(user, grants)) roles.erase(Role::kApprover);
  return roles;
}

}  // namespace dbfleet::controller
