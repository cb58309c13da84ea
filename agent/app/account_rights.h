#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// Rights that an account has not, each as a GRANT (Redis: as an ACL rule) that would give it.
struct RightsReport {
  std::vector<std::string> missing;  // Without these its work fails.
  std::vector<std::string> advice;   // Without these some of it may: changes of others' tables.
};

// Logs in with the account for `use` and finds out what rights it lacks. Nothing is changed, and an
// empty report is no proof: a right on a single object may still be missing. An account that cannot
// log in is an error, as engine.h documents; NO_ACCOUNT if there is none.
absl::StatusOr<RightsReport> CheckRights(const InstanceSpec& spec, AccountUse use);

// What is missing, out of a MySQL or MariaDB account's SHOW GRANTS, one line each. `databases`:
// those that the server has besides its own. Pure.
std::vector<std::string> MissingMysqlRights(const InstanceSpec& spec, AccountUse use, bool mariadb,
                                            const std::vector<std::string>& show_grants,
                                            const std::vector<std::string>& databases);

// The roles whose rights the migration account needs in order to change the tables that are there
// now, as GRANT lines for `dbfleet-agent grants`; whatever is unknown is said in a comment. Asks
// the server with the inspection account, if there is one that can log in.
std::string PostgresOwnerGrants(const InstanceSpec& spec);

}  // namespace dbfleet::agent
