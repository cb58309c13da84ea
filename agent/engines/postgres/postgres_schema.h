#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// SqlMigrations::SchemaFingerprint over every schema but the system's; objects that belong to an
// extension enter through its name and version. `in_transaction`: the caller has a transaction
// open, which sees its own changes; it stays open, and whole whatever this returns.
absl::StatusOr<std::string> PostgresSchemaFingerprint(MigrationSession& session,
                                                      bool in_transaction);

// SqlMigrations::Estimate.
absl::StatusOr<std::vector<work::v1::TableEstimate>> EstimatePostgresTables(
    MigrationSession& session, const std::vector<std::string>& tables);

}  // namespace dbfleet::agent
