#pragma once

#include "common/sql/model/target.h"
#include "common/sql/model/verdict.h"
#include "common/sql/postgres/tree.h"

// What of a statement is code that nobody has looked at. It goes by the statement alone: what
// stands behind a table's name (triggers, rules, defaults, the types of its columns) is not seen.
namespace dbfleet::sql::pg {

struct CodeOfOthers {
  // What it may run when it is executed, or when the server plans whatever comes behind it: the
  // planner computes the parts of indexes, checks and partitions that are constant.
  UnknownCode runs = UnknownCode::kNone;
  // What it puts into a table, to be run for each new row.
  UnknownCode defines = UnknownCode::kNone;
};

CodeOfOthers CodeOfOthersIn(const Version& version, Node statement);

}  // namespace dbfleet::sql::pg
