#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

namespace dbfleet::sql {

// By its name, in any case; of PostgreSQL with any punctuation inside, as the server reads it.
// What is not known counts as the worst.
CharsetRisk RiskOfCharset(Dialect dialect, absl::string_view name);

// INVALID_ARGUMENT (BAD_CHARSET) for a name that is no character set of clients of that server: a
// misspelt one would say something about statements that nobody meant.
absl::StatusOr<CharsetRisk> ParseCharset(Dialect dialect, absl::string_view name);

}  // namespace dbfleet::sql
