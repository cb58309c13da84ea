#pragma once

#include <string>
#include <vector>

#include "common/sql/model/target.h"
#include "common/sql/model/verdict.h"
#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// Why a part of a statement does more than read. Empty: it reads and nothing else.
struct Objections {
  std::vector<std::string> reasons;  // The first few; all else is of the whole.
  Kind kind = Kind::kInspection;     // What the part turned out to be for.
  bool understood = true;            // No node was unknown...
  std::string doubt;                 // ... or which one was.
  bool has_effects = false;          // It calls what does more than read, or may.
  UnknownCode code = UnknownCode::kNone;

  bool empty() const { return reasons.empty(); }
};

// Looks at every node below `root`, in one pass and without recursion, for what is not on a white
// list: functions, types, operators, clauses. It goes by the statement alone: what a view, a rule,
// a user-defined operator with a built-in symbol, or a function that hides a built-in one behind
// the search_path does, only the read-only account and transaction stop (requirement S7).
//
// A limit: a function of one composite argument may be called like a column, as in `SELECT t.f FROM
// t` or `(row).f`, which only the catalogue can tell from a column. Such a call is not objected to;
// what holds it then is the read-only transaction that inspections run in.
//
// What stands around it may be a statement that changes rows; then what belongs to it is allowed as
// well.
enum class Around {
  kRead,     // A query.
  kAdded,    // An INSERT that only adds rows.
  kPlanned,  // INSERT, UPDATE, DELETE or MERGE, planned by EXPLAIN and not executed.
};
Objections CheckReads(const Version& version, Node root, Around around = Around::kRead);

}  // namespace dbfleet::sql::pg
