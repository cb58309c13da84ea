#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/actions/migrate/model.h"
#include "agent/engine/engine.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// The plan that people approve: the model's statements, with what the target says about the tables
// that they touch. `target` is its resource name, which enters the digest. Reads only.
absl::StatusOr<work::v1::Plan> MakePlan(const MigrationModel& model, SqlMigrations& sql,
                                        MigrationSession& session, const std::string& target,
                                        absl::Time now);

}  // namespace dbfleet::agent
