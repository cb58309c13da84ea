#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// SqlMigrations::SchemaFingerprint over every schema but the system's; objects that belong to an
// extension enter through its name and version.
absl::StatusOr<std::string> PostgresSchemaFingerprint(MigrationSession& session);

// SqlMigrations::Estimate.
absl::StatusOr<std::vector<work::v1::TableEstimate>> EstimatePostgresTables(
    MigrationSession& session, const std::vector<std::string>& tables);

}  // namespace dbfleet::agent
