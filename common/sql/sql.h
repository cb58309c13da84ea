#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/finding.h"
#include "common/sql/model/position.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

// What statements are and what they may do: pure functions, no I/O. What is not fully understood is
// destructive. This is the entrance; a reader for each dialect stands in a folder of its own.
namespace dbfleet::sql {

// Cuts a script into statements (common/sql/text/split.h); Redis: one command per line.
// ActiveRecord: the calls that reach the database (common/sql/active_record/active_record.h).
absl::StatusOr<std::vector<Statement>> Split(const Target& target, absl::string_view script);

// Reads one statement. `text` with several statements is destructive.
//
// What names a place that holds credentials is destructive too, though it only reads: its rows
// would be kept and shown. `target.database` is where it runs, if known.
// Places in reasons count from `origin`, which is that of the text's first byte.
Reading Read(const Target& target, absl::string_view text, Position origin = {});
// The same for one that Split gave: places are those in its script; of a host language's, with what
// stands around it. Whoever reads a whole script takes ScriptReader (script_reader.h): a statement
// may change what those behind it do.
Reading Read(const Target& target, const Statement& statement);

// Its verdict alone; `database` as in the target.
Verdict Classify(const Target& target, absl::string_view text, absl::string_view database = "");

// The findings of the default rules; their severities are the defaults.
std::vector<Finding> Lint(const Target& target, const std::vector<Statement>& statements);

}  // namespace dbfleet::sql
