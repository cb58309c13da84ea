#pragma once

#include "absl/status/statusor.h"

#include "agent/app/account_rights.h"
#include "agent/engine/engine.h"

namespace dbfleet::agent {

// CheckRights (account_rights.h) of a PostgreSQL account.
absl::StatusOr<RightsReport> CheckPostgresRights(const InstanceSpec& spec, AccountUse use);

}  // namespace dbfleet::agent
