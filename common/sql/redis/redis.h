#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/sql/model/statement.h"
#include "common/sql/model/verdict.h"

namespace dbfleet::sql {

// The arguments of one command line, with redis-cli's quoting: "..." with escapes, '...' with \'
// only. INVALID_ARGUMENT (BAD_SQL) for quotes that are not closed or touch the next argument.
absl::StatusOr<std::vector<std::string>> ParseRedisCommand(absl::string_view line);

// One command per line; lines that are empty or begin with "#" or "--" are comments.
absl::StatusOr<std::vector<Statement>> SplitRedis(absl::string_view script);

Verdict ClassifyRedis(absl::string_view text);

}  // namespace dbfleet::sql
