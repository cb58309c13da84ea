#pragma once

#include <vector>

#include "absl/status/statusor.h"

#include "agent/actions/migrate/history.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// A version that a job moves, with its row in the history if it has one.
struct SelectedVersion {
  const work::v1::Migration* migration = nullptr;
  const HistoryRow* row = nullptr;
};

// The versions that a job moves, in execution order, by rule: checksums of applied versions agree,
// order is kept, named versions are there. Pointers go into the arguments. Errors as BuildModel.
absl::StatusOr<std::vector<SelectedVersion>> SelectVersions(const work::v1::MigrateSpec& spec,
                                                            const std::vector<HistoryRow>& history);

// Applied versions that `spec` has no file for.
std::vector<std::string> AppliedWithoutFile(const work::v1::MigrateSpec& spec,
                                            const std::vector<HistoryRow>& history);

}  // namespace dbfleet::agent
