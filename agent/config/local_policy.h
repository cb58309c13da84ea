#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "dbfleet/config/v1/agent_config.pb.h"

namespace dbfleet::agent {

// What the host's owner forbids, whatever the controller asks: action names ("migrate"), or an
// action on one instance ("migrate:orders"). Immutable, thread-safe.
class LocalPolicy {
 public:
  LocalPolicy() = default;
  // INVALID_ARGUMENT (BAD_CONFIG) for unknown actions and instances: a misspelt ban would ban
  // nothing.
  static absl::StatusOr<LocalPolicy> Make(const config::v1::LocalPolicy& policy,
                                          const std::set<std::string>& instances);

  bool Forbids(const std::string& action, const std::string& instance) const;
  // The actions that are forbidden on this instance, sorted.
  std::vector<std::string> ForbiddenOn(const std::string& instance) const;

 private:
  std::set<std::string> forbidden_;
};

}  // namespace dbfleet::agent
