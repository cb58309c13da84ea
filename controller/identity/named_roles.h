#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/domain/types.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The roles by which the declared approval and break-glass policies choose people: whoever hands
// one of these out decides who fills a requirement, or who breaks the glass. A value.
class NamedRoles {
 public:
  // As the transaction sees them. A policy that cannot be read counts as one that names every role
  // everywhere.
  static absl::StatusOr<NamedRoles> Read(ReadTx& tx);

  // Does a policy that covers this environment name the role?
  bool Names(Role role, absl::string_view environment) const;
  // One that covers any of these does?
  bool NamesIn(Role role, const EnvironmentFilter& where) const;

 private:
  void Add(const std::vector<std::string>& environments, const std::string& role);

  bool all_ = false;
  std::set<Role> everywhere_;
  std::set<std::pair<Role, std::string>> somewhere_;
};

}  // namespace dbfleet::controller
