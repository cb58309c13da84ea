#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/lint/config.h"
#include "common/sql/lint/snapshot.h"

// The files that lint is given, read strictly: whatever is unknown or makes no sense is refused
// with its line and column, all of it in one error (INVALID_ARGUMENT, BAD_YAML or BAD_CONFIG).
// `source` names the input in errors.
namespace dbfleet {

// docs/reference/lint.md describes the file. `environment` decides among severities, letter case
// apart; "staging" is "qa". Where the file has severities by environment, one that it does not name
// and that is none of development, qa and production is refused.
absl::StatusOr<sql::LintConfig> ReadLintConfig(absl::string_view source, absl::string_view text,
                                               absl::string_view environment);

// docs/reference/schema-snapshot.md describes the file.
absl::StatusOr<sql::SchemaSnapshot> ReadSchemaSnapshot(absl::string_view source,
                                                       absl::string_view text);

}  // namespace dbfleet
