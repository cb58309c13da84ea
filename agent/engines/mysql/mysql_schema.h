#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// SqlMigrations::SchemaFingerprint for the session's database. What the account may not see (the
// body of somebody else's routine) does not enter it.
absl::StatusOr<std::string> MysqlSchemaFingerprint(MigrationSession& session, bool mariadb);

// SqlMigrations::Estimate.
absl::StatusOr<std::vector<work::v1::TableEstimate>> EstimateMysqlTables(
    MigrationSession& session, const std::vector<std::string>& tables);

}  // namespace dbfleet::agent
