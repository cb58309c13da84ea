#pragma once

#include <optional>

#include "absl/status/statusor.h"

#include "common/sql/lint/config.h"
#include "common/sql/lint/snapshot.h"
#include "common/sql/model/finding.h"
#include "common/sql/report/report.h"
#include "controller/cli/sql_run.h"

namespace dbfleet::cli {

struct SqlThresholds {
  std::optional<sql::Severity> severity;  // The lowest that counts.
  bool destructive = false;
};

// All that the files are held against.
struct SqlPlan {
  sql::ReportOptions options;
  sql::LintConfig config;
  std::optional<sql::SchemaSnapshot> snapshot;
  SqlThresholds thresholds;
  bool show_secrets = false;
};

// Reads the arguments and the files that they name. INVALID_ARGUMENT with a reason where one says
// what cannot be, or contradicts another.
absl::StatusOr<SqlPlan> MakeSqlPlan(SqlTask task, const SqlArguments& arguments);

}  // namespace dbfleet::cli
