#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"
#include "controller/store/queries.h"

namespace dbfleet::controller {

// What a declared RoleBinding says.
struct RoleBinding {
  std::string id;                     // "rolebindings/qa-operators".
  std::vector<std::string> subjects;  // Users' ids.
  Role role = Role::kViewer;
  EnvironmentFilter where;
  // Everybody who ever made or changed it: "users/root".
  std::vector<std::string> makers;
};

// A role that somebody has, and where.
struct RoleGrant {
  Role role = Role::kViewer;
  EnvironmentFilter where;
  std::string binding;  // "" for a role of the user's own, which counts everywhere.
};

// All declared bindings at one time, by whom they concern. Immutable, so thread-safe.
class RoleBook {
 public:
  explicit RoleBook(std::vector<RoleBinding> bindings);

  absl::Span<const RoleBinding> bindings() const { return bindings_; }
  // The user's own roles and those that bindings give, with nothing taken away.
  std::vector<RoleGrant> GrantsOf(const User& user) const;

 private:
  const std::vector<RoleBinding> bindings_;
  std::map<std::string, std::vector<const RoleBinding*>, std::less<>> by_user_;
};

// Whoever is admin anywhere approves nowhere, and neither does a program: what grants say of it
// does not count. The user need not be enabled.
bool MayApproveAtAll(const User& user, absl::Span<const RoleGrant> grants);

// The roles that count in this environment; none for a disabled user.
std::set<Role> RolesIn(const User& user, const RoleBook& book, absl::string_view environment);

}  // namespace dbfleet::controller
