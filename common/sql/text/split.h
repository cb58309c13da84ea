#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Cuts a script of MySQL, MariaDB or PostgreSQL into statements. Knows quotes, dollar quotes
// (PostgreSQL), comments and nested comments, DELIMITER (MySQL/MariaDB), BEGIN ... END bodies only
// through DELIMITER. An unterminated quote, comment or dollar quote is INVALID_ARGUMENT (BAD_SQL)
// with line and column, as are NUL bytes and psql's backslash commands.
absl::StatusOr<std::vector<Statement>> SplitSql(Dialect dialect, absl::string_view script);

}  // namespace dbfleet::sql
