#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Cuts a script of MySQL, MariaDB or PostgreSQL that is in memory into statements: see
// statement_stream.h, by which longer ones are cut. BEGIN ... END bodies of MySQL are kept together
// only by DELIMITER. What is not closed is INVALID_ARGUMENT (BAD_SQL) with line and column, as are
// NUL bytes and those of psql's commands that run what is not in the script.
absl::StatusOr<std::vector<Statement>> SplitSql(const Target& target, absl::string_view script);

}  // namespace dbfleet::sql
