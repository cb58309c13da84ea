#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/report/pieces.h"
#include "common/sql/report/redact.h"

namespace dbfleet::sql {

// One statement of MySQL, MariaDB or PostgreSQL: see Redact.
Redacted RedactSql(const Target& target, absl::string_view text, size_t place);

// Whether the text is, or begins, a statement that shows no literals. A text that begins with no
// word of SQL's statements is none.
bool HidesLiterals(Dialect dialect, absl::string_view text);

// Whether the text begins with a word that begins statements.
bool IsSqlStatement(Dialect dialect, absl::string_view text);

}  // namespace dbfleet::sql
