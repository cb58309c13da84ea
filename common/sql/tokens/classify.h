#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/model/verdict.h"

namespace dbfleet::sql {

// Classifies one statement of MySQL, MariaDB or PostgreSQL by its tokens alone.
Verdict ClassifyTokens(Dialect dialect, absl::string_view text, absl::string_view database);

}  // namespace dbfleet::sql
