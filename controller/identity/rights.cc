#include "controller/identity/rights.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dbfleet::controller {
namespace {

constexpr Role kRoles[] = {Role::kViewer,      Role::kOperator, Role::kApprover,
                           Role::kPolicyAdmin, Role::kAuditor,  Role::kAdmin};
constexpr Verb kVerbs[] = {Verb::kRead,    Verb::kOperate,    Verb::kApprove,
                           Verb::kDeclare, Verb::kAdminister, Verb::kAudit};

EnvironmentFilter Union(const EnvironmentFilter& a, const EnvironmentFilter& b) {
  if (a.all() || b.all()) return EnvironmentFilter();
  std::vector<std::string> names = a.names();
  names.insert(names.end(), b.names().begin(), b.names().end());
  return EnvironmentFilter::Only(std::move(names));
}

EnvironmentFilter Intersection(const EnvironmentFilter& a, const std::vector<std::string>& only) {
  std::vector<std::string> names;
  std::copy_if(only.begin(), only.end(), std::back_inserter(names),
               [&](const std::string& name) { return a.Has(name); });
  return EnvironmentFilter::Only(std::move(names));
}

}  // namespace

std::vector<Verb> VerbsOf(Role role) {
  switch (role) {
    case Role::kViewer:
      return {Verb::kRead};
    case Role::kOperator:
      return {Verb::kRead, Verb::kOperate};
    case Role::kApprover:
      return {Verb::kRead, Verb::kApprove};
    case Role::kPolicyAdmin:
      return {Verb::kRead, Verb::kDeclare};
    case Role::kAuditor:
      return {Verb::kRead, Verb::kAudit};
    case Role::kAdmin:
      return {Verb::kRead, Verb::kAdminister, Verb::kAudit};
  }
  return {};
}

std::vector<Role> RolesWith(Verb verb) {
  std::vector<Role> roles;
  for (const Role role : kRoles) {
    const std::vector<Verb> verbs = VerbsOf(role);
    if (std::find(verbs.begin(), verbs.end(), verb) != verbs.end()) roles.push_back(role);
  }
  return roles;
}

Rights Rights::All() {
  Rights rights;
  for (const Verb verb : kVerbs) rights.Allow(verb, EnvironmentFilter());
  return rights;
}

Rights Rights::Of(const User& user, absl::Span<const RoleGrant> grants) {
  Rights rights;
  if (user.disabled) return rights;
  for (const RoleGrant& grant : grants) {
    for (const Verb verb : VerbsOf(grant.role)) rights.Allow(verb, grant.where);
  }
  if (!MayApproveAtAll(user, grants)) rights.where_.erase(Verb::kApprove);
  return rights;
}

const EnvironmentFilter& Rights::Where(Verb verb) const {
  static const auto* const nowhere = new EnvironmentFilter(EnvironmentFilter::Only({}));
  const auto found = where_.find(verb);
  return found == where_.end() ? *nowhere : found->second;
}

bool Rights::Anywhere(Verb verb) const {
  const EnvironmentFilter& where = Where(verb);
  return where.all() || !where.names().empty();
}

Rights Rights::NarrowedBy(const TokenScope& scope) const {
  Rights narrowed = *this;
  if (!scope.verbs.empty()) {
    std::erase_if(narrowed.where_, [&](const auto& entry) {
      return std::find(scope.verbs.begin(), scope.verbs.end(), entry.first) == scope.verbs.end();
    });
  }
  if (!scope.environments.empty()) {
    for (auto& [verb, where] : narrowed.where_) where = Intersection(where, scope.environments);
  }
  return narrowed;
}

void Rights::Allow(Verb verb, const EnvironmentFilter& where) {
  const auto [it, fresh] = where_.emplace(verb, where);
  if (!fresh) it->second = Union(it->second, where);
}

}  // namespace dbfleet::controller
