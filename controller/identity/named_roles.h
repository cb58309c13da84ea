#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The roles by which the declared approval and break-glass policies choose people: whoever hands
// one of these out decides who fills a requirement, or who breaks the glass. A value.
class NamedRoles {
 public:
  // As the transaction sees them. A policy that cannot be read counts as one that names every role
  // everywhere.
  // Compiled once for each change to them, as the RoleBindings are (roles_in.h). Thread-safe.
  static absl::StatusOr<std::shared_ptr<const NamedRoles>> Read(ReadTx& tx);

  // Part of every transaction that writes or deletes such a policy.
  static absl::Status NoteChange(WriteTx& tx, absl::Time now);
  // Another one after each of these; "" before the first.
  static absl::StatusOr<std::string> Generation(ReadTx& tx);

  // Does a policy that covers this environment name the role?
  bool Names(Role role, absl::string_view environment) const;
  // One that covers any of these does?
  bool NamesIn(Role role, const EnvironmentFilter& where) const;

 private:
  static absl::StatusOr<std::shared_ptr<const NamedRoles>> Load(ReadTx& tx);
  void Add(const std::vector<std::string>& environments, const std::string& role);

  bool all_ = false;
  std::set<Role> everywhere_;
  std::set<std::pair<Role, std::string>> somewhere_;
};

}  // namespace dbfleet::controller
