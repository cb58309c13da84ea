#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/reading.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// The arguments of one command line, with redis-cli's quoting: "..." with escapes, '...' with \'
// only. INVALID_ARGUMENT (BAD_SQL) for quotes that are not closed or touch the next argument.
absl::StatusOr<std::vector<std::string>> ParseRedisCommand(absl::string_view line);

// One command per line; lines that are empty or begin with "#" or "--" are comments.
absl::StatusOr<std::vector<Statement>> SplitRedis(absl::string_view script);

// Reads one command by the command table (command_table.h), which is Redis 7.0's: what the table
// does not know, or a wrong number of arguments, is destructive. Of the target nothing else counts.
//
// Limits: a server may have renamed a command (rename-command), and a module may add some; the
// table knows neither, and calls those destructive that it does not know. SORT_RO's BY and GET name
// keys by patterns: those are not among the uses.
//
// SETNX, MSETNX, HSETNX and SET ... NX only add (Verdict::adds_only): they change nothing that was
// there. Adding to a list, set or stream is not among them: it changes a key that exists.
Reading ReadRedis(const Target& target, absl::string_view text);

}  // namespace dbfleet::sql
