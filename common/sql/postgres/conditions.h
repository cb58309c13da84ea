#pragma once

#include <string>
#include <vector>

#include "common/sql/postgres/tree.h"

// What a condition looks like: facts for rules, never for the class.
namespace dbfleet::sql::pg {

// LIKE or ILIKE, also written as their operators (~~, ~~*) and before ANY and ALL, of a pattern
// that is known to begin with "%": '%x', '%' || $1, concat('%', $1), ARRAY['%x'].
bool SearchesInside(Node expression);

bool IsNull(Node node);  // The constant.

// Of "a NOT IN (1, NULL)", which is never true.
bool IsNotInWithNull(Node expression);

// The columns each of which the condition makes equal to one constant or parameter, joined by AND.
std::vector<std::string> PinnedColumns(Node where);

}  // namespace dbfleet::sql::pg
